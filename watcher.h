/*
 * What is known of all workers' transactions together: sessions, rules, alerts and the logs.  It
 * belongs to one thread.
 */
#ifndef SEEPWATCH_WATCHER_H
#define SEEPWATCH_WATCHER_H

#include "alert_outputs.h"
#include "config.h"
#include "core/mirror.h"
#include "core/transaction.h"
#include "output.h"
#include "profile/mirror.h"
#include "profile/session.h"
#include "rules/engine.h"
#include "snapshots.h"

struct rules;
struct watcher;

struct watcher_outputs {
    struct alert_outputs *alerts;
    struct output transactions;
    struct output sessions;
    struct output mirror; /* the records of its health */
};

struct watcher_counters {
    uint64_t transactions;
    struct sessions_counters sessions;
    struct engine_counters engine;
    bool has_state;
    struct snapshots_counters state;
};

/* What lasts over a restart. */
struct watcher_lasting {
    struct state *state; /* just opened; NULL: nothing lasts */
    bool resumes;        /* see struct snapshots_config */
    void (*tell)(void *context, const char *text);
    void *context;
};

/* watcher_open returns NULL without memory, or where the state cannot be written; the error tells.
 * What it is given must outlive it. */
struct watcher *watcher_open(const struct config *config, const struct rules *rules,
                             struct watcher_outputs *outputs, const struct watcher_lasting *lasting,
                             struct error *error);
void watcher_close(struct watcher *w);

/* watcher_transaction counts a transaction, raises what it raises, and writes it.  session: see
   worker.h; now_ns: the newest packet's time. */
void watcher_transaction(struct watcher *w, struct transaction *tx, uint64_t session,
                         int64_t now_ns);
/* watcher_passing looks at a transaction whose reply still passes. */
void watcher_passing(struct watcher *w, struct transaction *tx, uint64_t session);
void watcher_session_end(struct watcher *w, uint64_t session);
/* watcher_mirror_record counts a record of the mirror's health that was made before, of a log. */
void watcher_mirror_record(struct watcher *w, struct transaction *record);
/* watcher_mirror counts a worker's part of an interval. */
void watcher_mirror(struct watcher *w, const struct mirror_part *part);
/* watcher_tick lets time pass, and writes the lines that wait.  clock_ns: of a clock that is never
 * set, for peers that alerts go to. */
void watcher_tick(struct watcher *w, int64_t now_ns, int64_t clock_ns);
/* watcher_swap_rules counts for these rules from now on; see engine_swap. */
bool watcher_swap_rules(struct watcher *w, const struct rules *rules, size_t *kept);
/* watcher_clock tells the system's time, of a live run: where that was put back, what is known of
 * later times is forgotten. */
void watcher_clock(struct watcher *w, int64_t clock_ns);
/* watcher_finish ends every session, the last interval of the mirror, and the digest; that of a day
 * that is not over is only told live, or after a midnight, and where nothing lasts. */
void watcher_finish(struct watcher *w, bool is_live);

/* watcher_save writes what lasts, after that. */
bool watcher_save(struct watcher *w, struct error *error);

struct watcher_counters watcher_counters(const struct watcher *w);
/* watcher_rule gives what one rule has done; see engine_rule. */
bool watcher_rule(const struct watcher *w, size_t i, struct rule_counters *c);

/* watcher_mirror_totals gives what was counted of the mirror since the start. */
void watcher_mirror_totals(const struct watcher *w, struct mirror_totals *totals);

#endif
