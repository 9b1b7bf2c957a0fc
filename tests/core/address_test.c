/*
 * core/address.h and core/clock.h.
 */
#include "tests/cmocka.h"

#include "core/address.h"
#include "core/clock.h"

static void addresses_read_and_print_the_same(void **state)
{
    static const char *const cases[] = {"0.0.0.0",     "10.77.0.1", "255.255.255.255",
                                        "2001:db8::1", "::1",       "fe80::1:2"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address a;
        char text[ADDRESS_TEXT_MAX];
        assert_true(address_parse(&a, bytes_of(cases[i])));
        assert_int_equal(address_print(&a, text), strlen(cases[i]));
        assert_string_equal(text, cases[i]);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "10.0.0",
                                        "10.0.0.256",
                                        "a",
                                        "1::2::3",
                                        "10.0.0.1 ",
                                        "2001:db8:0000:0000:0000:0000:0000:0000:0000:0000:0001"};
    (void)state;
    struct address a;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_false(address_parse(&a, bytes_of(cases[i])));
}

static void prefixes_hold_what_they_say(void **state)
{
    static const struct {
        const char *prefix, *address;
        bool holds;
    } cases[] = {
        {"10.1.0.0/16", "10.1.255.255", true},
        {"10.1.0.0/16", "10.2.0.0", false},
        {"10.1.2.3", "10.1.2.3", true},
        {"0.0.0.0/0", "255.1.2.3", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"10.0.0.0/9", "10.127.0.1", true},
        {"10.0.0.0/9", "10.128.0.1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct prefix p;
        struct address a;
        assert_true(prefix_parse(&p, bytes_of(cases[i].prefix)));
        assert_true(address_parse(&a, bytes_of(cases[i].address)));
        assert_int_equal(prefix_has(&p, &a), cases[i].holds);
    }
}

static void a_prefix_with_bits_behind_it_is_refused(void **state)
{
    static const char *const cases[] = {"10.1.0.1/16", "10.0.0.0/33", "2001:db8::1/32",
                                        "10.0.0.0/",   "10.0.0.0/x",  "/8"};
    (void)state;
    struct prefix p;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_false(prefix_parse(&p, bytes_of(cases[i])));
}

static void times_read_and_print_the_same(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } cases[] = {
        {"1970-01-01T00:00:00.000000000Z", 0},
        {"2026-01-05T09:30:00.000000001Z", INT64_C(1767605400000000001)},
        {"2024-02-29T23:59:59.999999999Z", INT64_C(1709251199999999999)},
        {"1969-12-31T23:59:59.500000000Z", -INT64_C(500000000)},
        {"2000-03-01T00:00:00.000000000Z", INT64_C(951868800000000000)},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[CLOCK_TEXT_MAX];
        int64_t ns;
        assert_int_equal(clock_print(cases[i].ns, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        assert_true(clock_parse(&ns, bytes_of(cases[i].text)));
        assert_true(ns == cases[i].ns);
    }
}

static void times_with_offsets_and_without_fraction_are_read(void **state)
{
    int64_t ns;
    (void)state;
    assert_true(clock_parse(&ns, bytes_of("2026-01-05T10:30:00+01:00")));
    assert_true(ns == INT64_C(1767605400000000000));
    assert_true(clock_parse(&ns, bytes_of("2026-01-05T09:30:00.25Z")));
    assert_true(ns == INT64_C(1767605400250000000));
    assert_false(clock_parse(&ns, bytes_of("2026-13-05T09:30:00Z")));
    assert_false(clock_parse(&ns, bytes_of("2026-01-05 09:30:00Z")));
    assert_false(clock_parse(&ns, bytes_of("2026-01-05T09:30:00")));
    assert_false(clock_parse(&ns, bytes_of("9999-01-05T09:30:00Z")));
}

static void durations_need_a_number_and_a_unit(void **state)
{
    int64_t ns;
    (void)state;
    assert_true(clock_duration_parse(&ns, bytes_of("90s")) && ns == 90 * CLOCK_SECOND_NS);
    assert_true(clock_duration_parse(&ns, bytes_of("2w")) && ns == 14 * 86400 * CLOCK_SECOND_NS);
    assert_false(clock_duration_parse(&ns, bytes_of("90")));
    assert_false(clock_duration_parse(&ns, bytes_of("d")));
    assert_false(clock_duration_parse(&ns, bytes_of("5x")));
    assert_false(clock_duration_parse(&ns, bytes_of("999999999w")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_read_and_print_the_same),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(prefixes_hold_what_they_say),
        cmocka_unit_test(a_prefix_with_bits_behind_it_is_refused),
        cmocka_unit_test(times_read_and_print_the_same),
        cmocka_unit_test(times_with_offsets_and_without_fraction_are_read),
        cmocka_unit_test(durations_need_a_number_and_a_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
