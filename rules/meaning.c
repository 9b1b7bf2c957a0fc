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

static bool trigger_equal(const struct rule *a, const struct rule *b)
{
    if (a->trigger != b->trigger)
        return false;
    if (a->trigger == TRIGGER_FIRST)
        return a->first == b->first && a->forget_ns == b->forget_ns;
    return a->measure.kind == b->measure.kind && a->measure.field == b->measure.field &&
           a->over_ns == b->over_ns;
}

bool rule_counts_as(const struct rule *a, const struct rule *b)
{
    return keys_equal(a, b) && trigger_equal(a, b) && expression_equal(&a->when, &b->when);
}
