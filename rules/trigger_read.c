/*
 * One function a trigger, and a table of the keys that go with each.
 */
#include "rules/trigger_read.h"

#include "core/clock.h"
#include "rules/condition.h"
#include "rules/daily_read.h"
#include "rules/event_read.h"
#include "rules/honey.h"
#include "rules/measure_read.h"
#include "rules/rule_read.h"

#define HOUR_NS (3600 * CLOCK_SECOND_NS)
#define DAY_NS (24 * HOUR_NS)

static const int64_t over_min_ns = CLOCK_SECOND_NS, over_max_ns = 365 * DAY_NS;
static const int64_t learn_ns = 14 * DAY_NS, forget_ns = 365 * DAY_NS,
                     forget_max_ns = 3650 * DAY_NS;
static const int64_t travel_quiet_ns = 12 * HOUR_NS, within_ns = 12 * HOUR_NS;

enum { FASTER_KMH = 900, FARTHER_KM = 500, SPEED_MAX = 1000000, DISTANCE_MAX = 20040 };

int64_t rule_read_quiet(const struct reader *r, int64_t over_ns)
{
    return reader_duration(r, "quiet", over_ns > HOUR_NS ? over_ns : HOUR_NS, 0, over_max_ns);
}

static int64_t over(const struct reader *r)
{
    return reader_duration(r, "over", -1, over_min_ns, over_max_ns);
}

static void read_above(const struct reader *r)
{
    struct rule *rule = r->rule;
    measure_read(r, &rule->measure, &rule->when.required);
    rule->over_ns = over(r);
    rule->quiet_ns = rule_read_quiet(r, rule->over_ns);
    rule->above = measure_read_limit(r, &rule->measure);
    rule->at_least = reader_number(r, "at least", 1, 1, UINT32_MAX);
    const struct yaml_node *n = yaml_get(r->node, "at least");
    if (n && rule->measure.text && rule->measure.kind != MEASURE_SHARE)
        reader_problem(r, n, "'at least' is the least number of transactions that a share is of");
    event_read_times_own(r);
}

/* A field with values that can be told apart. */
static enum field read_valued(const struct reader *r, const char *key, const char *could_be)
{
    const struct yaml_node *n = reader_scalar(r, key, true);
    enum field f = n ? reader_field(r, n, n->text, 0) : FIELDS_COUNT;
    if (f == FIELDS_COUNT)
        return f;
    r->rule->when.required |= FIELD_BIT(f);
    if (!measure_takes(MEASURE_DISTINCT, f) || FIELDS[f].unit)
        problems_add(r->v->problems, n->at, "%s has no values that could be %s", FIELDS[f].name,
                     could_be);
    return f;
}

static void read_first(const struct reader *r)
{
    struct rule *rule = r->rule;
    rule->learn_ns = reader_duration(r, "learn", learn_ns, 0, over_max_ns);
    rule->forget_ns = reader_duration(r, "forget", forget_ns, DAY_NS, forget_max_ns);
    rule->quiet_ns = reader_duration(r, "quiet", 0, 0, over_max_ns);
    rule->first = read_valued(r, "first", "new");
    event_read_rare(r);
}

static void read_together(const struct reader *r)
{
    struct rule *rule = r->rule;
    rule->together = reader_number(r, "together", 2, 2, RULE_TOGETHER_MAX);
    rule->of = read_valued(r, "of", "there together");
    rule->over_ns = over(r);
    rule->quiet_ns = rule_read_quiet(r, rule->over_ns);
}

/* "900km/h", "500km" */
static uint64_t read_distance(const struct reader *r, const char *key, const char *unit,
                              uint64_t otherwise, uint64_t max)
{
    const struct yaml_node *n = reader_scalar(r, key, false);
    uint64_t number = 0;
    if (!n)
        return otherwise;
    size_t unit_len = strlen(unit), len = n->text.len;
    bool is_good = len > unit_len && bytes_are(bytes_from(n->text, len - unit_len), unit) &&
                   bytes_number(bytes_trim(bytes_first(n->text, len - unit_len)), &number) &&
                   number >= 1 && number <= max;
    if (!is_good)
        problems_add(r->v->problems, n->at, "'%s' is written %u%s", key, (unsigned)otherwise, unit);
    return is_good ? number : otherwise;
}

static void read_travel(const struct reader *of)
{
    static const char *const keys[] = {"faster than", "farther than", NULL};
    const struct yaml_node *n = yaml_get(of->node, "travel");
    const struct reader r = {of->v, n, of->rule, "'travel'"};
    struct rule *rule = of->rule;
    rule->quiet_ns = reader_duration(of, "quiet", travel_quiet_ns, 0, over_max_ns);
    rule->when.required |= FIELD_BIT(FIELD_CLIENT_GEO_LOCATION);
    if (!yaml_expect(n, YAML_MAPPING, "'travel'", of->v->problems))
        return;
    (void)yaml_check_keys(n, keys, "'travel'", of->v->problems);
    rule->faster_kmh = read_distance(&r, "faster than", "km/h", FASTER_KMH, SPEED_MAX);
    rule->farther_km = read_distance(&r, "farther than", "km", FARTHER_KM, DISTANCE_MAX);
}

/* "0.5", up to four decimals, in millionths of at most 1,000. */
static bool parse_factor(struct bytes text, uint64_t *factor)
{
    size_t dot = bytes_index(text, '.');
    struct bytes decimals = bytes_from(text, dot + 1);
    uint64_t whole, part = 0;
    if (!bytes_number(bytes_first(text, dot), &whole) || whole > 1000 || decimals.len > 4 ||
        (dot < text.len && !bytes_number(decimals, &part)))
        return false;
    for (size_t i = decimals.len; i < 6; i++)
        part *= 10;
    *factor = whole * SHARE_ONE + part;
    return *factor > 0;
}

/* "0.5 * steps[1].value": true where it is one, which may be wrong. */
static bool read_relative(const struct reader *r, struct rule_step *step, size_t number)
{
    static const char before[] = "steps[", after[] = "].value";
    const struct yaml_node *n = yaml_get(r->node, "above");
    if (!n || n->kind != YAML_SCALAR || bytes_find(n->text, bytes_of(before)) == n->text.len)
        return false;
    size_t star = bytes_index(n->text, '*');
    struct bytes factor = bytes_trim(bytes_first(n->text, star));
    struct bytes of = bytes_trim(star < n->text.len ? bytes_from(n->text, star + 1) : n->text);
    uint64_t index = 0;
    step->above = SHARE_ONE;
    bool is_good =
        bytes_start(of, before) && of.len > strlen(before) + strlen(after) &&
        bytes_are(bytes_from(of, of.len - strlen(after)), after) &&
        bytes_number(bytes_from(bytes_first(of, of.len - strlen(after)), strlen(before)), &index) &&
        (star == n->text.len || parse_factor(factor, &step->above));
    if (!is_good)
        reader_problem(r, n, "compare with an earlier step as in 0.5 * steps[1].value");
    else if (index < 1 || index >= number)
        problems_add(r->v->problems, n->at, "step %zu can compare with the steps before it alone",
                     number);
    step->of = index;
    return true;
}

static void read_step(const struct reader *of, const struct yaml_node *n, size_t number)
{
    static const char *const keys[] = {"when", "measure", "above", NULL};
    const struct reader r = {of->v, n, of->rule, "this step"};
    struct rule_step *step = &of->rule->steps[number - 1];
    step->measure = (struct measure){MEASURE_COUNT, FIELDS_COUNT, "count", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "a step", of->v->problems))
        return;
    (void)yaml_check_keys(n, keys, "a step", of->v->problems);
    (void)reader_condition(&r, "when", true, &step->when);
    step->when_text = reader_condition_text(&r, "when");
    if (yaml_get(n, "measure"))
        measure_read(&r, &step->measure, &step->when.required);
    if (yaml_get(n, "above") && !read_relative(&r, step, number))
        step->above = measure_read_limit(&r, &step->measure);
}

/* What is no step's does not count. */
static void restrict_to_steps(const struct reader *r)
{
    struct rule *rule = r->rule;
    const struct expression *list[RULE_STEPS_MAX];
    struct expression any = rule->when, when = rule->when;
    for (size_t i = 0; i < rule->steps_count; i++)
        list[i] = &rule->steps[i].when;
    const struct expression *both[] = {&when, &any};
    if (!condition_join(&any, list, rule->steps_count, true, r->v) ||
        !condition_join(&rule->when, both, 2, false, r->v))
        problems_add(r->v->problems, yaml_get(r->node, "steps")->at,
                     "more than %d comparisons in all steps together", EXPRESSION_TESTS_MAX);
}

static void read_steps(const struct reader *r)
{
    struct rule *rule = r->rule;
    const struct yaml_node *n = yaml_get(r->node, "steps");
    rule->within_ns = reader_duration(r, "within", -1, over_min_ns, over_max_ns);
    rule->quiet_ns = rule_read_quiet(r, rule->within_ns);
    if (!yaml_expect(n, YAML_SEQUENCE, "'steps'", r->v->problems))
        return;
    if (n->count < 2 || n->count > RULE_STEPS_MAX) {
        problems_add(r->v->problems, n->at, "'steps' takes 2 to %d steps", RULE_STEPS_MAX);
        return;
    }
    rule->steps = arena_take(r->v->arena, n->count * sizeof(struct rule_step));
    if (!rule->steps)
        return;
    for (size_t i = 0; i < n->count; i++)
        read_step(r, n->items[i].value, i + 1);
    rule->steps_count = n->count;
    restrict_to_steps(r);
}

static void read_each(const struct reader *r)
{
    r->rule->quiet_ns = rule_read_quiet(r, 0);
}

static void read_before(const struct reader *of)
{
    static const char *const keys[] = {"when", "by", "within", NULL};
    const struct yaml_node *n = yaml_get(of->node, "unless before");
    struct before *b = &of->rule->before;
    const struct reader r = {of->v, n, of->rule, "'unless before'"};
    if (!n || !yaml_expect(n, YAML_MAPPING, "'unless before'", of->v->problems))
        return;
    (void)yaml_check_keys(n, keys, "'unless before'", of->v->problems);
    (void)reader_condition(&r, "when", true, &b->when);
    b->when_text = reader_condition_text(&r, "when");
    b->within_ns = reader_duration(&r, "within", within_ns, over_min_ns, 30 * DAY_NS);
    field_set by = 0;
    b->by_count = by_read(&r, b->by, &by);
    b->when.required |= by;
    of->rule->when.required |= by;
    if (!yaml_get(n, "by"))
        reader_problem(of, n,
                       "'unless before' has no 'by': what do both have in common? for "
                       "example by: client.ip");
}

enum { KEYS_OF_ONE_MAX = 8 };

/* Each trigger's word, reader and further keys. */
static const struct kind {
    const char *word;
    enum trigger trigger;
    void (*read)(const struct reader *r);
    const char *keys[KEYS_OF_ONE_MAX];
} kinds[] = {
    {"above", TRIGGER_ABOVE, read_above, {"measure", "over", "at least", "times own", "learn"}},
    {"first", TRIGGER_FIRST, read_first, {"learn", "forget", "rare", "peers", "ignore"}},
    {"together", TRIGGER_TOGETHER, read_together, {"of", "over"}},
    {"travel", TRIGGER_TRAVEL, read_travel, {NULL}},
    {"steps", TRIGGER_STEPS, read_steps, {"within"}},
    {"honey", TRIGGER_HONEY, honey_read, {NULL}},
    {"unusual",
     TRIGGER_UNUSUAL,
     unusual_read,
     {"measure", "each", "peers", "learn", "new to", "forget", "unless followed by"}},
    {"drift",
     TRIGGER_DRIFT,
     drift_read,
     {"measure", "each", "peers", "learn", "new to", "forget", "unless followed by"}},
    {"back after", TRIGGER_BACK, event_read_back, {"forget"}},
    {"enumerates", TRIGGER_ENUMERATES, event_read_enumerates, {"over", "at least"}},
    {"follows", TRIGGER_FOLLOWS, event_read_follows, {"score"}},
    {"rhythm", TRIGGER_RHYTHM, event_read_rhythm, {"over", "score", "at least"}},
    {"off hours", TRIGGER_HOURS, event_read_hours, {"learn", "peers"}},
    {"unless before", TRIGGER_EACH, read_each, {NULL}}, /* where there is no other */
};

enum { KINDS_COUNT = sizeof(kinds) / sizeof(kinds[0]), TRIGGER_WORDS = KINDS_COUNT - 1 };

static bool goes_with(const struct kind *kind, struct bytes key)
{
    for (size_t i = 0; i < KEYS_OF_ONE_MAX && kind->keys[i]; i++) {
        if (bytes_are(key, kind->keys[i]))
            return true;
    }
    return false;
}

/* Keys that do nothing beside the trigger are mistakes. */
static void refuse_keys(const struct reader *r, const struct kind *kind)
{
    for (size_t i = 0; i < r->node->count; i++) {
        const struct yaml_node *key = r->node->items[i].key;
        bool is_others = false;
        for (size_t k = 0; k < KINDS_COUNT; k++)
            is_others = is_others || goes_with(&kinds[k], key->text);
        if (is_others && !goes_with(kind, key->text))
            problems_add(r->v->problems, key->at, "'%s' does nothing in a rule with '%s'",
                         (const char *)key->text.data, kind->word);
    }
}

void trigger_read(const struct reader *r)
{
    const struct kind *found = NULL;
    read_before(r);
    for (size_t i = 0; i < TRIGGER_WORDS; i++) {
        if (!yaml_get(r->node, kinds[i].word))
            continue;
        if (found) {
            problems_add(r->v->problems, r->node->at,
                         "this rule has '%s' and '%s': it takes one of them", found->word,
                         kinds[i].word);
            return;
        }
        found = &kinds[i];
    }
    if (!found && yaml_get(r->node, "unless before"))
        found = &kinds[TRIGGER_WORDS];
    if (!found) {
        reader_problem(r, r->node,
                       "this rule has no 'above', 'first' or another word that says when it fires");
        return;
    }
    r->rule->trigger = found->trigger;
    found->read(r);
    refuse_keys(r, found);
}
