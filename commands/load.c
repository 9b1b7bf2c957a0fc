/*
 * The shipped rules are looked for beside the program: installed (../share/seepwatch/rules), or in
 * the tree that it was built in (../../rules).
 */
#define _GNU_SOURCE /* asprintf */
#include "commands/load.h"

#include "commands/folder.h"
#include "rules/honey.h"
#include "rules/problems.h"
#include "rules/rule.h"
#include "subjects/site_key.h"

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

/* A list's "msisdn: +46 70 123 45 67", or the number alone. */
static size_t honey_ids(const void *subjects, struct bytes text, uint64_t *ids)
{
    _Static_assert((int)SUBJECTS_IDS_MAX <= (int)HONEY_IDS_OF_ONE, "room for all that one may be");
    size_t colon = bytes_index(text, ':');
    enum subject_kind kind = subject_kind_find(bytes_trim(bytes_first(text, colon)));
    if (kind != SUBJECT_NONE)
        text = bytes_trim(bytes_from(text, colon + 1));
    return subjects_ids(subjects, kind, text, ids);
}

static struct rules *load_rule_files(const struct loaded *l, struct problems *problems)
{
    const struct honey_names honey = {honey_ids, l->config.settings.subjects};
    return rules_load_in(l->config.zone, l->config.settings.subjects ? &honey : NULL, l->rule_paths,
                         l->rule_paths_count, problems);
}

bool load_honey(const struct loaded *l, const struct rules *rules)
{
    size_t count;
    uint64_t *ids = rules_honey(rules, &count);
    bool is_good =
        (ids || count == 0) && subjects_honey_publish(l->config.settings.subjects, ids, count);
    free(ids);
    return is_good;
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
    l->rules = load_rule_files(l, problems);
    return true;
}

struct rules *load_rules_again(const struct loaded *l, struct error *error)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    if (!problems) {
        (void)error_set(error, ERROR_WORK, "no memory");
        return NULL;
    }
    struct rules *rules = load_rule_files(l, problems);
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

/* The file of the site's key: the configuration's, or in the folder of the state; to be freed, NULL
 * where there is no place for one. */
static char *key_path(const struct loaded *l, const struct options *o)
{
    char folder[PATH_MAX], *path = NULL;
    if (l->config.subject_key)
        return strdup(l->config.subject_key);
    if (!o->state)
        return NULL;
    folder_of(o->state, folder);
    return asprintf(&path, "%s/subject.key", folder) < 0 ? NULL : path;
}

/* Ids of customers last as long as the key: one that is kept is of all runs. */
static bool load_key(struct loaded *l, const struct options *o, struct error *error)
{
    struct subjects *s = l->config.settings.subjects;
    bool is_run = o->command == COMMAND_WATCH || o->command == COMMAND_REPLAY;
    if (!s)
        return true; /* the configuration could not be read */
    if (o->command == COMMAND_SURVEY)
        s->scope = SUBJECTS_NOWHERE;
    if (is_run && s->scope != SUBJECTS_NOWHERE && !(s->recogniser = recogniser_open()))
        return error_set(error, ERROR_WORK,
                         "this processor cannot look for customers in text: say scan: off in the "
                         "configuration's section subject");
    l->key_path = key_path(l, o);
    if (!l->key_path || (!is_run && access(l->key_path, F_OK) != 0))
        return site_key_random(s, error);
    return site_key_read(s, l->key_path, is_run, &l->is_key_new, error);
}

void load_tell_key(const struct loaded *l, bool is_live)
{
    if (l->is_key_new)
        (void)fprintf(stderr,
                      "seepwatch: note: %s is the site key now: keep it, and keep it secret\n",
                      l->key_path);
    if (!l->key_path && is_live)
        (void)fputs("seepwatch: note: no place is named for a site key: the ids of customers are "
                    "of this run alone (subject.key in the configuration, or --state)\n",
                    stderr);
}

bool load(struct loaded *l, const struct options *o, struct error *error)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    if (!problems)
        return error_set(error, ERROR_WORK, "no memory");
    (void)config_load(&l->config, o->config, problems);
    bool is_good = load_key(l, o, error) && load_rules(l, o, problems, error);
    if (is_good && problems->count > 0)
        is_good = problems_error(problems, error);
    free(problems);
    if (is_good && !load_honey(l, l->rules))
        return error_set(error, ERROR_WORK, "no memory");
    return is_good && load_geo(l, o, error);
}

void loaded_clear(struct loaded *l)
{
    rules_close(l->rules);
    free(l->shipped);
    free(l->key_path);
    config_clear(&l->config);
}
