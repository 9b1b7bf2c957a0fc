/*
 * Memory for things that are built once and live and die together: the tree of a file, a set of
 * compiled rules.  Taken piece by piece, freed at once.
 */
#ifndef SEEPWATCH_RULES_ARENA_H
#define SEEPWATCH_RULES_ARENA_H

#include "core/bytes.h"

struct arena_chunk;

/* A zeroed struct is an empty arena. */
struct arena {
    struct arena_chunk *newest;
    bool failed; /* there was no memory once */
};

/* arena_take gives size zeroed bytes, aligned for anything; NULL, and the arena failed, where there
 * is no memory. */
void *arena_take(struct arena *a, size_t size);

/* arena_copy keeps a copy of b with a zero byte behind it; empty where there is no memory. */
struct bytes arena_copy(struct arena *a, struct bytes b);

void arena_clear(struct arena *a);

#endif
