/*
 * HTTP/2 and gRPC by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

#include "analyzers/http2/http2.h"
#include "analyzers/http2/http2_state.h"

static struct script_setup setup = {TESTS_FOLDER "/http2", 80};

static const struct script_start starts[] = {
    SCRIPT_START(SIDE_CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "P", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\1\1\5\0\0\0\1", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "\0\0\1\1\5\0\0\0\2", START_NO), /* a stream of the server's */
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\1\5\0\0\0\1", START_NO), /* no field at all */
    SCRIPT_START(SIDE_CLIENT, "\0\0\1\1\5\x80\0\0\1", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\1\1\x45\0\0\0\1", START_NO), /* a flag that there is not */
    SCRIPT_START(SIDE_CLIENT, "\1\0\1\1\5\0\0\0\1", START_NO),   /* longer than any that is sent */
    SCRIPT_START(SIDE_CLIENT, "\0\0\4\x8\0\0\0\0\0", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "\0\0\5\x8\0\0\0\0\0", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\0\0\0\0\0\0\0", START_NO), /* zeros */
    SCRIPT_START(SIDE_CLIENT, "\0\0\5\5\4\0\0\0\1", START_NO), /* only servers promise */
    SCRIPT_START(SIDE_CLIENT, "\0\0\5\x10\0\0\0\0\0", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "\0\0\5\x11\0\0\0\0\0", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\0\0\1", START_SHORT),
    SCRIPT_START(SIDE_SERVER, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x80", START_SURE),
    SCRIPT_START(SIDE_SERVER, "\0\0\0\4\0\0\0\0\0", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "\0\0\0\4\1\0\0\0\0", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "\0\0\5\4\0\0\0\0\0\0\3\0\0\0", START_NO),
    SCRIPT_START(SIDE_SERVER, "\0\0\5\5\4\0\0\0\1", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "HTTP/1.1 200 OK\r\n", START_NO),
};

static void a_start_is_told_by_as_few_bytes_as_can_be(void **state)
{
    (void)state;
    script_check_starts(&HTTP2_ANALYZER, starts, sizeof(starts) / sizeof(starts[0]));
}

/* A connection with little said by hand: a client that floods. */
struct flood {
    struct analysis *a;
    struct connection *c;
    struct settings settings;
    size_t count, partial;
    int64_t ns;
};

static void flood_transaction(void *context, void *owner, struct transaction *tx)
{
    struct flood *f = context;
    (void)owner;
    f->count++;
    f->partial += tx->partial;
}

static void flood_say(struct flood *f, unsigned direction, const void *data, size_t len)
{
    f->ns += 1000;
    connection_data(f->c, direction, (struct bytes){data, len}, f->ns);
}

static void flood_frame(struct flood *f, uint8_t type, uint8_t flags, uint32_t stream,
                        struct bytes payload)
{
    uint8_t head[HTTP2_FRAME_LEN] = {(uint8_t)(payload.len >> 16),
                                     (uint8_t)(payload.len >> 8),
                                     (uint8_t)payload.len,
                                     type,
                                     flags,
                                     (uint8_t)(stream >> 24),
                                     (uint8_t)(stream >> 16),
                                     (uint8_t)(stream >> 8),
                                     (uint8_t)stream};
    flood_say(f, 0, head, sizeof(head));
    if (payload.len > 0)
        flood_say(f, 0, payload.data, payload.len);
}

static void flood_begin_with(struct flood *f,
                             void (*transaction)(void *, void *, struct transaction *))
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    const struct analysis_events events = {.transaction = transaction};
    struct connection_facts facts = {.port = {40000, 80}, .roles_sure = true};
    *f = (struct flood){.settings = {.memory_max = (size_t)64 << 20}, .ns = CLOCK_SECOND_NS};
    f->a = analysis_open(&f->settings, &events, f);
    assert_non_null(f->a);
    f->c = connection_open(f->a, &facts, NULL);
    assert_non_null(f->c);
    flood_say(f, 0, preface, sizeof(preface) - 1);
}

static void flood_begin(struct flood *f)
{
    flood_begin_with(f, flood_transaction);
}

static void flood_end(struct flood *f)
{
    connection_close(f->c);
    assert_int_equal(analysis_budget(f->a)->used, 0);
    analysis_close(f->a);
}

/* CVE-2024-27316 and its like: a block that never ends. */
static void a_flood_of_continuations_is_bounded(void **state)
{
    static uint8_t fields[16384];
    struct flood f;
    (void)state;
    flood_begin(&f);
    for (size_t i = 0; i < sizeof(fields); i += 4)
        memcpy(fields + i, "\0\1a", 4);
    flood_frame(&f, HTTP2_HEADERS, 0, 1, (struct bytes){(const uint8_t *)"\x82\x84", 2});
    for (int i = 0; i < 1000; i++)
        flood_frame(&f, HTTP2_CONTINUATION, 0, 1, (struct bytes){fields, sizeof(fields)});
    assert_true(analysis_budget(f.a)->peak < 65536);
    assert_int_equal(analysis_counters(f.a).tables_denied, 2); /* of its fields, and of its bytes */
    flood_frame(&f, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, 3,
                (struct bytes){(const uint8_t *)"\x82\x84", 2});
    flood_end(&f);
    assert_int_equal(f.count, 2);
    assert_int_equal(f.partial, 1);
}

static void flood_value(void *context, void *owner, struct transaction *tx)
{
    struct flood *f = context;
    (void)owner;
    f->count++;
    f->partial += transaction_has(tx, FIELD_USER_AGENT_ORIGINAL);
}

/* A long value in the table, and a block that says it a thousand times: only so much is read. */
static void what_the_table_makes_of_few_bytes_is_bounded(void **state)
{
    static uint8_t block[2048 + 1000];
    struct flood f;
    (void)state;
    flood_begin_with(&f, flood_value);
    memset(block, 'x', 2000);
    memcpy(block, "\x82\x84\x60\x7f\xd1\x0e", 6); /* a cookie of 2,000 bytes */
    memset(block + 2006, 0xbe, 1000);
    memcpy(block + 3006, "\x7a\1a", 3); /* User-Agent */
    flood_frame(&f, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, 1,
                (struct bytes){block, 3009});
    assert_int_equal(analysis_counters(f.a).tables_denied, 1);
    assert_int_equal(analysis_counters(f.a).unread, 0);
    flood_end(&f);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.partial, 0); /* the field behind the bound was not read */
}

/* CVE-2023-44487: streams that are broken off at once. */
static void rapid_resets_are_requests_and_take_no_memory(void **state)
{
    struct flood f;
    (void)state;
    flood_begin(&f);
    for (uint32_t stream = 1; stream < 20000; stream += 2) {
        flood_frame(&f, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, stream,
                    (struct bytes){(const uint8_t *)"\x82\x84", 2});
        flood_frame(&f, HTTP2_RST_STREAM, 0, stream,
                    (struct bytes){(const uint8_t *)"\0\0\0\x8", 4});
    }
    assert_int_equal(f.count, 10000);
    assert_true(analysis_budget(f.a)->peak < 32768);
    assert_int_equal(analysis_counters(f.a).pairing_overflows, 0);
    flood_end(&f);
}

/* One that stays open, and many beside it that do not. */
static void a_long_stream_is_not_pushed_out_by_short_ones(void **state)
{
    struct flood f;
    struct bytes get = {(const uint8_t *)"\x82\x84", 2};
    (void)state;
    flood_begin(&f);
    flood_frame(&f, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, 1, get);
    for (uint32_t stream = 3; stream < 4 * PAIRING_REQUESTS_MAX; stream += 2) {
        flood_frame(&f, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, stream, get);
        flood_frame(&f, HTTP2_RST_STREAM, 0, stream,
                    (struct bytes){(const uint8_t *)"\0\0\0\x8", 4});
    }
    assert_int_equal(f.count, 2 * PAIRING_REQUESTS_MAX - 1);
    assert_int_equal(analysis_counters(f.a).pairing_overflows, 0);
    flood_end(&f);
    assert_int_equal(f.count, 2 * PAIRING_REQUESTS_MAX);
}

/* More open at once than are kept: the oldest go, and are counted. */
static void streams_that_are_never_answered_are_bounded(void **state)
{
    struct flood f;
    (void)state;
    flood_begin(&f);
    for (uint32_t stream = 1; stream < 4 * PAIRING_REQUESTS_MAX; stream += 2)
        flood_frame(&f, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, stream,
                    (struct bytes){(const uint8_t *)"\x82\x84", 2});
    assert_int_equal(f.count, PAIRING_REQUESTS_MAX);
    assert_int_equal(analysis_counters(f.a).pairing_overflows, PAIRING_REQUESTS_MAX);
    flood_end(&f);
    assert_int_equal(f.count, 2 * PAIRING_REQUESTS_MAX);
}

/* A block that is none makes the table begin anew, and only so often. */
static void broken_tables_are_bounded(void **state)
{
    struct flood f;
    (void)state;
    flood_begin(&f);
    for (uint32_t stream = 1; stream < 400; stream += 2)
        flood_frame(&f, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, stream,
                    (struct bytes){(const uint8_t *)"\x82\x84\x80", 3});
    assert_int_equal(analysis_counters(f.a).tables_lost, HTTP2_TABLES_MAX);
    assert_int_equal(analysis_counters(f.a).unread, HTTP2_TABLES_MAX + 1);
    assert_true(analysis_budget(f.a)->peak < 1 << 20);
    flood_end(&f);
    assert_int_equal(f.count, 200);
    assert_int_equal(f.partial, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(a_start_is_told_by_as_few_bytes_as_can_be),
        cmocka_unit_test(a_flood_of_continuations_is_bounded),
        cmocka_unit_test(what_the_table_makes_of_few_bytes_is_bounded),
        cmocka_unit_test(rapid_resets_are_requests_and_take_no_memory),
        cmocka_unit_test(a_long_stream_is_not_pushed_out_by_short_ones),
        cmocka_unit_test(streams_that_are_never_answered_are_bounded),
        cmocka_unit_test(broken_tables_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
