/*
 * The keys of `unusual` and `drift`.
 */
#ifndef SEEPWATCH_RULES_DAILY_READ_H
#define SEEPWATCH_RULES_DAILY_READ_H

#include "rules/reader.h"

/* What `of` can name, by enum usual_score; NULL ends them. */
extern const char *const DAILY_WORDS[];

void unusual_read(const struct reader *r);
void drift_read(const struct reader *r);

#endif
