/*
 * A tunnel that a datagram came through: its kind, outer ends and number.
 */
#ifndef SEEPWATCH_CAPTURE_HOP_H
#define SEEPWATCH_CAPTURE_HOP_H

#include "core/address.h"

enum hop_kind {
    HOP_IPIP, /* IP in IP, of either version in either */
    HOP_GRE,  /* with its key, where it has one */
    HOP_NVGRE,
    HOP_ERSPAN,
    HOP_ETHERIP,
    HOP_MPLS, /* in IP or UDP */
    HOP_VXLAN,
    HOP_GENEVE,
    HOP_GTP_U,
    HOP_KINDS_COUNT,
};

struct hop {
    struct address source, destination; /* the outer ones */
    uint32_t id;                        /* VNI, VSID, key, session or TEID */
    bool has_id;
    uint8_t kind; /* enum hop_kind */
};

/* hop_name gives the name of its kind, in lower case. */
const char *hop_name(const struct hop *hop);

/* hop_has_network tells whether its number is a virtual network's, the same both ways (VXLAN,
 * GENEVE, NVGRE). */
bool hop_has_network(const struct hop *hop);

#endif
