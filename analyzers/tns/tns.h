/*
 * Oracle's Net8 (TNS) and the two-task protocol (TTC) in it, versions 8 to 23.
 */
#ifndef SEEPWATCH_ANALYZERS_TNS_TNS_H
#define SEEPWATCH_ANALYZERS_TNS_TNS_H

#include "analyzers/analyzer.h"

extern const struct analyzer TNS_ANALYZER;

#endif
