/*
 * MongoDB's wire protocol: OP_MSG, packed or not, and the opcodes of old drivers.
 */
#ifndef SEEPWATCH_ANALYZERS_MONGODB_MONGODB_H
#define SEEPWATCH_ANALYZERS_MONGODB_MONGODB_H

#include "analyzers/analyzer.h"

extern const struct analyzer MONGODB_ANALYZER;

#endif
