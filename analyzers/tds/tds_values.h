/*
 * Values that may be identifiers of customers (analyzers/subject.h): of columns, by their names or
 * as they look (analyzers/sql/columns.h), and of parameters.  None is kept.
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_VALUES_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_VALUES_H

#include "analyzers/tds/tds_rows.h"
#include "analyzers/tds/tds_state.h"

enum { TDS_VALUE_MAX = 256 /* bytes of a value that is read, as it is sent */ };

/* How values of a type are written, as far as they may be identifiers. */
enum tds_form {
    TDS_FORM_NONE,
    TDS_FORM_TEXT,
    TDS_FORM_WIDE, /* text in UTF-16, little-endian */
    TDS_FORM_INTEGER,
    TDS_FORM_DECIMAL, /* a sign, then a whole number */
};

/* tds_form_of gives the form of the type that was read. */
enum tds_form tds_form_of(const struct tds_walk *w);

/* A value as text, with the room for it. */
struct tds_value_text {
    struct bytes text; /* empty: NULL, or none that can be an identifier */
    uint8_t raw[12 + TDS_VALUE_MAX + 4];
    char room[3 * TDS_VALUE_MAX / 2 + 4];
};

/* tds_value_look reads the value at the walk's place; false where more of the stream is needed:
 * *needs bytes. */
bool tds_value_look(const struct tds_reading *r, uint8_t value_class, enum tds_form form,
                    struct tds_value_text *v, size_t *needs);

/* tds_name_look reads a name whose length stands in one byte at the walk's place, behind so many
 * bytes; false likewise. */
bool tds_name_look(const struct tds_reading *r, size_t behind, struct tds_value_text *v,
                   size_t *needs);

/* tds_column_look tells the session's columns the name of the one that was read. */
bool tds_column_look(struct tds_reading *r, size_t *needs);

/* tds_rows_read is tds_rows_over (analyzers/tds/tds_rows.h) for rows in which columns are looked
 * at, as long as some are. */
uint64_t tds_rows_read(struct tds_reading *r, const struct tds_result *result,
                       struct tds_row_tokens tokens, struct cursor *in);

/*
 * tds_row_look reads the value at the walk's place, of a row that is not there whole, where it is
 * looked at; *stop becomes the first column behind w->column that is looked at.  False where more
 * of the stream is needed.
 */
bool tds_row_look(struct tds_reading *r, const struct tds_result *result, size_t *stop,
                  size_t *needs);

#endif
