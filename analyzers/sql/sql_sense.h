/*
 * What a statement does and to which tables, from its tokens in order.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_SQL_SENSE_H
#define SEEPWATCH_ANALYZERS_SQL_SQL_SENSE_H

#include "analyzers/sql/sql_lexer.h"

enum { SQL_SENSE_CTES_MAX = 8 };

enum sql_expecting {
    EXPECTING_NOTHING,
    EXPECTING_SOURCE, /* after FROM, JOIN: a table, a function, or a parenthesis with more */
    EXPECTING_TARGET, /* after INTO, UPDATE, TABLE, ...: a table */
};

struct sql_sense {
    struct sql *out;
    enum sql_dialect dialect;
    enum sql_word verb; /* the first word; after WITH the one behind the list */
    bool has_verb, is_explained, is_analyzed, is_with;
    bool has_write;     /* a changing verb is somewhere */
    bool has_into;      /* SELECT .. INTO */
    bool copies_in;     /* COPY .. FROM */
    bool has_direction; /* of COPY */
    bool is_routine;    /* the rest is a body with semicolons */
    unsigned blocks;    /* BEGIN ATOMIC and CASE that are open */
    unsigned depth;     /* of parentheses */
    uint64_t lists;     /* a bit per depth: a comma brings another table */
    uint64_t verbs;     /* a bit per depth: FROM brings tables */
    enum token_kind last;
    enum sql_word last_word;
    enum sql_expecting expecting;
    bool in_name;              /* a table's name is being taken */
    bool is_source;            /* that name came where a function could */
    size_t name_at, names_len; /* bytes of out->names */
    bool expects_cte, in_ctes;
    unsigned cte_depth;
    struct bytes ctes[SQL_SENSE_CTES_MAX];
    size_t ctes_count;
};

void sql_sense_start(struct sql_sense *s, struct sql *out, enum sql_dialect dialect);
void sql_sense_take(struct sql_sense *s, const struct sql_token *t);
/* sql_sense_is_whole tells whether a semicolon here ends the statement. */
bool sql_sense_is_whole(const struct sql_sense *s);
void sql_sense_end(struct sql_sense *s);

#endif
