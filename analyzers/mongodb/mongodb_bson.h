/*
 * BSON in passing: documents are walked element by element, whatever their size, with a frame for
 * each document that is open and nothing kept of their values.  The documents may come in pieces
 * cut anywhere; what is not looked at is passed over by its length.
 *
 * https://bsonspec.org/spec.html
 */
#ifndef SEEPWATCH_ANALYZERS_MONGODB_MONGODB_BSON_H
#define SEEPWATCH_ANALYZERS_MONGODB_MONGODB_BSON_H

#include "core/cursor.h"

enum {
    BSON_DEPTH_MAX = 16,        /* documents open at a time; what lies deeper is passed over */
    BSON_NAME_MAX = 256,        /* bytes of an element's name that are read */
    BSON_DOCUMENT_MIN = 5,      /* bytes: its length and the zero at its end */
    BSON_UNKNOWN_END = 1 << 30, /* end of a document whose beginning was not seen */
    /* type, name, zero and the value's length: what tells how long an element is */
    BSON_HEAD_MAX = 1 + BSON_NAME_MAX + 1 + 4,
};

enum bson_type {
    BSON_DOUBLE = 0x01,
    BSON_STRING = 0x02,
    BSON_DOCUMENT = 0x03,
    BSON_ARRAY = 0x04,
    BSON_BINARY = 0x05,
    BSON_BOOL = 0x08,
    BSON_REGEX = 0x0b,
    BSON_INT32 = 0x10,
    BSON_INT64 = 0x12,
};

/* A document that is open. */
struct bson_frame {
    uint32_t end;   /* place behind it, in bytes as walk.at */
    uint32_t count; /* of its elements that were passed or entered */
    uint8_t kind;   /* the caller's own */
};

struct bson_walk {
    uint32_t at; /* bytes before what is read next, counted from where the caller began */
    uint8_t depth;
    uint8_t zeros; /* zero bytes still to be found: of a name, or of a regular expression */
    uint8_t type;  /* of the element whose name was too long to be read; 0: none */
    struct bson_frame frames[BSON_DEPTH_MAX];
};

struct bson_element {
    uint8_t type;      /* enum bson_type, or another of the specification's */
    uint32_t head_len; /* bytes before the value */
    uint32_t len;      /* bytes of the value, a length before it included */
    struct bytes name; /* empty where it was too long */
};

enum bson_found {
    BSON_FOUND,  /* an element; the cursor stands before it still */
    BSON_CLOSED, /* the end of the innermost document, which is no longer open */
    BSON_SHORT,  /* *need bytes from the cursor on tell more */
    BSON_BROKEN, /* that is no BSON */
};

static inline struct bson_frame *bson_top(struct bson_walk *w)
{
    return &w->frames[w->depth - 1];
}

/* bson_len_of tells whether such a value has a plausible length, and which, from its first bytes
 * (at most 4 are read, fewer leave the cursor short); 0 for a regular expression. */
bool bson_len_of(uint8_t type, struct cursor value, uint64_t *len, bool *is_short);

/* bson_next finds what comes next in the innermost open document; there must be one. */
enum bson_found bson_next(struct bson_walk *w, struct cursor *in, struct bson_element *e,
                          size_t *need);

/* bson_value views the value of the element that the cursor stands before; false, with *need set,
 * where not all of it is there. */
bool bson_value(struct cursor in, const struct bson_element *e, struct bytes *value, size_t *need);

/* bson_pass moves over the element; so many bytes of its value are not there yet and remain to be
 * passed over by the caller: the walk takes them for passed. */
uint64_t bson_pass(struct bson_walk *w, struct cursor *in, const struct bson_element *e);

/* bson_enter opens the element, a document or an array, whose length is there; false, and nothing
 * moved, where as many are open as may be. */
bool bson_enter(struct bson_walk *w, struct cursor *in, const struct bson_element *e, uint8_t kind);

/* bson_open opens the document that the cursor stands before, at place `at`, and that ends no later
 * than `end`; false, and nothing moved, where it cannot be one.  Its length must be there. */
bool bson_open(struct bson_walk *w, struct cursor *in, uint32_t at, uint32_t end, uint8_t kind);

/* bson_number reads a number or truth value; false for other types, and for what has no value
 * among the integers. */
bool bson_number(uint8_t type, struct bytes value, int64_t *number);

/* bson_string views the text of a string's value; empty for other types. */
struct bytes bson_string(uint8_t type, struct bytes value);

/* bson_binary views the content of a binary value; empty for other types. */
struct bytes bson_binary(uint8_t type, struct bytes value);

#endif
