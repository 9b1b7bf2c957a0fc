/*
 * What `unusual` and `drift` share: a measure counted for each key by the day, or by the hour, of
 * the rule's time zone, beside what the key and its peers usually have (profile/usual.h, crowd.h).
 *
 * The whole is the measure; with `unless followed by` its part are the customers whom nothing
 * followed in time, of a share what fulfils its condition.  A key's interval is closed when it is
 * next counted: then it learns.
 */
#ifndef SEEPWATCH_RULES_DAILY_H
#define SEEPWATCH_RULES_DAILY_H

#include "profile/crowd.h"
#include "profile/newcomers.h"
#include "profile/visits.h"
#include "rules/detector.h"

struct daily_seasons;

/* Of all keys of a rule; what d->whole is. */
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

enum daily_status {
    DAILY_SAME,    /* no number has changed */
    DAILY_CHANGED, /* one has */
    DAILY_LATE,
    DAILY_DENIED,
};

/* The counts of the interval, and what is expected. */
struct daily_view {
    double counts[USUAL_COUNTS], decided;
    struct usual_level level;
};

bool daily_open(struct detection *d, size_t entries_max, size_t bytes_max);
void daily_close(struct detection *d);

/* daily_count counts a transaction; where the key's interval before is over, `closed` is called
 * first with its view. */
enum daily_status daily_count(struct detection *d, struct daily *k, const struct occurrence *o,
                              void (*closed)(struct detection *d, struct daily *k,
                                             const struct daily_view *v));

/* daily_is_known tells whether there is anything to hold the key against: itself, or peers. */
bool daily_is_known(const struct detection *d, const struct daily *k);

/* daily_look looks at the interval of now; false while the rule learns, and where nothing is known.
 */
bool daily_look(struct detection *d, struct daily *k, struct daily_view *v);

/* daily_score gives the sum of the residuals of those bits, over the square root of their number.
 */
double daily_score(const struct detection *d, const struct daily *k, const struct daily_view *v,
                   unsigned of);

/* daily_is_cause tells whether a transaction adds to what is scored: of a share, only one for which
 * its condition holds does. */
bool daily_is_cause(const struct rule *rule, const struct transaction *t);

/* daily_expected gives the count that was to be expected, of what those bits score: the whole of a
 * volume, else the part; of the share alone, that share of the whole there is. */
double daily_expected(const struct daily_view *v, unsigned of);

/* daily_limit gives the count at which the score of an `unusual` of one count is reached; 0 where
 * there is no such count. */
uint64_t daily_limit(const struct detection *d, const struct daily *k, const struct daily_view *v);

/* daily_describe fills what both detectors' alerts have in common. */
void daily_describe(const struct detection *d, struct daily *k, const struct occurrence *o,
                    unsigned of, struct alert *a);

int64_t daily_span_ns(const struct rule *rule);
int64_t daily_keep_ns(const struct rule *rule);
void daily_clear(const struct detection *d, struct daily *k);

void daily_save(const struct rule *rule, const struct daily *k, struct pack *p);
bool daily_load(struct detection *d, struct daily *k, struct cursor *c);
void daily_save_all(const struct detection *d, struct pack *p);
bool daily_load_all(struct detection *d, struct cursor *c);

#endif
