/*
 * What `unusual` and `drift` share: a measure counted for each key by the day, or by the hour, of
 * the rule's time zone, beside what the key and its peers usually have (profile/usual.h, crowd.h).
 *
 * The whole is the measure; with `unless followed by` its part are the customers whom nothing
 * followed in time, of a share what fulfils its condition.  A key's interval is closed when it is
 * next counted: then it learns.
 *
 * It is a tally (rules/detector.h): rules that count the same have one, and what they ask for of a
 * transaction is worked out once.
 */
#ifndef SEEPWATCH_RULES_DAILY_H
#define SEEPWATCH_RULES_DAILY_H

#include "profile/usual.h"
#include "rules/detector.h"

/* The counts of an interval, what is expected, and how far they are from that. */
struct daily_view {
    double counts[USUAL_COUNTS], decided;
    struct usual_level level;
    double scores[USUAL_SCORES];
    unsigned scored; /* a bit for each score that was worked out */
};

/* Of the transaction that is counted and its key; `d` is that of a rule. */

/* daily_has_changed tells whether a count has of which those bits score something. */
bool daily_has_changed(const struct detection *d, unsigned of);

/* daily_closed gives the interval that is over since this transaction; NULL: there is none, or
 * nothing to hold it against. */
struct daily_view *daily_closed(const struct detection *d);

/* daily_look looks at the interval of now; NULL while the rule learns, and where nothing is known.
 * Of `unusual` less is expected while the day is not over. */
struct daily_view *daily_look(const struct detection *d);

/* daily_score gives the sum of the residuals of those bits, over the square root of their number.
 */
double daily_score(const struct detection *d, struct daily_view *v, unsigned of);

/* daily_is_cause tells whether a transaction adds to what is scored: of a share, only one for which
 * its condition holds does. */
bool daily_is_cause(const struct rule *rule, const struct transaction *t);

/* daily_expected gives the count that was to be expected, of what those bits score: the whole of a
 * volume, else the part; of the share alone, that share of the whole there is. */
double daily_expected(const struct daily_view *v, unsigned of);

/* daily_limit gives the count at which the score of an `unusual` of one count is reached; 0 where
 * there is no such count. */
uint64_t daily_limit(const struct detection *d, const struct daily_view *v);

/* daily_describe fills what both detectors' alerts have in common. */
void daily_describe(const struct detection *d, const struct occurrence *o, unsigned of,
                    struct alert *a);

int64_t daily_span_ns(const struct rule *rule);
int64_t daily_keep_ns(const struct rule *rule);

#endif
