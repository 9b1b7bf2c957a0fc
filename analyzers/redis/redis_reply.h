/*
 * A reply's values inside one another, and those of them that are rows.
 */
#ifndef SEEPWATCH_ANALYZERS_REDIS_REDIS_REPLY_H
#define SEEPWATCH_ANALYZERS_REDIS_REDIS_REPLY_H

#include "analyzers/redis/redis_start.h"

enum {
    REDIS_DEPTH_MAX = 12 /* aggregates inside one another that are told apart; of deeper ones the
                            values are only counted */
};

enum redis_level_kind {
    REDIS_LEVEL_COUNTED,
    REDIS_LEVEL_ATTRIBUTE, /* stands before a value and is none */
    REDIS_LEVEL_ENDED,     /* goes on to a "." */
    REDIS_LEVEL_CHUNKS,    /* a string that goes on to an empty piece */
    REDIS_LEVEL_LOOSE,     /* something of it, or its beginning, was lost: at most `left` values */
};

struct redis_level {
    uint64_t left; /* values still to come */
    enum redis_level_kind kind;
};

/* The reply that is being read, or one of those in EXEC's array. */
struct redis_reply {
    struct redis_level level[REDIS_DEPTH_MAX];
    unsigned depth;      /* levels that are open */
    unsigned base;       /* those that hold replies: 1 inside EXEC's array */
    unsigned attributes; /* levels that are, or are inside of, an attribute */
    uint8_t type;        /* of its first token; 0: that was lost */
    uint8_t scalar;      /* type of the last value in it that is no aggregate; 0: none yet */
    uint8_t aggregate;   /* type of the last aggregate that is an element of it; 0: none yet */
    uint64_t arity;      /* values of that aggregate */
    uint64_t count;      /* of the first token */
    uint64_t elements;   /* so far */
    uint64_t request;    /* number of the request that it answers; 0: of one made for it */
    uint64_t exec;       /* number of the EXEC whose array it is in; 0: none */
};

/* redis_reply_begin forgets the last reply at the base. */
void redis_reply_begin(struct redis_reply *p, const struct redis_token *t);

/* redis_reply_loosen says that bytes of the reply were lost. */
void redis_reply_loosen(struct redis_reply *p);
/* redis_reply_lacks_head makes the first token seen an element of a reply whose own was lost. */
void redis_reply_lacks_head(struct redis_reply *p);
/* redis_reply_goes_on tells whether a token can still be of the reply of which bytes were lost. */
bool redis_reply_goes_on(const struct redis_reply *p, const struct redis_token *t);

/*
 * redis_reply_take puts the token in its place; false where it has none.  *is_done: the reply, a
 * value at the base, has ended with it.
 */
bool redis_reply_take(struct redis_reply *p, const struct redis_token *t, bool *is_done);
/* redis_reply_pass moves over strings that are plain values of the reply of r and are there as a
 * whole, all but the last value; what they tell of its rows is counted. */
void redis_reply_pass(struct redis_reply *p, struct request *r, struct cursor *in);
/* redis_reply_done says that a value at the open level has ended; true where that was a reply. */
bool redis_reply_done(struct redis_reply *p);

/* redis_reply_rows counts what the token tells, before it is taken, of the rows of r. */
void redis_reply_rows(const struct redis_reply *p, struct request *r, const struct redis_token *t);

#endif
