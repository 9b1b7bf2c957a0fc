/*
 * core/json_read.h.
 */
#include "tests/cmocka.h"

#include "core/json_read.h"

#include <stdlib.h>

enum { TEXT_MAX = 256 };

/* A reader over a copy without a terminating zero, in a block of its own size: a read over its end
 * is one that the sanitizer sees. */
static struct json_reader reader_over(uint8_t **copy, const char *text)
{
    size_t len = strlen(text);
    *copy = malloc(len + 1);
    memcpy(*copy, text, len);
    return (struct json_reader){.text = *copy, .len = len};
}

static void strings_come_as_they_were_before_they_were_written(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"\"\"", ""},
        {"\"plain, and longer than eight bytes\"", "plain, and longer than eight bytes"},
        {" \"a\\\"b\\\\c\\/\"", "a\"b\\c/"},
        {"\"1234567\\n\\r\\t\\b\\f\\u0001\\u007f\"", "1234567\n\r\t\b\f\x01\x7f"},
        {"\"\xc3\xa5\\u00e5\\u20ac\\ud83d\\ude00 after\"",
         "\xc3\xa5\xc3\xa5\xe2\x82\xac\xf0\x9f\x98\x80 after"},
        {"\"\\ud83d\"", "\xef\xbf\xbd"},
        {"\"\\ud83dx\"", "\xef\xbf\xbdx"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                               "A"},
        {"\"\\ude00\"", "\xef\xbf\xbd"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *copy;
        struct json_reader r = reader_over(&copy, cases[i].json);
        struct bytes text;
        assert_true(json_read_text(&r, &text));
        assert_int_equal(text.len, strlen(cases[i].text));
        assert_memory_equal(text.data, cases[i].text, text.len);
        assert_true(json_read_end(&r));
        free(copy);
    }
}

static void wrong_strings_are_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "x",
                                        "\"",
                                        "\"abc",
                                        "\"a\\",
                                        "\"a\\x\"",
                                        "\"a\\u12\"",
                                        "\"\\u12g4\"",
                                        "\"\\ud83d\\u\"",
                                        "\"a\nb\"",
                                        "\"12345678\x01\""};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *copy;
        struct json_reader r = reader_over(&copy, cases[i]);
        struct bytes text;
        assert_false(json_read_text(&r, &text));
        assert_non_null(r.problem);
        free(copy);
    }
}

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    static const struct {
        const char *json;
        bool is_good;
        uint64_t value;
    } cases[] = {{"0", true, 0},
                 {" 18446744073709551615", true, UINT64_MAX},
                 {"18446744073709551616", false, 0},
                 {"99999999999999999999", false, 0},
                 {"-1", false, 0},
                 {"1.5", false, 0},
                 {"1e3", false, 0},
                 {"", false, 0},
                 {"\"1\"", false, 0}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *copy;
        struct json_reader r = reader_over(&copy, cases[i].json);
        uint64_t value = 0;
        assert_int_equal(json_read_unsigned(&r, &value), cases[i].is_good);
        assert_int_equal(value, cases[i].value);
        free(copy);
    }
    uint8_t *copy;
    struct json_reader r = reader_over(&copy, "-59.3293e-1");
    double real;
    assert_true(json_read_real(&r, &real));
    assert_true(real == -5.93293);
    free(copy);
}

static void any_value_is_passed_over(void **state)
{
    static const char *const cases[] = {
        "{}",    "[]",    "[[],{}]", "{\"a\":{\"b\":[1,2.5,null,true]},\"c\":\"}]\"}",
        "false", "\"x\"", "-1e9",    "[ 1 , { } ]"};
    static const char *const wrong[] = {"",        "{",     "[1",   "[1 2]",
                                        "{\"a\"}", "{1:2}", "[1,]", "{\"a\":}",
                                        "nul",     "[}",    "{]",   "{\"a\":1,}"};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *copy;
        struct json_reader r = reader_over(&copy, cases[i]);
        assert_true(json_read_skip(&r));
        assert_true(json_read_end(&r));
        free(copy);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        uint8_t *copy;
        struct json_reader r = reader_over(&copy, wrong[i]);
        assert_false(json_read_skip(&r));
        assert_non_null(r.problem);
        free(copy);
    }
}

static void what_is_nested_has_a_bound(void **state)
{
    char text[TEXT_MAX] = "";
    (void)state;
    for (unsigned depth = JSON_READ_DEPTH_MAX; depth <= JSON_READ_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        uint8_t *copy;
        struct json_reader r = reader_over(&copy, text);
        assert_int_equal(json_read_skip(&r), depth == JSON_READ_DEPTH_MAX);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_come_as_they_were_before_they_were_written),
        cmocka_unit_test(wrong_strings_are_refused),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(any_value_is_passed_over),
        cmocka_unit_test(what_is_nested_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
