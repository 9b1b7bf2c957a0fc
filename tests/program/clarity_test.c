/*
 * What is clear text, what is encrypted, what nobody reads; over connections of the analyzers.
 */
#include "tests/cmocka.h"

#include "clarity.h"
#include "core/clock.h"

#include <stdlib.h>

enum { CLIENT_PORT = 40000, ODD_PORT = 7000 };

struct test {
    struct settings settings;
    struct analysis *a;
    struct connection *c;
    struct clarity clarity;
    struct mirror_counters counters;
    uint64_t said;
};

static void on_transaction(void *context, void *owner, struct transaction *tx)
{
    (void)context;
    (void)owner;
    (void)tx;
}

static void begin(struct test *t, uint16_t port, bool is_midstream)
{
    static const struct analysis_events events = {.transaction = on_transaction};
    struct connection_facts facts = {
        .port = {CLIENT_PORT, port}, .is_midstream = is_midstream, .roles_sure = !is_midstream};
    connection_close(t->c);
    analysis_close(t->a);
    t->settings.memory_max = 1 << 24;
    t->a = analysis_open(&t->settings, &events, t);
    assert_non_null(t->a);
    t->c = connection_open(t->a, &facts, t);
    t->clarity = (struct clarity){CLARITY_OPEN, 0, 0};
    t->counters = (struct mirror_counters){0};
    t->said = 0;
}

static void say(struct test *t, unsigned direction, const void *data, size_t len)
{
    struct bytes bytes = {data, len};
    connection_data(t->c, direction, bytes, CLOCK_SECOND_NS);
    clarity_data(&t->clarity, t->c, bytes, &t->counters);
    t->said += len;
    assert_int_equal(t->counters.payload_bytes, t->said);
}

static void assert_counted(const struct test *t, uint64_t clear, uint64_t encrypted,
                           uint64_t encrypted_bytes, uint64_t undecoded_bytes)
{
    assert_int_equal(t->counters.clear, clear);
    assert_int_equal(t->counters.encrypted, encrypted);
    assert_int_equal(t->counters.encrypted_bytes, encrypted_bytes);
    assert_int_equal(t->counters.undecoded_bytes, undecoded_bytes);
}

static const char ssl_request[] = "\0\0\0\x08\x04\xd2\x16\x2f";
static const char start_up[] = "\0\0\0\x13\0\3\0\0user\0alice\0";
static const char authentication_ok[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I";
static const char hello[] = "\x16\x03\x01\0\x05\1\0\0\1\3";
static const char records[] = "\x17\x03\x03\0\x03"
                              "abc"
                              "\x17\x03\x03\0\x02"
                              "de";
static const char get[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#define SAY(t, direction, text) say(t, direction, text, sizeof(text) - 1)

static void what_an_analyzer_reads_is_clear(void **state)
{
    struct test *t = *state;
    begin(t, 80, false);
    SAY(t, 0, get);
    assert_counted(t, 0, 0, 0, 0); /* an answer could still say otherwise */
    SAY(t, 1, ok);
    assert_counted(t, 1, 0, 0, 0);
    SAY(t, 0, get);
    SAY(t, 1, ok);
    clarity_close(&t->clarity, t->c, &t->counters);
    assert_counted(t, 1, 0, 0, 0);
}

static void one_side_alone_is_clear_at_its_end(void **state)
{
    struct test *t = *state;
    begin(t, 80, false);
    SAY(t, 0, get);
    clarity_close(&t->clarity, t->c, &t->counters);
    assert_counted(t, 1, 0, 0, 0);
    begin(t, 80, false);
    for (unsigned i = 0; i < CLARITY_LOOKS_MAX; i++)
        SAY(t, 0, get);
    assert_counted(t, 0, 0, 0, 0);
    SAY(t, 0, get);
    assert_counted(t, 1, 0, 0, 0);
}

static void a_switch_to_encryption_was_never_clear(void **state)
{
    struct test *t = *state;
    begin(t, 5432, false);
    SAY(t, 0, ssl_request);
    SAY(t, 1, "S");
    assert_counted(t, 0, 1, 9, 0);
    SAY(t, 0, hello);
    SAY(t, 1, records);
    clarity_close(&t->clarity, t->c, &t->counters);
    assert_counted(t, 0, 1, t->said, 0);
}

static void encryption_that_is_refused_is_clear(void **state)
{
    struct test *t = *state;
    begin(t, 5432, false);
    SAY(t, 0, ssl_request);
    SAY(t, 1, "N");
    SAY(t, 0, start_up);
    SAY(t, 1, authentication_ok);
    assert_counted(t, 1, 0, 0, 0);
}

static void tls_is_known_by_its_records(void **state)
{
    struct test *t = *state;
    static const struct {
        uint16_t port;
        bool is_midstream;
    } cases[] = {{ODD_PORT, false}, {ODD_PORT, true}, {5432, true}, {443, false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(t, cases[i].port, cases[i].is_midstream);
        if (cases[i].is_midstream)
            SAY(t, 1, records);
        else
            SAY(t, 0, hello);
        assert_counted(t, 0, 1, t->said, 0);
        SAY(t, 1, "anything");
        assert_counted(t, 0, 1, t->said, 0);
    }
}

static void what_only_begins_like_a_record_is_none(void **state)
{
    struct test *t = *state;
    static const char *const cases[] = {
        "\x17\x03\x05\1\1abc",   /* a version that there is none of */
        "\x18\x03\x03\1\1abc",   /* a type */
        "\x17\x03\x03\x60\1abc", /* a length */
        "\x17\x03\x03",          /* too little */
        "\x17\x03\x03\1\1",      /* a whole one, see below */
    };
    for (size_t i = 0; i < 4; i++) {
        begin(t, ODD_PORT, false);
        say(t, 0, cases[i], strlen(cases[i]));
        assert_int_equal(t->counters.encrypted, 0);
    }
    begin(t, ODD_PORT, false);
    say(t, 0, cases[4], 5);
    assert_int_equal(t->counters.encrypted, 1);
    /* what follows the first is none */
    begin(t, ODD_PORT, false);
    SAY(t, 0, "\x17\x03\x03\0\1abcdefgh");
    assert_int_equal(t->counters.encrypted, 0);
}

static void what_nobody_reads_is_undecoded(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT, false);
    for (unsigned i = 0; i <= CLARITY_LOOKS_MAX; i++)
        SAY(t, i % 2, "\xaa\xbb\xcc\xdd");
    assert_counted(t, 0, 0, 0, t->said);
    SAY(t, 0, "\xaa");
    assert_counted(t, 0, 0, 0, t->said);
    begin(t, ODD_PORT, false);
    SAY(t, 0, "\xaa\xbb\xcc\xdd");
    assert_counted(t, 0, 0, 0, 0);
    clarity_close(&t->clarity, t->c, &t->counters);
    assert_counted(t, 0, 0, 0, t->said);
}

static void a_name_tells_what_it_is(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT, false);
    SAY(t, 0, "\xaa\xbb\xcc\xdd");
    clarity_named(&t->clarity, "ssh", &t->counters);
    SAY(t, 1, "\xaa");
    assert_counted(t, 0, 1, 5, 0);
    begin(t, ODD_PORT, false);
    SAY(t, 0, "\xaa\xbb\xcc\xdd");
    clarity_named(&t->clarity, "ftp_control", &t->counters);
    assert_counted(t, 0, 0, 0, 4);
    clarity_named(&t->clarity, "tls", &t->counters);
    SAY(t, 1, "\xaa");
    assert_counted(t, 0, 1, 1, 4);
    clarity_named(&t->clarity, "tls", &t->counters);
    assert_counted(t, 0, 1, 1, 4);
}

static void tls_inside_a_proxys_tunnel_is_encrypted(void **state)
{
    struct test *t = *state;
    begin(t, 8080, false);
    SAY(t, 0, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n");
    SAY(t, 1, "HTTP/1.1 200 OK\r\n\r\n");
    SAY(t, 0, hello);
    SAY(t, 1, records);
    assert_int_equal(t->counters.encrypted, 1);
    assert_int_equal(t->counters.encrypted_bytes, sizeof(hello) - 1 + sizeof(records) - 1);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct test));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    connection_close(t->c);
    analysis_close(t->a);
    free(t);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(what_an_analyzer_reads_is_clear),
        TEST(one_side_alone_is_clear_at_its_end),
        TEST(a_switch_to_encryption_was_never_clear),
        TEST(encryption_that_is_refused_is_clear),
        TEST(tls_is_known_by_its_records),
        TEST(what_only_begins_like_a_record_is_none),
        TEST(what_nobody_reads_is_undecoded),
        TEST(a_name_tells_what_it_is),
        TEST(tls_inside_a_proxys_tunnel_is_encrypted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
