/*
 * Oracle by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

#include "analyzers/tns.h"

static struct script_setup setup = {TESTS_FOLDER "/tns", 1521};

/* Wherever "hunter2" stands in a script, it is a password, a value or a literal. */
static void law_of_secrets(struct script *s)
{
    struct script_way way = {0};
    struct script_result result;
    script_run(s, &way, &result);
    for (size_t i = 0; i < result.count; i++) {
        if (strstr(result.transactions[i], "hunter2"))
            print_error("%s: %s", s->name, result.transactions[i]);
        assert_null(strstr(result.transactions[i], "hunter2"));
    }
    script_result_clear(&result);
}

static void no_password_literal_or_value_is_in_any_field(void **state)
{
    script_for_all(*state, law_of_secrets);
}

static const struct {
    enum side side;
    struct bytes data;
    enum start start;
} starts[] = {
#define START(side, text, start)                                                                   \
    {                                                                                              \
        side, {(const uint8_t *)(text), sizeof(text) - 1}, start                                   \
    }
    START(SIDE_CLIENT, "\0\x3a\0\0\1\0\0\0\1\x3e\1\x2c", START_SHORT),
    START(SIDE_CLIENT, "\0\x3a\0\0\1\0\0\0\1\x3e\1\x2c\0\0 \0\xff\xff\x7f\x08\0\0\0\1\0\0\0\x3a",
          START_SURE),
    START(SIDE_CLIENT, "\0\x3a\0\0\1\0\0\0\x10\x3e\1\x2c\0\0 \0\xff\xff\x7f\x08\0\0\0\1\0\0\0\x3a",
          START_NO),
    START(SIDE_SERVER, "\0\x3a\0\0\1\0\0\0\1\x3e\1\x2c\0\0 \0\xff\xff\x7f\x08\0\0\0\1\0\0\0\x3a",
          START_NO),
    START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\0\0\0\3\x0e\1", START_SURE),
    START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\0\0\0\3\x0e", START_LIKELY),
    START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\0\0", START_SHORT),
    START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\0\x80\0\3\x0e\1", START_NO),
    START(SIDE_CLIENT, "\0\0\0\x0d\x2a\0\0\0\0\0\3\x0e\1", START_NO),
    START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\1\0\0\3\x0e\1", START_NO),
    START(SIDE_CLIENT, "\0\0\0\7\6\0\0\0\0\0\3\x0e\1", START_NO),
    START(SIDE_SERVER, "\0\x08\0\0\x0b\0\0\0", START_LIKELY),
    START(SIDE_CLIENT, "\0\x08\0\0\x0b\0\0\0", START_NO),
    START(SIDE_CLIENT, "GET / HTTP/1.1\r\n", START_NO),
    START(SIDE_CLIENT, "\0\0\0\x20\0\3\0\0user\0ann\0\0", START_NO),
#undef START
};

static void a_start_is_told_by_as_few_bytes_as_can_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        uint64_t len;
        enum start start =
            TNS_ANALYZER.starts_here(NULL, starts[i].side, cursor_over(starts[i].data), &len);
        if (start != starts[i].start)
            print_error("start %zu\n", i);
        assert_int_equal(start, starts[i].start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test_prestate(no_password_literal_or_value_is_in_any_field, &setup),
        cmocka_unit_test(a_start_is_told_by_as_few_bytes_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
