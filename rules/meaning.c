/*
 * Compiled rules are compared, not their texts: another order of lines, a comment or a macro that
 * says the same changes nothing.
 */
#include "rules/meaning.h"

static bool operand_equal(const struct test *a, const struct test *b)
{
    switch (a->kind) {
    case TEST_EXISTS:
    case TEST_TEXT_IN_FIELD:
        return true; /* their fields tell all */
    case TEST_TEXT_EQUAL:
    case TEST_TEXT_CONTAINS:
    case TEST_TEXT_STARTS:
    case TEST_TEXT_ENDS:
        return bytes_equal(a->text, b->text);
    case TEST_NUMBER_IN:
    case TEST_TEXT_IN:
    case TEST_ADDRESS_IN:
        return set_equal(a->set, b->set);
    case TEST_TEXT_MATCHES:
        return pattern_equal(a->pattern, b->pattern);
    case TEST_HOUR_IN:
    case TEST_WEEKDAY_IN:
        return a->hours == b->hours; /* the zone is read once */
    case TEST_ADDRESS_EQUAL:
        return address_equal(&a->address, &b->address);
    default:
        return a->number == b->number;
    }
}

static bool test_equal(const struct test *a, const struct test *b)
{
    return a->kind == b->kind && a->field == b->field && a->in_field == b->in_field &&
           a->is_negated == b->is_negated && a->then == b->then && a->otherwise == b->otherwise &&
           operand_equal(a, b);
}

static bool expression_equal(const struct expression *a, const struct expression *b)
{
    if (a->count != b->count || a->required != b->required || a->actions != b->actions)
        return false;
    for (unsigned i = 0; i < a->count; i++) {
        if (!test_equal(&a->tests[i], &b->tests[i]))
            return false;
    }
    return true;
}

static bool keys_equal(const struct rule *a, const struct rule *b)
{
    if (a->by_count != b->by_count)
        return false;
    for (size_t i = 0; i < a->by_count; i++) {
        if (a->by[i] != b->by[i])
            return false;
    }
    return true;
}

static bool measure_equal(const struct measure *a, const struct measure *b)
{
    if (a->kind != b->kind || a->field != b->field)
        return false;
    return a->kind != MEASURE_SHARE || expression_equal(a->part, b->part);
}

/* A step's limit decides what the next one counts. */
static bool step_equal(const struct rule_step *a, const struct rule_step *b)
{
    return a->above == b->above && a->of == b->of && measure_equal(&a->measure, &b->measure) &&
           expression_equal(&a->when, &b->when);
}

static bool steps_equal(const struct rule *a, const struct rule *b)
{
    bool is_same = a->steps_count == b->steps_count && a->within_ns == b->within_ns;
    for (size_t i = 0; is_same && i < a->steps_count; i++)
        is_same = step_equal(&a->steps[i], &b->steps[i]);
    return is_same;
}

static bool before_equal(const struct before *a, const struct before *b)
{
    if (a->by_count != b->by_count || !expression_equal(&a->when, &b->when))
        return false;
    return memcmp(a->by, b->by, a->by_count * sizeof(a->by[0])) == 0;
}

static bool trigger_equal(const struct rule *a, const struct rule *b)
{
    if (a->trigger != b->trigger || !before_equal(&a->before, &b->before))
        return false;
    switch (a->trigger) {
    case TRIGGER_ABOVE:
        return measure_equal(&a->measure, &b->measure) && a->over_ns == b->over_ns;
    case TRIGGER_FIRST:
        return a->first == b->first && a->forget_ns == b->forget_ns;
    case TRIGGER_TOGETHER:
        return a->of == b->of && a->over_ns == b->over_ns;
    case TRIGGER_STEPS:
        return steps_equal(a, b);
    default:
        return true;
    }
}

bool rule_counts_as(const struct rule *a, const struct rule *b)
{
    return keys_equal(a, b) && trigger_equal(a, b) && expression_equal(&a->when, &b->when);
}
