/*
 * A header of four bytes is a weak sign, so each kind of packet is checked as far as it can be: a
 * number that follows, texts that fill a row to its end, zeros where the protocol has them.  A
 * short packet is sure only as the last of what is there; the others need a chain.
 */
#include "analyzers/mysql/mysql_state.h"

enum {
    GREETING_MIN = 30, /* bytes */
    GREETING_MAX = 512,
    RESPONSE_MIN = 32,
    RESPONSE_MAX = 65536,
    RESPONSE_ZEROS = 19,
    OK_MAX = 1024,     /* bytes */
    VERSION_MAX = 64,  /* bytes of the server's version */
    WALKED_MAX = 64,   /* values of a row that are checked: the work at one place is bounded */
    VERB_TEXT_MIN = 8, /* bytes of a text that begins with a verb */
    TEXT_CHECKED = 16, /* bytes of a text, likewise */
    SEARCHED_MAX =
        60000,         /* bytes; a longer packet would not be seen whole while one is looked for */
    FRAME_LEN = 11,    /* bytes that tell whether the compressed protocol is spoken */
    ERRORS_MIN = 1000, /* numbers of errors */
    ERRORS_MAX = 20000,
};

/* A place that is looked at. */
struct place_seen {
    struct mysql_header h;
    struct cursor rest;     /* behind the header */
    struct cursor body;     /* as much of it as is there */
    bool is_whole, is_last; /* it is there to its end; nothing is behind it */
};

static bool is_text(struct bytes text)
{
    text = bytes_first(text, TEXT_CHECKED);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (c == 0x7f || (c < ' ' && c != '\n' && c != '\t' && c != '\r'))
            return false;
    }
    return true;
}

/* Whether what follows has a number that may follow; true where nothing of it is there. */
static bool agrees_with_next(const struct place_seen *p, enum side side)
{
    struct cursor next = p->rest;
    cursor_skip(&next, p->h.len);
    struct mysql_header h = mysql_header(&next);
    if (cursor_is_short(&next))
        return true;
    bool is_next = h.number == (uint8_t)(p->h.number + 1);
    if (side == SIDE_CLIENT)
        return p->h.len == MYSQL_PACKET_MAX ? is_next : h.number == 0;
    return h.len > 0 && (is_next || h.number == 1);
}

static enum start sure_as_last(const struct place_seen *p)
{
    return p->is_last ? START_SURE : START_LIKELY;
}

/* --- the client */

static enum start response_start(const struct place_seen *p)
{
    struct cursor in = p->body;
    if (p->h.len < RESPONSE_MIN || p->h.len > RESPONSE_MAX)
        return START_NO;
    uint32_t capabilities = cursor_le32(&in);
    cursor_skip(&in, 4 + 1); /* longest packet, character set */
    struct bytes zeros = cursor_take(&in, RESPONSE_ZEROS);
    if (cursor_is_short(&in))
        return START_SHORT;
    for (size_t i = 0; i < zeros.len; i++) {
        if (zeros.data[i] != 0)
            return START_NO;
    }
    return capabilities & MYSQL_PROTOCOL_41 ? START_SURE : START_NO;
}

/* HandshakeResponse320: texts that end in zeros. */
static enum start old_response_start(const struct exchange *x, const struct place_seen *p)
{
    struct cursor in = p->body;
    uint16_t capabilities = cursor_le16(&in);
    cursor_skip(&in, 3);
    struct bytes user = cursor_text(&in);
    if (p->h.len > GREETING_MAX || (p->body.left >= 2 && capabilities & MYSQL_PROTOCOL_41))
        return START_NO;
    if (!p->is_whole)
        return START_SHORT;
    if (cursor_is_short(&in) || user.len == 0 || !is_text(user))
        return START_NO;
    return x ? START_SURE : START_LIKELY;
}

/* Commands of which the length is known, with their first byte. */
static const struct {
    uint8_t command;
    uint32_t min, max;
} lengths[] = {
    {0x01, 1, 1},
    {0x02, 2, 257},
    {0x04, 3, 600},
    {0x08, 1, 2},
    {0x09, 1, 1},
    {0x0a, 1, 1},
    {0x0c, 5, 5},
    {0x0d, 1, 1},
    {0x0e, 1, 1},
    {0x11, 4, 65536},
    {0x12, 11, 600},
    {0x15, 18, 2000},
    {0x17, 10, MYSQL_PACKET_MAX},
    {0x18, 7, MYSQL_PACKET_MAX},
    {0x19, 5, 5},
    {0x1a, 5, 5},
    {0x1b, 3, 3},
    {0x1c, 9, 9},
    {0x1e, 20, 65536},
    {0x1f, 1, 1},
    {0xfa, 7, MYSQL_PACKET_MAX},
};

/* Whether a text begins with a verb that statements begin with, and says more. */
static bool has_verb(struct bytes text)
{
    static const char *const verbs[] = {"select", "insert", "update", "delete", "replace", "set",
                                        "show",   "call",   "create", "alter",  "drop",    "with",
                                        "start",  "load",   "use",    "explain"};
    size_t len = 0;
    while (len < text.len && (text.data[len] | 0x20) >= 'a' && (text.data[len] | 0x20) <= 'z')
        len++;
    bool is_blank = len < text.len && bytes_index(bytes_of(" \t\r\n"), text.data[len]) < 4;
    for (size_t i = 0; is_blank && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (bytes_are_nocase(bytes_first(text, len), verbs[i]))
            return text.len >= VERB_TEXT_MIN;
    }
    return false;
}

/* A statement's text; COM_QUERY can have attributes before it.  Where nothing is known yet, its
 * first byte makes it likely, and nothing behind it less so: a message cut short is the same
 * message. */
static enum start statement_start(const struct exchange *x, const struct place_seen *p,
                                  struct cursor in, bool is_query)
{
    struct cursor peek = in;
    uint8_t attributes = cursor_u8(&peek), sets = cursor_u8(&peek);
    if (cursor_is_short(&peek))
        return p->is_whole ? START_NO : START_SHORT;
    if (is_query && sets == 1 && attributes < ' ')
        in = attributes == 0 ? peek : (struct cursor){peek.at, 0};
    struct bytes text = bytes_first(cursor_rest(&in), TEXT_CHECKED);
    uint8_t first = text.len > 0 ? text.data[0] | 0x20 : 'a';
    bool is_begin = (first >= 'a' && first <= 'z') || strchr(" \t\n\r/(-#*;", first) != NULL;
    if (!is_begin)
        return START_NO;
    if (!is_text(text))
        return x ? START_NO : START_LIKELY;
    if (has_verb(text) || (p->is_last && text.len >= 4))
        return START_SURE;
    return x && text.len < TEXT_CHECKED && !p->is_whole ? START_SHORT : START_LIKELY;
}

static enum start command_start(const struct exchange *x, const struct place_seen *p)
{
    struct cursor in = p->body;
    uint8_t command = cursor_u8(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    if (x && !agrees_with_next(p, SIDE_CLIENT))
        return START_NO;
    if (command == 0x03 || command == 0x16)
        return statement_start(x, p, in, command == 0x03);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        if (lengths[i].command != command || p->h.len < lengths[i].min || p->h.len > lengths[i].max)
            continue;
        cursor_skip(&in, 5); /* of an execution: the statement, flags; it is executed once */
        if (command == 0x17 && cursor_le32(&in) != 1)
            return cursor_is_short(&in) ? START_SHORT : START_NO;
        return x ? sure_as_last(p) : START_LIKELY;
    }
    return START_NO;
}

static enum start client_start(const struct exchange *x, const struct place_seen *p)
{
    const struct mysql *s = x ? x->state : NULL;
    if (p->h.number == 1 && (!s || !s->has_asked)) {
        enum start start = response_start(p);
        return start == START_NO ? old_response_start(x, p) : start;
    }
    return p->h.number == 0 ? command_start(x, p) : START_NO;
}

/* --- the server */

static enum start greeting_start(const struct place_seen *p)
{
    struct cursor in = p->body;
    uint8_t version = cursor_u8(&in);
    struct bytes text = cursor_text(&in);
    if (p->h.number != 0 || p->h.len < GREETING_MIN || p->h.len > GREETING_MAX ||
        (version != MYSQL_GREETING && p->body.left > 0))
        return START_NO;
    if (cursor_is_short(&in))
        return p->body.left > VERSION_MAX ? START_NO : START_SHORT;
    return text.len > 0 && text.len < VERSION_MAX && is_text(text) ? START_SURE : START_NO;
}

static enum start error_start(const struct place_seen *p)
{
    struct cursor in = p->body;
    cursor_skip(&in, 1);
    uint16_t code = cursor_le16(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    if (code < ERRORS_MIN || code > ERRORS_MAX || !is_text(cursor_rest(&in)))
        return START_NO;
    if (in.left < TEXT_CHECKED && !p->is_whole)
        return START_SHORT;
    bool has_state = in.left >= 6 && *in.at == '#';
    return has_state || (p->is_last && in.left > 4) ? START_SURE : START_LIKELY;
}

/* OK, EOF, and the OK that looks like it. */
static enum start end_start(const struct place_seen *p)
{
    if (p->h.len > OK_MAX)
        return START_NO;
    if (!p->is_whole)
        return START_SHORT;
    if (p->h.len == MYSQL_EOF_LEN) {
        struct cursor in = p->body;
        bool is_eof = !(mysql_end(p->h.len, &in).status & MYSQL_STATUS_NONE);
        return is_eof ? sure_as_last(p) : START_NO;
    }
    return mysql_is_ok(p->body) ? sure_as_last(p) : START_NO;
}

/* A result's number of columns, and then the first of them. */
static enum start columns_start(const struct place_seen *p)
{
    struct cursor next = p->rest;
    uint32_t columns;
    bool has_definitions;
    if (!p->is_whole)
        return START_SHORT;
    if (!mysql_columns(p->body, p->h.len, &columns, &has_definitions))
        return START_NO;
    cursor_skip(&next, p->h.len);
    struct mysql_header h = mysql_header(&next);
    if (cursor_left(&next) < 4)
        return START_SHORT;
    if (h.number != (uint8_t)(p->h.number + 1))
        return START_NO;
    if (!has_definitions)
        return START_LIKELY;
    if (next.left < h.len)
        return START_SHORT;
    return mysql_is_definition(cursor_inner(&next, h.len), h.len) ? START_SURE : START_NO;
}

static enum start definition_start(const struct place_seen *p)
{
    if (p->body.left < 4 && !p->is_whole)
        return START_SHORT;
    if (!mysql_is_definition(p->body, p->h.len))
        return START_NO;
    return p->is_whole ? START_SURE : START_SHORT;
}

/* The texts' lengths must add up to the row's, and their number to the columns'. */
static bool is_text_row(const struct place_seen *p, unsigned columns)
{
    struct cursor in = p->body;
    uint64_t left = p->h.len;
    unsigned values = 0;
    for (; values < WALKED_MAX && left > 0; values++) {
        size_t before = cursor_left(&in);
        uint8_t first = before > 0 ? *in.at : 0;
        if (before == 0)
            return true; /* the rest of it is not there */
        uint64_t len = 0;
        if (first == MYSQL_LOCAL_INFILE) /* here it is NULL */
            cursor_skip(&in, 1);
        else
            len = mysql_number(&in);
        if (first == MYSQL_ERROR || (cursor_is_short(&in) && before > 8))
            return false;
        if (cursor_is_short(&in))
            return true;
        left -= before - cursor_left(&in);
        if (len > left)
            return false;
        left -= len;
        cursor_skip(&in, len < in.left ? (size_t)len : in.left);
    }
    if (values == WALKED_MAX)
        return true;
    return columns == 0 || values == columns;
}

/* A zero, and a bit for each column that is NULL, of which the first two and those behind the last
 * column are none. */
static bool is_binary_row(const struct place_seen *p, unsigned columns)
{
    struct cursor in = p->body;
    size_t nulls_len = (columns + 7 + 2) / 8;
    uint8_t zero = cursor_u8(&in), first = cursor_u8(&in);
    if (p->h.len < 1 + nulls_len || zero != 0 || first & 3)
        return false;
    if (columns == 0 || nulls_len > 1 + in.left)
        return true;
    cursor_skip(&in, nulls_len > 1 ? nulls_len - 2 : 0);
    uint8_t last = nulls_len > 1 ? cursor_u8(&in) : first;
    return (columns + 2) % 8 == 0 || last >> ((columns + 2) % 8) == 0;
}

static enum start row_start(const struct exchange *x, const struct place_seen *p)
{
    const struct mysql *s = x->state;
    const struct request *r = pairing_first(x);
    bool is_known = r && r->mark & MYSQL_BEGUN && mysql_reply_of(r) != MYSQL_REPLY_ANY;
    unsigned columns = is_known && s->phase == MYSQL_ROWS ? s->columns : 0;
    bool is_binary = r && (r->mark & MYSQL_BINARY || mysql_reply_of(r) == MYSQL_REPLY_ROWS);
    bool is_row = is_known && is_binary                  ? is_binary_row(p, columns)
                  : is_known                             ? is_text_row(p, columns)
                  : p->body.left > 0 && *p->body.at == 0 ? is_binary_row(p, 0)
                                                         : is_text_row(p, 0);
    return is_row ? START_LIKELY : START_NO;
}

static enum start server_start(const struct exchange *x, const struct place_seen *p)
{
    if (!x || x->position[SIDE_SERVER] == 0) {
        enum start start = greeting_start(p);
        if (start != START_NO)
            return start;
    }
    if (p->h.len > SEARCHED_MAX || (x && !agrees_with_next(p, SIDE_SERVER)))
        return START_NO;
    if (p->body.left == 0)
        return START_SHORT;
    uint8_t first = *p->body.at;
    enum start start = first == MYSQL_ERROR                      ? error_start(p)
                       : first == MYSQL_EOF || first == MYSQL_OK ? end_start(p)
                       : p->h.len <= 4                           ? columns_start(p)
                       : first == 3                              ? definition_start(p)
                                                                 : START_NO;
    if (start == START_NO && x && first < MYSQL_EOF)
        return row_start(x, p);
    return start;
}

/* --- both */

static enum start packed_start(const struct exchange *x, struct cursor in, uint64_t *message_len)
{
    struct cursor peek = in;
    struct mysql_header h = mysql_header(&peek);
    uint32_t unpacked_len = mysql_le24(&peek);
    if (cursor_left(&in) < FRAME_LEN)
        return START_SHORT;
    if (!mysql_is_packed(in) || (!x && unpacked_len == 0))
        return START_NO;
    *message_len = (uint64_t)MYSQL_PACKED_HEADER_LEN + h.len;
    bool is_last = cursor_left(&in) == *message_len;
    return unpacked_len > h.len || is_last ? START_SURE : START_LIKELY;
}

bool mysql_frame(const struct exchange *x, struct cursor in, struct step *step)
{
    struct mysql *s = x->state;
    struct cursor peek = in;
    uint32_t len = mysql_header(&peek).len;
    if (cursor_is_short(&peek) ||
        (len + MYSQL_HEADER_LEN >= FRAME_LEN && cursor_left(&in) < FRAME_LEN)) {
        *step = step_needs(cursor_is_short(&peek) ? MYSQL_HEADER_LEN : FRAME_LEN);
        return false;
    }
    if (len + MYSQL_HEADER_LEN >= FRAME_LEN && mysql_is_packed(in))
        s->framing = MYSQL_PACKED;
    else if (s->codec == CODEC_STORED)
        s->framing = MYSQL_PLAIN;
    return true;
}

static enum start plain_start(const struct exchange *x, enum side side, struct cursor in,
                              uint64_t *message_len)
{
    struct place_seen p = {.rest = in};
    p.h = mysql_header(&p.rest);
    if (cursor_is_short(&p.rest))
        return START_SHORT;
    if (p.h.len == 0)
        return START_NO;
    p.body = cursor_over(bytes_first(cursor_rest(&p.rest), p.h.len));
    p.is_whole = p.body.left == p.h.len;
    p.is_last = p.rest.left == p.h.len;
    *message_len = (uint64_t)MYSQL_HEADER_LEN + p.h.len;
    return side == SIDE_CLIENT ? client_start(x, &p) : server_start(x, &p);
}

enum start mysql_starts_here(const struct exchange *x, enum side side, struct cursor in,
                             uint64_t *message_len)
{
    const struct mysql *s = x ? x->state : NULL;
    *message_len = 0;
    if (s && s->framing == MYSQL_PACKED && !x->is_unpacked)
        return packed_start(x, in, message_len);
    bool is_open = !s || s->framing == MYSQL_UNKNOWN;
    enum start packed = is_open ? packed_start(x, in, message_len) : START_NO;
    if (packed == START_SURE)
        return START_SURE;
    enum start plain = plain_start(x, side, in, message_len);
    return plain == START_NO && packed == START_SHORT && x ? START_SHORT : plain;
}
