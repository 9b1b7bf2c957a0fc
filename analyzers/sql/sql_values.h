/*
 * The values that a statement compares with columns, or writes to them: literals and placeholders.
 * In one pass over the text, for all dialects of sql.h, without a grammar.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_SQL_VALUES_H
#define SEEPWATCH_ANALYZERS_SQL_SQL_VALUES_H

#include "analyzers/sql/sql.h"

enum { SQL_VALUES_COLUMNS_MAX = 256 /* of an INSERT's list that are told apart */ };

/* A value beside a column that matters. */
struct sql_value {
    unsigned kind;     /* of the column, as `kind` told */
    struct bytes text; /* of a literal, without its quotes; empty where it is none that can be read
                          as it stands: NULL, one with escapes, one that is cut */
    unsigned number;   /* of a placeholder: that of $2 is 2, ? and :name count as they come; 0: it
                          has only a name, or is none */
    struct bytes name; /* of a placeholder, with its sign: @id, :id; empty: none */
    bool is_placeholder;
};

/* Who wants to know. */
struct sql_values_events {
    /* What a column of that name holds; 0: nothing that matters. */
    unsigned (*kind)(void *context, struct bytes column);
    /* A value of `column = value`, `column IN (value, ..)`, `column LIKE value` without wildcards,
     * SET, or VALUES behind a list of columns.  What is negated, or an end of a range, is none. */
    void (*value)(void *context, const struct sql_value *value);
    void *context;
};

/* sql_values returns how many ? or :name there are. */
unsigned sql_values(struct bytes statement, enum sql_dialect dialect,
                    const struct sql_values_events *events);

#endif
