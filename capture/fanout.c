/*
 * One piece of code for each header, from one table; the pieces stand behind each other once for
 * each header that a frame may have, as classic BPF cannot go back.  The shapes are those of link.c
 * and tunnel.c.  A tunnel that is not known here goes by its own two ends, a load behind the end of
 * a frame ends the program with 0.
 */
#include "capture/fanout.h"

#include <assert.h>
#include <linux/if_arp.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    STEPS_MAX = 12, /* headers of a frame */
    TYPES_MAX = 4,  /* of one piece of code */
};

#define MIX 0x9e3779b1u /* 2^32 over the golden ratio: neighbouring sums land apart */

/* Scratch memory beside FANOUT_SUM and FANOUT_TYPE. */
enum { AT = 2, FLAGS = 3 };

enum { ETHERIP = 97 }; /* an IP protocol without a name in the C library */

/* What follows a header: an EtherType or one of these, which are beyond all EtherTypes. */
enum {
    IP = 0x10000, /* of the version that its first nibble says */
    GTP_EXTENSION = 0x10001,
    PROTOCOL = 0x20000, /* and an IP protocol number */
    PORT = 0x30000,     /* and UDP's destination */
};

/* Where a jump leads; the real distance, which is less, takes its place. */
enum { NEXT = FANOUT_CODE_MAX, STOP };

/* Loads take X as the place of the header. */
#define LOAD8(at) BPF_STMT(BPF_LD | BPF_B | BPF_IND, at)
#define LOAD16(at) BPF_STMT(BPF_LD | BPF_H | BPF_IND, at)
#define LOAD32(at) BPF_STMT(BPF_LD | BPF_W | BPF_IND, at)
#define ASK(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + (what)))
#define VALUE(number) BPF_STMT(BPF_LD | BPF_IMM, number)
#define RECALL(where) BPF_STMT(BPF_LD | BPF_MEM, where)
#define STORE(where) BPF_STMT(BPF_ST, where)
#define PLUS(number) BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, number)
#define AND(number) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, number)
#define OR(number) BPF_STMT(BPF_ALU | BPF_OR | BPF_K, number)
#define LEFT(bits) BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, bits)
#define RIGHT(bits) BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, bits)
#define GO(where) BPF_STMT(BPF_JMP | BPF_JA, where)
/* They pass over so many instructions where A is that, or has one of those bits, or not. */
#define PASS_IF(number, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, count, 0)
#define PASS_UNLESS(number, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, count)
#define PASS_IF_ANY(bits, count) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, count, 0)
#define PASS_UNLESS_ANY(bits, count) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, count)
#define X_TO_A BPF_STMT(BPF_MISC | BPF_TXA, 0)
#define A_TO_X BPF_STMT(BPF_MISC | BPF_TAX, 0)
#define PLUS_X BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0)
#define STORE_X(where) BPF_STMT(BPF_STX, where)
#define RECALL_X(where) BPF_STMT(BPF_LDX | BPF_MEM, where)
/* The header is this long: three instructions. */
#define TAKE(bytes) X_TO_A, PLUS(bytes), A_TO_X
/* Two instructions. */
#define IS(type) VALUE(type), STORE(FANOUT_TYPE)
/* X is lost, and found again in M[AT]. */
#define ADD_TO_SUM(at) LOAD32(at), RECALL_X(FANOUT_SUM), PLUS_X, STORE(FANOUT_SUM), RECALL_X(AT)

/*
 * The kernel has taken the link's header off a frame that came in, with the outermost VLAN's tag;
 * one that goes out still has it.
 */
static const struct sock_filter prologue[] = {
    VALUE(0),
    STORE(FANOUT_SUM),
    A_TO_X,
    ASK(SKF_AD_PROTOCOL),
    STORE(FANOUT_TYPE),
    ASK(SKF_AD_PKTTYPE),
    PASS_UNLESS(PACKET_OUTGOING, 4),
    ASK(SKF_AD_HATYPE),
    PASS_IF(ARPHRD_ETHER, 1),
    PASS_UNLESS(ARPHRD_LOOPBACK, 1),
    BPF_STMT(BPF_LDX | BPF_IMM, 14),
};

static const struct sock_filter epilogue[] = {
    RECALL(FANOUT_SUM),
    BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, MIX),
    RIGHT(16),
    BPF_STMT(BPF_RET | BPF_A, 0),
};

static const struct sock_filter tcp[] = {
    GO(STOP),
};

/* The sum of this header's addresses takes the place of the one before. */
static const struct sock_filter ipv4[] = {
    STORE_X(AT),
    LOAD32(12),
    STORE(FANOUT_SUM),
    ADD_TO_SUM(16),
    LOAD16(6),
    PASS_UNLESS_ANY(0x3fff, 1), /* a fragment */
    GO(STOP),
    LOAD8(9),
    OR(PROTOCOL),
    STORE(FANOUT_TYPE),
    LOAD8(0),
    AND(0x0f),
    LEFT(2),
    PLUS_X,
    A_TO_X,
    GO(NEXT),
};

static const struct sock_filter ipv6[] = {
    STORE_X(AT),    LOAD32(8),      STORE(FANOUT_SUM),  ADD_TO_SUM(12), ADD_TO_SUM(16),
    ADD_TO_SUM(20), ADD_TO_SUM(24), ADD_TO_SUM(28),     ADD_TO_SUM(32), ADD_TO_SUM(36),
    LOAD8(6),       OR(PROTOCOL),   STORE(FANOUT_TYPE), TAKE(40),       GO(NEXT),
};

/* Hop-by-hop, routing and destination options; behind a fragment header nothing is looked at. */
static const struct sock_filter extension[] = {
    LOAD8(0), OR(PROTOCOL), STORE(FANOUT_TYPE), LOAD8(1), PLUS(1), LEFT(3),
    PLUS_X,   A_TO_X,       GO(NEXT),
};

static const struct sock_filter ip[] = {
    LOAD8(0),          RIGHT(4),   PASS_UNLESS(4, 3), IS(0x0800), GO(NEXT),
    PASS_UNLESS(6, 3), IS(0x86dd), GO(NEXT),          GO(STOP),
};

static const struct sock_filter ethernet[] = {
    LOAD16(12),
    STORE(FANOUT_TYPE),
    TAKE(14),
    GO(NEXT),
};

static const struct sock_filter etherip[] = {
    IS(0x6558),
    TAKE(2),
    GO(NEXT),
};

static const struct sock_filter vlan[] = {
    LOAD16(2),
    STORE(FANOUT_TYPE),
    TAKE(4),
    GO(NEXT),
};

/* One label, or the last one; behind that IP, or Ethernet with a control word or without. */
static const struct sock_filter mpls[] = {
    LOAD8(2), STORE(FLAGS), TAKE(4),    RECALL(FLAGS),     PASS_IF_ANY(1, 1), GO(NEXT),
    IS(IP),   LOAD8(0),     RIGHT(4),   PASS_UNLESS(4, 1), GO(NEXT),          PASS_UNLESS(6, 1),
    GO(NEXT), STORE(FLAGS), IS(0x6558), RECALL(FLAGS),     PASS_IF(0, 1),     GO(NEXT),
    TAKE(4),  GO(NEXT),
};

static const struct sock_filter pppoe[] = {
    LOAD16(6),          STORE(FLAGS), TAKE(8), RECALL(FLAGS), PASS_IF(0x0021, 2),
    PASS_IF(0x0057, 1), GO(STOP),     IS(IP),  GO(NEXT),
};

/* Version 0 alone; checksum, key and sequence number are four bytes each. */
static const struct sock_filter gre[] = {
    LOAD16(0),
    PASS_UNLESS_ANY(0x4007, 1),
    GO(STOP),
    STORE(FLAGS),
    LOAD16(2),
    STORE(FANOUT_TYPE),
    PASS_UNLESS(0x88be, 4), /* ERSPAN I has no sequence number, and no header */
    RECALL(FLAGS),
    PASS_IF_ANY(0x1000, 2),
    IS(0x6558),
    TAKE(4),
    RECALL(FLAGS),
    PASS_UNLESS_ANY(0x8000, 3),
    TAKE(4),
    RECALL(FLAGS),
    PASS_UNLESS_ANY(0x2000, 3),
    TAKE(4),
    RECALL(FLAGS),
    PASS_UNLESS_ANY(0x1000, 3),
    TAKE(4),
    GO(NEXT),
};

static const struct sock_filter erspan2[] = {
    IS(0x6558),
    TAKE(8),
    GO(NEXT),
};

/* With a subheader of the platform or without; frame type 2 is bare IP. */
static const struct sock_filter erspan3[] = {
    LOAD16(10), STORE(FLAGS), TAKE(12),      RECALL(FLAGS), PASS_UNLESS_ANY(1, 3),
    TAKE(8),    IS(0x6558),   RECALL(FLAGS), AND(0x7c00),   PASS_UNLESS(2 << 10, 2),
    IS(IP),     GO(NEXT),
};

static const struct sock_filter udp[] = {
    LOAD16(2), OR(PORT), STORE(FANOUT_TYPE), TAKE(8), GO(NEXT),
};

static const struct sock_filter vxlan[] = {
    LOAD8(0), PASS_IF_ANY(0x08, 1), GO(STOP), IS(0x6558), TAKE(8), GO(NEXT),
};

static const struct sock_filter vxlan_gpe[] = {
    LOAD8(0),      PASS_IF_ANY(0x04, 1), GO(STOP),          LOAD8(3),   STORE(FLAGS),
    TAKE(8),       RECALL(FLAGS),        PASS_UNLESS(3, 3), IS(0x6558), GO(NEXT),
    PASS_IF(1, 2), PASS_IF(2, 1),        GO(STOP),          IS(IP),     GO(NEXT),
};

static const struct sock_filter geneve[] = {
    LOAD16(2), STORE(FANOUT_TYPE),
    LOAD8(0),  PASS_UNLESS_ANY(0xc0, 1),
    GO(STOP),  AND(0x3f),
    LEFT(2),   PLUS(8),
    PLUS_X,    A_TO_X,
    GO(NEXT),
};

/* Version 1, G-PDU; any option makes the header four bytes longer, the last of them the type of an
 * extension. */
static const struct sock_filter gtp[] = {
    LOAD16(0),
    AND(0xf0ff),
    PASS_IF(0x30ff, 1),
    GO(STOP),
    IS(IP),
    LOAD8(0),
    STORE(FLAGS),
    TAKE(8),
    RECALL(FLAGS),
    PASS_IF_ANY(0x07, 1),
    GO(NEXT),
    PASS_UNLESS_ANY(0x04, 4),
    LOAD8(3),
    PASS_IF(0, 2),
    IS(GTP_EXTENSION),
    TAKE(4),
    GO(NEXT),
};

/* Its length in words of four bytes is first, the next one's type is last. */
static const struct sock_filter gtp_extension[] = {
    LOAD8(0),
    PASS_UNLESS(0, 1),
    GO(STOP),
    LEFT(2),
    PLUS_X,
    BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1),
    A_TO_X,
    LOAD8(0),
    PASS_UNLESS(0, 2),
    IS(IP),
    TAKE(1),
    GO(NEXT),
};

#define CODE(of) of, sizeof(of) / sizeof((of)[0])

/* In the order of how often they are met; TCP ends the walk at once. */
static const struct header {
    const struct sock_filter *code;
    size_t len;
    uint32_t types[TYPES_MAX]; /* 0: no more */
} headers[] = {
    {CODE(tcp), {PROTOCOL + IPPROTO_TCP}},
    {CODE(ipv4), {0x0800, PROTOCOL + IPPROTO_IPIP}},
    {CODE(ipv6), {0x86dd, PROTOCOL + IPPROTO_IPV6}},
    {CODE(udp), {PROTOCOL + IPPROTO_UDP}},
    {CODE(vlan), {0x8100, 0x88a8, 0x9100}},
    {CODE(ethernet), {0x6558}},
    {CODE(gre), {PROTOCOL + IPPROTO_GRE, PORT + 4754}},
    {CODE(erspan2), {0x88be}},
    {CODE(erspan3), {0x22eb}},
    {CODE(vxlan), {PORT + 4789, PORT + 8472}},
    {CODE(vxlan_gpe), {PORT + 4790}},
    {CODE(geneve), {PORT + 6081}},
    {CODE(gtp), {PORT + 2152}},
    {CODE(gtp_extension), {GTP_EXTENSION}},
    {CODE(mpls), {0x8847, 0x8848, PROTOCOL + IPPROTO_MPLS, PORT + 6635}},
    {CODE(pppoe), {0x8864}},
    {CODE(ip), {IP}},
    {CODE(etherip), {PROTOCOL + ETHERIP}},
    {CODE(extension),
     {PROTOCOL + IPPROTO_HOPOPTS, PROTOCOL + IPPROTO_ROUTING, PROTOCOL + IPPROTO_DSTOPTS}},
};

static void add(struct fanout_program *p, struct sock_filter instruction)
{
    assert(p->len < FANOUT_CODE_MAX);
    p->code[p->len++] = instruction;
}

static void add_code(struct fanout_program *p, const struct sock_filter *code, size_t len)
{
    for (size_t i = 0; i < len; i++)
        add(p, code[i]);
}

static size_t types_of(const struct header *h)
{
    size_t count = 0;
    while (count < TYPES_MAX && h->types[count] != 0)
        count++;
    return count;
}

/* The header's code, passed over where A is none of its types. */
static void add_header(struct fanout_program *p, const struct header *h)
{
    size_t count = types_of(h);
    assert(h->len <= UINT8_MAX);
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count;
        struct sock_filter is_type =
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, h->types[i], (uint8_t)(count - 1 - i),
                     is_last ? (uint8_t)h->len : 0);
        add(p, is_type);
    }
    add_code(p, h->code, h->len);
}

/* Every jump of that kind leads to the end of what there is now. */
static void land(struct fanout_program *p, size_t from, uint32_t kind)
{
    for (size_t i = from; i < p->len; i++) {
        struct sock_filter *at = &p->code[i];
        if (at->code == (BPF_JMP | BPF_JA) && at->k == kind)
            at->k = (uint32_t)(p->len - i - 1);
    }
}

void fanout_write(struct fanout_program *p)
{
    static const struct sock_filter step[] = {RECALL(FANOUT_TYPE)}, stop[] = {GO(STOP)};
    p->len = 0;
    add_code(p, CODE(prologue));
    p->walk = p->len;
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        size_t begin = p->len;
        add_code(p, CODE(step));
        for (size_t h = 0; h < sizeof(headers) / sizeof(headers[0]); h++)
            add_header(p, &headers[h]);
        add_code(p, CODE(stop));
        land(p, begin, NEXT);
    }
    land(p, p->walk, STOP);
    add_code(p, CODE(epilogue));
}

/* The kernel chooses a number that no group has. */
static bool group_begin(int fd, int *group)
{
    struct fanout_program program;
    uint32_t how =
        (uint32_t)(PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_DEFRAG | PACKET_FANOUT_FLAG_UNIQUEID)
        << 16;
    socklen_t len = sizeof(how);
    if (setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &how, sizeof(how)) != 0 ||
        getsockopt(fd, SOL_PACKET, PACKET_FANOUT, &how, &len) != 0)
        return false;
    *group = (int)(how & 0xffff);
    fanout_write(&program);
    struct sock_fprog code = {.len = (unsigned short)program.len, .filter = program.code};
    return setsockopt(fd, SOL_PACKET, PACKET_FANOUT_DATA, &code, sizeof(code)) == 0;
}

bool fanout_join(int fd, int *group)
{
    uint32_t how =
        (uint32_t)(PACKET_FANOUT_CBPF | PACKET_FANOUT_FLAG_DEFRAG) << 16 | (uint32_t)*group;
    if (*group < 0)
        return group_begin(fd, group);
    return setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &how, sizeof(how)) == 0;
}
