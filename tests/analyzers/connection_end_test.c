/*
 * What is told of the bytes that no analyzer reads, and what a connection that never ends may take.
 */
#include "tests/analyzers/connection_bench.h"

static void what_follows_a_switch_to_encryption_is_told_at_the_end(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    say_bytes(t, 0, ssl_request, 8);
    say(t, 1, "S");
    say_bytes(t, 0, "\x16\3\1\2\0", 5);
    say_garbage(t, 0, 512);
    say_garbage(t, 1, 3000);
    connection_gap(t->c, 1, 700, t->ns);
    assert_int_equal(connection_kind(t->c), CONNECTION_ENCRYPTED);
    size_t before = t->count;
    uint64_t requests = counters_of(t, "postgresql")->requests;
    end(t);
    assert_int_equal(t->count, before + 1);
    const struct transaction *tx = &t->told[before].tx;
    /* what asked for the switch and granted it belongs to it */
    assert_int_equal(tx->client_bytes, 8 + 5 + 512);
    assert_int_equal(tx->server_bytes, 1 + 3000);
    assert_int_equal(tx->lost_bytes, 700);
    assert_true(tx->is_apart && t->told[before].is_postgresql);
    assert_int_equal(counters_of(t, "postgresql")->encrypted, 1);
    assert_int_equal(counters_of(t, "postgresql")->requests, requests);
}

static void what_follows_a_switch_to_another_protocol_is_told_at_the_end(void **state)
{
    struct test *t = *state;
    begin(t, 8080);
    say(t, 0, "CONNECT x:443 HTTP/1.1\r\n\r\n");
    say(t, 1, "HTTP/1.1 200 OK\r\n\r\nrest");
    assert_int_equal(connection_kind(t->c), CONNECTION_OPAQUE);
    assert_int_equal(t->count, 1); /* the request itself */
    say_garbage(t, 0, 100);
    end(t);
    assert_int_equal(t->count, 2);
    assert_int_equal(t->told[1].tx.client_bytes, 100);
    assert_int_equal(t->told[1].tx.server_bytes, 4);
    assert_true(t->told[1].tx.is_apart);
    assert_int_equal(counters_of(t, "http")->encrypted, 0);
    assert_int_equal(counters_of(t, "http")->requests, 1);
}

static void what_another_analyzer_goes_on_with_counts_as_its_own(void **state)
{
    static const char hello[] = "\x81\x80\0\0\0\0";
    static const char asked[] = "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    static const char granted[] = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n\x81\5hello";
    struct test *t = *state;
    begin(t, 8080);
    say(t, 0, asked);
    say_bytes(t, 0, hello, sizeof(hello) - 1); /* seen before the switch */
    say(t, 1, granted);
    assert_int_equal(connection_kind(t->c), CONNECTION_DECODED);
    assert_int_equal(counters_of(t, "http")->connections, 1);
    assert_int_equal(counters_of(t, "websocket")->connections, 1);
    assert_int_equal(counters_of(t, "http")->client_bytes, sizeof(asked) - 1);
    assert_int_equal(counters_of(t, "websocket")->client_bytes, sizeof(hello) - 1);
    assert_int_equal(counters_of(t, "http")->server_bytes, sizeof(granted) - 1 - 7);
    assert_int_equal(counters_of(t, "websocket")->server_bytes, 7);
    end(t);
    assert_int_equal(t->count, 2);
    assert_int_equal(t->told[1].tx.client_bytes, sizeof(hello) - 1);
    assert_int_equal(t->told[1].tx.server_bytes, 7);
}

static void bytes_lost_behind_the_last_transaction_are_told(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    log_in(t);
    ask_and_answer(t);
    connection_gap(t->c, 1, 4000, t->ns);
    assert_int_equal(t->count, 2);
    end(t);
    assert_int_equal(t->count, 3);
    assert_int_equal(t->told[2].tx.lost_bytes, 4000);
    assert_true(t->told[2].tx.partial && t->told[2].tx.is_apart);
    assert_int_equal(counters_of(t, "postgresql")->lost_bytes, 4000);
    assert_int_equal(counters_of(t, "postgresql")->requests, 1);
    assert_int_equal(analysis_counters(t->a).gaps, 1);
    assert_int_equal(analysis_counters(t->a).lost_bytes, 4000);
}

static void nothing_is_told_where_nothing_is_left(void **state)
{
    struct test *t = *state;
    begin(t, 80);
    say(t, 0, get);
    say(t, 1, ok);
    end(t);
    assert_int_equal(t->count, 1);
    begin(t, 80);
    say(t, 0, get);
    say(t, 1, ok);
    connection_gap(t->c, 0, 1, t->ns); /* one byte is enough */
    end(t);
    assert_int_equal(t->count, 3);
    assert_int_equal(t->told[2].tx.lost_bytes, 1);
}

static void a_reply_to_the_end_ends_with_its_direction(void **state)
{
    struct test *t = *state;
    begin(t, 80);
    say(t, 0, get);
    say(t, 1, "HTTP/1.0 200 OK\r\n\r\nbody without a length");
    assert_int_equal(t->count, 0);
    connection_end(t->c, 1, t->ns);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->told[0].tx.response_body_bytes, 21);
}

static void without_memory_there_is_no_connection(void **state)
{
    struct test *t = *state;
    t->settings.memory_max = 100;
    begin(t, 80);
    assert_null(t->c);
    assert_int_equal(analysis_budget(t->a)->denied, 1);
}

static void without_memory_to_decide_it_stays_unknown(void **state)
{
    struct test *t = *state;
    begin(t, 80);
    size_t connection_size = analysis_budget(t->a)->used;
    end(t);
    for (size_t more = 0; more < 2000; more += 100) {
        t->settings.memory_max = connection_size + more;
        begin(t, 80);
        say(t, 0, get);
        say(t, 1, ok);
        assert_true(more > 0 || connection_kind(t->c) == CONNECTION_UNKNOWN);
        end(t);
    }
}

/* What a client can make endless is bounded, and what is pushed out is counted. */
static void endless_pipelined_requests_are_bounded(void **state)
{
    struct test *t = *state;
    begin(t, 80);
    for (int i = 0; i < 5000; i++)
        say(t, 0, get);
    assert_int_equal(t->count, 5000 - PAIRING_REQUESTS_MAX);
    assert_int_equal(analysis_counters(t->a).pairing_overflows, 5000 - PAIRING_REQUESTS_MAX);
    end(t);
    assert_int_equal(t->count, 5000);
    assert_int_equal(counters_of(t, "http")->requests, 5000);
}

static void endless_replies_are_bounded(void **state)
{
    struct test *t = *state;
    begin(t, 80);
    say(t, 1, ok);
    size_t used = analysis_budget(t->a)->peak;
    for (int i = 0; i < 5000; i++)
        say(t, 1, ok);
    assert_int_equal(t->count, 5001);
    assert_int_equal(analysis_budget(t->a)->peak, used);
    assert_int_equal(counters_of(t, "http")->responses, 5001);
    assert_int_equal(counters_of(t, "http")->requests, 0);
}

static void an_endless_header_line_is_bounded(void **state)
{
    struct test *t = *state;
    begin(t, 80);
    say(t, 0, "GET /a HTTP/1.1\r\nX: ");
    for (int i = 0; i < 200000; i++)
        say(t, 0, "x");
    assert_in_range(analysis_budget(t->a)->peak, 1, 65536);
    say(t, 0, "\r\n\r\n");
    say(t, 1, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->told[0].tx.client_bytes, 20 + 200000 + 4);
}

static void names_without_end_take_no_memory_of_the_connection(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    log_in(t);
    ask_and_answer(t);
    size_t peak = analysis_budget(t->a)->peak;
    for (int i = 0; i < PREPARED_MAX + 100; i++) {
        char body[64];
        int len = snprintf(body, sizeof(body), "s%d%cselect %d%c%c", i, 0, i, 0, 0);
        say_message(t, 0, 'P', body, (size_t)len + 1);
    }
    assert_int_equal(analysis_budget(t->a)->peak, peak);
    assert_int_equal(analysis_counters(t->a).prepared_evicted, 100);
}

static void a_client_that_never_syncs_is_bounded(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    log_in(t);
    say_message(t, 0, 'P', "\0select 1\0\0", 12);
    size_t peak = 0;
    for (int i = 0; i < 5000; i++) {
        say_message(t, 0, 'B', "\0\0\0\0\0\0\0\0", 8);
        say_message(t, 0, 'E', "\0\0\0\0\0", 5);
        if (i == 2000)
            peak = analysis_budget(t->a)->peak;
    }
    assert_int_equal(analysis_budget(t->a)->peak, peak);
    end(t);
    assert_in_range(counters_of(t, "postgresql")->requests, PAIRING_REQUESTS_MAX, 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(what_follows_a_switch_to_encryption_is_told_at_the_end),
        TEST(what_follows_a_switch_to_another_protocol_is_told_at_the_end),
        TEST(what_another_analyzer_goes_on_with_counts_as_its_own),
        TEST(bytes_lost_behind_the_last_transaction_are_told),
        TEST(nothing_is_told_where_nothing_is_left),
        TEST(a_reply_to_the_end_ends_with_its_direction),
        TEST(without_memory_there_is_no_connection),
        TEST(without_memory_to_decide_it_stays_unknown),
        TEST(endless_pipelined_requests_are_bounded),
        TEST(endless_replies_are_bounded),
        TEST(an_endless_header_line_is_bounded),
        TEST(names_without_end_take_no_memory_of_the_connection),
        TEST(a_client_that_never_syncs_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
