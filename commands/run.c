/*
 * Everything is opened and checked before the first output is begun, so that a mistake leaves
 * nothing half-written.
 */
#include "commands/run.h"

#include "commands/load.h"
#include "core/clock.h"
#include "pipeline.h"
#include "rules/rule.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* All that a run holds; what is not opened is zero. */
struct run {
    struct loaded loaded;
    struct source *source;
    struct pipeline_outputs outputs;
    struct pipeline *pipeline;
    struct json json;
};

/* The only writes of signal handlers; the loop between two batches reads them. */
static volatile sig_atomic_t must_stop, must_reopen;

static void on_stop(int number)
{
    (void)number;
    must_stop = 1;
}

static void on_reopen(int number)
{
    (void)number;
    must_reopen = 1;
}

static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop},
                     reopen = {.sa_handler = on_reopen, .sa_flags = SA_RESTART},
                     ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGHUP, &reopen, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / (double)CLOCK_SECOND_NS;
}

static bool open_source(struct run *r, const struct options *o, struct error *error)
{
    if (o->command == COMMAND_WATCH)
        return source_open_live(&r->source, o->interfaces.items, o->interfaces.count, o->filter,
                                r->loaded.config.ring_bytes, error);
    return source_open_files(&r->source, o->files.items, o->files.count, o->filter, error);
}

static bool open_outputs(struct run *r, const struct options *o, struct error *error)
{
    struct pipeline_outputs *out = &r->outputs;
    bool is_live = o->command == COMMAND_WATCH;
    /* readable lines where nobody asked for JSON, and on a terminal beside a log file */
    bool wants_lines =
        !o->alerts || (is_live && strcmp(o->alerts, "-") != 0 && isatty(STDOUT_FILENO));
    return output_open(&out->alerts, o->alerts, is_live, error) &&
           output_open(&out->lines, wants_lines ? "-" : NULL, true, error) &&
           output_open(&out->transactions, o->transactions, is_live, error) &&
           output_open(&out->sessions, o->sessions, is_live, error);
}

static bool close_outputs(struct run *r, struct error *error)
{
    struct output *outputs[] = {&r->outputs.alerts, &r->outputs.lines, &r->outputs.transactions,
                                &r->outputs.sessions};
    struct error ignored;
    bool is_good = true;
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        if (outputs[i]->path && !output_close(outputs[i], is_good ? error : &ignored))
            is_good = false;
    }
    return is_good;
}

static void reopen_outputs(struct run *r)
{
    struct output *outputs[] = {&r->outputs.alerts, &r->outputs.transactions, &r->outputs.sessions};
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        struct error error;
        if (!output_reopen(outputs[i], &error))
            (void)fprintf(stderr, "seepwatch: %s\n", error.text);
    }
}

/* The system's time, live; files have their own. */
static int64_t live_now(const struct options *o)
{
    struct timespec t;
    if (o->command != COMMAND_WATCH)
        return 0;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * CLOCK_SECOND_NS + t.tv_nsec;
}

static bool read_packets(struct run *r, const struct options *o, struct error *error)
{
    enum source_status status = SOURCE_PACKETS;
    while (!must_stop && (status == SOURCE_PACKETS || status == SOURCE_QUIET)) {
        status = source_read(r->source, pipeline_take, r->pipeline, error);
        pipeline_tick(r->pipeline, status == SOURCE_QUIET ? live_now(o) : 0);
        if (must_reopen) {
            must_reopen = 0;
            reopen_outputs(r);
        }
    }
    if (status == SOURCE_CUT)
        (void)fprintf(stderr, "seepwatch: note: %s; what came before that was read\n", error->text);
    return status != SOURCE_FAILED;
}

static bool write_summary(struct run *r, const struct options *o, double wall_seconds,
                          struct error *error)
{
    struct pipeline_run run = {.drops = source_drops(r->source),
                               .cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID),
                               .wall_seconds = wall_seconds};
    struct output summary;
    json_restart(&r->json);
    pipeline_summary(r->pipeline, &run, &r->json);
    if (!output_open(&summary, o->summary, false, error))
        return false;
    output_line(&summary, (struct bytes){(const uint8_t *)r->json.text, r->json.len});
    return output_close(&summary, error);
}

/* For a person who asked for nothing else: what passed. */
static void write_closing_line(const struct run *r, const struct options *o)
{
    if (o->alerts || o->summary)
        return;
    (void)fprintf(stderr, "seepwatch: %llu transactions, %llu alerts\n",
                  (unsigned long long)pipeline_transactions(r->pipeline),
                  (unsigned long long)pipeline_alerts(r->pipeline));
}

static bool run_opened(struct run *r, const struct options *o, struct error *error)
{
    struct pipeline_config config = {.config = &r->loaded.config,
                                     .rules = r->loaded.rules,
                                     .geo = r->loaded.geo,
                                     .outputs = &r->outputs};
    struct error later;
    r->pipeline = pipeline_open(&config);
    if (!r->pipeline)
        return error_set(error, ERROR_WORK, "no memory");
    catch_signals();
    double begin = seconds_of(CLOCK_MONOTONIC);
    bool is_good = read_packets(r, o, error);
    pipeline_finish(r->pipeline);
    double wall_seconds = seconds_of(CLOCK_MONOTONIC) - begin;
    bool is_written = close_outputs(r, is_good ? error : &later);
    bool is_summed =
        !o->summary || write_summary(r, o, wall_seconds, is_good && is_written ? error : &later);
    write_closing_line(r, o);
    return is_good && is_written && is_summed;
}

static void run_clear(struct run *r)
{
    pipeline_close(r->pipeline);
    source_close(r->source);
    loaded_clear(&r->loaded);
    json_clear(&r->json);
}

bool run_pipeline(const struct options *o, struct error *error)
{
    struct run r = {0};
    bool is_good = load(&r.loaded, o, error) && open_source(&r, o, error) &&
                   open_outputs(&r, o, error) && run_opened(&r, o, error);
    if (!is_good) {
        struct error ignored;
        (void)close_outputs(&r, &ignored);
    }
    run_clear(&r);
    return is_good;
}
