/*
 * What a rule would have done on recorded transactions with other limits.  Each limit has an engine
 * of its own with that rule alone, side by side over one pass, so that every figure is what a run
 * with that limit would have given: the quiet time after an alert, which folds its repeats, depends
 * on when the alert came, and so on the limit.
 */
#ifndef SEEPWATCH_TUNING_H
#define SEEPWATCH_TUNING_H

#include "core/error.h"
#include "core/transaction.h"
#include "rules/rule.h"

enum {
    TUNING_LIMITS_MAX = 32,
    TUNING_DAYS_MAX = 4096,  /* later alerts count for the last one */
    TUNING_KEYS_MAX = 65536, /* of a limit; then the one that alerted longest ago is forgotten */
    TUNING_AGENTS_MAX = 1 << 20, /* likewise, of accounts */
    TUNING_LABEL_MAX = 96,
};

/* One version of the rule, and what it did. */
struct tuned_limit {
    uint64_t limit;
    uint64_t alerts, folded;
    uint64_t keys, keys_forgotten;
    uint64_t days_with_alerts;
    uint32_t *by_day; /* alerts */
};

/* Whom a version raised alerts for: a key, masked. */
struct tuned_key {
    char label[TUNING_LABEL_MAX];
    uint64_t alerts;
    uint64_t hash; /* of the key itself */
};

struct tuning;

/* tuning_open returns NULL without memory. */
struct tuning *tuning_open(void);
void tuning_close(struct tuning *t);

/* tuning_add tries the rule as it is; or with another limit (tuning_number.h), where `limit` is not
 * NULL.  The rule must outlive it.  False without memory, or where there are too many. */
bool tuning_add(struct tuning *t, const struct rule *rule, const uint64_t *limit);

/* tuning_transaction counts a transaction, or a record of the mirror's health, for all of them. */
void tuning_transaction(struct tuning *t, const struct transaction *tx, int64_t now_ns);

/* tuning_finish counts what the last day folded. */
void tuning_finish(struct tuning *t);

size_t tuning_count(const struct tuning *t);
const struct tuned_limit *tuning_at(const struct tuning *t, size_t i);

/* tuning_days gives how many days the transactions span, and the first one's number since 1970. */
size_t tuning_days(const struct tuning *t, int64_t *first_day);
/* tuning_agent_days adds up, for each day, the accounts (else client addresses) that were active.
 */
uint64_t tuning_agent_days(const struct tuning *t);

/* tuning_keys gives those with the most alerts of a limit, `max` at the most; returns how many. */
size_t tuning_keys(const struct tuning *t, size_t i, struct tuned_key *keys, size_t max);

/* tuning_only counts the alerts of one trial whose key raised none on that day in another one, and
 * gives the first of them, `max` at the most in *keys_count. */
uint64_t tuning_only(const struct tuning *t, size_t i, size_t other, struct tuned_key *keys,
                     size_t max, size_t *keys_count);

#endif
