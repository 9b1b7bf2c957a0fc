/*
 * What a run shares with a survey: its packet sources, and the signals that end it.
 */
#ifndef SEEPWATCH_COMMANDS_SOURCES_H
#define SEEPWATCH_COMMANDS_SOURCES_H

#include "commands/options.h"
#include "config.h"
#include "pipeline.h"

/* sources_open opens one source a worker: live where interfaces are named, else files.  What it
 * opened stands in the array even where it fails. */
bool sources_open(struct source *sources[PIPELINE_WORKERS_MAX], const struct options *o,
                  const struct config *config, struct error *error);
void sources_close(struct source *sources[PIPELINE_WORKERS_MAX]);

/* signals_catch begins to note SIGINT, SIGTERM and SIGHUP, and gives where. */
struct pipeline_signals *signals_catch(void);

#endif
