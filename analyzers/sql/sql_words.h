/*
 * The words of SQL that mean something here.  What is not in the table is a name.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_SQL_WORDS_H
#define SEEPWATCH_ANALYZERS_SQL_SQL_WORDS_H

#include "core/bytes.h"

enum sql_word {
    WORD_NAME, /* none of these */
    WORD_ALTER,
    WORD_ANALYZE,
    WORD_ATOMIC,
    WORD_BEGIN,
    WORD_CASE,
    WORD_COMMENT,
    WORD_CONSTANT, /* NULL, TRUE, FALSE, DEFAULT */
    WORD_COPY,
    WORD_CREATE,
    WORD_DELETE,
    WORD_DESCRIBE,
    WORD_DISTINCT,
    WORD_DROP,
    WORD_END,
    WORD_EXPLAIN,
    WORD_FETCH,
    WORD_FILE, /* OUTFILE, DUMPFILE */
    WORD_FROM,
    WORD_GRANT,
    WORD_HANDLER,
    WORD_INSERT,
    WORD_INTO,
    WORD_JOIN,
    WORD_LOAD,
    WORD_LOCK,
    WORD_MERGE,
    WORD_MODIFIER, /* may stand between a verb and its table: ONLY, IF, IGNORE, ... */
    WORD_RECURSIVE,
    WORD_RENAME,
    WORD_REPLACE,
    WORD_REVOKE,
    WORD_ROUTINE, /* PROCEDURE, FUNCTION, TRIGGER, EVENT */
    WORD_SELECT,
    WORD_SHOW,
    WORD_TABLE,
    WORD_TO,
    WORD_TRUNCATE,
    WORD_UPDATE,
    WORD_USING,
    WORD_VALUES,
    WORD_WITH,
    WORD_OTHER, /* only its flags matter */
};

enum {
    SQL_WORD_OPERAND = 1, /* an operand follows: a sign belongs to its number, a parenthesis is no
                             call's */
    SQL_WORD_CLAUSE = 2,  /* ends a list of tables */
    SQL_WORD_BODY = 4,    /* statements may follow that are a part of this one */
};

struct sql_word_info {
    const char *text; /* lower case */
    uint8_t len;      /* bytes */
    uint8_t word;     /* enum sql_word */
    uint8_t flags;
};

/* sql_word_find gives what a word means, without case; never NULL. */
const struct sql_word_info *sql_word_find(struct bytes text);

#endif
