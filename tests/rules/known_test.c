#include "tests/cmocka.h"

#include "rules/known.h"

static struct budget budget = {.bytes_max = 1 << 20};

static void meet_new(struct known *k, uint64_t hash, const char *text, int64_t now)
{
    assert_false(known_meet(k, hash, now));
    assert_true(known_add(k, &budget, hash, bytes_of(text), now));
}

static void a_value_is_new_once(void **state)
{
    (void)state;
    struct known k = {0};
    meet_new(&k, 1, "SE", 10);
    assert_true(known_meet(&k, 1, 11));
    assert_string_equal((const char *)known_text(&k, 1).data, "SE");
    assert_int_equal(known_text(&k, 2).len, 0);
    known_clear(&k, &budget);
    assert_int_equal(budget.used, 0);
}

static void a_value_not_seen_for_long_is_forgotten(void **state)
{
    (void)state;
    struct known k = {0};
    meet_new(&k, 1, "SE", 10);
    meet_new(&k, 2, "NO", 20);
    assert_true(known_meet(&k, 1, 5)); /* late: it was seen at 10 */
    known_forget(&k, 11);
    assert_false(known_meet(&k, 1, 21));
    assert_true(known_meet(&k, 2, 21));
    known_clear(&k, &budget);
}

static void beyond_the_bound_the_oldest_goes(void **state)
{
    (void)state;
    struct known k = {0};
    for (int64_t i = 0; i <= KNOWN_VALUES_MAX; i++)
        meet_new(&k, (uint64_t)i, "x", 100 + i);
    assert_int_equal(k.count, KNOWN_VALUES_MAX);
    assert_int_equal(k.forgotten, 1);
    assert_false(known_meet(&k, 0, 999));
    assert_true(known_meet(&k, 1, 999));
    known_clear(&k, &budget);
}

static void the_newest_come_first_without_the_one_that_is_new(void **state)
{
    (void)state;
    struct known k = {0};
    struct bytes texts[3];
    meet_new(&k, 1, "SE", 10);
    meet_new(&k, 2, "NO", 30);
    meet_new(&k, 3, "DK", 20);
    meet_new(&k, 4, "FI", 20);
    meet_new(&k, 5, "RU", 40);
    assert_int_equal(known_newest(&k, 5, texts, 3), 3);
    assert_true(bytes_are(texts[0], "NO"));
    assert_true(bytes_are(texts[1], "DK"));
    assert_true(bytes_are(texts[2], "FI"));
    assert_int_equal(known_newest(&(struct known){0}, 5, texts, 3), 0);
    known_clear(&k, &budget);
}

static void a_long_text_is_cut_between_two_characters(void **state)
{
    (void)state;
    struct known k = {0};
    meet_new(&k, 1, "abcdefghijklmnopqrstuv€", 1);
    assert_int_equal(known_text(&k, 1).len, 22);
    known_clear(&k, &budget);
}

static void without_memory_a_value_stays_new(void **state)
{
    (void)state;
    struct budget none = {.bytes_max = 0};
    struct known k = {0};
    assert_false(known_add(&k, &none, 1, bytes_of("x"), 1));
    assert_false(known_meet(&k, 1, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_new_once),
        cmocka_unit_test(a_value_not_seen_for_long_is_forgotten),
        cmocka_unit_test(beyond_the_bound_the_oldest_goes),
        cmocka_unit_test(the_newest_come_first_without_the_one_that_is_new),
        cmocka_unit_test(a_long_text_is_cut_between_two_characters),
        cmocka_unit_test(without_memory_a_value_stays_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
