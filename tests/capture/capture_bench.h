/*
 * Packets as a mirror may show them, built here, and what is counted of them.
 */
#ifndef SEEPWATCH_TESTS_CAPTURE_CAPTURE_BENCH_H
#define SEEPWATCH_TESTS_CAPTURE_CAPTURE_BENCH_H

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

static inline void on_data(void *context, struct flow_view *flow, unsigned direction,
                           struct bytes data, int64_t ns)
{
    struct bench *b = context;
    (void)direction;
    (void)ns;
    if (b->turns)
        capture_turn(b->capture, flow);
    b->turns = false;
    flow->server->counters.payload_bytes += data.len;
}

static inline void on_gap(void *context, struct flow_view *flow, unsigned direction, uint64_t lost,
                          int64_t ns)
{
    (void)context;
    (void)direction;
    (void)ns;
    flow->server->counters.lost_bytes += lost;
}

static inline void on_end(void *context, struct flow_view *flow, unsigned direction, int64_t ns)
{
    (void)context;
    (void)flow;
    (void)direction;
    (void)ns;
}

static inline void open_bench(struct bench *b, const struct capture_config *config)
{
    static const struct capture_events events = {.data = on_data, .gap = on_gap, .end = on_end};
    capture_close(b->capture);
    b->capture = capture_open(config, &events, b);
    assert_non_null(b->capture);
    b->next[0] = 1000;
    b->next[1] = 500000;
}

static const struct capture_config usual = {.flows_max = 100, .memory_max = 1 << 20};

static inline int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->ns = 100 * CLOCK_SECOND_NS;
    open_bench(b, &usual);
    *state = b;
    return 0;
}

static inline int tear_down(void **state)
{
    struct bench *b = *state;
    capture_close(b->capture);
    free(b);
    return 0;
}

static inline bool take(void *context, const struct mirror_part *part)
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

static inline bool refuse(void *context, const struct mirror_part *part)
{
    (void)context;
    (void)part;
    return false;
}

static inline struct told tell(struct bench *b)
{
    struct told t = {.count = 0};
    capture_mirror(b->capture, START_NS, take, &t);
    assert_int_equal(t.wholes, 1);
    return t;
}

static inline bool count_part(void *context, const struct mirror_part *part)
{
    (void)part;
    ++*(size_t *)context;
    return true;
}

/* Like tell, where there are too many servers to be kept: their number, the whole among them. */
static inline size_t tell_some(struct bench *b)
{
    size_t count = 0;
    capture_mirror(b->capture, START_NS, count_part, &count);
    return count;
}

/* What is there of the one server. */
static inline struct mirror_counters server_told(struct bench *b)
{
    capture_flush(b->capture);
    struct told t = tell(b);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.servers[0].port, SERVER_PORT);
    return t.servers[0].counters;
}

static inline void give(struct bench *b, size_t cut)
{
    uint8_t *copy = bytes_copy(b->frame.data, b->frame.len - cut);
    struct packet packet = {.ns = b->ns,
                            .data = {copy, b->frame.len - cut},
                            .wire_len = (uint32_t)b->frame.len,
                            .link = DLT_EN10MB};
    capture_packet(b->capture, &packet);
    free(copy);
}

static inline uint32_t words(const uint8_t *at, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
    return sum;
}

static inline void put_checksum(uint8_t *at, uint32_t sum)
{
    while (sum >> 16)
        sum = (sum >> 16) + (sum & 0xffff);
    put16(at, (uint16_t)~sum);
}

static inline void wrap_outer(struct bench *b, const char *outer)
{
    if (outer) {
        frame_wrap_hex(&b->frame, outer);
        frame_wrap_hex(&b->frame, "020000000000 020000000001");
    } else {
        frame_wrap_ethernet(&b->frame, 0x0800);
    }
}

/* Between 10.NET.0.1 and 10.NET.0.2, both checksums right unless it is bad. */
static inline void show(struct bench *b, struct shown s)
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

static inline void shake_hands(struct bench *b)
{
    show(b, (struct shown){.direction = 0, .flags = TCP_SYN});
    show(b, (struct shown){.direction = 1, .flags = TCP_SYN | TCP_ACK});
    show(b, (struct shown){.direction = 0, .flags = TCP_ACK});
}

static inline void say(struct bench *b, unsigned direction, size_t len)
{
    show(b, (struct shown){.direction = direction, .len = len, .flags = TCP_ACK});
}

#endif
