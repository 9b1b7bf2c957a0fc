/*
 * One table of tunnels, one function for each header: RFC 2003 (IP in IP), RFC 4213 (6in4), RFC
 * 2784 and 2890 (GRE), RFC 2637 (GRE version 1, PPTP), RFC 7637 (NVGRE), draft-foschiano-erspan,
 * draft-wilson-wrec-wccp-v2, RFC 3378 (EtherIP), RFC 4023 and 7510 (MPLS in IP and UDP), RFC 8086
 * (GRE in UDP), RFC 7348 (VXLAN) and draft-ietf-nvo3-vxlan-gpe, RFC 8926 (GENEVE), 3GPP TS 29.281
 * (GTP-U).
 */
#include "capture/tunnel.h"

enum { GTP_EXTENSIONS_MAX = 8 };

static void number(struct layer *l, uint32_t id)
{
    l->tunnel_id = id;
    l->has_tunnel_id = true;
}

static void ip_in_ip(struct layer *l)
{
    l->type = LAYER_IPV4;
}

static void ipv6_in_ip(struct layer *l)
{
    l->type = LAYER_IPV6;
}

static void mpls_in_ip(struct layer *l)
{
    l->type = LAYER_MPLS;
}

static void etherip(struct layer *l)
{
    bool is_version_3 = cursor_be16(&l->rest) == 0x3000;
    l->type = is_version_3 ? LAYER_ETHERNET : LAYER_UNKNOWN;
}

/* Version 2 puts a redirect header before the datagram, version 1 does not. */
static void wccp(struct layer *l)
{
    struct cursor peek = l->rest;
    if ((cursor_u8(&peek) & 0xf0) != 0x40)
        cursor_skip(&l->rest, 4);
    l->type = LAYER_IPV4;
}

/* The session: ten bits of the second word of either header. */
static void erspan_session(struct layer *l)
{
    enum { SESSION = 0x03ff };
    struct cursor peek = l->rest;
    cursor_skip(&peek, 2);
    number(l, cursor_be16(&peek) & SESSION);
}

static void erspan3(struct layer *l)
{
    l->tunnel = HOP_ERSPAN;
    erspan_session(l);
    cursor_skip(&l->rest, 10);
    uint16_t flags = cursor_be16(&l->rest);
    if (flags & 0x0001) /* a subheader of the platform follows */
        cursor_skip(&l->rest, 8);
    uint16_t frame_type = flags >> 10 & 0x1f;
    l->type = frame_type == 2 ? LAYER_IP : LAYER_ETHERNET;
}

/* Without a sequence number it is ERSPAN I: no header. */
static void erspan(struct layer *l, bool has_sequence)
{
    l->tunnel = HOP_ERSPAN;
    l->type = LAYER_ETHERNET;
    if (has_sequence) {
        erspan_session(l);
        cursor_skip(&l->rest, 8);
    }
}

/* Ethernet with a key and nothing else is what NVGRE is: 24 bits of network, 8 of flow. */
static void gre_key(struct layer *l, uint16_t flags)
{
    uint32_t key = cursor_be32(&l->rest);
    bool is_nvgre = flags == 0x2000 && l->type == LAYER_ETHERNET;
    if (is_nvgre)
        l->tunnel = HOP_NVGRE;
    number(l, is_nvgre ? key >> 8 : key);
}

static void gre(struct layer *l)
{
    uint16_t flags = cursor_be16(&l->rest);
    uint8_t version = flags & 7;
    bool has_sequence = flags & 0x1000;
    l->type = cursor_be16(&l->rest);
    if (flags & 0x8000) /* checksum */
        cursor_skip(&l->rest, 4);
    if (flags & 0x2000 && version == 0)
        gre_key(l, flags);
    else if (flags & 0x2000) /* payload length and call */
        cursor_skip(&l->rest, 4);
    if (has_sequence)
        cursor_skip(&l->rest, 4);
    if (version == 1 && (flags & 0x0080)) /* acknowledgment */
        cursor_skip(&l->rest, 4);
    if (version > 1 || (flags & 0x4000)) /* source routes are history */
        l->type = LAYER_UNKNOWN;
    if (l->type == LAYER_ERSPAN2)
        erspan(l, has_sequence);
    if (l->type == LAYER_ERSPAN3)
        erspan3(l);
    if (l->type == LAYER_WCCP)
        wccp(l);
}

static void vxlan(struct layer *l)
{
    bool has_number = cursor_u8(&l->rest) & 0x08;
    cursor_skip(&l->rest, 3);
    number(l, cursor_be24(&l->rest));
    cursor_skip(&l->rest, 1);
    l->type = has_number ? LAYER_ETHERNET : LAYER_UNKNOWN;
}

static void vxlan_gpe(struct layer *l)
{
    static const uint16_t types[] = {LAYER_UNKNOWN, LAYER_IPV4, LAYER_IPV6, LAYER_ETHERNET};
    bool has_protocol = cursor_u8(&l->rest) & 0x04;
    cursor_skip(&l->rest, 2);
    uint8_t protocol = cursor_u8(&l->rest);
    number(l, cursor_be24(&l->rest));
    cursor_skip(&l->rest, 1);
    if (!has_protocol)
        protocol = 0;
    l->type = protocol < sizeof(types) / sizeof(types[0]) ? types[protocol] : LAYER_UNKNOWN;
}

static void geneve(struct layer *l)
{
    uint8_t head = cursor_u8(&l->rest);
    cursor_skip(&l->rest, 1);
    l->type = cursor_be16(&l->rest);
    number(l, cursor_be24(&l->rest));
    cursor_skip(&l->rest, 1 + (size_t)(head & 0x3f) * 4);
    if (head >> 6 != 0)
        l->type = LAYER_UNKNOWN;
}

/* Each extension header has its length in words of four bytes first, the next one's type last. */
static bool gtp_extensions(struct cursor *c, uint8_t next)
{
    for (unsigned i = 0; i < GTP_EXTENSIONS_MAX && next != 0; i++) {
        uint8_t words = cursor_u8(c);
        if (words == 0)
            return false;
        cursor_skip(c, (size_t)words * 4 - 2);
        next = cursor_u8(c);
    }
    return next == 0;
}

static void gtp(struct layer *l)
{
    enum { EXTENSION = 0x04, ANY_OPTION = 0x07, G_PDU = 255 };
    uint8_t flags = cursor_u8(&l->rest), message = cursor_u8(&l->rest);
    cursor_skip(&l->rest, 2);
    number(l, cursor_be32(&l->rest));
    bool is_whole = flags >> 4 == 3 && message == G_PDU; /* version 1, and GTP not GTP' */
    if (flags & ANY_OPTION) {
        cursor_skip(&l->rest, 3);
        uint8_t next = cursor_u8(&l->rest);
        is_whole = is_whole && (!(flags & EXTENSION) || gtp_extensions(&l->rest, next));
    }
    l->type = is_whole ? LAYER_IP : LAYER_UNKNOWN;
}

static const struct tunnel {
    uint8_t protocol;
    uint8_t kind;  /* enum hop_kind; GRE may tell another */
    uint16_t port; /* UDP's destination; 0 without UDP */
    void (*open)(struct layer *l);
} tunnels[] = {
    {4, HOP_IPIP, 0, ip_in_ip},
    {41, HOP_IPIP, 0, ipv6_in_ip},
    {47, HOP_GRE, 0, gre},
    {97, HOP_ETHERIP, 0, etherip},
    {137, HOP_MPLS, 0, mpls_in_ip},
    {PROTOCOL_UDP, HOP_VXLAN, 4789, vxlan},
    {PROTOCOL_UDP, HOP_VXLAN, 8472,
     vxlan}, /* Linux before the port was assigned, flannel, Cilium */
    {PROTOCOL_UDP, HOP_VXLAN, 4790, vxlan_gpe},
    {PROTOCOL_UDP, HOP_GENEVE, 6081, geneve},
    {PROTOCOL_UDP, HOP_GTP_U, 2152, gtp},
    {PROTOCOL_UDP, HOP_MPLS, 6635, mpls_in_ip},
    {PROTOCOL_UDP, HOP_GRE, 4754, gre},
};

bool tunnel_open(struct layer *inner, const struct datagram *outer)
{
    uint16_t port = 0;
    *inner = (struct layer){
        .rest = cursor_over(outer->payload),
        .cut = outer->payload_len - outer->payload.len,
        .vlan = outer->vlan,
    };
    if (outer->protocol == PROTOCOL_UDP) {
        cursor_skip(&inner->rest, 2);
        port = cursor_be16(&inner->rest);
        cursor_skip(&inner->rest, 4);
    }
    for (size_t i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++) {
        if (tunnels[i].protocol == outer->protocol && tunnels[i].port == port) {
            inner->tunnel = tunnels[i].kind;
            tunnels[i].open(inner);
            return inner->type != LAYER_UNKNOWN && !cursor_is_short(&inner->rest);
        }
    }
    return false;
}
