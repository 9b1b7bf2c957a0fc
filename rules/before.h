/*
 * `unless before`: which transactions of a kind came before, by the fields that both have in
 * common.
 */
#ifndef SEEPWATCH_RULES_BEFORE_H
#define SEEPWATCH_RULES_BEFORE_H

#include "profile/lasting.h"
#include "rules/rule.h"

enum { MARKS_VERSION = 1 };

struct marks;

/* marks_open keeps the newest time for each value of the fields; NULL without memory. */
struct marks *marks_open(size_t entries_max, size_t bytes_max, uint64_t seed);
void marks_close(struct marks *m);

/* marks_begin tells the time of the first transaction of all; it does nothing later. */
void marks_begin(struct marks *m, int64_t time_ns);

/* marks_take notes a transaction where it is of the kind, after it was counted. */
void marks_take(struct marks *m, const struct before *b, const struct transaction *t,
                int64_t time_ns);

/*
 * marks_have tells whether one of the kind came before.  What came before the first transaction is
 * not known: within that time of it, they are said to have.
 */
bool marks_have(const struct marks *m, const struct before *b, const struct transaction *t,
                int64_t time_ns);

/* marks_forget_after forgets what was after that time. */
void marks_forget_after(struct marks *m, int64_t latest_ns);

/* What lasts of them: marks_save writes what is known of all, marks_load reads it, marks_load_row
 * one mark; false where that cannot be. */
struct lasting *marks_lasting(struct marks *m);
void marks_save(const struct marks *m, struct pack *p);
bool marks_load(struct marks *m, struct cursor *c);
bool marks_load_row(struct marks *m, struct cursor *c);

#endif
