/*
 * Everything is opened and checked before the first output is begun, so that a mistake leaves
 * nothing half-written.
 */
#include "commands/run.h"

#include "commands/confine.h"
#include "commands/file_watch.h"
#include "commands/load.h"
#include "commands/logs.h"
#include "commands/message.h"
#include "commands/sources.h"
#include "commands/state_file.h"
#include "core/clock.h"
#include "rules/rule.h"
#include "watcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LOG_BATCH = 4096, /* entries of a log between two looks at signals */
    LOGS_MAX = ALERT_OUTPUTS_ALL_MAX + 3
};

/* All that a run holds; what is not opened is zero. */
struct run {
    struct loaded loaded;
    struct source *sources[PIPELINE_WORKERS_MAX]; /* one a worker */
    struct logs logs;                             /* of transactions, beside them */
    struct confine_user user;
    struct watcher_outputs outputs;
    struct output summary;
    struct state *state; /* NULL: nothing lasts */
    struct watcher *watcher;
    struct pipeline *pipeline; /* NULL: there are logs alone */
    struct json json;
    struct file_watch files; /* of rules, live */
    int64_t now_ns;          /* packet time of the last tick */
    bool is_live;
};

static int64_t ns_of(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return t.tv_sec * CLOCK_SECOND_NS + t.tv_nsec;
}

static double seconds_of(clockid_t clock)
{
    return (double)ns_of(clock) / (double)CLOCK_SECOND_NS;
}

/* A log that is read must not be begun anew. */
static bool spare_logs(const struct run *r, const struct options *o, struct error *error)
{
    const char *const paths[] = {o->alerts, o->transactions, o->sessions, o->mirror, o->summary};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (logs_have(&r->logs, paths[i]))
            return error_set(error, ERROR_USAGE, "%s: is read, and cannot be written too",
                             paths[i]);
    }
    return true;
}

static void tell_note(void *context, const char *text)
{
    (void)context;
    (void)fprintf(stderr, "seepwatch: note: %s\n", text);
}

/* The outputs of the configuration are watch's: a replay of old captures must not reach them
 * unasked. */
static size_t configured_count(const struct run *r, const struct options *o)
{
    const struct alert_settings *s = r->loaded.config.alerts;
    return s && (o->command == COMMAND_WATCH || o->wants_outputs) ? s->count : 0;
}

/* Readable lines where nobody asked for anything, and on a terminal beside files. */
static bool wants_lines(const struct run *r, const struct options *o)
{
    size_t count = configured_count(r, o);
    bool has_stdout = o->alerts && strcmp(o->alerts, "-") == 0;
    for (size_t i = 0; i < count; i++) {
        const char *path = r->loaded.config.alerts->items[i].path;
        has_stdout = has_stdout || (path && strcmp(path, "-") == 0);
    }
    return (!o->alerts && count == 0) ||
           (o->command == COMMAND_WATCH && !has_stdout && isatty(STDOUT_FILENO));
}

static bool open_alerts(struct run *r, const struct options *o, struct error *error)
{
    static const struct alert_outputs_notes notes = {.note = tell_note};
    struct alert_outputs *alerts = r->outputs.alerts = alert_outputs_open(&notes);
    /* whoever reads --alerts counts alerts */
    const struct alert_setting json = {.path = o->alerts, .takes_no_digest = true},
                               lines = {.path = "-", .form = ALERT_AS_LINES};
    if (!alerts)
        return error_set(error, ERROR_WORK, "no memory");
    if (o->alerts && !alert_outputs_add(alerts, &json, o->command == COMMAND_WATCH, error))
        return false;
    if (wants_lines(r, o) && !alert_outputs_add(alerts, &lines, true, error))
        return false;
    for (size_t i = 0; i < configured_count(r, o); i++) {
        if (!alert_outputs_add(alerts, &r->loaded.config.alerts->items[i], true, error))
            return false;
    }
    return true;
}

static bool open_outputs(struct run *r, const struct options *o, struct error *error)
{
    struct watcher_outputs *out = &r->outputs;
    bool is_live = o->command == COMMAND_WATCH;
    return open_alerts(r, o, error) &&
           output_open(&out->transactions, o->transactions, is_live, error) &&
           output_open(&out->sessions, o->sessions, is_live, error) &&
           output_open(&out->mirror, o->mirror, is_live, error) &&
           output_open(&r->summary, o->summary, false, error);
}

static bool close_outputs(struct run *r, struct error *error)
{
    struct output *outputs[] = {&r->outputs.transactions, &r->outputs.sessions, &r->outputs.mirror};
    struct error ignored;
    bool is_good = !r->outputs.alerts || alert_outputs_end(r->outputs.alerts, error);
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        if (outputs[i]->path && !output_close(outputs[i], is_good ? error : &ignored))
            is_good = false;
    }
    return is_good;
}

/* The logs that are open: they are opened again after a rotation. */
static size_t find_logs(struct watcher_outputs *o, struct output *logs[LOGS_MAX])
{
    size_t count = alert_outputs_files(o->alerts, logs);
    struct output *others[] = {&o->transactions, &o->sessions, &o->mirror};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        logs[count++] = others[i];
    return count;
}

static void reopen_outputs(struct run *r)
{
    struct output *outputs[LOGS_MAX];
    size_t count = find_logs(&r->outputs, outputs);
    for (size_t i = 0; i < count; i++) {
        struct error error;
        if (!output_reopen(outputs[i], &error))
            message_error(&error);
    }
}

/* The time that the logs tell of counts as traffic. */
static void count_logs(const struct run *r, struct summary *s)
{
    s->has_logs = true;
    s->logs = transaction_log_counters(r->logs.log);
    if (s->workers.first_ns == 0 || r->logs.first_ns < s->workers.first_ns)
        s->workers.first_ns = r->logs.first_ns;
    if (r->logs.now_ns > s->workers.last_ns)
        s->workers.last_ns = r->logs.now_ns;
}

static bool write_summary(struct run *r, double wall_seconds, struct error *error)
{
    struct summary *s = calloc(1, sizeof(*s));
    if (!s)
        return error_set(error, ERROR_WORK, "no memory for the summary");
    if (r->pipeline)
        pipeline_count(r->pipeline, s);
    if (r->logs.log)
        count_logs(r, s);
    s->watcher = watcher_counters(r->watcher);
    watcher_mirror_totals(r->watcher, &s->mirror);
    s->outputs = r->outputs.alerts;
    s->cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    s->wall_seconds = wall_seconds;
    json_restart(&r->json);
    summary_write(&r->json, s);
    free(s);
    output_line(&r->summary, (struct bytes){(const uint8_t *)r->json.text, r->json.len});
    return output_close(&r->summary, error);
}

/* What each exception of a rule has silenced, where it did. */
static void write_exceptions(const struct run *r)
{
    struct rule_counters c;
    for (size_t i = 0; watcher_rule(r->watcher, i, &c); i++) {
        for (size_t k = 0; k < c.rule->exceptions_count; k++) {
            if (c.excepted[k] > 0)
                (void)fprintf(stderr, "seepwatch: note: %s: %llu transactions excepted: %s\n",
                              c.rule->id, (unsigned long long)c.excepted[k],
                              c.rule->exceptions[k].reason);
        }
    }
}

/* For a person who asked for nothing else: what passed. */
static void write_closing_line(const struct run *r, const struct options *o)
{
    if (o->alerts || o->summary)
        return;
    struct watcher_counters counters = watcher_counters(r->watcher);
    (void)fprintf(stderr, "seepwatch: %llu transactions, %llu alerts\n",
                  (unsigned long long)counters.transactions,
                  (unsigned long long)counters.engine.alerts);
}

/* For whoever starts a watch: that it goes on. */
static void write_restored(const struct run *r, const struct options *o)
{
    struct watcher_counters c = watcher_counters(r->watcher);
    if (c.has_state && c.state.restored_rules > 0)
        (void)fprintf(stderr, "seepwatch: note: %s: %llu rules go on, with %llu keys\n", o->state,
                      (unsigned long long)c.state.restored_rules,
                      (unsigned long long)c.state.restored_keys);
}

/* What of a replay the state had already. */
static void write_repeated(const struct run *r, const struct options *o)
{
    struct watcher_counters c = watcher_counters(r->watcher);
    if (c.has_state && c.state.repeated > 0)
        (void)fprintf(stderr,
                      "seepwatch: note: %llu transactions are no later than what %s has counted: "
                      "they were not counted again\n",
                      (unsigned long long)c.state.repeated, o->state);
}

/* The one field that costs too much to be computed for nobody. */
static bool uses_community_id(const struct rules *rules)
{
    for (size_t i = 0; i < rules_count(rules); i++) {
        if (rule_fields(rules_at(rules, i)) >> FIELD_NETWORK_COMMUNITY_ID & 1)
            return true;
    }
    return false;
}

/* All that rules are read from. */
static size_t rule_paths(const struct run *r, const char *paths[FILE_WATCH_PATHS_MAX])
{
    const struct loaded *l = &r->loaded;
    size_t lists_count, count = 0;
    const char *const *lists = rules_list_files(l->rules, &lists_count);
    for (size_t i = 0; i < l->rule_paths_count; i++)
        paths[count++] = l->rule_paths[i];
    for (size_t i = 0; i < lists_count; i++)
        paths[count++] = lists[i];
    return count;
}

/* Without inotify there is still SIGHUP. */
static void watch_files(struct run *r)
{
    const char *paths[FILE_WATCH_PATHS_MAX];
    if (!file_watch_open(&r->files, paths, rule_paths(r, paths)))
        (void)fprintf(stderr,
                      "seepwatch: note: the rule files are not watched (%s): SIGHUP reads them "
                      "again\n",
                      strerror(errno));
}

/* The lists of a new set may be others. */
static void follow_files(struct run *r)
{
    const char *paths[FILE_WATCH_PATHS_MAX];
    size_t count = rule_paths(r, paths);
    if (r->files.fd < 0)
        return;
    const char *lost = file_watch_follow(&r->files, paths, count);
    if (lost)
        (void)fprintf(stderr,
                      "seepwatch: note: %s lies in a folder that is not watched: SIGHUP reads it "
                      "again\n",
                      lost);
}

/* A new set takes the place of the old one as a whole, or not at all. */
static void reload_rules(struct run *r)
{
    struct error error;
    size_t kept;
    file_watch_forget(&r->files);
    struct rules *rules = load_rules_again(&r->loaded, &error);
    if (rules && !watcher_swap_rules(r->watcher, rules, &kept)) {
        (void)error_set(&error, ERROR_WORK, "no memory for the new rules");
        rules_close(rules);
        rules = NULL;
    }
    if (!rules) {
        message_error(&error);
        (void)fputs("seepwatch: the rules stay as they were\n", stderr);
        alert_outputs_health(r->outputs.alerts,
                             &(struct health){.id = "rules-refused",
                                              .name = "The rules were not read again",
                                              .severity = SEVERITY_HIGH,
                                              .time_ns = r->now_ns,
                                              .detail = error.text});
        return;
    }
    if (!load_honey(&r->loaded, rules))
        (void)fputs("seepwatch: no memory for the new lists of planted customers: the workers look "
                    "for the old ones\n",
                    stderr);
    write_exceptions(r);
    rules_close(r->loaded.rules);
    r->loaded.rules = rules;
    follow_files(r);
    if (uses_community_id(rules))
        pipeline_want_community_id(r->pipeline);
    size_t on = rules_on(rules);
    (void)fprintf(stderr, "seepwatch: note: the rules were read again: %zu on, %zu of them anew\n",
                  on, on - kept);
}

static void take_hangup(void *context)
{
    struct run *r = context;
    reopen_outputs(r);
    if (r->is_live)
        reload_rules(r);
}

static bool confine_run(struct run *r, const struct options *o, struct error *error)
{
    struct output *logs[LOGS_MAX];
    const struct peer_address *peers[ALERT_OUTPUTS_ALL_MAX];
    const char *paths[FILE_WATCH_PATHS_MAX];
    size_t paths_count = rule_paths(r, paths);
    struct confine_needs needs = {.user = r->user,
                                  .logs = (const struct output *const *)logs,
                                  .logs_count = find_logs(&r->outputs, logs),
                                  .peers = peers,
                                  .peers_count = alert_outputs_peers(r->outputs.alerts, peers),
                                  .rules = paths,
                                  .rules_count = r->is_live ? paths_count : 0,
                                  .state = o->state};
    return o->is_unconfined || confine(&needs, error);
}

static void take_logged(void *context, struct log_entry *e, int64_t now_ns)
{
    struct run *r = context;
    if (e->kind == READ_MIRROR)
        watcher_mirror_record(r->watcher, &e->transaction);
    else
        watcher_transaction(r->watcher, &e->transaction, e->session, now_ns);
}

/* What the logs have up to that time; false where they have nothing more at all. */
static bool feed_logs(struct run *r, int64_t until_ns, size_t count_max)
{
    const struct logs_taker taker = {.context = r, .take = take_logged};
    return logs_feed(&r->logs, &taker, until_ns, count_max);
}

static void take_transaction(void *context, struct transaction *tx, uint64_t session,
                             int64_t now_ns)
{
    struct run *r = context;
    (void)feed_logs(r, now_ns, SIZE_MAX);
    watcher_transaction(r->watcher, tx, session, now_ns);
}

static void take_passing(void *context, struct transaction *tx, uint64_t session, int64_t now_ns)
{
    struct run *r = context;
    (void)feed_logs(r, now_ns, SIZE_MAX);
    watcher_passing(r->watcher, tx, session);
}

static void take_session_end(void *context, uint64_t session)
{
    struct run *r = context;
    watcher_session_end(r->watcher, session);
}

static void take_mirror(void *context, const struct mirror_part *part)
{
    struct run *r = context;
    watcher_mirror(r->watcher, part);
}

static void take_tick(void *context, int64_t now_ns)
{
    struct run *r = context;
    int64_t clock_ns = ns_of(CLOCK_MONOTONIC);
    r->now_ns = now_ns;
    if (r->is_live)
        watcher_clock(r->watcher, ns_of(CLOCK_REALTIME));
    watcher_tick(r->watcher, now_ns, clock_ns);
    if (file_watch_settled(&r->files, clock_ns))
        reload_rules(r);
}

/* What the logs have left when the captures are at their end. */
static void run_logs(struct run *r, struct pipeline_signals *signals)
{
    while (!signals->must_stop && feed_logs(r, INT64_MAX, LOG_BATCH)) {
        watcher_tick(r->watcher, r->logs.now_ns, ns_of(CLOCK_MONOTONIC));
        if (signals->has_hung_up)
            take_hangup(r);
        signals->has_hung_up = 0;
    }
}

/* Reads captures and logs to their end, or to a signal. */
static bool run_all(struct run *r, struct error *error)
{
    struct pipeline_signals *signals = signals_catch();
    bool is_cut = false;
    bool is_good = !r->pipeline || pipeline_run(r->pipeline, signals, &is_cut, error);
    if (is_good)
        run_logs(r, signals);
    if (is_cut)
        (void)fprintf(stderr, "seepwatch: note: %s; what came before that was read\n", error->text);
    return is_good && logs_tell(&r->logs, error);
}

static bool run_opened(struct run *r, const struct options *o, struct error *error)
{
    const struct sink sink = {.context = r,
                              .transaction = take_transaction,
                              .passing = take_passing,
                              .session_end = take_session_end,
                              .mirror = take_mirror,
                              .tick = take_tick,
                              .hangup = take_hangup};
    struct pipeline_config config = {.config = &r->loaded.config,
                                     .sink = &sink,
                                     .wants_community_id = output_is_on(&r->outputs.transactions) ||
                                                           uses_community_id(r->loaded.rules),
                                     .sources = r->sources,
                                     .workers = o->workers,
                                     .is_live = o->command == COMMAND_WATCH,
                                     .processors = o->processors_count > 0 ? o->processors : NULL};
    struct error later;
    const struct watcher_lasting lasting = {
        .state = r->state, .resumes = !r->is_live, .tell = state_file_tell};
    r->watcher = watcher_open(&r->loaded.config, r->loaded.rules, &r->outputs, &lasting, error);
    if (!r->watcher)
        return false;
    if (r->is_live) {
        write_restored(r, o);
        watch_files(r);
    }
    if ((r->sources[0] && !pipeline_open(&r->pipeline, &config, error)) ||
        !confine_run(r, o, error))
        return false;
    load_tell_key(&r->loaded, r->is_live);
    double begin = seconds_of(CLOCK_MONOTONIC);
    bool is_good = run_all(r, error);
    watcher_finish(r->watcher, r->is_live);
    bool is_saved = watcher_save(r->watcher, is_good ? error : &later);
    double wall_seconds = seconds_of(CLOCK_MONOTONIC) - begin;
    is_good = is_good && is_saved;
    bool is_written = close_outputs(r, is_good ? error : &later);
    bool is_summed =
        !o->summary || write_summary(r, wall_seconds, is_good && is_written ? error : &later);
    write_exceptions(r);
    write_repeated(r, o);
    if (is_good)
        write_closing_line(r, o);
    return is_good && is_written && is_summed;
}

static void run_clear(struct run *r)
{
    pipeline_close(r->pipeline);
    watcher_close(r->watcher);
    state_close(r->state);
    alert_outputs_close(r->outputs.alerts);
    sources_close(r->sources);
    logs_close(&r->logs);
    file_watch_close(&r->files);
    loaded_clear(&r->loaded);
    json_clear(&r->json);
}

/* Sorts the files into captures and logs, and opens both. */
static bool open_inputs(struct run *r, const struct options *o, struct error *error)
{
    struct options packets = *o;
    if (!logs_open(&r->logs, &o->files, &packets.files, error))
        return false;
    if (r->logs.log && o->filter)
        return error_set(error, ERROR_USAGE, "--filter is for packets, and %s is a log",
                         r->logs.files.items[0]);
    bool has_packets = packets.files.count > 0 || packets.interfaces.count > 0;
    return !has_packets || sources_open(r->sources, &packets, &r->loaded.config, error);
}

static bool open_state(struct run *r, const struct options *o, struct error *error)
{
    return !o->state || state_file_open(&r->state, o->state, &r->loaded.config, &r->user, error);
}

/* The site's key, which is loaded first, lies there too. */
static bool make_state_folder(const struct run *r, const struct options *o)
{
    if (o->state)
        state_file_make_folder(o->state, &r->user);
    return true;
}

bool run_pipeline(const struct options *o, struct error *error)
{
    struct run r = {.files = {.fd = -1}, .is_live = o->command == COMMAND_WATCH};
    bool stays = o->command == COMMAND_REPLAY || o->is_unconfined;
    bool is_good =
        (stays || confine_find_user(&r.user, o->user, error)) && make_state_folder(&r, o) &&
        load(&r.loaded, o, error) && open_inputs(&r, o, error) && spare_logs(&r, o, error) &&
        open_state(&r, o, error) && open_outputs(&r, o, error) && run_opened(&r, o, error);
    if (!is_good) {
        struct error ignored;
        (void)close_outputs(&r, &ignored);
        if (r.summary.path)
            (void)output_close(&r.summary, &ignored);
    }
    run_clear(&r);
    return is_good;
}
