#include "analyzers/http2/http2_frame.h"

enum {
    PLAIN_LEN_MAX = 0xffff, /* bytes of a frame that is looked for among others */
    SETTING_LEN = 6,
    SETTINGS_LEN_MAX = 240,
    GOAWAY_LEN_MIN = 8,
    PRIORITY_UPDATE = 0x10, /* RFC 9218 */
    KNOWN_COUNT = HTTP2_CONTINUATION + 1,
    CLIENTS = 1 << SIDE_CLIENT,
    SERVERS = 1 << SIDE_SERVER,
};

/* What frames of a type are like. */
static const struct {
    uint8_t flags;
    uint8_t sides;
    bool has_stream;
    uint8_t len; /* 0: any */
} kinds[KNOWN_COUNT] = {
    [HTTP2_DATA] = {HTTP2_END_STREAM | HTTP2_PADDED, CLIENTS | SERVERS, true, 0},
    [HTTP2_HEADERS] = {HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_HAS_PRIORITY,
                       CLIENTS | SERVERS, true, 0},
    [HTTP2_PRIORITY] = {0, CLIENTS | SERVERS, true, 5},
    [HTTP2_RST_STREAM] = {0, CLIENTS | SERVERS, true, 4},
    [HTTP2_SETTINGS] = {HTTP2_ACK, CLIENTS | SERVERS, false, 0},
    [HTTP2_PUSH_PROMISE] = {HTTP2_END_HEADERS | HTTP2_PADDED, SERVERS, true, 0},
    [HTTP2_PING] = {HTTP2_ACK, CLIENTS | SERVERS, false, 8},
    [HTTP2_GOAWAY] = {0, CLIENTS | SERVERS, false, 0},
    [HTTP2_WINDOW_UPDATE] = {0, CLIENTS | SERVERS, false, 4},
    [HTTP2_CONTINUATION] = {HTTP2_END_HEADERS, CLIENTS | SERVERS, true, 0},
};

bool http2_frame_read(struct cursor *in, struct http2_frame *f)
{
    f->len = cursor_be24(in);
    f->type = cursor_u8(in);
    f->flags = cursor_u8(in);
    f->stream = cursor_be32(in) & 0x7fffffff;
    if (f->type >= KNOWN_COUNT)
        return true;
    bool is_whole = kinds[f->type].len == 0 || f->len == kinds[f->type].len;
    bool is_any = f->type == HTTP2_WINDOW_UPDATE; /* of a stream or of the connection */
    bool is_placed = is_any || (f->stream != 0) == kinds[f->type].has_stream;
    if (f->type == HTTP2_SETTINGS)
        is_whole = f->len % SETTING_LEN == 0;
    if (f->type == HTTP2_GOAWAY)
        is_whole = f->len >= GOAWAY_LEN_MIN;
    return is_whole && is_placed;
}

enum start http2_preface(struct bytes b)
{
    static const char preface[HTTP2_PREFACE_LEN + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    size_t len = b.len < HTTP2_PREFACE_LEN ? b.len : HTTP2_PREFACE_LEN;
    if (len > 0 && memcmp(b.data, preface, len) != 0)
        return START_NO;
    return len < HTTP2_PREFACE_LEN ? START_SHORT : START_SURE;
}

/* A server's settings, which it begins with. */
static bool is_settings(const struct http2_frame *f, struct cursor *in)
{
    enum { IDENTIFIER_MAX = 16 };
    unsigned identifier = cursor_be16(in);
    return f->type == HTTP2_SETTINGS && f->flags == 0 && f->len >= SETTING_LEN &&
           f->len <= SETTINGS_LEN_MAX && identifier > 0 && identifier <= IDENTIFIER_MAX;
}

/* What nobody forbids and nobody does says that these bytes are something else. */
static bool is_usual(const struct http2_frame *f, enum side side, bool is_reserved)
{
    if (f->len > PLAIN_LEN_MAX || is_reserved)
        return false;
    if (f->type == PRIORITY_UPDATE)
        return f->flags == 0 && f->stream == 0 && f->len > sizeof(f->stream);
    if (f->type >= KNOWN_COUNT || f->flags & ~kinds[f->type].flags ||
        !(kinds[f->type].sides >> side & 1))
        return false;
    if (f->type == HTTP2_SETTINGS)
        return f->flags ? f->len == 0 : f->len <= SETTINGS_LEN_MAX;
    if (f->type == HTTP2_HEADERS && side == SIDE_CLIENT)
        return f->len > 0 && f->stream % 2 == 1;
    return f->type != HTTP2_GOAWAY || f->len <= SETTINGS_LEN_MAX;
}

enum start http2_start(enum side side, struct bytes b, uint64_t *message_len)
{
    enum { RESERVED = 0x80, STREAM_AT = 5 };
    struct cursor in = cursor_over(b);
    struct http2_frame f;
    *message_len = 0;
    enum start start = side == SIDE_CLIENT ? http2_preface(b) : START_NO;
    if (start != START_NO)
        return start;
    bool is_frame = http2_frame_read(&in, &f);
    if (cursor_is_short(&in))
        return b.len == 0 || b.data[0] == 0 ? START_SHORT : START_NO;
    if (!is_frame || !is_usual(&f, side, b.data[STREAM_AT] & RESERVED))
        return START_NO;
    *message_len = HTTP2_FRAME_LEN + f.len;
    return side == SIDE_SERVER && is_settings(&f, &in) ? START_SURE : START_LIKELY;
}
