/*
 * The PostgreSQL frontend/backend protocol, versions 3.0 to 3.2.
 */
#ifndef SEEPWATCH_ANALYZERS_POSTGRESQL_POSTGRESQL_H
#define SEEPWATCH_ANALYZERS_POSTGRESQL_POSTGRESQL_H

#include "analyzers/analyzer.h"

extern const struct analyzer POSTGRESQL_ANALYZER;

#endif
