/*
 * A table that lasts (core/table.h): its entries go into the snapshots of a state (profile/state.h)
 * as they all were at one moment, although they go on changing while they are written, a few at a
 * time.  Only those are written that changed since the snapshot before; one that is about to change
 * is written first.
 *
 * Every value has a mark, a uint32_t: the snapshot after which it changed last.  It costs one
 * comparison a touch.  A row of the state is an entry's number in the table.
 */
#ifndef SEEPWATCH_PROFILE_LASTING_H
#define SEEPWATCH_PROFILE_LASTING_H

#include "core/table.h"
#include "profile/state.h"

/* A zeroed struct keeps nothing. */
struct lasting {
    struct table *table;
    /* Where the entries are not the table's values but stand beside it: the one of a number, NULL
     * where there is none, and its number.  NULL: they are its values. */
    void *(*at)(void *context, size_t number);
    size_t (*number)(void *context, const void *value);
    size_t mark_at; /* bytes; where the mark is in a value */
    /* Writes an entry down; and the time by which it is the newest of all. */
    void (*save)(void *context, void *value, struct pack *p);
    int64_t (*time_ns)(void *context, const void *value);
    void *context;
    uint8_t version; /* of what save writes */

    uint32_t epoch; /* the number of the last snapshot; 0: there is no state */
    bool is_whole;  /* all of it has to be written, with the next snapshot or this one */
    bool is_saving;
    bool must_restart; /* is_whole, once this snapshot is written */
    struct state *state;
    uint32_t part;
    size_t next;      /* number that is looked at next */
    struct pack gone; /* numbers of entries that went since the last snapshot began */
};

enum { LASTING_GONE_MAX = 65536 /* beyond that all of it is written anew */ };

/* lasting_start begins to note what changes; all that is there is new.  lasting_clear gives its
 * memory back, after its table was closed. */
void lasting_start(struct lasting *l);
void lasting_clear(struct lasting *l);

/* lasting_move does the same once its entries have another table; no snapshot is being taken. */
void lasting_move(struct lasting *l, struct table *table);

/* lasting_begin takes up the entries as they are now for a snapshot of the state; all of them where
 * the state has nothing of them. */
void lasting_begin(struct lasting *l, struct state *state, uint32_t part, bool is_whole);

/* lasting_step writes the next ones, while the state has room and up to that many numbers; false
 * once all are written. */
bool lasting_step(struct lasting *l, size_t numbers_max);

/* lasting_abandon forgets a snapshot that will not be: the next one has to have everything. */
void lasting_abandon(struct lasting *l);

/* The slow path of lasting_touch. */
void lasting_change(struct lasting *l, void *value, bool is_new);

/* lasting_touch is called before a value changes, or after it was made. */
static inline void lasting_touch(struct lasting *l, void *value, bool is_new)
{
    const uint32_t *mark = (const uint32_t *)(const void *)((const char *)value + l->mark_at);
    if (l->epoch != 0 && *mark != l->epoch)
        lasting_change(l, value, is_new);
}

/* lasting_remove is called before an entry goes. */
void lasting_remove(struct lasting *l, void *value);

#endif
