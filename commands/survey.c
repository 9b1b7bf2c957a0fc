/*
 * A pipeline whose sink counts findings, until the time is over; then the report on standard
 * output.  Progress goes to standard error.
 */
#include "commands/survey.h"

#include "commands/confine.h"
#include "commands/sources.h"
#include "core/clock.h"
#include "rules/problems.h"
#include "survey/report.h"
#include "survey/starter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    LIVE_FOR_S = 300,           /* unless --for says otherwise */
    PROGRESS_TERMINAL_MS = 500, /* between two looks of a person */
    PROGRESS_LOG_MS = 30000,    /* likewise where standard error is a file */
};

struct survey {
    struct config config;
    struct source *sources[PIPELINE_WORKERS_MAX];
    struct confine_user user;
    struct findings *findings;
    struct pipeline *pipeline;
    struct pipeline_signals *signals;
    FILE *starter;            /* NULL: none is wanted */
    int64_t first_ns, for_ns; /* packet time of the first look; how long to look, 0: to the end */
    int64_t shown_ms;         /* when progress was shown last */
    bool has_terminal;
};

static void take_transaction(void *context, struct transaction *tx, uint64_t session,
                             int64_t now_ns)
{
    struct survey *s = context;
    (void)session;
    (void)now_ns;
    findings_transaction(s->findings, tx);
}

static void take_session_end(void *context, uint64_t session)
{
    (void)context;
    (void)session;
}

static void take_mirror(void *context, const struct mirror_part *part)
{
    struct survey *s = context;
    findings_mirror(s->findings, part);
}

static int64_t milliseconds(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void show_progress(struct survey *s, int64_t seen_ns)
{
    struct found_totals t = findings_totals(s->findings);
    long long seconds = seen_ns / CLOCK_SECOND_NS, of = s->for_ns / CLOCK_SECOND_NS;
    (void)fprintf(stderr, "%sseepwatch: %lld s", s->has_terminal ? "\r" : "", seconds);
    if (of > 0)
        (void)fprintf(stderr, " of %lld s", of);
    (void)fprintf(stderr, ": %llu servers, %llu accounts, %llu requests%s",
                  (unsigned long long)t.servers, (unsigned long long)t.accounts,
                  (unsigned long long)found_requests(&t.volume), s->has_terminal ? "  " : "\n");
}

static void take_tick(void *context, int64_t now_ns)
{
    struct survey *s = context;
    if (s->first_ns == 0) {
        s->first_ns = now_ns;
        findings_begin(s->findings, now_ns);
    }
    int64_t seen_ns = now_ns > s->first_ns ? now_ns - s->first_ns : 0, now_ms = milliseconds();
    if (s->for_ns > 0 && seen_ns >= s->for_ns)
        s->signals->must_stop = 1;
    if (now_ms - s->shown_ms < (s->has_terminal ? PROGRESS_TERMINAL_MS : PROGRESS_LOG_MS))
        return;
    s->shown_ms = now_ms;
    show_progress(s, seen_ns);
}

static void take_hangup(void *context)
{
    (void)context;
}

static bool load_config(struct survey *s, const struct options *o, struct error *error)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    if (!problems)
        return error_set(error, ERROR_WORK, "no memory");
    bool is_good = config_load(&s->config, o->config, problems);
    if (!is_good)
        (void)problems_error(problems, error);
    free(problems);
    return is_good;
}

/* Somebody's configuration is not written over. */
static bool open_starter(struct survey *s, const char *path, struct error *error)
{
    s->starter = path ? fopen(path, "wx") : NULL;
    if (s->starter || !path)
        return true;
    return error_set(error, errno == EEXIST ? ERROR_USAGE : ERROR_WORK, "%s: %s", path,
                     errno == EEXIST ? "is there already: name a new file" : strerror(errno));
}

static bool write_starter(struct survey *s, const char *path, struct error *error)
{
    FILE *starter = s->starter;
    if (!starter)
        return true;
    starter_write(s->findings, starter);
    bool is_good = !ferror(starter);
    s->starter = NULL;
    return (fclose(starter) == 0 && is_good) ||
           error_set(error, ERROR_WORK, "%s: %s", path, strerror(errno));
}

static bool look(struct survey *s, const struct options *o, struct error *error)
{
    const struct sink sink = {.context = s,
                              .transaction = take_transaction,
                              .session_end = take_session_end,
                              .mirror = take_mirror,
                              .tick = take_tick,
                              .hangup = take_hangup};
    struct pipeline_config config = {.config = &s->config,
                                     .sink = &sink,
                                     .sources = s->sources,
                                     .workers = o->workers,
                                     .is_live = o->interfaces.count > 0,
                                     .processors = o->processors_count > 0 ? o->processors : NULL};
    struct confine_needs needs = {.user = s->user};
    bool is_cut = false;
    if (!pipeline_open(&s->pipeline, &config, error) ||
        !(o->is_unconfined || confine(&needs, error)))
        return false;
    s->signals = signals_catch();
    s->shown_ms = milliseconds();
    bool is_good = pipeline_run(s->pipeline, s->signals, &is_cut, error);
    if (s->has_terminal)
        (void)fprintf(stderr, "\r%60s\r", "");
    if (is_cut)
        (void)fprintf(stderr, "seepwatch: note: %s; what came before that was read\n", error->text);
    return is_good;
}

static bool write_report(struct survey *s, const struct options *o, struct error *error)
{
    report_write(s->findings, stdout);
    if (fflush(stdout) != 0)
        return error_set(error, ERROR_WORK, "standard output: %s", strerror(errno));
    return write_starter(s, o->starter, error);
}

static void survey_clear(struct survey *s)
{
    pipeline_close(s->pipeline);
    sources_close(s->sources);
    findings_close(s->findings);
    config_clear(&s->config);
    if (s->starter)
        (void)fclose(s->starter);
}

bool run_survey(const struct options *o, struct error *error)
{
    bool is_live = o->interfaces.count > 0, stays = !is_live || o->is_unconfined;
    struct survey s = {.findings = findings_open(), .has_terminal = isatty(STDERR_FILENO)};
    s.for_ns = o->for_ns > 0 || !is_live ? o->for_ns : LIVE_FOR_S * CLOCK_SECOND_NS;
    bool is_good = s.findings || error_set(error, ERROR_WORK, "no memory");
    is_good = is_good && (stays || confine_find_user(&s.user, o->user, error)) &&
              load_config(&s, o, error) && sources_open(s.sources, o, &s.config, error) &&
              open_starter(&s, o->starter, error) && look(&s, o, error) &&
              write_report(&s, o, error);
    survey_clear(&s);
    return is_good;
}
