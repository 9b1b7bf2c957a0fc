/*
 * The customers of one key within one interval, and which of them were seen to later: a set of
 * 32-bit entries, exact up to VISITS_MAX customers.  Beyond that every other customer is left out,
 * again and again (adaptive sampling: Flajolet, "On adaptive sampling", 1990), so that both numbers
 * stay true to about 1 in the square root of half that.
 *
 * Memory: 4 bytes a place, from the budget, of which up to seven in eight are taken; their number
 * doubles, up to 2 KiB a key.
 */
#ifndef SEEPWATCH_PROFILE_VISITS_H
#define SEEPWATCH_PROFILE_VISITS_H

#include "core/budget.h"
#include "core/pack.h"

enum {
    VISITS_MAX = 448,           /* entries of one key */
    VISITS_WHOLE_MAX = 7 << 14, /* of everybody together */
    VISITS_SLOTS = 256,         /* parts of the interval that an entry's time is kept in */
};

/* A zeroed struct is empty. */
struct visits {
    uint32_t *entries; /* size places, a power of two; 0: free */
    uint32_t count, size;
    uint32_t pending;   /* entries that may still be seen to in time */
    uint16_t oldest;    /* slot that none of them is older than */
    uint8_t level;      /* an entry stands for 2^level customers */
    uint32_t unsettled; /* entries that nothing followed, in time or later */
    uint8_t waited;     /* times that settling was put off */
};

/* visits_reserve makes room for one more entry, up to max of them; false without memory. */
bool visits_reserve(struct visits *v, struct budget *b, uint32_t max);

/* visits_add takes a customer, for whom room was reserved for that max, by a hash that is spread
 * over 64 bits, at that slot; true where the number of customers changed. */
bool visits_add(struct visits *v, uint64_t hash, unsigned slot, uint32_t max);

/* visits_have tells whether the customer is there. */
bool visits_have(const struct visits *v, uint64_t hash);

/* visits_follow tells of what the key did for a customer later; true where a number changed. */
bool visits_follow(struct visits *v, uint64_t hash);

/* visits_settle gives up waiting for what came before that slot; true where a number changed.  Of
 * many customers it does so once in some calls, of very many once in some slots, but at once where
 * the slot is the last. */
bool visits_settle(struct visits *v, unsigned before);

/* visits_count gives how many customers there were, visits_left those that nothing followed. */
uint64_t visits_count(const struct visits *v);
uint64_t visits_left(const struct visits *v);

void visits_clear(struct visits *v, struct budget *b);

/* visits_save and visits_load: as a detector's (rules/detector.h). */
void visits_save(const struct visits *v, struct pack *p);
bool visits_load(struct visits *v, struct budget *b, uint32_t max, struct cursor *c);

#endif
