/*
 * The shipped rules are looked for beside the program: installed (../share/seepwatch/rules), or in
 * the tree that it was built in (../../rules).
 */
#define _GNU_SOURCE /* asprintf */
#include "commands/load.h"

#include "rules/problems.h"
#include "rules/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of the shipped rules, to be freed; NULL where there is none. */
static char *shipped_rules(void)
{
    static const char *const places[] = {"../share/seepwatch/rules", "../../rules"};
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
    if (len <= 0)
        return NULL;
    program[len] = '\0';
    *strrchr(program, '/') = '\0';
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char *path;
        struct stat info;
        if (asprintf(&path, "%s/%s", program, places[i]) < 0)
            return NULL;
        if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            return path;
        free(path);
    }
    return NULL;
}

static bool load_rules(struct loaded *l, const struct options *o, struct problems *problems,
                       struct error *error)
{
    for (size_t i = 0; i < o->rules.count; i++)
        l->rule_paths[l->rule_paths_count++] = o->rules.items[i];
    if (l->rule_paths_count == 0 && (l->shipped = shipped_rules()))
        l->rule_paths[l->rule_paths_count++] = l->shipped;
    if (l->rule_paths_count == 0)
        return error_set(error, ERROR_USAGE,
                         "the shipped rules are not beside the program: name yours with --rules");
    l->rules = rules_load_in(l->config.zone, l->rule_paths, l->rule_paths_count, problems);
    return true;
}

struct rules *load_rules_again(const struct loaded *l, struct error *error)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    if (!problems) {
        (void)error_set(error, ERROR_WORK, "no memory");
        return NULL;
    }
    struct rules *rules =
        rules_load_in(l->config.zone, l->rule_paths, l->rule_paths_count, problems);
    if (!rules)
        (void)problems_error(problems, error);
    free(problems);
    return rules;
}

static bool load_geo(struct loaded *l, const struct options *o, struct error *error)
{
    for (size_t i = 0; i < o->geo.count; i++) {
        if (!config_add_geo(&l->config, o->geo.items[i]))
            return error_set(error, ERROR_USAGE, "%s: more than %d databases", o->geo.items[i],
                             GEO_FILES_MAX);
    }
    struct geo *geo = NULL;
    bool is_good =
        l->config.geo_count == 0 || geo_open(&geo, l->config.geo_paths, l->config.geo_count, error);
    if (is_good)
        geo_close(geo);
    return is_good;
}

bool load(struct loaded *l, const struct options *o, struct error *error)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    if (!problems)
        return error_set(error, ERROR_WORK, "no memory");
    (void)config_load(&l->config, o->config, problems);
    bool is_good = load_rules(l, o, problems, error);
    if (is_good && problems->count > 0)
        is_good = problems_error(problems, error);
    free(problems);
    return is_good && load_geo(l, o, error);
}

void loaded_clear(struct loaded *l)
{
    rules_close(l->rules);
    free(l->shipped);
    config_clear(&l->config);
}
