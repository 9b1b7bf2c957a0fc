/*
 * worker.h: what several workers share.
 */
#include "tests/cmocka.h"

#include "worker.h"

#include "core/clock.h"
#include "rules/problems.h"

#include <pcap/dlt.h>
#include <stdlib.h>

enum { SYN_LEN = 14 + 20 + 20, FLOWS = 8, PARTS_MAX = 8 };

static void on_transaction(void *context, struct transaction *tx, uint64_t session)
{
    (void)context;
    (void)tx;
    (void)session;
}

static void on_session_end(void *context, uint64_t session)
{
    (void)context;
    (void)session;
}

/* Keeps the parts of the whole mirror. */
struct parts {
    struct mirror_part items[PARTS_MAX];
    size_t count;
};

static bool on_mirror(void *context, const struct mirror_part *part)
{
    struct parts *parts = context;
    if (!parts || !part->is_whole)
        return true;
    assert_true(parts->count < PARTS_MAX);
    parts->items[parts->count++] = *part;
    return true;
}

static void take_syn_at(struct worker *w, uint8_t client, int64_t ns)
{
    uint8_t frame[SYN_LEN] = {
        [12] = 8, [14] = 0x45, [17] = 40, [22] = 64, [23] = 6, [26] = 10, [30] = 10};
    frame[29] = client;
    frame[33] = 200;
    frame[35] = 1;  /* from port 1 */
    frame[37] = 80; /* to port 80 */
    frame[46] = 0x50;
    frame[47] = 2; /* SYN */
    struct packet packet = {
        .ns = ns, .data = {frame, SYN_LEN}, .wire_len = SYN_LEN, .link = DLT_EN10MB};
    worker_take(w, &packet);
}

static void take_syn(struct worker *w, uint8_t client)
{
    take_syn_at(w, client, 1);
}

static struct worker *open_telling_worker(const struct config *config, unsigned index,
                                          unsigned count, bool is_shared, struct parts *parts)
{
    static const struct worker_events events = {
        .transaction = on_transaction, .session_end = on_session_end, .mirror = on_mirror};
    struct worker *w;
    struct error error;
    const struct worker_config worker = {
        .config = config, .index = index, .count = count, .is_shared = is_shared};
    assert_true(worker_open(&w, &worker, &events, parts, &error));
    return w;
}

static struct worker *open_worker(const struct config *config, unsigned index, unsigned count,
                                  bool is_shared)
{
    return open_telling_worker(config, index, count, is_shared, NULL);
}

static uint64_t evicted(const struct config *config, unsigned count)
{
    struct worker_counters *sum = calloc(1, sizeof(*sum));
    struct worker *w = open_worker(config, 0, count, false);
    assert_non_null(sum);
    for (uint8_t client = 1; client <= FLOWS; client++)
        take_syn(w, client);
    worker_count(w, sum);
    uint64_t result = sum->capture.flows_evicted;
    worker_close(w);
    free(sum);
    return result;
}

static void a_worker_has_its_part_of_the_limits(void **state)
{
    struct config *config = *state;
    config->capture.flows_max = FLOWS;
    assert_int_equal(evicted(config, 1), 0);
    assert_int_equal(evicted(config, 2), FLOWS / 2);
    assert_int_equal(evicted(config, 4), FLOWS - FLOWS / 4);
}

static void each_flow_is_one_workers(void **state)
{
    struct worker_counters *sum = calloc(1, sizeof(*sum));
    assert_non_null(sum);
    for (unsigned index = 0; index < 3; index++) {
        struct worker *w = open_worker(*state, index, 3, true);
        for (uint8_t client = 1; client <= FLOWS; client++)
            take_syn(w, client);
        worker_count(w, sum);
        worker_close(w);
    }
    assert_int_equal(sum->capture.flows_tcp, FLOWS);
    assert_int_equal(sum->capture.packets, FLOWS);
    free(sum);
}

static void intervals_are_multiples_of_their_length(void **state)
{
    const int64_t s = CLOCK_SECOND_NS;
    struct parts parts = {.count = 0};
    struct worker *w = open_telling_worker(*state, 0, 1, false, &parts);
    take_syn_at(w, 1, 119 * s);
    assert_int_equal(parts.count, 0);
    take_syn_at(w, 2, 120 * s);
    take_syn_at(w, 3, 118 * s); /* what is late is counted where time has come to */
    take_syn_at(w, 4, 1000 * s);
    worker_finish(w);
    worker_close(w);
    static const struct {
        int64_t start_s, last_s;
        uint64_t packets;
    } expected[] = {{60, 119, 1}, {120, 118, 2}, {960, 1000, 1}};
    assert_int_equal(parts.count, 3);
    for (size_t i = 0; i < parts.count; i++) {
        assert_int_equal(parts.items[i].start_ns, expected[i].start_s * s);
        assert_int_equal(parts.items[i].last_ns, expected[i].last_s * s);
        assert_int_equal(parts.items[i].counters.packets, expected[i].packets);
    }
}

static void a_quiet_mirror_is_told_by_the_passing_of_time(void **state)
{
    const int64_t s = CLOCK_SECOND_NS;
    struct config *config = *state;
    struct parts parts = {.count = 0};
    config->mirror_interval_ns = 10 * s;
    struct worker *w = open_telling_worker(config, 0, 1, false, &parts);
    worker_tick(w, 0); /* a file's */
    worker_tick(w, 101 * s);
    worker_tick(w, 109 * s);
    assert_int_equal(parts.count, 0);
    worker_tick(w, 110 * s);
    worker_jump(w, 5);
    worker_tick(w, 121 * s);
    assert_int_equal(parts.count, 2);
    assert_int_equal(parts.items[0].start_ns, 100 * s);
    assert_int_equal(parts.items[0].counters.packets, 0);
    assert_int_equal(parts.items[0].last_ns, 0);
    assert_int_equal(parts.items[1].clock_jump_ns, 5);
    worker_finish(w);
    worker_close(w);
    assert_int_equal(parts.count, 3);
    assert_int_equal(parts.items[2].clock_jump_ns, 0);
}

/* What the worker told of connections. */
struct told {
    size_t count;
    enum action action;
    uint64_t client_bytes, server_bytes, duration_ns, server_port;
    int64_t start_ns;
    bool has_network;
};

static void on_told(void *context, struct transaction *tx, uint64_t session)
{
    struct told *told = context;
    assert_true(session != 0);
    *told = (struct told){.count = told->count + 1,
                          .action = tx->action,
                          .client_bytes = tx->client_bytes,
                          .server_bytes = tx->server_bytes,
                          .duration_ns = tx->duration_ns,
                          .server_port = tx->server_port,
                          .start_ns = tx->start_ns,
                          .has_network = transaction_has(tx, FIELD_NETWORK_NAME)};
    assert_true(transaction_has(tx, FIELD_CLIENT_BYTES));
}

static bool on_no_mirror(void *context, const struct mirror_part *part)
{
    (void)context;
    (void)part;
    return true;
}

/* A segment between 10.0.0.1 and 192.0.2.x. */
static void take_segment(struct worker *w, bool is_reply, uint8_t server, uint8_t flags,
                         uint32_t sequence, struct bytes data, int64_t ns)
{
    uint8_t frame[SYN_LEN + 100] = {[12] = 8, [14] = 0x45, [22] = 64, [23] = 6, [46] = 0x50};
    const uint8_t client[] = {10, 0, 0, 1}, outside[] = {192, 0, 2, server};
    frame[17] = (uint8_t)(40 + data.len);
    memcpy(frame + 26, is_reply ? outside : client, 4);
    memcpy(frame + 30, is_reply ? client : outside, 4);
    memcpy(frame + 34, is_reply ? "\x01\xbb\x27\x10" : "\x27\x10\x01\xbb", 4); /* 443 */
    for (size_t i = 0; i < 4; i++)
        frame[38 + i] = (uint8_t)(sequence >> (24 - 8 * i));
    frame[47] = flags;
    if (data.len > 0)
        memcpy(frame + SYN_LEN, data.data, data.len);
    struct packet packet = {.ns = ns,
                            .data = {frame, SYN_LEN + data.len},
                            .wire_len = (uint32_t)(SYN_LEN + data.len),
                            .link = DLT_EN10MB};
    worker_take(w, &packet);
}

/* A connection of 50 and 30 bytes that nobody decodes. */
static void take_connection(struct worker *w, uint8_t server, int64_t ns)
{
    enum { FIN = 1, SYN = 2, ACK = 16 };
    static const uint8_t hello[50] = {22, 3, 1, 0, 45, 1}, answer[30] = {22, 3, 3, 0, 25, 2};
    const struct bytes none = {NULL, 0};
    take_segment(w, false, server, SYN, 100, none, ns);
    take_segment(w, true, server, SYN | ACK, 500, none, ns + 1);
    take_segment(w, false, server, ACK, 101, (struct bytes){hello, sizeof(hello)}, ns + 2);
    take_segment(w, true, server, ACK, 501, (struct bytes){answer, sizeof(answer)}, ns + 9);
    take_segment(w, false, server, FIN | ACK, 151, none, ns + 20);
    take_segment(w, true, server, FIN | ACK, 531, none, ns + 21);
}

static void a_connection_that_leaves_a_network_is_told_when_it_ends(void **state)
{
    static const struct worker_events events = {
        .transaction = on_told, .session_end = on_session_end, .mirror = on_no_mirror};
    struct config *config = *state;
    const struct worker_config worker = {.config = config, .count = 1};
    struct told told = {.count = 0};
    struct worker *w;
    struct error error;
    for (unsigned inside = 0; inside < 3; inside++) {
        size_t number;
        struct prefix prefix = {.address = address_from_ipv4((const uint8_t[]){10, 0, 0, 0}),
                                .bits = 96 + 8};
        if (inside == 2) /* a server of a network of ours */
            prefix.address = address_from_ipv4((const uint8_t[]){192, 0, 2, 7});
        if (inside > 0)
            assert_true(network_add(config->networks, bytes_of(inside == 1 ? "a" : "b"),
                                    (struct texts){NULL, 0}, &number, &error) &&
                        network_add_prefix(config->networks, number, &prefix, &error));
        assert_true(worker_open(&w, &worker, &events, &told, &error));
        take_connection(w, 7, 1000);
        worker_finish(w);
        worker_close(w);
        assert_int_equal(told.count, inside > 0); /* once, from a network to outside of any */
    }
    assert_int_equal(told.action, ACTION_OTHER);
    assert_int_equal(told.client_bytes, 50);
    assert_int_equal(told.server_bytes, 30);
    assert_int_equal(told.server_port, 443);
    assert_int_equal(told.start_ns, 1000);
    assert_int_equal(told.duration_ns, 9);
    assert_true(told.has_network);
}

static int set_up(void **state)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    struct config *config = calloc(1, sizeof(*config));
    bool is_good = problems && config && config_load(config, NULL, problems);
    free(problems);
    *state = config;
    return is_good ? 0 : -1;
}

static int tear_down(void **state)
{
    config_clear(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_worker_has_its_part_of_the_limits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_flow_is_one_workers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(intervals_are_multiples_of_their_length, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_connection_that_leaves_a_network_is_told_when_it_ends,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_quiet_mirror_is_told_by_the_passing_of_time, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
