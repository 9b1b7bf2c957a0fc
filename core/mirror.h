/*
 * The health of the mirror as it is counted: what passed between two moments, of one server or of
 * all together.  Each worker counts its own part; the parts of an interval add up.
 */
#ifndef SEEPWATCH_CORE_MIRROR_H
#define SEEPWATCH_CORE_MIRROR_H

#include "core/address.h"
#include "core/transaction.h"

/* The length of an interval. */
#define MIRROR_INTERVAL_NS (60 * INT64_C(1000000000))

/* The fields of mirror.*, which stand together. */
#define MIRROR_FIELDS                                                                              \
    ((FIELD_BIT(FIELD_MIRROR_UNDECODED_SHARE) << 1) - FIELD_BIT(FIELD_MIRROR_BAD_CHECKSUM_SHARE))

/* All members are additive uint64_t. */
struct mirror_counters {
    uint64_t packets, bytes;   /* all that came, doubles too; bytes on the wire */
    uint64_t duplicates;       /* of packets: those seen for the second time */
    uint64_t reordered;        /* packets with data that came after later ones of their direction */
    uint64_t truncated;        /* packets cut by the snap length */
    uint64_t bad_checksums;    /* of checksums: a wrong one, other than by offload */
    uint64_t checksums;        /* a sample of TCP packets whose checksums can be told */
    uint64_t data_packets;     /* TCP packets with payload, doubles apart */
    uint64_t one_sided;        /* those of flows whose other direction is not mirrored */
    uint64_t payload_bytes;    /* TCP payload that was given on */
    uint64_t lost_bytes;       /* TCP payload that never came */
    uint64_t encrypted_bytes;  /* of payload_bytes: TLS, or after a switch to encryption */
    uint64_t undecoded_bytes;  /* of payload_bytes: clear, and no analyzer's */
    uint64_t clear, encrypted; /* connections that were found to be the one or the other */
    /* of the whole mirror alone */
    uint64_t undecoded; /* frames of no known link, network or transport layer, or broken */
    uint64_t dropped;   /* packets that the kernel or the network card dropped */
};

/* A server, or what one worker saw of it in one interval. */
struct mirror_part {
    struct address ip;
    uint16_t port;
    bool is_whole;         /* the mirror, not a server: ip and port say nothing */
    const char *protocol;  /* static; NULL: unknown */
    int64_t start_ns;      /* packet time of the interval's beginning, a multiple of its length */
    int64_t last_ns;       /* packet time of the newest packet; 0: none */
    int64_t clock_jump_ns; /* the widest jump of the packets' clock, either way; 0: none */
    struct mirror_counters counters;
};

/* mirror_add adds all of part's counters. */
void mirror_add(struct mirror_counters *sum, const struct mirror_counters *part);

/* mirror_since gives what was counted between two states of the same counters. */
struct mirror_counters mirror_since(const struct mirror_counters *now,
                                    const struct mirror_counters *before);

/* mirror_figures gives the amounts and shares of counters, as far as they can be told: the fields
 * known are returned.  dropped is the whole mirror's alone. */
field_set mirror_figures(struct mirror_figures *f, const struct mirror_counters *c, bool is_whole);

#endif
