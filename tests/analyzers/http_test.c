/*
 * HTTP by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

#include "analyzers/http/http.h"

static struct script_setup setup = {TESTS_FOLDER "/http", 80};

static const struct script_start starts[] = {
    SCRIPT_START(SIDE_CLIENT, "GET / HTTP/1.1\r\n", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\r\nGET / HTTP/1.0\n", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "GET / HTTP/1.1", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "GET /", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "G", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "GET http://a/ HTTP/1.1\r\n", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "GET htt", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "CONNECT a:443 HTTP/1.1\r\n", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "GET /a b HTTP/1.1\r\n", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "GET / HTTP/2.0\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "PRI * HTTP/2.0\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "OPTIONS sip:a@b SIP/2.0\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "OPTIONS rtsp://a RTSP/1.0\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "GET /\r\n", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "GOT /\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "1ET / HTTP/1.1\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\x16\x03\x01", START_NO),
    SCRIPT_START(SIDE_CLIENT, "EHLO mail", START_NO),
    SCRIPT_START(SIDE_CLIENT, "HTTP/1.1 200 OK\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "HTTP/1.1 200 OK\r\n", START_SURE),
    SCRIPT_START(SIDE_SERVER, "HTTP/1.0 404\r\n", START_SURE),
    SCRIPT_START(SIDE_SERVER, "HTTP/1.1 200", START_SHORT),
    SCRIPT_START(SIDE_SERVER, "H", START_SHORT),
    SCRIPT_START(SIDE_SERVER, "HTTP/1.1 2XX O\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "HTTP/1.1 2000 \r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "HTTP/2 200 OK\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "RTSP/1.0 200 OK\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "SSH-2.0", START_NO),
};

static void a_start_is_told_by_as_few_bytes_as_can_be(void **state)
{
    (void)state;
    script_check_starts(&HTTP_ANALYZER, starts, sizeof(starts) / sizeof(starts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(a_start_is_told_by_as_few_bytes_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
