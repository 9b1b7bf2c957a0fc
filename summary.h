/*
 * The summary of a run, as one JSON object.
 */
#ifndef SEEPWATCH_SUMMARY_H
#define SEEPWATCH_SUMMARY_H

#include "alert_outputs.h"
#include "transaction_log.h"
#include "watcher.h"
#include "worker.h"

struct summary {
    struct worker_counters workers; /* of all together */
    struct watcher_counters watcher;
    struct mirror_totals mirror;
    const struct alert_outputs *outputs;
    uint64_t dropped; /* packets, by the kernel and the network card */
    uint64_t details_dropped, transactions_dropped; /* on the way to the watcher */
    bool has_logs;                                  /* of transactions, that were read */
    struct log_counters logs;
    double cpu_seconds, wall_seconds;
};

/* summary_write writes the object on one line. */
void summary_write(struct json *j, const struct summary *s);

#endif
