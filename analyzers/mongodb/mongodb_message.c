/*
 * A header has 16 bytes, of which the opcode leaves few possibilities; with what must follow it a
 * message is told from other bytes at once.
 */
#include "analyzers/mongodb/mongodb_message.h"

#include "analyzers/mongodb/mongodb_bson.h"

struct mongodb_header mongodb_header_read(struct cursor *in)
{
    struct mongodb_header h;
    h.len = cursor_le32(in);
    h.id = cursor_le32(in);
    h.reply_to = cursor_le32(in);
    h.opcode = cursor_le32(in);
    return h;
}

struct mongodb_packed mongodb_packed_read(struct cursor *in)
{
    struct mongodb_packed p;
    p.opcode = cursor_le32(in);
    p.len = cursor_le32(in);
    p.compressor = cursor_u8(in);
    return p;
}

/* The least bytes of a body with that opcode; 0: the side does not send it. */
static uint32_t body_min(enum side side, uint32_t opcode)
{
    switch (opcode) {
    case OP_MSG:
        return 4 + 1 + BSON_DOCUMENT_MIN;
    case OP_COMPRESSED:
        return MONGODB_PACKED_HEAD_LEN;
    case OP_REPLY:
        return side == SIDE_SERVER ? 20 : 0;
    case OP_COMMANDREPLY:
        return side == SIDE_SERVER ? 2 * BSON_DOCUMENT_MIN : 0;
    case OP_UPDATE:
        return side == SIDE_CLIENT ? 4 + 2 + 4 + 2 * BSON_DOCUMENT_MIN : 0;
    case OP_INSERT:
        return side == SIDE_CLIENT ? 4 + 2 + BSON_DOCUMENT_MIN : 0;
    case OP_QUERY:
    case OP_DELETE:
        return side == SIDE_CLIENT ? 4 + 2 + 4 + BSON_DOCUMENT_MIN : 0;
    case OP_GET_MORE:
        return side == SIDE_CLIENT ? 4 + 2 + 4 + 8 : 0;
    case OP_KILL_CURSORS:
        return side == SIDE_CLIENT ? 4 + 4 : 0;
    case OP_COMMAND:
        return side == SIDE_CLIENT ? 2 + 2 + 2 * BSON_DOCUMENT_MIN : 0;
    default:
        return 0;
    }
}

bool mongodb_is_header(enum side side, const struct mongodb_header *h)
{
    uint32_t min = body_min(side, h->opcode);
    if (side == SIDE_CLIENT && h->reply_to != 0)
        return false;
    return min > 0 && h->len >= MONGODB_HEADER_LEN + min && h->len <= MONGODB_MESSAGE_MAX;
}

bool mongodb_is_packed(enum side side, const struct mongodb_packed *p)
{
    uint32_t min = p->opcode == OP_COMPRESSED ? 0 : body_min(side, p->opcode);
    return min > 0 && p->len >= min && p->len <= MONGODB_MESSAGE_MAX && p->compressor <= 3;
}

/* Whether a document that fills no more than len bytes can start here, and how sure that is. */
static enum start document_start(struct cursor in, uint32_t len)
{
    uint32_t told = cursor_le32(&in);
    uint8_t type = cursor_u8(&in), first = cursor_u8(&in);
    uint64_t value_len;
    bool is_short = cursor_is_short(&in);
    if (is_short)
        return START_SHORT;
    if (told < BSON_DOCUMENT_MIN || told > len)
        return START_NO;
    if (told == BSON_DOCUMENT_MIN)
        return type == 0 ? START_SURE : START_NO;
    /* a first element of a known type, and a name without control characters */
    if (!bson_len_of(type, in, &value_len, &is_short) || (first > 0 && first < ' '))
        return START_NO;
    return START_SURE;
}

static enum start msg_start(enum side side, struct cursor in, uint32_t len)
{
    uint32_t flags = cursor_le32(&in);
    uint8_t kind = cursor_u8(&in);
    uint32_t allowed =
        side == SIDE_CLIENT ? MONGODB_FLAGS : MONGODB_FLAGS & ~MONGODB_EXHAUST_ALLOWED;
    if (cursor_is_short(&in))
        return START_SHORT;
    if (flags & ~allowed || kind > 1)
        return START_NO;
    if (kind == 0)
        return document_start(in, len - 5);
    uint32_t size = cursor_le32(&in);
    uint8_t first = cursor_u8(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    return size > 5 && size <= len - 5 && first > ' ' && first < 0x7f ? START_SURE : START_NO;
}

/* The bodies of the old opcodes. */
static enum start old_start(uint32_t opcode, struct cursor in, uint32_t len)
{
    uint32_t flags = opcode == OP_COMMAND ? 0 : cursor_le32(&in);
    uint8_t first = cursor_u8(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    if (opcode == OP_KILL_CURSORS)
        return flags == 0 && (len - 8) % 8 == 0 ? START_SURE : START_NO;
    return flags < 0x100 && first > ' ' && first != 0x7f ? START_SURE : START_NO;
}

static enum start reply_start(struct cursor in, uint32_t len)
{
    uint32_t flags = cursor_le32(&in);
    cursor_skip(&in, 12);
    uint32_t count = cursor_le32(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    if (flags > 0xf || count > len / BSON_DOCUMENT_MIN || (count == 0) != (len == 20))
        return START_NO;
    return count == 0 ? START_SURE : document_start(in, len - 20);
}

enum start mongodb_message_start(enum side side, struct cursor in, uint64_t *message_len)
{
    struct cursor peek = in;
    uint32_t len = cursor_le32(&peek);
    if (cursor_is_short(&peek))
        return START_SHORT;
    if (len <= MONGODB_HEADER_LEN || len > MONGODB_MESSAGE_MAX)
        return START_NO;
    struct mongodb_header h = mongodb_header_read(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    if (!mongodb_is_header(side, &h))
        return START_NO;
    *message_len = len;
    len -= MONGODB_HEADER_LEN;
    /* the server's side is told by the number that it answers, or by what only it sends */
    bool is_either = h.opcode == OP_MSG || h.opcode == OP_COMPRESSED;
    if (side == SIDE_SERVER && h.reply_to == 0 && is_either)
        return START_NO;
    if (h.opcode == OP_MSG)
        return msg_start(side, in, len);
    if (h.opcode == OP_REPLY)
        return reply_start(in, len);
    if (h.opcode == OP_COMMANDREPLY)
        return document_start(in, len);
    if (h.opcode != OP_COMPRESSED)
        return old_start(h.opcode, in, len);
    struct mongodb_packed packed = mongodb_packed_read(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    return mongodb_is_packed(side, &packed) ? START_SURE : START_NO;
}
