#include "tests/cmocka.h"

#include "subjects/digits.h"
#include "subjects/phone.h"

enum { LEN_MAX = 24 };

/* Whether all of the bytes that touch digits among ASCII are told from them, at each place. */
static void one_byte_that_is_no_digit_is_seen_wherever_it_stands(void **state)
{
    static const uint8_t others[] = {'/', ':', ' ', 'A', 0, 0x2f, 0x3a, 0x3f, 0x40, 0xb5, 0xff};
    (void)state;
    for (size_t len = 1; len <= LEN_MAX; len++) {
        uint8_t text[LEN_MAX];
        char out[LEN_MAX];
        for (size_t i = 0; i < len; i++)
            text[i] = (uint8_t)('0' + i % 10);
        assert_int_equal(digits_of((struct bytes){text, len}, "", out, LEN_MAX), len);
        assert_memory_equal(out, text, len);
        assert_int_equal(digits_of((struct bytes){text, len}, "", out, len - 1), 0);
        assert_int_equal(digits_of((struct bytes){text, len}, " -", out, len - 1), 0);
        for (size_t at = 0; at < len; at++) {
            uint8_t digit = text[at];
            for (size_t i = 0; i < sizeof(others); i++) {
                text[at] = others[i];
                assert_int_equal(digits_of((struct bytes){text, len}, "", out, LEN_MAX), 0);
            }
            text[at] = digit;
        }
    }
}

static void signs_stand_alone_between_digits(void **state)
{
    static const struct {
        const char *text, *digits; /* NULL: none */
    } cases[] = {
        {"070-123 45 67", "0701234567"},
        {"070--1234567", NULL},
        {"-0701234567", NULL},
        {"0701234567-", NULL},
        {"070.123", NULL},
        {"070_123", NULL},
        {"1 2 3 4 5 6 7 8", "12345678"},
        {"123456789012345", NULL},
        {"1-2-3-4-5-6-7-8-9-0-1-2-3-4", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[12];
        size_t count = digits_of(bytes_of(cases[i].text), " -", out, sizeof(out));
        assert_int_equal(count, cases[i].digits ? strlen(cases[i].digits) : 0);
        if (count > 0)
            assert_memory_equal(out, cases[i].digits, count);
    }
}

/* The rule as the standard has it: every second digit from the right, but for the last, doubled. */
static bool luhn_by_rule(const char *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned)(digits[count - 1 - i] - '0');
        if (i % 2 == 1)
            digit = 2 * digit / 10 + 2 * digit % 10;
        sum += digit;
    }
    return sum % 10 == 0;
}

static void check_digits_are_those_of_the_rule(void **state)
{
    uint64_t number = 1;
    (void)state;
    for (size_t count = 0; count <= LEN_MAX; count++) {
        for (unsigned n = 0; n < 200; n++) {
            char digits[LEN_MAX];
            for (size_t i = 0; i < count; i++) {
                number = number * UINT64_C(6364136223846793005) + 1442695040888963407U;
                digits[i] = (char)('0' + (number >> 33) % 10);
            }
            assert_int_equal(digits_luhn(digits, count), luhn_by_rule(digits, count));
        }
    }
}

/* 809 of the 1,000 beginnings are given out; these stand beside the borders. */
static void calling_codes_that_nobody_has_are_none(void **state)
{
    static const char *const given[] = {"100", "199", "209", "213", "258", "279", "290",
                                        "297", "378", "389", "421", "499", "599", "692",
                                        "700", "800", "888", "900", "968", "998"};
    static const char *const free[] = {"000", "099", "210", "214", "259", "280", "296",
                                       "379", "384", "388", "422", "424", "671", "684",
                                       "693", "801", "889", "969", "978", "997", "999"};
    unsigned count = 0;
    (void)state;
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        assert_true(phone_has_country(given[i], 3));
    for (size_t i = 0; i < sizeof(free) / sizeof(free[0]); i++)
        assert_false(phone_has_country(free[i], 3));
    assert_false(phone_has_country("46", 2));
    for (unsigned code = 0; code < 1000; code++) {
        const char digits[] = {(char)('0' + code / 100), (char)('0' + code / 10 % 10),
                               (char)('0' + code % 10)};
        count += phone_has_country(digits, 3);
    }
    assert_int_equal(count, 809);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_that_is_no_digit_is_seen_wherever_it_stands),
        cmocka_unit_test(signs_stand_alone_between_digits),
        cmocka_unit_test(check_digits_are_those_of_the_rule),
        cmocka_unit_test(calling_codes_that_nobody_has_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
