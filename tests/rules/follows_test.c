/*
 * Rules about what follows something else: relays are found after few connections, and what comes
 * by chance is none, however busy the client is.
 */
#include "rules/describe.h"
#include "tests/rules/bench.h"

#include <stdlib.h>

#define SECOND CLOCK_SECOND_NS
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)

enum { AGENTS = 45, PROXY = 1, RELAY = 7 };

static struct bench open_relay(void)
{
    return bench_rule("  when: event.action == \"other\"\n  by: server.ip\n"
                      "  follows: {when: 'event.action == \"read\"', by: client.ip, within: 3s}\n");
}

static struct address address(unsigned number)
{
    return address_from_ipv4((const uint8_t[]){10, 0, (uint8_t)(number >> 8), (uint8_t)number});
}

static struct transaction of(unsigned client, int64_t ns, enum action action)
{
    struct transaction t = {.start_ns = ns, .client_ip = address(client), .action = action};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_EVENT_ACTION);
    transaction_mark(&t, FIELD_CLIENT_IP);
    return t;
}

/* A record is read; who: FIELD_USER_NAME or FIELD_SESSION_ID, or FIELDS_COUNT where nobody knows.
 */
static void read_as(struct bench *b, unsigned client, enum field who, unsigned person, int64_t ns)
{
    char name[16];
    struct transaction t = of(client, ns, ACTION_READ);
    (void)snprintf(name, sizeof(name), "p%u", person);
    if (who != FIELDS_COUNT) {
        *(struct bytes *)(void *)((char *)&t + FIELDS[who].offset) = bytes_of(name);
        transaction_mark(&t, who);
    }
    engine_transaction(b->engine, &t);
}

static void read_by(struct bench *b, unsigned client, int64_t ns)
{
    read_as(b, client, FIELD_USER_NAME, client, ns);
}

static void connect_to(struct bench *b, unsigned client, int64_t ns, unsigned server)
{
    struct transaction t = of(client, ns, ACTION_OTHER);
    t.server_ip = address(server);
    transaction_mark(&t, FIELD_SERVER_IP);
    engine_transaction(b->engine, &t);
}

/* At any time within a span. */
static int64_t any_time(int64_t span_ns)
{
    return rand() % 100000 * (span_ns / 100000);
}

static void connections_just_after_reads_are_a_relay(void **state)
{
    (void)state;
    struct bench b = open_relay();
    char words[2048];
    struct text t = text_over(words, sizeof(words));
    describe_rule(&t, rules_at(b.rules, 0));
    assert_non_null(strstr(
        words, "they begin within 3 s after one with the same client.ip where event.action == "
               "\"read\", so often that the logarithm of the odds against chance is above 14"));
    for (int64_t i = 0; i < 3; i++) {
        read_by(&b, 1, start + i * 10 * MINUTE);
        connect_to(&b, 1, start + i * 10 * MINUTE + SECOND, RELAY);
    }
    for (int64_t i = 0; i < 2; i++) { /* another client relays to the same address */
        assert_int_equal(seen.count, 0);
        read_by(&b, 2, start + HOUR + i * 10 * MINUTE);
        connect_to(&b, 2, start + HOUR + i * 10 * MINUTE + SECOND, RELAY);
    }
    assert_int_equal(seen.count, 1);
    assert_string_equal(
        seen.message,
        "n: server 10.0.0.7 was reached just after something else: 5 of 5 times it began within 3 "
        "s of what preceded it (event.action == \"read\"); by chance 4.0 % would; the score is "
        "16.0, the limit 14 (last by client 10.0.0.2).");
    assert_non_null(strstr(seen.line, " server.ip=10.0.0.7: 5 of 5 times it began within 3 s of "));
    assert_true(json_has("\"hits\":5,\"of\":5,\"chance\":0.04,"));
    assert_true(json_has("\"silence\":\"score: 17, or except: server.ip == \\\"10.0.0.7\\\"\""));
    close_bench(&b);
}

static void connections_at_any_time_are_none(void **state)
{
    (void)state;
    struct bench b = open_relay();
    srand(3);
    for (int64_t i = 0; i < 5000; i++) { /* busy: a read every ten seconds */
        read_by(&b, 1, start + i * 10 * SECOND + any_time(10 * SECOND));
        if (i % 7 == 0)
            connect_to(&b, 1, start + i * 10 * SECOND + any_time(10 * SECOND), RELAY);
    }
    for (int64_t i = 0; i < 20; i++) /* reads of another client do not count */
        connect_to(&b, 2, start + 20 * HOUR + i * 10 * SECOND + 1, 8);
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

/* Reads go on while it lasts, so many. */
static void connect_for_long(struct bench *b, int64_t ns, int64_t reads)
{
    for (int64_t i = 0; i < reads; i++)
        read_by(b, 1, ns + i * 10 * SECOND);
    struct transaction t = of(1, ns + SECOND, ACTION_OTHER);
    t.server_ip = address(RELAY);
    t.duration_ns = 4 * MINUTE;
    transaction_mark(&t, FIELD_SERVER_IP);
    transaction_mark(&t, FIELD_EVENT_DURATION);
    engine_transaction(b->engine, &t);
}

static void a_connection_that_is_told_at_its_end_counts_at_its_beginning(void **state)
{
    (void)state;
    struct bench b = open_relay();
    for (int64_t i = 0; i < 4; i++) {
        connect_for_long(&b, start + i * 60 * MINUTE, 16);
        assert_int_equal(seen.count, i == 3);
        /* what came before this one is not known any more: it says nothing */
        connect_for_long(&b, start + (i * 60 + 30) * MINUTE, 17);
    }
    assert_true(json_has("\"hits\":4,\"of\":4,"));
    close_bench(&b);
}

/* Many read behind one address, each about every three minutes, for two hours.  The records of the
 * first ones go on to the relay.  Returns how many did until the alert. */
static unsigned forwarded(struct bench *b, enum field who, unsigned relays)
{
    const int64_t step = 3 * MINUTE / AGENTS;
    unsigned count = 0;
    srand(5);
    for (unsigned i = 0; seen.count == 0 && i < 40 * AGENTS; i++) {
        unsigned person = (unsigned)rand() % AGENTS;
        int64_t now = start + i * step + any_time(step / 2);
        read_as(b, PROXY, who, person, now);
        if (i < 10 * AGENTS || person >= relays) /* it begins after half an hour */
            continue;
        connect_to(b, PROXY, now + SECOND / 2 + any_time(SECOND), RELAY);
        count++;
    }
    assert_int_equal(seen.count, 1);
    return count;
}

static void of_many_behind_one_address_the_one_who_is_followed_tells(void **state)
{
    (void)state;
    static const enum field whos[] = {FIELD_USER_NAME, FIELD_SESSION_ID};
    for (size_t i = 0; i < 2; i++) {
        struct bench b = open_relay();
        assert_in_range(forwarded(&b, whos[i], 1), 3, 5);
        assert_true(json_has("\"chance\":0.0")); /* a person's, not the address's 0.75 */
        close_bench(&b);
    }
}

static void where_nobody_tells_them_apart_it_takes_longer(void **state)
{
    (void)state;
    struct bench b = open_relay();
    assert_in_range(forwarded(&b, FIELDS_COUNT, 1), 8, 14);
    assert_true(json_has("\"chance\":0.6"));
    close_bench(&b);
}

/* So many connections to ten servers, far from any read. */
static void reach_others(struct bench *b, unsigned connections)
{
    for (unsigned i = 0; i < connections; i++)
        connect_to(b, 2, start - (connections - i) * MINUTE, 100 + i % 10);
}

static void programs_at_several_persons_are_one_relay(void **state)
{
    (void)state;
    struct bench b = open_relay();
    reach_others(&b, 1000);
    assert_in_range(forwarded(&b, FIELD_USER_NAME, 3), 5, 9);
    close_bench(&b);
}

static void what_everybodys_browsers_speak_to_is_no_relay(void **state)
{
    (void)state;
    struct bench b = open_relay();
    srand(6);
    for (unsigned i = 0; i < 20000; i++) { /* 22 hours */
        int64_t now = start + i * 4 * SECOND;
        read_as(&b, PROXY, FIELD_USER_NAME, i % AGENTS, now + any_time(4 * SECOND));
        connect_to(&b, PROXY, now + any_time(4 * SECOND), RELAY + i % 5);
    }
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

static void a_page_of_many_connections_counts_once(void **state)
{
    (void)state;
    struct bench b = open_relay();
    read_by(&b, 1, start);
    for (int64_t i = 0; i < 12; i++)
        connect_to(&b, 1, start + SECOND + i * SECOND / 10, RELAY);
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

/* The pages of several clients, each after one read, whose connections to one server cross. */
static void pages_of_several_clients_at_once_count_once_each(void **state)
{
    (void)state;
    for (unsigned clients = 2; clients <= 9; clients += 7) { /* 9: more than are remembered */
        struct bench b = open_relay();
        for (unsigned i = 1; i <= clients; i++)
            read_by(&b, i, start);
        for (unsigned i = 0; i < 12 * clients; i++)
            connect_to(&b, 1 + i % clients, start + SECOND + i * SECOND / 100, RELAY);
        assert_int_equal(seen.count, 0);
        close_bench(&b);
    }
}

static void relays_at_two_clients_at_once_count_both(void **state)
{
    (void)state;
    struct bench b = open_relay();
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(seen.count, 0);
        for (unsigned client = 1; client <= 2; client++)
            read_by(&b, client, start + i * 10 * MINUTE);
        for (unsigned client = 1; client <= 2; client++)
            connect_to(&b, client, start + i * 10 * MINUTE + client * SECOND, RELAY);
    }
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

/* Somebody serves a customer and looks something up elsewhere meanwhile. */
static void what_falls_into_a_busy_minute_is_chance(void **state)
{
    (void)state;
    struct bench b = open_relay();
    for (int64_t i = 0; i < 20; i++)
        read_by(&b, 1, start + i * 5 * SECOND);
    connect_to(&b, 1, start - 10 * MINUTE, RELAY);
    for (int64_t i = 0; i < 5; i++) {
        for (int64_t j = 0; j < 3; j++)
            read_by(&b, 1, start + HOUR + (i * 3 + j) * 5 * SECOND);
        connect_to(&b, 1, start + HOUR + (i * 15 + 11) * SECOND, RELAY);
    }
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

/* How many connections after reads until the alert, each after another delay or all after one. */
static unsigned after_delays(bool are_alike)
{
    static const int64_t delays_ms[] = {100, 2900, 1200, 2000, 500, 2500, 1600, 800};
    struct bench b = open_relay();
    unsigned count = 0;
    while (seen.count == 0 && count < 8) {
        int64_t now = start + count * HOUR, delay_ms = are_alike ? 400 : delays_ms[count];
        for (int64_t i = 0; i < 60; i++) /* busy: 5 % by chance */
            read_by(&b, 1, now + i * MINUTE);
        read_by(&b, 1, now + HOUR - 30 * SECOND);
        connect_to(&b, 1, now + HOUR - 30 * SECOND + delay_ms * (SECOND / 1000), RELAY);
        count++;
    }
    close_bench(&b);
    return count;
}

static void delays_that_are_alike_tell_more(void **state)
{
    (void)state;
    unsigned alike = after_delays(true), other = after_delays(false);
    assert_in_range(alike, 4, 5);
    assert_in_range(other, alike + 1, 8);
}

/* How many connections to that server until the alert, where others were reached a thousand times.
 */
static unsigned after_others(unsigned server)
{
    struct bench b = open_relay();
    unsigned count = 0;
    reach_others(&b, 1000);
    while (seen.count == 0 && count < 8) {
        int64_t now = start + count * 20 * MINUTE;
        read_by(&b, 1, now);
        connect_to(&b, 1, now + SECOND, server);
        count++;
    }
    close_bench(&b);
    return count;
}

static void a_server_that_nobody_reached_before_needs_less(void **state)
{
    (void)state;
    assert_int_equal(after_others(RELAY), 3);
    assert_int_equal(after_others(100), 4);
}

/* The same, where connections are usual, one for so many reads. */
static unsigned after_usual(unsigned reads)
{
    struct bench b = open_relay();
    unsigned count = 0;
    for (unsigned i = 0; i < 2000; i++) {
        for (unsigned j = 0; j < reads; j++)
            read_by(&b, 2, start + i * MINUTE + j * SECOND);
        connect_to(&b, 2, start + i * MINUTE + 50 * SECOND, 100 + i % 10);
    }
    while (seen.count == 0 && count < 8) {
        int64_t now = start + 40 * HOUR + count * HOUR;
        for (int64_t i = 0; i < 60; i++) /* busy: 5 % by chance */
            read_by(&b, 1, now + i * MINUTE);
        connect_to(&b, 1, now + HOUR - MINUTE + (count % 2 ? 2 * SECOND : SECOND / 2), 100);
        count++;
    }
    close_bench(&b);
    return count;
}

static void where_connections_are_few_for_the_reads_each_tells_more(void **state)
{
    (void)state;
    assert_int_equal(after_usual(1), 6);
    assert_int_equal(after_usual(30), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_just_after_reads_are_a_relay),
        cmocka_unit_test(connections_at_any_time_are_none),
        cmocka_unit_test(a_connection_that_is_told_at_its_end_counts_at_its_beginning),
        cmocka_unit_test(of_many_behind_one_address_the_one_who_is_followed_tells),
        cmocka_unit_test(where_nobody_tells_them_apart_it_takes_longer),
        cmocka_unit_test(programs_at_several_persons_are_one_relay),
        cmocka_unit_test(what_everybodys_browsers_speak_to_is_no_relay),
        cmocka_unit_test(a_page_of_many_connections_counts_once),
        cmocka_unit_test(pages_of_several_clients_at_once_count_once_each),
        cmocka_unit_test(relays_at_two_clients_at_once_count_both),
        cmocka_unit_test(what_falls_into_a_busy_minute_is_chance),
        cmocka_unit_test(delays_that_are_alike_tell_more),
        cmocka_unit_test(a_server_that_nobody_reached_before_needs_less),
        cmocka_unit_test(where_connections_are_few_for_the_reads_each_tells_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
