/*
 * What the files of HTTP/2 share: the state of a connection.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP2_HTTP2_STATE_H
#define SEEPWATCH_ANALYZERS_HTTP2_HTTP2_STATE_H

#include "analyzers/http2/hpack.h"
#include "analyzers/http2/http2_frame.h"

enum {
    HTTP2_BLOCK_MAX = 1 << 18,  /* bytes of a block of fields, with all that continues it */
    HTTP2_FIELDS_MAX = 1 << 15, /* bytes of fields that are read of a block, unpacked */
    HTTP2_TABLES_MAX = 64,      /* tables that a side may lose, then its fields are not read */
    HTTP2_RESETS_KEPT = 32,     /* streams that were broken off last: what still comes of them
                                   answers nothing */
    HTTP2_EARLY_MAX = 256,      /* answers that wait for what they answer */
    HTTP2_FIELD_COST = 32,      /* bytes of a field beside its name and value */
};

/* What a block of fields is. */
enum http2_block {
    HTTP2_BLOCK_UNREAD, /* of a stream that is over: only the table wants it */
    HTTP2_BLOCK_REQUEST,
    HTTP2_BLOCK_RESPONSE,
    HTTP2_BLOCK_TRAILER,
};

struct http2_side {
    struct hpack *table;            /* NULL: none yet, or lost */
    uint32_t stream;                /* of the frame that passes, or of the block */
    uint32_t left;                  /* bytes of it that are still to pass, without its padding */
    uint32_t block_len, fields_len; /* bytes of the block so far, packed and unpacked */
    uint8_t pad_left;               /* bytes of padding behind them */
    uint8_t block;                  /* enum http2_block */
    uint8_t tables_lost;
    bool is_known;       /* the table is: its beginning was seen, and all since */
    bool is_block_open;  /* it goes on in the next frame */
    bool is_block_frame; /* what passes is a part of a block; else of a body */
    bool is_block_read;  /* false: what there is of it can't be unpacked */
    bool has_unknown;    /* a field of it is not known */
    bool is_block_last;  /* the block ends with this frame */
    bool ends;           /* the side of the stream ends with what passes */
};

struct http2 {
    struct http2_side side[2]; /* by enum side */
    uint32_t last_stream;      /* the newest of the client's */
    uint32_t resets[HTTP2_RESETS_KEPT];
    uint8_t resets_at;
    uint16_t early_count; /* answers that came before what they answer, and stay open for it */
    bool has_begun;
    bool has_preface; /* the client's first bytes were seen */
};

/* http2_block_begin begins a block of that kind for the stream of s. */
void http2_block_begin(struct http2_side *s, enum http2_block block);

/* http2_block_take takes bytes of the block; is_last says that it ends with them.  r may be NULL.
 */
void http2_block_take(struct exchange *x, enum side side, struct request *r, struct bytes piece,
                      bool is_last);

/* http2_block_lose says that a part of the side's blocks is missing: what the table holds is not
 * known any more. */
void http2_block_lose(struct exchange *x, enum side side);

/*
 * Behind a hole in what the client said its requests come late, and their answers before them. Such
 * an answer stays open until the request has come, or can't any more: a newer one did, or time
 * passed.
 */

/* http2_early_begin tells whether the request that r answers may still come; it is waited for then.
 */
bool http2_early_begin(struct exchange *x, struct request *r);

/* http2_early_take tells whether r waits for the request that has come now: it has it then. */
bool http2_early_take(struct exchange *x, struct request *r);

/* http2_early_release finishes the answers that wait for requests older than that stream, or for
 * long. */
void http2_early_release(struct exchange *x, uint32_t stream);

/* http2_early_end says that r is handed on. */
void http2_early_end(struct exchange *x, const struct request *r);

#endif
