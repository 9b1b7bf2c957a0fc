/*
 * Which analyzer takes a connection, in which roles, and what is told of the bytes that none reads;
 * with the analyzers there are.
 */
#include "tests/cmocka.h"

#include "analyzers/analyzer.h"
#include "analyzers/connection.h"
#include "analyzers/registry.h"
#include "analyzers/sql/prepared.h"
#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { ODD_PORT = 7000, CLIENT_PORT = 40000, TOLD_MAX = 8192, MEMORY_ENOUGH = 1 << 26 };

/* What a transaction said; views do not last. */
struct told {
    struct transaction tx;
    bool is_http, is_postgresql;
};

struct test {
    struct settings settings;
    struct analysis *a;
    struct connection *c;
    struct told told[TOLD_MAX];
    size_t count;
    int64_t ns;
};

static void on_transaction(void *context, void *owner, struct transaction *tx)
{
    struct test *t = context;
    assert_ptr_equal(owner, t);
    assert_true(t->count < TOLD_MAX);
    t->told[t->count++] = (struct told){.tx = *tx,
                                        .is_http = bytes_are(tx->protocol, "http"),
                                        .is_postgresql = bytes_are(tx->protocol, "postgresql")};
}

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    t->settings.memory_max = MEMORY_ENOUGH;
    t->ns = CLOCK_SECOND_NS;
    *state = t;
    return 0;
}

/* Begins anew, with a connection. */
static void begin_between(struct test *t, uint16_t from, uint16_t to, bool is_midstream,
                          bool roles_sure)
{
    static const uint8_t client[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};
    struct analysis_events events = {.transaction = on_transaction};
    struct connection_facts facts = {.ip = {address_from_ipv4(client), address_from_ipv4(server)},
                                     .port = {from, to},
                                     .is_midstream = is_midstream,
                                     .roles_sure = roles_sure};
    analysis_close(t->a);
    t->a = analysis_open(&t->settings, &events, t);
    assert_non_null(t->a);
    t->c = connection_open(t->a, &facts, t);
}

/* A connection to that port whose opening was seen. */
static void begin(struct test *t, uint16_t port)
{
    begin_between(t, CLIENT_PORT, port, false, true);
}

/* Ends the connection; nothing is left of it. */
static void end(struct test *t)
{
    connection_close(t->c);
    t->c = NULL;
    assert_int_equal(analysis_budget(t->a)->used, 0);
}

static int tear_down(void **state)
{
    struct test *t = *state;
    connection_close(t->c);
    if (t->a)
        assert_int_equal(analysis_budget(t->a)->used, 0);
    analysis_close(t->a);
    free(t);
    return 0;
}

static void say_bytes(struct test *t, unsigned direction, const void *data, size_t len)
{
    uint8_t *exact = malloc(len);
    assert_non_null(exact);
    memcpy(exact, data, len);
    connection_data(t->c, direction, (struct bytes){exact, len}, t->ns += 1000);
    free(exact);
}

static void say(struct test *t, unsigned direction, const char *text)
{
    say_bytes(t, direction, text, strlen(text));
}

static void say_garbage(struct test *t, unsigned direction, size_t len)
{
    static uint8_t garbage[4096];
    assert_true(len <= sizeof(garbage));
    memset(garbage, 0xaa, sizeof(garbage));
    connection_data(t->c, direction, (struct bytes){garbage, len}, t->ns += 1000);
}

/* A message of PostgreSQL: its type, and a body that ends in a zero. */
static void say_message(struct test *t, unsigned direction, char type, const char *body,
                        size_t body_len)
{
    uint8_t message[512] = {(uint8_t)type, 0, 0, (uint8_t)((body_len + 4) >> 8),
                            (uint8_t)(body_len + 4)};
    assert_true(body_len + 5 <= sizeof(message));
    memcpy(message + 5, body, body_len);
    say_bytes(t, direction, message, body_len + 5);
}

static const char start_up[] = "\0\0\0\x18\0\3\0\0user\0alice\0a\0b\0";
static const char ssl_request[] = "\0\0\0\x08\x04\xd2\x16\x2f";
static const char authentication_ok[] = "R\0\0\0\x08\0\0\0\0Z\0\0\0\5I";
static const char get[] = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

static void log_in(struct test *t)
{
    say_bytes(t, 0, start_up, sizeof(start_up));
    say_bytes(t, 1, authentication_ok, sizeof(authentication_ok) - 1);
}

static void ask_and_answer(struct test *t)
{
    say_message(t, 0, 'Q', "select 1", 9);
    say_message(t, 1, 'C', "SELECT 1", 9);
    say_message(t, 1, 'Z', "I", 1);
}

static bool is_decoded_as(const struct test *t, const char *name)
{
    const struct analyzer *a = connection_analyzer(t->c);
    return connection_kind(t->c) == CONNECTION_DECODED && a && strcmp(a->name, name) == 0;
}

static const struct protocol_counters *counters_of(const struct test *t, const char *name)
{
    return analysis_protocol(t->a, analyzer_find(bytes_of(name)));
}

static void a_usual_port_and_a_greeting_are_believed(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    log_in(t);
    assert_true(is_decoded_as(t, "postgresql"));
    ask_and_answer(t);
    assert_int_equal(t->count, 2);
    assert_true(t->told[0].is_postgresql && t->told[1].is_postgresql);
    const struct transaction *tx = &t->told[1].tx;
    assert_int_equal(tx->client_port, CLIENT_PORT);
    assert_int_equal(tx->server_port, 5432);
    assert_true(transaction_has(tx, FIELD_DB_SYSTEM_NAME));
    assert_int_equal(counters_of(t, "postgresql")->connections, 1);
    assert_int_equal(counters_of(t, "postgresql")->requests, 1);
    /* bytes that came before the decision are the protocol's too */
    assert_int_equal(counters_of(t, "postgresql")->client_bytes, sizeof(start_up) + 14);
}

static void a_configured_port_is_believed_where_the_beginning_is_missing(void **state)
{
    struct test *t = *state;
    begin_between(t, CLIENT_PORT, ODD_PORT, true, false);
    say_message(t, 1, 'Z', "x", 1); /* tells nothing by itself */
    assert_int_not_equal(connection_kind(t->c), CONNECTION_DECODED);
    end(t);
    t->settings.ports[0] = (struct port_setting){ODD_PORT, "postgresql"};
    t->settings.ports_count = 1;
    begin_between(t, CLIENT_PORT, ODD_PORT, true, false);
    say_message(t, 1, 'Z', "x", 1);
    assert_true(is_decoded_as(t, "postgresql"));
    ask_and_answer(t);
    assert_int_equal(t->count, 1);
}

static void the_configuration_goes_before_the_usual_ports(void **state)
{
    struct test *t = *state;
    t->settings.ports[0] = (struct port_setting){80, "postgresql"};
    t->settings.ports_count = 1;
    begin_between(t, CLIENT_PORT, 80, true, false);
    say_garbage(t, 1, 10);
    assert_true(is_decoded_as(t, "postgresql"));
}

static void another_protocol_on_a_usual_port_is_found_by_its_signature(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    say(t, 0, get);
    assert_true(is_decoded_as(t, "http"));
}

static void on_an_odd_port_the_signature_decides(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    for (const char *at = get; *at; at++) /* however late it is told */
        say_bytes(t, 0, at, 1);
    assert_true(is_decoded_as(t, "http"));
    say(t, 1, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->told[0].tx.client_bytes, sizeof(get) - 1);
    assert_int_equal(t->told[0].tx.server_bytes, sizeof(ok) - 1);
}

static void roles_are_exchanged_by_what_is_said(void **state)
{
    struct test *t = *state;
    begin_between(t, CLIENT_PORT, ODD_PORT, true, false);
    say(t, 1, get);
    assert_true(is_decoded_as(t, "http"));
    assert_int_equal(connection_facts(t->c)->port[SIDE_CLIENT], ODD_PORT);
    say(t, 0, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->told[0].tx.client_port, ODD_PORT);
    assert_int_equal(t->told[0].tx.server_port, CLIENT_PORT);
    assert_int_equal(t->told[0].tx.client_bytes, sizeof(get) - 1);
    assert_int_equal(connection_bytes(t->c, SIDE_CLIENT), sizeof(get) - 1);
}

static void roles_are_exchanged_by_a_known_port(void **state)
{
    struct test *t = *state;
    begin_between(t, 5432, CLIENT_PORT, true, false);
    say_message(t, 0, 'Z', "I", 1);
    assert_true(is_decoded_as(t, "postgresql"));
    assert_int_equal(connection_facts(t->c)->port[SIDE_SERVER], 5432);
}

static void roles_that_were_seen_are_not_exchanged(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    say(t, 1, get);
    assert_false(is_decoded_as(t, "http"));
    assert_int_equal(connection_facts(t->c)->port[SIDE_SERVER], ODD_PORT);
}

static void an_old_connection_on_a_known_port_is_picked_up_further_on(void **state)
{
    struct test *t = *state;
    begin_between(t, CLIENT_PORT, 80, true, false);
    say_garbage(t, 1, 3000); /* the end of a body */
    assert_true(is_decoded_as(t, "http"));
    assert_int_equal(counters_of(t, "http")->connections, 0); /* nothing was read yet */
    say(t, 0, get);
    say(t, 1, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(counters_of(t, "http")->connections, 1);
    assert_int_equal(counters_of(t, "http")->server_bytes, 3000 + sizeof(ok) - 1);
    assert_int_equal(analysis_counters(t->a).resyncs, 2);
}

static void an_unknown_one_may_be_named_by_others(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    say_garbage(t, 0, 100);
    assert_int_equal(connection_kind(t->c), CONNECTION_UNKNOWN);
    assert_null(connection_analyzer(t->c));
    assert_false(connection_hint(t->c, bytes_of("gopher")));
    assert_true(connection_hint(t->c, bytes_of("postgresql")));
    assert_true(is_decoded_as(t, "postgresql"));
    assert_false(connection_hint(t->c, bytes_of("http"))); /* it is decided */
    ask_and_answer(t);
    ask_and_answer(t);
    ask_and_answer(t);
    assert_in_range(t->count, 1, 3);
}

static void the_port_is_believed_where_one_side_alone_is_mirrored(void **state)
{
    struct test *t = *state;
    begin(t, 6379);
    say(t, 1, "*1\r\n$3\r\nann\r\n"); /* a command looks so, too */
    assert_int_equal(connection_kind(t->c), CONNECTION_UNDECIDED);
    end(t);
    assert_int_equal(counters_of(t, "redis")->responses, 1);
    assert_int_equal(counters_of(t, "redis")->server_bytes, 13);
    begin(t, 6379);
    end(t); /* not a byte */
    assert_int_equal(counters_of(t, "redis")->connections, 0);
}

static void a_message_behind_a_preamble_is_a_late_start(void **state)
{
    struct test *t = *state;
    begin(t, 1080);
    say_bytes(t, 0, "\5\1\0", 3); /* SOCKS */
    say_bytes(t, 1, "\5\0", 2);
    assert_int_not_equal(connection_kind(t->c), CONNECTION_DECODED);
    say(t, 0, get);
    assert_true(is_decoded_as(t, "http"));
    say(t, 1, ok);
    assert_int_equal(t->count, 1);
    assert_int_equal(t->told[0].tx.server_port, 1080);
}

static void behind_a_preamble_the_roles_may_be_the_other_way_round(void **state)
{
    struct test *t = *state;
    begin(t, 1080);
    say_bytes(t, 0, "\5\1\0", 3);
    say(t, 1, get);
    assert_true(is_decoded_as(t, "http"));
    say(t, 0, ok);
    assert_int_equal(t->told[0].tx.server_port, CLIENT_PORT);
}

static void late_starts_are_looked_for_a_bounded_number_of_times(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    for (int i = 0; i < 40; i++)
        say_garbage(t, 0, 100);
    say(t, 0, get);
    assert_int_equal(connection_kind(t->c), CONNECTION_UNKNOWN);
}

static void an_undecided_one_keeps_a_bounded_number_of_bytes(void **state)
{
    struct test *t = *state;
    begin(t, ODD_PORT);
    /* like the first message of a chain, which its length makes one wait for */
    say_bytes(t, 0, "P\0\0\x7f\xf0s\0select", 13);
    for (int i = 0; i < 30 && connection_kind(t->c) == CONNECTION_UNDECIDED; i++)
        say_garbage(t, 0, 1000);
    assert_int_equal(connection_kind(t->c), CONNECTION_UNKNOWN);
    assert_in_range(analysis_budget(t->a)->peak, 16384, 65536);
    assert_in_range(analysis_budget(t->a)->used, 1, 4096); /* what was kept is given back */
}

static void a_port_that_says_nothing_of_the_kind_is_given_up(void **state)
{
    struct test *t = *state;
    begin_between(t, CLIENT_PORT, 80, true, false);
    for (int i = 0; i < 1100; i++)
        say_garbage(t, (unsigned)i % 2, 1000);
    assert_int_equal(connection_kind(t->c), CONNECTION_UNKNOWN);
    assert_int_equal(analysis_counters(t->a).given_up, 1);
    assert_int_equal(counters_of(t, "http")->connections, 0);
    assert_in_range(analysis_budget(t->a)->used, 1, 4096);
    connection_gap(t->c, 0, 1000, t->ns);
    end(t);
    assert_int_equal(t->count, 0);
}

static void one_message_keeps_a_connection_from_being_given_up(void **state)
{
    struct test *t = *state;
    begin(t, 80);
    say(t, 0, get);
    say(t, 1, ok);
    for (int i = 0; i < 1100; i++)
        say_garbage(t, (unsigned)i % 2, 1000);
    assert_true(is_decoded_as(t, "http"));
    assert_int_equal(analysis_counters(t->a).given_up, 0);
}

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

static void a_gap_before_the_decision_makes_it_an_old_connection(void **state)
{
    struct test *t = *state;
    begin(t, 5432);
    connection_gap(t->c, 0, 24, t->ns);
    say_bytes(t, 1, authentication_ok, sizeof(authentication_ok) - 1);
    ask_and_answer(t);
    assert_true(is_decoded_as(t, "postgresql"));
    assert_true(connection_facts(t->c)->is_midstream);
    end(t);
    uint64_t lost = 0;
    for (size_t i = 0; i < t->count; i++)
        lost += t->told[i].tx.lost_bytes;
    assert_int_equal(lost, 24);
    assert_int_equal(counters_of(t, "postgresql")->requests, 1);
}

static bool last_user_is(const struct test *t, const char *name)
{
    assert_true(t->count > 0);
    return bytes_are(t->told[t->count - 1].tx.user_name, name);
}

/* 10.0.0.1 asks 10.0.0.2. */
static void set_account(struct test *t, const char *server, uint16_t port, const char *client,
                        const char *user)
{
    struct account *a = &t->settings.accounts[t->settings.accounts_count++];
    *a = (struct account){.port = port, .has_client = client != NULL, .user_len = strlen(user)};
    memcpy(a->user, user, a->user_len);
    assert_true(prefix_parse(&a->server, bytes_of(server)));
    if (client)
        assert_true(prefix_parse(&a->client, bytes_of(client)));
}

static void an_old_connections_account_may_be_configured(void **state)
{
    struct test *t = *state;
    set_account(t, "10.0.0.3", 0, NULL, "other_server");
    set_account(t, "10.0.0.2", 5433, NULL, "other_port");
    set_account(t, "10.0.0.2", 5432, "10.1.0.0/16", "other_client");
    set_account(t, "10.0.0.0/24", 5432, "10.0.0.1", "crm_app");
    set_account(t, "10.0.0.2", 5432, NULL, "later");
    begin_between(t, CLIENT_PORT, 5432, true, false);
    ask_and_answer(t);
    ask_and_answer(t);
    assert_int_equal(t->count, 2);
    assert_true(last_user_is(t, "crm_app"));
    t->settings.accounts_count = 3;
    end(t);
    begin_between(t, CLIENT_PORT, 5432, true, false);
    ask_and_answer(t);
    assert_false(transaction_has(&t->told[t->count - 1].tx, FIELD_USER_NAME));
}

static void an_account_that_was_seen_goes_before_the_configured(void **state)
{
    struct test *t = *state;
    set_account(t, "10.0.0.2", 0, NULL, "crm_app");
    begin(t, 5432);
    log_in(t);
    ask_and_answer(t);
    assert_true(last_user_is(t, "alice"));
    /* picked up before its login */
    end(t);
    begin_between(t, CLIENT_PORT, 5432, true, false);
    log_in(t);
    ask_and_answer(t);
    assert_true(last_user_is(t, "alice"));
    /* no database's */
    end(t);
    begin_between(t, CLIENT_PORT, 80, true, false);
    say(t, 0, get);
    say(t, 1, ok);
    assert_true(t->told[t->count - 1].is_http);
    assert_false(transaction_has(&t->told[t->count - 1].tx, FIELD_USER_NAME));
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
        TEST(a_usual_port_and_a_greeting_are_believed),
        TEST(a_configured_port_is_believed_where_the_beginning_is_missing),
        TEST(the_configuration_goes_before_the_usual_ports),
        TEST(another_protocol_on_a_usual_port_is_found_by_its_signature),
        TEST(on_an_odd_port_the_signature_decides),
        TEST(roles_are_exchanged_by_what_is_said),
        TEST(roles_are_exchanged_by_a_known_port),
        TEST(roles_that_were_seen_are_not_exchanged),
        TEST(an_old_connection_on_a_known_port_is_picked_up_further_on),
        TEST(an_unknown_one_may_be_named_by_others),
        TEST(the_port_is_believed_where_one_side_alone_is_mirrored),
        TEST(a_message_behind_a_preamble_is_a_late_start),
        TEST(behind_a_preamble_the_roles_may_be_the_other_way_round),
        TEST(late_starts_are_looked_for_a_bounded_number_of_times),
        TEST(an_undecided_one_keeps_a_bounded_number_of_bytes),
        TEST(a_port_that_says_nothing_of_the_kind_is_given_up),
        TEST(one_message_keeps_a_connection_from_being_given_up),
        TEST(what_follows_a_switch_to_encryption_is_told_at_the_end),
        TEST(what_follows_a_switch_to_another_protocol_is_told_at_the_end),
        TEST(what_another_analyzer_goes_on_with_counts_as_its_own),
        TEST(bytes_lost_behind_the_last_transaction_are_told),
        TEST(nothing_is_told_where_nothing_is_left),
        TEST(a_gap_before_the_decision_makes_it_an_old_connection),
        TEST(an_old_connections_account_may_be_configured),
        TEST(an_account_that_was_seen_goes_before_the_configured),
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
