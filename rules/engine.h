/*
 * Rules at work: transactions in, alerts out.  Rules with the same `by` share a bounded table of
 * keys (rules/keyring.h); for every key each of them has the state of its detector.  A rule whose
 * fields a transaction does not have costs one comparison.
 *
 * A transaction counts at its end (start and duration), and the state moves with those times alone:
 * what comes late counts where its time belongs, as long as that still matters.
 *
 * Memory: a key takes 150 bytes and KEY_TEXT_MAX for each field of `by`, and 24 and the detector's
 * state (up to 300) for each of the rules, every rule having an equal part of the bytes for keys;
 * from the budget what rules/window.h, distinct.h and known.h say; EVIDENCE_KEYS_MAX keys near
 * their limit hold 2 KiB of evidence each.  Where a bound is reached, the key touched longest ago
 * goes, which is counted for each of its rules.
 */
#ifndef SEEPWATCH_RULES_ENGINE_H
#define SEEPWATCH_RULES_ENGINE_H

#include "rules/alert.h"

enum {
    KEYS_MAX = 65536,  /* of rules with the same `by`, unless the configuration says otherwise */
    KEY_TEXT_MAX = 64, /* bytes of one key field that an alert shows */
    EVIDENCE_KEYS_MAX = 2048,    /* of all rules */
    ENGINE_BYTES_MAX = 256 << 20 /* budget, unless the configuration says otherwise */
};

struct engine;

struct engine_config {
    size_t keys_max;           /* of rules with the same `by`; 0: KEYS_MAX */
    size_t bytes_max;          /* of the budget; 0: ENGINE_BYTES_MAX */
    size_t keys_bytes_max;     /* of all rules' keys; 0: what keys_max takes */
    size_t evidence_bytes_max; /* 0: what EVIDENCE_KEYS_MAX takes */
    uint64_t seed;             /* of hashes; the same seed gives the same estimates */
    void (*alert)(void *context, const struct alert *a);
    void *context;
};

struct engine_counters {
    uint64_t transactions;
    uint64_t counted; /* times that a transaction counted for a rule */
    uint64_t alerts;
    uint64_t folded;            /* repeats within `quiet` */
    uint64_t excepted;          /* not counted for a rule because of one of its exceptions */
    uint64_t late;              /* too old for their window */
    uint64_t denied;            /* not counted: no memory in the budget */
    uint64_t keys;              /* now, of each rule */
    uint64_t keys_evicted;      /* because a bound was reached */
    uint64_t undecided;         /* texts that a pattern did not decide within its bounds */
    uint64_t values_forgotten;  /* of `first`, likewise */
    uint64_t bytes, bytes_peak; /* of the budget */
};

/* engine_open counts for the rules that are enabled; they must outlive it.  NULL where there is no
 * memory. */
struct engine *engine_open(const struct rules *rules, const struct engine_config *config);
void engine_close(struct engine *e);

/*
 * engine_swap counts for these rules from now on; the old ones are needed no more.  A rule that
 * counts as the one of the same id did (rules/meaning.h) goes on with what it has counted, found
 * and alerted; *kept is how many do.  False, and nothing has changed, where there is no memory.
 */
bool engine_swap(struct engine *e, const struct rules *rules, size_t *kept);

/* engine_transaction counts one transaction for every rule and calls back for each alert. */
void engine_transaction(struct engine *e, const struct transaction *t);

/* engine_passing looks at a transaction whose reply still passes: a rule whose limit it is
 * beyond already alerts now, and not again at its end. */
void engine_passing(struct engine *e, const struct transaction *t);

/* engine_time_of gives the time at which a transaction counts, its end; never beyond what later
 * arithmetic can bear. */
int64_t engine_time_of(const struct transaction *t);

/* engine_tick forgets keys that no longer matter at that time, a bounded number a call. */
void engine_tick(struct engine *e, int64_t now_ns);

/* engine_forget_after forgets what is known of times after that one: the clock was wrong. */
void engine_forget_after(struct engine *e, int64_t latest_ns);

struct engine_counters engine_counters(const struct engine *e);

/* What one rule that is on has done; a reload leaves it to those that count as before. */
struct rule_counters {
    const struct rule *rule;
    uint64_t alerts, folded;
    const uint64_t *excepted; /* transactions, by each of the rule's exceptions */
};

/* engine_rule gives the counters of the i-th rule that is on; false where there are not so many. */
bool engine_rule(const struct engine *e, size_t i, struct rule_counters *c);

#endif
