/*
 * `seepwatch tune`: what a rule would have done on recorded transactions with other limits, or with
 * a change.
 */
#ifndef SEEPWATCH_COMMANDS_TUNE_H
#define SEEPWATCH_COMMANDS_TUNE_H

#include "commands/options.h"

bool run_tune(const struct options *o, struct error *error);

#endif
