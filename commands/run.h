/*
 * watch and replay are the same run over different sources.
 */
#ifndef SEEPWATCH_COMMANDS_RUN_H
#define SEEPWATCH_COMMANDS_RUN_H

#include "commands/options.h"

/* run_pipeline opens everything, reads packets until the end or a signal, and writes the summary.
 */
bool run_pipeline(const struct options *o, struct error *error);

/* run_check loads configuration and rules and tells what it found on standard output. */
bool run_check(const struct options *o, struct error *error);

#endif
