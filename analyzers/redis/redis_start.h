/*
 * What RESP looks like from outside: its tokens, and whether a command or a reply can start at some
 * bytes.
 */
#ifndef SEEPWATCH_ANALYZERS_REDIS_REDIS_START_H
#define SEEPWATCH_ANALYZERS_REDIS_REDIS_START_H

#include "analyzers/analyzer.h"

enum {
    REDIS_LINE_MAX = 1024,        /* bytes of a line that are read; the rest is passed over */
    REDIS_NUMBER_LINE_MAX = 24,   /* bytes of a line that is a length or a count, without its end */
    REDIS_ARGUMENTS_MAX = 1 << 30 /* of a command; of a reply, elements */
};

/* What a message on the bus of a cluster begins with. */
#define REDIS_BUS_SIGNATURE "RCmb"

#define REDIS_STRING_MAX (INT64_C(1) << 40) /* bytes; far over the 512 MB that servers take */

/*
 * A token is a line that begins with its type: a value by itself ("+OK", ":5"), or how many bytes
 * or values follow.
 */
struct redis_token {
    uint8_t type;      /* the first byte */
    bool is_null;      /* $-1, *-1, _ */
    bool is_streamed;  /* $?, *? and their like: what follows tells its own end */
    bool is_long_line; /* the line's end is not there: only the front of it is read */
    uint64_t count;    /* bytes of a string, values of an aggregate, pairs of a map; an integer */
    struct bytes text; /* of a line that is a value by itself */
};

enum redis_read {
    REDIS_READ,
    REDIS_READ_SHORT, /* its end is not there */
    REDIS_READ_BAD,
};

/* redis_token_read reads a token; in moves only where there is one. */
enum redis_read redis_token_read(struct cursor *in, struct redis_token *t);

/* redis_count_skip moves over a number of up to nine digits and the end of its line; false, without
 * moving, where something else is there. */
static inline bool redis_count_skip(struct cursor *in, uint64_t *count)
{
    struct bytes rest = cursor_rest(in);
    uint64_t value = 0;
    size_t at = 0;
    for (; at < rest.len && at < 9 && rest.data[at] >= '0' && rest.data[at] <= '9'; at++)
        value = value * 10 + (uint64_t)(rest.data[at] - '0');
    if (at == 0 || rest.len - at < 2 || rest.data[at] != '\r' || rest.data[at + 1] != '\n')
        return false;
    *count = value;
    cursor_skip(in, at + 2);
    return true;
}

/* redis_string_skip moves over a string that is there as a whole, which most are; false, without
 * moving, where it is not, or is null. */
static inline bool redis_string_skip(struct cursor *in)
{
    struct cursor peek = *in;
    uint64_t len;
    if (cursor_u8(&peek) != '$' || !redis_count_skip(&peek, &len) || cursor_left(&peek) < len + 2)
        return false;
    cursor_skip(&peek, (size_t)len + 2);
    *in = peek;
    return true;
}

/* redis_is_string tells whether count bytes and an end of line follow the token. */
static inline bool redis_is_string(const struct redis_token *t)
{
    return (t->type == '$' || t->type == '=' || t->type == '!' || t->type == ';') && !t->is_null &&
           !t->is_streamed;
}

static inline bool redis_is_map(const struct redis_token *t)
{
    return t->type == '%' || t->type == '|';
}

/* redis_is_aggregate tells whether count values follow (pairs of them: redis_is_map). */
static inline bool redis_is_aggregate(const struct redis_token *t)
{
    return (t->type == '*' || t->type == '~' || t->type == '>' || redis_is_map(t)) && !t->is_null;
}

/* redis_word takes the next word off an inline command, without its quotes; empty at its end. */
struct bytes redis_word(struct bytes *line);

enum start redis_starts_here(const struct exchange *x, enum side side, struct cursor in,
                             uint64_t *message_len);

#endif
