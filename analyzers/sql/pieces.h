/*
 * Short items in bytes that pass in pieces cut anywhere: an item that a piece cuts is kept until
 * the rest of it comes.  What is long is passed over.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_PIECES_H
#define SEEPWATCH_ANALYZERS_SQL_PIECES_H

#include "core/cursor.h"

enum {
    PIECES_ITEM_MAX = 120, /* bytes of an item */
    PIECES_BROKEN = PIECES_ITEM_MAX + 1,
};

/* A zeroed struct is at a beginning. */
struct pieces {
    uint64_t skip; /* bytes to be passed over before the next item */
    uint8_t kept_len;
    bool is_broken; /* an item was none: the rest is passed over */
    uint8_t kept[PIECES_ITEM_MAX];
};

/* pieces_begin is at a beginning again. */
void pieces_begin(struct pieces *p);

/*
 * pieces_take passes bytes on to `item`, which reads the item at the cursor and returns 0 (it may
 * set *skip, the bytes that follow and are none of an item), or tells how many bytes from the
 * item's beginning on it needs, at most PIECES_ITEM_MAX; it is called again then, with so many.
 * PIECES_BROKEN: it is no item.
 */
void pieces_take(struct pieces *p, struct bytes seen,
                 size_t (*item)(void *context, struct cursor *in, uint64_t *skip), void *context);

/* pieces_lose says that bytes are missing; the rest is passed over, unless they are all of those
 * that would be. */
void pieces_lose(struct pieces *p, uint64_t lost);

#endif
