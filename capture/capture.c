/*
 * The stages of the capture in their order, and what is counted on the way.
 */
#include "capture/capture.h"

#include "capture/classify.h"
#include "capture/decode.h"
#include "capture/flow.h"
#include "capture/tcp.h"
#include "core/cursor.h"
#include "core/hash.h"

#include <stdlib.h>

struct capture {
    struct capture_config config;
    struct capture_events events;
    void *context;
    struct budget budget;
    struct decoder *decoder;
    struct flows *flows;
    struct tcp tcp;
    struct classify *classify;
    struct capture_counters counters;
    int64_t expired_ns; /* when idle flows were looked for last */
};

static void on_closed(void *context, struct flow *flow)
{
    struct capture *c = context;
    tcp_finish(&c->tcp, flow);
    if (flow->naming >= 0)
        classify_forget(c->classify, &flow->naming);
    c->counters.flows_midstream += flow->view.is_midstream;
    c->counters.flows_one_sided += !(flow->half[0].has_packets && flow->half[1].has_packets);
    if (flow->view.user)
        c->events.close(c->context, &flow->view, c->tcp.now_ns);
}

struct capture *capture_open(const struct capture_config *config,
                             const struct capture_events *events, void *context)
{
    struct capture *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->config = *config;
    c->events = *events;
    c->context = context;
    c->budget.bytes_max = config->memory_max;
    c->tcp = (struct tcp){.events = &c->events, .context = context, .budget = &c->budget};
    c->decoder = decoder_open(&c->budget);
    c->flows = flows_open(
        &(struct flows_config){.flows_max = config->flows_max, .closed = on_closed, .context = c});
    c->classify = config->use_ndpi ? classify_open() : NULL;
    if (!c->decoder || !c->flows || (config->use_ndpi && !c->classify)) {
        capture_close(c);
        return NULL;
    }
    return c;
}

void capture_close(struct capture *c)
{
    if (!c)
        return;
    flows_close(c->flows);
    decoder_close(c->decoder);
    classify_close(c->classify);
    free(c);
}

static void close_flow(struct capture *c, struct flow *flow)
{
    flow_close(c->flows, flow, true, c->tcp.now_ns);
}

/* A known port, or else the lower one, is the server's. */
static bool is_from_server(const struct tcp_header *h)
{
    return h->source_port < h->destination_port;
}

static struct flow *add_flow(struct capture *c, const struct flow_key *key, bool from_high,
                             const struct tcp_header *h)
{
    bool is_syn = h->flags & TCP_SYN, is_answer = is_syn && h->flags & TCP_ACK;
    bool from_server = is_syn ? is_answer : is_from_server(h);
    struct flow *flow = flow_add(c->flows, key, from_high, from_server, c->tcp.now_ns);
    if (!flow)
        return NULL;
    flow->view.is_midstream = !is_syn;
    flow->view.roles_sure = is_syn;
    c->counters.flows_tcp++;
    return flow;
}

/* A SYN with a number of its own on known ports is a new connection. */
static bool is_new_connection(const struct flow *flow, unsigned direction,
                              const struct tcp_header *h)
{
    const struct half *half = &flow->half[direction];
    return (h->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && half->is_known &&
           half->start != h->sequence + 1;
}

static struct flow *flow_of(struct capture *c, const struct flow_key *key, bool from_high,
                            const struct tcp_header *h)
{
    struct flow *flow = flow_find(c->flows, key);
    if (flow && is_new_connection(flow, from_high != flow->is_reversed, h)) {
        flow_close(c->flows, flow, false, c->tcp.now_ns);
        flow = NULL;
    }
    if (flow)
        return flow;
    bool is_syn = h->flags & TCP_SYN;
    if (!is_syn && flow_was_closed(c->flows, key, from_high, h->sequence, c->tcp.now_ns)) {
        c->tcp.retransmitted_bytes += h->payload_len;
        return NULL;
    }
    /* a reset alone says nothing of a connection that nobody saw */
    if (h->flags & TCP_RST && h->payload_len == 0)
        return NULL;
    return add_flow(c, key, from_high, h);
}

/* The mirror showed the SYN after what followed it: the flow has its beginning after all. */
static void learn_roles(struct flow *flow, bool from_high, const struct tcp_header *h)
{
    if (!(h->flags & TCP_SYN) || !flow->view.is_midstream || flow->view.user)
        return;
    bool from_server = h->flags & TCP_ACK;
    if ((from_high != flow->is_reversed) != from_server)
        flow_turn(flow);
    flow->view.is_midstream = false;
    flow->view.roles_sure = true;
}

/* Frames seen twice are alike in all that no router changes. */
static bool is_double(struct half *half, const struct datagram *d, const struct tcp_header *h)
{
    uint64_t first = (uint64_t)h->sequence << 32 | h->acknowledgment;
    uint64_t second =
        (uint64_t)d->id << 48 | (uint64_t)h->checksum << 32 | (uint64_t)h->window << 16 | h->flags;
    uint32_t mark =
        (uint32_t)hash_mix(first ^ UINT64_C(0x9e3779b97f4a7c15), second + h->payload_len + 1);
    for (unsigned i = 0; i < FLOW_RECENT_MAX; i++) {
        if (half->recent[i] == mark)
            return true;
    }
    half->recent[half->recent_at] = mark;
    half->recent_at = (uint8_t)((half->recent_at + 1) % FLOW_RECENT_MAX);
    return false;
}

static void name_flow(struct capture *c, struct flow *flow, const struct datagram *d)
{
    const char *name = classify_packet(c->classify, &flow->naming, d->ip, c->tcp.now_ns);
    if (!name)
        return;
    flow->view.wants_name = false;
    c->events.named(c->context, &flow->view, name);
}

/* The two ports that TCP and UDP begin with; false where there are none. */
static bool ports_of(const struct datagram *d, uint16_t *source, uint16_t *destination)
{
    struct cursor in = cursor_over(d->payload);
    *source = cursor_be16(&in);
    *destination = cursor_be16(&in);
    return !cursor_is_short(&in) && (d->protocol == PROTOCOL_TCP || d->protocol == PROTOCOL_UDP);
}

/* Whether a packet is this capture's, where several share the flows: what is no flow's is the
 * first's. */
static bool is_mine(const struct capture *c, enum decoded decoded, const struct datagram *d)
{
    uint16_t source, destination;
    struct flow_key key;
    if (c->config.shares < 2)
        return true;
    if (decoded != DECODED_DATAGRAM || !ports_of(d, &source, &destination))
        return c->config.share == 0;
    (void)flow_key_make(&key, d, source, destination, 0);
    uint64_t hash = hash_bytes((struct bytes){(const uint8_t *)&key, sizeof(key)}, 0);
    return (hash >> 32) % c->config.shares == c->config.share;
}

static void take_tcp(struct capture *c, const struct datagram *d)
{
    struct tcp_header h;
    struct flow_key key;
    if (!tcp_header_read(d, &h)) {
        c->counters.undecoded++;
        return;
    }
    bool from_high = flow_key_make(&key, d, h.source_port, h.destination_port,
                                   c->config.vlan_in_key ? d->vlan : 0);
    struct flow *flow = flow_of(c, &key, from_high, &h);
    if (!flow)
        return;
    learn_roles(flow, from_high, &h);
    unsigned direction = from_high != flow->is_reversed;
    flow->last_ns = c->tcp.now_ns;
    uint64_t old_bytes = c->tcp.retransmitted_bytes;
    bool was_double = is_double(&flow->half[direction], d, &h);
    bool is_done = tcp_take(&c->tcp, flow, direction, &h);
    if (was_double) {
        c->counters.duplicates++;
        c->tcp.retransmitted_bytes = old_bytes;
    }
    if (flow->view.wants_name && c->classify && h.payload.len > 0)
        name_flow(c, flow, d);
    if (is_done)
        close_flow(c, flow);
}

static void take_udp(struct capture *c, const struct datagram *d)
{
    struct cursor in = cursor_over(d->payload);
    struct flow_key key;
    uint16_t source_port = cursor_be16(&in), destination_port = cursor_be16(&in);
    cursor_skip(&in, 4);
    if (cursor_is_short(&in)) {
        c->counters.undecoded++;
        return;
    }
    (void)flow_key_make(&key, d, source_port, destination_port,
                        c->config.vlan_in_key ? d->vlan : 0);
    c->counters.flows_udp += flow_count_udp(c->flows, &key, c->tcp.now_ns);
}

void capture_tick(struct capture *c, int64_t ns)
{
    enum { EXPIRE_EVERY_NS = 100000000 };
    if (ns > c->tcp.now_ns)
        c->tcp.now_ns = ns;
    struct flow *due;
    while ((due = tcp_due(&c->tcp))) {
        if (tcp_expire(&c->tcp, due))
            close_flow(c, due);
    }
    if (c->tcp.now_ns - c->expired_ns < EXPIRE_EVERY_NS)
        return;
    c->expired_ns = c->tcp.now_ns;
    flows_expire(c->flows, c->tcp.now_ns);
}

void capture_packet(struct capture *c, const struct packet *packet)
{
    struct datagram d;
    capture_tick(c, packet->ns);
    enum decoded decoded = decode_frame(c->decoder, packet, &d);
    if (!is_mine(c, decoded, &d))
        return;
    c->counters.packets++;
    c->counters.bytes += packet->wire_len;
    c->counters.truncated += packet->data.len < packet->wire_len;
    c->counters.undecoded += decoded == DECODED_UNKNOWN;
    if (decoded != DECODED_DATAGRAM)
        return;
    if (d.protocol == PROTOCOL_TCP)
        take_tcp(c, &d);
    else if (d.protocol == PROTOCOL_UDP)
        take_udp(c, &d);
}

void capture_flush(struct capture *c)
{
    struct flow *flow;
    while ((flow = flows_oldest(c->flows)))
        flow_close(c->flows, flow, false, c->tcp.now_ns);
}

struct capture_counters capture_counters(const struct capture *c)
{
    struct capture_counters counters = c->counters;
    counters.retransmitted_bytes = c->tcp.retransmitted_bytes;
    counters.fragments_dropped = decoder_fragments_dropped(c->decoder);
    counters.flows_evicted = flows_evictions(c->flows);
    counters.naming_refused = c->classify ? classify_refused(c->classify) : 0;
    return counters;
}

const struct budget *capture_budget(const struct capture *c)
{
    return &c->budget;
}

int64_t capture_now(const struct capture *c)
{
    return c->tcp.now_ns;
}
