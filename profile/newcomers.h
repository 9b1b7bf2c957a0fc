/*
 * Who has met whom: pairs of a network and a customer, kept for a time as bits (Bloom, "Space/time
 * trade-offs in hash coding with allowable errors", 1970), in blocks that are filled one after
 * another and go when they are too old.  A pair that was met is always known as such; one in about
 * a hundred that was not is taken for known.
 *
 * Memory: 256 KiB for each 200,000 pairs, from the budget; at most NEWCOMERS_BLOCKS_MAX of them.
 */
#ifndef SEEPWATCH_PROFILE_NEWCOMERS_H
#define SEEPWATCH_PROFILE_NEWCOMERS_H

#include "core/budget.h"
#include "core/pack.h"

enum {
    NEWCOMERS_BLOCKS_MAX = 256,
    NEWCOMERS_BLOCK_BYTES = 256 << 10,
    NEWCOMERS_BLOCK_PAIRS = 200000,
    NEWCOMERS_SAVED_MAX = 30, /* blocks, the newest: who was met before that is new again */
    NEWCOMERS_AGES = 4,       /* blocks that `forget` is divided into at least */
};

struct newcomers_block {
    uint8_t *bits;
    uint32_t pairs;
    int64_t since_ns, newest_ns;
};

/* A zeroed struct has met nobody. */
struct newcomers {
    struct newcomers_block blocks[NEWCOMERS_BLOCKS_MAX]; /* the oldest first */
    size_t count;
};

/* newcomers_meet tells whether the pair, by a hash spread over 64 bits, was met within forget_ns
 * before, and remembers it.  Without memory the oldest block goes. */
bool newcomers_meet(struct newcomers *n, struct budget *b, uint64_t hash, int64_t time_ns,
                    int64_t forget_ns);

void newcomers_clear(struct newcomers *n, struct budget *b);

/* newcomers_save and newcomers_load: as a detector's (rules/detector.h). */
void newcomers_save(const struct newcomers *n, struct pack *p);
bool newcomers_load(struct newcomers *n, struct budget *b, struct cursor *c);

#endif
