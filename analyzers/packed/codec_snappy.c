/*
 * Snappy's raw format, piece by piece.  The window is what the reference compressor uses: it packs
 * blocks of 64 KiB apart, so that no copy reaches further back; one that does is taken for broken.
 *
 * https://github.com/google/snappy/blob/main/format_description.txt
 */
#include "analyzers/packed/codec.h"

#include "core/cursor.h"

#include <stdlib.h>

enum {
    WINDOW_LEN = 1 << 16, /* bytes; a power of two */
    LENGTH_BYTES_MAX = 5, /* of the unpacked length, seven bits each */
    TAG_BYTES_MAX = 5,    /* of an element's tag */
};

struct snappy {
    uint8_t window[WINDOW_LEN]; /* what came out last; the next byte goes to made % WINDOW_LEN */
    uint64_t made, whole;       /* bytes that came out, and that will */
    uint8_t length_bytes;       /* of the length, read so far */
    bool has_length;
    uint8_t tag[TAG_BYTES_MAX]; /* of the element that is read, tag_len bytes of it */
    uint8_t tag_len;
    uint32_t left;   /* bytes that the element still gives */
    uint32_t offset; /* from where they are copied, counted back; 0: they follow */
};

static void *snappy_open(void)
{
    return calloc(1, sizeof(struct snappy));
}

static bool snappy_restart(void *stream)
{
    struct snappy *s = stream;
    s->made = s->whole = 0;
    s->length_bytes = s->tag_len = 0;
    s->has_length = false;
    s->left = s->offset = 0;
    return true;
}

/* False where it has too many bytes. */
static bool read_length(struct snappy *s, struct cursor *in)
{
    while (!s->has_length && cursor_left(in) > 0) {
        uint8_t byte = cursor_u8(in);
        if (s->length_bytes == LENGTH_BYTES_MAX)
            return false;
        s->whole |= (uint64_t)(byte & 0x7f) << (7 * s->length_bytes++);
        s->has_length = byte < 0x80;
    }
    return s->whole <= UINT32_MAX;
}

/* The bytes of a tag, by its first. */
static uint8_t tag_size(uint8_t first)
{
    switch (first & 3) {
    case 0: /* lengths from 61 on follow in one to four bytes */
        return (uint8_t)(first >> 2 < 60 ? 1 : (first >> 2) - 58);
    case 1:
        return 2;
    case 2:
        return 3;
    default:
        return 5;
    }
}

/* What a whole tag says; false where that cannot be. */
static bool begin_element(struct snappy *s)
{
    uint8_t first = s->tag[0];
    struct cursor more = cursor_over((struct bytes){s->tag + 1, (size_t)s->tag_len - 1});
    uint32_t value = 0;
    for (unsigned shift = 0; cursor_left(&more) > 0; shift += 8)
        value |= (uint32_t)cursor_u8(&more) << shift;
    s->left = (uint32_t)(first >> 2) + 1;
    s->offset = value;
    if ((first & 3) == 0 && s->tag_len > 1)
        s->left = value + 1;
    if ((first & 3) == 0)
        s->offset = 0;
    if ((first & 3) == 1) {
        s->left = (uint32_t)(first >> 2 & 7) + 4;
        s->offset = value | (uint32_t)(first >> 5) << 8;
    }
    s->tag_len = 0;
    bool is_copy = first & 3;
    if (is_copy && (s->offset == 0 || s->offset > WINDOW_LEN || s->offset > s->made))
        return false;
    return s->left > 0 && s->left <= s->whole - s->made;
}

/* Reads a tag; false where that cannot be one.  Without an element behind it more is needed. */
static bool read_tag(struct snappy *s, struct cursor *in)
{
    while (cursor_left(in) > 0) {
        s->tag[s->tag_len++] = cursor_u8(in);
        if (s->tag_len == tag_size(s->tag[0]))
            return begin_element(s);
    }
    return true;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Bytes of the element, at most as many as there is room for. */
static size_t give(struct snappy *s, struct cursor *in, uint8_t *to, size_t room)
{
    size_t at = s->made & (WINDOW_LEN - 1), from = (s->made - s->offset) & (WINDOW_LEN - 1);
    size_t len = least(least(s->left, room), WINDOW_LEN - at);
    if (s->offset == 0) {
        struct bytes literal = cursor_take(in, least(len, cursor_left(in)));
        len = literal.len;
        if (len > 0)
            memcpy(s->window + at, literal.data, len);
    } else {
        /* a copy that reaches into itself repeats: what it made is copied again */
        len = least(least(len, s->offset), WINDOW_LEN - from);
        memmove(s->window + at, s->window + from, len);
    }
    memcpy(to, s->window + at, len);
    s->made += len;
    s->left -= (uint32_t)len;
    return len;
}

static enum decoded snappy_take(void *stream, struct bytes *packed, uint8_t *piece,
                                size_t *piece_len)
{
    struct snappy *s = stream;
    struct cursor in = cursor_over(*packed);
    size_t len = 0;
    bool is_good = read_length(s, &in);
    while (is_good && s->has_length && s->made < s->whole && len < *piece_len) {
        if (s->left == 0)
            is_good = read_tag(s, &in);
        if (!is_good || s->left == 0 || (s->offset == 0 && cursor_left(&in) == 0))
            break;
        len += give(s, &in, piece + len, *piece_len - len);
    }
    bool is_full = len == *piece_len;
    *piece_len = len;
    *packed = cursor_rest(&in);
    if (!is_good)
        return DECODED_BROKEN;
    if (s->has_length && s->made == s->whole)
        return DECODED_END;
    return is_full ? DECODED_PIECE : DECODED_WAITS;
}

static size_t snappy_size(const void *stream)
{
    (void)stream;
    return sizeof(struct snappy);
}

const struct codec_kind CODEC_KIND_SNAPPY = {
    .open = snappy_open,
    .restart = snappy_restart,
    .take = snappy_take,
    .size = snappy_size,
    .close = free,
};
