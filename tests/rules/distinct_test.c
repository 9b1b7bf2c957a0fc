#include "tests/cmocka.h"

#include "core/hash.h"
#include "rules/distinct.h"

#include <stdlib.h>
#include <string.h>

static struct budget budget = {.bytes_max = 1 << 20};

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % bound;
}

static uint64_t hash_of(uint64_t value)
{
    return hash_bytes((struct bytes){(const uint8_t *)&value, sizeof(value)}, 3);
}

/* The bucket that saw each value last, however many there are. */
struct model {
    uint64_t values;
    int64_t *last; /* by value; INT64_MIN: never */
};

static uint64_t count_naively(const struct model *m, int64_t newest)
{
    uint64_t count = 0;
    for (uint64_t v = 0; v < m->values; v++)
        count += m->last[v] != INT64_MIN && m->last[v] > newest - WINDOW_BUCKETS;
    return count;
}

/* Random values over random times, some late, against the model; the largest relative error. */
static double largest_error(uint64_t values, unsigned events, unsigned per_bucket)
{
    struct model m = {values, malloc(values * sizeof(int64_t))};
    struct distinct d = {0};
    double largest = 0;
    int64_t newest = 1000;
    assert_non_null(m.last);
    for (uint64_t v = 0; v < values; v++)
        m.last[v] = INT64_MIN;
    for (unsigned i = 0; i < events; i++) {
        newest += i % per_bucket == 0 ? 1 + (int64_t)random_below(3) : 0;
        int64_t number = newest - (i % 7 == 0 ? (int64_t)random_below(WINDOW_BUCKETS) : 0);
        uint64_t value = random_below(values);
        m.last[value] = number > m.last[value] ? number : m.last[value];
        assert_int_equal(distinct_add(&d, &budget, number, hash_of(value)), WINDOW_COUNTED);
        if (i % 101 != 0)
            continue;
        double exact = (double)count_naively(&m, newest);
        double error = ((double)distinct_count(&d) - exact) / exact;
        error = error < 0 ? -error : error;
        largest = error > largest ? error : largest;
        assert_true((double)distinct_at_least(&d) <= exact);
    }
    distinct_clear(&d, &budget);
    free(m.last);
    return largest;
}

static void few_values_are_counted_exactly(void **state)
{
    (void)state;
    assert_true(largest_error(300, 20000, 50) == 0);
    assert_true(largest_error(DISTINCT_EXACT_MAX, 20000, 1000) == 0);
    assert_int_equal(budget.used, 0);
}

static void many_values_are_estimated_within_five_errors(void **state)
{
    (void)state;
    assert_true(largest_error(20000, 100000, 1000) < 5 * SKETCH_ERROR);
    assert_true(largest_error(5000, 100000, 300) < 5 * SKETCH_ERROR);
    assert_int_equal(budget.used, 0);
}

static void a_window_that_was_empty_counts_exactly_again(void **state)
{
    (void)state;
    struct distinct d = {0};
    for (uint64_t i = 0; i < 3000; i++)
        assert_int_equal(distinct_add(&d, &budget, 10, hash_of(i)), WINDOW_COUNTED);
    assert_non_null(d.sketches);
    assert_int_equal(distinct_add(&d, &budget, 10 - WINDOW_BUCKETS, 1), WINDOW_LATE);
    assert_int_equal(distinct_add(&d, &budget, 10 + WINDOW_BUCKETS, hash_of(1)), WINDOW_COUNTED);
    assert_null(d.sketches);
    assert_int_equal(distinct_count(&d), 1);
    distinct_clear(&d, &budget);
    assert_int_equal(budget.used, 0);
}

static void memory_stays_under_what_the_header_says(void **state)
{
    (void)state;
    struct distinct d = {0};
    for (uint64_t i = 0; i < 200000; i++)
        assert_int_equal(distinct_add(&d, &budget, (int64_t)(i % WINDOW_BUCKETS), hash_of(i)),
                         WINDOW_COUNTED);
    assert_true(budget.used <= 553 * 1024 + sizeof(struct distinct_sketches));
    distinct_clear(&d, &budget);
}

static void without_memory_counting_stops_and_nothing_is_lost(void **state)
{
    (void)state;
    struct budget small = {.bytes_max = DISTINCT_EXACT_MAX * sizeof(struct distinct_value)};
    struct distinct d = {0};
    for (uint64_t i = 0; i < DISTINCT_EXACT_MAX; i++)
        assert_int_equal(distinct_add(&d, &small, 1, hash_of(i)), WINDOW_COUNTED);
    assert_int_equal(distinct_add(&d, &small, 1, hash_of(9999)), WINDOW_DENIED);
    assert_int_equal(distinct_count(&d), DISTINCT_EXACT_MAX);
    small.bytes_max = 1 << 20;
    assert_int_equal(distinct_add(&d, &small, 1, hash_of(9999)), WINDOW_COUNTED);
    assert_non_null(d.sketches);
    distinct_clear(&d, &small);
    assert_int_equal(small.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_values_are_counted_exactly),
        cmocka_unit_test(many_values_are_estimated_within_five_errors),
        cmocka_unit_test(a_window_that_was_empty_counts_exactly_again),
        cmocka_unit_test(memory_stays_under_what_the_header_says),
        cmocka_unit_test(without_memory_counting_stops_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
