/*
 * core/cursor.h and core/bytes.h.
 */
#include "tests/cmocka.h"

#include "core/cursor.h"

static void reads_take_their_order_and_width(void **state)
{
    static const uint8_t wire[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    (void)state;
    struct cursor c = cursor_over((struct bytes){wire, sizeof(wire)});
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_be16(&c), 0x0203);
    assert_int_equal(cursor_be24(&c), 0x040506);
    assert_int_equal(cursor_le16(&c), 0x0807);
    assert_int_equal(cursor_le32(&c), 0x0c0b0a09);
    assert_int_equal(cursor_left(&c), 3);
    assert_false(cursor_is_short(&c));
}

static void a_read_past_the_end_is_zero_and_stays_short(void **state)
{
    static const uint8_t wire[] = {0xff, 0xff, 0xff};
    (void)state;
    struct cursor c = cursor_over((struct bytes){wire, sizeof(wire)});
    assert_int_equal(cursor_be32(&c), 0);
    assert_true(cursor_is_short(&c));
    assert_int_equal(cursor_left(&c), 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_take(&c, 0).len, 0);
    assert_true(cursor_is_short(&c));
}

static void an_empty_view_is_not_short(void **state)
{
    (void)state;
    struct cursor c = cursor_over((struct bytes){NULL, 0});
    assert_false(cursor_is_short(&c));
    assert_int_equal(cursor_take(&c, 0).len, 0);
    assert_false(cursor_is_short(&c));
}

static void a_nested_length_that_lies_is_a_short_inner_cursor(void **state)
{
    static const uint8_t wire[] = {9, 1, 2};
    (void)state;
    struct cursor c = cursor_over((struct bytes){wire, sizeof(wire)});
    struct cursor inner = cursor_inner(&c, cursor_u8(&c));
    assert_true(cursor_is_short(&inner));
    assert_true(cursor_is_short(&c));
}

static void texts_end_at_their_zero(void **state)
{
    static const uint8_t wire[] = {'a', 'b', 0, 0, 'c'};
    (void)state;
    struct cursor c = cursor_over((struct bytes){wire, sizeof(wire)});
    assert_true(bytes_are(cursor_text(&c), "ab"));
    assert_int_equal(cursor_text(&c).len, 0);
    assert_false(cursor_is_short(&c));
    assert_int_equal(cursor_text(&c).len, 0);
    assert_true(cursor_is_short(&c));
}

static void numbers_are_whole_decimals(void **state)
{
    static const struct {
        const char *text;
        bool is_number;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"42", true, 42},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"4 ", false, 0},
        {"0x10", false, 0},
        {"007", true, 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 0;
        assert_int_equal(bytes_number(bytes_of(cases[i].text), &value), cases[i].is_number);
        assert_true(value == cases[i].value);
    }
}

static void views_are_found_and_trimmed(void **state)
{
    (void)state;
    assert_int_equal(bytes_find(bytes_of("abcabd"), bytes_of("abd")), 3);
    assert_int_equal(bytes_find(bytes_of("abc"), bytes_of("x")), 3);
    assert_true(bytes_are(bytes_trim(bytes_of(" \t a b\r\n")), "a b"));
    assert_true(bytes_are_nocase(bytes_of("Content-LENGTH"), "content-length"));
    assert_false(bytes_are_nocase(bytes_of("content"), "content-length"));
    assert_int_equal(bytes_from(bytes_of("abc"), 9).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_take_their_order_and_width),
        cmocka_unit_test(a_read_past_the_end_is_zero_and_stays_short),
        cmocka_unit_test(an_empty_view_is_not_short),
        cmocka_unit_test(a_nested_length_that_lies_is_a_short_inner_cursor),
        cmocka_unit_test(texts_end_at_their_zero),
        cmocka_unit_test(numbers_are_whole_decimals),
        cmocka_unit_test(views_are_found_and_trimmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
