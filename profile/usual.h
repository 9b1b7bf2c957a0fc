/*
 * What one key usually does in a day (or an hour), and how far this day is from it.
 *
 * Two numbers are counted: the whole (customers read) and a part of it (those that nothing
 * followed).  Both have a slow mean over the intervals in which the key was active, drawn towards
 * what its peers have, so that a key of yesterday has a usual too.  It learns from no more than
 * what would be hardly odd: a theft does not teach.
 *
 * Counts vary more than chance alone would have it: the variance is mu + phi mu^2.  A residual is
 * z = T(x + 0.4) - T(mu + 0.2) with T(x) = 2/sqrt(phi) asinh(sqrt(phi x)), which has the same
 * spread for any mu (Anscombe, "The transformation of Poisson, binomial and negative-binomial
 * data", 1948); the part given the whole is held against its usual share as a binomial.  Each is
 * divided by the key's own spread.
 */
#ifndef SEEPWATCH_PROFILE_USUAL_H
#define SEEPWATCH_PROFILE_USUAL_H

#include "core/pack.h"

enum usual_count { USUAL_WHOLE, USUAL_PART, USUAL_COUNTS };

/* The residuals: of both counts, and of the part given the whole. */
enum usual_score { USUAL_OF_VOLUME, USUAL_OF_PART, USUAL_OF_SHARE, USUAL_SCORES };

/* A zeroed struct knows nothing. */
struct usual {
    float intervals;            /* in which it was active, old ones counting less: at most 20 */
    float sums[USUAL_COUNTS];   /* of what was learned in them */
    float spread[USUAL_SCORES]; /* mean of z^2; 0: not known */
};

/* What is expected of one key in one interval. */
struct usual_level {
    double mean[USUAL_COUNTS];
    double share; /* of the part in the whole */
};

/* How the counts of a rule vary. */
struct usual_noise {
    double phi[USUAL_COUNTS];
    double share;       /* of the expected part, by which it varies beside chance */
    double spread_rate; /* of the newest interval in the spread */
    double spread_max;
    bool of_rises[USUAL_SCORES]; /* the spread is that of the rises alone: falls teach it nothing */
};

/* usual_of gives what the key has itself, drawn to its peers' level. */
struct usual_level usual_of(const struct usual *u, const struct usual_level *peers);

/* usual_score gives how far those counts are from that level, in standard deviations. */
double usual_score(const struct usual *u, const struct usual_noise *n, enum usual_score s,
                   const double counts[USUAL_COUNTS], const struct usual_level *level);

/* usual_limit gives the count of which that score is first more than z. */
double usual_limit(const struct usual *u, const struct usual_noise *n, enum usual_score s, double z,
                   const struct usual_level *level);

/*
 * usual_learn takes an interval that is over; counts: what it had, with what moved everybody taken
 * out; scores: its residuals; usual: as usual_of gives it.
 */
void usual_learn(struct usual *u, const struct usual_noise *n, const double counts[USUAL_COUNTS],
                 const double scores[USUAL_SCORES], const struct usual_level *usual);

/* usual_shifted moves a share by a logit. */
double usual_shifted(double share, double logit);

void usual_save(const struct usual *u, struct pack *p);
bool usual_load(struct usual *u, struct cursor *c);

#endif
