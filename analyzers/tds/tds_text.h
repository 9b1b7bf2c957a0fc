/*
 * SQL Server's texts: UTF-16 to UTF-8, and batches of statements to one.
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_TEXT_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_TEXT_H

#include "analyzers/sql/statement.h"

/* tds_utf8 writes little-endian UTF-16 as UTF-8 to out, as much as goes into out_max bytes, and
 * returns it. */
struct bytes tds_utf8(struct bytes utf16, char *out, size_t out_max);

/* What a batch is, and does. */
struct tds_meaning {
    const struct statement
        *statement; /* as it is kept, until the next is read; NULL: there is none */
    enum sql_dialect dialect;
    uint64_t hash; /* of its only statement's shape, or of all of them as one; 0: there is none */
    enum action action;
    bool is_bulk;                    /* it announces a bulk load */
    bool quotes_names, quotes_texts; /* from here on, ".." is a name, or a text */
};

/* tds_statement reads a batch.  Where has_texts_in_quotes, ".." is a text. */
struct tds_meaning tds_statement(struct statements *all, struct bytes text,
                                 bool has_texts_in_quotes);

#endif
