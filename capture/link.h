/*
 * Link layers, and what stands between them and IP: VLAN and MPLS tags, PPPoE, LLC.  Every header
 * here ends in the type of what follows, so all of them, and the tunnels of tunnel.h, speak of the
 * next header as an EtherType.
 */
#ifndef SEEPWATCH_CAPTURE_LINK_H
#define SEEPWATCH_CAPTURE_LINK_H

#include "core/cursor.h"

/* EtherTypes (IEEE 802 registry), and three of our own below 0x0600, where Ethernet has lengths. */
enum layer_type {
    LAYER_UNKNOWN = 0,
    LAYER_OTHER = 1, /* whole, but no IP */
    LAYER_LLC = 2,
    LAYER_IP = 3, /* of the version that its first nibble says */
    LAYER_TYPES_MIN = 0x0600,
    LAYER_IPV4 = 0x0800,
    LAYER_TRILL = 0x22f3,
    LAYER_ERSPAN3 = 0x22eb,
    LAYER_ETHERNET = 0x6558, /* transparent Ethernet bridging */
    LAYER_VLAN = 0x8100,
    LAYER_IPV6 = 0x86dd,
    LAYER_PPP = 0x880b,
    LAYER_WCCP = 0x883e,
    LAYER_MPLS = 0x8847,
    LAYER_MPLS_UPSTREAM = 0x8848,
    LAYER_PPPOE = 0x8864,
    LAYER_QINQ = 0x88a8,
    LAYER_ERSPAN2 = 0x88be,
    LAYER_BACKBONE = 0x88e7, /* IEEE 802.1ah */
    LAYER_VN_TAG = 0x8926,   /* Cisco, also IEEE 802.1BR's forerunner */
    LAYER_QINQ_OLD = 0x9100,
};

/* What is left of a frame, and what it is. */
struct layer {
    struct cursor rest;
    size_t cut;     /* bytes that the snap length took off its end */
    uint16_t type;  /* enum layer_type, or another EtherType */
    uint16_t vlan;  /* the outermost seen so far; 0: none */
    uint8_t tunnel; /* enum hop_kind, of a layer that tunnel_open gives; with its number */
    bool has_tunnel_id;
    uint32_t tunnel_id;
};

/* link_open takes off the header of a DLT; the type is LAYER_UNKNOWN for a link that is not known
 * and the rest short for a header that is cut. */
void link_open(struct layer *l, int dlt);

/* link_walk takes off all that stands before IP: the type ends as LAYER_IPV4, LAYER_IPV6,
 * LAYER_OTHER or LAYER_UNKNOWN (which includes cut headers). */
void link_walk(struct layer *l);

#endif
