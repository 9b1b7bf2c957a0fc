/*
 * Link layers, tags, tunnels, IP headers, each built in memory around one known TCP segment, whole
 * and cut at every length.
 */
#include "tests/cmocka.h"

#include "capture/decode.h"
#include "tests/capture/packets.h"

#include <pcap/dlt.h>

enum { NET = 1, OUTER_NET = 9, SEGMENT_LEN = 20 + 5, UDP_PORT_NONE = 0 };

struct bench {
    struct budget budget;
    struct decoder *decoder;
    struct frame frame;
    uint8_t *copy;
    struct datagram out;
};

static int bench_open(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->budget.bytes_max = 1 << 20;
    b->decoder = decoder_open(&b->budget);
    assert_non_null(b->decoder);
    *state = b;
    return 0;
}

static int bench_close(void **state)
{
    struct bench *b = *state;
    decoder_close(b->decoder);
    assert_int_equal(b->budget.used, 0);
    free(b->copy);
    free(b);
    return 0;
}

/* Decodes the first captured bytes of the frame. */
static enum decoded decode_cut(struct bench *b, int dlt, size_t captured)
{
    free(b->copy);
    b->copy = bytes_copy(b->frame.data, captured);
    memset(&b->out, 0xee, sizeof(b->out));
    struct packet packet = {
        .data = {b->copy, captured}, .wire_len = (uint32_t)b->frame.len, .link = dlt};
    return decode_frame(b->decoder, &packet, &b->out);
}

static enum decoded decode_whole(struct bench *b, int dlt)
{
    return decode_cut(b, dlt, b->frame.len);
}

static void segment_build(struct bench *b)
{
    frame_payload(&b->frame, "hello", 5);
    frame_wrap_tcp(&b->frame, (struct tcp_of){.source = 40000, .destination = 5432});
}

/* The known segment under IP of that version. */
static void datagram_build(struct bench *b, unsigned version, uint8_t net)
{
    segment_build(b);
    if (version == 6)
        frame_wrap_ipv6(&b->frame, PROTOCOL_TCP, net);
    else
        frame_wrap_ipv4(&b->frame, PROTOCOL_TCP, net);
}

static void assert_address(const struct address *a, const char *text)
{
    char printed[ADDRESS_TEXT_MAX];
    (void)address_print(a, printed);
    assert_string_equal(printed, text);
}

static void assert_known_segment(const struct bench *b, unsigned version)
{
    const struct datagram *out = &b->out;
    assert_address(&out->source, version == 6 ? "fd00:1::1" : "10.1.0.1");
    assert_address(&out->destination, version == 6 ? "fd00:1::2" : "10.1.0.2");
    assert_int_equal(out->protocol, PROTOCOL_TCP);
    assert_int_equal(out->id, version == 6 ? 0 : 7);
    assert_int_equal(out->payload_len, SEGMENT_LEN);
    assert_int_equal(out->payload.len, SEGMENT_LEN);
    assert_memory_equal(out->payload.data + 20, "hello", 5);
    assert_int_equal(out->ip.len, SEGMENT_LEN + (version == 6 ? 40 : 20));
    assert_int_equal(out->ip.data[0] >> 4, version);
}

/* Whatever is cut off, the views stay inside and the lengths consistent. */
static void assert_cuts_are_safe(struct bench *b, int dlt)
{
    for (size_t captured = 0; captured < b->frame.len; captured++) {
        if (decode_cut(b, dlt, captured) != DECODED_DATAGRAM)
            continue;
        assert_true(b->out.payload.len <= b->out.payload_len);
        assert_true(b->out.ip.len >= b->out.payload.len);
        for (size_t i = 0; i < b->out.ip.len; i++)
            b->copy[0] ^= b->out.ip.data[i];
    }
}

static const struct link_case {
    const char *name;
    int dlt;
    unsigned version;
    uint16_t vlan;
    const char *header;
} link_cases[] = {
    {"Ethernet", DLT_EN10MB, 4, 0, "020000000000 020000000001 0800"},
    {"Ethernet, IPv6", DLT_EN10MB, 6, 0, "020000000000 020000000001 86dd"},
    {"VLAN", DLT_EN10MB, 4, 5, "020000000000 020000000001 8100 e005 0800"},
    {"QinQ", DLT_EN10MB, 6, 100, "020000000000 020000000001 88a8 0064 8100 0005 86dd"},
    {"old QinQ", DLT_EN10MB, 4, 100, "020000000000 020000000001 9100 0064 8100 0005 0800"},
    {"SNAP", DLT_EN10MB, 4, 0, "020000000000 020000000001 0035 aaaa03 000000 0800"},
    {"VLAN and SNAP", DLT_EN10MB, 4, 5,
     "020000000000 020000000001 8100 0005 0035 aaaa03 0000f8 0800"},
    {"IP's own LLC", DLT_EN10MB, 4, 0, "020000000000 020000000001 0030 060603"},
    {"MPLS", DLT_EN10MB, 4, 0, "020000000000 020000000001 8847 00010040 00010140"},
    {"MPLS, IPv6", DLT_EN10MB, 6, 0, "020000000000 020000000001 8848 00010140"},
    {"pseudowire", DLT_EN10MB, 4, 0,
     "020000000000 020000000001 8847 00010140 00000000 020000000000 020000000001 0800"},
    {"pseudowire without control word", DLT_EN10MB, 4, 0,
     "020000000000 020000000001 8847 00010140 120000000000 020000000001 0800"},
    {"PPPoE", DLT_EN10MB, 4, 0, "020000000000 020000000001 8864 1100 0001 002f 0021"},
    {"PPPoE in QinQ", DLT_EN10MB, 6, 3,
     "020000000000 020000000001 88a8 0003 8100 0004 8864 1100 0001 0043 0057"},
    {"provider backbone", DLT_EN10MB, 4, 0,
     "020000000000 020000000001 88e7 00000001 020000000000 020000000001 0800"},
    {"VN-Tag", DLT_EN10MB, 4, 0, "020000000000 020000000001 8926 00010002 0800"},
    {"TRILL", DLT_EN10MB, 4, 0,
     "020000000000 020000000001 22f3 0040 0001 0002 00000000 020000000000 020000000001 0800"},
    {"Linux cooked", DLT_LINUX_SLL, 4, 0, "0000 0001 0006 0200000000000000 0800"},
    {"Linux cooked, VLAN", DLT_LINUX_SLL, 4, 5, "0000 0001 0006 0200000000000000 8100 0005 0800"},
    {"Linux cooked v2", DLT_LINUX_SLL2, 6, 0, "86dd 0000 00000002 0001 00 06 0200000000000000"},
    {"raw", DLT_RAW, 4, 0, ""},
    {"raw, IPv6", DLT_RAW, 6, 0, ""},
    {"raw of OpenBSD", 14, 4, 0, ""},
    {"raw IPv4", DLT_IPV4, 4, 0, ""},
    {"raw IPv6", DLT_IPV6, 6, 0, ""},
    {"loopback, little-endian", DLT_NULL, 4, 0, "02000000"},
    {"loopback, big-endian", DLT_NULL, 6, 0, "0000001e"},
    {"loopback of OpenBSD", DLT_LOOP, 6, 0, "00000018"},
    {"loopback of FreeBSD", DLT_NULL, 6, 0, "1c000000"},
    {"PPP", DLT_PPP, 4, 0, "0021"},
    {"PPP, compressed", DLT_PPP, 4, 0, "21"},
    {"PPP, framed", DLT_PPP, 6, 0, "ff03 0057"},
    {"PPP and MPLS", DLT_PPP, 4, 0, "0281 00010140"},
    {"PPP serial", DLT_PPP_SERIAL, 4, 0, "ff03 0021"},
    {"PPP serial, Cisco", DLT_PPP_SERIAL, 4, 0, "0f00 0800"},
    {"PPP over Ethernet", DLT_PPP_ETHER, 4, 0, "1100 0001 002f 0021"},
    {"PPP with direction", DLT_PPP_PPPD, 4, 0, "0103 0021"},
    {"Cisco HDLC", DLT_C_HDLC, 6, 0, "0f00 86dd"},
    {"ARCNET", DLT_ARCNET, 4, 0, "0102 d4 00 0001"},
    {"ARCNET, old", DLT_ARCNET, 4, 0, "0102 f0"},
    {"ARCNET of Linux", DLT_ARCNET_LINUX, 4, 0, "0102 0000 d4 00 0001"},
    {"ARCNET of Linux, IPv6", DLT_ARCNET_LINUX, 6, 0, "0102 0000 c4 00 0001"},
    {"802.11", DLT_IEEE802_11, 4, 0,
     "0801 0000 020000000000 020000000001 020000000002 0000 aaaa03 000000 0800"},
    {"802.11, QoS", DLT_IEEE802_11, 6, 0,
     "8801 0000 020000000000 020000000001 020000000002 0000 0000 aaaa03 000000 86dd"},
    {"802.11, four addresses", DLT_IEEE802_11, 4, 0,
     "0803 0000 020000000000 020000000001 020000000002 0000 020000000003 aaaa03 000000 0800"},
    {"802.11, high throughput", DLT_IEEE802_11, 4, 0,
     "8881 0000 020000000000 020000000001 020000000002 0000 0000 00000000 aaaa03 000000 0800"},
    {"radiotap", DLT_IEEE802_11_RADIO, 4, 0,
     "0000 0a00 00000000 0000 0801 0000 020000000000 020000000001 020000000002 0000 aaaa03 000000 "
     "0800"},
    {"netfilter log", DLT_NFLOG, 4, 0, "02 00 0001 0500 0a00 61000000 3100 0900"},
};

static void every_link_layer_decodes(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(link_cases) / sizeof(link_cases[0]); i++) {
        const struct link_case *c = &link_cases[i];
        datagram_build(b, c->version, NET);
        frame_wrap_hex(&b->frame, c->header);
        if (decode_whole(b, c->dlt) != DECODED_DATAGRAM)
            fail_msg("%s", c->name);
        assert_known_segment(b, c->version);
        assert_int_equal(b->out.vlan, c->vlan);
        assert_cuts_are_safe(b, c->dlt);
    }
}

static const struct other_case {
    const char *name;
    int dlt;
    enum decoded decoded;
    const char *frame;
} other_cases[] = {
    {"ARP", DLT_EN10MB, DECODED_OTHER, "020000000000 020000000001 0806 0001 0800"},
    {"LLDP", DLT_EN10MB, DECODED_OTHER, "020000000000 020000000001 88cc 0207"},
    {"spanning tree", DLT_EN10MB, DECODED_OTHER, "020000000000 020000000001 0026 424203 0000"},
    {"Cisco discovery", DLT_EN10MB, DECODED_OTHER,
     "020000000000 020000000001 0026 aaaa03 00000c 2000 0000"},
    {"PPPoE discovery", DLT_EN10MB, DECODED_OTHER,
     "020000000000 020000000001 8863 1109 0000 0004 0101 0000"},
    {"PPPoE session that ends", DLT_EN10MB, DECODED_OTHER,
     "020000000000 020000000001 8864 11a7 0001 0000"},
    {"PPP link control", DLT_PPP, DECODED_OTHER, "c021 0101 0004"},
    {"802.11 beacon", DLT_IEEE802_11, DECODED_OTHER,
     "8000 0000 020000000000 020000000001 020000000002 0000 0000"},
    {"802.11, encrypted", DLT_IEEE802_11, DECODED_OTHER,
     "0841 0000 020000000000 020000000001 020000000002 0000 00000000"},
    {"802.11 without data", DLT_IEEE802_11, DECODED_OTHER,
     "4801 0000 020000000000 020000000001 020000000002 0000"},
    {"802.11 aggregate", DLT_IEEE802_11, DECODED_OTHER,
     "8801 0000 020000000000 020000000001 020000000002 0000 8000 0000"},
    {"loopback, AppleTalk", DLT_NULL, DECODED_OTHER, "10000000 00"},
    {"netfilter log without packet", DLT_NFLOG, DECODED_OTHER, "02000001 0500 0a00 61000000"},
    {"split ARCNET", DLT_ARCNET, DECODED_UNKNOWN,
     "0102 d4 01 0001 45000014 00000000 40060000 0a000001 0a000002"},
    {"a link that is not known", 9999, DECODED_UNKNOWN, "45000014"},
    {"nothing", DLT_EN10MB, DECODED_UNKNOWN, ""},
    {"raw of no IP version", DLT_RAW, DECODED_UNKNOWN, "55000014"},
    {"IPv4 that says 6", DLT_EN10MB, DECODED_UNKNOWN,
     "020000000000 020000000001 0800 65000014 00000000 40060000 0a000001 0a000002"},
    {"IPv6 that says 4", DLT_IPV6, DECODED_UNKNOWN,
     "40000000 0000 06 40 fd000000000000000000000000000001 fd000000000000000000000000000002"},
    {"IPv4 with a header of 16 bytes", DLT_IPV4, DECODED_UNKNOWN,
     "44000014 00000000 40060000 0a000001 0a000002"},
    {"IPv4 shorter than its header", DLT_IPV4, DECODED_UNKNOWN,
     "45000013 00000000 40060000 0a000001 0a000002"},
    {"IPv4 with options that are not there", DLT_IPV4, DECODED_UNKNOWN,
     "46000018 00000000 40060000 0a000001 0a000002"},
    {"MPLS without a last label", DLT_EN10MB, DECODED_UNKNOWN,
     "020000000000 020000000001 8847 00010040 00010040"},
};

static void what_is_no_ip_is_told_apart_from_what_is_broken(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(other_cases) / sizeof(other_cases[0]); i++) {
        const struct other_case *c = &other_cases[i];
        frame_payload(&b->frame, "", 0);
        frame_wrap_hex(&b->frame, c->frame);
        if (decode_whole(b, c->dlt) != c->decoded)
            fail_msg("%s", c->name);
        assert_cuts_are_safe(b, c->dlt);
    }
}

static void tags_without_end_are_given_up(void **state)
{
    struct bench *b = *state;
    datagram_build(b, 4, NET);
    frame_wrap_hex(&b->frame, "0800");
    for (unsigned i = 0; i < 64; i++)
        frame_wrap_hex(&b->frame, "8100 0005");
    frame_wrap_hex(&b->frame, "020000000000 020000000001");
    assert_int_equal(decode_whole(b, DLT_EN10MB), DECODED_UNKNOWN);
    datagram_build(b, 4, NET);
    for (unsigned i = 0; i < 16; i++)
        frame_wrap_hex(&b->frame, "00010040");
    frame_wrap_hex(&b->frame, "020000000000 020000000001 8847");
    assert_int_equal(decode_whole(b, DLT_EN10MB), DECODED_UNKNOWN);
}

enum carried { V4 = 4, V6 = 6, FRAME = 14 };

enum { NO_ID = -1 };

static const struct tunnel_case {
    const char *name;
    uint8_t protocol;
    uint16_t port;
    enum carried carried;
    enum hop_kind kind;
    int64_t id; /* NO_ID: it has none */
    const char *header;
} tunnel_cases[] = {
    {"IP in IP", 4, 0, V4, HOP_IPIP, NO_ID, ""},
    {"6in4", 41, 0, V6, HOP_IPIP, NO_ID, ""},
    {"GRE", 47, 0, V4, HOP_GRE, NO_ID, "0000 0800"},
    {"GRE, IPv6, all options", 47, 0, V6, HOP_GRE, 1, "b000 86dd 00000000 00000001 00000002"},
    {"GRE, Ethernet", 47, 0, FRAME, HOP_GRE, NO_ID, "0000 6558"},
    {"NVGRE", 47, 0, FRAME, HOP_NVGRE, 0x101, "2000 6558 00010100"},
    {"GRE, MPLS", 47, 0, V4, HOP_GRE, NO_ID, "0000 8847 00010140"},
    {"GRE, VLAN inside", 47, 0, V4, HOP_GRE, NO_ID,
     "0000 6558 020000000000 020000000001 8100 0007 0800"},
    {"GRE version 1", 47, 0, V4, HOP_GRE, NO_ID, "3081 880b 00000000 00000001 00000002 ff03 0021"},
    {"ERSPAN I", 47, 0, FRAME, HOP_ERSPAN, NO_ID, "0000 88be"},
    {"ERSPAN II", 47, 0, FRAME, HOP_ERSPAN, 0xa, "1000 88be 00000001 1001000a 00000000"},
    {"ERSPAN III", 47, 0, FRAME, HOP_ERSPAN, 0xa, "1000 22eb 00000001 2001000a 00000000 00000000"},
    {"ERSPAN III, subheader", 47, 0, FRAME, HOP_ERSPAN, 0xa,
     "1000 22eb 00000001 2001000a 00000000 00000001 0000000000000000"},
    {"ERSPAN III, IP", 47, 0, V4, HOP_ERSPAN, 0xa, "1000 22eb 00000001 2001000a 00000000 00000800"},
    {"WCCP", 47, 0, V4, HOP_GRE, NO_ID, "0000 883e"},
    {"WCCP version 2", 47, 0, V4, HOP_GRE, NO_ID, "0000 883e 00000000"},
    {"EtherIP", 97, 0, FRAME, HOP_ETHERIP, NO_ID, "3000"},
    {"MPLS in IP", 137, 0, V4, HOP_MPLS, NO_ID, "00010140"},
    {"MPLS in UDP", PROTOCOL_UDP, 6635, V4, HOP_MPLS, NO_ID, "00010140"},
    {"GRE in UDP", PROTOCOL_UDP, 4754, V4, HOP_GRE, NO_ID, "0000 0800"},
    {"VXLAN", PROTOCOL_UDP, 4789, FRAME, HOP_VXLAN, 0x64, "08000000 00006400"},
    {"VXLAN on Linux's old port", PROTOCOL_UDP, 8472, FRAME, HOP_VXLAN, 0x64, "08000000 00006400"},
    {"VXLAN-GPE, IPv4", PROTOCOL_UDP, 4790, V4, HOP_VXLAN, 0x64, "0c000001 00006400"},
    {"VXLAN-GPE, IPv6", PROTOCOL_UDP, 4790, V6, HOP_VXLAN, 0x64, "0c000002 00006400"},
    {"VXLAN-GPE, Ethernet", PROTOCOL_UDP, 4790, FRAME, HOP_VXLAN, 0x64, "0c000003 00006400"},
    {"GENEVE", PROTOCOL_UDP, 6081, FRAME, HOP_GENEVE, 0x64, "0000 6558 00006400"},
    {"GENEVE, options", PROTOCOL_UDP, 6081, V4, HOP_GENEVE, 0x64,
     "0200 0800 00006400 0102800100000000"},
    {"GTP-U", PROTOCOL_UDP, 2152, V4, HOP_GTP_U, 1, "30ff 002d 00000001"},
    {"GTP-U, sequence", PROTOCOL_UDP, 2152, V6, HOP_GTP_U, 1, "32ff 0031 00000001 00010000"},
    {"GTP-U, extensions", PROTOCOL_UDP, 2152, V4, HOP_GTP_U, 1,
     "34ff 0039 00000001 00000085 01100085 0200000000000000"},
};

static void tunnel_build(struct bench *b, const struct tunnel_case *c, unsigned outer_version)
{
    datagram_build(b, c->carried == V6 ? 6 : 4, NET);
    if (c->carried == FRAME)
        frame_wrap_ethernet(&b->frame, 0x0800);
    frame_wrap_hex(&b->frame, c->header);
    if (c->port != UDP_PORT_NONE)
        frame_wrap_udp(&b->frame, 50000, c->port);
    if (outer_version == 6)
        frame_wrap_ipv6(&b->frame, c->protocol, OUTER_NET);
    else
        frame_wrap_ipv4(&b->frame, c->protocol, OUTER_NET);
    frame_wrap_hex(&b->frame, outer_version == 6 ? "8100 0003 86dd" : "8100 0003 0800");
    frame_wrap_hex(&b->frame, "020000000000 020000000001");
}

static void assert_hop(const struct bench *b, const struct tunnel_case *c, unsigned outer_version)
{
    size_t count;
    const struct hop *hop = decoder_hops(b->decoder, &count);
    assert_int_equal(count, 1);
    assert_address(&hop->source, outer_version == 6 ? "fd00:9::1" : "10.9.0.1");
    assert_address(&hop->destination, outer_version == 6 ? "fd00:9::2" : "10.9.0.2");
    if (hop->kind != c->kind || hop->has_id != (c->id != NO_ID) ||
        (hop->has_id && hop->id != c->id))
        fail_msg("%s: kind %u, id %u", c->name, hop->kind, hop->id);
}

static void every_tunnel_gives_the_inner_datagram(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(tunnel_cases) / sizeof(tunnel_cases[0]); i++) {
        const struct tunnel_case *c = &tunnel_cases[i];
        for (unsigned version = 4; version <= 6; version += 2) {
            tunnel_build(b, c, version);
            if (decode_whole(b, DLT_EN10MB) != DECODED_DATAGRAM || b->out.protocol != PROTOCOL_TCP)
                fail_msg("%s", c->name);
            assert_known_segment(b, c->carried == V6 ? 6 : 4);
            assert_int_equal(b->out.vlan, 3);
            assert_hop(b, c, version);
            assert_cuts_are_safe(b, DLT_EN10MB);
        }
    }
}

static void a_tunnel_cut_by_the_snap_length_tells_the_inner_length(void **state)
{
    struct bench *b = *state;
    tunnel_build(b,
                 &(struct tunnel_case){.protocol = PROTOCOL_UDP,
                                       .port = 4789,
                                       .carried = FRAME,
                                       .header = "08000000 00006400"},
                 4);
    assert_int_equal(decode_cut(b, DLT_EN10MB, b->frame.len - 3), DECODED_DATAGRAM);
    assert_address(&b->out.source, "10.1.0.1");
    assert_int_equal(b->out.payload_len, SEGMENT_LEN);
    assert_int_equal(b->out.payload.len, SEGMENT_LEN - 3);
    put16(b->frame.data + b->frame.len - SEGMENT_LEN - 18, 0); /* its length, as offload shows it */
    assert_int_equal(decode_cut(b, DLT_EN10MB, b->frame.len - 3), DECODED_DATAGRAM);
    assert_int_equal(b->out.payload_len, SEGMENT_LEN);
    assert_int_equal(b->out.payload.len, SEGMENT_LEN - 3);
}

static const struct no_tunnel_case {
    const char *name;
    uint8_t protocol;
    uint16_t port;
    const char *payload;
} no_tunnel_cases[] = {
    {"DNS", PROTOCOL_UDP, 53, "0001 0100 0001"},
    {"VXLAN without its flag", PROTOCOL_UDP, 4789,
     "00000000 00006400 020000000000 020000000001 0800 45000014 00000000 40060000 0a000001 "
     "0a000002"},
    {"VXLAN with ARP", PROTOCOL_UDP, 4789, "08000000 00006400 020000000000 020000000001 0806 0001"},
    {"GTP-U echo", PROTOCOL_UDP, 2152, "3201 0004 00000000 00010000"},
    {"GTP-U, an extension of no length", PROTOCOL_UDP, 2152,
     "34ff 0008 00000001 00000085 00000000"},
    {"GTP prime", PROTOCOL_UDP, 2152,
     "20ff 0014 00000001 45000014 00000000 40060000 0a000001 0a000002"},
    {"GENEVE of another version", PROTOCOL_UDP, 6081,
     "4000 0800 00006400 45000014 00000000 40060000 0a000001 0a000002"},
    {"an empty datagram", PROTOCOL_UDP, 4789, ""},
    {"GRE keep-alive", 47, 0, "0000 0000"},
    {"GRE of another version", 47, 0, "0002 0800 45000014 00000000 40060000 0a000001 0a000002"},
    {"EtherIP of another version", 97, 0, "4000"},
    {"ICMP", 1, 0, "0800 0000"},
};

static void what_is_no_tunnel_stays_the_outer_datagram(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(no_tunnel_cases) / sizeof(no_tunnel_cases[0]); i++) {
        const struct no_tunnel_case *c = &no_tunnel_cases[i];
        frame_payload(&b->frame, "", 0);
        frame_wrap_hex(&b->frame, c->payload);
        if (c->port != UDP_PORT_NONE)
            frame_wrap_udp(&b->frame, 50000, c->port);
        size_t len = b->frame.len;
        frame_wrap_ipv4(&b->frame, c->protocol, NET);
        frame_wrap_ethernet(&b->frame, 0x0800);
        if (decode_whole(b, DLT_EN10MB) != DECODED_DATAGRAM || b->out.protocol != c->protocol)
            fail_msg("%s", c->name);
        assert_address(&b->out.source, "10.1.0.1");
        assert_int_equal(b->out.payload_len, len);
        size_t count;
        assert_null(decoder_hops(b->decoder, &count));
        assert_cuts_are_safe(b, DLT_EN10MB);
    }
}

static void the_depth_of_tunnels_is_bounded(void **state)
{
    struct bench *b = *state;
    for (unsigned depth = 1; depth <= 12; depth++) {
        datagram_build(b, 4, NET);
        for (unsigned i = 0; i < depth; i++)
            frame_wrap_ipv4(&b->frame, 4, OUTER_NET);
        assert_int_equal(decode_whole(b, DLT_RAW), DECODED_DATAGRAM);
        assert_int_equal(b->out.protocol, depth <= 8 ? PROTOCOL_TCP : 4);
        size_t count;
        (void)decoder_hops(b->decoder, &count);
        assert_int_equal(count, depth <= 8 ? depth : 8);
    }
}

static void ethernet_padding_is_no_payload(void **state)
{
    struct bench *b = *state;
    for (unsigned version = 4; version <= 6; version += 2) {
        datagram_build(b, version, NET);
        frame_append_hex(&b->frame, "0000000000 deadbeef");
        frame_wrap_ethernet(&b->frame, version == 6 ? 0x86dd : 0x0800);
        assert_int_equal(decode_whole(b, DLT_EN10MB), DECODED_DATAGRAM);
        assert_known_segment(b, version);
    }
}

static void a_length_of_zero_is_the_rest_of_the_frame(void **state)
{
    struct bench *b = *state;
    for (unsigned version = 4; version <= 6; version += 2) {
        datagram_build(b, version, NET);
        put16(b->frame.data + (version == 6 ? 4 : 2), 0);
        assert_int_equal(decode_whole(b, DLT_RAW), DECODED_DATAGRAM);
        assert_known_segment(b, version);
        assert_int_equal(decode_cut(b, DLT_RAW, b->frame.len - 2), DECODED_DATAGRAM);
        assert_int_equal(b->out.payload_len, SEGMENT_LEN);
        assert_int_equal(b->out.payload.len, SEGMENT_LEN - 2);
    }
}

static void the_snap_length_shortens_the_view_and_not_the_length(void **state)
{
    struct bench *b = *state;
    for (unsigned version = 4; version <= 6; version += 2) {
        datagram_build(b, version, NET);
        assert_int_equal(decode_cut(b, DLT_RAW, b->frame.len - 5), DECODED_DATAGRAM);
        assert_int_equal(b->out.payload_len, SEGMENT_LEN);
        assert_int_equal(b->out.payload.len, SEGMENT_LEN - 5);
        assert_int_equal(decode_cut(b, DLT_RAW, b->frame.len - SEGMENT_LEN), DECODED_DATAGRAM);
        assert_int_equal(b->out.payload_len, SEGMENT_LEN);
        assert_int_equal(b->out.payload.len, 0);
    }
}

static void frames_over_the_mtu_are_fine(void **state)
{
    struct bench *b = *state;
    static const uint8_t zeros[65000];
    frame_payload(&b->frame, zeros, sizeof(zeros));
    frame_wrap_tcp(&b->frame, (struct tcp_of){.source = 40000, .destination = 5432});
    frame_wrap_ipv4(&b->frame, PROTOCOL_TCP, NET);
    assert_int_equal(decode_whole(b, DLT_RAW), DECODED_DATAGRAM);
    assert_int_equal(b->out.payload.len, 65020);
}

static void ipv4_options_are_taken_off(void **state)
{
    struct bench *b = *state;
    segment_build(b);
    frame_wrap_hex(&b->frame, "4600 0031 0007 0000 4006 0000 0a010001 0a010002 94040000");
    assert_int_equal(decode_whole(b, DLT_RAW), DECODED_DATAGRAM);
    assert_int_equal(b->out.payload_len, SEGMENT_LEN);
    assert_memory_equal(b->out.payload.data + 20, "hello", 5);
}

static const struct extension_case {
    const char *name;
    uint8_t first;
    const char *headers;
} extension_cases[] = {
    {"hop by hop", 0, "0600 050200000100"},
    {"routing", 43, "0602 0401 00000000 fd000000000000000000000000000009"},
    {"options", 60, "0600 010400000000"},
    {"authentication", 51, "0604 0000 00000001 00000001 000000000000000000000000"},
    {"all of them", 0,
     "3c00 010400000000 2b00 010400000000 3300 010400000000 "
     "0604 0000 00000001 00000001 000000000000000000000000"},
    {"a fragment that is the whole", 44, "0600 0000 00000007"},
    {"options after it", 44, "3c00 0000 00000007 0600 010400000000"},
};

static void ipv6_extension_headers_are_taken_off(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(extension_cases) / sizeof(extension_cases[0]); i++) {
        const struct extension_case *c = &extension_cases[i];
        segment_build(b);
        frame_wrap_hex(&b->frame, c->headers);
        frame_wrap_ipv6(&b->frame, c->first, NET);
        if (decode_whole(b, DLT_RAW) != DECODED_DATAGRAM || b->out.protocol != PROTOCOL_TCP)
            fail_msg("%s", c->name);
        assert_int_equal(b->out.payload_len, SEGMENT_LEN);
        assert_int_equal(b->out.payload.len, SEGMENT_LEN);
        assert_memory_equal(b->out.payload.data + 20, "hello", 5);
        assert_cuts_are_safe(b, DLT_RAW);
    }
}

static void ipv4_authentication_is_taken_off(void **state)
{
    struct bench *b = *state;
    segment_build(b);
    frame_wrap_hex(&b->frame, "0604 0000 00000001 00000001 000000000000000000000000");
    frame_wrap_ipv4(&b->frame, 51, NET);
    assert_int_equal(decode_whole(b, DLT_RAW), DECODED_DATAGRAM);
    assert_int_equal(b->out.protocol, PROTOCOL_TCP);
    assert_int_equal(b->out.payload_len, SEGMENT_LEN);
}

static void extension_headers_without_end_are_given_up(void **state)
{
    struct bench *b = *state;
    segment_build(b);
    frame_wrap_hex(&b->frame, "0600 010400000000");
    for (unsigned i = 0; i < 40; i++)
        frame_wrap_hex(&b->frame, "3c00 010400000000");
    frame_wrap_ipv6(&b->frame, 60, NET);
    assert_int_equal(decode_whole(b, DLT_RAW), DECODED_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_link_layer_decodes),
        cmocka_unit_test(what_is_no_ip_is_told_apart_from_what_is_broken),
        cmocka_unit_test(tags_without_end_are_given_up),
        cmocka_unit_test(every_tunnel_gives_the_inner_datagram),
        cmocka_unit_test(a_tunnel_cut_by_the_snap_length_tells_the_inner_length),
        cmocka_unit_test(what_is_no_tunnel_stays_the_outer_datagram),
        cmocka_unit_test(the_depth_of_tunnels_is_bounded),
        cmocka_unit_test(ethernet_padding_is_no_payload),
        cmocka_unit_test(a_length_of_zero_is_the_rest_of_the_frame),
        cmocka_unit_test(the_snap_length_shortens_the_view_and_not_the_length),
        cmocka_unit_test(frames_over_the_mtu_are_fine),
        cmocka_unit_test(ipv4_options_are_taken_off),
        cmocka_unit_test(ipv6_extension_headers_are_taken_off),
        cmocka_unit_test(ipv4_authentication_is_taken_off),
        cmocka_unit_test(extension_headers_without_end_are_given_up),
    };
    return cmocka_run_group_tests(tests, bench_open, bench_close);
}
