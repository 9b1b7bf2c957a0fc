#include "tests/cmocka.h"

#include "core/hash.h"
#include "core/sketch.h"

#include <math.h>

static struct budget budget;

static int setup(void **state)
{
    (void)state;
    budget = (struct budget){.bytes_max = 1 << 20};
    return 0;
}

static uint64_t hash_of(uint64_t i)
{
    return hash_bytes((struct bytes){(const uint8_t *)&i, sizeof(i)}, 7);
}

static void add_range(struct sketch *s, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        assert_true(sketch_add(s, &budget, hash_of(i), NULL));
}

static void few_values_are_counted_exactly(void **state)
{
    (void)state;
    struct sketch s = {0};
    for (int round = 0; round < 3; round++)
        add_range(&s, 0, SKETCH_EXACT_MAX);
    assert_true(sketch_is_exact(&s));
    assert_int_equal(sketch_count(&s), SKETCH_EXACT_MAX);
    sketch_clear(&s, &budget);
    assert_true(sketch_is_empty(&s));
    assert_int_equal(budget.used, 0);
}

static void many_values_are_estimated_within_four_errors(void **state)
{
    (void)state;
    struct sketch s = {0};
    uint64_t at = 0;
    double squares = 0;
    unsigned checks = 0;
    for (double n = 513; n < 2e6; n *= 1.3, checks++) {
        add_range(&s, at, (uint64_t)n);
        at = (uint64_t)n;
        double error = (double)sketch_count(&s) / (double)at - 1;
        assert_true(fabs(error) < 4 * SKETCH_ERROR);
        squares += error * error;
    }
    assert_true(sqrt(squares / checks) < 1.5 * SKETCH_ERROR);
    assert_false(sketch_is_exact(&s));
    assert_int_equal(budget.used, SKETCH_REGISTERS);
    sketch_clear(&s, &budget);
    assert_int_equal(budget.used, 0);
}

static void a_value_seen_again_changes_nothing(void **state)
{
    (void)state;
    struct sketch s = {0};
    bool is_new;
    add_range(&s, 0, 5000);
    uint64_t before = sketch_count(&s);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_true(sketch_add(&s, &budget, hash_of(i), &is_new));
        assert_false(is_new);
    }
    assert_int_equal(sketch_count(&s), before);
    sketch_clear(&s, &budget);
}

static void a_merge_is_what_one_sketch_of_both_would_be(void **state)
{
    (void)state;
    static const struct {
        uint64_t a_from, a_to, b_from, b_to;
    } cases[] = {{0, 100, 50, 200},      {0, 500, 400, 900}, {0, 100, 0, 5000}, {0, 5000, 0, 100},
                 {0, 9000, 8000, 20000}, {0, 0, 0, 7},       {0, 7, 0, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sketch a = {0}, b = {0}, both = {0};
        add_range(&a, cases[i].a_from, cases[i].a_to);
        add_range(&b, cases[i].b_from, cases[i].b_to);
        add_range(&both, cases[i].a_from, cases[i].a_to);
        add_range(&both, cases[i].b_from, cases[i].b_to);
        assert_true(sketch_merge(&a, &budget, &b));
        assert_int_equal(sketch_count(&a), sketch_count(&both));
        sketch_clear(&a, &budget);
        sketch_clear(&b, &budget);
        sketch_clear(&both, &budget);
    }
    assert_int_equal(budget.used, 0);
}

static void without_memory_nothing_is_counted_and_nothing_lost(void **state)
{
    (void)state;
    struct sketch s = {0};
    add_range(&s, 0, SKETCH_EXACT_MAX);
    budget.bytes_max = budget.used;
    assert_false(sketch_add(&s, &budget, hash_of(100000), NULL));
    assert_int_equal(sketch_count(&s), SKETCH_EXACT_MAX);
    budget.bytes_max = 1 << 20;
    assert_true(sketch_add(&s, &budget, hash_of(100000), NULL));
    assert_false(sketch_is_exact(&s));
    sketch_clear(&s, &budget);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(few_values_are_counted_exactly, setup),
        cmocka_unit_test_setup(many_values_are_estimated_within_four_errors, setup),
        cmocka_unit_test_setup(a_value_seen_again_changes_nothing, setup),
        cmocka_unit_test_setup(a_merge_is_what_one_sketch_of_both_would_be, setup),
        cmocka_unit_test_setup(without_memory_nothing_is_counted_and_nothing_lost, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
