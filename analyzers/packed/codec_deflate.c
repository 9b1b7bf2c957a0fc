/*
 * Deflate (RFC 1951) in HTTP behind ISA-L's inflate, which is twice as fast as zlib's: as gzip (RFC
 * 1952) or zlib (RFC 1950), or alone.  The headers are read here, a byte at a time: ISA-L's own
 * readers want them whole.  What HTTP calls "deflate" (RFC 9110, section 8.4.1.2) is zlib's format,
 * or deflate without it, as some servers send.  There the first byte tells: what zlib's begins with
 * is no block that an encoder writes.
 */
#include "analyzers/packed/codec.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

enum {
    METHOD_BITS = 0x0f, /* of zlib's first byte */
    METHOD_DEFLATE = 8,
    WINDOW_SIZE_MAX = 7, /* in the other bits */
    ZLIB_CHECK = 31,
    ZLIB_HAS_DICTIONARY = 0x20,
    GZIP_FIRST = 0x1f,
    GZIP_SECOND = 0x8b,
    GZIP_FIXED_LEN = 6, /* bytes behind the flags that nobody needs */
};

enum gzip_flag {
    FLAG_HEADER_CRC = 1 << 1,
    FLAG_EXTRA = 1 << 2,
    FLAG_NAME = 1 << 3,
    FLAG_COMMENT = 1 << 4,
    FLAGS_RESERVED = 0xe0,
};

/* Given more at once, ISA-L decodes several symbols in one step: how much comes of a stream that
 * breaks off would depend on how the bytes were cut. */
enum { INPUT_MAX = 2048 };

/* What the next byte is; in the order of the format. */
enum part {
    PART_FIRST,
    PART_ZLIB_FLAGS,
    PART_SECOND,
    PART_METHOD,
    PART_FLAGS,
    PART_FIXED,
    PART_EXTRA_LOW, /* the length of what is extra, 16 bits */
    PART_EXTRA_HIGH,
    PART_EXTRA,
    PART_NAME,
    PART_COMMENT,
    PART_HEADER_CRC_LOW,
    PART_HEADER_CRC_HIGH,
    PART_BODY,
    PART_BROKEN,
};

struct inflating {
    struct inflate_state state;
    bool may_be_bare; /* deflate alone, where it would be gzip otherwise */
    enum part part;
    uint8_t first, flags;
    size_t skip; /* bytes of this part that are still to come */
};

static bool inflating_restart(void *stream)
{
    struct inflating *i = stream;
    isal_inflate_reset(&i->state);
    i->part = PART_FIRST;
    i->flags = 0;
    i->skip = 0;
    return true;
}

static struct inflating *inflating_open(bool may_be_bare)
{
    struct inflating *i = malloc(sizeof(*i));
    if (!i)
        return NULL;
    isal_inflate_init(&i->state);
    i->may_be_bare = may_be_bare;
    (void)inflating_restart(i);
    return i;
}

static void *gzip_open(void)
{
    return inflating_open(false);
}

static void *deflate_open(void)
{
    return inflating_open(true);
}

static size_t inflating_size(const void *stream)
{
    (void)stream;
    return sizeof(struct inflating);
}

static enum part body(struct inflating *i, uint32_t checked)
{
    i->state.crc_flag = checked;
    return PART_BODY;
}

/* What follows a part of gzip's header that is behind its flags. */
static enum part gzip_after(struct inflating *i, enum part part)
{
    if (part < PART_EXTRA_LOW && (i->flags & FLAG_EXTRA))
        return PART_EXTRA_LOW;
    if (part < PART_NAME && (i->flags & FLAG_NAME))
        return PART_NAME;
    if (part < PART_COMMENT && (i->flags & FLAG_COMMENT))
        return PART_COMMENT;
    if (part < PART_HEADER_CRC_LOW && (i->flags & FLAG_HEADER_CRC))
        return PART_HEADER_CRC_LOW;
    return body(i, ISAL_GZIP_NO_HDR_VER);
}

static enum part after_first(struct inflating *i, uint8_t byte)
{
    i->first = byte;
    return (byte & METHOD_BITS) == METHOD_DEFLATE ? PART_ZLIB_FLAGS : PART_SECOND;
}

static enum part after_zlib_flags(struct inflating *i, uint8_t byte)
{
    bool is_right = ((unsigned)i->first << 8 | byte) % ZLIB_CHECK == 0 &&
                    i->first >> 4 <= WINDOW_SIZE_MAX && !(byte & ZLIB_HAS_DICTIONARY);
    return is_right ? body(i, ISAL_ZLIB_NO_HDR_VER) : PART_BROKEN;
}

static enum part after_flags(struct inflating *i, uint8_t byte)
{
    i->flags = byte;
    i->skip = GZIP_FIXED_LEN;
    return byte & FLAGS_RESERVED ? PART_BROKEN : PART_FIXED;
}

static enum part after_skipped(struct inflating *i)
{
    return --i->skip > 0 ? i->part : gzip_after(i, i->part);
}

static enum part after_extra_len(struct inflating *i, uint8_t byte)
{
    i->skip |= (size_t)byte << 8;
    return i->skip > 0 ? PART_EXTRA : gzip_after(i, PART_EXTRA);
}

/* The part that follows this byte of a header. */
static enum part head_take(struct inflating *i, uint8_t byte)
{
    switch (i->part) {
    case PART_FIRST:
        return after_first(i, byte);
    case PART_ZLIB_FLAGS:
        return after_zlib_flags(i, byte);
    case PART_SECOND:
        return i->first == GZIP_FIRST && byte == GZIP_SECOND ? PART_METHOD : PART_BROKEN;
    case PART_METHOD:
        return byte == METHOD_DEFLATE ? PART_FLAGS : PART_BROKEN;
    case PART_FLAGS:
        return after_flags(i, byte);
    case PART_FIXED:
    case PART_EXTRA:
        return after_skipped(i);
    case PART_EXTRA_LOW:
        i->skip = byte;
        return PART_EXTRA_HIGH;
    case PART_EXTRA_HIGH:
        return after_extra_len(i, byte);
    case PART_NAME:
    case PART_COMMENT:
        return byte == 0 ? gzip_after(i, i->part) : i->part;
    case PART_HEADER_CRC_LOW:
        return PART_HEADER_CRC_HIGH;
    case PART_HEADER_CRC_HIGH:
        return body(i, ISAL_GZIP_NO_HDR_VER);
    default:
        return PART_BROKEN;
    }
}

/* A bare stream has no header: its first byte stays. */
static bool is_bare(const struct inflating *i, struct bytes packed)
{
    return i->may_be_bare && i->part == PART_FIRST &&
           (packed.data[0] & METHOD_BITS) != METHOD_DEFLATE;
}

static void head_skip(struct inflating *i, struct bytes *packed)
{
    while (i->part < PART_BODY && packed->len > 0) {
        if (is_bare(i, *packed)) {
            i->part = body(i, ISAL_DEFLATE);
            return;
        }
        i->part = head_take(i, packed->data[0]);
        *packed = bytes_from(*packed, 1);
    }
}

/* ISA-L reads ahead: of this call's bytes, those behind the last block are given back. */
static size_t given_back(struct inflate_state *s, size_t taken)
{
    bool is_behind = s->block_state == ISAL_BLOCK_INPUT_DONE || s->block_state == ISAL_BLOCK_FINISH;
    if (!is_behind || s->read_in_length < 8 || taken == 0)
        return 0;
    size_t len = (size_t)s->read_in_length / 8;
    len = len < taken ? len : taken;
    s->read_in_length -= (int32_t)len * 8;
    s->read_in &= ((uint64_t)1 << s->read_in_length) - 1;
    return len;
}

static enum decoded body_take(struct inflating *i, struct bytes *packed, uint8_t *piece,
                              size_t *piece_len)
{
    struct inflate_state *s = &i->state;
    struct bytes input = bytes_first(*packed, INPUT_MAX);
    union {
        const uint8_t *given;
        uint8_t *wanted; /* where ISA-L only reads */
    } data = {input.data};
    s->next_in = data.wanted;
    s->avail_in = (uint32_t)input.len;
    s->next_out = piece;
    s->avail_out = (uint32_t)*piece_len;
    int status = isal_inflate(s);
    size_t made = *piece_len - s->avail_out, taken = input.len - s->avail_in;
    *piece_len = made;
    if (status < 0) {
        i->part = PART_BROKEN;
        return DECODED_BROKEN;
    }
    *packed = bytes_from(*packed, taken - given_back(s, taken));
    if (s->block_state == ISAL_BLOCK_FINISH)
        return DECODED_END;
    if (s->avail_out == 0 || packed->len > 0)
        return made + taken > 0 ? DECODED_PIECE : DECODED_BROKEN;
    return DECODED_WAITS;
}

static enum decoded inflating_take(void *stream, struct bytes *packed, uint8_t *piece,
                                   size_t *piece_len)
{
    struct inflating *i = stream;
    head_skip(i, packed);
    if (i->part == PART_BODY)
        return body_take(i, packed, piece, piece_len);
    *piece_len = 0;
    return i->part == PART_BROKEN ? DECODED_BROKEN : DECODED_WAITS;
}

static void inflating_close(void *stream)
{
    free(stream);
}

const struct codec_kind CODEC_KIND_GZIP = {
    .open = gzip_open,
    .restart = inflating_restart,
    .take = inflating_take,
    .size = inflating_size,
    .close = inflating_close,
};

const struct codec_kind CODEC_KIND_DEFLATE = {
    .open = deflate_open,
    .restart = inflating_restart,
    .take = inflating_take,
    .size = inflating_size,
    .close = inflating_close,
};
