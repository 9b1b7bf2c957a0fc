/*
 * What a key's counts are held against: what it usually has itself, drawn towards its peers, moved
 * by what moves everybody.  All keys of a tally are one crowd; where nobody is told apart (no
 * `by`), the one key has seasons instead of peers: days of the week, or hours of the day.
 */
#include "rules/daily_tally.h"

#include "core/clock.h"

#include <math.h>

enum {
    DAYS_OF_WEEK = 7,
    MONDAY = 3,         /* 1970-01-01 was a Thursday */
    ALONE_LEARNING = 4, /* intervals */
};

#define DAY_NS (86400 * CLOCK_SECOND_NS)

static const double free_part = 0.4; /* measured: finds a theft with half the records gone */
static const double season_rate = 0.15;
static const double season_max = 1;

void daily_counts(const struct rule *rule, const struct daily *k, struct daily_view *v)
{
    if (!daily_counts_customers(rule)) {
        v->counts[USUAL_WHOLE] = v->decided = k->amounts.whole;
        v->counts[USUAL_PART] = k->amounts.part;
        return;
    }
    v->counts[USUAL_WHOLE] = v->decided = (double)visits_count(&k->visits);
    v->counts[USUAL_PART] = (double)visits_left(&k->visits);
    if (rule->daily.followed_text)
        v->decided -= (double)((uint64_t)k->visits.pending << k->visits.level);
}

static size_t season_of(const struct rule *rule, int64_t interval)
{
    int64_t seasons = rule->daily.each_ns == DAY_NS ? DAYS_OF_WEEK : SEASONS_MAX;
    int64_t at = (interval + (rule->daily.each_ns == DAY_NS ? MONDAY : 0)) % seasons;
    return (size_t)(at < 0 ? at + seasons : at);
}

/* What is expected of the key by itself and by its peers, before anything that moves all. */
struct usual_level daily_base(const struct detection *d, const struct daily *k)
{
    struct daily_all *all = d->whole;
    const struct rule_daily *daily = &d->rule->daily;
    struct usual_level peers = {.share = 0.5};
    const struct usual nothing = {.intervals = 0};
    if (daily->than_peers && !daily_is_alone(d->rule) &&
        crowd_peers(all->crowd, &k->member, &peers))
        return usual_of(daily->than_own ? &k->usual : &nothing, &peers);
    const struct usual *u = &k->usual;
    struct usual_level own = {.share = 0.5};
    for (unsigned i = 0; i < USUAL_COUNTS && u->intervals > 0; i++)
        own.mean[i] = (double)(u->sums[i] / u->intervals);
    if (own.mean[USUAL_WHOLE] > 0)
        own.share = own.mean[USUAL_PART] / own.mean[USUAL_WHOLE];
    return usual_of(u, &own);
}

static void add_season(const struct detection *d, const struct daily *k, struct usual_level *level)
{
    const struct daily_all *all = d->whole;
    if (!all->seasons)
        return;
    size_t at = season_of(d->rule, k->interval);
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        level->mean[i] *= exp(all->seasons->moved[i][at]);
    level->share = usual_shifted(level->share, all->seasons->moved[USUAL_OF_SHARE][at]);
}

void daily_view(const struct detection *d, const struct daily *k, struct daily_view *v)
{
    const struct daily_all *all = d->whole;
    const struct crowd_member *m = &k->member;
    v->scored = 0;
    daily_counts(d->rule, k, v);
    if (d->rule->daily.than_peers && !daily_is_alone(d->rule)) {
        v->level = crowd_level(all->crowd, m, k->interval);
        return;
    }
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        v->level.mean[i] = (double)m->base[i];
    v->level.share = (double)m->share;
    add_season(d, k, &v->level);
}

/* Whether there is anything to hold the key against: itself, or peers. */
bool daily_is_known(const struct detection *d, const struct daily *k)
{
    const struct daily_all *all = d->whole;
    const struct rule *rule = d->rule;
    bool has_peers = rule->daily.than_peers && !daily_is_alone(rule);
    return has_peers ? crowd_closed(all->crowd) > 1 : k->usual.intervals >= ALONE_LEARNING - 1;
}

/* Of a day that is not over, less is expected: what is usually there by now.  A part of it is free,
 * since not everybody begins at the same hour. */
void daily_expect_by_now(const struct daily_all *all, struct daily_view *v)
{
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        v->level.mean[i] *= free_part + (1 - free_part) * crowd_reached(all->crowd, i);
}

/* The scores of those bits, where they were not worked out yet. */
void daily_work_out(const struct detection *d, const struct daily *k, struct daily_view *v,
                    unsigned of)
{
    const struct daily_all *all = d->whole;
    const double decided[USUAL_COUNTS] = {v->decided, v->counts[USUAL_PART]};
    for (unsigned s = 0; s < USUAL_SCORES; s++) {
        if (of >> s & ~v->scored >> s & 1)
            v->scores[s] = usual_score(&k->usual, &all->noise, (enum usual_score)s,
                                       s == USUAL_OF_SHARE ? decided : v->counts, &v->level);
    }
    v->scored |= of;
}

static double clamp(double x, double min, double max)
{
    return x < min ? min : x > max ? max : x;
}

static double logit(double part, double whole)
{
    return log((part + 0.5) / (whole - part + 0.5));
}

void daily_seasons_learn(const struct detection *d, const struct daily *k,
                         const struct daily_view *v)
{
    struct daily_all *all = d->whole;
    if (!all->seasons || k->usual.intervals < 1)
        return;
    size_t at = season_of(d->rule, k->interval);
    for (unsigned i = 0; i < USUAL_SCORES; i++) {
        double *moved = &all->seasons->moved[i][at];
        double by = i == USUAL_OF_SHARE ? logit(v->counts[USUAL_PART], v->decided) -
                                              logit(v->level.share * v->decided, v->decided)
                                        : log((v->counts[i] + 1) / (v->level.mean[i] + 1));
        *moved = clamp(*moved + season_rate * clamp(by, -0.5, 0.5), -season_max, season_max);
    }
}
