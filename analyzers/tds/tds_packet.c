/*
 * A packet's header is big-endian, a MARS session's little-endian.
 */
#include "analyzers/tds/tds_packet.h"

static bool is_type(uint8_t type)
{
    switch (type) {
    case TDS_BATCH:
    case TDS_OLD_LOGIN:
    case TDS_RPC:
    case TDS_REPLY:
    case TDS_ATTENTION:
    case TDS_BULK:
    case TDS_FEDAUTH:
    case TDS_TRANSACTION:
    case TDS_LOGIN:
    case TDS_SSPI:
    case TDS_PRELOGIN:
        return true;
    default:
        return false;
    }
}

static bool read_packet(struct cursor *in, struct tds_header *h)
{
    h->type = cursor_u8(in);
    h->status = cursor_u8(in);
    uint16_t len = cursor_be16(in);
    h->channel = cursor_be16(in);
    h->number = cursor_u8(in);
    uint8_t window = cursor_u8(in);
    h->len = (uint16_t)(len - TDS_HEADER_LEN);
    h->header_len = (uint8_t)(h->header_len + TDS_HEADER_LEN);
    if (!is_type(h->type) || cursor_is_short(in))
        return is_type(h->type);
    return (h->status & ~TDS_STATUS_MASK) == 0 && len >= TDS_HEADER_LEN &&
           len <= TDS_PACKET_MAX + 1 && window == 0;
}

bool tds_header_read(struct cursor *in, struct tds_header *h)
{
    struct cursor peek = *in;
    *h = (struct tds_header){0};
    if (cursor_u8(&peek) != TDS_SMP)
        return read_packet(in, h);
    cursor_skip(in, 1);
    uint8_t flags = cursor_u8(in);
    h->session = cursor_le16(in);
    uint32_t len = cursor_le32(in);
    cursor_skip(in, 4 + 4); /* number, window */
    h->is_mars = true;
    if (cursor_is_short(in))
        return true;
    h->header_len = TDS_SMP_LEN;
    if (flags == TDS_SMP_SYN || flags == TDS_SMP_ACK || flags == TDS_SMP_FIN) {
        h->is_control = true;
        h->status = flags;
        return len == TDS_SMP_LEN;
    }
    bool is_packet = flags == TDS_SMP_DATA && (cursor_left(in) == 0 || read_packet(in, h));
    if (cursor_left(in) == 0 && h->header_len == TDS_SMP_LEN)
        cursor_skip(in, 1); /* the packet's header is not there */
    return is_packet && (cursor_is_short(in) || len == (uint32_t)h->header_len + h->len);
}

bool tds_record_read(struct cursor *in, uint8_t *type, uint32_t *len)
{
    *type = cursor_u8(in);
    uint8_t major = cursor_u8(in), minor = cursor_u8(in);
    *len = cursor_be16(in);
    if (cursor_is_short(in))
        return true;
    return *type >= 0x14 && *type <= 0x17 && major == 3 && minor <= 4 && *len > 0 &&
           *len <= TDS_RECORD_MAX;
}
