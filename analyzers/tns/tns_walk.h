/*
 * Walking over TTC messages without keeping them.  A message is described by a table of fields; the
 * walk goes over it field by field and can stop behind any byte, so that nothing is looked at twice
 * and no message is too long.  Numbers and counts that matter stay in the walk's places.
 *
 * Only the universal representation of numbers is walked: their length in a byte, then so many
 * bytes, the highest first.
 */
#ifndef SEEPWATCH_ANALYZERS_TNS_TNS_WALK_H
#define SEEPWATCH_ANALYZERS_TNS_TNS_WALK_H

#include "core/cursor.h"

enum {
    TNS_DEPTH_MAX = 4,        /* repetitions within one another */
    TNS_KEPT_MAX = 64,        /* bytes of a text that is kept */
    TNS_KEEP = 1,             /* value of the field of such a text */
    TNS_BITS_MAX = 128,       /* bytes of a bit vector; 1,000 columns take 125 */
    TNS_NUMBER_MAX = 9,       /* bytes of a number, with that of its length */
    TNS_TEXT_SHORT_MAX = 252, /* bytes; a longer text is in pieces */
    TNS_TEXT_LONG = 254,      /* length byte of a text in pieces */
    TNS_TEXT_NULL = 255,      /* length byte of no text */
};

/* Versions of the fields that client and server agreed on (compile time capability 7). */
enum {
    TNS_FIELDS_UNKNOWN = 0,
    TNS_FIELDS_12_1 = 7,
    TNS_FIELDS_12_2 = 8,
    TNS_FIELDS_20_1 = 14,
    TNS_FIELDS_23_1 = 17,
    TNS_FIELDS_TOKENS = 18,
    TNS_FIELDS_ANNOTATIONS = 20,
    TNS_FIELDS_23_4 = 24,
};

/* What both ends can. */
enum {
    TNS_CAN_CALL_STATUS = 1, /* the end of a call has a status */
    TNS_CAN_SEQUENCE = 2,    /* and a number for tracing */
    TNS_CAN_BIG_PIECES = 4,  /* the length of a text's piece is a number, not a byte */
};

enum tns_field_kind {
    TNS_END,
    TNS_BYTE,   /* one byte */
    TNS_NUMBER, /* a number */
    TNS_TEXT,   /* a text, in pieces perhaps; its place becomes whether there was one */
    TNS_SIZED,  /* a number; where it is not 0, a text; kept where the value is TNS_KEEP */
    TNS_RAW,    /* as many bytes as the place says */
    TNS_SKIP,   /* `count` bytes */
    TNS_BITS,   /* a bit vector of as many bytes as the place says, kept */
    TNS_IF,     /* the next `count` fields only where the place is not 0 */
    TNS_IF_IS,  /* likewise, where the place is `value` */
    TNS_REPEAT, /* the next `count` fields as often as the place says */
    TNS_BEGIN,  /* the place becomes `value` */
    TNS_TELL,   /* stop, for the caller to look at the places */
};

struct tns_field {
    uint8_t kind;  /* enum tns_field_kind */
    uint8_t place; /* where the value goes, or comes from */
    uint8_t count, value;
    uint8_t since; /* version of the fields that has it */
    uint8_t can;   /* capability that it needs; 0: none */
};

/* Places of a walk; what is not wanted goes to the first. */
enum tns_place {
    TNS_NOWHERE,
    TNS_COUNT,
    TNS_INNER_COUNT,
    TNS_FIRST_BYTE,
    TNS_ROWS, /* of the status that ends a call */
    TNS_ERROR,
    TNS_CURSOR,
    TNS_SQL_TYPE,
    TNS_COLUMNS,
    TNS_TYPE, /* of a column */
    TNS_SIZE,
    TNS_FLAGS,
    TNS_CHARSET, /* the form of its character set */
    TNS_PLACES,
};

struct tns_loop {
    uint64_t left;       /* times */
    uint8_t begin, last; /* fields */
};

struct tns_walk {
    const struct tns_field *program; /* NULL: none at work */
    uint64_t places[TNS_PLACES];
    uint64_t raw; /* bytes of the field at work still to be passed over */
    struct tns_loop loops[TNS_DEPTH_MAX];
    uint8_t at; /* field */
    uint8_t depth;
    uint8_t stage;    /* of the field at work */
    uint8_t bits_len; /* bytes */
    uint8_t bits[TNS_BITS_MAX];
    uint8_t kept_len; /* bytes; 0: there was no text, or a longer one */
    uint8_t kept[TNS_KEPT_MAX];
};

/* The terms of the connection. */
struct tns_terms {
    uint8_t version; /* of the fields */
    uint8_t can;     /* TNS_CAN_... */
};

enum tns_course {
    TNS_WALK_DONE,
    TNS_WALK_TOLD,  /* at a TNS_TELL: walk on */
    TNS_WALK_SHORT, /* the next field needs more bytes */
    TNS_WALK_SKIPS, /* `skip` bytes behind the cursor are passed over, then walk on */
    TNS_WALK_BAD,
};

/* tns_walk_begin starts a walk over a message whose type byte is read. */
void tns_walk_begin(struct tns_walk *w, const struct tns_field *program);

/* tns_walk goes on as far as the bytes go; the cursor stands behind what it walked over. */
enum tns_course tns_walk(struct tns_walk *w, const struct tns_terms *terms, struct cursor *in,
                         uint64_t *skip);

/* tns_walk_whole walks over a message that must be there; false where it is not or is none.  What
 * TNS_TELL would tell is passed by. */
bool tns_walk_whole(struct tns_walk *w, const struct tns_field *program,
                    const struct tns_terms *terms, struct cursor *in);

/* tns_number reads a number; its sign is dropped.  What is none leaves the cursor short. */
uint64_t tns_number(struct cursor *in);

#endif
