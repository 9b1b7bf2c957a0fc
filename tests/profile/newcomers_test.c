#include "tests/cmocka.h"

#include "core/clock.h"
#include "core/hash.h"
#include "profile/newcomers.h"

#define DAY (86400 * CLOCK_SECOND_NS)

static const int64_t forget = 90 * DAY;

static struct newcomers n;

static uint64_t pair(uint64_t i)
{
    return hash_mix(i + 1, UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
}

static int setup(void **state)
{
    (void)state;
    n = (struct newcomers){.count = 0};
    return 0;
}

static void who_was_met_is_known_for_its_time(void **state)
{
    (void)state;
    struct budget b = {.bytes_max = 64 << 20};
    assert_false(newcomers_meet(&n, &b, pair(1), 0, forget));
    assert_true(newcomers_meet(&n, &b, pair(1), DAY, forget));
    assert_true(newcomers_meet(&n, &b, pair(1), 80 * DAY, forget)); /* another block by now */
    assert_true(newcomers_meet(&n, &b, pair(1), 160 * DAY, forget));
    assert_false(newcomers_meet(&n, &b, pair(1), 400 * DAY, forget));
    newcomers_clear(&n, &b);
    assert_int_equal(b.used, 0);
}

static void few_strangers_are_taken_for_known(void **state)
{
    (void)state;
    struct budget b = {.bytes_max = 64 << 20};
    unsigned taken = 0;
    for (uint64_t i = 0; i < 3 * NEWCOMERS_BLOCK_PAIRS; i++)
        taken += newcomers_meet(&n, &b, pair(i), 0, forget);
    assert_int_equal(n.count, 3);
    assert_true(taken < 3 * NEWCOMERS_BLOCK_PAIRS / 50);
    for (uint64_t i = 0; i < 3 * NEWCOMERS_BLOCK_PAIRS; i += 101)
        assert_true(newcomers_meet(&n, &b, pair(i), DAY, forget));
    newcomers_clear(&n, &b);
}

static void without_memory_the_oldest_go(void **state)
{
    (void)state;
    struct budget b = {.bytes_max = 2 * NEWCOMERS_BLOCK_BYTES};
    for (uint64_t i = 0; i < 3 * NEWCOMERS_BLOCK_PAIRS; i++)
        (void)newcomers_meet(&n, &b, pair(i), 0, forget);
    assert_int_equal(n.count, 2);
    assert_false(newcomers_meet(&n, &b, pair(1), 0, forget));
    newcomers_clear(&n, &b);
    b.bytes_max = 100;
    assert_false(newcomers_meet(&n, &b, pair(1), 0, forget));
    assert_false(newcomers_meet(&n, &b, pair(1), 0, forget));
}

static void what_was_saved_goes_on(void **state)
{
    (void)state;
    static struct newcomers again;
    struct budget b = {.bytes_max = 64 << 20};
    struct pack p = {0};
    for (uint64_t i = 0; i < NEWCOMERS_BLOCK_PAIRS + 9000; i++)
        (void)newcomers_meet(&n, &b, pair(i), (int64_t)i, forget);
    newcomers_save(&n, &p);
    struct cursor c = cursor_over(pack_view(&p));
    assert_true(newcomers_load(&again, &b, &c));
    assert_true(unpack_done(&c));
    assert_int_equal(again.count, 2);
    assert_true(newcomers_meet(&again, &b, pair(3), DAY, forget));
    newcomers_clear(&again, &b);
    c = cursor_over(bytes_first(pack_view(&p), p.len - 1));
    assert_false(newcomers_load(&again, &b, &c));
    newcomers_clear(&again, &b);
    newcomers_clear(&n, &b);
    pack_clear(&p);
    assert_int_equal(b.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_was_met_is_known_for_its_time, setup),
        cmocka_unit_test_setup(few_strangers_are_taken_for_known, setup),
        cmocka_unit_test_setup(without_memory_the_oldest_go, setup),
        cmocka_unit_test_setup(what_was_saved_goes_on, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
