/*
 * The formulas, with the constants that were measured best (tests/profile/usual_test.c holds the
 * figures).
 */
#include "profile/usual.h"

#include <math.h>

static const double keep = 0.95; /* of the past, at each active interval */
/* The intervals that the peers' level counts for: at first, and less for each of the key's own. */
static const double peers_intervals = 4, peers_lost = 0.15;
static const double peers_share_of = 120; /* the whole that the peers' share counts for */
/* More than so many deviations is cut before it is learned: at first, for each interval, at most.
 */
static const double learn_first = 1, learn_more = 0.2, learn_max = 3;
static const double spread_min = 0.6; /* of mean z^2 */
/* More is cut from z before the spread learns it: at first, and for each of the key's intervals. */
static const double spread_z_first = 2, spread_z_more = 0.1;
static const double share_variance = 1.15; /* times the binomial's */
static const double share_few = 0.4;       /* beside it: a few say little */
static const double share_min = 0.01, share_max = 0.99;

static double transformed(double x, double phi)
{
    return 2 / sqrt(phi) * asinh(sqrt(phi * (x > 0 ? x : 0)));
}

static double restored(double t, double phi)
{
    double root = sinh(sqrt(phi) * t / 2);
    return t > 0 ? root * root / phi : 0;
}

static double clamp(double x, double min, double max)
{
    return x < min ? min : x > max ? max : x;
}

struct usual_level usual_of(const struct usual *u, const struct usual_level *peers)
{
    struct usual_level level;
    double drawn = peers_intervals - peers_lost * (double)u->intervals;
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        level.mean[i] =
            ((double)u->sums[i] + drawn * peers->mean[i]) / ((double)u->intervals + drawn);
    level.share = ((double)u->sums[USUAL_PART] + peers_share_of * peers->share) /
                  ((double)u->sums[USUAL_WHOLE] + peers_share_of);
    level.share = clamp(level.share, share_min, share_max);
    return level;
}

static double spread_of(const struct usual *u, const struct usual_noise *n, enum usual_score s)
{
    double spread = u->spread[s] > 0 ? (double)u->spread[s] : 1;
    return sqrt(clamp(spread, spread_min, n->spread_max));
}

/* Not yet divided by the spread. */
static double residual(const struct usual_noise *n, enum usual_score s,
                       const double counts[USUAL_COUNTS], const struct usual_level *level)
{
    if (s == USUAL_OF_SHARE) {
        double expected = counts[USUAL_WHOLE] * level->share;
        double own = n->share * expected;
        double variance = share_variance * expected * (1 - level->share) + own * own + share_few;
        return (counts[USUAL_PART] - expected) / sqrt(variance);
    }
    enum usual_count c = s == USUAL_OF_PART ? USUAL_PART : USUAL_WHOLE;
    return transformed(counts[c] + 0.4, n->phi[c]) - transformed(level->mean[c] + 0.2, n->phi[c]);
}

double usual_score(const struct usual *u, const struct usual_noise *n, enum usual_score s,
                   const double counts[USUAL_COUNTS], const struct usual_level *level)
{
    return residual(n, s, counts, level) / spread_of(u, n, s);
}

double usual_limit(const struct usual *u, const struct usual_noise *n, enum usual_score s, double z,
                   const struct usual_level *level)
{
    enum usual_count c = s == USUAL_OF_PART ? USUAL_PART : USUAL_WHOLE;
    double t = transformed(level->mean[c] + 0.2, n->phi[c]) + z * spread_of(u, n, s);
    double limit = restored(t, n->phi[c]) - 0.4;
    return limit > 0 ? limit : 0;
}

void usual_learn(struct usual *u, const struct usual_noise *n, const double counts[USUAL_COUNTS],
                 const double scores[USUAL_SCORES], const struct usual_level *usual)
{
    double deviations = fmin(learn_first + learn_more * (double)u->intervals, learn_max);
    u->intervals = (float)((double)u->intervals * keep + 1);
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        double mean = usual->mean[i];
        double most = mean + deviations * sqrt(mean + n->phi[i] * mean * mean) + 1;
        double learned = counts[i] < most || mean <= 0 ? counts[i] : most;
        u->sums[i] = (float)((double)u->sums[i] * keep + learned);
    }
    for (unsigned i = 0; i < USUAL_SCORES; i++) {
        if (n->of_rises[i] && scores[i] < 0)
            continue;
        double spread = u->spread[i] > 0 ? (double)u->spread[i] : 1;
        double most = spread_z_first + spread_z_more * (double)u->intervals;
        double z = clamp(scores[i], -most, most) * spread_of(u, n, i);
        u->spread[i] = (float)(spread + n->spread_rate * (z * z - spread));
    }
}

double usual_shifted(double share, double logit)
{
    double s = clamp(share, share_min, share_max);
    return clamp(1 / (1 + (1 - s) / s * exp(-logit)), share_min, share_max);
}

void usual_save(const struct usual *u, struct pack *p)
{
    pack_float(p, u->intervals);
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        pack_float(p, u->sums[i]);
    for (unsigned i = 0; i < USUAL_SCORES; i++)
        pack_float(p, u->spread[i]);
}

static bool load_amount(float *amount, struct cursor *c)
{
    *amount = unpack_float(c);
    return isfinite(*amount) && *amount >= 0;
}

bool usual_load(struct usual *u, struct cursor *c)
{
    bool is_good = load_amount(&u->intervals, c);
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        is_good = load_amount(&u->sums[i], c) && is_good;
    for (unsigned i = 0; i < USUAL_SCORES; i++)
        is_good = load_amount(&u->spread[i], c) && is_good;
    return is_good && !cursor_is_short(c);
}
