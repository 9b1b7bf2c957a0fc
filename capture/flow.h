/*
 * The flow table: TCP connections by their two ends, bounded; the one quiet the longest goes first.
 * But where many have shown no data both ways, as after a flood of SYNs, the oldest of those does:
 * strangers that never were answered push no connection out.
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
    FLOWS_YOUNG_PARTS = 4,     /* a flow without data both ways goes first where they are more than
                                  one part of so many */
    FLOW_WINDOW_MAX = 1 << 30, /* bytes that a number of this connection may be off */
    FLOW_DOUBLE_MS = 100,      /* packet time in which a double follows */
};

struct segment;

/* Hashes of the last packets of a direction, the newest first. */
struct recent {
    uint32_t marks[FLOW_RECENT_MAX];
};

/* recent_has tells whether a packet of that mark is among them, and takes it in where it is not. */
bool recent_has(struct recent *r, uint32_t mark);

/* One direction of a TCP connection.  Sequence numbers are compared modulo 2^32 (RFC 9293,
 * section 3.4). */
struct half {
    uint32_t start; /* first byte's sequence number */
    uint32_t next;  /* of the byte to be given on next */
    uint32_t acked; /* highest that the other end acknowledged */
    uint32_t seen;  /* highest that this end's own packets tell of */
    uint32_t fin;   /* of the FIN, where fin_seen */
    struct recent recent;
    uint32_t alone_s; /* when data was sent to which the other end has not answered at all, in
                         2^30 ns; 0: none */
    uint16_t alone;   /* packets with data since then that are not counted as one-sided yet */
    bool is_known;    /* the numbers above are */
    bool has_packets, has_data;
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
    struct flow *young_older, *young_newer; /* flows without data both ways, in order of touch */
    int32_t naming;                         /* its place at nDPI's, -1: none */
    bool is_young;                          /* it is one of those */
    bool is_reversed;                       /* direction 0 is the second end of the key */
    bool is_over; /* reset, or all that will come has come: to be closed at the deadline */
};

/* What is remembered of a flow that was closed a moment ago; by end of the key. */
struct flow_closed {
    uint32_t end[2]; /* sequence numbers behind the last byte */
    bool is_known[2];
    bool is_reversed; /* direction 0 was the second end */
    struct recent recent[2];
    int64_t ns;
};

struct udp_flow {
    int64_t last_ns;
    struct recent recent[2]; /* by end of the key */
};

/* Ends in an order that is the same for both directions; no padding. */
struct flow_key {
    struct address low, high;
    uint16_t low_port, high_port, vlan, protocol;
    uint64_t path; /* a hash of the tunnels, as far as they are part of the key; else 0 */
};

struct flows;

struct flows_config {
    size_t flows_max;
    size_t bytes_max;      /* for open TCP flows; 0: what flows_max takes */
    size_t past_bytes_max; /* for closed ones and UDP, likewise */
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

/* flow_find_closed gives the flow, closed a moment ago, that a packet belongs to; NULL where there
 * is none. */
struct flow_closed *flow_find_closed(struct flows *f, const struct flow_key *key, bool from_high,
                                     uint32_t sequence, int64_t now_ns);

/* flow_add makes a flow of which the packet's source is direction 0, or 1 where reversed is set.
 * NULL without memory. */
struct flow *flow_add(struct flows *f, const struct flow_key *key, bool from_high, bool reversed,
                      int64_t now_ns);

/* flow_turn exchanges the directions of a flow of which nothing was given on yet. */
void flow_turn(struct flow *flow);

/* flow_close ends the flow; it is remembered where linger is set. */
void flow_close(struct flows *f, struct flow *flow, bool linger, int64_t now_ns);

/* flow_grow says that data of both directions was seen. */
void flow_grow(struct flows *f, struct flow *flow);

/* flow_find_udp gives a UDP flow, touched and made where it is missing; its last_ns is the caller's
 * to set.  NULL without memory. */
struct udp_flow *flow_find_udp(struct flows *f, const struct flow_key *key, bool *is_new);

/* flows_expire ends flows that were idle too long. */
void flows_expire(struct flows *f, int64_t now_ns);

/* flows_evict ends the flow that goes first where there are too many; false where there is none. */
bool flows_evict(struct flows *f);

/* flows_oldest gives the flow touched longest ago; NULL where there is none. */
struct flow *flows_oldest(const struct flows *f);
uint64_t flows_evictions(const struct flows *f);

#endif
