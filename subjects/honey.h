/*
 * Planted customers: a set of ids that a reload replaces as a whole while workers look into it.
 * Each worker holds the set that it looks into, and takes the new one at its next look.
 */
#ifndef SEEPWATCH_SUBJECTS_HONEY_H
#define SEEPWATCH_SUBJECTS_HONEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct honey;
struct honey_set;

/* A worker's hold.  A zeroed struct holds nothing. */
struct honey_view {
    const struct honey_set *set;
    uint64_t version;
};

/* honey_open has an empty set; NULL without memory. */
struct honey *honey_open(void);
/* honey_close needs all views closed. */
void honey_close(struct honey *h);

/* honey_publish takes sorted ids as the new set, a copy of them; false, and the old set stays,
 * without memory. */
bool honey_publish(struct honey *h, const uint64_t *sorted, size_t count);

/* honey_has looks into the newest set. */
bool honey_has(struct honey *h, struct honey_view *view, uint64_t id);
/* honey_is_empty tells whether there is nothing to look for. */
bool honey_is_empty(struct honey *h, struct honey_view *view);
/* honey_view_close gives the set back. */
void honey_view_close(struct honey *h, struct honey_view *view);

#endif
