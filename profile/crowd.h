/*
 * What moves everybody, or a group of peers, on one day (or in one hour): a campaign, a holiday, a
 * release.  All keys of a rule are members of the crowd, and of one group of it each (an agency).
 * From the sums of what its members did and of what was expected of them comes
 *
 *   - the factor of the crowd: the ratio of both over the middle 80 % of the members, so that
 *     nobody who is far out moves it;
 *   - the factor of a member's colleagues, without the member itself, drawn to 1 where they are
 * few;
 *   - likewise the shift of the share, in logits;
 *   - what the colleagues, and all, usually have: where a new member begins.
 *
 * While the interval lasts, what is expected by now comes from how earlier ones went, part by part.
 * The sums of the last CROWD_PAST intervals are kept, so that a member's interval can be closed
 * when it is next active.
 *
 * Memory: about 1 KB for each group, at most CROWD_GROUPS_MAX of them; 48 bytes in each member.
 */
#ifndef SEEPWATCH_PROFILE_CROWD_H
#define SEEPWATCH_PROFILE_CROWD_H

#include "profile/usual.h"

enum {
    CROWD_PAST = 24,
    CROWD_SLOTS = 48, /* parts of an interval */
    CROWD_GROUPS_MAX = 8192,
};

struct crowd;

/* A member's part in the sums; zero at first. */
struct crowd_member {
    uint64_t group;             /* by a hash; 0: of none */
    float told[USUAL_COUNTS];   /* its usual means, as the sums have them */
    float base[USUAL_COUNTS];   /* what is expected of it in this interval by itself */
    float share;                /* likewise */
    float counts[USUAL_COUNTS]; /* of this interval, as the sums have them */
    float decided;              /* of the whole: those of which the part is known by now */
    uint32_t group_number;      /* where the group was found last */
    uint8_t bins[USUAL_COUNTS]; /* that the counts stand in */
    bool has_told;
};

/* crowd_open: has_groups: members have colleagues.  NULL without memory. */
struct crowd *crowd_open(bool has_groups, uint64_t seed);
void crowd_close(struct crowd *c);

/* crowd_reach goes on to a time: the number of its interval, and how much of that has passed, 0 to
 * 1.  A number before it begins that interval anew: the clock was wrong. */
void crowd_reach(struct crowd *c, int64_t interval, double passed);

/* crowd_interval gives the number reached; crowd_closed how many intervals are over. */
int64_t crowd_interval(const struct crowd *c);
uint64_t crowd_closed(const struct crowd *c);

/* crowd_peers gives what a member would have if it was like its colleagues; false where nothing is
 * known of anybody. */
bool crowd_peers(struct crowd *c, const struct crowd_member *m, struct usual_level *level);

/* crowd_tell tells what a member usually has, after it learned. */
void crowd_tell(struct crowd *c, struct crowd_member *m, const struct usual *u);

/* crowd_enter makes a member take part in the interval now, with what is expected of it. */
void crowd_enter(struct crowd *c, struct crowd_member *m, const struct usual_level *usual);

/* crowd_count tells what a member that is in has counted so far. */
void crowd_count(struct crowd *c, struct crowd_member *m, const double counts[USUAL_COUNTS],
                 double decided);

/* crowd_level gives what is expected of a member in that interval, the one now or one before: its
 * base, moved by the crowd and its colleagues. */
struct usual_level crowd_level(struct crowd *c, const struct crowd_member *m, int64_t interval);

/* crowd_reached tells what part of an interval's count is usually there by now, 0 to 1; 1 while
 * that is not known. */
double crowd_reached(struct crowd *c, enum usual_count of);

/* crowd_colleagues gives what its colleagues have counted on average in the interval now; false
 * where it has none that are in. */
bool crowd_colleagues(struct crowd *c, const struct crowd_member *m, enum usual_count of,
                      double *mean);

/* crowd_leave takes the member out of all sums. */
void crowd_leave(struct crowd *c, struct crowd_member *m);

/* crowd_save and crowd_load: as a detector's (rules/detector.h). */
void crowd_save(const struct crowd *c, struct pack *p);
bool crowd_load(struct crowd *c, struct cursor *from);

void crowd_member_save(const struct crowd_member *m, struct pack *p);
bool crowd_member_load(struct crowd_member *m, struct cursor *c);

#endif
