/*
 * The flow table: TCP connections by their two ends, bounded; the one quiet the longest goes first.
 * A closed flow is remembered for a moment, so that its last retransmissions open no new one.
 */
#ifndef SEEPWATCH_CAPTURE_FLOW_H
#define SEEPWATCH_CAPTURE_FLOW_H

#include "capture/capture.h"
#include "capture/decode.h"

enum {
    FLOW_IDLE_S = 86400,       /* seconds without a packet after which a TCP flow is over */
    FLOW_UDP_IDLE_S = 300,     /* likewise, UDP */
    FLOW_LINGER_S = 10,        /* seconds that a closed flow is remembered */
    FLOWS_CLOSED_MAX = 65536,  /* closed flows remembered */
    FLOW_RECENT_MAX = 4,       /* packets of a direction by which doubles are known */
    FLOW_WINDOW_MAX = 1 << 30, /* bytes that a number of this connection may be off */
};

struct segment;

/* One direction of a TCP connection.  Sequence numbers are compared modulo 2^32 (RFC 9293,
 * section 3.4). */
struct half {
    uint32_t start;                   /* first byte's sequence number */
    uint32_t next;                    /* of the byte to be given on next */
    uint32_t acked;                   /* highest that the other end acknowledged */
    uint32_t seen;                    /* highest that this end's own packets tell of */
    uint32_t fin;                     /* of the FIN, where fin_seen */
    uint32_t recent[FLOW_RECENT_MAX]; /* hashes of the last packets */
    uint8_t recent_at;
    bool is_known; /* the numbers above are */
    bool has_packets;
    bool is_absent;          /* the other end has had time, and this one is not mirrored */
    bool fin_seen, is_ended; /* all up to the FIN was given on */
    int64_t hole_ns; /* when the hole at `next`, or the first of what waits for a beginning, was
                        noticed; 0: none */
    struct segment *queue, *queue_last; /* by sequence number: what waits */
    uint32_t queue_bytes, queue_count;
};

struct flow {
    struct flow_view view; /* first: the receiver's view is the flow */
    struct half half[2];   /* by direction */
    int64_t last_ns;
    struct flow *timer_older, *timer_newer; /* flows that wait for time, by deadline */
    int64_t deadline_ns;                    /* 0: none */
    int32_t naming;                         /* its place at nDPI's, -1: none */
    bool is_reversed;                       /* direction 0 is the second end of the key */
    bool is_over; /* reset, or all that will come has come: to be closed at the deadline */
};

/* Ends in an order that is the same for both directions; no padding. */
struct flow_key {
    struct address low, high;
    uint16_t low_port, high_port, vlan, protocol;
};

struct flows;

struct flows_config {
    size_t flows_max;
    void (*closed)(void *context, struct flow *flow); /* before a flow's memory goes */
    void *context;
};

struct flows *flows_open(const struct flows_config *config);
/* flows_close closes every flow. */
void flows_close(struct flows *f);

/* flow_key_make fills the key; true where the source is the key's second end. */
bool flow_key_make(struct flow_key *key, const struct datagram *d, uint16_t source_port,
                   uint16_t destination_port, uint16_t vlan);

/* flow_find gives the open flow of that key, touched; NULL where there is none. */
struct flow *flow_find(struct flows *f, const struct flow_key *key);

/* flow_was_closed tells whether a packet belongs to a flow that was closed a moment ago. */
bool flow_was_closed(struct flows *f, const struct flow_key *key, bool from_high, uint32_t sequence,
                     int64_t now_ns);

/* flow_add makes a flow of which the packet's source is direction 0, or 1 where reversed is set.
 * NULL without memory. */
struct flow *flow_add(struct flows *f, const struct flow_key *key, bool from_high, bool reversed,
                      int64_t now_ns);

/* flow_turn exchanges the directions of a flow of which nothing was given on yet. */
void flow_turn(struct flow *flow);

/* flow_close ends the flow; it is remembered where linger is set. */
void flow_close(struct flows *f, struct flow *flow, bool linger, int64_t now_ns);

/* flow_count_udp touches a UDP flow; true where it is new. */
bool flow_count_udp(struct flows *f, const struct flow_key *key, int64_t now_ns);

/* flows_expire ends flows that were idle too long. */
void flows_expire(struct flows *f, int64_t now_ns);

/* flows_oldest gives the flow touched longest ago; NULL where there is none. */
struct flow *flows_oldest(const struct flows *f);
uint64_t flows_evictions(const struct flows *f);

#endif
