/*
 * Names of statements and portals: bounded, the one used longest ago goes first.
 */
#include "tests/cmocka.h"

#include "analyzers/sql/prepared.h"

#include <stdio.h>

enum { NAMES_MAX = 8 };

static void set(struct prepared *p, uint64_t connection, char kind, const char *name,
                uint64_t statement)
{
    struct prepared_entry *entry = prepared_touch(p, connection, kind, bytes_of(name));
    assert_non_null(entry);
    *entry = (struct prepared_entry){.statement = statement};
}

static uint64_t get(struct prepared *p, uint64_t connection, char kind, const char *name)
{
    const struct prepared_entry *entry = prepared_find(p, connection, kind, bytes_of(name));
    return entry ? entry->statement : 0;
}

static void a_name_is_of_its_kind_and_connection(void **state)
{
    (void)state;
    struct prepared *p = prepared_open(NAMES_MAX, 0);
    set(p, 1, 'S', "a", 11);
    set(p, 1, 'P', "a", 12);
    set(p, 2, 'S', "a", 13);
    set(p, 1, 'S', "", 14);
    assert_int_equal(get(p, 1, 'S', "a"), 11);
    assert_int_equal(get(p, 1, 'P', "a"), 12);
    assert_int_equal(get(p, 2, 'S', "a"), 13);
    assert_int_equal(get(p, 1, 'S', ""), 14);
    assert_null(prepared_find(p, 2, 'P', bytes_of("a")));
    assert_null(prepared_find(p, 3, 'S', bytes_of("a")));
    prepared_close(p);
}

static void a_name_is_made_empty_kept_changed_and_forgotten(void **state)
{
    (void)state;
    struct prepared *p = prepared_open(NAMES_MAX, 0);
    struct prepared_entry *entry = prepared_touch(p, 1, 'P', bytes_of("a"));
    assert_int_equal(entry->statement, 0);
    assert_false(entry->is_running);
    entry->is_running = true;
    assert_true(prepared_touch(p, 1, 'P', bytes_of("a"))->is_running);
    set(p, 1, 'P', "a", 2);
    assert_int_equal(get(p, 1, 'P', "a"), 2);
    prepared_forget(p, 1, 'S', bytes_of("a"));
    assert_int_equal(get(p, 1, 'P', "a"), 2);
    prepared_forget(p, 1, 'P', bytes_of("a"));
    assert_null(prepared_find(p, 1, 'P', bytes_of("a")));
    prepared_forget(p, 1, 'P', bytes_of("a"));
    assert_int_equal(prepared_evictions(p), 0);
    prepared_close(p);
}

static void the_name_used_longest_ago_goes_and_is_counted(void **state)
{
    (void)state;
    struct prepared *p = prepared_open(NAMES_MAX, 0);
    char name[16];
    for (unsigned n = 0; n < NAMES_MAX; n++) {
        (void)snprintf(name, sizeof(name), "s%u", n);
        set(p, 1, 'S', name, n + 1);
    }
    assert_int_equal(prepared_evictions(p), 0);
    assert_int_equal(get(p, 1, 'S', "s0"), 1); /* used again */
    set(p, 1, 'S', "one more", 100);
    assert_int_equal(prepared_evictions(p), 1);
    assert_int_equal(get(p, 1, 'S', "s0"), 1);
    assert_null(prepared_find(p, 1, 'S', bytes_of("s1")));
    assert_int_equal(get(p, 1, 'S', "s2"), 3);
    assert_int_equal(get(p, 1, 'S', "one more"), 100);
    prepared_close(p);
}

static void details_are_of_a_connection_and_go_alone(void **state)
{
    (void)state;
    struct prepared *p = prepared_open(NAMES_MAX, 0);
    uint64_t key = prepared_key(p, 'S', bytes_of("a"));
    assert_int_not_equal(key, prepared_key(p, 'P', bytes_of("a")));
    assert_null(prepared_details_find(p, 1, key));
    struct prepared_details *details = prepared_details_touch(p, 1, key);
    assert_int_equal(details->lookups.count, 0);
    assert_false(details->columns.is_known);
    details->columns.is_known = true;
    assert_true(prepared_details_find(p, 1, key)->columns.is_known);
    assert_null(prepared_details_find(p, 2, key));
    set(p, 1, 'S', "a", 5);
    prepared_details_forget(p, 1, key);
    prepared_details_forget(p, 1, key);
    assert_null(prepared_details_find(p, 1, key));
    assert_int_equal(get(p, 1, 'S', "a"), 5);
    prepared_close(p);
}

static void closing_nothing_does_nothing(void **state)
{
    (void)state;
    prepared_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_of_its_kind_and_connection),
        cmocka_unit_test(a_name_is_made_empty_kept_changed_and_forgotten),
        cmocka_unit_test(the_name_used_longest_ago_goes_and_is_counted),
        cmocka_unit_test(details_are_of_a_connection_and_go_alone),
        cmocka_unit_test(closing_nothing_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
