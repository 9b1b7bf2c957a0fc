/*
 * Short messages without content are weak signs: a column that ends in 'Z' before a column of 5
 * bytes looks like a ReadyForQuery.  So a short message is sure only as the last of what is there;
 * the others need a chain.
 */
#include "analyzers/postgresql/postgresql_start.h"

enum {
    SHORT_MAX = 30000,   /* bytes; what libpq accepts of messages that are never long */
    STARTUP_MAX = 10000, /* bytes; MAX_STARTUP_PACKET_LENGTH */
    MINOR_GREASE = 9999, /* PG_PROTOCOL_GREASE: asked for to see that the server declines it */
    COLUMNS_WALKED = 64, /* columns of a row that are checked: the work at one place is bounded */
    TEXT_CHECKED = 64,   /* bytes of a statement's text, likewise */
};

/* Bounds of the body of a message, by its type. */
struct shape {
    bool is_known; /* there is such a message */
    uint32_t min, max;
};

static const struct shape client_shapes[UINT8_MAX + 1] = {
    ['Q'] = {true, 1, POSTGRESQL_LONG_MAX},
    ['P'] = {true, 4, POSTGRESQL_LONG_MAX},
    ['B'] = {true, 8, POSTGRESQL_LONG_MAX},
    ['E'] = {true, 5, SHORT_MAX},
    ['D'] = {true, 2, SHORT_MAX},
    ['C'] = {true, 2, SHORT_MAX},
    ['H'] = {true, 0, 0},
    ['S'] = {true, 0, 0},
    ['X'] = {true, 0, 0},
    ['p'] = {true, 0, 65536},
    ['d'] = {true, 0, POSTGRESQL_LONG_MAX},
    ['c'] = {true, 0, 0},
    ['f'] = {true, 1, SHORT_MAX},
    ['F'] = {true, 10, POSTGRESQL_LONG_MAX},
};

static const struct shape server_shapes[UINT8_MAX + 1] = {
    ['R'] = {true, 4, 65536},
    ['K'] = {true, 8, 260},
    ['S'] = {true, 2, SHORT_MAX},
    ['Z'] = {true, 1, 1},
    ['T'] = {true, 2, POSTGRESQL_LONG_MAX},
    ['D'] = {true, 2, POSTGRESQL_LONG_MAX},
    ['C'] = {true, 2, SHORT_MAX},
    ['I'] = {true, 0, 0},
    ['E'] = {true, 1, POSTGRESQL_LONG_MAX},
    ['N'] = {true, 1, POSTGRESQL_LONG_MAX},
    ['A'] = {true, 6, POSTGRESQL_LONG_MAX},
    ['1'] = {true, 0, 0},
    ['2'] = {true, 0, 0},
    ['3'] = {true, 0, 0},
    ['n'] = {true, 0, 0},
    ['t'] = {true, 2, SHORT_MAX * 10},
    ['s'] = {true, 0, 0},
    ['G'] = {true, 3, SHORT_MAX},
    ['H'] = {true, 3, SHORT_MAX},
    ['W'] = {true, 3, SHORT_MAX},
    ['d'] = {true, 0, POSTGRESQL_LONG_MAX},
    ['c'] = {true, 0, 0},
    ['V'] = {true, 4, POSTGRESQL_LONG_MAX},
    ['v'] = {true, 8, SHORT_MAX},
};

static bool has_shape(const struct postgresql_header *h, const struct shape *shapes)
{
    const struct shape *shape = &shapes[h->type];
    return shape->is_known && h->body_len >= shape->min && h->body_len <= shape->max;
}

bool postgresql_is_client_header(const struct postgresql_header *h)
{
    return has_shape(h, client_shapes);
}

bool postgresql_is_server_header(const struct postgresql_header *h)
{
    return has_shape(h, server_shapes);
}

bool postgresql_is_startup(uint32_t len, uint32_t code)
{
    if (code == POSTGRESQL_SSL_REQUEST || code == POSTGRESQL_GSSENC_REQUEST)
        return len == 8;
    if (code == POSTGRESQL_CANCEL_REQUEST)
        return len >= 16 && len <= 268;
    uint32_t minor = code & 0xffff;
    return code >> 16 == 3 && (minor <= 2 || minor == MINOR_GREASE) && len >= 9 &&
           len <= STARTUP_MAX;
}

static bool is_text(struct bytes text)
{
    text = bytes_first(text, TEXT_CHECKED);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < ' ' && text.data[i] != '\n' && text.data[i] != '\t' &&
            text.data[i] != '\r')
            return false;
    }
    return true;
}

/* A statement's text: printable, its only zero at its end. */
static enum start query_start(struct bytes body, uint32_t body_len)
{
    bool is_whole = body.len == body_len;
    struct bytes text = is_whole ? bytes_first(body, body.len - 1) : body;
    if (!is_text(text))
        return START_NO;
    if (!is_whole)
        return START_LIKELY;
    if (body.data[body.len - 1] != 0)
        return START_NO;
    return bytes_index(bytes_first(body, SHORT_MAX), 0) == body.len - 1 && body.len > 1
               ? START_SURE
               : START_LIKELY;
}

/* The columns' lengths must add up to the row's. */
static enum start row_start(struct cursor body, uint32_t body_len)
{
    uint32_t left = body_len - 2;
    unsigned columns = cursor_be16(&body);
    if (cursor_is_short(&body))
        return START_SHORT;
    for (unsigned n = 0; n < columns && n < COLUMNS_WALKED; n++) {
        uint32_t len = cursor_be32(&body);
        if (cursor_is_short(&body))
            return START_LIKELY; /* the rest of it is not there */
        uint32_t value_len = len == UINT32_MAX ? 0 : len;
        if (left < 4 || value_len > left - 4)
            return START_NO;
        left -= 4 + value_len;
        cursor_skip(&body, value_len);
    }
    if (columns > 1664) /* MaxTupleAttributeNumber */
        return START_NO;
    return left == 0 || columns > COLUMNS_WALKED ? START_LIKELY : START_NO;
}

/* "SELECT 5": words in capitals, then numbers, then the zero. */
static enum start tag_start(struct bytes body, uint32_t body_len)
{
    bool is_whole = body.len == body_len;
    if (body_len > 64 || body.data[0] < 'A' || body.data[0] > 'Z')
        return START_NO;
    size_t text_len = is_whole ? body.len - 1 : body.len;
    for (size_t i = 0; i < text_len; i++) {
        uint8_t c = body.data[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != ' ' && c != '_')
            return START_NO;
    }
    if (is_whole && body.data[text_len] != 0)
        return START_NO;
    return is_whole && body_len > 4 ? START_SURE : START_LIKELY;
}

/* ErrorResponse, NoticeResponse: fields of a letter and a text each, the severity first: a word in
 * capitals, unless the server speaks a language that has none. */
static enum start fields_start(struct bytes body)
{
    size_t len = 1;
    if (body.data[0] != 'S')
        return START_NO;
    while (len < body.len && body.data[len] >= 'A' && body.data[len] <= 'Z')
        len++;
    bool has_word = len >= 4 && len + 1 < body.len && body.data[len] == 0;
    return has_word && body.data[len + 1] >= 'A' ? START_SURE : START_LIKELY;
}

static enum start server_start(const struct postgresql_header *h, struct cursor in)
{
    struct bytes body = bytes_first(cursor_rest(&in), h->body_len);
    bool is_last = in.left == h->body_len;
    if (body.len == 0 && h->body_len > 0 && strchr("ZDCEN", h->type))
        return START_SHORT;
    switch (h->type) {
    case 'Z':
        if (body.data[0] != 'I' && body.data[0] != 'T' && body.data[0] != 'E')
            return START_NO;
        return is_last ? START_SURE : START_LIKELY;
    case 'D':
        return row_start(in, h->body_len);
    case 'C':
        return tag_start(body, h->body_len);
    case 'E':
    case 'N':
        return fields_start(body);
    default:
        return START_LIKELY;
    }
}

static enum start client_start(const struct postgresql_header *h, struct cursor in)
{
    struct bytes body = bytes_first(cursor_rest(&in), h->body_len);
    switch (h->type) {
    case 'Q':
        return query_start(body, h->body_len);
    case 'D':
    case 'C':
        return body.len > 0 && body.data[0] != 'S' && body.data[0] != 'P' ? START_NO : START_LIKELY;
    case 'S':
    case 'X':
        return in.left == 0 ? START_SURE : START_LIKELY;
    default:
        return START_LIKELY;
    }
}

/* The first bytes of a connection that have no type. */
static enum start first_start(const struct exchange *x, enum side side, struct cursor in,
                              uint64_t *message_len)
{
    if (x && x->position[side] > 0)
        return START_NO;
    if (side == SIDE_SERVER) {
        uint8_t answer = cursor_u8(&in);
        if ((answer != 'N' && answer != 'S') || in.left == 0)
            return answer == 'N' || answer == 'S' ? START_SHORT : START_NO;
        uint8_t next = cursor_u8(&in);
        *message_len = 1;
        return next == (answer == 'N' ? 'R' : POSTGRESQL_TLS_HANDSHAKE) ? START_LIKELY : START_NO;
    }
    uint8_t first = in.left > 0 ? *in.at : 0;
    uint32_t len = cursor_be32(&in), code = cursor_be32(&in);
    if (cursor_is_short(&in))
        return first == 0 ? START_SHORT : START_NO;
    *message_len = len;
    return postgresql_is_startup(len, code) ? START_SURE : START_NO;
}

enum start postgresql_starts_here(const struct exchange *x, enum side side, struct cursor in,
                                  uint64_t *message_len)
{
    enum start first = first_start(x, side, in, message_len);
    if (first == START_SURE || first == START_LIKELY)
        return first;
    struct cursor peek = in;
    struct postgresql_header h = postgresql_header(&peek);
    if (cursor_is_short(&peek)) {
        /* a type byte alone excludes most */
        h = (struct postgresql_header){in.left > 0 ? *in.at : 0, 0};
        bool is_type = side == SIDE_CLIENT ? h.type && strchr("QPBEDCHSXpdcfF", h.type)
                                           : h.type && strchr("RKSZTDCIENA123ntsGHWdcVv", h.type);
        return is_type ? START_SHORT : first;
    }
    bool is_header =
        side == SIDE_CLIENT ? postgresql_is_client_header(&h) : postgresql_is_server_header(&h);
    if (!is_header)
        return first;
    *message_len = (uint64_t)POSTGRESQL_HEADER_LEN + h.body_len;
    return side == SIDE_CLIENT ? client_start(&h, peek) : server_start(&h, peek);
}
