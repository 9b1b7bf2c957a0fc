/*
 * Sources and workers put together: packets in; transactions, ended sessions and the mirror's
 * health out, to one sink.
 *
 * One worker runs in the caller's thread.  Several have a thread each and hand their transactions
 * over by bounded queues; the sink belongs to the caller's thread.  Live, a full queue never makes
 * a worker wait: long texts go first, then whole transactions, and both are counted.  Over files a
 * worker waits, and the queues' entries are taken in the order of their times.
 */
#ifndef SEEPWATCH_PIPELINE_H
#define SEEPWATCH_PIPELINE_H

#include "capture/source.h"
#include "sink.h"
#include "summary.h"

#include <signal.h>

enum { PIPELINE_WORKERS_MAX = 64 };

struct pipeline;

struct pipeline_config {
    const struct config *config;
    const struct sink *sink;
    struct source *const *sources; /* one a worker */
    unsigned workers;
    bool is_live;
    bool wants_community_id; /* the one field that costs too much to be computed for nobody */
    const int *processors;   /* one a worker, to run on; NULL: any */
};

/* What a run has to look at: set by signal handlers. */
struct pipeline_signals {
    volatile sig_atomic_t must_stop, has_hung_up;
};

bool pipeline_open(struct pipeline **p, const struct pipeline_config *config, struct error *error);

/*
 * pipeline_run reads until the end of the sources or a signal, and ends every flow.  False where a
 * source failed; *note is set to true where all was read but a file ended inside a packet, and the
 * error tells which.
 */
bool pipeline_run(struct pipeline *p, struct pipeline_signals *signals, bool *note,
                  struct error *error);

/* pipeline_want_community_id has every worker compute it from now on; for a callback of the sink.
 */
void pipeline_want_community_id(struct pipeline *p);

/* pipeline_count fills in the workers' part of the summary of a finished run. */
void pipeline_count(const struct pipeline *p, struct summary *s);

void pipeline_close(struct pipeline *p);

#endif
