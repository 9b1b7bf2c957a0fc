#define _GNU_SOURCE /* asprintf */
#include "config_subjects.h"

#include "rules/problems.h"
#include "rules/quantity.h"
#include "rules/yaml.h"

#include <stdio.h>
#include <stdlib.h>

#define RATE_MAX (UINT64_C(1) << 40)

/* A kind by its name, or "none"; false, and told, where it is neither. */
static bool read_kind(enum subject_kind *kind, bool may_be_none, const struct yaml_node *n,
                      struct problems *problems)
{
    struct nearest nearest;
    *kind = n->kind == YAML_SCALAR ? subject_kind_find(n->text) : SUBJECT_NONE;
    if (*kind != SUBJECT_NONE || (may_be_none && bytes_are(n->text, "none")))
        return true;
    nearest_to(&nearest, n->text);
    for (unsigned k = SUBJECT_NONE + 1; k < SUBJECT_KINDS_COUNT; k++)
        nearest_try(&nearest, bytes_of(SUBJECT_KIND_NAMES[k]));
    problems_add(problems, n->at, "unknown kind of identifier '%.*s'%s", (int)n->text.len,
                 (const char *)n->text.data, nearest_hint(&nearest));
    return false;
}

static bool has_kind(const enum subject_kind *kinds, size_t count, enum subject_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        if (kinds[i] == kind)
            return true;
    }
    return false;
}

static void read_kinds(struct subjects *s, const struct yaml_node *n, struct problems *problems)
{
    enum subject_kind kinds[SUBJECT_KINDS_COUNT], kind;
    size_t count = 0;
    if (!yaml_expect(n, YAML_SEQUENCE, "kinds", problems))
        return;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *value = n->items[i].value;
        if (!read_kind(&kind, false, value, problems))
            continue;
        if (has_kind(kinds, count, kind))
            problems_add(problems, value->at, "%s stands here twice", SUBJECT_KIND_NAMES[kind]);
        else
            kinds[count++] = kind;
    }
    subjects_order(s, kinds, count);
}

static void add_name(struct subjects *s, enum subject_kind kind, const struct yaml_node *n,
                     struct problems *problems)
{
    if (n->kind != YAML_SCALAR || !names_add(s->names, n->text, kind))
        problems_add(problems, n->at,
                     "not a name of 1 to %d bytes ('*' is any text), or more than %d names or %d "
                     "with '*'",
                     NAME_MAX_LEN, NAMES_OWN_MAX, NAMES_GLOBS_MAX);
}

static void add_pattern(struct subjects *s, enum subject_kind kind, const struct yaml_node *n,
                        struct problems *problems)
{
    if (n->kind != YAML_SCALAR || !key_patterns_add(&s->patterns, n->text, kind))
        problems_add(problems, n->at,
                     "not a pattern of a key: write customer:{id} or *:{id}:profile, at most %d "
                     "bytes each and %d of them",
                     KEY_PATTERN_MAX, KEY_PATTERNS_MAX);
}

/* {kind: [text, ...], ...} */
static void read_by_kind(struct subjects *s, const char *name, bool may_be_none,
                         const struct yaml_node *n, struct problems *problems,
                         void (*add)(struct subjects *s, enum subject_kind kind,
                                     const struct yaml_node *n, struct problems *problems))
{
    enum subject_kind kind;
    if (!yaml_expect(n, YAML_MAPPING, name, problems))
        return;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *list = n->items[i].value;
        if (!read_kind(&kind, may_be_none, n->items[i].key, problems) ||
            !yaml_expect(list, YAML_SEQUENCE, name, problems))
            continue;
        for (size_t k = 0; k < list->count; k++)
            add(s, kind, list->items[k].value, problems);
    }
}

static void read_countries(struct subjects *s, const struct yaml_node *n, struct problems *problems)
{
    if (!yaml_expect(n, YAML_SEQUENCE, "countries", problems))
        return;
    s->countries.count = 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *value = n->items[i].value;
        struct nearest nearest;
        if (value->kind == YAML_SCALAR && countries_add(&s->countries, value->text))
            continue;
        nearest_to(&nearest, value->text);
        for (size_t k = 0; country_code(k); k++)
            nearest_try(&nearest, bytes_of(country_code(k)));
        problems_add(problems, value->at,
                     "'%.*s' is no country whose numbers are known, stands here twice, or is one "
                     "of more than %d%s",
                     (int)value->text.len, (const char *)value->text.data, COUNTRIES_MAX,
                     nearest_hint(&nearest));
    }
}

static void read_scan(struct subjects *s, const struct yaml_node *n, struct problems *problems)
{
    static const char *const scopes[] = {[SUBJECTS_NOWHERE] = "off",
                                         [SUBJECTS_IN_REQUESTS] = "requests",
                                         [SUBJECTS_EVERYWHERE] = "answers"};
    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        if (n->kind == YAML_SCALAR && bytes_are(n->text, scopes[i])) {
            s->scope = (uint8_t)i;
            return;
        }
    }
    problems_add(problems, n->at, "scan is off, requests, or answers (and requests)");
}

static void read_rate(struct subjects *s, const struct yaml_node *n, struct problems *problems)
{
    uint64_t value;
    if (n->kind == YAML_SCALAR &&
        quantity_parse(&value, n->text, QUANTITY_BYTES) == QUANTITY_GOOD && value > 0 &&
        value <= RATE_MAX)
        s->rate_max = value;
    else
        problems_add(problems, n->at,
                     "not a rate: bytes a second, with KiB, MiB or GiB, such as 50MiB");
}

static void read_key(char **key, const char *config_path, const struct yaml_node *n,
                     struct problems *problems)
{
    const char *slash = strrchr(config_path, '/');
    int folder_len = slash ? (int)(slash - config_path + 1) : 0;
    if (n->kind != YAML_SCALAR || n->text.len == 0) {
        problems_add(problems, n->at, "not a file name");
        return;
    }
    bool is_absolute = n->text.data[0] == '/';
    free(*key);
    if (asprintf(key, "%.*s%.*s", is_absolute ? 0 : folder_len, config_path, (int)n->text.len,
                 (const char *)n->text.data) >= 0)
        return;
    *key = NULL;
    problems_add(problems, n->at, "no memory");
}

/* A list alone: columns and fields that name customers.  What is known keeps its kind, and their
 * kinds come first in the order, as they stand there. */
static void read_list(struct subjects *s, const struct yaml_node *n, struct problems *problems)
{
    enum subject_kind kinds[SUBJECT_KINDS_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *value = n->items[i].value;
        enum subject_kind kind =
            value->kind == YAML_SCALAR ? names_find(s->names, value->text) : SUBJECT_NONE;
        if (kind == SUBJECT_NONE)
            add_name(s, kind = SUBJECT_CUSTOMER, value, problems);
        if (!has_kind(kinds, count, kind))
            kinds[count++] = kind;
    }
    for (unsigned kind = SUBJECT_NONE + 1; kind < SUBJECT_KINDS_COUNT; kind++) {
        if (!has_kind(kinds, count, (enum subject_kind)kind))
            kinds[count++] = (enum subject_kind)kind;
    }
    subjects_order(s, kinds, count);
}

void config_read_subjects(struct subjects *s, char **key, const char *config_path,
                          const struct yaml_node *n, struct problems *problems)
{
    static const char *const keys[] = {"countries", "key",  "keys", "kinds",
                                       "names",     "rate", "scan", NULL};
    const struct yaml_node *value;
    if (n->kind == YAML_SEQUENCE) {
        read_list(s, n, problems);
        return;
    }
    if (!yaml_expect(n, YAML_MAPPING, "subject", problems))
        return;
    (void)yaml_check_keys(n, keys, "subject", problems);
    if ((value = yaml_get(n, "countries")))
        read_countries(s, value, problems);
    if ((value = yaml_get(n, "key")))
        read_key(key, config_path, value, problems);
    if ((value = yaml_get(n, "keys")))
        read_by_kind(s, "keys", false, value, problems, add_pattern);
    if ((value = yaml_get(n, "kinds")))
        read_kinds(s, value, problems);
    if ((value = yaml_get(n, "names")))
        read_by_kind(s, "names", true, value, problems, add_name);
    if ((value = yaml_get(n, "rate")))
        read_rate(s, value, problems);
    if ((value = yaml_get(n, "scan")))
        read_scan(s, value, problems);
}
