/*
 * Two clocks: lateness is no jump, a step is one.
 */
#include "tests/cmocka.h"

#include "core/clock.h"

#define S CLOCK_SECOND_NS

static void clocks_that_go_together_do_not_jump(void **state)
{
    struct clock_pair p = {0};
    (void)state;
    for (int64_t s = 0; s < 1000; s++)
        assert_int_equal(clock_jump(&p, 5000 * S + s * S + s * 100000, s * S), 0);
}

static void a_step_ahead_is_told_once_with_its_width(void **state)
{
    struct clock_pair p = {0};
    (void)state;
    assert_int_equal(clock_jump(&p, 100 * S, 1 * S), 0);
    assert_int_equal(clock_jump(&p, 102 * S, 1 * S + 1), 0);
    assert_int_equal(clock_jump(&p, 202 * S, 101 * S), 0);
    assert_int_equal(clock_jump(&p, 212 * S, 102 * S), 9 * S);
    assert_int_equal(clock_jump(&p, 213 * S, 103 * S), 0);
    assert_int_equal(clock_jump(&p, 215 * S, 103 * S), 2 * S);
}

/* A ring that filled while the reader stood still, and is read at once. */
static void what_comes_late_is_no_jump(void **state)
{
    struct clock_pair p = {0};
    (void)state;
    assert_int_equal(clock_jump(&p, 100 * S, 1 * S), 0);
    assert_int_equal(clock_jump(&p, 101 * S, 31 * S), 0);
    assert_int_equal(clock_jump(&p, 115 * S, 31 * S), 0);
    assert_int_equal(clock_jump(&p, 130 * S, 31 * S), 0);
    assert_int_equal(clock_jump(&p, 131 * S, 32 * S), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_that_go_together_do_not_jump),
        cmocka_unit_test(a_step_ahead_is_told_once_with_its_width),
        cmocka_unit_test(what_comes_late_is_no_jump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
