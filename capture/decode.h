/*
 * A frame to the innermost IP datagram in it: link layers, VLAN and MPLS tags, tunnels, fragments.
 */
#ifndef SEEPWATCH_CAPTURE_DECODE_H
#define SEEPWATCH_CAPTURE_DECODE_H

#include "capture/capture.h"
#include "capture/hop.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 }; /* IANA's protocol numbers */

struct decoder;

struct datagram {
    struct address source, destination;
    uint8_t protocol; /* of the payload: IANA's number */
    uint16_t vlan;    /* the outermost VLAN's number, 0: none */
    uint16_t id;      /* the IPv4 identification; of IPv6, 0 */
    struct bytes ip;  /* the datagram from its IP header on, as captured; of a reassembled one, only
                         the payload's  bytes are right */
    struct bytes payload; /* as captured */
    uint32_t payload_len; /* bytes on the wire, at least payload.len: what is cut by the snap length
                             is the difference */
};

enum decoded {
    DECODED_DATAGRAM,
    DECODED_FRAGMENT, /* kept: the rest is to come */
    DECODED_OTHER,    /* whole, but no IP (ARP, LLDP, ...) */
    DECODED_UNKNOWN,  /* a link, network or tunnel layer that is not known, or bytes that are broken
                       */
};

/* decoder_open returns NULL without memory.  Fragments take their memory from the budget. */
struct decoder *decoder_open(struct budget *budget);
void decoder_close(struct decoder *d);

/* decode_frame fills *out where it returns DECODED_DATAGRAM; the views are good until the next
 * call. */
enum decoded decode_frame(struct decoder *d, const struct packet *packet, struct datagram *out);

/* decoder_hops gives the tunnels around the last datagram, the outermost first; NULL without any.
 * Good until the next call. */
const struct hop *decoder_hops(const struct decoder *d, size_t *count);

/* decoder_fragments_dropped counts fragments given up for want of memory or time, or because they
 * overlap. */
uint64_t decoder_fragments_dropped(const struct decoder *d);

#endif
