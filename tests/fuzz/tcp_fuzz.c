/*
 * Any order of TCP segments between two ends.  A byte of the payload is its sequence number, cut to
 * eight bits, so that one that is given on twice, out of order, or behind a hole that is not told
 * is seen.  Input: a byte of memory, then SEGMENT_INPUT_LEN bytes a segment.
 */
#include "capture/capture.h"
#include "core/cursor.h"

#include <pcap/dlt.h>
#include <stdlib.h>

enum {
    SEGMENT_INPUT_LEN = 8,
    SEGMENTS_MAX = 4000,
    HEADERS_LEN = 40,
    PAYLOAD_MAX = 2048,
    SERVER_PORT = 5432,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A segment as the input describes it. */
struct segment_of {
    bool from_server;
    uint8_t flags;
    uint32_t sequence, acknowledgment;
    size_t len, captured_len; /* bytes of payload */
};

/* What one end sent, and what was given on of it. */
struct stream {
    bool has_begun;
    uint8_t next; /* of the byte that is to be given */
    uint64_t given, sent;
};

struct listener {
    struct stream streams[2]; /* the client's, the server's */
    unsigned open;            /* flows */
};

static struct stream *stream_of(struct listener *l, struct flow_view *flow, unsigned direction)
{
    if (!flow->user) {
        l->open++;
        l->streams[0].has_begun = l->streams[1].has_begun = false;
    }
    if (l->open != 1)
        abort();
    flow->user = l;
    return &l->streams[flow->port[direction] == SERVER_PORT];
}

static void on_data(void *context, struct flow_view *flow, unsigned direction, struct bytes data,
                    int64_t ns)
{
    struct stream *s = stream_of(context, flow, direction);
    (void)ns;
    if (!s->has_begun)
        s->next = data.data[0];
    s->has_begun = true;
    for (size_t i = 0; i < data.len; i++) {
        if (data.data[i] != s->next++)
            abort();
    }
    s->given += data.len;
    if (data.len == 0 || s->given > s->sent)
        abort();
}

static void on_gap(void *context, struct flow_view *flow, unsigned direction, uint64_t lost,
                   int64_t ns)
{
    struct stream *s = stream_of(context, flow, direction);
    (void)ns;
    s->next = (uint8_t)(s->next + lost);
    if (lost == 0 || lost > UINT32_MAX)
        abort();
}

static void on_end(void *context, struct flow_view *flow, unsigned direction, int64_t ns)
{
    (void)ns;
    (void)stream_of(context, flow, direction);
}

static void on_named(void *context, struct flow_view *flow, const char *name)
{
    (void)context;
    (void)flow;
    (void)name;
}

static void on_close(void *context, struct flow_view *flow, int64_t ns)
{
    struct listener *l = context;
    (void)ns;
    if (flow->user != l || l->open != 1)
        abort();
    l->open--;
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

/* Raw IPv4 with TCP; returns its captured length. */
static size_t write_packet(const struct segment_of *s, uint16_t id, uint8_t *out)
{
    uint8_t *tcp = out + 20;
    memset(out, 0, HEADERS_LEN);
    out[0] = 0x45;
    put16(out + 2, (uint32_t)(HEADERS_LEN + s->len));
    put16(out + 4, id);
    out[8] = 64;
    out[9] = 6;
    put32(out + 12, s->from_server ? 0x0a000002 : 0x0a000001);
    put32(out + 16, s->from_server ? 0x0a000001 : 0x0a000002);
    put16(tcp, s->from_server ? SERVER_PORT : 40000);
    put16(tcp + 2, s->from_server ? 40000 : SERVER_PORT);
    put32(tcp + 4, s->sequence);
    put32(tcp + 8, s->acknowledgment);
    tcp[12] = 0x50;
    tcp[13] = s->flags;
    uint32_t first = s->sequence + (s->flags & 2 ? 1 : 0); /* a SYN takes a number */
    for (size_t i = 0; i < s->captured_len; i++)
        out[HEADERS_LEN + i] = (uint8_t)(first + i);
    return HEADERS_LEN + s->captured_len;
}

/* Numbers go over the end of 2^32; small steps are more likely than wide ones. */
static struct segment_of read_segment(struct cursor *in)
{
    enum { FROM_SERVER = 0x40, IS_CUT = 0x80 };
    const uint32_t begin = UINT32_MAX - 300;
    uint8_t control = cursor_u8(in);
    struct segment_of s = {.from_server = control & FROM_SERVER, .flags = control & 0x17};
    s.sequence = begin + cursor_be16(in);
    s.acknowledgment = begin + cursor_be16(in);
    uint16_t len = cursor_be16(in);
    s.len = len % PAYLOAD_MAX;
    s.captured_len = control & IS_CUT ? s.len * (len >> 11) / 32 : s.len;
    return s;
}

static void run(struct capture *c, struct listener *l, struct cursor *in)
{
    static uint8_t frame[HEADERS_LEN + PAYLOAD_MAX];
    int64_t ns = INT64_C(1000000000);
    for (unsigned n = 0; n < SEGMENTS_MAX && cursor_left(in) >= SEGMENT_INPUT_LEN; n++) {
        struct segment_of s = read_segment(in);
        uint8_t wait = cursor_u8(in);
        ns += INT64_C(1000) << wait % 32;
        l->streams[s.from_server].sent += s.captured_len;
        size_t len = write_packet(&s, (uint16_t)n, frame);
        capture_packet(c, &(struct packet){.ns = ns,
                                           .data = {frame, len},
                                           .wire_len = (uint32_t)(HEADERS_LEN + s.len),
                                           .link = DLT_RAW});
        if (capture_budget(c)->used > capture_budget(c)->bytes_max)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct capture_events events = {
        .data = on_data, .gap = on_gap, .end = on_end, .named = on_named, .close = on_close};
    struct cursor in = cursor_over((struct bytes){data, size});
    struct listener l = {0};
    struct capture_config config = {.flows_max = 4,
                                    .memory_max = (size_t)cursor_u8(&in) * 1024 + 512};
    struct capture *c = capture_open(&config, &events, &l);
    if (!c)
        return 0;
    run(c, &l, &in);
    capture_flush(c);
    if (l.open != 0 || capture_budget(c)->used != 0)
        abort();
    capture_close(c);
    return 0;
}
