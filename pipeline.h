/*
 * Workers and the watcher put together: packets in; transactions, sessions, alerts and the summary
 * out.
 *
 * One worker runs in the caller's thread.  Several have a thread each and hand their transactions
 * over by bounded queues.  Live, a full queue never makes a worker wait: long texts go first, then
 * whole transactions, and both are counted.  Over files a worker waits, and the watcher takes the
 * queues' entries in the order of their times.
 */
#ifndef SEEPWATCH_PIPELINE_H
#define SEEPWATCH_PIPELINE_H

#include "capture/source.h"
#include "watcher.h"
#include "worker.h"

#include <signal.h>

enum { PIPELINE_WORKERS_MAX = 64 };

struct pipeline;

struct pipeline_config {
    const struct config *config;
    const struct rules *rules;
    struct watcher_outputs *outputs;
    struct source *const *sources; /* one a worker */
    unsigned workers;
    bool is_live;
    const int *processors; /* one a worker, to run on; NULL: any */
};

/* What a run has to look at: set by signal handlers. */
struct pipeline_signals {
    volatile sig_atomic_t must_stop, must_reopen;
};

bool pipeline_open(struct pipeline **p, const struct pipeline_config *config, struct error *error);

/*
 * pipeline_run reads until the end of the sources or a signal, and ends every flow and session.
 * reopen is called between two batches where it was asked for.  False where a source failed; *note
 * is set to true where all was read but a file ended inside a packet, and the error tells which.
 */
bool pipeline_run(struct pipeline *p, struct pipeline_signals *signals,
                  void (*reopen)(struct watcher_outputs *o), bool *note, struct error *error);

/* What only the run knows. */
struct pipeline_times {
    double cpu_seconds, wall_seconds;
};

/* pipeline_summary writes the summary of a finished run as one JSON object. */
void pipeline_summary(const struct pipeline *p, const struct pipeline_times *times, struct json *j);

uint64_t pipeline_alerts(const struct pipeline *p);
uint64_t pipeline_transactions(const struct pipeline *p);

void pipeline_close(struct pipeline *p);

#endif
