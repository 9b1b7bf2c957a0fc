/*
 * A connect packet is unmistakable.  Other packets have little but a length, a type and zeros: one
 * that ends where what is there ends will do, others need a chain.
 */
#include "analyzers/tns/tns_state.h"

enum {
    CONNECT_MIN = 34, /* bytes, without connect data */
    CONNECT_DATA_AT = 26,
    VERSION_MIN = 200, /* of TNS */
    VERSION_MAX = 400,
    FLAGS_KNOWN = 0x3fff, /* of a data packet */
};

static enum start connect_start(struct cursor in, uint32_t len)
{
    struct cursor peek = in;
    cursor_skip(&peek, TNS_HEADER_LEN);
    uint16_t version = cursor_be16(&peek), oldest = cursor_be16(&peek);
    cursor_skip(&peek, CONNECT_DATA_AT - TNS_HEADER_LEN - 6);
    uint16_t data_len = cursor_be16(&peek), at = cursor_be16(&peek);
    if (cursor_is_short(&peek))
        return START_SHORT;
    bool fits = len >= CONNECT_MIN && (at + data_len == len || (at >= CONNECT_MIN && at <= len));
    return version >= VERSION_MIN && version < VERSION_MAX && oldest <= version && fits ? START_SURE
                                                                                        : START_NO;
}

static bool is_of_side(uint8_t type, enum side side)
{
    switch (type) {
    case TNS_CONNECT:
        return side == SIDE_CLIENT;
    case TNS_ACCEPT:
    case TNS_REFUSE:
    case TNS_REDIRECT:
    case TNS_RESEND:
        return side == SIDE_SERVER;
    case TNS_ACKNOWLEDGE:
    case TNS_DATA:
    case TNS_NULL:
    case TNS_ABORT:
    case TNS_MARKER:
    case TNS_ATTENTION:
    case TNS_CONTROL:
    case TNS_DESCRIPTOR:
        return true;
    default:
        return false;
    }
}

/* Whether something begins with these bytes behind the header of a data packet: a call, a reply. */
static bool is_beginning(struct cursor content, enum side side)
{
    uint8_t type = cursor_u8(&content), second = cursor_u8(&content), third = cursor_u8(&content);
    if (cursor_is_short(&content))
        return false;
    if (side == SIDE_CLIENT)
        return (type == TTC_FUNCTION || type == TTC_PIGGYBACK) &&
               (second == TTC_REEXECUTE || second == TTC_FETCH || second == TTC_EXECUTE ||
                second == TTC_REEXECUTE_AND_FETCH || second == TTC_LOB ||
                tns_piggyback_fields(second) != NULL);
    /* behind the type: flags and a number; a number and the next message; a text */
    return (type == TTC_ROW_HEADER && third > 0 && third <= 2) ||
           (type == TTC_TOKEN && second > 0 && second <= 4) ||
           (type == TTC_DESCRIBE && second > 0 && second < TNS_TEXT_LONG);
}

enum start tns_starts_here(const struct exchange *x, enum side side, struct cursor in,
                           uint64_t *message_len)
{
    const struct tns *s = x ? x->state : NULL;
    struct cursor peek = in;
    uint32_t len;
    uint8_t type;
    *message_len = 0;
    if (x && x->is_unpacked)
        return START_SURE; /* where packets begin, their content does */
    bool is_packet = tns_packet_header(s, &peek, &type, &len);
    if (cursor_is_short(&peek))
        return START_SHORT;
    struct cursor zeros = in;
    uint32_t first = cursor_be32(&zeros);
    cursor_skip(&zeros, 2);
    bool is_clean = cursor_be16(&zeros) == 0 && (first == len || (first & 0xffff) == 0);
    if (!is_packet || !is_clean || !is_of_side(type, side))
        return START_NO;
    if (type == TNS_CONNECT)
        return connect_start(in, len);
    *message_len = len;
    uint16_t flags = type == TNS_DATA ? cursor_be16(&peek) : 0;
    if (cursor_is_short(&peek))
        return START_SHORT;
    if (type == TNS_DATA && (len < TNS_DATA_HEADER_LEN || flags & ~FLAGS_KNOWN))
        return START_NO;
    bool fits = s && s->is_agreed && len <= s->unit_len && type == TNS_DATA;
    if (fits && is_beginning(peek, side))
        return START_SURE;
    bool is_last =
        cursor_left(&in) == len && (x || (type == TNS_DATA && len > TNS_DATA_HEADER_LEN));
    return is_last ? START_SURE : START_LIKELY;
}
