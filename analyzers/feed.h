/*
 * The feed: one side's ordered bytes to its analyzer's messages.  It keeps what is too little to be
 * parsed, passes over what need not be seen without copying it, and after a gap finds the next
 * message by a chain of three that land on one another, or by one that is unmistakable.
 */
#ifndef SEEPWATCH_ANALYZERS_FEED_H
#define SEEPWATCH_ANALYZERS_FEED_H

#include "analyzers/analyzer.h"
#include "core/budget.h"

enum {
    FEED_SEARCH_MAX = 65536, /* bytes kept while the next message is looked for */
    FEED_CANDIDATES_MAX = 8, /* places that need more bytes to be told */
    FEED_SOME = 4096,        /* bytes kept while the memory for all connections is scarce */
    FEED_CHAIN = 3,          /* messages that must land on one another */
};

/* What all feeds share. */
struct feed_owner {
    struct budget *budget;
    uint64_t resyncs;
    uint64_t denied; /* messages given up for want of memory */
    struct codecs codecs;
    uint64_t broken;  /* packed runs that do not unpack to what was told */
    uint64_t refused; /* packed runs that would become too much (analyzers/packed/packed.h) */
};

/* A place where a message may start, told once `need` bytes are in the buffer. */
struct feed_candidate {
    uint32_t offset, need;
};

/* How a feed goes on. */
enum course { COURSE_GOES_ON, COURSE_WAITS, COURSE_LOST, COURSE_OVER };

struct feed {
    struct feed_owner *owner;
    const struct analyzer *analyzer; /* NULL: bytes are only kept */
    struct exchange *x;
    enum side side;
    bool is_packed;  /* what is passed over is unpacked */
    bool is_watched; /* or it is shown to the analyzer */
    bool is_inner;   /* takes what was unpacked; the bytes are counted packed */
    bool is_lost;    /* looking for a message */
    bool has_parsed; /* a message at least */
    uint8_t *buffer;
    size_t buffer_at, buffer_len, buffer_size; /* bytes: dropped at its front, kept, allocated */
    size_t wanted;                     /* bytes in the buffer before parse is called again */
    uint64_t skip;                     /* bytes still to be passed over */
    int64_t start_ns;                  /* of the first byte in the buffer */
    struct unpacking *unpacking;       /* of packed bytes; NULL: there were none */
    size_t searched;                   /* bytes of the buffer that were looked at as a start */
    struct feed_candidate *candidates; /* FEED_CANDIDATES_MAX places while lost; NULL: none yet */
    size_t candidates_count;
};

/* feed_keep appends to the buffer without parsing; false without memory. */
bool feed_keep(struct feed *f, struct bytes data, int64_t ns);

/* feed_kept views what is kept. */
struct bytes feed_kept(const struct feed *f);

/*
 * feed_take gives the next bytes; those that feed_keep kept go first.  False where the analyzer
 * handed the connection over: what it left is then what is kept, and *rest of data behind it.
 */
bool feed_take(struct feed *f, struct bytes data, int64_t ns, struct bytes *rest);

/* feed_drop forgets the first bytes of what is kept. */
void feed_drop(struct feed *f, size_t len);

/* feed_hand_over gives what is kept, and all that comes, to another analyzer. */
void feed_hand_over(struct feed *f, const struct analyzer *next);

/* feed_gap says that bytes are missing; true where they were not inside a skip. */
bool feed_gap(struct feed *f, uint64_t lost, int64_t ns);

/* feed_end says that the side is at its end: a skip up to there is done. */
void feed_end(struct feed *f);

void feed_clear(struct feed *f);

/*
 * feed_start tells whether a message of that analyzer and side starts at offset of data: START_SURE
 * by itself or by a chain of FEED_CHAIN, START_SHORT where *need bytes of data could tell more.
 */
enum start feed_start(const struct analyzer *a, const struct exchange *x, enum side side,
                      struct bytes data, size_t offset, size_t *need);

#endif
