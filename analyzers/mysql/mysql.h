/*
 * The client/server protocol of MySQL and MariaDB, version 10.
 */
#ifndef SEEPWATCH_ANALYZERS_MYSQL_MYSQL_H
#define SEEPWATCH_ANALYZERS_MYSQL_MYSQL_H

#include "analyzers/analyzer.h"

extern const struct analyzer MYSQL_ANALYZER;

#endif
