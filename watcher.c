/*
 * A transaction goes through its session and the rules before it is written, so that its line has
 * both.
 */
#include "watcher.h"

#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>

/* The system's clock and that of packets may differ by as much. */
#define CLOCK_SLACK_NS (3600 * CLOCK_SECOND_NS)

struct watcher {
    struct watcher_outputs *outputs;
    struct watcher_lasting lasting;
    struct snapshots *snapshots; /* NULL: nothing lasts */
    struct sessions *sessions;
    struct engine *engine;
    struct mirror *mirror;
    struct digest *digest;
    struct json json;
    struct sessions_counters ended; /* the sessions' counters when they were ended */
    uint64_t transactions;
};

static void write_line(struct watcher *w, struct output *o)
{
    output_line(o, (struct bytes){(const uint8_t *)w->json.text, w->json.len});
}

static void on_session(void *context, const struct session *s, bool is_final)
{
    struct watcher *w = context;
    if (!output_is_on(&w->outputs->sessions))
        return;
    json_restart(&w->json);
    session_write_json(&w->json, s, is_final);
    write_line(w, &w->outputs->sessions);
}

static void on_alert(void *context, const struct alert *a)
{
    struct watcher *w = context;
    alert_outputs_alert(w->outputs->alerts, a);
}

static void on_digest(void *context, const struct digest_rule *r)
{
    struct watcher *w = context;
    alert_outputs_digest(w->outputs->alerts, r);
}

/* It counts for the rules that ask for it. */
void watcher_mirror_record(struct watcher *w, struct transaction *record)
{
    if (!w->snapshots || !snapshots_has(w->snapshots, engine_time_of(record))) {
        digest_transaction(w->digest, w->engine, engine_time_of(record));
        engine_transaction(w->engine, record);
    }
    if (!output_is_on(&w->outputs->mirror))
        return;
    json_restart(&w->json);
    transaction_write(&w->json, record);
    write_line(w, &w->outputs->mirror);
}

static void on_mirror_record(void *context, struct transaction *record)
{
    watcher_mirror_record(context, record);
}

static bool open_snapshots(struct watcher *w, const struct config *config, struct error *error)
{
    const struct snapshots_config snapshots = {.interval_ns = config->state.interval_ns,
                                               .bytes_max = config->shares.bytes[SHARE_LASTING],
                                               .resumes = w->lasting.resumes,
                                               .tell = w->lasting.tell,
                                               .context = w->lasting.context};
    const struct snapshots_parts parts = {w->engine, w->mirror, w->digest};
    if (w->lasting.state)
        w->snapshots = snapshots_open(w->lasting.state, &parts, &snapshots, error);
    return !w->lasting.state || w->snapshots;
}

struct watcher *watcher_open(const struct config *config, const struct rules *rules,
                             struct watcher_outputs *outputs, const struct watcher_lasting *lasting,
                             struct error *error)
{
    struct watcher *w = calloc(1, sizeof(*w));
    (void)error_set(error, ERROR_WORK, "no memory");
    if (!w)
        return NULL;
    w->outputs = outputs;
    w->lasting = *lasting;
    bool has_sessions = output_is_on(&outputs->sessions);
    w->sessions =
        sessions_open(&(struct sessions_config){.sessions_max = config->sessions_max,
                                                .bytes_max = config->shares.bytes[SHARE_SESSIONS],
                                                .idle_ns = config->session_idle_ns,
                                                .interval_ns = config->session_interval_ns,
                                                .write = has_sessions ? on_session : NULL,
                                                .context = w});
    w->engine = engine_open(
        rules, &(struct engine_config){.bytes_max = config->shares.bytes[SHARE_RULE_VALUES],
                                       .keys_bytes_max = config->shares.bytes[SHARE_RULE_KEYS],
                                       .evidence_bytes_max = config->shares.bytes[SHARE_EVIDENCE],
                                       .seed = lasting->state ? state_key(lasting->state).low : 0,
                                       .alert = on_alert,
                                       .context = w});
    w->mirror =
        mirror_open(&(struct mirror_config){.bytes_max = config->shares.bytes[SHARE_SERVERS] / 2,
                                            .interval_ns = config->mirror_interval_ns,
                                            .record = on_mirror_record,
                                            .context = w});
    w->digest = digest_open(
        &(struct digest_config){.zone = config->zone, .write = on_digest, .context = w});
    if (!w->sessions || !w->engine || !w->mirror || !w->digest ||
        !open_snapshots(w, config, error)) {
        watcher_close(w);
        return NULL;
    }
    return w;
}

void watcher_close(struct watcher *w)
{
    if (!w)
        return;
    sessions_close(w->sessions);
    engine_close(w->engine);
    mirror_close(w->mirror);
    digest_close(w->digest);
    snapshots_close(w->snapshots);
    json_clear(&w->json);
    free(w);
}

void watcher_transaction(struct watcher *w, struct transaction *tx, uint64_t session,
                         int64_t now_ns)
{
    w->transactions++;
    sessions_count(w->sessions, tx, session, now_ns);
    if (!w->snapshots || snapshots_counts(w->snapshots, tx, now_ns)) {
        digest_transaction(w->digest, w->engine, engine_time_of(tx));
        engine_transaction(w->engine, tx);
    }
    if (!output_is_on(&w->outputs->transactions))
        return;
    json_restart(&w->json);
    transaction_write(&w->json, tx);
    write_line(w, &w->outputs->transactions);
}

void watcher_passing(struct watcher *w, struct transaction *tx, uint64_t session)
{
    sessions_name(w->sessions, tx, session);
    if (w->snapshots && snapshots_has(w->snapshots, engine_time_of(tx)))
        return;
    digest_transaction(w->digest, w->engine, engine_time_of(tx));
    engine_passing(w->engine, tx);
}

void watcher_session_end(struct watcher *w, uint64_t session)
{
    sessions_end(w->sessions, session);
}

void watcher_mirror(struct watcher *w, const struct mirror_part *part)
{
    if (!w->snapshots || !snapshots_has(w->snapshots, part->start_ns))
        mirror_count(w->mirror, part);
}

void watcher_tick(struct watcher *w, int64_t now_ns, int64_t clock_ns)
{
    sessions_tick(w->sessions, now_ns);
    mirror_tick(w->mirror, now_ns);
    engine_tick(w->engine, now_ns);
    digest_tick(w->digest, w->engine, now_ns);
    alert_outputs_tick(w->outputs->alerts, now_ns, clock_ns);
    if (w->snapshots) /* after the alerts that are in it were written */
        snapshots_tick(w->snapshots, clock_ns);
    output_flush(&w->outputs->transactions);
    output_flush(&w->outputs->sessions);
    output_flush(&w->outputs->mirror);
}

bool watcher_swap_rules(struct watcher *w, const struct rules *rules, size_t *kept)
{
    if (w->snapshots)
        snapshots_before_swap(w->snapshots);
    digest_before_swap(w->digest, w->engine);
    bool is_swapped = engine_swap(w->engine, rules, kept);
    if (is_swapped)
        digest_after_swap(w->digest, w->engine);
    return is_swapped;
}

void watcher_clock(struct watcher *w, int64_t clock_ns)
{
    char text[ERROR_TEXT_MAX], time[CLOCK_TEXT_MAX];
    if (!w->snapshots || snapshots_newest_ns(w->snapshots) <= clock_ns + CLOCK_SLACK_NS)
        return;
    (void)clock_print(clock_ns, time);
    (void)snprintf(text, sizeof(text),
                   "the state knows of a later time than the system's clock (%.19sZ): what it has "
                   "of that is forgotten",
                   time);
    w->lasting.tell(w->lasting.context, text);
    snapshots_set_back(w->snapshots, clock_ns + CLOCK_SLACK_NS);
}

bool watcher_save(struct watcher *w, struct error *error)
{
    return !w->snapshots || snapshots_finish(w->snapshots, error);
}

void watcher_finish(struct watcher *w, bool is_live)
{
    w->ended = sessions_counters(w->sessions);
    sessions_close(w->sessions);
    w->sessions = NULL;
    mirror_finish(w->mirror);
    if (!w->snapshots) /* else the day goes on */
        digest_finish(w->digest, w->engine, is_live);
    output_flush(&w->outputs->transactions);
    output_flush(&w->outputs->sessions);
    output_flush(&w->outputs->mirror);
}

struct watcher_counters watcher_counters(const struct watcher *w)
{
    struct watcher_counters c = {.transactions = w->transactions,
                                 .sessions =
                                     w->sessions ? sessions_counters(w->sessions) : w->ended,
                                 .engine = engine_counters(w->engine),
                                 .has_state = w->snapshots != NULL};
    if (w->snapshots)
        c.state = snapshots_counters(w->snapshots);
    return c;
}

bool watcher_rule(const struct watcher *w, size_t i, struct rule_counters *c)
{
    return engine_rule(w->engine, i, c);
}

void watcher_mirror_totals(const struct watcher *w, struct mirror_totals *totals)
{
    mirror_totals(w->mirror, totals);
}
