/*
 * The limits that `tune` tries.
 */
#ifndef SEEPWATCH_COMMANDS_TUNE_LIMITS_H
#define SEEPWATCH_COMMANDS_TUNE_LIMITS_H

#include "core/error.h"
#include "tuning.h"
#include "tuning_number.h"

/* tune_limits gives the rule's own and those of a text, "A,B,C" or "A..B"; without one (NULL) those
 * around its own; in order, each once.  False where the text is none of that. */
bool tune_limits(uint64_t limits[TUNING_LIMITS_MAX], size_t *count, const struct tuning_number *n,
                 const char *text, struct error *error);

#endif
