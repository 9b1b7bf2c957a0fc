/*
 * The PROXY protocol before several protocols by scripts, and its headers by themselves.
 */
#include "tests/analyzers/script.h"

#include "analyzers/proxy_protocol.h"

static struct script_setup setup = {TESTS_FOLDER "/proxy_protocol", 80};

#define FIRST(text)                                                                                \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static const struct {
    struct bytes first;
    enum start start;
    size_t len;
    const char *client; /* NULL: none is told */
} headers[] = {
    {FIRST("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), START_SURE, 32, "1.2.3.4"},
    {FIRST("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET /"), START_SURE, 32, "1.2.3.4"},
    {FIRST("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r"), START_SHORT, 0, NULL},
    {FIRST("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n"), START_NO, 0, NULL},
    {FIRST("PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n"), START_NO, 0, NULL},
    {FIRST("PROXY TCP4 nobody 5.6.7.8 1 2\r\n"), START_NO, 0, NULL},
    {FIRST("PROXY TCP4\r\n"), START_NO, 0, NULL},
    {FIRST("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"), START_NO, 0, NULL},
    {FIRST("PROXY UNKNOWN\r\n"), START_SURE, 15, NULL},
    {FIRST("PROXY TCP6 2a00::1 2a00::2 1 2\r\n"), START_SURE, 32, "2a00::1"},
    {FIRST("PROXY \n"), START_NO, 0, NULL},
    {FIRST("P"), START_SHORT, 0, NULL},
    {FIRST("POST / HTTP/1.1\r\n"), START_NO, 0, NULL},
    {FIRST("\r\n"), START_SHORT, 0, NULL},
    {FIRST("\r\nGET"), START_NO, 0, NULL},
    {FIRST(SIGNATURE), START_SHORT, 0, NULL},
    {FIRST(SIGNATURE "\x21\x11\0\xc\1\2\3\4\5\6\7\x8\0\1\0\2"), START_SURE, 28, "1.2.3.4"},
    {FIRST(SIGNATURE "\x21\x11\0\xc\1\2\3\4\5\6\7\x8\0\1\0"), START_SHORT, 0, NULL},
    {FIRST(SIGNATURE "\x21\x11\0\xb\1\2\3\4\5\6\7\x8\0\1\0"), START_SURE, 27, NULL},
    {FIRST(SIGNATURE "\x20\x11\0\xc\1\2\3\4\5\6\7\x8\0\1\0\2"), START_SURE, 28, NULL},
    {FIRST(SIGNATURE "\x21\x31\0\0"), START_SURE, 16, NULL}, /* a socket of the system's */
    {FIRST(SIGNATURE "\x22\x11\0\0"), START_NO, 0, NULL},
    {FIRST(SIGNATURE "\x31\x11\0\0"), START_NO, 0, NULL},
    {FIRST(SIGNATURE "\x21\x11\xff\xff"), START_NO, 0, NULL}, /* longer than any */
};

static void headers_are_read_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        struct proxy_header h = {0};
        struct address client;
        enum start start = proxy_header_read(headers[i].first, &h);
        if (start != headers[i].start)
            print_error("header %zu\n", i);
        assert_int_equal(start, headers[i].start);
        if (start != START_SURE)
            continue;
        assert_int_equal(h.len, headers[i].len);
        assert_int_equal(h.has_client, headers[i].client != NULL);
        if (!h.has_client)
            continue;
        assert_true(address_parse(&client, bytes_of(headers[i].client)));
        assert_true(address_equal(&h.ip, &client));
        assert_int_equal(h.port, 1);
    }
}

static void a_line_ends_within_its_bound(void **state)
{
    char line[PROXY_LINE_MAX + 1];
    struct proxy_header h;
    (void)state;
    memset(line, ' ', sizeof(line));
    memcpy(line, "PROXY ", 6);
    assert_int_equal(proxy_header_read((struct bytes){(uint8_t *)line, PROXY_LINE_MAX - 1}, &h),
                     START_SHORT);
    assert_int_equal(proxy_header_read((struct bytes){(uint8_t *)line, sizeof(line)}, &h),
                     START_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(headers_are_read_or_none),
        cmocka_unit_test(a_line_ends_within_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
