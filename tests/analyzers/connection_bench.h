/*
 * A connection that is listened to, with the analyzers there are: what its sides say, and what is
 * told of it.
 */
#ifndef SEEPWATCH_TESTS_ANALYZERS_CONNECTION_BENCH_H
#define SEEPWATCH_TESTS_ANALYZERS_CONNECTION_BENCH_H

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

static inline void on_transaction(void *context, void *owner, struct transaction *tx)
{
    struct test *t = context;
    assert_ptr_equal(owner, t);
    assert_true(t->count < TOLD_MAX);
    t->told[t->count++] = (struct told){.tx = *tx,
                                        .is_http = bytes_are(tx->protocol, "http"),
                                        .is_postgresql = bytes_are(tx->protocol, "postgresql")};
}

static inline int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    t->settings.memory_max = MEMORY_ENOUGH;
    t->ns = CLOCK_SECOND_NS;
    *state = t;
    return 0;
}

/* Begins anew, with a connection. */
static inline void begin_between(struct test *t, uint16_t from, uint16_t to, bool is_midstream,
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
static inline void begin(struct test *t, uint16_t port)
{
    begin_between(t, CLIENT_PORT, port, false, true);
}

/* Ends the connection; nothing is left of it. */
static inline void end(struct test *t)
{
    connection_close(t->c);
    t->c = NULL;
    assert_int_equal(analysis_budget(t->a)->used, 0);
}

static inline int tear_down(void **state)
{
    struct test *t = *state;
    connection_close(t->c);
    if (t->a)
        assert_int_equal(analysis_budget(t->a)->used, 0);
    analysis_close(t->a);
    free(t);
    return 0;
}

static inline void say_bytes(struct test *t, unsigned direction, const void *data, size_t len)
{
    uint8_t *exact = malloc(len);
    assert_non_null(exact);
    memcpy(exact, data, len);
    connection_data(t->c, direction, (struct bytes){exact, len}, t->ns += 1000);
    free(exact);
}

static inline void say(struct test *t, unsigned direction, const char *text)
{
    say_bytes(t, direction, text, strlen(text));
}

static inline void say_garbage(struct test *t, unsigned direction, size_t len)
{
    static uint8_t garbage[4096];
    assert_true(len <= sizeof(garbage));
    memset(garbage, 0xaa, sizeof(garbage));
    connection_data(t->c, direction, (struct bytes){garbage, len}, t->ns += 1000);
}

/* A message of PostgreSQL: its type, and a body that ends in a zero. */
static inline void say_message(struct test *t, unsigned direction, char type, const char *body,
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

static inline void log_in(struct test *t)
{
    say_bytes(t, 0, start_up, sizeof(start_up));
    say_bytes(t, 1, authentication_ok, sizeof(authentication_ok) - 1);
}

static inline void ask_and_answer(struct test *t)
{
    say_message(t, 0, 'Q', "select 1", 9);
    say_message(t, 1, 'C', "SELECT 1", 9);
    say_message(t, 1, 'Z', "I", 1);
}

static inline bool is_decoded_as(const struct test *t, const char *name)
{
    const struct analyzer *a = connection_analyzer(t->c);
    return connection_kind(t->c) == CONNECTION_DECODED && a && strcmp(a->name, name) == 0;
}

static const struct protocol_counters *counters_of(const struct test *t, const char *name)
{
    return analysis_protocol(t->a, analyzer_find(bytes_of(name)));
}

#endif
