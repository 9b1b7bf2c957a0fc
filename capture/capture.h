/*
 * Packets in, ordered bytes out: link layers, tunnels, IP, fragments, flows, TCP order, and nDPI's
 * opinion of flows that nobody else could name.  One struct capture belongs to one thread.
 */
#ifndef SEEPWATCH_CAPTURE_CAPTURE_H
#define SEEPWATCH_CAPTURE_CAPTURE_H

#include "core/address.h"
#include "core/budget.h"
#include "core/bytes.h"
#include "core/mirror.h"

struct capture;
struct server;
struct tunnels;

/* A frame as the source gives it. */
struct packet {
    int64_t ns;        /* packet time */
    struct bytes data; /* what was captured of it */
    uint32_t wire_len; /* bytes on the wire */
    int link;          /* DLT_... */
};

/* A flow as the next stage sees it.  Direction 0 is the end that opened it, as far as that can be
 * told. */
struct flow_view {
    struct address ip[2]; /* by direction of sending */
    uint16_t port[2];
    bool is_midstream; /* its beginning was not captured */
    bool roles_sure;   /* its opening was seen: direction 0 is the client */
    int64_t start_ns;
    void *user;            /* the receiver's own, NULL at first */
    bool wants_name;       /* set by the receiver: let nDPI look at the packets of this flow */
    struct server *server; /* whose packets they are counted as: direction 1's end, unless
                              capture_turn said otherwise; the receiver counts there what it finds
                              out.  NULL only while nothing but a SYN was seen */
};

/* What comes out, for TCP. */
struct capture_events {
    void (*data)(void *context, struct flow_view *flow, unsigned direction, struct bytes data,
                 int64_t ns);
    void (*gap)(void *context, struct flow_view *flow, unsigned direction, uint64_t lost,
                int64_t ns);
    /* the direction's last byte has been given */
    void (*end)(void *context, struct flow_view *flow, unsigned direction, int64_t ns);
    /* nDPI names it; the name is nDPI's, in lower case */
    void (*named)(void *context, struct flow_view *flow, const char *name);
    /* the flow is gone; only called where user is not NULL */
    void (*close)(void *context, struct flow_view *flow, int64_t ns);
};

/* Ports of servers, a bit each. */
struct capture_ports {
    uint8_t bits[8192];
};

static inline void capture_ports_add(struct capture_ports *p, uint16_t port)
{
    p->bits[port / 8] |= (uint8_t)(1 << port % 8);
}

static inline bool capture_ports_have(const struct capture_ports *p, uint16_t port)
{
    return p->bits[port / 8] >> port % 8 & 1;
}

struct capture_config {
    size_t flows_max;
    const struct capture_ports *ports; /* tell the server where no SYN did; NULL: none are known */
    size_t memory_max;                 /* bytes, for segments and fragments that wait for others */
    size_t flows_bytes_max;            /* for TCP flows; 0: what flows_max takes */
    size_t past_bytes_max; /* for TCP flows that were closed a moment ago, and UDP flows; 0: any */
    size_t servers_bytes_max; /* for the servers whose packets are counted; 0: any */
    size_t naming_bytes_max;  /* for what nDPI keeps of flows; 0: any */
    bool vlan_in_key;         /* flows of different VLANs are different */
    bool vni_in_key;          /* likewise of different VXLAN, GENEVE and NVGRE networks */
    bool tunnel_in_key;       /* likewise of tunnels between different ends */
    bool use_ndpi;
    unsigned share,
        shares; /* of the flows: takes those that are the share's, of so many; 0 of 0: all */
};

struct capture_counters {
    uint64_t packets, bytes;    /* bytes on the wire */
    uint64_t duplicates;        /* frames seen twice, which are among the packets too */
    uint64_t truncated;         /* frames cut by the snap length */
    uint64_t undecoded;         /* frames of no known link, network or transport layer, or broken */
    uint64_t fragments_dropped; /* for want of memory or time, or overlapping */
    uint64_t flows_tcp, flows_udp, flows_midstream, flows_one_sided, flows_evicted;
    uint64_t naming_refused;      /* packets that nDPI could not look at: too many flows at once */
    uint64_t retransmitted_bytes; /* TCP payload that was already given on */
    uint64_t reordered, checksums, bad_checksums; /* as in struct mirror_counters */
    uint64_t clock_jumps;                         /* of the packets' clock */
    uint64_t servers_forgotten;                   /* because there were too many */
};

/* How far packet time goes back where its clock jumped, and packets did not only pass each other.
 */
#define CAPTURE_JUMP_NS INT64_C(1000000000)

struct capture *capture_open(const struct capture_config *config,
                             const struct capture_events *events, void *context);
/* capture_packet takes one frame.  Time stamps should not go backwards; where they do, now stands
 * still. */
void capture_packet(struct capture *c, const struct packet *packet);
/* capture_tick lets time pass where there are no packets. */
void capture_tick(struct capture *c, int64_t ns);
/* capture_flush ends every flow, as at the end of the input. */
void capture_flush(struct capture *c);
/* capture_evict ends the flow that can be missed first, as where there are too many: of those of
 * which no data was seen both ways the oldest, where they are many; else the one quiet the longest.
 * False where there is none. */
bool capture_evict(struct capture *c);
void capture_close(struct capture *c);
struct capture_counters capture_counters(const struct capture *c);
const struct budget *capture_budget(const struct capture *c);
/* capture_now gives the newest packet's time. */
int64_t capture_now(const struct capture *c);

/* capture_turn says that direction 0 of the flow is the server's: it is counted there from now on.
 */
void capture_turn(struct capture *c, struct flow_view *flow);

/* capture_jump says that the packets' clock jumped by so much, as far as the caller can tell. */
void capture_jump(struct capture *c, int64_t jump_ns);

/*
 * capture_mirror gives what was counted since the last call: of each server that has something,
 * then of the whole mirror, always.  What `take` has no room for (false) stays for the next time.
 * A datagram that came in fragments is one packet of its server.
 */
void capture_mirror(struct capture *c, int64_t start_ns,
                    bool (*take)(void *context, const struct mirror_part *part), void *context);

/* capture_tunnels gives the tunnels that packets came through. */
const struct tunnels *capture_tunnels(const struct capture *c);

/* capture_community_id writes Community ID v1 of a TCP flow (direction 0 as the source) and returns
 * its length. */
enum { COMMUNITY_ID_MAX = 48 };
size_t capture_community_id(const struct flow_view *flow, char text[COMMUNITY_ID_MAX]);

#endif
