/*
 * core/subject.h: ids that other programs wrote.
 */
#include "tests/cmocka.h"

#include "core/subject.h"

#include <stdio.h>

static bool is_near(const char *a, const char *b)
{
    uint64_t one[2], other[2];
    assert_true(subject_near_parse(one, bytes_of(a)));
    assert_true(subject_near_parse(other, bytes_of(b)));
    return one[0] == other[0] || one[1] == other[1];
}

static void numbers_that_differ_by_one_or_two_are_near(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 64; n++) {
        for (unsigned m = n; m < 64; m++) {
            char a[16], b[16];
            (void)snprintf(a, sizeof(a), "s%u", n);
            (void)snprintf(b, sizeof(b), "s%u", m);
            assert_true(m - n > 2 || is_near(a, b));
            assert_false(m - n > 3 && is_near(a, b));
        }
    }
    assert_true(is_near("46701234567", "46701234568"));
    assert_true(is_near("0009", "0010"));
    assert_true(is_near("k1-99", "k1-100"));
    assert_false(is_near("k1-99", "k2-99"));
    assert_false(is_near("s5", "t5"));
}

static void what_has_no_number_at_its_end_is_near_nothing(void **state)
{
    static const char *const none[] = {"", "s", "12x", "0123456789abcdef"};
    uint64_t near[2];
    (void)state;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(subject_near_parse(near, bytes_of(none[i])));
    assert_true(subject_near_parse(near, bytes_of("1234567890123456789012345")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_that_differ_by_one_or_two_are_near),
        cmocka_unit_test(what_has_no_number_at_its_end_is_near_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
