/*
 * The statements of all connections by their shape: a connection keeps 8 bytes for a prepared
 * statement, the text is kept once.  Bounded: the shape used longest ago is forgotten first; a
 * request of a forgotten shape has only its hash.
 */
#ifndef SEEPWATCH_ANALYZERS_STATEMENT_H
#define SEEPWATCH_ANALYZERS_STATEMENT_H

#include "analyzers/sql.h"

enum { STATEMENTS_MAX = 16384 };

struct statement {
    uint64_t hash; /* never 0 */
    enum action action;
    struct bytes text, operation;
    struct bytes tables[SQL_TABLES_MAX];
    size_t tables_count;
};

struct statements;

/* statements_open returns NULL without memory.  bytes_max: for all of it; 0: what so many take. */
struct statements *statements_open(size_t statements_max, size_t bytes_max);
void statements_close(struct statements *s);

/*
 * statements_read takes the first statement off *script as sql_read does and keeps its shape.  NULL
 * where there is no more.  The result is good until the next call.
 */
const struct statement *statements_read(struct statements *s, struct bytes *script,
                                        enum sql_dialect dialect);

/* statements_keep is statements_read for a statement that was described elsewhere; the texts that
 * it views are copied. */
const struct statement *statements_keep(struct statements *s, const struct statement *statement);

/* statements_find gives the statement of that hash; NULL where it was forgotten.  Good until the
 * next statements_read. */
const struct statement *statements_find(struct statements *s, uint64_t hash);

uint64_t statements_evictions(const struct statements *s);

#endif
