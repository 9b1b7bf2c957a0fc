/*
 * Tunnels told apart by all that they have, up to the bound.
 */
#include "tests/cmocka.h"

#include "capture/tunnels.h"

#include <stdlib.h>

static struct hop hop_of(unsigned n)
{
    return (struct hop){
        .source = address_from_ipv4((const uint8_t[4]){10, 0, (uint8_t)(n >> 8), (uint8_t)n}),
        .destination = address_from_ipv4((const uint8_t[4]){10, 9, 0, 1}),
        .id = 7,
        .has_id = true,
        .kind = HOP_VXLAN};
}

static void a_tunnel_is_its_kind_ends_and_number(void **state)
{
    struct tunnels *t = *state;
    struct hop hops[5];
    for (size_t i = 0; i < 5; i++)
        hops[i] = hop_of(1);
    hops[1].source = hop_of(2).source;
    hops[2].destination = hop_of(2).source;
    hops[3].id = 8;
    hops[4].kind = HOP_GENEVE;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < 5; i++)
            tunnels_count(t, &hops[i], 1, 100 + i);
    }
    assert_int_equal(t->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(t->items[i].packets, 3);
        assert_int_equal(t->items[i].bytes, 3 * (100 + i));
    }
}

static void past_the_bound_they_are_counted_together(void **state)
{
    struct tunnels *t = *state, *sum = calloc(1, sizeof(*sum));
    assert_non_null(sum);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned n = 0; n < TUNNELS_MAX + 10; n++) {
            struct hop hop = hop_of(n);
            tunnels_count(t, &hop, 1, 50);
        }
    }
    assert_int_equal(t->count, TUNNELS_MAX);
    assert_int_equal(t->items[TUNNELS_MAX - 1].packets, 2);
    assert_int_equal(t->rest.packets, 20);
    assert_int_equal(t->rest.bytes, 1000);
    tunnels_add(sum, t);
    tunnels_add(sum, t);
    assert_int_equal(sum->count, TUNNELS_MAX);
    assert_int_equal(sum->items[0].packets, 4);
    assert_int_equal(sum->rest.packets, 40);
    free(sum);
}

static void every_kind_has_a_name(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < HOP_KINDS_COUNT; kind++) {
        struct hop hop = {.kind = (uint8_t)kind};
        assert_non_null(hop_name(&hop));
    }
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct tunnels));
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_tunnel_is_its_kind_ends_and_number),
        TEST(past_the_bound_they_are_counted_together),
        TEST(every_kind_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
