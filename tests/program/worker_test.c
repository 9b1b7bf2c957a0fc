/*
 * worker.h: what several workers share.
 */
#include "tests/cmocka.h"

#include "worker.h"

#include "rules/problems.h"

#include <pcap/dlt.h>
#include <stdlib.h>

enum { SYN_LEN = 14 + 20 + 20, FLOWS = 8 };

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

static void take_syn(struct worker *w, uint8_t client)
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
        .ns = 1, .data = {frame, SYN_LEN}, .wire_len = SYN_LEN, .link = DLT_EN10MB};
    worker_take(w, &packet);
}

static struct worker *open_worker(const struct config *config, unsigned index, unsigned count,
                                  bool is_shared)
{
    static const struct worker_events events = {.transaction = on_transaction,
                                                .session_end = on_session_end};
    struct worker *w;
    struct error error;
    const struct worker_config worker = {
        .config = config, .index = index, .count = count, .is_shared = is_shared};
    assert_true(worker_open(&w, &worker, &events, NULL, &error));
    return w;
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
