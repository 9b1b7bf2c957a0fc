/*
 * The tally of `unusual` and `drift` (rules/daily.h): what daily_tally.c counts, daily_level.c
 * holds it against, and daily.c tells the rules.
 */
#ifndef SEEPWATCH_RULES_DAILY_TALLY_H
#define SEEPWATCH_RULES_DAILY_TALLY_H

#include "profile/crowd.h"
#include "profile/newcomers.h"
#include "profile/visits.h"
#include "rules/daily.h"

enum {
    SEASONS_MAX = 24,
    DAILY_KEEP_DAYS = 120, /* a key matters after its last transaction */
};

/* By how much the logarithm of a mean, and the logit of the share, are moved; -1 to 1. */
struct daily_seasons {
    double moved[USUAL_SCORES][SEASONS_MAX];
};

/* Of one key. */
struct daily {
    struct usual usual;
    struct crowd_member member;
    union {
        struct visits visits; /* of a distinct count */
        struct daily_amounts {
            double whole, part;
        } amounts; /* of another measure */
    };
    int32_t interval;
    bool has_begun;
};

/* Of all keys of a tally; what d->whole is. */
struct daily_all {
    struct crowd *crowd;
    struct newcomers *newcomers;    /* NULL: the rule has no `new to` */
    struct daily_seasons *seasons;  /* NULL: the rule has `by` */
    int64_t from_ns, to_ns, number; /* of the interval reached */
    double per_ns;                  /* 1 over its length */
    double passed;                  /* of it, 0 to 1 */
    unsigned waits;                 /* slots in which something may follow (profile/visits.h) */
    uint32_t late;                  /* transactions of intervals before, since one of this */
    struct usual_noise noise;
    struct {              /* of the transaction that was counted last */
        unsigned changed; /* a bit for each enum usual_count */
        bool has_closed;  /* an interval, that of `closed` */
        bool knew;        /* what to hold it against */
        bool has_whole, has_part_of_day;
        struct daily_view closed, whole, part_of_day;
    } last;
};

/* daily_is_alone tells whether nobody is told apart (no `by`), daily_counts_customers whether a
 * distinct count is what is counted. */
static inline bool daily_is_alone(const struct rule *rule)
{
    return rule->by_count == 0;
}

static inline bool daily_counts_customers(const struct rule *rule)
{
    return rule->measure.kind == MEASURE_DISTINCT;
}

/* What follows is of a key of the tally; `d` is the tally's. */

/* daily_counts gives the counts of its interval alone. */
void daily_counts(const struct rule *rule, const struct daily *k, struct daily_view *v);

/* daily_base gives what is expected by itself and by its peers, before anything that moves all. */
struct usual_level daily_base(const struct detection *d, const struct daily *k);

/* daily_view gives its interval, of which nothing is scored yet, and what is expected of all of it;
 * daily_expect_by_now lowers that to what is usually there by now. */
void daily_view(const struct detection *d, const struct daily *k, struct daily_view *v);
void daily_expect_by_now(const struct daily_all *all, struct daily_view *v);

/* daily_is_known tells whether there is anything to hold the key against: itself, or peers. */
bool daily_is_known(const struct detection *d, const struct daily *k);

/* daily_work_out works out the scores of those bits, where they were not yet. */
void daily_work_out(const struct detection *d, const struct daily *k, struct daily_view *v,
                    unsigned of);

/* daily_seasons_learn takes an interval that is over; nothing where there are no seasons. */
void daily_seasons_learn(const struct detection *d, const struct daily *k,
                         const struct daily_view *v);

#endif
