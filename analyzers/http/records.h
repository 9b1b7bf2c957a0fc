/*
 * How many records a body holds, counted as it passes: no tree is built and nothing of it is kept.
 *
 *   JSON   the elements of the array that holds the records: of the outermost arrays (those that
 *          are in no other) the one with the most objects; else with the most arrays; else with the
 *          most of anything.  Or of the array at a path that is told.
 *   lines  (NDJSON, JSON Lines, RFC 7464) lines that are not blank
 *   CSV    (RFC 4180) rows, without the header; line ends in quotes are none
 *   HTML   rows of tables with a cell of data (td)
 *   XML    the element that is repeated the most, at the outermost level where one is repeated
 *
 * Of JSON without an array and XML without a repetition nothing is known: it is no list.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_RECORDS_H
#define SEEPWATCH_ANALYZERS_HTTP_RECORDS_H

#include "analyzers/http/markup.h"
#include "core/bytes.h"

enum records_format {
    RECORDS_NONE,
    RECORDS_JSON,
    RECORDS_LINES,
    RECORDS_CSV,
    RECORDS_HTML,
    RECORDS_XML,
    RECORDS_FORMATS_COUNT
};

/* Whether the first row of CSV is a header.  By shape: it is, unless a field of it begins with a
 * digit. */
enum csv_header { CSV_HEADER_BY_SHAPE, CSV_HEADER_ALWAYS, CSV_HEADER_NEVER };

enum {
    RECORDS_KEY_MAX = 64,   /* bytes of a member's name that is compared with a path */
    RECORDS_PATH_MAX = 128, /* bytes */
    RECORDS_LEVELS_MAX = 24 /* depth of XML in which repetitions are looked for */
};

/* The elements of one array. */
struct array_count {
    uint64_t objects, arrays, scalars;
    bool is_there;
};

struct records_json {
    struct array_count now, best;
    uint32_t depth;       /* of what is open */
    uint32_t array_depth; /* of the array that is counted; 0: none is open */
    bool in_string, is_escaped, in_scalar;
    /* Where a path is told: */
    bool is_expected;    /* the value that comes next is the path's */
    uint32_t matched;    /* parts of the path that lead to what is open */
    struct bytes wanted; /* of the path, the rest behind those */
    uint8_t key_len;
    char key[RECORDS_KEY_MAX];
};

struct records_csv {
    uint64_t rows;
    enum csv_header header;
    bool in_field, in_quotes, is_quote_open; /* the last byte was a quote in quotes */
    bool has_content;                        /* of the row */
    bool has_number;                         /* a field of the first row begins with a digit */
};

struct records_html {
    struct markup markup;
    uint64_t rows;
    bool is_counted; /* the row that is open */
};

struct records_level {
    uint64_t name; /* of the last child, a hash */
    uint64_t run, best;
};

struct records_xml {
    struct markup markup;
    uint32_t depth;
    struct records_level level[RECORDS_LEVELS_MAX];
};

struct records {
    enum records_format format;
    struct bytes path; /* of JSON: names with dots between; empty: by shape */
    union {
        struct records_json json;
        struct records_csv csv; /* and lines */
        struct records_html html;
        struct records_xml xml;
    };
};

/* records_begin: path is a view that lives as long as r. */
void records_begin(struct records *r, enum records_format format, enum csv_header header,
                   struct bytes path);
void records_take(struct records *r, struct bytes piece);

/* records_count tells what was counted so far, an unfinished row too; false where it is no list. */
bool records_count(const struct records *r, uint64_t *count);

/* What follows is for the formats. */
void records_json_take(struct records *r, struct bytes piece);
bool records_json_count(const struct records_json *j, uint64_t *count);
void records_html_take(struct records_html *h, struct bytes piece);
void records_xml_take(struct records_xml *x, struct bytes piece);
bool records_xml_count(const struct records_xml *x, uint64_t *count);

#endif
