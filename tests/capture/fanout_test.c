/*
 * The walk of the program over frames, by libpcap's machine, which runs what the kernel runs but
 * for the questions at the beginning: those are put by hand here.
 */
#include "tests/cmocka.h"

#include "capture/fanout.h"
#include "tests/capture/packets.h"

#include <pcap/pcap.h>

enum { NET = 1, OUTER_NET = 9, SOCKETS_MAX = 8, CLIENTS = 1000 };

/* The program as if the kernel had said: the frame is Ethernet, and begins at its first byte. */
struct bench {
    struct fanout_program program;
    struct bpf_insn code[FANOUT_CODE_MAX];
    struct frame frame;
};

static int bench_open(void **state)
{
    static const struct sock_filter answers[] = {
        BPF_STMT(BPF_LD | BPF_IMM, 0),   BPF_STMT(BPF_ST, FANOUT_SUM),
        BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_LD | BPF_IMM, 0x6558),
        BPF_STMT(BPF_ST, FANOUT_TYPE),
    };
    enum { ANSWERS = sizeof(answers) / sizeof(answers[0]) };
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    struct fanout_program *p = &b->program;
    fanout_write(p);
    assert_true(ANSWERS <= p->walk);
    memcpy(&p->code[p->walk - ANSWERS], answers, sizeof(answers));
    for (size_t i = p->walk - ANSWERS; i < p->len; i++) {
        const struct sock_filter *from = &p->code[i];
        b->code[i - (p->walk - ANSWERS)] =
            (struct bpf_insn){from->code, from->jt, from->jf, from->k};
    }
    *state = b;
    return 0;
}

static int bench_close(void **state)
{
    free(*state);
    return 0;
}

static unsigned run_cut(const struct bench *b, size_t captured)
{
    uint8_t *copy = bytes_copy(b->frame.data, captured);
    unsigned result = bpf_filter(b->code, copy, (unsigned)b->frame.len, (unsigned)captured);
    free(copy);
    return result;
}

static unsigned run(const struct bench *b)
{
    return run_cut(b, b->frame.len);
}

enum way { THERE, BACK };

/* Exchanges the addresses of the IP header that was wrapped last. */
static void turn(struct frame *f)
{
    bool is_4 = f->data[0] >> 4 == 4;
    size_t at = is_4 ? 12 : 8, len = is_4 ? 4 : 16;
    uint8_t one[16];
    memcpy(one, f->data + at, len);
    memcpy(f->data + at, f->data + at + len, len);
    memcpy(f->data + at + len, one, len);
}

static void ip_wrap(struct frame *f, unsigned version, uint8_t protocol, uint8_t net, enum way way)
{
    if (version == 6)
        frame_wrap_ipv6(f, protocol, net);
    else
        frame_wrap_ipv4(f, protocol, net);
    if (way == BACK)
        turn(f);
}

static void inner_build(struct frame *f, unsigned version, enum way way)
{
    struct tcp_of there = {.source = 40000, .destination = 5432},
                  back = {.source = 5432, .destination = 40000};
    frame_payload(f, "hello", 5);
    frame_wrap_tcp(f, way == THERE ? there : back);
    ip_wrap(f, version, 6, NET, way);
}

static uint16_t type_of(unsigned version)
{
    return version == 6 ? 0x86dd : 0x0800;
}

/* What a frame without tags and tunnels gives. */
static unsigned bare(struct bench *b, unsigned version)
{
    inner_build(&b->frame, version, THERE);
    frame_wrap_ethernet(&b->frame, type_of(version));
    return run(b);
}

#define MACS "020000000000 020000000001 "

/* What stands between Ethernet's addresses and the datagram. */
static const struct tag_case {
    const char *name;
    unsigned version;
    const char *tags;
} tag_cases[] = {
    {"none", 4, "0800"},
    {"none, IPv6", 6, "86dd"},
    {"VLAN", 4, "8100 0005 0800"},
    {"QinQ", 6, "88a8 0064 8100 0005 86dd"},
    {"old QinQ", 4, "9100 0064 8100 0005 0800"},
    {"MPLS", 4, "8847 00010040 00010140"},
    {"MPLS, IPv6", 6, "8848 00010140"},
    {"pseudowire", 4, "8847 00010140 00000000 " MACS "0800"},
    {"pseudowire without control word", 4, "8847 00010140 f20000000000 020000000001 0800"},
    {"PPPoE", 4, "8864 1100 0001 002f 0021"},
    {"PPPoE in QinQ", 6, "88a8 0002 8100 0003 8864 1100 0001 002f 0057"},
};

static void tags_change_nothing(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(tag_cases) / sizeof(tag_cases[0]); i++) {
        const struct tag_case *c = &tag_cases[i];
        unsigned want = bare(b, c->version);
        assert_int_not_equal(want, 0);
        for (enum way way = THERE; way <= BACK; way++) {
            inner_build(&b->frame, c->version, way);
            frame_wrap_hex(&b->frame, c->tags);
            frame_wrap_hex(&b->frame, MACS);
            if (run(b) != want)
                fail_msg("%s, %s", c->name, way == THERE ? "there" : "back");
        }
    }
}

/* What stands behind the outer IP header, and behind UDP's where there is a port. */
static const struct tunnel_case {
    const char *name;
    uint8_t protocol;
    uint16_t port;
    unsigned version;
    const char *header;
} tunnel_cases[] = {
    {"IP in IP", 4, 0, 4, ""},
    {"6in4", 41, 0, 6, ""},
    {"IPv6 options before the tunnel", 60, 0, 4, "04 00 010400000000"},
    {"GRE", 47, 0, 4, "0000 0800"},
    {"GRE, IPv6, all options", 47, 0, 6, "b000 86dd 00000000 00000001 00000002"},
    {"GRE, Ethernet", 47, 0, 4, "0000 6558 " MACS "0800"},
    {"NVGRE", 47, 0, 4, "2000 6558 00010100 " MACS "0800"},
    {"GRE, MPLS", 47, 0, 4, "0000 8847 00010140"},
    {"GRE, VLAN inside", 47, 0, 4, "0000 6558 " MACS "8100 0007 0800"},
    {"ERSPAN I", 47, 0, 4, "0000 88be " MACS "0800"},
    {"ERSPAN II", 47, 0, 4, "1000 88be 00000001 1001000a 00000000 " MACS "0800"},
    {"ERSPAN III", 47, 0, 4,
     "1000 22eb 00000001 2001000a 00000000 00000000 " MACS "8100 0007 0800"},
    {"ERSPAN III, subheader", 47, 0, 4,
     "1000 22eb 00000001 2001000a 00000000 00000001 0000000000000000 " MACS "0800"},
    {"ERSPAN III, IP", 47, 0, 6, "1000 22eb 00000001 2001000a 00000000 00000800"},
    {"EtherIP", 97, 0, 4, "3000 " MACS "0800"},
    {"MPLS in IP", 137, 0, 4, "00010140"},
    {"MPLS in UDP", 17, 6635, 4, "00010140"},
    {"GRE in UDP", 17, 4754, 4, "0000 0800"},
    {"VXLAN", 17, 4789, 4, "08000000 00006400 " MACS "0800"},
    {"VXLAN on Linux's old port, VLAN inside", 17, 8472, 6,
     "08000000 00006400 " MACS "88a8 0001 8100 0005 86dd"},
    {"VXLAN-GPE, IPv4", 17, 4790, 4, "0c000001 00006400"},
    {"VXLAN-GPE, IPv6", 17, 4790, 6, "0c000002 00006400"},
    {"VXLAN-GPE, Ethernet", 17, 4790, 4, "0c000003 00006400 " MACS "0800"},
    {"GENEVE", 17, 6081, 4, "0000 6558 00006400 " MACS "0800"},
    {"GENEVE, options", 17, 6081, 4, "0200 0800 00006400 0102800100000000"},
    {"GTP-U", 17, 2152, 4, "30ff 002d 00000001"},
    {"GTP-U, sequence", 17, 2152, 6, "32ff 0031 00000001 00010000"},
    {"GTP-U, no extension after all", 17, 2152, 4, "34ff 0031 00000001 00000000"},
    {"GTP-U, extensions", 17, 2152, 4, "34ff 0039 00000001 00000085 01100085 0200000000000000"},
};

/* The two ways of a tunnel differ in UDP's first port, as a hash of the inner flow would have it.
 */
static void tunnel_build(struct bench *b, const struct tunnel_case *c, unsigned outer, enum way way)
{
    inner_build(&b->frame, c->version, way);
    frame_wrap_hex(&b->frame, c->header);
    if (c->port != 0)
        frame_wrap_udp(&b->frame, way == THERE ? 50000 : 61234, c->port);
    ip_wrap(&b->frame, outer, c->protocol, OUTER_NET, way);
    frame_wrap_ethernet(&b->frame, type_of(outer));
}

static void the_innermost_addresses_decide_through_every_tunnel(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(tunnel_cases) / sizeof(tunnel_cases[0]); i++) {
        const struct tunnel_case *c = &tunnel_cases[i];
        unsigned want = bare(b, c->version);
        for (unsigned n = 0; n < 4; n++) {
            tunnel_build(b, c, n & 2 ? 6 : 4, n & 1 ? BACK : THERE);
            if (run(b) != want)
                fail_msg("%s over IPv%u, %s", c->name, n & 2 ? 6 : 4, n & 1 ? "back" : "there");
        }
    }
}

static void a_tunnel_in_a_tunnel_is_walked_through(void **state)
{
    struct bench *b = *state;
    unsigned want = bare(b, 4);
    inner_build(&b->frame, 4, BACK);
    frame_wrap_hex(&b->frame, "08000000 00006400 " MACS "8100 0007 0800");
    frame_wrap_udp(&b->frame, 50000, 4789);
    frame_wrap_ipv4(&b->frame, 17, OUTER_NET);
    frame_wrap_hex(&b->frame, "1000 88be 00000001 1001000a 00000000 " MACS "0800");
    frame_wrap_ipv4(&b->frame, 47, OUTER_NET + 1);
    frame_wrap_ethernet(&b->frame, 0x0800);
    assert_int_equal(run(b), want);
}

static void a_tunnel_that_is_not_known_goes_by_its_ends(void **state)
{
    static const struct tunnel_case cases[] = {
        {"ESP", 50, 0, 4, "00000001 00000001"},
        {"GRE version 1", 47, 0, 4, "3081 880b 00000000 00000001 00000002 ff03 0021"},
        {"UDP of another port", 17, 4788, 4, "08000000 00006400"},
        {"VXLAN without its flag", 17, 4789, 4, "00000000 00006400"},
        {"GENEVE of another version", 17, 6081, 4, "4000 6558 00006400"},
        {"GTP-U's echo", 17, 2152, 4, "3001 0000 00000000"},
    };
    struct bench *b = *state;
    frame_payload(&b->frame, "hello", 5);
    frame_wrap_ipv4(&b->frame, 50, OUTER_NET);
    frame_wrap_ethernet(&b->frame, 0x0800);
    unsigned want = run(b);
    assert_int_not_equal(want, bare(b, 4));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (enum way way = THERE; way <= BACK; way++) {
            tunnel_build(b, &cases[i], 4, way);
            if (run(b) != want)
                fail_msg("%s, %s", cases[i].name, way == THERE ? "there" : "back");
        }
    }
}

static void fragments_go_with_their_connection(void **state)
{
    struct bench *b = *state;
    unsigned want = bare(b, 4);
    for (unsigned n = 0; n < 2; n++) {
        frame_payload(&b->frame, "part of a segment, its ports or not", 32);
        frame_wrap_ipv4_part(&b->frame, 6, NET, 77, n == 0 ? 0x2000 : 0x0004);
        frame_wrap_hex(&b->frame, "88a8 0064 8100 0005 0800");
        frame_wrap_hex(&b->frame, MACS);
        assert_int_equal(run(b), want);
    }
    want = bare(b, 6);
    for (unsigned n = 0; n < 2; n++) {
        frame_payload(&b->frame, "part of a segment, its ports or not", 32);
        frame_wrap_hex(&b->frame, n == 0 ? "0600 0001 00000007" : "0600 0020 00000007");
        frame_wrap_ipv6(&b->frame, 44, NET);
        frame_wrap_ethernet(&b->frame, 0x86dd);
        assert_int_equal(run(b), want);
    }
}

static void a_frame_may_end_anywhere(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < sizeof(tunnel_cases) / sizeof(tunnel_cases[0]); i++) {
        tunnel_build(b, &tunnel_cases[i], 4, THERE);
        for (size_t cut = 0; cut < b->frame.len; cut++)
            (void)run_cut(b, cut);
    }
    frame_payload(&b->frame, "", 0);
    for (unsigned i = 0; i < 1000; i++)
        frame_wrap_hex(&b->frame, "8100 0005");
    frame_wrap_hex(&b->frame, MACS);
    assert_int_equal(run(b), 0);
    frame_payload(&b->frame, "\x01\x00", 2);
    frame_wrap_ethernet(&b->frame, 0x0806);
    assert_int_equal(run(b), 0);
}

/* Every socket gets a fair part of the clients, be they neighbours or 256 addresses apart. */
static void clients_of_one_server_spread_evenly(void **state)
{
    static const unsigned strides[] = {1, 2, 4, 16, 256};
    struct bench *b = *state;
    for (size_t s = 0; s < sizeof(strides) / sizeof(strides[0]); s++) {
        for (unsigned sockets = 2; sockets <= SOCKETS_MAX; sockets++) {
            unsigned counts[SOCKETS_MAX] = {0};
            for (uint32_t i = 0; i < CLIENTS; i++) {
                inner_build(&b->frame, 4, THERE);
                put32(b->frame.data + 12, 0x0a010203 + i * strides[s]);
                frame_wrap_ethernet(&b->frame, 0x0800);
                counts[run(b) % sockets]++;
            }
            for (unsigned i = 0; i < sockets; i++) {
                if (counts[i] * sockets < CLIENTS * 3 / 4 || counts[i] * sockets > CLIENTS * 5 / 4)
                    fail_msg("addresses %u apart: %u of %u on one of %u", strides[s], counts[i],
                             (unsigned)CLIENTS, sockets);
            }
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tags_change_nothing),
        TEST(the_innermost_addresses_decide_through_every_tunnel),
        TEST(a_tunnel_in_a_tunnel_is_walked_through),
        TEST(a_tunnel_that_is_not_known_goes_by_its_ends),
        TEST(fragments_go_with_their_connection),
        TEST(a_frame_may_end_anywhere),
        TEST(clients_of_one_server_spread_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
