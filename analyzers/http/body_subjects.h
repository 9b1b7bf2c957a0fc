/*
 * The customers of a body, as it passes: of JSON, CSV and XML by the names of members, columns and
 * elements, of HTML by the heads of tables; and in all texts whose names say nothing by
 * recognition. Elements of the outermost arrays, rows of CSV and of HTML's tables are records; what
 * stands outside of them, and all of XML and plain text, is loose (subjects/gathering.h).
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_BODY_SUBJECTS_H
#define SEEPWATCH_ANALYZERS_HTTP_BODY_SUBJECTS_H

#include "analyzers/http/records.h"
#include "subjects/world.h"

enum subjects_format {
    SUBJECTS_NOT_READ,
    SUBJECTS_JSON,
    SUBJECTS_LINES, /* of JSON */
    SUBJECTS_CSV,
    SUBJECTS_HTML,
    SUBJECTS_XML,
    SUBJECTS_TEXT,
    SUBJECTS_FIELDS, /* given by body_subjects_field */
};

enum {
    SUBJECTS_VALUE_MAX = 64,   /* bytes of a name or a value; a longer one is none */
    SUBJECTS_DEPTH_MAX = 64,   /* of JSON; what is nested deeper is skipped */
    SUBJECTS_COLUMNS_MAX = 64, /* of a table */
};

/* A name or a value that is read; in pieces where the body is cut there. */
struct subjects_value {
    uint8_t len;
    uint8_t escape; /* of JSON: what is still to come of an escape */
    uint16_t unit;
    bool is_long; /* more than fits */
    char text[SUBJECTS_VALUE_MAX];
};

struct subjects_json {
    uint32_t depth, array_depth; /* of the array whose elements are records; 0: none is open */
    uint64_t objects;            /* a bit for each level: an object, else an array */
    uint8_t kinds[SUBJECTS_DEPTH_MAX]; /* of what is in the container of that level */
    uint16_t name_place;               /* of the last name (world_name_behind) */
    /* Each a word: they are written one by one and read at once. */
    unsigned kind; /* of the value that comes */
    unsigned in_string, in_name, is_name_next, in_word, is_escaped;
    struct subjects_value value;
};

struct subjects_csv {
    uint8_t kinds[SUBJECTS_COLUMNS_MAX];
    uint8_t header;    /* enum csv_header */
    uint8_t delimiter; /* 0: not seen yet */
    uint16_t column;
    bool is_first_row, has_number, is_told; /* a column's name says what it holds */
    bool in_field, in_quotes, is_quote_open;
    bool has_quotes; /* a row behind the first one had */
    struct subjects_value value;
};

struct subjects_html {
    uint8_t kinds[SUBJECTS_COLUMNS_MAX];
    uint8_t kind;  /* of the cell that is open */
    uint8_t named; /* kind that the head of the row says */
    uint8_t column;
    uint8_t state, cell; /* of the walk; of the text that is read */
    uint8_t name_len, quote;
    bool has_data; /* the row has a cell that is no head */
    char name[8];  /* of a tag, its first bytes */
    struct subjects_value value;
};

struct subjects_xml {
    uint8_t state, quote;
    uint8_t kind;         /* of the text or the attribute that comes */
    uint8_t attribute;    /* of the attribute that is read: its kind */
    uint8_t named;        /* kind that an element or attribute "name" says */
    bool is_name;         /* what is read is such a name */
    uint8_t before, last; /* the bytes before */
    struct subjects_value value;
};

struct body_subjects {
    struct subject_world *world; /* NULL: nothing is looked for */
    struct gathering *gathered;  /* NULL: nobody so far */
    struct scan *scan;           /* NULL: nothing is recognised */
    uint8_t format;              /* enum subjects_format */
    uint8_t root;                /* kind of what the body lists, by its path */
    bool is_asked;               /* a request's */
    bool in_record;
    bool is_streaming; /* a part of the text that passes was looked through */
    union {
        struct subjects_json json;
        struct subjects_csv csv;
        struct subjects_html html;
        struct subjects_xml xml;
    };
};

/* What is looked for in a body. */
struct body_subjects_plan {
    struct subject_world *world;
    enum subjects_format format;
    enum subject_kind root;
    bool is_asked;
    bool is_recognised; /* not by names alone */
};

void body_subjects_begin(struct body_subjects *b, const struct body_subjects_plan *plan,
                         enum csv_header header);
void body_subjects_take(struct body_subjects *b, struct bytes piece);
/* body_subjects_field takes a field of a form. */
void body_subjects_field(struct body_subjects *b, struct bytes name, struct bytes value);
/* body_subjects_stop says that what comes next is not what follows: nothing more is read, but of
 * lines. */
void body_subjects_stop(struct body_subjects *b);
/* body_subjects_end says that the body was whole. */
void body_subjects_end(struct body_subjects *b);
void body_subjects_clear(struct body_subjects *b);

/* What follows is for the formats. */

/* subjects_value_add adds to a name or a value; decoded: escapes of JSON. */
void subjects_value_add(struct subjects_value *v, struct bytes piece);
void subjects_value_decode(struct subjects_value *v, struct bytes piece);
static inline void subjects_value_forget(struct subjects_value *v)
{
    v->len = v->escape = 0;
    v->is_long = false;
}
static inline struct bytes subjects_value_text(const struct subjects_value *v)
{
    return (struct bytes){(const uint8_t *)v->text, v->is_long ? 0 : v->len};
}

/* subjects_value_last gives the value with its last piece: where it has no other one, as it lies.
 */
static inline struct bytes subjects_value_last(struct subjects_value *v, struct bytes piece)
{
    if (v->len == 0 && !v->is_long && piece.len <= SUBJECTS_VALUE_MAX)
        return piece;
    subjects_value_add(v, piece);
    return subjects_value_text(v);
}

/* body_subjects_value gathers a value whose kind is known, body_subjects_text recognises what is in
 * the next part of a text. */
void body_subjects_value(struct body_subjects *b, enum subject_kind kind, struct bytes value);
void body_subjects_text(struct body_subjects *b, struct bytes part, bool is_last);
void body_subjects_end_record(struct body_subjects *b);

void subjects_json_take(struct body_subjects *b, struct bytes piece);
void subjects_csv_take(struct body_subjects *b, struct bytes piece);
void subjects_csv_end(struct body_subjects *b);
void subjects_html_take(struct body_subjects *b, struct bytes piece);
void subjects_xml_take(struct body_subjects *b, struct bytes piece);

#endif
