/*
 * The tests at run time.
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
