/*
 * TCP order: segments as they come to bytes as they were sent, each once, and the bytes that are
 * missing told.
 *
 * A mirror shows segments late, doubled, and an answer before its question.  So a segment also
 * waits for the bytes of the other direction that it acknowledges.  A hole becomes a gap when the
 * other end has acknowledged it (or nobody could) and a bound of time or size has passed; or when
 * the flow ends.  The first segments of a direction wait as long for the SYN before them; without
 * one the direction begins in its middle, at the lowest number that came.
 */
#ifndef SEEPWATCH_CAPTURE_TCP_H
#define SEEPWATCH_CAPTURE_TCP_H

#include "capture/flow.h"

enum {
    TCP_HOLE_MS = 200,               /* packet time that a hole may be filled in */
    TCP_HOLE_UNACKED_MS = 2000,      /* likewise, while nobody acknowledged it */
    TCP_WAITING_BYTES_MAX = 1 << 20, /* waiting behind a hole, of a direction */
    TCP_WAITING_SEGMENTS_MAX = 1024, /* likewise */
    TCP_WAITING_SMALL_MAX = 256, /* likewise, and one more for every TCP_WAITING_SMALL_LEN bytes:
                                    a place among many small ones is costly to find */
    TCP_WAITING_SMALL_LEN = 128,
    TCP_WAITING_SOME = 16, /* likewise, while the memory for all flows is scarce */
};

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

struct tcp_header {
    uint16_t source_port, destination_port;
    uint32_t sequence, acknowledgment;
    uint16_t window, checksum;
    uint8_t flags;
    struct bytes options; /* as captured */
    struct bytes payload; /* as captured */
    uint32_t payload_len; /* bytes on the wire */
};

/* tcp_header_read reads the header and its options off a datagram; false where it is broken. */
bool tcp_header_read(const struct datagram *d, struct tcp_header *h);

/* What the flows of one capture share. */
struct tcp {
    const struct capture_events *events;
    void *context;
    struct budget *budget;
    struct flow *timer_oldest, *timer_newest;
    int64_t now_ns;
    uint64_t retransmitted_bytes;
    uint64_t reordered; /* segments with new data that came after later ones of their direction */
};

/* tcp_take gives a segment of that direction to its flow.  True where the flow is over and has to
 * be closed. */
bool tcp_take(struct tcp *t, struct flow *flow, unsigned direction, const struct tcp_header *h);

/* tcp_due gives a flow whose deadline has passed; NULL where there is none. */
struct flow *tcp_due(const struct tcp *t);
/* tcp_expire declares the holes of a due flow lost whose time has come.  True where the flow has to
 * be closed. */
bool tcp_expire(struct tcp *t, struct flow *flow);

/* tcp_finish gives on what waits, with the holes as gaps, and frees it. */
void tcp_finish(struct tcp *t, struct flow *flow);

#endif
