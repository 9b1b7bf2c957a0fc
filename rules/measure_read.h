/*
 * `measure` and the limit that it is held against.
 */
#ifndef SEEPWATCH_RULES_MEASURE_READ_H
#define SEEPWATCH_RULES_MEASURE_READ_H

#include "rules/reader.h"

/* measure_read reads the key `measure`: count, sum(F), max(F), distinct(F), share(CONDITION).  The
 * fields that the measure cannot do without are added to *required. */
void measure_read(const struct reader *r, struct measure *m, field_set *required);

/* measure_takes tells whether such a measure can be of that field. */
bool measure_takes(enum measure_kind kind, enum field f);

/* measure_read_limit reads the key `above` in the measure's unit; 0, and a problem more, where it
 * does not fit. */
uint64_t measure_read_limit(const struct reader *r, const struct measure *m);

#endif
