/*
 * Reading untrusted bytes.  A cursor is a view that moves: every read takes bytes off its front.  A
 * read past the end gives zero or an empty view and leaves the cursor short, for good: a parser
 * reads a whole header in straight lines and asks once, cursor_is_short, before it acts.  A short
 * cursor has nothing left, so every loop on cursor_left ends.  Names carry order and width:
 * cursor_be32 is a big-endian uint32_t.
 *
 * This is the only place, with core/cursor.c, where pointers into wire bytes are computed.
 */
#ifndef SEEPWATCH_CORE_CURSOR_H
#define SEEPWATCH_CORE_CURSOR_H

#include "core/bytes.h"

struct cursor {
    const uint8_t *at; /* NULL once short */
    size_t left;       /* bytes; 0 once short */
};

static inline struct cursor cursor_over(struct bytes b)
{
    static const uint8_t nothing[1];
    return (struct cursor){b.data ? b.data : nothing, b.len};
}

static inline bool cursor_is_short(const struct cursor *c)
{
    return c->at == NULL;
}

static inline size_t cursor_left(const struct cursor *c)
{
    return c->left;
}

/* cursor_rest views what is left without moving. */
static inline struct bytes cursor_rest(const struct cursor *c)
{
    return (struct bytes){c->at, c->left};
}

/* cursor_take moves over len bytes and views them; the one primitive that moves. */
static inline struct bytes cursor_take(struct cursor *c, size_t len)
{
    if (len > c->left || c->at == NULL) {
        c->at = NULL;
        c->left = 0;
        return (struct bytes){NULL, 0};
    }
    struct bytes taken = {c->at, len};
    c->at += len;
    c->left -= len;
    return taken;
}

static inline void cursor_skip(struct cursor *c, size_t len)
{
    (void)cursor_take(c, len);
}

/* cursor_inner takes len bytes as a cursor of their own; it is short from the start where they are
 * not there. */
static inline struct cursor cursor_inner(struct cursor *c, size_t len)
{
    struct bytes b = cursor_take(c, len);
    return cursor_is_short(c) ? (struct cursor){NULL, 0} : cursor_over(b);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    struct bytes b = cursor_take(c, 1);
    return b.len ? b.data[0] : 0;
}

static inline uint16_t cursor_be16(struct cursor *c)
{
    struct bytes b = cursor_take(c, 2);
    return b.len ? (uint16_t)(b.data[0] << 8 | b.data[1]) : 0;
}

static inline uint32_t cursor_be24(struct cursor *c)
{
    struct bytes b = cursor_take(c, 3);
    return b.len ? (uint32_t)b.data[0] << 16 | (uint32_t)b.data[1] << 8 | b.data[2] : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
    struct bytes b = cursor_take(c, 4);
    if (!b.len)
        return 0;
    return (uint32_t)b.data[0] << 24 | (uint32_t)b.data[1] << 16 | (uint32_t)b.data[2] << 8 |
           b.data[3];
}

static inline uint64_t cursor_be64(struct cursor *c)
{
    uint64_t high = cursor_be32(c);
    return high << 32 | cursor_be32(c);
}

static inline uint16_t cursor_le16(struct cursor *c)
{
    struct bytes b = cursor_take(c, 2);
    return b.len ? (uint16_t)(b.data[1] << 8 | b.data[0]) : 0;
}

static inline uint32_t cursor_le32(struct cursor *c)
{
    struct bytes b = cursor_take(c, 4);
    if (!b.len)
        return 0;
    return (uint32_t)b.data[3] << 24 | (uint32_t)b.data[2] << 16 | (uint32_t)b.data[1] << 8 |
           b.data[0];
}

/* cursor_until takes the bytes before the next `end` and moves over it too; short where there is
 * none. */
static inline struct bytes cursor_until(struct cursor *c, uint8_t end)
{
    struct bytes rest = cursor_rest(c);
    size_t len = bytes_index(rest, end);
    struct bytes taken = cursor_take(c, len);
    cursor_skip(c, 1);
    return cursor_is_short(c) ? (struct bytes){NULL, 0} : taken;
}

/* cursor_text takes a string that ends in a zero byte. */
static inline struct bytes cursor_text(struct cursor *c)
{
    return cursor_until(c, 0);
}

#endif
