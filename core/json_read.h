/*
 * Reading JSON text (RFC 8259) value by value, in one pass and without memory of its own: for logs.
 * The first mistake sets `problem`; after it every read gives nothing, so that a reader asks once.
 */
#ifndef SEEPWATCH_CORE_JSON_READ_H
#define SEEPWATCH_CORE_JSON_READ_H

#include "core/bytes.h"

enum { JSON_READ_DEPTH_MAX = 32 };

struct json_reader {
    uint8_t *text; /* the caller's; escapes in it are resolved where they stand */
    size_t len, at;
    const char *problem; /* NULL: none so far */
};

/* json_read_fail notes a problem, unless there is one already; false. */
bool json_read_fail(struct json_reader *r, const char *problem);

/* json_read_peek gives the next byte that is no blank, and stands before it; 0 at the end. */
static inline uint8_t json_read_peek(struct json_reader *r)
{
    while (r->at < r->len && r->text[r->at] <= ' ')
        r->at++;
    return r->at < r->len ? r->text[r->at] : 0;
}

/* json_read_take moves over that byte; false, and nothing is moved over, where another one is next.
 */
static inline bool json_read_take(struct json_reader *r, uint8_t wanted)
{
    bool is_next = !r->problem && json_read_peek(r) == wanted;
    r->at += is_next;
    return is_next;
}

/* json_read_text views a string, its escapes resolved; false where it is none. */
bool json_read_text(struct json_reader *r, struct bytes *text);

/* json_read_unsigned reads a whole number that a uint64_t holds. */
bool json_read_unsigned(struct json_reader *r, uint64_t *value);

bool json_read_real(struct json_reader *r, double *value);
bool json_read_boolean(struct json_reader *r, bool *value);

/* json_read_word moves over that word; false where something else is next, which is no problem. */
bool json_read_word(struct json_reader *r, const char *word);

static inline bool json_read_null(struct json_reader *r)
{
    return json_read_peek(r) == 'n' && json_read_word(r, "null");
}

/* json_read_skip moves over a value of any kind. */
bool json_read_skip(struct json_reader *r);

/* json_read_end tells whether nothing but blanks is left. */
bool json_read_end(struct json_reader *r);

#endif
