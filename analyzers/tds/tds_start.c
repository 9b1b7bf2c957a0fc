/*
 * Where a message of TDS starts.  A packet's header says little (a kind, a length, zeros), so what
 * is behind it is looked at; of a packet in the middle of a message only the header can tell,
 * together with what is known of the connection.
 */
#include "analyzers/tds/tds_state.h"

enum {
    OPTION_LEN = 5, /* bytes of a PRELOGIN option */
    VERSION_LEN = 6,
    LOGIN_MIN = 86,
    HEADERS_LEN = 22,
    TEXT_MIN = 4, /* letters that look like a text */
    TEXT_CHECKED = 12,
    PROCS_MAX = 15,
    NAME_MAX = 128,
    CHANGES_MAX = 21,
    DONE_STATUS = 0x01f7,
    DONE_LEN = 13,
    DONE_OLD_LEN = 9,
    TOLD_COLUMNS_MAX = 4096,
    HELLO_MAX = 2048, /* bytes of a TLS client's first record that are looked through */
};

static enum start sure_if(bool is_so)
{
    return is_so ? START_SURE : START_NO;
}

/* Letters, most of which are ASCII. */
static enum start text_start(struct cursor in)
{
    size_t letters = 0;
    while (letters < TEXT_CHECKED && cursor_left(&in) >= 2) {
        uint16_t letter = cursor_le16(&in);
        if (letter > 0x7e || (letter < ' ' && letter != '\t' && letter != '\r' && letter != '\n'))
            break;
        letters++;
    }
    if (letters >= TEXT_MIN)
        return START_SURE;
    return letters > 0 && cursor_left(&in) < 2 ? START_LIKELY : START_NO;
}

static bool has_headers(struct cursor in)
{
    uint32_t all_len = cursor_le32(&in), len = cursor_le32(&in);
    uint16_t kind = cursor_le16(&in);
    return !cursor_is_short(&in) && all_len >= HEADERS_LEN && all_len < 4096 && len > 6 &&
           len <= all_len - 4 && kind >= 1 && kind <= 3;
}

static enum start call_start(struct cursor in)
{
    uint16_t len = cursor_le16(&in);
    if (len == UINT16_MAX) {
        uint16_t number = cursor_le16(&in), options = cursor_le16(&in);
        return sure_if(!cursor_is_short(&in) && number >= 1 && number <= PROCS_MAX && options < 8);
    }
    return len > 0 && len <= NAME_MAX ? text_start(in) : START_NO;
}

/* PRELOGIN, of either side: the first option is the version, behind all options. */
static enum start prelogin_start(struct cursor in)
{
    uint8_t option = cursor_u8(&in);
    uint16_t at = cursor_be16(&in), len = cursor_be16(&in);
    if (option == 0x16 || option == 0x14 || option == 0x15 || option == 0x17)
        return START_SURE; /* a record of TLS */
    return sure_if(!cursor_is_short(&in) && option == 0 && len == VERSION_LEN &&
                   at % OPTION_LEN == 1 && at > OPTION_LEN && at < 16 * OPTION_LEN);
}

static enum start login_start(const struct tds_header *h, struct cursor in)
{
    uint32_t len = cursor_le32(&in), version = cursor_le32(&in);
    uint8_t major = (uint8_t)(version >> 24);
    bool is_version = (major >= 0x70 && major <= 0x74) || version == 0x08000000;
    bool is_whole = h->status & TDS_LAST;
    return sure_if(!cursor_is_short(&in) && is_version && len >= LOGIN_MIN &&
                   (is_whole ? len == h->len : len > h->len));
}

static enum start client_begins(const struct tds_header *h, struct cursor in)
{
    switch (h->type) {
    case TDS_BATCH:
        return has_headers(in) ? START_SURE : text_start(in);
    case TDS_RPC:
        return has_headers(in) ? START_SURE : call_start(in);
    case TDS_TRANSACTION:
        return sure_if(has_headers(in));
    case TDS_PRELOGIN:
        return prelogin_start(in);
    case TDS_LOGIN:
        return login_start(h, in);
    case TDS_ATTENTION:
        return h->len == 0 && h->status & TDS_LAST ? START_LIKELY : START_NO;
    case TDS_BULK:
        return cursor_u8(&in) == 0x81 ? START_LIKELY : START_NO;
    case TDS_SSPI:
    case TDS_FEDAUTH:
        return START_LIKELY;
    default:
        return START_NO;
    }
}

/* DONE and its kin, alone: they fill the reply. */
static enum start done_start(const struct tds_header *h, struct cursor in)
{
    uint8_t token = cursor_u8(&in);
    uint16_t status = cursor_le16(&in), command = cursor_le16(&in);
    if (token < 0xfd || status & ~DONE_STATUS || command > 0x400 || cursor_is_short(&in))
        return START_NO;
    bool is_all = h->len % DONE_LEN == 0 || h->len % DONE_OLD_LEN == 0;
    return is_all ? START_SURE : START_LIKELY;
}

/* A reply by its first token. */
static enum start server_begins(const struct tds_header *h, struct cursor in)
{
    struct cursor peek = in;
    uint8_t token = cursor_u8(&peek);
    uint16_t len = cursor_le16(&peek);
    uint8_t next = cursor_u8(&peek);
    if (h->type == TDS_PRELOGIN || token == 0x00)
        return prelogin_start(in);
    switch (token) {
    case 0xe3: /* a change of the environment */
        return sure_if(len > 0 && len + 3U <= h->len && next >= 1 && next <= CHANGES_MAX);
    case 0xaa: /* errors and words */
    case 0xab:
        return len > 16 && len + 3U <= h->len ? START_SURE : START_NO;
    case 0xad: /* the login is agreed to */
    case 0xed: /* more of its proof is asked for */
        return len > 10 && len + 3U <= h->len ? START_SURE : START_NO;
    case 0xee:
    case 0xae:
        return START_LIKELY;
    case 0x81: /* columns */
        return len <= TOLD_COLUMNS_MAX || len == UINT16_MAX ? START_SURE : START_NO;
    case 0xfd:
    case 0xfe:
    case 0xff:
        return done_start(h, in);
    case 0x79:
    case 0xac:
        return START_LIKELY;
    default:
        return START_NO;
    }
}

enum start tds_begins(enum side side, const struct tds_header *h, struct cursor payload)
{
    if (side == SIDE_CLIENT)
        return client_begins(h, payload);
    return server_begins(h, payload);
}

/* Whether a header looks as the one before did, in what is the same in all of a connection. */
static bool is_usual(const struct exchange *x, enum side side, const struct tds_header *h)
{
    const struct tds *s = x ? x->state : NULL;
    bool is_known = s && s->frame[side].is_known && s->frame[side].channel == h->channel;
    return is_known && h->number <= 1 && (h->status & ~TDS_LAST) == 0;
}

/* A packet in the middle of a message, or of one of which nothing is known, by what packets before
 * it were like. */
static enum start packet_start(const struct exchange *x, enum side side, const struct tds_header *h)
{
    const struct tds *s = x ? x->state : NULL;
    const struct tds_frame *f = s ? &s->frame[side] : NULL;
    bool is_last = h->status & TDS_LAST;
    if (!f || !f->is_known)
        return is_last ? START_NO : START_LIKELY;
    const struct tds_half *half = &s->sessions[f->session].half[side];
    uint32_t len = (uint32_t)h->header_len + h->len;
    bool is_size = f->size > 0 && (is_last ? len <= f->size : len == f->size);
    if (!is_size || h->channel != f->channel || h->type != half->type)
        return START_NO;
    return START_SURE;
}

/* TDS 8.0 begins with TLS, whose first record names the protocol. */
static enum start record_start(enum side side, struct cursor in, uint64_t *message_len)
{
    uint8_t type;
    uint32_t len;
    struct cursor peek = in;
    if (!tds_record_read(&peek, &type, &len))
        return START_NO;
    if (cursor_is_short(&peek))
        return START_SHORT;
    *message_len = (uint64_t)TDS_RECORD_LEN + len;
    struct bytes body = bytes_first(bytes_first(cursor_rest(&peek), len), HELLO_MAX);
    bool is_hello = type == 0x16 && side == SIDE_CLIENT;
    return is_hello && bytes_find(body, bytes_of("tds/8.0")) < body.len ? START_SURE : START_LIKELY;
}

enum start tds_starts_here(const struct exchange *x, enum side side, struct cursor in,
                           uint64_t *message_len)
{
    const struct tds *s = x ? x->state : NULL;
    struct tds_header h;
    struct cursor peek = in;
    *message_len = 0;
    if (s && s->frame[side].is_placed)
        return START_SURE;
    bool is_header = tds_header_read(&peek, &h);
    if (is_header && cursor_is_short(&peek))
        return START_SHORT;
    if (!is_header)
        return record_start(side, in, message_len);
    if (h.is_control) {
        *message_len = TDS_SMP_LEN;
        return START_LIKELY;
    }
    if (side == SIDE_CLIENT ? h.type == TDS_REPLY : h.type != TDS_REPLY && h.type != TDS_PRELOGIN)
        return START_NO;
    *message_len = (uint64_t)h.header_len + h.len;
    size_t look_len = h.len < HEADERS_LEN ? h.len : HEADERS_LEN;
    if (cursor_left(&peek) < look_len)
        return START_SHORT;
    enum start start = tds_begins(side, &h, peek);
    if (start == START_SURE || h.is_mars || (start == START_LIKELY && is_usual(x, side, &h)))
        return START_SURE;
    enum start middle = packet_start(x, side, &h);
    return middle > start ? middle : start;
}
