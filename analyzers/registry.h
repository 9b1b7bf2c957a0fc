/*
 * The analyzers there are.
 */
#ifndef SEEPWATCH_ANALYZERS_REGISTRY_H
#define SEEPWATCH_ANALYZERS_REGISTRY_H

#include "analyzers/analyzer.h"

enum { ANALYZERS_COUNT = 9 };

extern const struct analyzer *const ANALYZERS[ANALYZERS_COUNT];

/* analyzer_find gives the place in ANALYZERS of that name, ANALYZERS_COUNT where there is none. */
size_t analyzer_find(struct bytes name);

#endif
