/*
 * Patterns of keys.
 */
#include "tests/cmocka.h"

#include "subjects/key_patterns.h"

static void patterns_find_the_identifier(void **state)
{
    static const struct {
        const char *pattern, *key, *value; /* NULL: it does not fit */
    } cases[] = {
        {"customer:{id}", "customer:4711", "4711"},
        {"customer:{id}", "customer:4711:x", NULL},
        {"customer:{id}", "customer:", NULL},
        {"customer:{id}", "customers:4711", NULL},
        {"customer:{id}:*", "customer:4711:profile", "4711"},
        {"*:msisdn:{id}", "prod:msisdn:46701234567", "46701234567"},
        {"*:msisdn:{id}", "a:b:msisdn:46701234567", "46701234567"},
        {"c/{id}.json", "c/4711.json", "4711"},
        {"c/{id}.json", "c/4711.jso", NULL},
        {"{id}", "4711", "4711"},
        {"{id}", "4711:1", NULL},
        {"*{id}*", "x", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct key_patterns p = {0};
        struct bytes value = {NULL, 0};
        bool is_added = key_patterns_add(&p, bytes_of(cases[i].pattern), SUBJECT_CUSTOMER);
        enum subject_kind kind = key_patterns_find(&p, bytes_of(cases[i].key), &value);
        bool is_right = kind == SUBJECT_CUSTOMER && cases[i].value
                            ? bytes_are(value, cases[i].value)
                            : kind == SUBJECT_NONE && !cases[i].value;
        if (!is_right)
            print_error("%s of %s\n", cases[i].pattern, cases[i].key);
        assert_true(is_right);
        assert_true(is_added || !cases[i].value);
    }
}

static void patterns_are_checked_and_bounded(void **state)
{
    struct key_patterns p = {0};
    size_t count = 0;
    (void)state;
    assert_false(key_patterns_add(&p, bytes_of("customer:*"), SUBJECT_CUSTOMER));
    assert_false(key_patterns_add(&p, bytes_of("{id}:{id}"), SUBJECT_CUSTOMER));
    assert_false(key_patterns_add(&p, bytes_of("{id}*"), SUBJECT_CUSTOMER));
    for (int i = 0; i < 1000; i++)
        count += key_patterns_add(&p, bytes_of("a:{id}"), SUBJECT_CUSTOMER);
    assert_int_equal(count, KEY_PATTERNS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_find_the_identifier),
        cmocka_unit_test(patterns_are_checked_and_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
