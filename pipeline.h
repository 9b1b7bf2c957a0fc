/*
 * The whole way of the data, for one thread: packets in; transactions, sessions, alerts and the
 * summary out.
 */
#ifndef SEEPWATCH_PIPELINE_H
#define SEEPWATCH_PIPELINE_H

#include "capture/source.h"
#include "config.h"
#include "output.h"

struct engine;
struct pipeline;
struct rules;

struct pipeline_outputs {
    struct output alerts; /* JSON Lines */
    struct output lines;  /* alerts for a person */
    struct output transactions;
    struct output sessions;
};

struct pipeline_config {
    const struct config *config;
    const struct rules *rules;
    struct geo *geo; /* NULL: places are unknown */
    struct pipeline_outputs *outputs;
};

/* pipeline_open returns NULL without memory.  What the configuration points to must outlive it. */
struct pipeline *pipeline_open(const struct pipeline_config *config);

/* pipeline_take is a source's `take`. */
void pipeline_take(void *pipeline, const struct packet *packet);

/* pipeline_tick ends a batch of packets: time passes to ns (0: to the newest packet's) and lines
 * are written. */
void pipeline_tick(struct pipeline *p, int64_t ns);

/* pipeline_finish ends every flow and session, as at the end of the input. */
void pipeline_finish(struct pipeline *p);

/* What only the run knows. */
struct pipeline_run {
    struct source_drops drops;
    double cpu_seconds, wall_seconds;
};

/* pipeline_summary writes the summary of a finished pipeline as one JSON object. */
void pipeline_summary(struct pipeline *p, const struct pipeline_run *run, struct json *j);

uint64_t pipeline_alerts(const struct pipeline *p);
uint64_t pipeline_transactions(const struct pipeline *p);

void pipeline_close(struct pipeline *p);

#endif
