/*
 * The tests at run time, and what is known of them before.
 */
#include "rules/expression.h"

static uint64_t number_of(const struct transaction *t, enum field f)
{
    const void *value = transaction_value(t, f);
    if (FIELDS[f].type == FIELD_TYPE_TIME)
        return expression_time(*(const int64_t *)value);
    return *(const uint64_t *)value;
}

/* A text field is a list of one. */
static struct texts texts_of(const struct transaction *t, enum field f)
{
    const void *value = transaction_value(t, f);
    if (FIELDS[f].type == FIELD_TYPE_TEXTS)
        return *(const struct texts *)value;
    return (struct texts){value, 1};
}

static bool field_has(const struct transaction *t, enum field f, struct bytes text)
{
    struct texts texts = texts_of(t, f);
    for (size_t i = 0; i < texts.count; i++) {
        if (bytes_equal(texts.items[i], text))
            return true;
    }
    return false;
}

static bool text_ends(struct bytes text, struct bytes end)
{
    return text.len >= end.len && bytes_equal(bytes_from(text, text.len - end.len), end);
}

static bool text_holds(const struct test *test, const struct transaction *t, struct bytes text)
{
    switch (test->kind) {
    case TEST_TEXT_EQUAL:
        return bytes_equal(text, test->text);
    case TEST_TEXT_IN:
        return set_has(test->set, text);
    case TEST_TEXT_IN_FIELD:
        return field_has(t, test->in_field, text);
    case TEST_TEXT_CONTAINS:
        return test->text.len == 0 || bytes_find(text, test->text) < text.len;
    case TEST_TEXT_MATCHES:
        return pattern_holds(test->pattern, text);
    case TEST_TEXT_STARTS:
        return bytes_equal(bytes_first(text, test->text.len), test->text);
    default:
        return text_ends(text, test->text);
    }
}

static bool any_text_holds(const struct test *test, const struct transaction *t)
{
    if (FIELDS[test->field].type == FIELD_TYPE_TEXT)
        return text_holds(test, t, *(const struct bytes *)transaction_value(t, test->field));
    struct texts texts = texts_of(t, test->field);
    for (size_t i = 0; i < texts.count; i++) {
        if (text_holds(test, t, texts.items[i]))
            return true;
    }
    return false;
}

static bool value_holds(const struct test *test, const struct transaction *t)
{
    const void *value = transaction_value(t, test->field);
    switch (test->kind) {
    case TEST_EXISTS:
        return true;
    case TEST_NUMBER_EQUAL:
        return number_of(t, test->field) == test->number;
    case TEST_NUMBER_BELOW:
        return number_of(t, test->field) < test->number;
    case TEST_NUMBER_ABOVE:
        return number_of(t, test->field) > test->number;
    case TEST_NUMBER_IN:
        return set_has_number(test->set, number_of(t, test->field));
    case TEST_BOOLEAN_EQUAL:
        return *(const bool *)value == (test->number != 0);
    case TEST_CHOICE_IN:
        return test->number >> *(const unsigned *)value & 1;
    case TEST_ADDRESS_EQUAL:
        return address_equal(value, &test->address);
    case TEST_ADDRESS_IN:
        return set_has_address(test->set, value);
    case TEST_HOUR_IN:
        return test->hours >> zone_hour(test->zone, t->start_ns) & 1;
    case TEST_WEEKDAY_IN:
        return test->hours >> zone_weekday(test->zone, t->start_ns) & 1;
    default:
        return any_text_holds(test, t);
    }
}

bool test_holds(const struct test *test, const struct transaction *t)
{
    if (!transaction_has(t, test->field))
        return false;
    if (test->kind == TEST_TEXT_IN_FIELD && !transaction_has(t, test->in_field))
        return false;
    return value_holds(test, t) != test->is_negated;
}

static enum outlook outlook_of(bool holds)
{
    return holds ? OUTLOOK_ALWAYS : OUTLOOK_NEVER;
}

static enum outlook test_outlook(const struct test *test, field_set present, unsigned action)
{
    if (!(present >> test->field & 1))
        return OUTLOOK_NEVER;
    switch (test->kind) {
    case TEST_EXISTS:
        return outlook_of(!test->is_negated);
    case TEST_TEXT_IN_FIELD:
        return present >> test->in_field & 1 ? OUTLOOK_OPEN : OUTLOOK_NEVER;
    case TEST_NUMBER_IN:
    case TEST_TEXT_IN:
    case TEST_ADDRESS_IN:
        return test->set->count > 0 ? OUTLOOK_OPEN : outlook_of(test->is_negated);
    case TEST_CHOICE_IN:
        if (test->field != FIELD_EVENT_ACTION)
            return OUTLOOK_OPEN;
        return outlook_of((test->number >> action & 1) != test->is_negated);
    default:
        return OUTLOOK_OPEN;
    }
}

enum outlook expression_outlook(const struct expression *e, field_set present, unsigned action,
                                unsigned *from)
{
    if (!expression_concerns(e, present, action))
        return OUTLOOK_NEVER;
    if (e->count == 0)
        return OUTLOOK_ALWAYS;
    /* all places that can be reached, which are further on each time */
    bool reached[EXPRESSION_TESTS_MAX] = {true}, can_hold = false, can_fail = false;
    *from = e->count;
    for (unsigned at = 0; at < e->count; at++) {
        const struct test *test = &e->tests[at];
        if (!reached[at])
            continue;
        enum outlook outlook = test_outlook(test, present, action);
        if (outlook == OUTLOOK_OPEN && *from == e->count)
            *from = at;
        for (int way = 0; way < 2; way++) {
            unsigned next = way ? test->then : test->otherwise;
            if (outlook == (way ? OUTLOOK_NEVER : OUTLOOK_ALWAYS))
                continue;
            if (next < e->count)
                reached[next] = true;
            can_hold = can_hold || next == EXPRESSION_TRUE;
            can_fail = can_fail || next == EXPRESSION_FALSE;
        }
    }
    if (can_hold && can_fail)
        return OUTLOOK_OPEN;
    return outlook_of(can_hold);
}
