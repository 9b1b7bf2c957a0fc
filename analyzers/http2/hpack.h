/*
 * HPACK (RFC 7541): the header blocks of one side of an HTTP/2 connection to fields, through
 * nghttp2's inflater.  All its memory is the connections' (core/budget.h) and bounded.
 *
 * Where the beginning of a side was not seen, or a block of it is lost, nobody knows what the
 * dynamic table holds.  A table that is begun then is full of fields without a meaning: what the
 * sender adds from there on is right, and what it refers to from before is told to be unknown.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP2_HPACK_H
#define SEEPWATCH_ANALYZERS_HTTP2_HPACK_H

#include "core/budget.h"
#include "core/bytes.h"

enum {
    HPACK_TABLE_MAX = 65536,   /* bytes, as RFC 7541, section 4.1, counts them; browsers allow so */
    HPACK_MEMORY_MAX = 400000, /* bytes that a side may take: 1,800 fields of the shortest */
};

struct hpack;

enum hpack_said {
    HPACK_FIELD,   /* a field is there: its views are good until the next call */
    HPACK_UNKNOWN, /* a field is there that the table does not know */
    HPACK_WAITS,   /* all is taken: more of the block is needed */
    HPACK_END,     /* the block is at its end */
    HPACK_BROKEN,  /* that is no block, or it would take too much memory: the table is of no more
                      use */
};

struct hpack_field {
    struct bytes name, value;
};

/* hpack_open begins a table, empty or of unknown content; NULL without memory. */
struct hpack *hpack_open(struct budget *budget, bool is_unknown);

/* hpack_take takes what it needs for one field off *block; is_last says that the block ends with
 * these bytes. */
enum hpack_said hpack_take(struct hpack *h, struct bytes *block, bool is_last,
                           struct hpack_field *field);

/* hpack_close(NULL) does nothing. */
void hpack_close(struct hpack *h);

#endif
