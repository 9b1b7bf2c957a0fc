/*
 * The statements of all connections by their shape: a connection keeps 8 bytes for a prepared
 * statement, the text is kept once.  Bounded: the shape used longest ago is forgotten first; a
 * request of a forgotten shape has only its hash.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_STATEMENT_H
#define SEEPWATCH_ANALYZERS_SQL_STATEMENT_H

#include "analyzers/sql/sql.h"

struct exchange;
struct lookups;
struct request;

enum { STATEMENTS_MAX = 16384 };

struct statement {
    uint64_t hash; /* never 0 */
    enum action action;
    struct bytes text, operation;
    struct bytes tables[SQL_TABLES_MAX];
    size_t tables_count;
    bool is_learned;  /* it is known whether it looks for customers */
    bool has_lookups; /* and it does: a column of identifiers stands beside a value */
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

/*
 * statements_ask counts the customers that the literals in a statement's text look for
 * (analyzers/subject.h): those of r, or where it is NULL those of the request to come.  s is what
 * was read of that text.  Of a shape that looks for none, the text is not looked at again.
 */
void statements_ask(struct exchange *x, struct request *r, const struct statement *s,
                    struct bytes text, enum sql_dialect dialect);

/* statements_lookups tells likewise which of the placeholders in the text are looked for. */
void statements_lookups(struct exchange *x, const struct statement *s, struct bytes text,
                        enum sql_dialect dialect, struct lookups *lookups);

uint64_t statements_evictions(const struct statements *s);

#endif
