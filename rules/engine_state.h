/*
 * What engine.c, keyring.c, swap.c and save.c share: rules at work, and what they know of their
 * keys.
 */
#ifndef SEEPWATCH_RULES_ENGINE_STATE_H
#define SEEPWATCH_RULES_ENGINE_STATE_H

#include "profile/lasting.h"
#include "rules/before.h"
#include "rules/detector.h"
#include "rules/engine.h"
#include "rules/exception.h"
#include "rules/keyring.h"

enum {
    KINDS_COUNT = 1024,  /* a power of two; each takes 16 bytes a rule */
    OBSERVERS_KNOWN = 64 /* those beyond are always asked */
};

/* One rule at work, or what rules that count the same share (rules/detector.h); that has one of
 * their rules.  It does not move. */
struct watch {
    uint64_t number; /* unlike that of any other that this engine ever had */
    struct detection detection;
    const struct detector *detector;
    struct watch *tally; /* what it counts with; NULL: nothing */
    bool is_tally;
    uint64_t counted;   /* of a tally: the transaction that it counted last, */
    enum finding found; /* and what it found */
    bool is_restored;   /* from a state */
    size_t state_size;  /* bytes */
    struct keyring *ring;
    size_t cell_at;  /* bytes from a key of the ring */
    int64_t keep_ns; /* how long a cell matters after its last transaction */
    size_t cells;    /* in use */
    struct lasting lasting;
    struct marks *marks; /* of `unless before`; NULL: the rule has none */
    uint64_t evictions;  /* cells that went because a bound was reached */
    uint64_t alerts, folded;
    uint64_t excepted[]; /* by each of the rule's exceptions */
};

/* A rule that transactions of a kind can count for. */
struct candidate {
    struct watch *watch;
    unsigned from; /* the test of its expression that is asked first */
    bool is_open;  /* it has to be asked */
    bool is_plain; /* nothing has to be: it has neither exceptions nor anything before it */
};

/* The newest of those that share a place are kept. */
struct kind {
    field_set present;
    unsigned action;
    bool is_known;
    uint64_t observers; /* that may be concerned: a bit each, of the first OBSERVERS_KNOWN */
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
    size_t rules_count, watches_count;
    struct watch **watches;  /* in the order of the rules; then tallies */
    struct watch **counting; /* those that the transaction counts for */
    size_t rings_count;
    struct keyring **rings;
    uint64_t swept; /* transactions for which idle keys were looked for */
    size_t observers_count;
    struct watch **observers; /* those with marks, or a detector that observes */
    struct kind kinds[KINDS_COUNT];
    struct candidate *candidates; /* of all kinds */
};

/* cell_of gives what the rule knows of a key, or would. */
static inline struct cell *cell_of(const struct watch *w, struct key *k)
{
    return (struct cell *)(void *)((char *)k + w->cell_at);
}

static inline struct key *key_of(const struct watch *w, const struct cell *cell)
{
    return (struct key *)(void *)((char *)(uintptr_t)cell - w->cell_at);
}

static inline void *cell_state(struct cell *cell)
{
    return cell + 1;
}

/* engine_make_room lets the oldest key of the fullest ring go, but none of the transaction that is
 * counted; false where there is none. */
bool engine_make_room(struct engine *e);

/* engine_told makes what is known of a key's alerts; NULL without memory. */
struct told *engine_told(struct engine *e, struct cell *cell);

/* watch_last notes from now on what of it changes (rules/save.h). */
void watch_last(struct watch *w);

/* watch_copy gives a tally all that another one of the same meaning knows; what there is no memory
 * for begins anew. */
void watch_copy(struct watch *from, struct watch *to);

/* watch_close closes a rule at work; what it counted stays counted. */
void watch_close(struct watch *w, struct engine *e);

#endif
