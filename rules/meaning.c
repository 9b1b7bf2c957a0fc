/*
 * Compiled rules are written down and compared, not their texts: another order of lines, a comment
 * or a macro that says the same changes nothing.  What is written has to be the same in the next
 * version of the program too, because states are found by it: names stand for fields, kinds of
 * tests, measures and triggers, never their numbers.
 */
#include "rules/meaning.h"

#include "core/hash.h"

#include <assert.h>

static const char *const test_names[] = {
    [TEST_EXISTS] = "exists",
    [TEST_NUMBER_EQUAL] = "number ==",
    [TEST_NUMBER_BELOW] = "number <",
    [TEST_NUMBER_ABOVE] = "number >",
    [TEST_NUMBER_IN] = "number in",
    [TEST_BOOLEAN_EQUAL] = "boolean ==",
    [TEST_CHOICE_IN] = "choice in",
    [TEST_TEXT_EQUAL] = "text ==",
    [TEST_TEXT_IN] = "text in",
    [TEST_TEXT_IN_FIELD] = "text in field",
    [TEST_TEXT_CONTAINS] = "contains",
    [TEST_TEXT_STARTS] = "starts",
    [TEST_TEXT_ENDS] = "ends",
    [TEST_TEXT_MATCHES] = "matches",
    [TEST_ADDRESS_EQUAL] = "address ==",
    [TEST_ADDRESS_IN] = "address in",
    [TEST_HOUR_IN] = "hour in",
    [TEST_WEEKDAY_IN] = "weekday in",
};

static const char *const measure_names[] = {[MEASURE_COUNT] = "count",
                                            [MEASURE_SUM] = "sum",
                                            [MEASURE_MAX] = "max",
                                            [MEASURE_DISTINCT] = "distinct",
                                            [MEASURE_SHARE] = "share"};

static const char *const trigger_names[TRIGGERS_COUNT] = {
    [TRIGGER_ABOVE] = "above",       [TRIGGER_FIRST] = "first",
    [TRIGGER_TOGETHER] = "together", [TRIGGER_TRAVEL] = "travel",
    [TRIGGER_STEPS] = "steps",       [TRIGGER_EACH] = "each",
    [TRIGGER_BACK] = "back",         [TRIGGER_ENUMERATES] = "enumerates",
    [TRIGGER_FOLLOWS] = "follows",   [TRIGGER_RHYTHM] = "rhythm",
    [TRIGGER_HONEY] = "honey",       [TRIGGER_HOURS] = "hours",
    [TRIGGER_UNUSUAL] = "unusual",   [TRIGGER_DRIFT] = "drift",
};

static void write_name(struct pack *p, const char *name)
{
    pack_string(p, name ? bytes_of(name) : (struct bytes){NULL, 0});
}

static void write_field(struct pack *p, enum field f)
{
    write_name(p, f < FIELDS_COUNT ? FIELDS[f].name : "");
}

static void write_fields(struct pack *p, field_set fields)
{
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (fields >> f & 1)
            write_field(p, f);
    }
    write_name(p, "");
}

/* Whatever the order of its members. */
static void write_set(struct pack *p, const struct set *s)
{
    uint64_t low = 0, high = 0;
    for (size_t i = 0; i <= s->mask; i++) {
        low += s->slots[i].data ? hash_bytes(s->slots[i], 1) : 0;
        high += s->slots[i].data ? hash_bytes(s->slots[i], 2) : 0;
    }
    pack_number(p, s->count);
    pack_u64(p, low);
    pack_u64(p, high);
}

static void write_operand(struct pack *p, const struct test *t)
{
    switch (t->kind) {
    case TEST_EXISTS:
    case TEST_TEXT_IN_FIELD:
        return; /* their fields tell all */
    case TEST_TEXT_EQUAL:
    case TEST_TEXT_CONTAINS:
    case TEST_TEXT_STARTS:
    case TEST_TEXT_ENDS:
        pack_string(p, t->text);
        return;
    case TEST_NUMBER_IN:
    case TEST_TEXT_IN:
    case TEST_ADDRESS_IN:
        write_set(p, t->set);
        return;
    case TEST_TEXT_MATCHES:
        pack_string(p, pattern_text(t->pattern));
        return;
    case TEST_HOUR_IN:
    case TEST_WEEKDAY_IN:
        pack_number(p, t->hours);
        return;
    case TEST_ADDRESS_EQUAL:
        pack_bytes(p, (struct bytes){t->address.octets, sizeof(t->address.octets)});
        return;
    default:
        pack_u64(p, t->number);
    }
}

static void write_test(struct pack *p, const struct test *t)
{
    assert(t->kind < sizeof(test_names) / sizeof(test_names[0]) && test_names[t->kind]);
    write_name(p, test_names[t->kind]);
    write_field(p, t->field);
    if (t->kind == TEST_TEXT_IN_FIELD)
        write_field(p, t->in_field);
    pack_flag(p, t->is_negated);
    pack_number(p, t->then);
    pack_number(p, t->otherwise);
    write_operand(p, t);
}

static void write_expression(struct pack *p, const struct expression *e)
{
    pack_number(p, e->count);
    pack_number(p, e->actions);
    write_fields(p, e->required);
    for (unsigned i = 0; i < e->count; i++)
        write_test(p, &e->tests[i]);
}

static void write_by(struct pack *p, const enum field *by, size_t count)
{
    pack_number(p, count);
    for (size_t i = 0; i < count; i++)
        write_field(p, by[i]);
}

static void write_measure(struct pack *p, const struct measure *m)
{
    write_name(p, measure_names[m->kind]);
    write_field(p, m->field);
    if (m->kind == MEASURE_SHARE)
        write_expression(p, m->part);
}

/* A step's limit decides what the next one counts. */
static void write_step(struct pack *p, const struct rule_step *s)
{
    pack_number(p, s->above);
    pack_number(p, s->of);
    write_measure(p, &s->measure);
    write_expression(p, &s->when);
}

static void write_steps(struct pack *p, const struct rule *rule)
{
    pack_signed(p, rule->within_ns);
    pack_number(p, rule->steps_count);
    for (size_t i = 0; i < rule->steps_count; i++)
        write_step(p, &rule->steps[i]);
}

static void write_peers(struct pack *p, const struct rule *rule)
{
    write_by(p, &rule->peers, rule->has_peers ? 1 : 0);
}

static void write_tally(struct pack *p, const struct rule *rule)
{
    const struct rule_daily *daily = &rule->daily;
    write_measure(p, &rule->measure);
    write_peers(p, rule);
    write_expression(p, &daily->counted);
    pack_signed(p, daily->each_ns);
    pack_signed(p, daily->followed_text ? daily->followed_ns : 0);
    if (daily->followed_text)
        write_expression(p, &daily->followed);
    write_by(p, &daily->new_to, daily->is_new ? 1 : 0);
    pack_flag(p, daily->than_own);
    pack_flag(p, daily->than_peers);
}

static void write_drifts(struct pack *p, const struct rule_daily *daily)
{
    pack_number(p, daily->drifts_count);
    for (size_t i = 0; i < daily->drifts_count; i++) {
        pack_number(p, daily->drifts[i].of);
        pack_number(p, daily->drifts[i].slack);
        pack_number(p, daily->drifts[i].cap);
        pack_number(p, daily->drifts[i].at_least);
    }
}

static void write_trigger(struct pack *p, const struct rule *rule)
{
    write_name(p, trigger_names[rule->trigger]);
    switch (rule->trigger) {
    case TRIGGER_ABOVE:
        write_measure(p, &rule->measure);
        pack_signed(p, rule->over_ns);
        return;
    case TRIGGER_FIRST:
        write_field(p, rule->first);
        pack_signed(p, rule->forget_ns);
        pack_flag(p, rule->is_rare);
        pack_flag(p, rule->ignores_versions);
        write_peers(p, rule);
        return;
    case TRIGGER_ENUMERATES:
    case TRIGGER_RHYTHM:
        write_field(p, rule->walked);
        pack_signed(p, rule->over_ns);
        return;
    case TRIGGER_FOLLOWS:
        write_by(p, rule->follows.by, rule->follows.by_count);
        write_expression(p, &rule->follows.when);
        pack_signed(p, rule->follows.within_ns);
        return;
    case TRIGGER_HOURS:
        write_peers(p, rule);
        return;
    case TRIGGER_UNUSUAL:
    case TRIGGER_DRIFT:
        write_tally(p, rule);
        write_drifts(p, &rule->daily);
        return;
    case TRIGGER_TOGETHER:
        write_field(p, rule->of);
        pack_signed(p, rule->over_ns);
        return;
    case TRIGGER_STEPS:
        write_steps(p, rule);
        return;
    default:
        return;
    }
}

void rule_meaning(const struct rule *rule, struct pack *p)
{
    write_by(p, rule->by, rule->by_count);
    write_expression(p, &rule->when);
    write_by(p, rule->before.by, rule->before.by_count);
    write_expression(p, &rule->before.when);
    write_trigger(p, rule);
}

void rule_tally_meaning(const struct rule *rule, struct pack *p)
{
    write_by(p, rule->by, rule->by_count);
    write_tally(p, rule);
}

static bool are_alike(const struct rule *a, const struct rule *b,
                      void (*meaning)(const struct rule *rule, struct pack *p))
{
    struct pack one = {0}, other = {0};
    meaning(a, &one);
    meaning(b, &other);
    bool is_same =
        !one.has_failed && !other.has_failed && bytes_equal(pack_view(&one), pack_view(&other));
    pack_clear(&one);
    pack_clear(&other);
    return is_same;
}

bool rule_counts_as(const struct rule *a, const struct rule *b)
{
    return are_alike(a, b, rule_meaning);
}

bool rule_tally_counts_as(const struct rule *a, const struct rule *b)
{
    return are_alike(a, b, rule_tally_meaning);
}

static bool leaves_out(const struct rule *rule)
{
    return rule->exceptions_count > 0 || rule->before.by_count > 0;
}

bool rule_shares_tally(const struct rule *a, const struct rule *b)
{
    return !leaves_out(a) && !leaves_out(b) && a->forget_ns == b->forget_ns &&
           a->daily.zone == b->daily.zone && rule_tally_counts_as(a, b);
}
