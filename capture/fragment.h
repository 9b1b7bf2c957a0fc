/*
 * Fragments of IP datagrams, put together (RFC 791, RFC 8200 section 4.5).  Bounded in datagrams,
 * bytes and packet time.  A datagram whose fragments overlap is refused as a whole (RFC 5722, and
 * for IPv4 too: honest senders do not overlap); a fragment that repeats what is there is taken for
 * a copy.
 */
#ifndef SEEPWATCH_CAPTURE_FRAGMENT_H
#define SEEPWATCH_CAPTURE_FRAGMENT_H

#include "core/address.h"
#include "core/budget.h"
#include "core/clock.h"

enum {
    FRAGMENTS_MAX = 1024,                  /* datagrams at once; then the oldest goes */
    FRAGMENTS_BYTES_MAX = 8 * 1024 * 1024, /* of the budget, and no more than a quarter of it */
    FRAGMENTED_LEN_MAX = 65535,            /* bytes of a datagram, its header included */
    FRAGMENT_HEADER_IPV4 = 20,
    FRAGMENT_HEADER_IPV6 = 40,
};

#define FRAGMENTS_TIMEOUT_NS (30 * CLOCK_SECOND_NS)
#define FRAGMENTS_LATE_NS (CLOCK_SECOND_NS / 10)

struct fragments;

struct fragment {
    struct address source, destination;
    uint32_t id;
    uint8_t protocol; /* of the payload; of IPv6, as this fragment has it */
    bool is_last;
    size_t offset;       /* bytes */
    struct bytes header; /* the IP header without options: 20 or 40 bytes */
    struct bytes data;   /* the whole of it */
    int64_t ns;
};

/* A datagram put together: its header tells the new length; no checksum. */
struct whole {
    struct bytes ip, payload;
    uint8_t protocol;
};

/* fragments_open returns NULL without memory. */
struct fragments *fragments_open(struct budget *budget);
void fragments_close(struct fragments *f);

/* fragments_add takes a fragment in; true where it was the missing one: *whole is good until the
 * next true. */
bool fragments_add(struct fragments *f, struct whole *whole, const struct fragment *fragment);

/* fragments_refuse counts a fragment that cannot be used: it is cut by the snap length. */
void fragments_refuse(struct fragments *f);

uint64_t fragments_dropped(const struct fragments *f);

#endif
