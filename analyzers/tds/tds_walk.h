/*
 * Walking over types and values without keeping any.  What is walked over comes in units of at most
 * TDS_UNIT_MAX bytes and in bytes to be passed over; a unit that two packets share waits in the
 * walk.
 *
 * [MS-TDS] sections 2.2.5.2, 2.2.5.4, 2.2.5.6
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_WALK_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_WALK_H

#include "analyzers/tds/tds_columns.h"
#include "core/cursor.h"

enum { TDS_UNIT_MAX = 24 };

/* Where a walk is. */
enum tds_at {
    TDS_AT_REST, /* what is left of the message means nothing here */
    TDS_AT_LOST, /* likewise, but for its end */
    TDS_AT_TYPE, /* behind a type's first byte */
    /* the server */
    TDS_AT_FIRST, /* at the beginning of a reply */
    TDS_AT_TOKEN,
    TDS_AT_KEYS, /* of encrypted columns */
    TDS_AT_KEY,
    TDS_AT_KEY_VALUE,
    TDS_AT_OPERATOR, /* of a total */
    TDS_AT_COLUMN,
    TDS_AT_COLUMN_TYPED,
    TDS_AT_COLUMN_NAME,
    TDS_AT_CRYPTO, /* how a column or a parameter is encrypted */
    TDS_AT_ALGORITHM,
    TDS_AT_ALGORITHM_END,
    TDS_AT_NULLS, /* which columns of a row are NULL */
    TDS_AT_ROW,
    TDS_AT_RETURN, /* at a returned parameter's name */
    TDS_AT_RETURN_NAMED,
    TDS_AT_RETURN_TYPED,
    TDS_AT_RETURN_VALUE,
    TDS_AT_CHANGE,      /* a text in a change of the environment: its length */
    TDS_AT_CHANGE_TEXT, /* its letters */
    TDS_AT_FEATURE,
    TDS_AT_LABELS, /* data classification */
    TDS_AT_LABEL_KINDS,
    TDS_AT_LABEL_COLUMNS,
    TDS_AT_LABEL_COLUMN,
    /* the client */
    TDS_AT_HEADERS, /* that may stand before a request */
    TDS_AT_BATCH,
    TDS_AT_CALL,
    TDS_AT_PARAMETER,
    TDS_AT_PARAMETER_TYPE,
    TDS_AT_PARAMETER_VALUE,
    TDS_AT_CIPHER,
    TDS_AT_CIPHER_ALGORITHM,
    TDS_AT_CIPHER_END,
    TDS_AT_TABLE, /* as a parameter */
    TDS_AT_TABLE_COLUMN,
    TDS_AT_TABLE_COLUMN_TYPED,
    TDS_AT_TABLE_TOKEN,
    TDS_AT_TABLE_ROW,
    TDS_AT_TRANSACTION,
    TDS_AT_PRELOGIN,
    TDS_AT_LOGIN,
    TDS_AT_PROOF, /* more of a login */
};

/* What came of a unit. */
enum tds_pass {
    TDS_PASSED,
    TDS_NEEDS,   /* so many bytes, from here on, of this message */
    TDS_LOOKS,   /* so many bytes, from here on, of the stream */
    TDS_STOPS,   /* passed, and what follows is of another request */
    TDS_STRANGE, /* that is not understood */
};

/* Where in a value. */
enum tds_value { TDS_VALUE_LENGTH, TDS_VALUE_CHUNK, TDS_VALUE_POINTED };

struct tds_walk {
    uint64_t skip;       /* bytes to be passed over before the next unit */
    uint32_t names;      /* then, names to be passed over, with lengths of one byte */
    uint32_t left;       /* of what is repeated, or bytes of a token */
    uint16_t long_names; /* then, likewise with lengths of two */
    uint16_t column;
    uint16_t id;        /* of totals */
    uint8_t last_names; /* then, likewise with lengths of one */
    uint8_t at;         /* enum tds_at */
    uint8_t after;      /* likewise: behind the type that is read */
    uint8_t token, type;
    uint8_t value_class;       /* enum tds_class, of the type that was read */
    uint8_t usual_len;         /* bytes that its values have but for NULL; 0: not told */
    uint8_t scale;             /* of decimal numbers */
    uint8_t form;              /* enum tds_form, of the column that is described */
    uint8_t subject;           /* enum subject_kind, of the parameter that passes, or comes back */
    uint8_t kept_class;        /* likewise, while another type is read */
    uint8_t value;             /* enum tds_value */
    bool is_encrypted;         /* the column, or the parameter */
    bool has_key;              /* columns say which */
    uint8_t wanted, carry_len; /* bytes of a unit */
    uint8_t carry[TDS_UNIT_MAX];
};

/* tds_type_pass reads what follows a type's first byte; in parameters some types say less. */
enum tds_pass tds_type_pass(struct tds_walk *w, bool has_collation, bool is_parameter,
                            struct cursor *in, size_t *needs);

/* tds_type_has_table tells whether a table's name follows the type of a column. */
bool tds_type_has_table(uint8_t type);

/* tds_value_pass passes over a value, or a part of it: w->value tells where it is, and *is_over
 * whether its end was passed but for w->skip. */
enum tds_pass tds_value_pass(struct tds_walk *w, enum tds_class value_class, struct cursor *in,
                             size_t *needs, bool *is_over);

/* tds_names_pass passes over a name that is to be passed over. */
enum tds_pass tds_names_pass(struct tds_walk *w, struct cursor *in, size_t *needs);

/* tds_class_of_column gives the class of the type that was read, as that of a column. */
uint8_t tds_class_of_column(const struct tds_walk *w);

/* tds_row_rest_pass passes over as much of a row as is there; w->column is the first column that
 * was not passed. */
enum tds_pass tds_row_rest_pass(struct tds_walk *w, const uint8_t *classes, size_t count,
                                struct cursor *in, size_t *needs);

#endif
