/*
 * When the state is written (profile/state.h), and what goes into it: the rules at work, the
 * mirror's health, the digest of the day, the ledger.  A snapshot is taken in pieces, a few at
 * every tick, while the watch goes on.
 */
#ifndef SEEPWATCH_SNAPSHOTS_H
#define SEEPWATCH_SNAPSHOTS_H

#include "core/error.h"
#include "core/transaction.h"
#include "digest.h"
#include "profile/mirror.h"
#include "profile/state.h"
#include "rules/engine.h"

struct snapshots_config {
    int64_t interval_ns; /* of the clock that ticks are given */
    size_t bytes_max;    /* for the ledger in memory, and what waits to be written */
    /* A replay goes on where the state ends: what it has is not counted again.  Else all counts, as
     * a watch never sees a packet twice. */
    bool resumes;
    void (*tell)(void *context, const char *text);
    void *context;
};

/* snapshots_waiting_max gives what of bytes_max waits to be written, for state_open. */
size_t snapshots_waiting_max(size_t bytes_max);

/* What lasts beside the ledger, which is the snapshots' own. */
struct snapshots_parts {
    struct engine *engine;
    struct mirror *mirror;
    struct digest *digest;
};

struct snapshots;

/* snapshots_open restores what the state has; all that it is given must outlive it.  NULL without
 * memory, or where the state cannot be written: the error tells. */
struct snapshots *snapshots_open(struct state *state, const struct snapshots_parts *parts,
                                 const struct snapshots_config *config, struct error *error);
void snapshots_close(struct snapshots *s);

/* snapshots_counts tells whether a transaction of that time of the pipeline is to be counted, or
 * was before the restart; what is counted goes into the ledger. */
bool snapshots_counts(struct snapshots *s, const struct transaction *t, int64_t now_ns);
/* snapshots_has tells whether an interval of the mirror's that begins then was counted. */
bool snapshots_has(const struct snapshots *s, int64_t start_ns);

/* snapshots_tick takes the next pieces, or begins a snapshot when it is time; clock_ns is of a
 * clock that is never set. */
void snapshots_tick(struct snapshots *s, int64_t clock_ns);

/* snapshots_before_swap has to be called before the engine has other rules. */
void snapshots_before_swap(struct snapshots *s);

/* snapshots_set_back tells that the clock was put back to that time: what lies ahead of it is
 * forgotten. */
void snapshots_set_back(struct snapshots *s, int64_t now_ns);
/* snapshots_newest_ns gives the time of the newest transaction that was counted. */
int64_t snapshots_newest_ns(const struct snapshots *s);

/* snapshots_finish writes the last one, and waits for that. */
bool snapshots_finish(struct snapshots *s, struct error *error);

struct snapshots_counters {
    struct state_counters state;
    uint64_t restored_rules, restored_keys;
    uint64_t repeated;                  /* transactions that the state had */
    uint64_t ledger_lost, ledger_short; /* see profile/ledger.h */
};
struct snapshots_counters snapshots_counters(const struct snapshots *s);

#endif
