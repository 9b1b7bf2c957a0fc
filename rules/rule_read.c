/*
 * The keys of a rule.  Each is read on its own, so that one run reports the mistakes of all.
 */
#include "rules/rule_read.h"

#include "core/clock.h"
#include "rules/condition.h"
#include "rules/quantity.h"
#include "rules/records.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_NS (86400 * CLOCK_SECOND_NS)

static const int64_t over_min_ns = CLOCK_SECOND_NS, over_max_ns = 365 * DAY_NS;
static const int64_t quiet_min_ns = 3600 * CLOCK_SECOND_NS;
static const int64_t learn_ns = 14 * DAY_NS, forget_ns = 365 * DAY_NS,
                     forget_max_ns = 3650 * DAY_NS;

const char *const SEVERITY_NAMES[] = {"info", "low", "medium", "high", "critical", NULL};

struct reader {
    struct vocabulary *v;
    const struct yaml_node *node;
    struct rule *rule;
};

static void problem(const struct reader *r, const struct yaml_node *at, const char *what)
{
    problems_add(r->v->problems, at->at, "%s", what);
}

/* The scalar under a key; NULL where it is missing, which is reported where it is needed. */
static const struct yaml_node *scalar(const struct reader *r, const char *key, bool is_needed)
{
    const struct yaml_node *n = yaml_get(r->node, key);
    char what[64];
    (void)snprintf(what, sizeof(what), "'%s'", key);
    if (n && !yaml_expect(n, YAML_SCALAR, what, r->v->problems))
        return NULL;
    if (n && yaml_is_nothing(n)) {
        problems_add(r->v->problems, n->at, "%s has no value", what);
        return NULL;
    }
    if (!n && is_needed)
        problems_add(r->v->problems, r->node->at, "this rule has no %s", what);
    return n;
}

/* A scalar's text of at most max bytes, kept; NULL where there is none. */
static const char *text(const struct reader *r, const char *key, const struct yaml_node *n,
                        size_t max)
{
    if (!n)
        return NULL;
    if (n->text.len > max)
        problems_add(r->v->problems, n->at, "'%s' is longer than %zu bytes", key, max);
    return (const char *)arena_copy(r->v->arena, bytes_trim(n->text)).data;
}

/* The index of a word; the first where it is none of them, which is reported. */
static unsigned choice(const struct reader *r, const char *key, const struct yaml_node *n,
                       const char *const *words)
{
    struct nearest nearest;
    char all[96];
    struct text t = text_over(all, sizeof(all));
    nearest_to(&nearest, n->text);
    for (unsigned i = 0; words[i]; i++) {
        if (bytes_are(n->text, words[i]))
            return i;
        nearest_try(&nearest, bytes_of(words[i]));
        text_add(&t, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    problems_add(r->v->problems, n->at, "'%.*s' is none of %s's words (%s)%s",
                 (int)bytes_first(n->text, NEAREST_WORD_MAX).len, (const char *)n->text.data, key,
                 all, nearest_hint(&nearest));
    return 0;
}

static void read_id(const struct reader *r)
{
    const struct yaml_node *n = scalar(r, "id", true);
    r->rule->id = text(r, "id", n, RULE_ID_MAX);
    for (size_t i = 0; n && i < n->text.len; i++) {
        uint8_t c = n->text.data[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-')
            continue;
        problem(r, n, "an id consists of letters, digits and '-'");
        return;
    }
}

static bool are_digits(struct bytes b, size_t len)
{
    uint64_t number;
    return b.len == len && bytes_number(b, &number);
}

/* "T1213" or "T1110.003" */
static void read_technique(const struct reader *r)
{
    const struct yaml_node *n = scalar(r, "technique", false);
    if (!n)
        return;
    size_t dot = bytes_index(n->text, '.');
    bool is_good =
        bytes_start(n->text, "T") && are_digits(bytes_from(bytes_first(n->text, dot), 1), 4);
    if (dot < n->text.len)
        is_good = is_good && are_digits(bytes_from(n->text, dot + 1), 3);
    if (!is_good)
        problem(r, n, "a technique of MITRE ATT&CK is written T1213 or T1110.003");
    r->rule->technique = text(r, "technique", n, RULE_ID_MAX);
}

static void read_labels(const struct reader *r)
{
    static const char *const booleans[] = {"true", "false", NULL};
    const struct yaml_node *severity = scalar(r, "severity", true);
    const struct yaml_node *enabled = scalar(r, "enabled", false);
    read_id(r);
    read_technique(r);
    r->rule->name = text(r, "name", scalar(r, "name", true), RULE_NAME_MAX);
    r->rule->note = text(r, "note", scalar(r, "note", false), RULE_NOTE_MAX);
    r->rule->is_enabled = true;
    if (severity)
        r->rule->severity = (enum severity)choice(r, "severity", severity, SEVERITY_NAMES);
    if (enabled)
        r->rule->is_enabled = choice(r, "enabled", enabled, booleans) == 0;
}

static void read_when(const struct reader *r)
{
    r->rule->when.actions = EXPRESSION_ACTIONS_ALL;
    const struct yaml_node *n = scalar(r, "when", false);
    const struct condition *c = n ? condition_parse(r->v, n) : NULL;
    if (c && !condition_compile(&r->rule->when, c, r->v))
        problem(r, n, "no memory");
}

/* A field named at an offset of a scalar; FIELDS_COUNT and a problem where there is none. */
static enum field read_field(const struct reader *r, const struct yaml_node *n, struct bytes name,
                             size_t offset)
{
    enum field f = field_find(name);
    if (f != FIELDS_COUNT)
        return f;
    struct nearest nearest;
    nearest_to(&nearest, name);
    for (unsigned i = 0; i < FIELDS_COUNT; i++)
        nearest_try(&nearest, bytes_of(FIELDS[i].name));
    problems_add(r->v->problems, yaml_position(n, offset), "no field is called '%.*s'%s",
                 (int)bytes_first(name, NEAREST_WORD_MAX).len, (const char *)name.data,
                 nearest_hint(&nearest));
    return FIELDS_COUNT;
}

/* What a key can be made of: one value that stays the same from request to request. */
static bool is_identity(enum field f)
{
    enum field_type type = FIELDS[f].type;
    return !FIELDS[f].unit && type != FIELD_TYPE_TIME && type != FIELD_TYPE_TEXTS &&
           type != FIELD_TYPE_PLACE;
}

static void add_by(const struct reader *r, const struct yaml_node *n)
{
    struct rule *rule = r->rule;
    if (!yaml_expect(n, YAML_SCALAR, "a field of 'by'", r->v->problems))
        return;
    enum field f = read_field(r, n, n->text, 0);
    if (f == FIELDS_COUNT)
        return;
    if (!is_identity(f)) {
        problems_add(r->v->problems, n->at,
                     "%s cannot be counted by: 'by' takes fields with one value that names "
                     "something, such as user.name",
                     FIELDS[f].name);
        return;
    }
    size_t at = 0;
    while (at < rule->by_count && rule->by[at] < f)
        at++;
    if (at < rule->by_count && rule->by[at] == f) {
        problems_add(r->v->problems, n->at, "%s stands in 'by' twice", FIELDS[f].name);
        return;
    }
    if (rule->by_count == RULE_BY_MAX) {
        problems_add(r->v->problems, n->at, "more than %d fields in 'by'", RULE_BY_MAX);
        return;
    }
    for (size_t i = rule->by_count++; i > at; i--)
        rule->by[i] = rule->by[i - 1];
    rule->by[at] = f;
    rule->when.required |= FIELD_BIT(f);
}

static void read_by(const struct reader *r)
{
    const struct yaml_node *n = yaml_get(r->node, "by");
    if (!n)
        return; /* records_settle knows whether it is needed */
    if (n->kind == YAML_SCALAR)
        add_by(r, n);
    else if (n->kind == YAML_MAPPING || n->count == 0)
        problem(r, n, "'by' must be a field or a list of fields");
    else
        for (size_t i = 0; i < n->count; i++)
            add_by(r, n->items[i].value);
}

/* A duration between two bounds; `otherwise` where the key is missing. */
static int64_t duration(const struct reader *r, const char *key, int64_t otherwise, int64_t min,
                        int64_t max)
{
    const struct yaml_node *n = scalar(r, key, otherwise < 0);
    uint64_t ns = 0;
    if (!n)
        return otherwise;
    enum quantity_status status = quantity_parse(&ns, n->text, QUANTITY_TIME);
    if (status != QUANTITY_GOOD)
        problems_add(r->v->problems, n->at, "'%s': %s", key,
                     quantity_advice(status, QUANTITY_TIME));
    else if (ns < (uint64_t)min || ns > (uint64_t)max)
        problems_add(r->v->problems, n->at, "'%s' must be from %" PRId64 "s to %" PRId64 "d", key,
                     min / CLOCK_SECOND_NS, max / DAY_NS);
    return (int64_t)ns;
}

static bool measures(enum measure_kind kind, enum field f)
{
    if (kind == MEASURE_DISTINCT)
        return FIELDS[f].type != FIELD_TYPE_PLACE && FIELDS[f].type != FIELD_TYPE_TIME;
    return (FIELDS[f].type == FIELD_TYPE_UNSIGNED || FIELDS[f].type == FIELD_TYPE_SHARE) &&
           FIELDS[f].unit;
}

static void read_measured(const struct reader *r, const struct yaml_node *n, size_t open)
{
    struct measure *m = &r->rule->measure;
    struct bytes inside = bytes_from(bytes_first(n->text, n->text.len - 1), open + 1);
    struct bytes name = bytes_trim(inside);
    size_t offset = open + 1;
    while (offset < n->text.len && n->text.data[offset] == ' ')
        offset++;
    m->field = read_field(r, n, name, offset);
    if (m->field == FIELDS_COUNT)
        return;
    r->rule->when.required |= FIELD_BIT(m->field);
    if (m->kind == MEASURE_SUM && FIELDS[m->field].type == FIELD_TYPE_SHARE)
        problems_add(r->v->problems, yaml_position(n, offset),
                     "%s is a share, and shares do not add up: take max", FIELDS[m->field].name);
    else if (!measures(m->kind, m->field))
        problems_add(r->v->problems, yaml_position(n, offset),
                     m->kind == MEASURE_DISTINCT
                         ? "the values of %s cannot be told apart and counted"
                         : "%s is nothing to add up or compare: take a field of bytes, rows, "
                           "packets, time or a share",
                     FIELDS[m->field].name);
}

/* count, sum(F), max(F), distinct(F) */
static void read_measure(const struct reader *r)
{
    static const char *const words[] = {"count", "sum", "max", "distinct", NULL};
    struct measure *m = &r->rule->measure;
    m->field = FIELDS_COUNT;
    const struct yaml_node *n = scalar(r, "measure", true);
    m->text = text(r, "measure", n, RULE_NAME_MAX);
    if (!n)
        return;
    size_t open = bytes_index(n->text, '(');
    bool has_field = open < n->text.len;
    struct yaml_node word = *n;
    word.text = bytes_trim(bytes_first(n->text, open));
    size_t problems = r->v->problems->count;
    m->kind = (enum measure_kind)choice(r, "measure", &word, words);
    if (r->v->problems->count > problems)
        return;
    if (m->kind == MEASURE_COUNT && has_field)
        problem(r, n, "count takes no field; distinct(FIELD) counts different values");
    else if (m->kind != MEASURE_COUNT && (!has_field || n->text.data[n->text.len - 1] != ')'))
        problem(r, n, "this measure needs a field, such as sum(server.bytes)");
    else if (has_field)
        read_measured(r, n, open);
}

static void read_above(const struct reader *r)
{
    struct rule *rule = r->rule;
    rule->trigger = TRIGGER_ABOVE;
    read_measure(r);
    rule->over_ns = duration(r, "over", -1, over_min_ns, over_max_ns);
    rule->quiet_ns = rule->over_ns > quiet_min_ns ? rule->over_ns : quiet_min_ns;
    rule->quiet_ns = duration(r, "quiet", rule->quiet_ns, 0, over_max_ns);
    const struct yaml_node *n = scalar(r, "above", true);
    if (!n || (rule->measure.kind != MEASURE_COUNT && rule->measure.field == FIELDS_COUNT))
        return;
    bool is_amount = rule->measure.kind == MEASURE_SUM || rule->measure.kind == MEASURE_MAX;
    enum quantity_unit unit = is_amount ? quantity_unit_of(rule->measure.field) : QUANTITY_PLAIN;
    enum quantity_status status = quantity_parse(&rule->above, n->text, unit);
    if (status != QUANTITY_GOOD)
        problems_add(r->v->problems, n->at, "'above' does not fit %s: %s", rule->measure.text,
                     quantity_advice(status, unit));
}

static void read_first(const struct reader *r)
{
    struct rule *rule = r->rule;
    rule->trigger = TRIGGER_FIRST;
    rule->first = FIELDS_COUNT;
    const struct yaml_node *n = scalar(r, "first", true);
    rule->learn_ns = duration(r, "learn", learn_ns, 0, over_max_ns);
    rule->forget_ns = duration(r, "forget", forget_ns, DAY_NS, forget_max_ns);
    rule->quiet_ns = duration(r, "quiet", 0, 0, over_max_ns);
    if (!n)
        return;
    rule->first = read_field(r, n, n->text, 0);
    if (rule->first == FIELDS_COUNT)
        return;
    rule->when.required |= FIELD_BIT(rule->first);
    if (!measures(MEASURE_DISTINCT, rule->first) || FIELDS[rule->first].unit)
        problems_add(r->v->problems, n->at, "%s has no values that could be new",
                     FIELDS[rule->first].name);
}

/* Keys that do nothing beside the trigger are mistakes. */
static void refuse_keys(const struct reader *r, const char *const *keys, const char *trigger)
{
    for (size_t i = 0; i < r->node->count; i++) {
        for (const char *const *key = keys; *key; key++) {
            if (bytes_are(r->node->items[i].key->text, *key))
                problems_add(r->v->problems, r->node->items[i].key->at,
                             "'%s' does nothing in a rule with '%s'", *key, trigger);
        }
    }
}

static void read_trigger(const struct reader *r)
{
    static const char *const not_with_above[] = {"learn", "forget", NULL};
    static const char *const not_with_first[] = {"measure", "over", NULL};
    bool has_above = yaml_get(r->node, "above"), has_first = yaml_get(r->node, "first");
    if (has_above == has_first) {
        problem(r, r->node,
                has_above ? "this rule has 'above' and 'first': it takes one of them"
                          : "this rule has neither 'above' nor 'first': when does it fire?");
    } else if (has_above) {
        read_above(r);
        refuse_keys(r, not_with_above, "above");
    } else {
        read_first(r);
        refuse_keys(r, not_with_first, "first");
    }
}

void rule_read(struct rule *rule, const struct yaml_node *node, struct vocabulary *v)
{
    static const char *const keys[] = {"id",      "name", "severity", "technique", "when",  "by",
                                       "measure", "over", "above",    "quiet",     "first", "learn",
                                       "forget",  "note", "enabled",  NULL};
    const struct reader r = {v, node, rule};
    *rule = (struct rule){.is_enabled = true};
    if (!yaml_expect(node, YAML_MAPPING, "a rule", v->problems))
        return;
    (void)yaml_check_keys(node, keys, "a rule", v->problems);
    read_labels(&r);
    read_when(&r);
    read_by(&r);
    read_trigger(&r);
    records_settle(rule, node, v->problems);
}
