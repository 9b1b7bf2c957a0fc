/*
 * `unless before`: which transactions of a kind came before, by the fields that both have in
 * common.
 */
#ifndef SEEPWATCH_RULES_BEFORE_H
#define SEEPWATCH_RULES_BEFORE_H

#include "rules/rule.h"

struct marks;

/* marks_open keeps the newest time for each value of the fields; NULL without memory. */
struct marks *marks_open(size_t entries_max, size_t bytes_max, uint64_t seed);
void marks_close(struct marks *m);

/* marks_take notes a transaction where it is of the kind; of every transaction, after it was
 * counted. */
void marks_take(struct marks *m, const struct before *b, const struct transaction *t,
                int64_t time_ns);

/*
 * marks_have tells whether one of the kind came before.  What came before the first transaction
 * that was taken is not known: within that time of it, they are said to have.
 */
bool marks_have(const struct marks *m, const struct before *b, const struct transaction *t,
                int64_t time_ns);

#endif
