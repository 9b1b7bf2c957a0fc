/*
 * A transaction goes through its session and the rules before it is written, so that its line has
 * both.
 */
#include "watcher.h"

#include "rules/alert.h"

#include <stdlib.h>

struct watcher {
    struct watcher_outputs *outputs;
    struct sessions *sessions;
    struct engine *engine;
    struct mirror *mirror;
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

/* Alerts wait for no company. */
static void on_alert(void *context, const struct alert *a)
{
    struct watcher *w = context;
    struct watcher_outputs *o = w->outputs;
    if (output_is_on(&o->alerts)) {
        json_restart(&w->json);
        alert_write_json(&w->json, a);
        write_line(w, &o->alerts);
        output_flush(&o->alerts);
    }
    if (output_is_on(&o->lines)) {
        char line[ALERT_LINE_MAX + 1];
        size_t len = alert_write_line(a, line);
        line[len++] = '\n';
        output_line(&o->lines, (struct bytes){(const uint8_t *)line, len});
        output_flush(&o->lines);
    }
}

/* It counts for the rules that ask for it. */
void watcher_mirror_record(struct watcher *w, struct transaction *record)
{
    engine_transaction(w->engine, record);
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

struct watcher *watcher_open(const struct config *config, const struct rules *rules,
                             struct watcher_outputs *outputs)
{
    struct watcher *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->outputs = outputs;
    w->sessions =
        sessions_open(&(struct sessions_config){.sessions_max = config->sessions_max,
                                                .bytes_max = config->shares.bytes[SHARE_SESSIONS],
                                                .idle_ns = config->session_idle_ns,
                                                .interval_ns = config->session_interval_ns,
                                                .write = on_session,
                                                .context = w});
    w->engine = engine_open(
        rules, &(struct engine_config){.bytes_max = config->shares.bytes[SHARE_RULE_VALUES],
                                       .keys_bytes_max = config->shares.bytes[SHARE_RULE_KEYS],
                                       .evidence_bytes_max = config->shares.bytes[SHARE_EVIDENCE],
                                       .alert = on_alert,
                                       .context = w});
    w->mirror =
        mirror_open(&(struct mirror_config){.bytes_max = config->shares.bytes[SHARE_SERVERS] / 2,
                                            .interval_ns = config->mirror_interval_ns,
                                            .record = on_mirror_record,
                                            .context = w});
    if (!w->sessions || !w->engine || !w->mirror) {
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
    json_clear(&w->json);
    free(w);
}

void watcher_transaction(struct watcher *w, struct transaction *tx, uint64_t session,
                         int64_t now_ns)
{
    w->transactions++;
    sessions_count(w->sessions, tx, session, now_ns);
    engine_transaction(w->engine, tx);
    if (!output_is_on(&w->outputs->transactions))
        return;
    json_restart(&w->json);
    transaction_write(&w->json, tx);
    write_line(w, &w->outputs->transactions);
}

void watcher_session_end(struct watcher *w, uint64_t session)
{
    sessions_end(w->sessions, session);
}

void watcher_mirror(struct watcher *w, const struct mirror_part *part)
{
    mirror_count(w->mirror, part);
}

void watcher_tick(struct watcher *w, int64_t now_ns)
{
    sessions_tick(w->sessions, now_ns);
    mirror_tick(w->mirror, now_ns);
    engine_tick(w->engine, now_ns);
    output_flush(&w->outputs->transactions);
    output_flush(&w->outputs->sessions);
    output_flush(&w->outputs->mirror);
}

bool watcher_swap_rules(struct watcher *w, const struct rules *rules, size_t *kept)
{
    return engine_swap(w->engine, rules, kept);
}

void watcher_finish(struct watcher *w)
{
    w->ended = sessions_counters(w->sessions);
    sessions_close(w->sessions);
    w->sessions = NULL;
    mirror_finish(w->mirror);
    output_flush(&w->outputs->transactions);
    output_flush(&w->outputs->sessions);
    output_flush(&w->outputs->mirror);
}

struct watcher_counters watcher_counters(const struct watcher *w)
{
    return (struct watcher_counters){.transactions = w->transactions,
                                     .sessions =
                                         w->sessions ? sessions_counters(w->sessions) : w->ended,
                                     .engine = engine_counters(w->engine)};
}

bool watcher_rule(const struct watcher *w, size_t i, struct rule_counters *c)
{
    return engine_rule(w->engine, i, c);
}

void watcher_mirror_totals(const struct watcher *w, struct mirror_totals *totals)
{
    mirror_totals(w->mirror, totals);
}
