/*
 * A transaction is in the state where it came at a time before the state's moment, or at that very
 * time among the first so many.  Captures and logs come in the same order every time, so a replay
 * that was killed goes on exactly.
 */
#include "snapshots.h"

#include "core/clock.h"
#include "profile/ledger.h"
#include "rules/save.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    KEYS_A_TICK = 4096,
    LEDGER_PART = 2, /* the ledger in memory has one of so many parts of the bytes */
};

struct snapshots {
    struct snapshots_config config;
    struct state *state;
    struct snapshots_parts parts;
    struct ledger *ledger;
    struct state_moment from; /* what was counted before the restart */
    struct state_moment now;
    bool is_taking;   /* a snapshot is taken, and was not committed */
    bool is_written;  /* what was committed is known to be in the file, or not to be */
    uint64_t written; /* snapshots, when that was known last */
    bool has_ticked;
    int64_t due_ns, pressed_ns; /* of the next one; of the next that the ledger asks for */
    struct engine_restored restored;
    uint64_t repeated;
};

size_t snapshots_waiting_max(size_t bytes_max)
{
    return bytes_max / LEDGER_PART / 4;
}

struct snapshots *snapshots_open(struct state *state, const struct snapshots_parts *parts,
                                 const struct snapshots_config *config, struct error *error)
{
    struct snapshots *s = calloc(1, sizeof(*s));
    if (!s) {
        (void)error_set(error, ERROR_WORK, "no memory");
        return NULL;
    }
    *s = (struct snapshots){.config = *config, .state = state, .parts = *parts, .is_written = true};
    s->ledger = ledger_open(&(struct ledger_config){.bytes_max = config->bytes_max / LEDGER_PART,
                                                    .seed = state_key(state).low});
    s->now = state_moment(state);
    if (config->resumes)
        s->from = s->now;
    engine_restore(parts->engine, state, &s->restored, config->tell, config->context);
    mirror_restore(parts->mirror, state);
    digest_restore(parts->digest, state);
    if (!s->ledger)
        (void)error_set(error, ERROR_WORK, "no memory");
    if (s->ledger && state_settle(state, error))
        return s;
    snapshots_close(s);
    return NULL;
}

void snapshots_close(struct snapshots *s)
{
    if (!s)
        return;
    ledger_close(s->ledger);
    free(s);
}

bool snapshots_counts(struct snapshots *s, const struct transaction *t, int64_t now_ns)
{
    bool is_same = now_ns == s->now.time_ns;
    if (now_ns < s->from.time_ns || (now_ns == s->from.time_ns && s->from.count > 0)) {
        s->from.count -= now_ns == s->from.time_ns;
        s->repeated++;
        return false;
    }
    if (is_same || now_ns > s->now.time_ns)
        s->now.count = is_same ? s->now.count + 1 : 1;
    if (now_ns > s->now.time_ns)
        s->now.time_ns = now_ns;
    ledger_count(s->ledger, t, engine_time_of(t));
    return true;
}

bool snapshots_has(const struct snapshots *s, int64_t start_ns)
{
    return start_ns < s->from.time_ns;
}

/* What became of the snapshot before; false while nobody knows. */
static bool settle_last(struct snapshots *s)
{
    if (!state_is_idle(s->state))
        return false;
    uint64_t written = state_counters(s->state).snapshots;
    if (!s->is_written)
        ledger_saved(s->ledger, written > s->written);
    s->is_written = true;
    s->written = written;
    return true;
}

static bool begin(struct snapshots *s)
{
    bool is_whole;
    if (!settle_last(s) || !state_begin(s->state, &s->now, &is_whole))
        return false;
    engine_save_begin(s->parts.engine, s->state, is_whole);
    mirror_save_begin(s->parts.mirror, s->state, is_whole);
    digest_save(s->parts.digest, s->parts.engine, s->state, is_whole);
    ledger_save(s->ledger, s->state);
    s->is_taking = true;
    s->is_written = false;
    return true;
}

/* False once all was given to be written. */
static bool step(struct snapshots *s)
{
    if (!s->is_taking)
        return false;
    if (engine_save_step(s->parts.engine, KEYS_A_TICK) ||
        mirror_save_step(s->parts.mirror, KEYS_A_TICK))
        return true;
    state_commit(s->state);
    s->is_taking = false;
    return false;
}

/* The one that is being taken, and then one of everything until now, to their ends. */
static bool take_now(struct snapshots *s, struct error *error)
{
    struct error before;
    while (step(s))
        state_wait_for_room(s->state);
    (void)state_wait(s->state, &before); /* what went wrong is tried again */
    if (!begin(s))
        return error_set(error, ERROR_WORK, "no memory to write the state");
    while (step(s))
        state_wait_for_room(s->state);
    bool is_good = state_wait(s->state, error);
    (void)settle_last(s);
    return is_good;
}

/* A replay does the work of weeks in a minute, and can wait. */
void snapshots_tick(struct snapshots *s, int64_t clock_ns)
{
    struct error told;
    bool is_pressed = ledger_is_pressed(s->ledger) && clock_ns >= s->pressed_ns;
    if (is_pressed) /* once in an interval where it does not help */
        s->pressed_ns = clock_ns + s->config.interval_ns;
    if (is_pressed && s->config.resumes && take_now(s, &told))
        s->pressed_ns = clock_ns;
    if (step(s))
        return;
    if (!s->has_ticked)
        s->due_ns = clock_ns + s->config.interval_ns;
    s->has_ticked = true;
    bool is_due = clock_ns >= s->due_ns || (is_pressed && !s->config.resumes);
    if (is_due && begin(s))
        s->due_ns = clock_ns + s->config.interval_ns;
}

void snapshots_before_swap(struct snapshots *s)
{
    if (!s->is_taking)
        return;
    state_abandon(s->state);
    engine_save_abandon(s->parts.engine);
    mirror_save_abandon(s->parts.mirror);
    s->is_taking = false;
    s->has_ticked = false;
}

void snapshots_set_back(struct snapshots *s, int64_t now_ns)
{
    engine_forget_after(s->parts.engine, now_ns);
    digest_set_back(s->parts.digest, now_ns);
    s->now = (struct state_moment){.time_ns = now_ns};
}

int64_t snapshots_newest_ns(const struct snapshots *s)
{
    return s->now.time_ns;
}

bool snapshots_finish(struct snapshots *s, struct error *error)
{
    return take_now(s, error);
}

struct snapshots_counters snapshots_counters(const struct snapshots *s)
{
    return (struct snapshots_counters){.state = state_counters(s->state),
                                       .restored_rules = s->restored.rules,
                                       .restored_keys = s->restored.keys,
                                       .repeated = s->repeated,
                                       .ledger_lost = ledger_lost(s->ledger),
                                       .ledger_short = ledger_short(s->ledger)};
}
