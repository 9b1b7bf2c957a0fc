/*
 * One function per header; each takes its header off the rest and names what follows.  Shapes:
 * IEEE 802.3, 802.1Q, 802.2 and RFC 1042 (LLC, SNAP), tcpdump.org/linktypes (Linux cooked, BSD
 * loopback), RFC 1662 (PPP), RFC 2516 (PPPoE), RFC 3032 and 4385 (MPLS, pseudowires), RFC 1201
 * (ARCNET), IEEE 802.11 with radiotap, nfnetlink_log.h.
 */
#include "capture/link.h"

#include <pcap/dlt.h>

enum {
    WALK_MAX = 16,       /* headers between the link's and IP */
    LABELS_MAX = 16,     /* of one MPLS stack */
    ATTRIBUTES_MAX = 32, /* of one netfilter log entry */
};

static void ethernet(struct layer *l)
{
    cursor_skip(&l->rest, 12);
    l->type = cursor_be16(&l->rest);
    if (l->type < LAYER_TYPES_MIN)
        l->type = LAYER_LLC;
}

/* An EtherType field of another link; Linux writes 1 and 4 for frames that go on with LLC. */
static void ethertype(struct layer *l)
{
    l->type = cursor_be16(&l->rest);
    if (l->type < LAYER_TYPES_MIN)
        l->type = l->type == 4 ? LAYER_LLC : LAYER_OTHER;
}

static void llc(struct layer *l)
{
    uint32_t head = cursor_be24(&l->rest);
    l->type = LAYER_OTHER;
    if (head == 0x060603) /* RFC 948 */
        l->type = LAYER_IPV4;
    if (head != 0xaaaa03)
        return;
    uint32_t organization = cursor_be24(&l->rest);
    ethertype(l);
    if (organization != 0 && organization != 0x0000f8) /* RFC 1042, IEEE 802.1H */
        l->type = LAYER_OTHER;
}

static void cooked(struct layer *l)
{
    cursor_skip(&l->rest, 14);
    ethertype(l);
}

static void cooked2(struct layer *l)
{
    ethertype(l);
    cursor_skip(&l->rest, 18);
}

static void raw(struct layer *l)
{
    l->type = LAYER_IP;
}

static void raw4(struct layer *l)
{
    l->type = LAYER_IPV4;
}

static void raw6(struct layer *l)
{
    l->type = LAYER_IPV6;
}

/* The address family in the byte order of the machine that captured, numbered as its system does.
 */
static void loopback(struct layer *l)
{
    uint32_t family = cursor_le32(&l->rest);
    if (family > 0xffff)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2:
        l->type = LAYER_IPV4;
        break;
    case 10: /* Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* Darwin */
        l->type = LAYER_IPV6;
        break;
    default:
        l->type = LAYER_OTHER;
    }
}

/* A first byte that is odd is a whole protocol number: the field may be compressed. */
static void ppp(struct layer *l)
{
    uint16_t protocol = cursor_u8(&l->rest);
    if (protocol == 0xff && cursor_u8(&l->rest) == 0x03)
        protocol = cursor_u8(&l->rest);
    if ((protocol & 1) == 0)
        protocol = (uint16_t)(protocol << 8 | cursor_u8(&l->rest));
    switch (protocol) {
    case 0x0021:
        l->type = LAYER_IPV4;
        break;
    case 0x0057:
        l->type = LAYER_IPV6;
        break;
    case 0x0281:
        l->type = LAYER_MPLS;
        break;
    default:
        l->type = LAYER_OTHER;
    }
}

static void cisco_hdlc(struct layer *l)
{
    cursor_skip(&l->rest, 2);
    ethertype(l);
}

static void ppp_serial(struct layer *l)
{
    struct cursor peek = l->rest;
    if ((cursor_u8(&peek) & 0x7f) == 0x0f)
        cisco_hdlc(l);
    else
        ppp(l);
}

/* The direction stands where HDLC has its address. */
static void ppp_directed(struct layer *l)
{
    cursor_skip(&l->rest, 2);
    ppp(l);
}

static void pppoe(struct layer *l)
{
    cursor_skip(&l->rest, 1);
    uint8_t code = cursor_u8(&l->rest);
    cursor_skip(&l->rest, 4);
    if (code == 0)
        ppp(l);
    else
        l->type = LAYER_OTHER;
}

/* The packet types of RFC 1051 (240) have a short header; a split packet (flag) is given up. */
static void arcnet_type(struct layer *l)
{
    uint8_t type = cursor_u8(&l->rest);
    uint8_t flag = 0;
    if (type != 240 && type != 241) {
        flag = cursor_u8(&l->rest);
        cursor_skip(&l->rest, 2);
    }
    l->type = LAYER_OTHER;
    if (type == 240 || type == 212)
        l->type = LAYER_IPV4;
    if (type == 196)
        l->type = LAYER_IPV6;
    if (flag != 0)
        l->type = LAYER_UNKNOWN;
}

static void arcnet(struct layer *l)
{
    cursor_skip(&l->rest, 2);
    arcnet_type(l);
}

static void arcnet_linux(struct layer *l)
{
    cursor_skip(&l->rest, 4);
    arcnet_type(l);
}

/* Data frames in the clear; the parts of an aggregate (A-MSDU) are not taken apart. */
static void wifi(struct layer *l)
{
    uint16_t control = cursor_le16(&l->rest);
    bool is_data = (control & 0x000f) == 0x0008 && (control & 0x4040) == 0;
    bool has_quality = control & 0x0080;
    uint16_t quality = 0;
    cursor_skip(&l->rest, 22);
    if ((control & 0x0300) == 0x0300) /* from one access point to another: a fourth address */
        cursor_skip(&l->rest, 6);
    if (has_quality)
        quality = cursor_le16(&l->rest);
    if (has_quality && (control & 0x8000))
        cursor_skip(&l->rest, 4);
    l->type = is_data && (quality & 0x0080) == 0 ? LAYER_LLC : LAYER_OTHER;
}

static void radiotap(struct layer *l)
{
    cursor_skip(&l->rest, 2);
    uint16_t len = cursor_le16(&l->rest);
    cursor_skip(&l->rest, len >= 4 ? len - 4u : 0);
    wifi(l);
}

/* Linux netfilter's log: attributes, each with its length and type in the order of the machine that
 * captured (taken as little-endian), padded to four bytes; one of them is the IP datagram. */
static void netfilter_log(struct layer *l)
{
    enum { PAYLOAD = 9 };
    cursor_skip(&l->rest, 4);
    l->type = LAYER_OTHER;
    for (unsigned i = 0; i < ATTRIBUTES_MAX && cursor_left(&l->rest) > 0; i++) {
        uint16_t len = cursor_le16(&l->rest), type = cursor_le16(&l->rest);
        if (type == PAYLOAD) {
            l->type = LAYER_IP;
            return;
        }
        cursor_skip(&l->rest, len > 4 ? ((size_t)len + 3) / 4 * 4 - 4 : 0);
    }
}

/* Ethernet is first: it is what almost every frame is. */
static const struct link {
    int dlt;
    void (*open)(struct layer *l);
} links[] = {
    {DLT_EN10MB, ethernet},
    {DLT_LINUX_SLL, cooked},
    {DLT_LINUX_SLL2, cooked2},
    {DLT_RAW, raw},
    {14, raw}, /* DLT_RAW of OpenBSD */
    {DLT_IPV4, raw4},
    {DLT_IPV6, raw6},
    {DLT_NULL, loopback},
    {DLT_LOOP, loopback},
    {DLT_PPP, ppp},
    {DLT_PPP_SERIAL, ppp_serial},
    {DLT_PPP_ETHER, pppoe},
    {DLT_PPP_PPPD, ppp_directed},
    {DLT_C_HDLC, cisco_hdlc},
    {DLT_ARCNET, arcnet},
    {DLT_ARCNET_LINUX, arcnet_linux},
    {DLT_IEEE802_11, wifi},
    {DLT_IEEE802_11_RADIO, radiotap},
    {DLT_NFLOG, netfilter_log},
};

void link_open(struct layer *l, int dlt)
{
    l->type = LAYER_UNKNOWN;
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (links[i].dlt == dlt) {
            links[i].open(l);
            return;
        }
    }
}

static void vlan(struct layer *l)
{
    uint16_t number = cursor_be16(&l->rest) & 0x0fff;
    if (l->vlan == 0)
        l->vlan = number;
    l->type = cursor_be16(&l->rest);
    if (l->type < LAYER_TYPES_MIN)
        l->type = LAYER_LLC;
}

static uint8_t nibble(const struct layer *l)
{
    struct cursor peek = l->rest;
    return cursor_u8(&peek) >> 4;
}

/*
 * Nothing in the labels says what they carry.  Routers look at the first nibble: 4 and 6 are IP, 0
 * is a pseudowire's control word (RFC 4385); anything else is taken for Ethernet.
 */
static void mpls(struct layer *l)
{
    bool is_last = false;
    for (unsigned i = 0; i < LABELS_MAX && !is_last; i++)
        is_last = cursor_be32(&l->rest) & 0x100;
    uint8_t first = nibble(l);
    l->type = LAYER_ETHERNET;
    if (first == 0)
        cursor_skip(&l->rest, 4);
    if (first == 4 || first == 6)
        l->type = LAYER_IP;
    if (!is_last)
        l->type = LAYER_UNKNOWN;
}

static void ip(struct layer *l)
{
    uint8_t version = nibble(l);
    l->type = version == 4 ? LAYER_IPV4 : version == 6 ? LAYER_IPV6 : LAYER_UNKNOWN;
}

static void trill(struct layer *l)
{
    uint16_t options = cursor_be16(&l->rest) >> 6 & 0x1f; /* in words of four bytes */
    cursor_skip(&l->rest, 4 + (size_t)options * 4);
    l->type = LAYER_ETHERNET;
}

static void backbone(struct layer *l)
{
    cursor_skip(&l->rest, 4);
    l->type = LAYER_ETHERNET;
}

static void vn_tag(struct layer *l)
{
    cursor_skip(&l->rest, 4);
    ethertype(l);
}

/* False at IP, or where nothing more is known. */
static bool walk_step(struct layer *l)
{
    switch (l->type) {
    case LAYER_LLC:
        llc(l);
        return true;
    case LAYER_IP:
        ip(l);
        return true;
    case LAYER_ETHERNET:
        ethernet(l);
        return true;
    case LAYER_VLAN:
    case LAYER_QINQ:
    case LAYER_QINQ_OLD:
        vlan(l);
        return true;
    case LAYER_MPLS:
    case LAYER_MPLS_UPSTREAM:
        mpls(l);
        return true;
    case LAYER_PPPOE:
        pppoe(l);
        return true;
    case LAYER_PPP:
        ppp(l);
        return true;
    case LAYER_TRILL:
        trill(l);
        return true;
    case LAYER_BACKBONE:
        backbone(l);
        return true;
    case LAYER_VN_TAG:
        vn_tag(l);
        return true;
    case LAYER_UNKNOWN:
    case LAYER_IPV4:
    case LAYER_IPV6:
        return false;
    default:
        l->type = LAYER_OTHER;
        return false;
    }
}

void link_walk(struct layer *l)
{
    unsigned steps = 0;
    while (steps < WALK_MAX && walk_step(l))
        steps++;
    if (steps == WALK_MAX || cursor_is_short(&l->rest))
        l->type = LAYER_UNKNOWN;
}
