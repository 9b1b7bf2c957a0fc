#include "tests/cmocka.h"

#include "core/hash.h"
#include "profile/visits.h"

static uint64_t customer(uint64_t i)
{
    return hash_mix(i + 1, UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
}

static bool add_one(struct visits *v, struct budget *b, uint64_t i, unsigned slot)
{
    assert_true(visits_reserve(v, b, VISITS_MAX));
    return visits_add(v, customer(i), slot, VISITS_MAX);
}

static void add(struct visits *v, struct budget *b, uint64_t from, uint64_t count, unsigned slot)
{
    for (uint64_t i = from; i < from + count; i++)
        (void)add_one(v, b, i, slot);
}

static void each_customer_counts_once(void **state)
{
    (void)state;
    struct budget b = {.bytes_max = 1 << 20};
    struct visits v = {0};
    assert_true(add_one(&v, &b, 1, 0));
    assert_false(add_one(&v, &b, 1, 9));
    add(&v, &b, 0, 300, 10);
    assert_int_equal(visits_count(&v), 300);
    assert_true(visits_have(&v, customer(299)));
    assert_false(visits_have(&v, customer(300)));
    visits_clear(&v, &b);
    assert_int_equal(b.used, 0);
}

static void what_was_followed_in_time_or_later_is_not_left(void **state)
{
    (void)state;
    struct budget b = {.bytes_max = 1 << 20};
    struct visits v = {0};
    add(&v, &b, 0, 10, 20);
    add(&v, &b, 10, 10, 40);
    assert_int_equal(v.pending, 20);
    assert_false(visits_follow(&v, customer(3))); /* in time: nothing was left yet */
    assert_false(visits_settle(&v, 20));
    assert_true(visits_settle(&v, 21));
    assert_int_equal(visits_left(&v), 9);
    assert_int_equal(v.pending, 10);
    assert_true(visits_follow(&v, customer(4)));
    assert_false(visits_follow(&v, customer(4)));
    assert_false(visits_follow(&v, customer(77)));
    assert_int_equal(visits_left(&v), 8);
    assert_true(visits_settle(&v, VISITS_SLOTS));
    assert_int_equal(visits_left(&v), 18);
    visits_clear(&v, &b);
}

static void many_customers_are_estimated_in_bounded_memory(void **state)
{
    (void)state;
    static const uint64_t counts[] = {512, 2000, 20000, 200000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct budget b = {.bytes_max = 1 << 20};
        struct visits v = {0};
        add(&v, &b, 0, counts[i], 0);
        for (uint64_t c = 0; c < counts[i]; c += 2)
            (void)visits_follow(&v, customer(c));
        (void)visits_settle(&v, VISITS_SLOTS);
        assert_true(b.peak <= VISITS_MAX * sizeof(uint32_t) * 2);
        assert_true(v.count <= VISITS_MAX);
        assert_in_range(visits_count(&v), counts[i] * 4 / 5, counts[i] * 6 / 5);
        assert_in_range(visits_left(&v), counts[i] * 3 / 8, counts[i] * 5 / 8);
        visits_clear(&v, &b);
    }
}

static void a_spent_budget_denies(void **state)
{
    (void)state;
    struct budget b = {.bytes_max = 40};
    struct visits v = {0};
    for (uint64_t i = 0; i < 20 && visits_reserve(&v, &b, VISITS_MAX); i++)
        (void)visits_add(&v, customer(i), 0, VISITS_MAX);
    assert_int_equal(visits_count(&v), 7);
    assert_true(b.denied > 0);
    visits_clear(&v, &b);
    assert_int_equal(b.used, 0);
}

static void what_was_saved_goes_on(void **state)
{
    (void)state;
    struct budget b = {.bytes_max = 1 << 20};
    struct visits v = {0}, again = {0};
    struct pack p = {0};
    add(&v, &b, 0, 1500, 30);
    (void)visits_follow(&v, customer(5));
    (void)visits_settle(&v, 31);
    add(&v, &b, 1500, 100, 32);
    visits_save(&v, &p);
    struct cursor c = cursor_over(pack_view(&p));
    assert_true(visits_load(&again, &b, VISITS_MAX, &c));
    assert_true(unpack_done(&c));
    assert_int_equal(visits_count(&again), visits_count(&v));
    assert_int_equal(visits_left(&again), visits_left(&v));
    assert_int_equal(again.pending, v.pending);
    assert_int_equal(visits_settle(&again, VISITS_SLOTS), visits_settle(&v, VISITS_SLOTS));
    assert_int_equal(visits_left(&again), visits_left(&v));
    visits_clear(&again, &b);
    for (size_t len = 0; len < p.len; len += 97) {
        c = cursor_over((struct bytes){p.data, len});
        assert_false(visits_load(&again, &b, VISITS_MAX, &c));
        visits_clear(&again, &b);
    }
    visits_clear(&v, &b);
    pack_clear(&p);
    assert_int_equal(b.used, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_customer_counts_once),
        cmocka_unit_test(what_was_followed_in_time_or_later_is_not_left),
        cmocka_unit_test(many_customers_are_estimated_in_bounded_memory),
        cmocka_unit_test(a_spent_budget_denies),
        cmocka_unit_test(what_was_saved_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
