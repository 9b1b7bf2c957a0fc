/*
 * `except`: transactions that a rule shall not count, each kind with its reason and, if wanted, the
 * last day on which it holds.
 */
#ifndef SEEPWATCH_RULES_EXCEPTION_H
#define SEEPWATCH_RULES_EXCEPTION_H

#include "rules/reader.h"

/* exceptions_read fills the rule's exceptions from its `except`. */
void exceptions_read(const struct reader *r);

/* exceptions_find gives the number of the first exception of the rule that the transaction falls
 * under at that time; exceptions_count of the rule where there is none. */
size_t exceptions_find(const struct rule *rule, const struct transaction *t, int64_t time_ns);

#endif
