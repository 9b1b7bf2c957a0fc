/*
 * What engine.c and swap.c share: rules at work, and their keys.
 */
#ifndef SEEPWATCH_RULES_ENGINE_STATE_H
#define SEEPWATCH_RULES_ENGINE_STATE_H

#include "core/table.h"
#include "profile/lasting.h"
#include "rules/before.h"
#include "rules/detector.h"
#include "rules/engine.h"
#include "rules/exception.h"

enum {
    DIGESTS_MAX = 8,    /* kept of one transaction, for rules with the same `by` */
    KINDS_COUNT = 1024, /* a power of two; each takes 16 bytes a rule */
};

struct digest {
    uint64_t low, high;
};

/* The digests of a transaction that were computed already, by the watches' `digest`. */
struct digests {
    bool is_known[DIGESTS_MAX];
    struct digest items[DIGESTS_MAX];
};

/* A key's value in its table; the detector's state and the texts follow. */
struct key {
    int64_t last_ns, alerted_ns;
    int64_t told_ns;  /* start of the transaction that was alerted of while it passed; 0: none */
    uint64_t repeats; /* since the last alert */
    uint32_t changed; /* see profile/lasting.h */
    bool has_alerted;
    uint8_t text_len[RULE_BY_MAX];
};

/* One rule at work.  It does not move. */
struct watch {
    uint64_t number; /* unlike that of any other that this engine ever had */
    struct detection detection;
    const struct detector *detector;
    struct table *keys;
    struct lasting lasting;    /* of the keys */
    struct marks *marks;       /* of `unless before`; NULL: the rule has none */
    size_t state_at, texts_at; /* offsets in a key's value */
    uint64_t evictions;        /* to make room in the budget */
    size_t digest;             /* the same number for rules with the same `by` */
    uint64_t alerts, folded;
    uint64_t excepted[]; /* by each of the rule's exceptions */
};

/* A rule that transactions of a kind can count for. */
struct candidate {
    struct watch *watch;
    bool is_open; /* its expression has to be asked */
};

/* The newest of those that share a place are kept. */
struct kind {
    field_set present;
    unsigned action;
    bool is_known;
    size_t count;
    struct candidate *candidates; /* room for all rules */
};

struct evidence_key {
    uint64_t watch;
    struct digest digest;
};

struct engine {
    struct engine_config config;
    struct budget budget;
    struct table *evidence;
    struct lasting evidence_lasting;
    bool is_lasting; /* there is a state, and what changes is noted */
    struct engine_counters counters;
    const struct rules *rules;
    uint64_t watches_opened;
    size_t watches_count;
    struct watch **watches; /* in the order of the rules */
    size_t marks_count;     /* watches with marks, or a detector that observes */
    struct kind kinds[KINDS_COUNT];
    struct candidate *candidates; /* of all kinds */
};

static inline void *state_of(const struct watch *w, struct key *k)
{
    return (char *)k + w->state_at;
}

static inline uint8_t *text_of(const struct watch *w, struct key *k, size_t i)
{
    return (uint8_t *)k + w->texts_at + i * KEY_TEXT_MAX;
}

/* engine_make_room lets the oldest key of the rule with the most keys go, but not k; false where
 * there is none. */
bool engine_make_room(struct engine *e, const struct key *k);

/* watch_last notes from now on what of it changes (rules/save.h). */
void watch_last(struct watch *w);

/* watch_close closes a rule at work; what it counted stays counted. */
void watch_close(struct watch *w, struct engine *e);

#endif
