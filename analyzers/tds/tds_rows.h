/*
 * Rows that are there whole, one behind the other, as nearly all rows of a large result are: they
 * are passed over in one go.  What begins a row that is not there whole is left to the walk
 * (analyzers/tds/tds_walk.h).
 *
 * [MS-TDS] sections 2.2.7.13 (NBCROW), 2.2.7.19 (ROW)
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_ROWS_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_ROWS_H

#include "analyzers/tds/tds_columns.h"
#include "core/cursor.h"

/* What a row begins with. */
struct tds_row_tokens {
    uint8_t plain;
    uint8_t nulls; /* and behind it, which columns are NULL; 0: no such rows */
};

/* tds_rows_over moves over the rows that are there whole, and gives their number. */
uint64_t tds_rows_over(struct tds_columns *c, const struct tds_result *result,
                       struct tds_row_tokens tokens, struct cursor *in);

/* A row, as far as it is known before its values. */
struct tds_row {
    const uint8_t *classes;
    size_t count;
    size_t begin;    /* place of its first value */
    size_t nulls_at; /* place of the bits that say which are NULL; 0: there are none */
};

/* tds_row_begin tells whether a row begins at that place, which is one of in, and where. */
bool tds_row_begin(struct tds_row *row, struct tds_row_tokens tokens, struct bytes in, size_t at);

/* tds_values_over gives the place behind the columns from `from` up to `to`, from which `at` is the
 * place; beyond in.len where they are not there whole. */
size_t tds_values_over(const struct tds_row *row, size_t from, size_t to, struct bytes in,
                       size_t at);

#endif
