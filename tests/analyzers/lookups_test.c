/*
 * Placeholders that are looked for, as runs.
 */
#include "tests/cmocka.h"

#include "analyzers/sql/lookups.h"

#include <stdio.h>

static const struct bytes nameless = {NULL, 0};

static void a_list_is_one_run(void **state)
{
    struct lookups l = {0};
    (void)state;
    for (unsigned n = 2; n <= 500; n++)
        lookups_add(&l, n, nameless, SUBJECT_MSISDN);
    assert_int_equal(l.count, 1);
    assert_int_equal(lookups_numbered(&l, 1), SUBJECT_NONE);
    assert_int_equal(lookups_numbered(&l, 2), SUBJECT_MSISDN);
    assert_int_equal(lookups_numbered(&l, 500), SUBJECT_MSISDN);
    assert_int_equal(lookups_numbered(&l, 501), SUBJECT_NONE);
    assert_int_equal(lookups_last(&l), 500);
}

static void rows_of_two_columns_are_two_runs(void **state)
{
    struct lookups l = {0};
    (void)state;
    for (unsigned row = 0; row < 100; row++) {
        lookups_add(&l, 3 * row + 1, nameless, SUBJECT_CUSTOMER);
        lookups_add(&l, 3 * row + 3, nameless, SUBJECT_EMAIL);
    }
    assert_int_equal(l.count, 2);
    for (unsigned n = 1; n <= 300; n++)
        assert_int_equal(lookups_numbered(&l, n), n % 3 == 1   ? SUBJECT_CUSTOMER
                                                  : n % 3 == 0 ? SUBJECT_EMAIL
                                                               : SUBJECT_NONE);
}

static void a_number_is_kept_once_and_names_without_case(void **state)
{
    struct lookups l = {0};
    (void)state;
    lookups_add(&l, 1, nameless, SUBJECT_MSISDN);
    lookups_add(&l, 1, nameless, SUBJECT_MSISDN);
    lookups_add(&l, 0, bytes_of("@Id"), SUBJECT_CUSTOMER);
    lookups_add(&l, 0, bytes_of("@ID"), SUBJECT_CUSTOMER);
    lookups_add(&l, 0, nameless, SUBJECT_CUSTOMER);
    assert_int_equal(l.count, 2);
    assert_int_equal(lookups_named(&l, bytes_of("@id")), SUBJECT_CUSTOMER);
    assert_int_equal(lookups_named(&l, bytes_of("@other")), SUBJECT_NONE);
    assert_int_equal(lookups_numbered(&l, 0), SUBJECT_NONE);
}

static void names_that_end_in_a_number_are_a_run(void **state)
{
    struct lookups l = {0};
    (void)state;
    for (int n = 0; n < 100; n++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "@P%d", n);
        lookups_add(&l, 0, bytes_of(name), SUBJECT_CUSTOMER);
    }
    lookups_add(&l, 0, bytes_of("@p"), SUBJECT_MSISDN);
    assert_int_equal(l.count, 2);
    assert_int_equal(lookups_named(&l, bytes_of("@p0")), SUBJECT_CUSTOMER);
    assert_int_equal(lookups_named(&l, bytes_of("@P99")), SUBJECT_CUSTOMER);
    assert_int_equal(lookups_named(&l, bytes_of("@P100")), SUBJECT_NONE);
    assert_int_equal(lookups_named(&l, bytes_of("@Q1")), SUBJECT_NONE);
    assert_int_equal(lookups_named(&l, bytes_of("@P")), SUBJECT_MSISDN);
    assert_int_equal(lookups_numbered(&l, 1), SUBJECT_NONE);
    assert_int_equal(lookups_last(&l), 0);
}

static void runs_beyond_their_room_are_left_out(void **state)
{
    struct lookups l = {0};
    unsigned square = 0;
    (void)state;
    for (unsigned n = 0; n < 3 * LOOKUPS_MAX; n++) {
        square = n * n + 1;
        lookups_add(&l, square, nameless, n % 2 ? SUBJECT_MSISDN : SUBJECT_IMSI);
    }
    lookups_add(&l, UINT32_MAX, nameless, SUBJECT_MSISDN);
    assert_int_equal(l.count, LOOKUPS_MAX);
    assert_int_equal(lookups_numbered(&l, 1), SUBJECT_IMSI);
    assert_int_equal(lookups_numbered(&l, square), SUBJECT_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_one_run),
        cmocka_unit_test(rows_of_two_columns_are_two_runs),
        cmocka_unit_test(a_number_is_kept_once_and_names_without_case),
        cmocka_unit_test(names_that_end_in_a_number_are_a_run),
        cmocka_unit_test(runs_beyond_their_room_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
