/*
 * Redis and Valkey: RESP2 and RESP3.  See redis.c.
 */
#ifndef SEEPWATCH_ANALYZERS_REDIS_REDIS_H
#define SEEPWATCH_ANALYZERS_REDIS_REDIS_H

#include "analyzers/analyzer.h"

extern const struct analyzer REDIS_ANALYZER;

#endif
