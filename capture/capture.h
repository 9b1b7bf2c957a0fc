/*
 * Packets in, ordered bytes out: link layers, tunnels, IP, fragments, flows, TCP order, and nDPI's
 * opinion of flows that nobody else could name.  One struct capture belongs to one thread.
 */
#ifndef SEEPWATCH_CAPTURE_CAPTURE_H
#define SEEPWATCH_CAPTURE_CAPTURE_H

#include "core/address.h"
#include "core/budget.h"
#include "core/bytes.h"

struct capture;

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
    void *user;      /* the receiver's own, NULL at first */
    bool wants_name; /* set by the receiver: let nDPI look at the packets of this flow */
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

struct capture_config {
    size_t flows_max;
    size_t memory_max; /* bytes, for segments and fragments that wait for others */
    bool vlan_in_key;  /* flows of different VLANs are different */
    bool use_ndpi;
    unsigned share,
        shares; /* of the flows: takes those that are the share's, of so many; 0 of 0: all */
};

struct capture_counters {
    uint64_t packets, bytes;    /* bytes on the wire */
    uint64_t duplicates;        /* frames seen twice */
    uint64_t truncated;         /* frames cut by the snap length */
    uint64_t undecoded;         /* frames of no known link, network or transport layer, or broken */
    uint64_t fragments_dropped; /* for want of memory or time, or overlapping */
    uint64_t flows_tcp, flows_udp, flows_midstream, flows_one_sided, flows_evicted;
    uint64_t naming_refused;      /* packets that nDPI could not look at: too many flows at once */
    uint64_t retransmitted_bytes; /* TCP payload that was already given on */
};

struct capture *capture_open(const struct capture_config *config,
                             const struct capture_events *events, void *context);
/* capture_packet takes one frame.  Time stamps should not go backwards; where they do, now stands
 * still. */
void capture_packet(struct capture *c, const struct packet *packet);
/* capture_tick lets time pass where there are no packets. */
void capture_tick(struct capture *c, int64_t ns);
/* capture_flush ends every flow, as at the end of the input. */
void capture_flush(struct capture *c);
void capture_close(struct capture *c);
struct capture_counters capture_counters(const struct capture *c);
const struct budget *capture_budget(const struct capture *c);
/* capture_now gives the newest packet's time. */
int64_t capture_now(const struct capture *c);

/* capture_community_id writes Community ID v1 of a TCP flow (direction 0 as the source) and returns
 * its length. */
enum { COMMUNITY_ID_MAX = 48 };
size_t capture_community_id(const struct flow_view *flow, char text[COMMUNITY_ID_MAX]);

#endif
