/*
 * What crowd.c and crowd_save.c share.
 */
#ifndef SEEPWATCH_PROFILE_CROWD_STATE_H
#define SEEPWATCH_PROFILE_CROWD_STATE_H

#include "core/table.h"
#include "profile/crowd.h"

enum { CROWD_BINS = 64 };

/* What members did and what was expected of them, in one interval. */
struct crowd_sums {
    int64_t interval;
    float seen[USUAL_COUNTS], expected[USUAL_COUNTS];
    float excess, weight; /* of the share: seen less expected, and its variance */
    float members;
};

struct crowd_group {
    struct crowd_sums past[CROWD_PAST]; /* at its number modulo that */
    float usual[USUAL_COUNTS];          /* of all members together, active or not */
    float members;
};

struct crowd_bin {
    double seen, expected, members;
};

struct crowd_factors {
    int64_t interval;
    double counts[USUAL_COUNTS], shift;
};

struct crowd {
    bool has_groups;
    bool has_begun;
    int64_t interval;
    uint64_t closed;
    double passed; /* of the interval */
    struct crowd_group all;
    struct table *groups;
    struct crowd_bin bins[USUAL_COUNTS][CROWD_BINS];
    struct crowd_factors past[CROWD_PAST];
    /* How much of an interval's ratio is reached at the end of each slot: as learned, and as seen
     * today. */
    double curve[USUAL_COUNTS][CROWD_SLOTS], today[USUAL_COUNTS][CROWD_SLOTS];
    unsigned slots_seen; /* of today */
    struct crowd_factors live;
    double live_passed[USUAL_COUNTS]; /* the curve now */
    unsigned live_left;               /* changes until it is computed anew; 0: now */
};

/* crowd_bin_of gives the bin where a member's count belongs. */
uint8_t crowd_bin_of(const struct crowd_member *m, unsigned i);

#endif
