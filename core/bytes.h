/*
 * A view of bytes that somebody else owns.  A view is never stored longer than its owner promises.
 */
#ifndef SEEPWATCH_CORE_BYTES_H
#define SEEPWATCH_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t len; /* bytes */
};

/* bytes_of views a C string, without its terminating zero. */
static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* bytes_first views the first len bytes, or all of them where there are fewer. */
static inline struct bytes bytes_first(struct bytes b, size_t len)
{
    return (struct bytes){b.data, b.len < len ? b.len : len};
}

/* bytes_from views what follows the first len bytes; empty where there are no more. */
static inline struct bytes bytes_from(struct bytes b, size_t len)
{
    if (len >= b.len)
        return (struct bytes){NULL, 0};
    return (struct bytes){b.data + len, b.len - len};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool bytes_are(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_of(text));
}

/* bytes_are_nocase compares as ASCII without case, as HTTP field names and SQL keywords are. */
bool bytes_are_nocase(struct bytes a, const char *text);

/* bytes_start tells whether b begins with text. */
static inline bool bytes_start(struct bytes b, const char *text)
{
    size_t len = strlen(text);
    return b.len >= len && memcmp(b.data, text, len) == 0;
}

/* bytes_index gives the place of the first byte equal to c, or b.len where there is none. */
static inline size_t bytes_index(struct bytes b, uint8_t c)
{
    const void *hit = b.len > 0 ? memchr(b.data, c, b.len) : NULL;
    return hit ? (size_t)((const uint8_t *)hit - b.data) : b.len;
}

/* bytes_find gives the place of the first occurrence of wanted, or b.len where there is none. */
size_t bytes_find(struct bytes b, struct bytes wanted);

/* bytes_trim takes ASCII blanks (space, tab, CR, LF) off both ends. */
struct bytes bytes_trim(struct bytes b);

/* bytes_number reads an unsigned decimal number that fills all of b; false if it is none or too
 * large. */
bool bytes_number(struct bytes b, uint64_t *number);

/* bytes_utf8_len gives the length of the UTF-8 sequence (RFC 3629) that b begins with, 0 where
 * there is none; b is not empty. */
size_t bytes_utf8_len(struct bytes b);

#endif
