/*
 * The stages of the capture in their order, and what is counted on the way.
 */
#include "capture/capture.h"

#include "capture/checksum.h"
#include "capture/classify.h"
#include "capture/decode.h"
#include "capture/flow.h"
#include "capture/servers.h"
#include "capture/tcp.h"
#include "capture/tunnels.h"
#include "core/cursor.h"
#include "core/hash.h"

#include <stdlib.h>

enum {
    CHECKSUM_SAMPLE = 16,    /* one packet of so many has its checksums looked at */
    ALONE_S = 1,             /* in 2^30 ns: the time in which the other end answers */
    ALONE_PACKETS_MAX = 256, /* with data; without an answer nobody sends more at first */
    UDP_MARKED_LEN = 64,     /* bytes by which a datagram is known again */
};

/* A TCP packet on its way. */
struct arrival {
    const struct packet *packet;
    const struct datagram *datagram;
    const struct tcp_header *header;
    uint32_t mark; /* the same of frames that are doubles */
    bool is_double;
};

struct capture {
    struct capture_config config;
    struct capture_events events;
    void *context;
    struct budget budget;
    struct decoder *decoder;
    struct flows *flows;
    struct tcp tcp;
    struct classify *classify;
    struct servers *servers;
    struct tunnels tunnels;
    struct capture_counters counters;
    struct mirror_counters told; /* of the whole mirror, by capture_mirror */
    int64_t packet_ns;           /* the last packet's stamp */
    int64_t jump_ns;             /* the widest of the clock that was not told yet */
    int64_t expired_ns;          /* when idle flows were looked for last */
};

/* Packets that came too soon to tell, and never were answered. */
static void count_unanswered(struct flow *flow)
{
    for (unsigned direction = 0; direction < 2; direction++) {
        if (!flow->half[direction ^ 1].has_packets)
            flow->view.server->counters.one_sided += flow->half[direction].alone;
    }
}

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
    if (!flow->view.server)
        return;
    count_unanswered(flow);
    servers_release(c->servers, flow->view.server);
    flow->view.server = NULL;
}

static size_t servers_max(const struct capture_config *config)
{
    enum { SERVER_LEN = 512 }; /* bytes, with its place in the table */
    size_t fit = config->servers_bytes_max / SERVER_LEN;
    return config->servers_bytes_max == 0 || fit > SERVERS_MAX ? SERVERS_MAX : fit;
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
    c->servers = servers_open(servers_max(config));
    c->flows = flows_open(&(struct flows_config){.flows_max = config->flows_max,
                                                 .bytes_max = config->flows_bytes_max,
                                                 .past_bytes_max = config->past_bytes_max,
                                                 .closed = on_closed,
                                                 .context = c});
    c->classify = config->use_ndpi ? classify_open(config->naming_bytes_max) : NULL;
    if (!c->decoder || !c->servers || !c->flows || (config->use_ndpi && !c->classify)) {
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
    servers_close(c->servers);
    decoder_close(c->decoder);
    classify_close(c->classify);
    free(c);
}

static void close_flow(struct capture *c, struct flow *flow)
{
    flow_close(c->flows, flow, true, c->tcp.now_ns);
}

/* A known port, or else the lower one, is the server's. */
static bool is_from_server(const struct capture *c, const struct tcp_header *h)
{
    const struct capture_ports *ports = c->config.ports;
    bool is_source = ports && capture_ports_have(ports, h->source_port);
    bool is_destination = ports && capture_ports_have(ports, h->destination_port);
    return is_source != is_destination ? is_source : h->source_port < h->destination_port;
}

static struct flow *add_flow(struct capture *c, const struct flow_key *key, bool from_high,
                             const struct tcp_header *h)
{
    bool is_syn = h->flags & TCP_SYN, is_answer = is_syn && h->flags & TCP_ACK;
    bool from_server = is_syn ? is_answer : is_from_server(c, h);
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

static void count_packet(const struct capture *c, struct server *server, const struct arrival *a)
{
    struct mirror_counters *counters = &server->counters;
    counters->packets++;
    counters->bytes += a->packet->wire_len;
    counters->truncated += a->packet->data.len < a->packet->wire_len;
    counters->duplicates += a->is_double;
    counters->data_packets += a->header->payload_len > 0 && !a->is_double;
    server->last_ns = c->tcp.now_ns;
    if ((a->mark >> 1) % CHECKSUM_SAMPLE != 0)
        return;
    enum checksum checksum = checksum_of(a->datagram, a->header->checksum);
    counters->checksums += checksum != CHECKSUM_UNKNOWN;
    counters->bad_checksums += checksum == CHECKSUM_WRONG;
}

/* A packet of a connection that is over. */
static void count_late(struct capture *c, struct flow_closed *closed, const struct flow_key *key,
                       bool from_high, struct arrival *a)
{
    struct server *server = closed->is_reversed
                                ? servers_find(c->servers, &key->low, key->low_port)
                                : servers_find(c->servers, &key->high, key->high_port);
    a->is_double = recent_has(&closed->recent[from_high], a->mark);
    c->counters.duplicates += a->is_double;
    if (!a->is_double)
        c->tcp.retransmitted_bytes += a->header->payload_len;
    count_packet(c, server, a);
}

/* The flow, made where it is missing; NULL for packets that say nothing of one. */
static struct flow *flow_of(struct capture *c, const struct flow_key *key, bool from_high,
                            struct arrival *a)
{
    const struct tcp_header *h = a->header;
    struct flow *flow = flow_find(c->flows, key);
    if (flow && is_new_connection(flow, from_high != flow->is_reversed, h)) {
        flow_close(c->flows, flow, false, c->tcp.now_ns);
        flow = NULL;
    }
    if (flow)
        return flow;
    bool is_syn = h->flags & TCP_SYN;
    struct flow_closed *closed =
        is_syn ? NULL : flow_find_closed(c->flows, key, from_high, h->sequence, c->tcp.now_ns);
    if (closed) {
        count_late(c, closed, key, from_high, a);
        return NULL;
    }
    /* a reset alone says nothing of a connection that nobody saw */
    if (h->flags & TCP_RST && h->payload_len == 0)
        return NULL;
    return add_flow(c, key, from_high, h);
}

/* Counts the flow for that direction's end from now on. */
static void move_to_server(struct capture *c, struct flow_view *flow, unsigned direction)
{
    struct server *server = servers_find(c->servers, &flow->ip[direction], flow->port[direction]);
    servers_hold(c->servers, server);
    servers_release(c->servers, flow->server);
    flow->server = server;
}

/* The mirror showed the SYN after what followed it: the flow has its beginning after all. */
static void learn_roles(struct capture *c, struct flow *flow, bool from_high,
                        const struct tcp_header *h)
{
    if (!(h->flags & TCP_SYN) || !flow->view.is_midstream || flow->view.user)
        return;
    bool from_server = h->flags & TCP_ACK;
    if ((from_high != flow->is_reversed) != from_server) {
        flow_turn(flow);
        if (flow->view.server)
            move_to_server(c, &flow->view, 1);
    }
    flow->view.is_midstream = false;
    flow->view.roles_sure = true;
}

/* Frames seen twice are alike in all that no router and no network card changes: not in TTL, tags
 * and checksums.  Never 0. */
static uint32_t mark_of(const struct datagram *d, const struct tcp_header *h)
{
    uint64_t first = (uint64_t)h->sequence << 32 | h->acknowledgment;
    uint64_t second = (uint64_t)d->id << 48 | (uint64_t)h->window << 16 | h->flags;
    uint64_t third = h->options.len > 0 ? hash_bytes(h->options, h->payload_len) : h->payload_len;
    return (uint32_t)hash_mix(first ^ UINT64_C(0x9e3779b97f4a7c15), second + (third << 8) + 1) | 1;
}

/* Whom the flow's packets are counted for.  A SYN alone holds no server: who looks for open ports
 * leads to many that are none. */
static struct server *server_of(struct capture *c, struct flow *flow, const struct tcp_header *h)
{
    if (flow->view.server)
        return flow->view.server;
    struct server *server = servers_find(c->servers, &flow->view.ip[1], flow->view.port[1]);
    if ((h->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && h->payload_len == 0)
        return server;
    servers_hold(c->servers, server);
    flow->view.server = server;
    return server;
}

/* Counts packets to which the other end had time to answer with any at all. */
static void count_alone(const struct capture *c, struct flow *flow, unsigned direction,
                        struct server *server, const struct arrival *a)
{
    struct half *half = &flow->half[direction], *other = &flow->half[direction ^ 1];
    other->alone_s = 0;
    if (a->header->payload_len == 0 || a->is_double)
        return;
    uint32_t now_s = (uint32_t)(c->tcp.now_ns >> 30) + 1;
    if (half->alone_s == 0) {
        half->alone_s = now_s;
        half->alone = 0;
    }
    half->alone++;
    unsigned alone_max = other->has_packets ? UINT16_MAX : ALONE_PACKETS_MAX;
    if (now_s - half->alone_s <= ALONE_S && half->alone < alone_max)
        return;
    server->counters.one_sided += half->alone;
    half->alone = 0;
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

/* What of the tunnels around the packet is part of its flow's key, the same both ways. */
static uint64_t path_of(const struct capture *c)
{
    const uint64_t odd = UINT64_C(0xe7037ed1a0b428db);
    uint64_t path = 0;
    size_t count;
    const struct hop *hops = decoder_hops(c->decoder, &count);
    for (size_t i = 0; i < count; i++) {
        const struct hop *hop = &hops[i];
        struct bytes source = {hop->source.octets, sizeof(hop->source.octets)};
        struct bytes destination = {hop->destination.octets, sizeof(hop->destination.octets)};
        uint64_t kind = (uint64_t)hop->kind + 1;
        if (c->config.vni_in_key && hop_has_network(hop))
            path = hash_mix(path ^ odd, kind << 32 | hop->id);
        if (c->config.tunnel_in_key)
            path = hash_mix(path ^ odd, hash_bytes(source, kind) + hash_bytes(destination, kind));
    }
    return path;
}

static bool make_key(const struct capture *c, struct flow_key *key, const struct datagram *d,
                     uint16_t source_port, uint16_t destination_port)
{
    bool from_high =
        flow_key_make(key, d, source_port, destination_port, c->config.vlan_in_key ? d->vlan : 0);
    if (c->config.vni_in_key || c->config.tunnel_in_key)
        key->path = path_of(c);
    return from_high;
}

/* A double is given on like any other packet, since the first may have been cut; its bytes are no
 * retransmission. */
static bool take_segment(struct capture *c, struct flow *flow, unsigned direction,
                         struct arrival *a)
{
    struct server *server = server_of(c, flow, a->header);
    uint64_t old_bytes = c->tcp.retransmitted_bytes, old_reordered = c->tcp.reordered;
    bool is_soon = c->tcp.now_ns - flow->last_ns <= FLOW_DOUBLE_MS * INT64_C(1000000);
    a->is_double = recent_has(&flow->half[direction].recent, a->mark) && is_soon;
    flow->last_ns = c->tcp.now_ns;
    count_packet(c, server, a);
    count_alone(c, flow, direction, server, a);
    bool is_done = tcp_take(&c->tcp, flow, direction, a->header);
    if (a->is_double) {
        c->counters.duplicates++;
        c->tcp.retransmitted_bytes = old_bytes;
    } else if (c->tcp.reordered != old_reordered) {
        flow->view.server->counters.reordered++;
    }
    return is_done;
}

static void take_tcp(struct capture *c, const struct packet *packet, const struct datagram *d)
{
    struct tcp_header h;
    struct flow_key key;
    if (!tcp_header_read(d, &h)) {
        c->counters.undecoded++;
        return;
    }
    struct arrival a = {.packet = packet, .datagram = d, .header = &h, .mark = mark_of(d, &h)};
    bool from_high = make_key(c, &key, d, h.source_port, h.destination_port);
    struct flow *flow = flow_of(c, &key, from_high, &a);
    if (!flow)
        return;
    learn_roles(c, flow, from_high, &h);
    unsigned direction = from_high != flow->is_reversed;
    bool is_done = take_segment(c, flow, direction, &a);
    flow->half[direction].has_data = flow->half[direction].has_data || h.payload_len > 0;
    if (flow->is_young && flow->half[0].has_data && flow->half[1].has_data)
        flow_grow(c->flows, flow);
    if (flow->view.wants_name && c->classify && h.payload.len > 0)
        name_flow(c, flow, d);
    if (is_done)
        close_flow(c, flow);
}

/* As mark_of, by the datagram's first bytes. */
static uint32_t udp_mark_of(const struct datagram *d, struct bytes data)
{
    uint64_t seed = (uint64_t)d->payload_len << 16 | d->id;
    return (uint32_t)hash_bytes(bytes_first(data, UDP_MARKED_LEN), seed) | 1;
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
    bool is_new, from_high = make_key(c, &key, d, source_port, destination_port);
    struct udp_flow *flow = flow_find_udp(c->flows, &key, &is_new);
    if (!flow)
        return;
    bool is_soon = c->tcp.now_ns - flow->last_ns <= FLOW_DOUBLE_MS * INT64_C(1000000);
    bool is_known = recent_has(&flow->recent[from_high], udp_mark_of(d, cursor_rest(&in)));
    c->counters.duplicates += is_known && is_soon;
    c->counters.flows_udp += is_new;
    flow->last_ns = c->tcp.now_ns;
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

static void count_jump(struct capture *c, int64_t jump_ns)
{
    /* of those that share the packets, one counts */
    c->counters.clock_jumps += c->config.shares < 2 || c->config.share == 0;
    if (jump_ns > c->jump_ns)
        c->jump_ns = jump_ns;
}

/* Only a clock that goes back can be told from packets alone. */
static void watch_clock(struct capture *c, int64_t ns)
{
    int64_t last_ns = c->packet_ns;
    c->packet_ns = ns > 0 ? ns : 0;
    if (c->packet_ns < last_ns - CAPTURE_JUMP_NS)
        count_jump(c, last_ns - c->packet_ns);
}

static void count_hops(struct capture *c, const struct packet *packet)
{
    size_t count;
    const struct hop *hops = decoder_hops(c->decoder, &count);
    for (size_t i = 0; i < count; i++)
        tunnels_count(&c->tunnels, &hops[i], 1, packet->wire_len);
}

void capture_packet(struct capture *c, const struct packet *packet)
{
    struct datagram d;
    watch_clock(c, packet->ns);
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
    count_hops(c, packet);
    if (d.protocol == PROTOCOL_TCP)
        take_tcp(c, packet, &d);
    else if (d.protocol == PROTOCOL_UDP)
        take_udp(c, &d);
}

bool capture_evict(struct capture *c)
{
    return flows_evict(c->flows);
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
    struct mirror_counters total = servers_total(c->servers);
    counters.reordered = total.reordered;
    counters.checksums = total.checksums;
    counters.bad_checksums = total.bad_checksums;
    counters.servers_forgotten = servers_forgotten(c->servers);
    return counters;
}

void capture_turn(struct capture *c, struct flow_view *flow)
{
    move_to_server(c, flow, 0);
}

void capture_jump(struct capture *c, int64_t jump_ns)
{
    count_jump(c, jump_ns);
}

/* What is of no server is counted with the frames. */
static struct mirror_counters whole_total(const struct capture *c)
{
    struct mirror_counters total = servers_total(c->servers);
    total.packets = c->counters.packets;
    total.bytes = c->counters.bytes;
    total.duplicates = c->counters.duplicates;
    total.truncated = c->counters.truncated;
    total.undecoded = c->counters.undecoded;
    return total;
}

void capture_mirror(struct capture *c, int64_t start_ns,
                    bool (*take)(void *context, const struct mirror_part *part), void *context)
{
    servers_tell(c->servers, start_ns, take, context);
    struct mirror_counters total = whole_total(c);
    struct mirror_part part = {.is_whole = true,
                               .start_ns = start_ns,
                               .clock_jump_ns = c->jump_ns,
                               .counters = mirror_since(&total, &c->told)};
    part.last_ns = part.counters.packets > 0 ? c->packet_ns : 0;
    if (!take(context, &part))
        return;
    c->told = total;
    c->jump_ns = 0;
}

const struct tunnels *capture_tunnels(const struct capture *c)
{
    return &c->tunnels;
}

const struct budget *capture_budget(const struct capture *c)
{
    return &c->budget;
}

int64_t capture_now(const struct capture *c)
{
    return c->tcp.now_ns;
}
