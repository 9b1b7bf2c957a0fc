/*
 * From paths to a set of rules: first every file's tree, then all lists and macros, then the rules,
 * which may use those of any file.
 */
#include "rules/rule.h"

#include "rules/change.h"
#include "rules/condition.h"
#include "rules/rule_read.h"
#include "rules/trial.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_MAX_LEN = 4096 };

struct rules {
    struct arena arena;
    struct rule *items; /* in the arena */
    size_t count;
    struct trial **trials; /* in the arena */
    size_t trials_count;
    const uint64_t *gave_up;       /* in the arena; NULL without patterns */
    const char *const *list_files; /* in the arena */
    size_t list_files_count;
};

struct loader {
    struct rules *rules;
    struct problems *problems;
    struct yaml *files[RULE_FILES_MAX];
    size_t files_count;
    struct position at[RULES_MAX]; /* of each rule's id */
    struct arena passing;          /* gone with the files */
    struct vocabulary vocabulary;
    struct changes changes;
};

static void file_keep(struct loader *l, struct yaml *y)
{
    if (y)
        l->files[l->files_count++] = y;
}

static bool has_room(struct loader *l, const char *path)
{
    if (l->files_count < RULE_FILES_MAX)
        return true;
    problems_add(l->problems, (struct position){path, 0, 0}, "more than %d rule files",
                 RULE_FILES_MAX);
    return false;
}

static int is_rule_file(const struct dirent *entry)
{
    struct bytes name = bytes_of(entry->d_name);
    return name.data[0] != '.' && name.len > 5 &&
           bytes_are(bytes_from(name, name.len - 5), ".yaml");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void read_folder(struct loader *l, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_rule_file, by_name);
    if (count < 0)
        problems_add(l->problems, (struct position){path, 0, 0}, "%s", strerror(errno));
    if (count == 0)
        problems_add(l->problems, (struct position){path, 0, 0}, "no *.yaml in this folder");
    for (int i = 0; i < count; i++) {
        char file[PATH_MAX_LEN];
        int len = snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
        if (len < (int)sizeof(file) && has_room(l, file))
            file_keep(l, yaml_read_file(file, l->problems));
        free(entries[i]);
    }
    free(entries);
}

static void read_path(struct loader *l, const char *path)
{
    struct stat what;
    if (stat(path, &what) != 0)
        problems_add(l->problems, (struct position){path, 0, 0}, "%s", strerror(errno));
    else if (S_ISDIR(what.st_mode))
        read_folder(l, path);
    else if (has_room(l, path))
        file_keep(l, yaml_read_file(path, l->problems));
}

/* The sections of each file that concern all of them. */
static void read_words(struct loader *l)
{
    static const char *const keys[] = {"lists", "macros", "rules", "change", "tests", NULL};
    for (size_t i = 0; i < l->files_count; i++) {
        const struct yaml_node *root = yaml_root(l->files[i]);
        if (!yaml_expect(root, YAML_MAPPING, "a rule file", l->problems))
            continue;
        (void)yaml_check_keys(root, keys, "a rule file", l->problems);
        const struct yaml_node *lists = yaml_get(root, "lists");
        const struct yaml_node *macros = yaml_get(root, "macros");
        if (lists)
            vocabulary_read_lists(&l->vocabulary, lists);
        const struct yaml_node *change = yaml_get(root, "change");
        if (macros)
            vocabulary_read_macros(&l->vocabulary, macros);
        if (change)
            changes_read(&l->changes, change, l->problems);
    }
    condition_check_macros(&l->vocabulary);
}

static size_t count_rules(const struct loader *l)
{
    size_t count = 0;
    for (size_t i = 0; i < l->files_count; i++) {
        const struct yaml_node *list = yaml_get(yaml_root(l->files[i]), "rules");
        count += list && list->kind == YAML_SEQUENCE ? list->count : 0;
    }
    return count;
}

static void check_id(struct loader *l, size_t at)
{
    const struct rule *rule = &l->rules->items[at];
    for (size_t i = 0; i < at && rule->id; i++) {
        const struct position *first = &l->at[i];
        if (!l->rules->items[i].id || strcmp(l->rules->items[i].id, rule->id) != 0)
            continue;
        problems_add(l->problems, l->at[at], "the id '%s' is taken: %s:%u:%u", rule->id,
                     first->file, first->line, first->column);
        return;
    }
}

/* A place whose file's name outlives the file. */
static struct position place_kept(struct loader *l, struct position at)
{
    at.file = (const char *)arena_copy(&l->rules->arena, bytes_of(at.file)).data;
    return at;
}

/* One rule with its changes. */
static void read_one(struct loader *l, struct rule *rule, const struct yaml_node *node)
{
    const struct yaml_node *whole = changes_apply(&l->changes, node, &l->rules->arena);
    if (!whole)
        return; /* the arena failed, which is told at the end */
    rule_read(rule, whole, &l->vocabulary);
    rule->defined = place_kept(l, node->at);
    if (!rule->id)
        return;
    rule->changes_count =
        changes_of(&l->changes, bytes_of(rule->id), rule->changed, RULE_CHANGES_MAX);
    for (size_t i = 0; i < rule->changes_count && i < RULE_CHANGES_MAX; i++)
        rule->changed[i] = place_kept(l, rule->changed[i]);
}

static void check_changes(struct loader *l)
{
    const char *ids[RULES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < l->rules->count; i++) {
        if (l->rules->items[i].id)
            ids[count++] = l->rules->items[i].id;
    }
    changes_check(&l->changes, l->problems, ids, count);
}

static void read_rules_of(struct loader *l, const struct yaml_node *list)
{
    if (yaml_is_nothing(list) || !yaml_expect(list, YAML_SEQUENCE, "'rules'", l->problems))
        return;
    for (size_t i = 0; i < list->count; i++) {
        const struct yaml_node *node = list->items[i].value, *id = yaml_get(node, "id");
        size_t at = l->rules->count++;
        l->at[at] = id ? id->at : node->at;
        read_one(l, &l->rules->items[at], node);
        check_id(l, at);
    }
}

static void read_rules(struct loader *l)
{
    size_t count = count_rules(l);
    if (count > RULES_MAX) {
        problems_add(l->problems, yaml_root(l->files[l->files_count - 1])->at,
                     "%zu rules in all; no more than %d", count, RULES_MAX);
        return;
    }
    l->rules->items = arena_take(&l->rules->arena, (count + 1) * sizeof(struct rule));
    for (size_t i = 0; i < l->files_count && l->rules->items; i++) {
        const struct yaml_node *list = yaml_get(yaml_root(l->files[i]), "rules");
        if (list)
            read_rules_of(l, list);
    }
    check_changes(l);
}

static void read_trials(struct loader *l)
{
    struct rules *r = l->rules;
    for (size_t i = 0; i < l->files_count; i++) {
        const struct yaml_node *tests = yaml_get(yaml_root(l->files[i]), "tests");
        if (tests && !r->trials)
            r->trials = arena_take(&r->arena, TRIALS_MAX * sizeof(struct trial *));
        if (tests && r->trials)
            trials_read(r->trials, &r->trials_count, &l->vocabulary, tests);
    }
    trials_check(r->trials, r->trials_count, r, l->problems);
}

/* Compiles what was read and lets go of the files; NULL where there was any problem. */
static struct rules *loader_finish(struct loader *l, size_t problems_before)
{
    struct rules *r = l->rules;
    read_words(l);
    read_rules(l);
    read_trials(l);
    r->gave_up = l->vocabulary.gave_up;
    r->list_files = l->vocabulary.files;
    r->list_files_count = l->vocabulary.files_count;
    if (l->passing.failed)
        r->arena.failed = true;
    if (r->arena.failed)
        problems_add(l->problems, (struct position){"rules", 0, 0}, "no memory");
    bool is_good = l->problems->count == problems_before;
    for (size_t i = 0; i < l->files_count; i++)
        yaml_close(l->files[i]);
    arena_clear(&l->passing);
    free(l);
    if (is_good)
        return r;
    rules_close(r);
    return NULL;
}

static struct loader *loader_open(struct problems *problems)
{
    struct rules *r = calloc(1, sizeof(*r));
    struct loader *l = calloc(1, sizeof(*l));
    if (!r || !l) {
        free(r);
        free(l);
        problems_add(problems, (struct position){"rules", 0, 0}, "no memory");
        return NULL;
    }
    l->rules = r;
    l->problems = problems;
    l->vocabulary.arena = &r->arena;
    l->vocabulary.problems = problems;
    return l;
}

struct rules *rules_load(const char *const *paths, size_t count, struct problems *problems)
{
    return rules_load_in(NULL, NULL, paths, count, problems);
}

struct rules *rules_load_in(const struct zone *zone, const struct honey_names *honey,
                            const char *const *paths, size_t count, struct problems *problems)
{
    size_t before = problems->count;
    struct loader *l = loader_open(problems);
    if (!l)
        return NULL;
    l->vocabulary.zone = zone;
    l->vocabulary.honey = honey;
    l->vocabulary.passing = &l->passing;
    for (size_t i = 0; i < count; i++)
        read_path(l, paths[i]);
    return loader_finish(l, before);
}

struct rules *rules_load_text(const char *name, struct bytes text, struct problems *problems)
{
    size_t before = problems->count;
    struct loader *l = loader_open(problems);
    if (!l)
        return NULL;
    file_keep(l, yaml_read_text(name, text, problems));
    return loader_finish(l, before);
}

struct rules *rules_alone(const struct rule *rule)
{
    struct rules *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->items = arena_take(&r->arena, sizeof(*r->items));
    if (!r->items) {
        rules_close(r);
        return NULL;
    }
    *r->items = *rule;
    r->count = 1;
    return r;
}

void rules_close(struct rules *r)
{
    if (!r)
        return;
    arena_clear(&r->arena);
    free(r);
}

uint64_t rules_undecided(const struct rules *r)
{
    return r->gave_up ? *r->gave_up : 0;
}

size_t rules_count(const struct rules *r)
{
    return r->count;
}

size_t rules_on(const struct rules *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++)
        count += r->items[i].is_enabled;
    return count;
}

struct trial *const *rules_trials(const struct rules *r, size_t *count)
{
    *count = r->trials_count;
    return r->trials;
}

const char *const *rules_list_files(const struct rules *r, size_t *count)
{
    *count = r->list_files_count;
    return r->list_files;
}

const struct rule *rules_at(const struct rules *r, size_t i)
{
    return &r->items[i];
}

static field_set fields_of(const struct expression *e)
{
    field_set fields = e->required;
    for (unsigned i = 0; i < e->count; i++) {
        const struct test *t = &e->tests[i];
        fields |= FIELD_BIT(t->field);
        if (t->kind == TEST_TEXT_IN_FIELD)
            fields |= FIELD_BIT(t->in_field);
    }
    return fields;
}

static field_set measure_fields(const struct measure *m)
{
    return m->kind == MEASURE_SHARE && m->part ? fields_of(m->part) : 0;
}

field_set rule_fields(const struct rule *rule)
{
    field_set fields =
        fields_of(&rule->when) | fields_of(&rule->before.when) | fields_of(&rule->follows.when);
    if (rule->trigger == TRIGGER_ABOVE || rule->trigger == TRIGGER_UNUSUAL ||
        rule->trigger == TRIGGER_DRIFT)
        fields |= measure_fields(&rule->measure);
    if (rule->trigger == TRIGGER_TRAVEL)
        fields |=
            FIELD_BIT(FIELD_CLIENT_GEO_CITY_NAME) | FIELD_BIT(FIELD_CLIENT_GEO_COUNTRY_ISO_CODE);
    for (size_t i = 0; i < rule->steps_count; i++)
        fields |= fields_of(&rule->steps[i].when) | measure_fields(&rule->steps[i].measure);
    for (size_t i = 0; i < rule->exceptions_count; i++)
        fields |= fields_of(&rule->exceptions[i].when);
    return fields;
}
