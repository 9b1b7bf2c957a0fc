/*
 * WebSocket by scripts: they begin with the Upgrade, in HTTP/1.
 */
#include "tests/analyzers/script.h"

#include "analyzers/http/websocket.h"

static struct script_setup setup = {TESTS_FOLDER "/websocket", 80};

static void no_first_bytes_are_taken_for_it(void **state)
{
    static const struct script_start starts[] = {
        SCRIPT_START(SIDE_CLIENT, "\x81\x80 key", START_NO),
        SCRIPT_START(SIDE_SERVER, "\x81\5hello\x81\5hello\x81\5hello\x81\5hello\x81\5hello",
                     START_NO),
    };
    (void)state;
    script_check_starts(&WEBSOCKET_ANALYZER, starts, sizeof(starts) / sizeof(starts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(no_first_bytes_are_taken_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
