#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/quantity.h"

static void numbers_are_read_with_the_units_of_their_kind(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum quantity_unit unit;
        enum quantity_status status;
        uint64_t number;
    } cases[] = {
        {"0", QUANTITY_PLAIN, QUANTITY_GOOD, 0},
        {"3000", QUANTITY_PLAIN, QUANTITY_GOOD, 3000},
        {"20MiB", QUANTITY_BYTES, QUANTITY_GOOD, 20971520},
        {"5KB", QUANTITY_BYTES, QUANTITY_GOOD, 5000},
        {"5kB", QUANTITY_BYTES, QUANTITY_GOOD, 5000},
        {"7", QUANTITY_BYTES, QUANTITY_GOOD, 7},
        {"7B", QUANTITY_BYTES, QUANTITY_GOOD, 7},
        {"2TiB", QUANTITY_BYTES, QUANTITY_GOOD, UINT64_C(2) << 40},
        {"500ms", QUANTITY_TIME, QUANTITY_GOOD, 500000000},
        {"10s", QUANTITY_TIME, QUANTITY_GOOD, UINT64_C(10000000000)},
        {"90d", QUANTITY_TIME, QUANTITY_GOOD, UINT64_C(7776000000000000)},
        {"2w", QUANTITY_TIME, QUANTITY_GOOD, UINT64_C(1209600000000000)},
        {"0", QUANTITY_TIME, QUANTITY_GOOD, 0},
        {"10", QUANTITY_TIME, QUANTITY_NEEDS_UNIT, 0},
        {"10s", QUANTITY_BYTES, QUANTITY_WRONG_UNIT, 0},
        {"10MiB", QUANTITY_PLAIN, QUANTITY_WRONG_UNIT, 0},
        {"10mb", QUANTITY_BYTES, QUANTITY_NO_UNIT, 0},
        {"1.5GiB", QUANTITY_BYTES, QUANTITY_NO_UNIT, 0},
        {"-1", QUANTITY_PLAIN, QUANTITY_NO_NUMBER, 0},
        {"", QUANTITY_PLAIN, QUANTITY_NO_NUMBER, 0},
        {"many", QUANTITY_PLAIN, QUANTITY_NO_NUMBER, 0},
        {"99999999999999999999", QUANTITY_PLAIN, QUANTITY_TOO_LARGE, 0},
        {"9999999TiB", QUANTITY_BYTES, QUANTITY_TOO_LARGE, 0},
        {"99999999w", QUANTITY_TIME, QUANTITY_TOO_LARGE, 0},
        {"5%", QUANTITY_SHARE, QUANTITY_GOOD, 50000},
        {"0.5%", QUANTITY_SHARE, QUANTITY_GOOD, 5000},
        {"12.3456%", QUANTITY_SHARE, QUANTITY_GOOD, 123456},
        {"0.0001%", QUANTITY_SHARE, QUANTITY_GOOD, 1},
        {"100%", QUANTITY_SHARE, QUANTITY_GOOD, SHARE_ONE},
        {"0%", QUANTITY_SHARE, QUANTITY_GOOD, 0},
        {"0", QUANTITY_SHARE, QUANTITY_GOOD, 0},
        {"100.0001%", QUANTITY_SHARE, QUANTITY_TOO_LARGE, 0},
        {"101%", QUANTITY_SHARE, QUANTITY_TOO_LARGE, 0},
        {"99999999999999999%", QUANTITY_SHARE, QUANTITY_TOO_LARGE, 0},
        {"0.05", QUANTITY_SHARE, QUANTITY_NEEDS_UNIT, 0},
        {"5", QUANTITY_SHARE, QUANTITY_NEEDS_UNIT, 0},
        {"0.00001%", QUANTITY_SHARE, QUANTITY_NO_UNIT, 0},
        {"5.%", QUANTITY_SHARE, QUANTITY_NO_UNIT, 0},
        {".5%", QUANTITY_SHARE, QUANTITY_NO_NUMBER, 0},
        {"5s", QUANTITY_SHARE, QUANTITY_WRONG_UNIT, 0},
        {"5%", QUANTITY_PLAIN, QUANTITY_WRONG_UNIT, 0},
        {"0.5%", QUANTITY_TIME, QUANTITY_NO_UNIT, 0},
        {"8.8", QUANTITY_SCORE, QUANTITY_GOOD, 8800000},
        {"12", QUANTITY_SCORE, QUANTITY_GOOD, 12000000},
        {"0.0001", QUANTITY_SCORE, QUANTITY_GOOD, 100},
        {"1000", QUANTITY_SCORE, QUANTITY_GOOD, QUANTITY_SCORE_MAX},
        {"1000.1", QUANTITY_SCORE, QUANTITY_TOO_LARGE, 0},
        {"8.8s", QUANTITY_SCORE, QUANTITY_WRONG_UNIT, 0},
        {"8.", QUANTITY_SCORE, QUANTITY_NO_UNIT, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t number = 0;
        assert_int_equal(quantity_parse(&number, bytes_of(cases[i].text), cases[i].unit),
                         cases[i].status);
        if (cases[i].status == QUANTITY_GOOD)
            assert_int_equal(number, cases[i].number);
    }
}

static void numbers_are_printed_for_people(void **state)
{
    (void)state;
    static const struct {
        uint64_t number;
        enum quantity_unit unit;
        const char *text;
    } cases[] = {
        {0, QUANTITY_PLAIN, "0"},
        {999, QUANTITY_PLAIN, "999"},
        {1000, QUANTITY_PLAIN, "1,000"},
        {5312, QUANTITY_PLAIN, "5,312"},
        {UINT64_MAX, QUANTITY_PLAIN, "18,446,744,073,709,551,615"},
        {1, QUANTITY_BYTES, "1 byte"},
        {512, QUANTITY_BYTES, "512 bytes"},
        {20971520, QUANTITY_BYTES, "20 MiB"},
        {21391000, QUANTITY_BYTES, "20.4 MiB"},
        {1536, QUANTITY_BYTES, "1.5 KiB"},
        {1500000000, QUANTITY_TIME, "1.5 s"},
        {250, QUANTITY_TIME, "250 ns"},
        {12345, QUANTITY_SHARE, "1.2 %"},
        {50000, QUANTITY_SHARE, "5 %"},
        {999999, QUANTITY_SHARE, "99.9 %"},
        {SHARE_ONE, QUANTITY_SHARE, "100 %"},
        {5000, QUANTITY_SHARE, "0.5 %"},
        {50, QUANTITY_SHARE, "0.005 %"},
        {1, QUANTITY_SHARE, "0.0001 %"},
        {0, QUANTITY_SHARE, "0 %"},
        {8800000, QUANTITY_SCORE, "8.8"},
        {12000000, QUANTITY_SCORE, "12"},
        {100, QUANTITY_SCORE, "0.0001"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buffer[64];
        struct text t = text_over(buffer, sizeof(buffer));
        quantity_print(&t, cases[i].number, cases[i].unit);
        assert_string_equal(buffer, cases[i].text);
    }
}

static void rounding_leaves_what_a_person_would_write(void **state)
{
    (void)state;
    static const struct {
        double number;
        enum quantity_unit unit;
        uint64_t rounded;
    } cases[] = {
        {7.4, QUANTITY_PLAIN, 7},
        {1414.2, QUANTITY_PLAIN, 1400},
        {6222539, QUANTITY_SCORE, 6200000},
        {353.5 * (1 << 20), QUANTITY_BYTES, UINT64_C(350) << 20},
        {5.5 * (1 << 20), QUANTITY_BYTES, 5600 * 1024},
        {29.7 * 86400e9, QUANTITY_TIME, 30 * UINT64_C(86400000000000)},
        {1.48 * 86400e9, QUANTITY_TIME, 36 * UINT64_C(3600000000000)},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(quantity_round(cases[i].number, cases[i].unit), cases[i].rounded);
}

static void windows_are_printed_as_rules_write_them_and_in_words(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text, *words;
    } cases[] = {
        {1, "1s", "1 second"},       {90, "90s", "90 seconds"},  {600, "10m", "10 minutes"},
        {3600, "1h", "1 hour"},      {43200, "12h", "12 hours"}, {86400, "1d", "1 day"},
        {1209600, "14d", "14 days"}, {90000, "25h", "25 hours"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buffer[64];
        struct text t = text_over(buffer, sizeof(buffer));
        quantity_print_window(&t, cases[i].seconds * CLOCK_SECOND_NS, false);
        assert_string_equal(buffer, cases[i].text);
        t = text_over(buffer, sizeof(buffer));
        quantity_print_window(&t, cases[i].seconds * CLOCK_SECOND_NS, true);
        assert_string_equal(buffer, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_with_the_units_of_their_kind),
        cmocka_unit_test(numbers_are_printed_for_people),
        cmocka_unit_test(rounding_leaves_what_a_person_would_write),
        cmocka_unit_test(windows_are_printed_as_rules_write_them_and_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
