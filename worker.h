/*
 * What one thread does with its packets: capture, connections, transactions, and for whom they
 * were.  Nothing of it is shared with another worker.
 */
#ifndef SEEPWATCH_WORKER_H
#define SEEPWATCH_WORKER_H

#include "analyzers/connection.h"
#include "analyzers/registry.h"
#include "capture/capture.h"
#include "capture/tunnels.h"
#include "config.h"
#include "others.h"

struct worker;

struct worker_config {
    const struct config *config;
    unsigned index, count; /* this worker, of so many */
    bool is_shared; /* all workers see all packets, and each takes the flows that are its own */
    bool wants_community_id;
};

struct worker_events {
    /* A transaction is done.  session: the number of its database connection, 0 of an HTTP stay. */
    void (*transaction)(void *context, struct transaction *tx, uint64_t session);
    /* A long reply passes, and its transaction comes when it has: amounts are those so far.
       NULL: nobody looks. */
    void (*passing)(void *context, struct transaction *tx, uint64_t session);
    /* The database connection of that number is over. */
    void (*session_end)(void *context, uint64_t session);
    /* An interval is over; see capture_mirror.  False where there is no room for the part now. */
    bool (*mirror)(void *context, const struct mirror_part *part);
};

/* All that is counted; two workers' add up. */
struct worker_counters {
    struct capture_counters capture;
    struct analysis_counters analysis;
    struct protocol_counters protocols[ANALYZERS_COUNT]; /* in the order of the registry */
    struct others others;
    struct tunnels tunnels;
    uint64_t memory_denied, memory_peak; /* times; bytes, of all budgets together */
    uint64_t geo_misreads;               /* look-ups that failed on a broken part of a database */
    int64_t first_ns, last_ns;           /* packet time; 0: no packet */
};

/* worker_open opens the databases of the configuration too; false with an error. */
bool worker_open(struct worker **w, const struct worker_config *config,
                 const struct worker_events *events, void *context, struct error *error);
void worker_close(struct worker *w);

/* worker_take is a source's `take`. */
void worker_take(void *worker, const struct packet *packet);
/* worker_tick lets time pass to ns where there are no packets. */
void worker_tick(struct worker *w, int64_t ns);
/* worker_finish ends every flow, as at the end of the input. */
void worker_finish(struct worker *w);
/* worker_jump says that the packets' clock jumped ahead by so much. */
void worker_jump(struct worker *w, int64_t jump_ns);
/* worker_now gives the newest packet's time. */
int64_t worker_now(const struct worker *w);

/* worker_want_community_id has it compute the Community ID from now on; any thread may call it. */
void worker_want_community_id(struct worker *w);

/* worker_count adds the worker's counters to *sum. */
void worker_count(const struct worker *w, struct worker_counters *sum);

#endif
