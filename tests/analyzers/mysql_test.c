/*
 * MySQL by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

#include "analyzers/mysql/mysql.h"
#include "analyzers/packed/packed.h"

#include <zstd.h>

static struct script_setup setup = {TESTS_FOLDER "/mysql", 3306};

/* A connection after its login. */
struct talk {
    struct analysis *analysis;
    struct connection *connection;
    struct settings settings;
    struct protocol_counters counters;
    unsigned transactions, unanswered;
};

static void see(void *context, void *owner, struct transaction *tx)
{
    struct talk *t = context;
    (void)owner;
    t->transactions++;
    t->unanswered += !tx->reply_seen;
}

static void give(struct talk *t, enum side side, const void *data, size_t len)
{
    struct bytes left = {data, len};
    while (left.len > 0) {
        struct bytes piece = bytes_first(left, 65536);
        connection_data(t->connection, side, piece, 0);
        left = bytes_from(left, piece.len);
    }
}

#define GIVE(t, side, text) give(t, side, text, sizeof(text) - 1)

#define GREETING                                                                                   \
    "\x48\0\0\0\x0a"                                                                               \
    "8.4.0\0\1\0\0\0abcdefgh\0\xff\xff\xff\2\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0"                    \
    "ijklmnopqrst\0caching_sha2_password"
#define ANSWER(capabilities) "\x25\0\0\1" capabilities "\0\0\0\x40\x2d" ZEROS_23 "ann\0\0"
#define ZEROS_23 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define OK(number) "\7\0\0" number "\0\0\0\2\0\0\0"

enum { PLAIN, WITH_ZSTD };

static void talk_open(struct talk *t, int how)
{
    static const struct analysis_events events = {.transaction = see};
    static const struct connection_facts facts = {.port = {40000, 3306}, .roles_sure = true};
    *t = (struct talk){.settings = {.memory_max = (size_t)64 << 20}};
    t->analysis = analysis_open(&t->settings, &events, t);
    t->connection = connection_open(t->analysis, &facts, NULL);
    assert_non_null(t->connection);
    GIVE(t, SIDE_SERVER, GREETING);
    if (how == PLAIN)
        GIVE(t, SIDE_CLIENT, ANSWER("\x85\xa2\x07\1"));
    else
        GIVE(t, SIDE_CLIENT, ANSWER("\x85\xa2\x07\5"));
    GIVE(t, SIDE_SERVER, OK("\2"));
}

static void talk_close(struct talk *t)
{
    connection_close(t->connection);
    t->counters = *analysis_protocol(t->analysis, analyzer_find(bytes_of("mysql")));
    assert_int_equal(analysis_budget(t->analysis)->used, 0);
    analysis_close(t->analysis);
}

enum { LONGEST = 0xffffff };

/* A text of that many bytes in as many packets as it takes. */
static void give_long(struct talk *t, enum side side, const char *beginning, size_t beginning_len,
                      size_t len, uint8_t number)
{
    uint8_t *body = malloc(len);
    assert_non_null(body);
    memset(body, 'x', len);
    memcpy(body, beginning, beginning_len);
    for (size_t at = 0;; at += LONGEST) {
        size_t part = len - at < LONGEST ? len - at : LONGEST;
        uint8_t header[4] = {(uint8_t)part, (uint8_t)(part >> 8), (uint8_t)(part >> 16), number++};
        give(t, side, header, sizeof(header));
        give(t, side, body + at, part);
        if (part < LONGEST)
            break;
    }
    free(body);
}

#define DEFINITION "\x17\0\0\2\3def\0\0\0\1a\0\x0c\x3f\0\0\0\0\0\xfd\0\0\0\0\0"

static void packets_of_16_mib_go_on_in_the_next(void **state)
{
    static const size_t lens[] = {LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST};
    static const char query[] = "\3select 'hunter2";
    (void)state;
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct talk t;
        talk_open(&t, PLAIN);
        give_long(&t, SIDE_CLIENT, query, sizeof(query) - 1, lens[i], 0);
        GIVE(&t, SIDE_SERVER, "\1\0\0\1\1" DEFINITION);
        give_long(&t, SIDE_SERVER, "\xfd\0\0\0", 4, lens[i], 3);
        uint8_t number = (uint8_t)(4 + lens[i] / LONGEST);
        give_long(&t, SIDE_SERVER, "\1a", 2, 2, number++);
        give_long(&t, SIDE_SERVER, "\xfe\0\0\2\0\0\0", 7, 7, number);
        GIVE(&t, SIDE_CLIENT, "\x09\0\0\0\3select 1");
        GIVE(&t, SIDE_SERVER, OK("\1"));
        talk_close(&t);
        assert_int_equal(t.counters.requests, 2);
        assert_int_equal(t.counters.responses, 2);
        assert_int_equal(t.counters.returned_rows, 2);
        assert_int_equal(t.transactions, 3);
    }
}

enum { FLOOD = 5 * PAIRING_REQUESTS_MAX };

static void more_statements_than_are_kept_are_counted(void **state)
{
    struct talk t;
    (void)state;
    talk_open(&t, PLAIN);
    for (int n = 0; n < FLOOD; n++)
        GIVE(&t, SIDE_CLIENT, "\x09\0\0\0\3select 1");
    for (int n = 0; n < FLOOD; n++)
        GIVE(&t, SIDE_SERVER, "\1\0\0\1\1" DEFINITION "\2\0\0\3\1x\7\0\0\4\xfe\0\0\2\0\0\0");
    talk_close(&t);
    assert_int_equal(t.counters.requests, FLOOD);
    assert_int_equal(t.counters.returned_rows, FLOOD);
}

/* Packed bytes that become many thousand times as many. */
static void what_becomes_too_much_is_refused(void **state)
{
    const size_t plain_len = LONGEST;
    uint8_t *plain = calloc(1, plain_len), *packed = malloc(65536);
    struct talk t;
    (void)state;
    assert_non_null(plain);
    assert_non_null(packed);
    memcpy(plain, "\1\0\0\1\1" DEFINITION, 5 + sizeof(DEFINITION) - 1);
    memcpy(plain + 5 + sizeof(DEFINITION) - 1, "\xf0\xff\xff\3\xfd", 5);
    talk_open(&t, WITH_ZSTD);
    size_t len = ZSTD_compress(packed + 7, 65536 - 7, plain, plain_len, 3);
    assert_false(ZSTD_isError(len));
    memcpy(packed, "\0\0\0\1\xff\xff\xff", 7);
    packed[0] = (uint8_t)len;
    packed[1] = (uint8_t)(len >> 8);
    for (int n = 0; n < 10; n++) {
        GIVE(&t, SIDE_CLIENT, "\x0d\0\0\0\0\0\0\x09\0\0\0\3select 1");
        give(&t, SIDE_SERVER, packed, len + 7);
    }
    uint64_t refused = analysis_counters(t.analysis).packed_refused;
    talk_close(&t);
    assert_in_range(refused, 10 - 2 * PACKED_FREE / LONGEST, 9);
    assert_int_equal(t.counters.requests, 10);
    assert_int_equal(t.counters.server_bytes, sizeof(GREETING OK("\2")) - 1 + 10 * (len + 7));
    free(plain);
    free(packed);
}

static const struct script_start starts[] = {
    SCRIPT_START(SIDE_SERVER, GREETING, START_SURE),
    SCRIPT_START(SIDE_SERVER, "\x48\0\0\0\x0a", START_SHORT),
    SCRIPT_START(SIDE_SERVER, "\x48\0\0\0\x09", START_NO),
    SCRIPT_START(SIDE_SERVER, "\x48\0\0\0\x0a\x01\x02\0", START_NO),
    SCRIPT_START(SIDE_SERVER, "\x20\0\0\0\xff\x15\4#28000Access denied for 'you'", START_SURE),
    SCRIPT_START(SIDE_SERVER, OK("\2"), START_SURE),
    SCRIPT_START(SIDE_SERVER, "\5\0\0\5\xfe\0\0\2\0", START_SURE),
    SCRIPT_START(SIDE_SERVER, "\5\0\0\5\xfe\0\0\2\x80", START_NO),
    SCRIPT_START(SIDE_SERVER, "\1\0\0\1\1" DEFINITION, START_SURE),
    SCRIPT_START(SIDE_SERVER, "\1\0\0\1\1", START_SHORT),
    SCRIPT_START(SIDE_SERVER, "HTTP/1.1 200 OK\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, ANSWER("\x85\xa2\x07\1"), START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\x20\0\0\1\x85\xae\x07\0", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "\x09\0\0\0\3select 1", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "\x09\0\0\0\3\1\2\3\4\5\6\7\x08", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\x09\0\0\1\3select 1", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\1\0\0\0\x0e", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "\2\0\0\0\x0e", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\1\0\0\0\x7e", START_NO),
    SCRIPT_START(SIDE_CLIENT, "GET / HTTP/1.1\r\n", START_NO),
};

static void a_start_is_told_by_as_few_bytes_as_can_be(void **state)
{
    (void)state;
    script_check_starts(&MYSQL_ANALYZER, starts, sizeof(starts) / sizeof(starts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(packets_of_16_mib_go_on_in_the_next),
        cmocka_unit_test(more_statements_than_are_kept_are_counted),
        cmocka_unit_test(what_becomes_too_much_is_refused),
        cmocka_unit_test(a_start_is_told_by_as_few_bytes_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
