/*
 * Oracle by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

#include "analyzers/tns/tns.h"

static struct script_setup setup = {TESTS_FOLDER "/tns", 1521};

static const struct script_start starts[] = {
    SCRIPT_START(SIDE_CLIENT, "\0\x3a\0\0\1\0\0\0\1\x3e\1\x2c", START_SHORT),
    SCRIPT_START(SIDE_CLIENT,
                 "\0\x3a\0\0\1\0\0\0\1\x3e\1\x2c\0\0 \0\xff\xff\x7f\x08\0\0\0\1\0\0\0\x3a",
                 START_SURE),
    SCRIPT_START(SIDE_CLIENT,
                 "\0\x3a\0\0\1\0\0\0\x10\x3e\1\x2c\0\0 \0\xff\xff\x7f\x08\0\0\0\1\0\0\0\x3a",
                 START_NO),
    SCRIPT_START(SIDE_SERVER,
                 "\0\x3a\0\0\1\0\0\0\1\x3e\1\x2c\0\0 \0\xff\xff\x7f\x08\0\0\0\1\0\0\0\x3a",
                 START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\0\0\0\3\x0e\1", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\0\0\0\3\x0e", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\0\0", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\0\x80\0\3\x0e\1", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x0d\x2a\0\0\0\0\0\3\x0e\1", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x0d\6\0\0\1\0\0\3\x0e\1", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\7\6\0\0\0\0\0\3\x0e\1", START_NO),
    SCRIPT_START(SIDE_SERVER, "\0\x08\0\0\x0b\0\0\0", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "\0\x08\0\0\x0b\0\0\0", START_NO),
    SCRIPT_START(SIDE_CLIENT, "GET / HTTP/1.1\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\x20\0\3\0\0user\0ann\0\0", START_NO),
};

static void a_start_is_told_by_as_few_bytes_as_can_be(void **state)
{
    (void)state;
    script_check_starts(&TNS_ANALYZER, starts, sizeof(starts) / sizeof(starts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(a_start_is_told_by_as_few_bytes_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
