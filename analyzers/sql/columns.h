/*
 * The columns of a result that hold identifiers (analyzers/subject.h): by their names, or, where
 * these say nothing, by the values of the first rows.  Nothing of a value is kept.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_COLUMNS_H
#define SEEPWATCH_ANALYZERS_SQL_COLUMNS_H

#include "core/bytes.h"
#include "core/subject.h"

struct exchange;
struct request;

enum {
    COLUMNS_NAMED_MAX = 8,   /* of a result, known by their names */
    COLUMNS_GUESSED_MAX = 8, /* of a result, without a telling name, that are looked at */
    COLUMNS_ROWS_GUESSED = 8,
    COLUMNS_MAX = COLUMNS_NAMED_MAX + COLUMNS_GUESSED_MAX,
    COLUMNS_AT_MAX = 4096, /* columns further right are none that matter */
};

struct column {
    uint16_t at;  /* place in the row, from 0 */
    uint8_t kind; /* enum subject_kind; SUBJECT_NONE: to be guessed */
    uint8_t form; /* of its values, the analyzer's own */
};

/* What is kept of a result's columns with a statement's name. */
struct columns_kept {
    bool is_known;
    uint8_t count;
    struct column items[COLUMNS_NAMED_MAX];
};

/* The columns of the result that passes, in the order of the row.  A zeroed struct has none. */
struct columns {
    bool is_known;                      /* they were told, or are guessed */
    uint8_t count;                      /* 0: rows need not be looked at */
    uint8_t named_count, guessed_count; /* of these */
    uint8_t rows;                       /* that were guessed by */
    struct column items[COLUMNS_MAX];
    uint8_t hits[COLUMNS_MAX], seen[COLUMNS_MAX]; /* of a guess: its values of its kind, and all */
};

/* columns_begin begins those of a new result, columns_add adds the next one, whose name says that
 * it is of that kind; may_guess: its values are text or whole numbers. */
void columns_begin(struct columns *c);
void columns_add(struct columns *c, size_t at, enum subject_kind kind, uint8_t form,
                 bool may_guess);

/* columns_guess begins a result of which nothing was told. */
void columns_guess(struct columns *c, uint8_t form);

/* columns_keep keeps them with a statement's name, before rows were seen; columns_recall begins a
 * result with what was kept. */
void columns_keep(struct columns_kept *kept, const struct columns *c);
void columns_recall(struct columns *c, const struct columns_kept *kept);

/* columns_take takes the value of the n-th of the items, columns_take_number a whole number that is
 * none of text; columns_miss says that it has one that is too long.  columns_end_row counts the
 * row.
 */
void columns_take(struct exchange *x, struct request *r, struct columns *c, size_t n,
                  struct bytes value);
void columns_take_number(struct exchange *x, struct request *r, struct columns *c, size_t n,
                         uint64_t value);
void columns_miss(struct columns *c, size_t n);
void columns_end_row(struct exchange *x, struct request *r, struct columns *c);

#endif
