/*
 * What is counted of the mirror: each counter of a server and of the whole, for packets that are
 * built here.
 */
#include "tests/cmocka.h"

#include "capture/capture.h"
#include "capture/decode.h"
#include "capture/servers.h"
#include "capture/tunnels.h"
#include "core/clock.h"
#include "tests/capture/packets.h"

#include <pcap/dlt.h>

enum { CLIENT_PORT = 40000, SERVER_PORT = 5432, PARTS_MAX = 16, NET = 4, START_NS = 60 };

#define MS (CLOCK_SECOND_NS / 1000)

struct told {
    struct mirror_part whole, servers[PARTS_MAX];
    size_t wholes, count;
};

struct bench {
    struct capture *capture;
    struct frame frame;
    int64_t ns;
    uint16_t id;
    uint32_t next[2]; /* sequence numbers, by direction */
    bool turns;       /* the receiver finds the roles turned */
};

/* A packet as the mirror may show it. */
struct shown {
    unsigned direction;
    uint32_t back; /* bytes before the next one */
    size_t len;    /* of payload */
    uint8_t flags;
    uint16_t id; /* 0: a new one */
    uint8_t ttl;
    bool is_bad;       /* its checksum */
    size_t cut;        /* bytes that the snap length takes off */
    const char *outer; /* hex before the IP header, other than Ethernet's */
};

static void on_data(void *context, struct flow_view *flow, unsigned direction, struct bytes data,
                    int64_t ns)
{
    struct bench *b = context;
    (void)direction;
    (void)ns;
    if (b->turns)
        capture_turn(b->capture, flow);
    b->turns = false;
    flow->server->counters.payload_bytes += data.len;
}

static void on_gap(void *context, struct flow_view *flow, unsigned direction, uint64_t lost,
                   int64_t ns)
{
    (void)context;
    (void)direction;
    (void)ns;
    flow->server->counters.lost_bytes += lost;
}

static void on_end(void *context, struct flow_view *flow, unsigned direction, int64_t ns)
{
    (void)context;
    (void)flow;
    (void)direction;
    (void)ns;
}

static void open_bench(struct bench *b, const struct capture_config *config)
{
    static const struct capture_events events = {.data = on_data, .gap = on_gap, .end = on_end};
    capture_close(b->capture);
    b->capture = capture_open(config, &events, b);
    assert_non_null(b->capture);
    b->next[0] = 1000;
    b->next[1] = 500000;
}

static const struct capture_config usual = {.flows_max = 100, .memory_max = 1 << 20};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->ns = 100 * CLOCK_SECOND_NS;
    open_bench(b, &usual);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    capture_close(b->capture);
    free(b);
    return 0;
}

static bool take(void *context, const struct mirror_part *part)
{
    struct told *t = context;
    assert_int_equal(part->start_ns, START_NS);
    if (part->is_whole) {
        t->whole = *part;
        t->wholes++;
        return true;
    }
    assert_true(t->count < PARTS_MAX);
    t->servers[t->count++] = *part;
    return true;
}

static bool refuse(void *context, const struct mirror_part *part)
{
    (void)context;
    (void)part;
    return false;
}

static struct told tell(struct bench *b)
{
    struct told t = {.count = 0};
    capture_mirror(b->capture, START_NS, take, &t);
    assert_int_equal(t.wholes, 1);
    return t;
}

static bool count_part(void *context, const struct mirror_part *part)
{
    (void)part;
    ++*(size_t *)context;
    return true;
}

/* Like tell, where there are too many servers to be kept: their number, the whole among them. */
static size_t tell_some(struct bench *b)
{
    size_t count = 0;
    capture_mirror(b->capture, START_NS, count_part, &count);
    return count;
}

/* What is there of the one server. */
static struct mirror_counters server_told(struct bench *b)
{
    capture_flush(b->capture);
    struct told t = tell(b);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.servers[0].port, SERVER_PORT);
    return t.servers[0].counters;
}

static void give(struct bench *b, size_t cut)
{
    uint8_t *copy = bytes_copy(b->frame.data, b->frame.len - cut);
    struct packet packet = {.ns = b->ns,
                            .data = {copy, b->frame.len - cut},
                            .wire_len = (uint32_t)b->frame.len,
                            .link = DLT_EN10MB};
    capture_packet(b->capture, &packet);
    free(copy);
}

static uint32_t words(const uint8_t *at, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
    return sum;
}

static void put_checksum(uint8_t *at, uint32_t sum)
{
    while (sum >> 16)
        sum = (sum >> 16) + (sum & 0xffff);
    put16(at, (uint16_t)~sum);
}

static void wrap_outer(struct bench *b, const char *outer)
{
    if (outer) {
        frame_wrap_hex(&b->frame, outer);
        frame_wrap_hex(&b->frame, "020000000000 020000000001");
    } else {
        frame_wrap_ethernet(&b->frame, 0x0800);
    }
}

/* Between 10.NET.0.1 and 10.NET.0.2, both checksums right unless it is bad. */
static void show(struct bench *b, struct shown s)
{
    static const uint8_t zeros[2000];
    bool is_server = s.direction == 1;
    struct tcp_of tcp = {.source = is_server ? SERVER_PORT : CLIENT_PORT,
                         .destination = is_server ? CLIENT_PORT : SERVER_PORT,
                         .seq = b->next[s.direction] - s.back,
                         .ack = s.flags & TCP_ACK ? b->next[s.direction ^ 1] : 0,
                         .flags = s.flags};
    frame_payload(&b->frame, zeros, s.len);
    frame_wrap_tcp(&b->frame, tcp);
    size_t segment_len = b->frame.len;
    frame_wrap_ipv4_part(&b->frame, PROTOCOL_TCP, NET, s.id ? s.id : ++b->id, 0);
    uint8_t *ip = b->frame.data;
    ip[15] = is_server ? 2 : 1;
    ip[19] = is_server ? 1 : 2;
    if (s.ttl)
        ip[8] = s.ttl;
    put_checksum(ip + 10, words(ip, 20));
    put_checksum(ip + 36, words(ip + 12, 8) + PROTOCOL_TCP + (uint32_t)segment_len +
                              words(ip + 20, segment_len));
    ip[37] ^= s.is_bad ? 0x5a : 0;
    wrap_outer(b, s.outer);
    b->ns += MS / 10;
    give(b, s.cut);
    if (s.back == 0)
        b->next[s.direction] += (uint32_t)s.len + (s.flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
}

static void shake_hands(struct bench *b)
{
    show(b, (struct shown){.direction = 0, .flags = TCP_SYN});
    show(b, (struct shown){.direction = 1, .flags = TCP_SYN | TCP_ACK});
    show(b, (struct shown){.direction = 0, .flags = TCP_ACK});
}

static void say(struct bench *b, unsigned direction, size_t len)
{
    show(b, (struct shown){.direction = direction, .len = len, .flags = TCP_ACK});
}

static void every_packet_is_its_servers(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    say(b, 0, 10);
    say(b, 1, 100);
    say(b, 0, 0);
    frame_payload(&b->frame, "", 0);
    frame_wrap_hex(&b->frame, "020000000000 020000000001 0806 0001");
    give(b, 0);
    struct told t = tell(b);
    assert_int_equal(t.count, 1);
    const struct mirror_counters *c = &t.servers[0].counters;
    assert_int_equal(t.servers[0].port, SERVER_PORT);
    assert_int_equal(t.servers[0].last_ns, b->ns);
    assert_int_equal(c->packets, 6);
    assert_int_equal(c->bytes, 6 * 54 + 110);
    assert_int_equal(c->data_packets, 2);
    assert_int_equal(c->payload_bytes, 110);
    assert_int_equal(c->one_sided + c->duplicates + c->reordered + c->truncated + c->lost_bytes, 0);
    assert_true(t.whole.is_whole);
    assert_int_equal(t.whole.counters.packets, 7);
    assert_int_equal(t.whole.counters.payload_bytes, 110);
    assert_int_equal(t.whole.last_ns, b->ns);
    assert_int_equal(t.whole.clock_jump_ns, 0);
}

static void an_interval_has_what_came_in_it(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    (void)tell(b);
    struct told t = tell(b);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.whole.counters.packets, 0);
    assert_int_equal(t.whole.last_ns, 0);
    say(b, 0, 10);
    t = tell(b);
    assert_int_equal(t.servers[0].counters.packets, 1);
    assert_int_equal(t.whole.counters.packets, 1);
}

static void what_finds_no_room_is_told_with_the_next_interval(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    capture_mirror(b->capture, START_NS, refuse, NULL);
    say(b, 0, 10);
    struct told t = tell(b);
    assert_int_equal(t.servers[0].counters.packets, 4);
    assert_int_equal(t.whole.counters.packets, 4);
}

/* The second time with one VLAN more, a hop further, and its checksum rewritten. */
static void doubles_count_once(void **state)
{
    struct bench *b = *state;
    static const char *const outers[] = {NULL, "8100 0005 0800", "88a8 0001 8100 0002 0800"};
    for (size_t i = 0; i < 3; i++) {
        open_bench(b, &usual);
        for (unsigned n = 0; n < 8; n++) {
            struct shown s = {.direction = n % 2, .len = n < 2 ? 0 : 20, .id = ++b->id, .ttl = 64};
            s.flags = n == 0 ? TCP_SYN : n == 1 ? TCP_SYN | TCP_ACK : TCP_ACK;
            show(b, s);
            b->next[s.direction] -= (uint32_t)s.len + (n < 2);
            s.ttl = 63;
            s.outer = outers[i];
            s.is_bad = true;
            show(b, s);
        }
        capture_flush(b->capture);
        struct told t = tell(b);
        const struct mirror_counters *c = &t.servers[0].counters;
        assert_int_equal(c->packets, 16);
        assert_int_equal(c->duplicates, 8);
        assert_int_equal(c->data_packets, 6);
        assert_int_equal(c->payload_bytes, 120);
        assert_int_equal(c->reordered, 0);
        struct capture_counters counters = capture_counters(b->capture);
        assert_int_equal(counters.duplicates, 8);
        assert_int_equal(counters.retransmitted_bytes, 0);
        assert_int_equal(counters.flows_tcp, 1);
    }
}

static void doubles_after_the_end_are_known_too(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    show(b, (struct shown){.direction = 1, .len = 9, .flags = TCP_ACK | TCP_FIN});
    uint16_t id = ++b->id;
    struct shown last = {.direction = 0, .len = 7, .flags = TCP_ACK | TCP_FIN, .id = id};
    show(b, last);
    last.back = 8;
    show(b, last);
    struct mirror_counters c = server_told(b);
    assert_int_equal(c.packets, 6);
    assert_int_equal(c.duplicates, 1);
    assert_int_equal(c.data_packets, 2);
    assert_int_equal(capture_counters(b->capture).retransmitted_bytes, 0);
}

static void what_is_sent_again_is_no_double(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    say(b, 0, 20);
    b->ns += 200 * MS;
    show(b, (struct shown){.direction = 0, .back = 20, .len = 20, .flags = TCP_ACK});
    show(b, (struct shown){.direction = 0, .back = 20, .len = 20, .flags = TCP_ACK, .id = b->id});
    b->ns += 200 * MS; /* the same number once more, but too late for a double */
    show(b, (struct shown){.direction = 0, .back = 20, .len = 20, .flags = TCP_ACK, .id = b->id});
    struct mirror_counters c = server_told(b);
    assert_int_equal(c.duplicates, 1);
    assert_int_equal(c.data_packets, 3);
    assert_int_equal(c.reordered, 0);
    assert_int_equal(capture_counters(b->capture).retransmitted_bytes, 40);
}

static void show_udp(struct bench *b, const char *payload, uint16_t id, const char *outer)
{
    frame_payload(&b->frame, payload, strlen(payload));
    frame_wrap_udp(&b->frame, 40000, 53);
    frame_wrap_ipv4_part(&b->frame, PROTOCOL_UDP, NET, id, 0);
    wrap_outer(b, outer);
    give(b, 0);
}

static void doubles_of_udp_count_once(void **state)
{
    struct bench *b = *state;
    show_udp(b, "a question", 1, NULL);
    show_udp(b, "a question", 1, "8100 0005 0800");
    show_udp(b, "a question", 2, NULL); /* asked again */
    show_udp(b, "b question", 2, NULL);
    assert_int_equal(capture_counters(b->capture).duplicates, 1);
    assert_int_equal(capture_counters(b->capture).flows_udp, 1);
    b->ns += 200 * MS;
    show_udp(b, "b question", 2, NULL); /* too late for a double */
    assert_int_equal(capture_counters(b->capture).duplicates, 1);
    assert_int_equal(tell(b).whole.counters.duplicates, 1);
}

static void late_packets_are_reordered(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    b->next[1] += 100;
    say(b, 1, 100);
    say(b, 1, 100);
    /* what waits, or is given on, already is none */
    show(b, (struct shown){.direction = 1, .back = 200, .len = 100, .flags = TCP_ACK});
    show(b, (struct shown){.direction = 1, .back = 300, .len = 100, .flags = TCP_ACK});
    show(b, (struct shown){.direction = 1, .back = 300, .len = 100, .flags = TCP_ACK});
    b->next[1] += 100;
    say(b, 1, 100);
    show(b, (struct shown){.direction = 1, .back = 100, .len = 50, .flags = TCP_ACK});
    show(b, (struct shown){.direction = 1, .back = 200, .len = 100, .flags = TCP_ACK});
    struct mirror_counters c = server_told(b);
    assert_int_equal(c.reordered, 2);
    assert_int_equal(c.payload_bytes, 500);
    assert_int_equal(c.lost_bytes, 0);
    assert_int_equal(capture_counters(b->capture).reordered, 2);
}

static void a_cut_packet_is_truncated(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    show(b, (struct shown){.direction = 1, .len = 100, .flags = TCP_ACK, .cut = 60});
    say(b, 1, 10);
    struct mirror_counters c = server_told(b);
    assert_int_equal(c.truncated, 1);
    assert_int_equal(c.payload_bytes, 50);
    assert_int_equal(c.lost_bytes, 60);
}

static void one_side_alone_is_told(void **state)
{
    struct bench *b = *state;
    for (unsigned direction = 0; direction < 2; direction++) {
        open_bench(b, &usual);
        for (unsigned n = 0; n < 5; n++)
            say(b, direction, 10);
        assert_int_equal(tell(b).servers[0].counters.one_sided, 0); /* it had no time */
        capture_flush(b->capture);
        assert_int_equal(tell(b).servers[0].counters.one_sided, 5);
    }
}

static void one_side_alone_is_told_while_it_lasts(void **state)
{
    struct bench *b = *state;
    for (unsigned n = 0; n < 5; n++)
        say(b, 1, 10);
    b->ns += 3 * CLOCK_SECOND_NS;
    say(b, 1, 10);
    assert_int_equal(tell(b).servers[0].counters.one_sided, 6);
    say(b, 1, 10);
    assert_int_equal(tell(b).servers[0].counters.one_sided, 1);
}

static void many_packets_without_an_answer_need_no_time(void **state)
{
    struct bench *b = *state;
    for (unsigned n = 0; n < 256; n++) {
        say(b, 1, 10);
        b->ns -= MS / 10;
    }
    assert_int_equal(tell(b).servers[0].counters.one_sided, 256);
}

static void two_sides_are_not_one(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    for (unsigned n = 0; n < 50; n++) {
        say(b, 0, 10);
        say(b, 1, 0);
        say(b, 1, 1000);
        say(b, 0, 0);
        b->ns += (int64_t)n * CLOCK_SECOND_NS; /* however long nobody speaks */
    }
    assert_int_equal(server_told(b).one_sided, 0);
}

/* The mirror loses a side of a connection that it had both of. */
static void a_side_that_vanishes_is_told(void **state)
{
    struct bench *b = *state;
    shake_hands(b);
    say(b, 0, 10);
    say(b, 1, 10);
    say(b, 0, 0);
    b->ns += 3600 * CLOCK_SECOND_NS;
    for (unsigned n = 0; n < 10; n++) {
        say(b, 1, 10);
        b->ns += CLOCK_SECOND_NS;
    }
    assert_int_equal(tell(b).servers[0].counters.one_sided, 10);
}

/* A sample of them is looked at, so: many. */
static void wrong_checksums_are_counted(void **state)
{
    struct bench *b = *state;
    enum { PACKETS = 1000 };
    for (unsigned is_bad = 0; is_bad < 2; is_bad++) {
        open_bench(b, &usual);
        for (unsigned n = 0; n < PACKETS; n++)
            show(b,
                 (struct shown){.direction = n % 2, .len = 10, .flags = TCP_ACK, .is_bad = is_bad});
        struct mirror_counters c = server_told(b);
        assert_in_range(c.checksums, PACKETS / 32, PACKETS / 8);
        assert_int_equal(c.bad_checksums, is_bad ? c.checksums : 0);
        assert_int_equal(c.payload_bytes, PACKETS * 10);
        struct capture_counters counters = capture_counters(b->capture);
        assert_int_equal(counters.checksums, c.checksums);
        assert_int_equal(counters.bad_checksums, c.bad_checksums);
    }
}

static void a_clock_that_goes_back_jumped(void **state)
{
    struct bench *b = *state;
    say(b, 0, 10);
    b->ns -= CLOCK_SECOND_NS; /* packets may pass each other */
    say(b, 0, 10);
    assert_int_equal(capture_counters(b->capture).clock_jumps, 0);
    b->ns -= 5 * CLOCK_SECOND_NS;
    for (unsigned n = 0; n < 5; n++)
        say(b, 0, 10);
    assert_int_equal(capture_counters(b->capture).clock_jumps, 1);
    assert_int_equal(tell(b).whole.clock_jump_ns, 5 * CLOCK_SECOND_NS - MS / 10);
    assert_int_equal(tell(b).whole.clock_jump_ns, 0);
    capture_jump(b->capture, 3);
    assert_int_equal(tell(b).whole.clock_jump_ns, 3);
    assert_int_equal(capture_counters(b->capture).clock_jumps, 2);
}

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
        TEST(every_packet_is_its_servers),
        TEST(an_interval_has_what_came_in_it),
        TEST(what_finds_no_room_is_told_with_the_next_interval),
        TEST(doubles_count_once),
        TEST(doubles_after_the_end_are_known_too),
        TEST(what_is_sent_again_is_no_double),
        TEST(doubles_of_udp_count_once),
        TEST(late_packets_are_reordered),
        TEST(a_cut_packet_is_truncated),
        TEST(one_side_alone_is_told),
        TEST(one_side_alone_is_told_while_it_lasts),
        TEST(many_packets_without_an_answer_need_no_time),
        TEST(two_sides_are_not_one),
        TEST(a_side_that_vanishes_is_told),
        TEST(wrong_checksums_are_counted),
        TEST(a_clock_that_goes_back_jumped),
        TEST(a_server_is_found_again_when_the_roles_turn),
        TEST(a_known_port_is_the_servers_where_no_syn_told),
        TEST(the_receiver_may_turn_the_roles),
        TEST(a_search_for_open_ports_holds_no_places),
        TEST(networks_and_tunnels_are_in_the_key_only_if_configured),
        TEST(tunnels_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
