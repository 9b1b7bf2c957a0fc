/*
 * Who goes where there are too many flows.
 */
#include "tests/cmocka.h"

#include "capture/flow.h"

#include <string.h>

enum { FLOWS = 100 };

static void on_closed(void *context, struct flow *flow)
{
    (void)flow;
    ++*(unsigned *)context;
}

static struct flows *open_flows(unsigned *closed)
{
    return flows_open(
        &(struct flows_config){.flows_max = FLOWS, .closed = on_closed, .context = closed});
}

static struct flow_key key_of(uint16_t n)
{
    return (struct flow_key){.low_port = n, .high_port = 5432, .protocol = 6};
}

static struct flow *add(struct flows *f, uint16_t n)
{
    struct flow_key key = key_of(n);
    struct flow *flow = flow_add(f, &key, false, false, n);
    assert_non_null(flow);
    return flow;
}

static bool has(struct flows *f, uint16_t n)
{
    struct flow_key key = key_of(n);
    return flow_find(f, &key) != NULL;
}

static void a_flood_of_openings_pushes_no_connection_out(void **state)
{
    unsigned closed = 0;
    (void)state;
    struct flows *f = open_flows(&closed);
    for (uint16_t n = 0; n < FLOWS / 2; n++)
        flow_grow(f, add(f, n));
    for (uint16_t n = 1000; n < 11000; n++)
        (void)add(f, n);
    for (uint16_t n = 0; n < FLOWS / 2; n++)
        assert_true(has(f, n));
    assert_int_equal(flows_evictions(f), 10000 - FLOWS / 2);
    assert_int_equal(closed, 10000 - FLOWS / 2);
    flows_close(f);
    assert_int_equal(closed, 10000 + FLOWS / 2);
}

static void of_openings_the_one_quiet_the_longest_goes(void **state)
{
    unsigned closed = 0;
    (void)state;
    struct flows *f = open_flows(&closed);
    for (uint16_t n = 0; n < FLOWS; n++)
        (void)add(f, n);
    assert_true(has(f, 0)); /* and is touched */
    (void)add(f, FLOWS);
    assert_true(has(f, 0));
    assert_false(has(f, 1));
    flows_close(f);
}

static void few_openings_are_spared_where_connections_are_quiet(void **state)
{
    unsigned closed = 0;
    (void)state;
    struct flows *f = open_flows(&closed);
    for (uint16_t n = 0; n < FLOWS - 1; n++)
        flow_grow(f, add(f, n));
    (void)add(f, 500);
    flow_grow(f, add(f, 501));
    assert_true(has(f, 500));
    assert_false(has(f, 0));
    assert_true(has(f, 1));
    flows_close(f);
}

static void a_closed_flow_is_no_opening_any_more(void **state)
{
    unsigned closed = 0;
    (void)state;
    struct flows *f = open_flows(&closed);
    struct flow *first = add(f, 0), *second = add(f, 1), *third = add(f, 2);
    flow_close(f, second, false, 3);
    flow_grow(f, first);
    flow_grow(f, first);
    flow_close(f, third, true, 3);
    for (uint16_t n = 10; n < 10 + FLOWS; n++)
        (void)add(f, n);
    assert_true(has(f, 0));
    assert_false(has(f, 10));
    flows_close(f);
}

static void many_flows_of_udp_are_bounded_too(void **state)
{
    unsigned closed = 0;
    (void)state;
    struct flows *f = open_flows(&closed);
    for (uint16_t n = 0; n < 3 * FLOWS; n++) {
        struct flow_key key = key_of(n);
        bool is_new;
        assert_non_null(flow_find_udp(f, &key, &is_new));
        assert_true(is_new);
    }
    assert_int_equal(flows_evictions(f), 2 * FLOWS);
    flows_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_openings_pushes_no_connection_out),
        cmocka_unit_test(of_openings_the_one_quiet_the_longest_goes),
        cmocka_unit_test(few_openings_are_spared_where_connections_are_quiet),
        cmocka_unit_test(a_closed_flow_is_no_opening_any_more),
        cmocka_unit_test(many_flows_of_udp_are_bounded_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
