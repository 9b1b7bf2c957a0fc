/*
 * Redis by scripts, and what scripts cannot say well.
 */
#include "tests/analyzers/script.h"

#include "analyzers/redis/redis.h"
#include "analyzers/redis/redis_command.h"
#include "analyzers/redis/redis_reply.h"
#include "core/transaction.h"

static struct script_setup setup = {TESTS_FOLDER "/redis", 6379};

struct seen {
    unsigned count, names, unanswered;
    uint64_t bytes[2];
};

static void see(void *context, void *owner, struct transaction *tx)
{
    struct seen *seen = context;
    (void)owner;
    seen->count++;
    seen->names += transaction_has(tx, FIELD_DB_OPERATION_NAME);
    seen->unanswered += !tx->reply_seen;
    seen->bytes[SIDE_CLIENT] += tx->client_bytes;
    seen->bytes[SIDE_SERVER] += tx->server_bytes;
}

static void give(struct connection *c, enum side side, const char *text, int times)
{
    for (int n = 0; n < times; n++)
        connection_data(c, side, bytes_of(text), 0);
}

struct stage {
    struct seen seen;
    struct settings settings;
    struct analysis *analysis;
    struct connection *connection;
};

static struct connection *stage_open(struct stage *s)
{
    struct analysis_events events = {.transaction = see};
    struct connection_facts facts = {.port = {40000, 6379}, .roles_sure = true};
    *s = (struct stage){.settings = {.memory_max = (size_t)64 << 20}};
    s->analysis = analysis_open(&s->settings, &events, &s->seen);
    s->connection = connection_open(s->analysis, &facts, NULL);
    assert_non_null(s->connection);
    return s->connection;
}

static const struct protocol_counters *stage_end(struct stage *s)
{
    connection_close(s->connection);
    assert_int_equal(analysis_budget(s->analysis)->used, 0);
    return analysis_protocol(s->analysis, analyzer_find(bytes_of("redis")));
}

#define GET "*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
#define INCR "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"

enum { FLOOD = 3 * PAIRING_REQUESTS_MAX };

/* More is asked than is kept, half is answered, more is asked, and then all is answered: the last
 * must not be taken for those between. */
static void more_commands_than_are_kept_are_counted_by_their_answers(void **state)
{
    struct stage s;
    struct connection *c = stage_open(&s);
    (void)state;
    give(c, SIDE_CLIENT, INCR, 1);
    give(c, SIDE_SERVER, ":1\r\n", 1);
    give(c, SIDE_CLIENT, GET, FLOOD);
    give(c, SIDE_SERVER, "$1\r\nv\r\n", FLOOD / 2);
    give(c, SIDE_CLIENT, INCR, 5);
    give(c, SIDE_SERVER, "$1\r\nv\r\n", FLOOD - FLOOD / 2);
    give(c, SIDE_SERVER, ":2\r\n", 5);
    give(c, SIDE_CLIENT, "*2\r\n$8\r\nSMEMBERS\r\n$1\r\na\r\n", 1);
    give(c, SIDE_SERVER, "*2\r\n$1\r\na\r\n$1\r\nb\r\n", 1);
    const struct protocol_counters *p = stage_end(&s);
    assert_int_equal(p->requests, FLOOD + 7);
    assert_int_equal(p->responses, FLOOD + 7);
    assert_int_equal(p->returned_rows, FLOOD + 2);
    assert_int_equal(s.seen.count, FLOOD + 7);
    assert_int_equal(s.seen.names, FLOOD + 7);
    assert_int_equal(s.seen.unanswered, 0);
    assert_int_equal(s.seen.bytes[SIDE_CLIENT], p->client_bytes);
    assert_int_equal(s.seen.bytes[SIDE_SERVER], p->server_bytes);
    analysis_close(s.analysis);
}

/* In turns, they are of more kinds than are remembered. */
static void more_kinds_than_are_kept_are_counted_without_their_names(void **state)
{
    struct stage s;
    struct connection *c = stage_open(&s);
    (void)state;
    give(c, SIDE_CLIENT, INCR, 1);
    give(c, SIDE_SERVER, ":1\r\n", 1);
    give(c, SIDE_CLIENT, GET INCR, FLOOD);
    give(c, SIDE_SERVER, "$1\r\nv\r\n:1\r\n", FLOOD);
    const struct protocol_counters *p = stage_end(&s);
    assert_int_equal(p->requests, 2 * FLOOD + 1);
    assert_int_equal(p->responses, 2 * FLOOD + 1);
    assert_in_range(s.seen.names, PAIRING_REQUESTS_MAX, 2 * FLOOD);
    analysis_close(s.analysis);
}

/* Those that are not kept are no less asked where their answers are lost. */
static void a_loss_among_more_than_is_kept_loses_no_request(void **state)
{
    struct stage s;
    struct connection *c = stage_open(&s);
    (void)state;
    give(c, SIDE_CLIENT, INCR, 1);
    give(c, SIDE_SERVER, ":1\r\n", 1);
    give(c, SIDE_CLIENT, GET, FLOOD);
    give(c, SIDE_SERVER, "$1\r\nv\r\n", 100);
    connection_gap(c, SIDE_SERVER, 7 * 100, 0);
    give(c, SIDE_SERVER, "$1\r\nv\r\n", FLOOD - 200);
    give(c, SIDE_CLIENT, INCR, 1);
    give(c, SIDE_SERVER, ":2\r\n", 1);
    const struct protocol_counters *p = stage_end(&s);
    assert_int_equal(p->requests, FLOOD + 2);
    assert_int_equal(p->responses, FLOOD + 2 - 100);
    assert_int_equal(p->returned_rows, FLOOD - 100);
    analysis_close(s.analysis);
}

/* Streams of unknown length cannot be told apart beyond the bound: the reply is given up, and the
 * next one found. */
static void beyond_the_depth_that_is_kept_the_next_reply_is_found(void **state)
{
    struct stage s;
    struct connection *c = stage_open(&s);
    (void)state;
    give(c, SIDE_CLIENT, GET, 1);
    give(c, SIDE_SERVER, "*?\r\n", REDIS_DEPTH_MAX + 5);
    give(c, SIDE_CLIENT, GET, 1);
    give(c, SIDE_SERVER, "$1\r\nv\r\n", 1);
    const struct protocol_counters *p = stage_end(&s);
    assert_int_equal(p->requests, 2);
    assert_int_equal(p->responses, 2);
    assert_in_range(p->returned_rows, 1, 2);
    analysis_close(s.analysis);
}

static void counts_that_add_up_to_too_much_are_no_reply(void **state)
{
    struct redis_reply reply = {0};
    struct redis_token t = {.type = '*', .count = REDIS_ARGUMENTS_MAX};
    bool is_done;
    (void)state;
    for (int n = 0; n < 1000; n++)
        (void)redis_reply_take(&reply, &t, &is_done);
    assert_in_range(reply.depth, 1, REDIS_DEPTH_MAX);
    assert_false(is_done);
}

static void each_command_is_found_by_its_name_in_any_case(void **state)
{
    static const struct {
        const char *container, *name, *found;
    } names[] = {
        {"", "get", "GET"},
        {"", "ZUNIONSTORE", "ZUNIONSTORE"},
        {"", "ACL", "ACL"},
        {"CLIENT", "SetInfo", "CLIENT SETINFO"},
        {"CLIENT", "nonsense", ""},
        {"", "GE", ""},
        {"", "", ""},
        {"", "a name that is longer than any command's name can be", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unsigned place = redis_command_find(bytes_of(names[i].container), bytes_of(names[i].name));
        assert_string_equal(redis_command(place)->name, names[i].found);
    }
    struct bytes with_zero = {(const uint8_t *)"GET\0x", 5};
    assert_int_equal(redis_command_find(bytes_of(""), with_zero), REDIS_COMMAND_UNKNOWN);
}

static void the_table_is_in_order(void **state)
{
    unsigned last = redis_command_find(bytes_of(""), bytes_of("ZUNIONSTORE"));
    (void)state;
    for (unsigned n = 1; n < last; n++) {
        assert_true(strcmp(redis_command(n)->name, redis_command(n + 1)->name) < 0);
        assert_in_range(redis_command(n)->action, ACTION_LOGIN, ACTION_OTHER);
    }
    assert_true(last <= 0x3ff);
}

static const struct script_start starts[] = {
    SCRIPT_START(SIDE_CLIENT, "*2\r\n$3\r\nGET\r\n$1\r\na\r\n", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "*2\r\n$3\r\nget\r\n", START_SURE),
    SCRIPT_START(SIDE_CLIENT, "*2\r\n$3\r\nG", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "*2\r\n", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "*2\r\n$3\r\nGET\n\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "*2\r\n$11\r\nGRAPH.QUERY\r\n$1\r\na\r\n", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "*2\r\n$5\r\nuser:\r\n$1\r\na\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "*0\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "*x", START_NO),
    SCRIPT_START(SIDE_CLIENT, "PING\r\n", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "\r\n\r\nset a b\r\n", START_LIKELY),
    SCRIPT_START(SIDE_CLIENT, "PIN", START_SHORT),
    SCRIPT_START(SIDE_CLIENT, "GET /index.html HTTP/1.1\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "EHLO example.com\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "SSH-2.0-OpenSSH_9.2\r\n", START_NO),
    SCRIPT_START(SIDE_CLIENT, "\x16\x03\x01\x02", START_NO),
    SCRIPT_START(SIDE_CLIENT, "RCmb", START_SURE),
    SCRIPT_START(SIDE_SERVER, "RCmb", START_SURE),
    SCRIPT_START(SIDE_SERVER, "+OK\r\n", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "+OK POP3 ready\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "-ERR unknown command\r\n", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "-err\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, ":12\r\n", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, ":1x\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "$5\r\nhello\r\n", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "$5\r\nhello!!", START_NO),
    SCRIPT_START(SIDE_SERVER, "$5\r", START_SHORT),
    SCRIPT_START(SIDE_SERVER, "$-1\r\n", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "$-2\r\n", START_NO),
    SCRIPT_START(SIDE_SERVER, "*2\r\n*1\r\n", START_LIKELY),
    SCRIPT_START(SIDE_SERVER, "*2\r\n$3\r\nGET\r\n", START_NO), /* as like as not a command */
    SCRIPT_START(SIDE_SERVER, "HTTP/1.1 200 OK\r\n", START_NO),
};

static void a_start_is_told_by_as_few_bytes_as_can_be(void **state)
{
    (void)state;
    script_check_starts(&REDIS_ANALYZER, starts, sizeof(starts) / sizeof(starts[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCRIPT_TESTS(&setup),
        cmocka_unit_test(more_commands_than_are_kept_are_counted_by_their_answers),
        cmocka_unit_test(more_kinds_than_are_kept_are_counted_without_their_names),
        cmocka_unit_test(a_loss_among_more_than_is_kept_loses_no_request),
        cmocka_unit_test(beyond_the_depth_that_is_kept_the_next_reply_is_found),
        cmocka_unit_test(counts_that_add_up_to_too_much_are_no_reply),
        cmocka_unit_test(each_command_is_found_by_its_name_in_any_case),
        cmocka_unit_test(the_table_is_in_order),
        cmocka_unit_test(a_start_is_told_by_as_few_bytes_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
