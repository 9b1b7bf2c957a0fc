/*
 * Which side is the server, and what makes two packets belong to one flow.
 */
#include "tests/capture/capture_bench.h"

/* The SYN that comes late shows that the lower port is the client's. */
static void a_server_is_found_again_when_the_roles_turn(void **state)
{
    struct bench *b = *state;
    uint32_t first = b->next[1];
    b->next[1]++;
    say(b, 1, 10);
    assert_int_equal(tell(b).servers[0].port, SERVER_PORT);
    show(b, (struct shown){.direction = 1, .back = b->next[1] - first, .len = 0, .flags = TCP_SYN});
    struct told t = tell(b);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.servers[0].port, CLIENT_PORT);
    assert_int_equal(t.servers[0].counters.payload_bytes, 10);
}

static void a_known_port_is_the_servers_where_no_syn_told(void **state)
{
    struct bench *b = *state;
    struct capture_ports ports = {{0}};
    struct capture_config config = usual;
    config.ports = &ports;
    capture_ports_add(&ports, CLIENT_PORT);
    for (unsigned direction = 0; direction < 2; direction++) {
        open_bench(b, &config);
        say(b, direction, 10);
        assert_int_equal(tell(b).servers[0].port, CLIENT_PORT);
    }
    capture_ports_add(&ports, SERVER_PORT); /* both: the lower one */
    open_bench(b, &config);
    say(b, 0, 10);
    assert_int_equal(tell(b).servers[0].port, SERVER_PORT);
}

static void the_receiver_may_turn_the_roles(void **state)
{
    struct bench *b = *state;
    b->turns = true;
    say(b, 0, 10);
    say(b, 1, 20);
    capture_flush(b->capture);
    (void)tell(b);
    say(b, 0, 10);
    struct told t = tell(b);
    assert_int_equal(t.servers[0].port, SERVER_PORT);
    b->turns = true;
    capture_flush(b->capture);
    t = tell(b);
    assert_int_equal(t.servers[0].port, CLIENT_PORT);
    assert_int_equal(t.servers[0].counters.payload_bytes, 10);
}

/* Ports that somebody tries, and where nobody answers. */
static void a_search_for_open_ports_holds_no_places(void **state)
{
    struct bench *b = *state;
    open_bench(b, &(struct capture_config){.flows_max = 10000, .memory_max = 1 << 20});
    for (unsigned port = 0; port < SERVERS_MAX + 100; port++) {
        frame_payload(&b->frame, "", 0);
        frame_wrap_tcp(&b->frame, (struct tcp_of){.source = CLIENT_PORT,
                                                  .destination = (uint16_t)(10000 + port),
                                                  .flags = TCP_SYN});
        frame_wrap_ipv4_part(&b->frame, PROTOCOL_TCP, NET, ++b->id, 0);
        frame_wrap_ethernet(&b->frame, 0x0800);
        give(b, 0);
    }
    assert_int_equal(tell_some(b), SERVERS_MAX + 1);
    shake_hands(b);
    say(b, 0, 10);
    struct told t = tell(b);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.servers[0].port, SERVER_PORT);
    assert_int_equal(capture_counters(b->capture).servers_forgotten, 101);
}

static void flows_between(struct bench *b, const struct capture_config *config, uint64_t flows)
{
    static const char *const outers[] = {
        /* VXLAN between 10.9.0.1 and 10.9.0.2, and back; then another network; then other ends */
        "0800 45000000 00070000 40110000 0a090001 0a090002 c350 12b5 0000 0000 08000000 00006400 "
        "020000000000 020000000001 0800",
        "0800 45000000 00070000 40110000 0a090002 0a090001 c350 12b5 0000 0000 08000000 00006400 "
        "020000000000 020000000001 0800",
        "0800 45000000 00070000 40110000 0a090001 0a090002 c350 12b5 0000 0000 08000000 00006500 "
        "020000000000 020000000001 0800",
        "0800 45000000 00070000 40110000 0a090001 0a090003 c350 12b5 0000 0000 08000000 00006400 "
        "020000000000 020000000001 0800",
        "8100 0005 0800",
        /* GRE with a key, which is no network's */
        "0800 45000000 00070000 402f0000 0a090001 0a090002 2000 0800 00000064",
    };
    open_bench(b, config);
    for (size_t i = 0; i < sizeof(outers) / sizeof(outers[0]); i++)
        show(b,
             (struct shown){.direction = i == 1, .len = 10, .flags = TCP_ACK, .outer = outers[i]});
    assert_int_equal(capture_counters(b->capture).flows_tcp, flows);
}

static void networks_and_tunnels_are_in_the_key_only_if_configured(void **state)
{
    struct bench *b = *state;
    struct capture_config config = usual;
    flows_between(b, &config, 1);
    config.vni_in_key = true;
    flows_between(b, &config, 3); /* without a network: one more */
    config.tunnel_in_key = true;
    flows_between(b, &config, 5);
    config.vni_in_key = false;
    flows_between(b, &config, 4);
    config.tunnel_in_key = false;
    config.vlan_in_key = true;
    flows_between(b, &config, 2);
}

static void tunnels_are_counted(void **state)
{
    struct bench *b = *state;
    flows_between(b, &usual, 1);
    const struct tunnels *t = capture_tunnels(b->capture);
    assert_int_equal(t->count, 5);
    assert_int_equal(t->items[4].hop.kind, HOP_GRE);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(t->items[i].hop.kind, HOP_VXLAN);
        assert_int_equal(t->items[i].hop.id, i == 2 ? 0x65 : 0x64);
        assert_int_equal(t->items[i].packets, 1);
        assert_int_equal(t->items[i].bytes, 14 + 20 + 8 + 8 + 14 + 40 + 10);
    }
    assert_int_equal(t->items[1].hop.source.octets[15], 2);
    assert_int_equal(t->items[1].hop.destination.octets[15], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_server_is_found_again_when_the_roles_turn),
        TEST(a_known_port_is_the_servers_where_no_syn_told),
        TEST(the_receiver_may_turn_the_roles),
        TEST(a_search_for_open_ports_holds_no_places),
        TEST(networks_and_tunnels_are_in_the_key_only_if_configured),
        TEST(tunnels_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
