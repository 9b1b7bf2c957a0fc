/*
 * SQL text without its data.  A tokenizer good for the dialects of PostgreSQL and MySQL that gives
 * a statement's shape (every literal and placeholder becomes ?, a list of them one ?), the hash of
 * the shape, what it does and to which tables.  Linear in the length of the text; never a raw
 * literal in what it gives, however the text is cut or broken.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_SQL_H
#define SEEPWATCH_ANALYZERS_SQL_SQL_H

#include "core/bytes.h"
#include "core/transaction.h"

enum {
    SQL_SHAPE_MAX = 2048,   /* bytes; a longer shape is cut, its hash covers all of it */
    SQL_OPERATION_MAX = 24, /* bytes */
    SQL_TABLES_MAX = 8,
    SQL_NAMES_MAX = 512, /* bytes of all table names together */
};

enum sql_dialect {
    SQL_POSTGRESQL, /* '..' without escapes, E'..' with, $tag$..$tag$, $1, ".." quotes a name,
                       nested comments */
    SQL_MYSQL,      /* '..' and ".." with backslash escapes, `..` quotes a name, # comments, ? */
    SQL_TRANSACT,   /* SQL Server: '..' and N'..' without escapes, [..] and ".." quote a name,
                       @name, #name, nested comments, statements without semicolons */
    SQL_TRANSACT_QUOTED, /* likewise, but ".." without escapes (QUOTED_IDENTIFIER OFF) */
    SQL_ORACLE, /* '..' without escapes, q'[..]', ".." quotes a name, :1 and :name; a semicolon
                   is part of a block: a text is one statement */
};

struct sql {
    uint64_t hash;
    char shape[SQL_SHAPE_MAX]; /* shape_len bytes */
    size_t shape_len;
    enum action action; /* read: SELECT, SHOW, ...; write; define: DDL; other: SET, BEGIN, ... */
    char operation[SQL_OPERATION_MAX]; /* the deciding verb, upper case: "SELECT", after WITH too */
    size_t operation_len;
    struct bytes tables[SQL_TABLES_MAX]; /* views of names, each once, in order, without quotes */
    size_t tables_count;
    char names[SQL_NAMES_MAX];
};

/*
 * sql_read takes the first statement off *script, up to and with its ';', and describes it.  False
 * where only blanks, comments and semicolons are left; *script is then empty.  A text cut in the
 * middle of a literal or a comment is described up to there.
 */
bool sql_read(struct bytes *script, enum sql_dialect dialect, struct sql *out);

/*
 * sql_hash is sql_read for the hash alone, at half the work; *has_values tells whether the text has
 * literals and not only placeholders.  False, and *script is as it was, where there is no
 * statement, or where only its sense tells its end: it may have a body with semicolons.
 */
bool sql_hash(struct bytes *script, enum sql_dialect dialect, uint64_t *hash, bool *has_values);

#endif
