#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/window.h"

enum { EVENTS = 4000 };

static struct budget budget = {.bytes_max = 1 << 20};

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % bound;
}

struct event {
    int64_t ns;
    uint64_t amount;
};

/* What happened at or after that time. */
static void count_naively(const struct event *events, size_t count, int64_t from_ns, uint64_t *sum,
                          uint64_t *largest)
{
    *sum = *largest = 0;
    for (size_t i = 0; i < count; i++) {
        if (events[i].ns < from_ns)
            continue;
        *sum += events[i].amount;
        *largest = events[i].amount > *largest ? events[i].amount : *largest;
    }
}

/* Never less than what the window holds, never more than what 33/32 of it hold, with times out of
 * order and pauses of every length. */
static void a_window_holds_between_its_length_and_a_33rd_more(void **state)
{
    (void)state;
    static const int64_t lengths[] = {CLOCK_SECOND_NS, 7 * CLOCK_SECOND_NS + 13,
                                      3600 * CLOCK_SECOND_NS, 365 * 86400 * CLOCK_SECOND_NS};
    static struct event events[EVENTS];
    for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
        struct window sums = {0}, maxima = {0};
        int64_t over = lengths[l], now = 1700000000 * CLOCK_SECOND_NS, newest = now;
        for (size_t i = 0; i < EVENTS; i++) {
            now += (int64_t)random_below((uint64_t)over / (i % 97 == 0 ? 1 : 100));
            int64_t late = i % 5 == 0 ? (int64_t)random_below((uint64_t)over / 2) : 0;
            events[i] = (struct event){now - late, random_below(1000)};
            newest = events[i].ns > newest ? events[i].ns : newest;
            int64_t number = window_number(events[i].ns, over);
            struct window_amount amount = {.amount = events[i].amount};
            assert_int_equal(window_add(&sums, &budget, number, &amount), WINDOW_COUNTED);
            amount.is_max = true;
            assert_int_equal(window_add(&maxima, &budget, number, &amount), WINDOW_COUNTED);
            uint64_t least, most, least_max, most_max;
            count_naively(events, i + 1, newest - over + 1, &least, &least_max);
            count_naively(events, i + 1, newest - over / 32 * 33 - 33, &most, &most_max);
            assert_in_range(window_sum(&sums), least, most);
            assert_in_range(window_max(&maxima), least_max, most_max);
            assert_true(sums.count <= WINDOW_BUCKETS);
        }
        window_clear(&sums, &budget);
        window_clear(&maxima, &budget);
    }
    assert_int_equal(budget.used, 0);
}

/* A length that 32 does not divide: its parts are rounded up. */
static void nothing_within_the_length_is_missed(void **state)
{
    (void)state;
    const int64_t over = CLOCK_SECOND_NS + 31;
    for (int64_t from = CLOCK_SECOND_NS / 32 - 40; from < CLOCK_SECOND_NS / 32 + 40; from++)
        assert_true(window_number(from + over - 1, over) - window_number(from, over) <
                    WINDOW_BUCKETS);
}

static void what_is_older_than_the_window_is_late(void **state)
{
    (void)state;
    struct window w = {0};
    struct window_amount one = {.amount = 1};
    assert_int_equal(window_add(&w, &budget, 100, &one), WINDOW_COUNTED);
    assert_int_equal(window_add(&w, &budget, 100 - WINDOW_BUCKETS + 1, &one), WINDOW_COUNTED);
    assert_int_equal(window_add(&w, &budget, 100 - WINDOW_BUCKETS, &one), WINDOW_LATE);
    assert_int_equal(window_sum(&w), 2);
    window_advance(&w, 101);
    assert_int_equal(window_sum(&w), 1);
    window_advance(&w, 100 + WINDOW_BUCKETS);
    assert_int_equal(window_sum(&w), 0);
    window_advance(&w, 5);
    assert_int_equal(w.newest, 100 + WINDOW_BUCKETS);
    window_clear(&w, &budget);
}

static void times_before_1970_have_their_buckets_too(void **state)
{
    (void)state;
    assert_int_equal(window_number(0, 32 * CLOCK_SECOND_NS), 0);
    assert_int_equal(window_number(-1, 32 * CLOCK_SECOND_NS), -1);
    assert_int_equal(window_number(-CLOCK_SECOND_NS, 32 * CLOCK_SECOND_NS), -1);
    assert_int_equal(window_number(-CLOCK_SECOND_NS - 1, 32 * CLOCK_SECOND_NS), -2);
}

static void a_clock_gives_the_same_numbers_in_any_order(void **state)
{
    (void)state;
    struct window_clock clock = {0};
    const int64_t over = 10 * CLOCK_SECOND_NS;
    static const int64_t times[] = {0, 1, -1, 312500000, 312499999, 625000000, 5, INT64_MAX / 2};
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        assert_int_equal(window_number_by(&clock, times[i], over), window_number(times[i], over));
}

static void a_sum_stops_at_its_largest_value(void **state)
{
    (void)state;
    struct window w = {0};
    struct window_amount huge = {.amount = UINT64_MAX - 1};
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(window_add(&w, &budget, i, &huge), WINDOW_COUNTED);
    assert_int_equal(window_add(&w, &budget, 2, &huge), WINDOW_COUNTED);
    assert_true(window_sum(&w) == UINT64_MAX);
    window_advance(&w, WINDOW_BUCKETS + 1);
    assert_true(window_sum(&w) == UINT64_MAX); /* that of the third, which was counted twice */
    window_advance(&w, WINDOW_BUCKETS + 2);
    assert_true(window_sum(&w) == 0);
    window_clear(&w, &budget);
}

static void the_lost_share_is_that_of_the_window(void **state)
{
    (void)state;
    struct window w = {0};
    struct window_amount lossy = {.amount = 1, .seen = 300, .lost = 100}, clean = {.seen = 400};
    assert_true(window_lost_share(&w) == 0);
    assert_int_equal(window_add(&w, &budget, 1, &lossy), WINDOW_COUNTED);
    assert_true(window_lost_share(&w) == 0.25);
    assert_int_equal(window_add(&w, &budget, 1, &clean), WINDOW_COUNTED);
    assert_true(window_lost_share(&w) == 0.125);
    assert_int_equal(window_add(&w, &budget, 1 + WINDOW_BUCKETS / 3, &clean), WINDOW_COUNTED);
    double share = window_lost_share(&w); /* two thirds of what was before */
    assert_true(share > 200.0 / 3 / (2800.0 / 3) - 1e-4 && share < 200.0 / 3 / (2800.0 / 3) + 1e-4);
    window_advance(&w, 1 + 2 * WINDOW_BUCKETS);
    assert_true(window_lost_share(&w) == 0);
    window_clear(&w, &budget);
}

static void without_memory_a_new_bucket_is_denied_and_an_old_one_counts_on(void **state)
{
    (void)state;
    struct budget small = {.bytes_max = 4 * 9}; /* of the first older ones */
    struct window w = {0};
    struct window_amount one = {.amount = 1};
    for (int64_t i = 1; i <= 5; i++)
        assert_int_equal(window_add(&w, &small, i, &one), WINDOW_COUNTED);
    assert_int_equal(window_add(&w, &small, 6, &one), WINDOW_DENIED);
    assert_int_equal(window_add(&w, &small, 5, &one), WINDOW_COUNTED);
    assert_int_equal(window_add(&w, &small, 1, &one), WINDOW_COUNTED);
    assert_int_equal(window_sum(&w), 7);
    window_clear(&w, &small);
    assert_int_equal(small.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_holds_between_its_length_and_a_33rd_more),
        cmocka_unit_test(nothing_within_the_length_is_missed),
        cmocka_unit_test(what_is_older_than_the_window_is_late),
        cmocka_unit_test(times_before_1970_have_their_buckets_too),
        cmocka_unit_test(a_clock_gives_the_same_numbers_in_any_order),
        cmocka_unit_test(a_sum_stops_at_its_largest_value),
        cmocka_unit_test(the_lost_share_is_that_of_the_window),
        cmocka_unit_test(without_memory_a_new_bucket_is_denied_and_an_old_one_counts_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
