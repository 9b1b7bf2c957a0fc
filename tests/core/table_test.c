/*
 * core/table.h and core/budget.h.
 */
#include "tests/cmocka.h"

#include "core/budget.h"
#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>
#include <string.h>

static struct table *open_table(size_t entries_max, void (*evicted)(void *, void *), void *context)
{
    return table_open(&(struct table_config){.entries_max = entries_max,
                                             .key_size = sizeof(uint64_t),
                                             .value_size = sizeof(uint64_t),
                                             .seed = 7,
                                             .evicted = evicted,
                                             .context = context});
}

static void add_up(void *context, void *value)
{
    *(uint64_t *)context += *(uint64_t *)value;
}

static void the_oldest_goes_when_the_table_is_full(void **state)
{
    uint64_t gone = 0;
    (void)state;
    struct table *t = open_table(3, add_up, &gone);
    for (uint64_t key = 1; key <= 3; key++)
        *(uint64_t *)table_touch(t, &key, NULL) = key;
    uint64_t first = 1, fourth = 4, second = 2;
    bool is_new;
    assert_non_null(table_touch(t, &first, &is_new));
    assert_false(is_new);
    assert_int_equal(*(uint64_t *)table_touch(t, &fourth, &is_new), 0);
    assert_true(is_new);
    assert_null(table_find(t, &second));
    assert_true(gone == 2);
    assert_true(table_evictions(t) == 1);
    assert_int_equal(table_count(t), 3);
    table_close(t);
    assert_true(gone == 2 + 1 + 3 + 0);
}

static void as_many_entries_as_its_bytes_allow(void **state)
{
    enum { BYTES = 1 << 20, ENTRY = 48 }; /* at least */
    (void)state;
    static const struct {
        size_t entries_max, bytes_max, wanted;
    } cases[] = {
        {100, 0, 100},  {100, 1, 100},                            /* a block is the least */
        {1000, 1, 256}, {1000, BYTES, 1000}, {1 << 20, BYTES, 0}, /* what fits */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct table *t = table_open(&(struct table_config){.entries_max = cases[i].entries_max,
                                                            .bytes_max = cases[i].bytes_max,
                                                            .key_size = sizeof(uint64_t),
                                                            .value_size = sizeof(uint64_t)});
        size_t max = table_entries_max(t);
        if (cases[i].wanted > 0)
            assert_int_equal(max, cases[i].wanted);
        else
            assert_in_range(max, BYTES / ENTRY / 3, BYTES / ENTRY);
        for (uint64_t key = 0; key < max + 10; key++)
            assert_non_null(table_touch(t, &key, NULL));
        assert_int_equal(table_count(t), max);
        assert_int_equal(table_evictions(t), 10);
        table_close(t);
    }
}

/* Against a plain array, with keys that come and go. */
static void a_table_agrees_with_an_array_of_everything(void **state)
{
    enum { KEYS = 2000, STEPS = 60000 };
    uint64_t *values = calloc(KEYS, sizeof(*values));
    bool *present = calloc(KEYS, sizeof(*present));
    uint32_t random = 12345;
    size_t count = 0;
    (void)state;
    struct table *t = open_table(KEYS, NULL, NULL);
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525 + 1013904223;
        uint64_t key = random >> 8 & 0x7ff;
        key %= KEYS;
        uint64_t *value = table_find(t, &key);
        assert_int_equal(value != NULL, present[key]);
        if (value)
            assert_true(*value == values[key]);
        if (random >> 30 == 0 && value) {
            table_remove(t, value);
            present[key] = false;
            count--;
        } else {
            count += !present[key];
            present[key] = true;
            values[key] = random;
            *(uint64_t *)table_touch(t, &key, NULL) = random;
        }
        assert_int_equal(table_count(t), count);
    }
    size_t walked = 0;
    for (void *v = table_oldest(t); v; v = table_next(t, v))
        walked++;
    assert_int_equal(walked, count);
    table_close(t);
    free(values);
    free(present);
}

static void values_stay_where_they_are_while_the_table_grows(void **state)
{
    (void)state;
    struct table *t = open_table(100000, NULL, NULL);
    uint64_t first = 0;
    uint64_t *value = table_touch(t, &first, NULL);
    *value = 42;
    for (uint64_t key = 1; key < 50000; key++)
        assert_non_null(table_touch(t, &key, NULL));
    assert_ptr_equal(table_find(t, &first), value);
    assert_true(*value == 42);
    assert_true(memcmp(table_key(t, value), &first, sizeof(first)) == 0);
    table_close(t);
}

static void a_budget_gives_no_more_than_it_has(void **state)
{
    struct budget b = {.bytes_max = 100};
    char *a = NULL, *c = NULL;
    (void)state;
    assert_true(budget_resize(&b, &a, 0, 60));
    assert_false(budget_resize(&b, &c, 0, 41));
    assert_null(c);
    assert_true(b.denied == 1);
    assert_true(budget_resize(&b, &c, 0, 40));
    assert_false(budget_resize(&b, &a, 60, 61));
    assert_non_null(a);
    budget_free(&b, &a, 60);
    assert_null(a);
    budget_free(&b, &c, 40);
    assert_int_equal(b.used, 0);
    assert_int_equal(b.peak, 100);
}

static void a_budget_is_tight_in_its_last_part(void **state)
{
    struct budget b = {.bytes_max = 100};
    (void)state;
    assert_true(budget_charge(&b, 75));
    assert_false(budget_is_tight(&b));
    assert_true(budget_charge(&b, 1));
    assert_true(budget_is_tight(&b));
    budget_refund(&b, 1);
    assert_false(budget_is_tight(&b));
}

static void hashes_of_near_texts_are_far(void **state)
{
    (void)state;
    assert_true(hash_bytes(bytes_of("SELECT ?"), 0) != hash_bytes(bytes_of("SELECT ?"), 1));
    assert_true(hash_bytes(bytes_of("a"), 0) != hash_bytes(bytes_of("b"), 0));
    static const uint8_t zeros[32] = {0};
    for (size_t len = 1; len < sizeof(zeros); len++)
        assert_true(hash_bytes((struct bytes){zeros, len}, 0) !=
                    hash_bytes((struct bytes){zeros, len - 1}, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_goes_when_the_table_is_full),
        cmocka_unit_test(as_many_entries_as_its_bytes_allow),
        cmocka_unit_test(a_table_agrees_with_an_array_of_everything),
        cmocka_unit_test(values_stay_where_they_are_while_the_table_grows),
        cmocka_unit_test(a_budget_gives_no_more_than_it_has),
        cmocka_unit_test(a_budget_is_tight_in_its_last_part),
        cmocka_unit_test(hashes_of_near_texts_are_far),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
