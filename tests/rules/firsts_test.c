/* What came first: rings, paces, and both saved. */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/firsts.h"

#include <math.h>

#define SECOND CLOCK_SECOND_NS
#define MINUTE (60 * SECOND)

static const int64_t start = INT64_C(1767600000) * CLOCK_SECOND_NS;
static const struct firsts_key ann = {1, 2}, bob = {3, 4};

static struct firsts *open_firsts(size_t entries_max)
{
    struct firsts *f = firsts_open(entries_max, 0, 7);
    assert_non_null(f);
    return f;
}

static void assert_per_hour(const struct pace *p, int64_t time_ns, double expected)
{
    assert_non_null(p);
    double per_hour = pace_per_ns(p, time_ns) * 60 * MINUTE;
    if (fabs(per_hour - expected) > expected / 20)
        print_error("%f an hour\n", per_hour);
    assert_true(fabs(per_hour - expected) <= expected / 20);
}

static void a_pace_is_that_of_the_last_half_hour(void **state)
{
    (void)state;
    struct firsts *f = open_firsts(100);
    int64_t now = start;
    for (unsigned i = 0; i < 600; i++)
        firsts_note(f, ann, i % 3, now = start + i * 20 * SECOND);
    assert_per_hour(&firsts_find(f, ann)->pace, now, 180);
    assert_per_hour(firsts_person_pace(f, ann, 1), now, 60);
    assert_per_hour(firsts_person_pace(f, ann, 1), now + 30 * MINUTE, 60 * exp(-1));
    assert_null(firsts_person_pace(f, ann, 4));
    assert_null(firsts_person_pace(f, bob, 1));
    assert_null(firsts_find(f, bob));
    firsts_close(f);
}

static void the_newest_are_kept_with_who_did_them(void **state)
{
    (void)state;
    struct firsts *f = open_firsts(100);
    firsts_note(f, bob, 9, start);
    assert_int_equal(firsts_kept(firsts_find(f, bob)), 1);
    for (unsigned i = 0; i < FIRSTS_KEPT + 3; i++)
        firsts_note(f, ann, i, start + i * SECOND);
    const struct firsts_client *c = firsts_find(f, ann);
    assert_int_equal(firsts_kept(c), FIRSTS_KEPT);
    for (unsigned i = 0; i < FIRSTS_KEPT; i++) {
        unsigned n = i < 3 ? FIRSTS_KEPT + i : i;
        assert_int_equal(c->times_ns[i], start + n * SECOND);
        assert_int_equal(c->persons[i], n);
    }
    firsts_close(f);
}

static void what_is_new_is_told_once(void **state)
{
    (void)state;
    struct firsts *f = open_firsts(100);
    for (unsigned i = 0; i < FIRSTS_KEPT + 3; i++)
        firsts_note(f, ann, 1, start + i * SECOND);
    assert_int_equal(firsts_news(firsts_find(f, ann)), FIRSTS_KEPT + 3);
    assert_int_equal(firsts_news(firsts_find(f, ann)), 0);
    firsts_note(f, ann, 1, start + MINUTE);
    assert_int_equal(firsts_news(firsts_find(f, ann)), 1);
    firsts_close(f);
}

static void beyond_the_bound_the_oldest_client_goes(void **state)
{
    (void)state;
    enum { MAX = 64 };
    struct firsts *f = open_firsts(MAX);
    for (uint64_t i = 0; i < 10 * MAX; i++)
        firsts_note(f, (struct firsts_key){i, i}, 1, start + (int64_t)i * SECOND);
    assert_null(firsts_find(f, (struct firsts_key){0, 0}));
    assert_non_null(firsts_find(f, (struct firsts_key){10 * MAX - 1, 10 * MAX - 1}));
    firsts_close(f);
}

static void what_is_saved_is_read_again_and_what_is_cut_is_not(void **state)
{
    (void)state;
    struct firsts *old = open_firsts(100), *new = open_firsts(100);
    struct pack saved = {0}, again = {0};
    for (unsigned i = 0; i < 50; i++)
        firsts_note(old, i % 4 ? ann : bob, i % 5, start + i * SECOND);
    assert_int_equal(firsts_news(firsts_find(old, bob)), 13);
    firsts_note(old, bob, 1, start + MINUTE);
    firsts_save(old, &saved);
    struct bytes all = pack_view(&saved);
    for (size_t cut = 0; cut < all.len; cut++) {
        struct cursor c = cursor_over(bytes_first(all, cut));
        assert_false(firsts_load(new, &c));
        assert_null(firsts_find(new, ann));
        assert_null(firsts_find(new, bob));
    }
    struct cursor c = cursor_over(all);
    assert_true(firsts_load(new, &c));
    firsts_save(new, &again);
    assert_int_equal(again.len, saved.len);
    assert_memory_equal(again.data, saved.data, saved.len);
    assert_int_equal(firsts_news(firsts_find(new, bob)), 1);
    pack_clear(&saved);
    pack_clear(&again);
    firsts_close(old);
    firsts_close(new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pace_is_that_of_the_last_half_hour),
        cmocka_unit_test(the_newest_are_kept_with_who_did_them),
        cmocka_unit_test(what_is_new_is_told_once),
        cmocka_unit_test(beyond_the_bound_the_oldest_client_goes),
        cmocka_unit_test(what_is_saved_is_read_again_and_what_is_cut_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
