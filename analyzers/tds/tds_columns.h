/*
 * The columns of results, as little as it takes to walk over their rows: one byte each, for how
 * long their values are.  A connection has one room for all of its results.
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_COLUMNS_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TDS_COLUMNS_MAX = 1024, /* of all results that are open; a table's, by the server's bound */
    TDS_RESULTS_MAX = 12,   /* descriptions: of MARS sessions, of totals (COMPUTE BY), of tables as
                               parameters */
    TDS_WORDS_MAX = 12,     /* compared of a row; rows that want more are gone through */
};

/* How long a value is; the lowest bits of a column's byte. */
enum tds_class {
    TDS_FIXED = 0, /* to TDS_FIXED_MAX: so many bytes */
    TDS_FIXED_MAX = 8,
    TDS_BYTE,    /* a length of one byte before it */
    TDS_SHORT,   /* of two; 0xffff: NULL */
    TDS_LONG,    /* of four; 0xffffffff: NULL */
    TDS_CHUNKED, /* of eight, then chunks with lengths of four, up to one of 0 */
    TDS_POINTED, /* a pointer and a time stamp, then a length of four */
    TDS_USUAL =
        0x20, /* to TDS_USUAL + TDS_USUAL_MAX: as TDS_BYTE, and so many bytes but for NULL */
};

enum {
    TDS_USUAL_MAX = 17,
    TDS_CLASS_MASK = 0x7f,
    TDS_NULL = 0x80 /* in the row that passes */
};

/* Whose description it is. */
struct tds_owner {
    uint8_t session; /* its place */
    uint8_t side;    /* enum side */
    uint16_t id;     /* of totals; 0: the rows */
};

struct tds_result {
    struct tds_owner owner;
    uint16_t at, count; /* columns */
};

/* Bytes of a row that are the same in each row where nothing is NULL: its token, lengths. */
struct tds_word {
    size_t at; /* place in the row */
    uint64_t mask, same;
};

/* Rows that differ in values alone, as analyzers/tds/tds_rows.c tells them. */
struct tds_likeness {
    struct tds_word words[TDS_WORDS_MAX];
    size_t words_count;    /* 0: rows are not alike */
    size_t row_len, reach; /* bytes of a row, and of what has to be there to compare it */
    uint16_t of, of_count; /* the result's columns */
    bool is_known;
};

struct tds_columns {
    uint8_t classes[TDS_COLUMNS_MAX];
    struct tds_result results[TDS_RESULTS_MAX];
    struct tds_likeness likeness; /* of the result that was read last */
    uint16_t used;                /* classes */
    uint8_t results_count;
};

/* tds_columns_find gives the description of that owner; NULL where there is none. */
struct tds_result *tds_columns_find(struct tds_columns *c, struct tds_owner owner);

/* tds_columns_begin makes room for a description in place of the owner's former one (of rows: of
 * all of its former ones); NULL where there is none. */
struct tds_result *tds_columns_begin(struct tds_columns *c, struct tds_owner owner, uint16_t count);

/* tds_columns_forget forgets all descriptions of a side of a session. */
void tds_columns_forget(struct tds_columns *c, uint8_t session, uint8_t side);

#endif
