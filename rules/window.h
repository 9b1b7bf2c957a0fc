/*
 * A sliding window over packet time in bounded memory: 32 buckets, not a list of events.  A bucket
 * is over/32 long; the one of now and the 32 before it count, so that between `over` and 33/32 of
 * it is covered: a burst within `over` is never missed.  What comes late goes into the bucket of
 * its own time, as long as that still counts.
 *
 * The bytes that were seen and lost, of which an alert tells the share, fade as the window moves
 * on: by a 33rd with each bucket.
 *
 * Memory: 64 bytes; from the second bucket in use on, 9 for each but the newest, rounded up by
 * doubling: at most 288.
 */
#ifndef SEEPWATCH_RULES_WINDOW_H
#define SEEPWATCH_RULES_WINDOW_H

#include "core/budget.h"
#include "core/pack.h"

enum { WINDOW_BUCKETS = 33 };

/* The sum of a window's amounts, which cannot overflow.  A typedef against the house's custom: the
 * compiler's own name for it is none of C's. */
__extension__ typedef unsigned __int128 window_total __attribute__((aligned(8)));

/* A zeroed struct is empty. */
struct window {
    window_total total;  /* of all amounts */
    uint64_t now;        /* the sum, or the largest, of the newest bucket in use */
    int64_t newest;      /* bucket number reached; nothing WINDOW_BUCKETS before it counts */
    uint64_t *older;     /* those of the buckets before, the oldest first; then their numbers */
    float seen, lost;    /* bytes */
    uint8_t count, size; /* of the older ones */
    uint8_t age;         /* by how much the newest in use is before `newest` */
    bool has_begun, is_used;
};

enum window_status {
    WINDOW_COUNTED,
    WINDOW_LATE,   /* older than the window */
    WINDOW_DENIED, /* the budget has no memory */
};

/* What one transaction adds. */
struct window_amount {
    uint64_t amount;
    uint64_t seen, lost; /* bytes */
    bool is_max;         /* the amount is compared, not added */
};

/* window_number gives the number of the bucket of a time, for windows of that length. */
int64_t window_number(int64_t ns, int64_t over_ns);

/* The bucket asked for last, of windows of one length: times come mostly in order, and a division
 * is slow.  A zeroed struct knows none. */
struct window_clock {
    int64_t from_ns, to_ns; /* of the bucket; to_ns is the next one's */
    int64_t number;
};

/* window_clock_set goes to the bucket of that time. */
void window_clock_set(struct window_clock *c, int64_t ns, int64_t over_ns);

/* window_number_by is window_number; one clock serves one length. */
static inline int64_t window_number_by(struct window_clock *c, int64_t ns, int64_t over_ns)
{
    if (ns < c->from_ns || ns >= c->to_ns)
        window_clock_set(c, ns, over_ns);
    return c->number;
}

/* window_advance forgets what is too old at the bucket of that number. */
void window_advance(struct window *w, int64_t number);

enum window_status window_add(struct window *w, struct budget *b, int64_t number,
                              const struct window_amount *amount);

/* window_sum and window_max read the window as it was last advanced; the sum stops at its largest
 * value. */
uint64_t window_sum(const struct window *w);
uint64_t window_max(const struct window *w);

/* window_lost_share gives lost / (lost + seen), 0 to 1. */
double window_lost_share(const struct window *w);

void window_clear(struct window *w, struct budget *b);

/* window_save writes it down, window_load reads that into an empty one; false where it cannot be,
 * or without memory. */
void window_save(const struct window *w, struct pack *p);
bool window_load(struct window *w, struct budget *b, struct cursor *c);

#endif
