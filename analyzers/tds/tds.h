/*
 * The analyzer of the Tabular Data Stream (TDS 7.0 to 8.0), which Microsoft SQL Server and Azure
 * SQL speak.
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_H

#include "analyzers/analyzer.h"

extern const struct analyzer TDS_ANALYZER;

#endif
