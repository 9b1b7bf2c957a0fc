/*
 * Packed bytes to what they were: streams of zlib, zstd or brotli, piece by piece.  An unpacker's
 * memory is charged to the budget while it works; it gives at most CODEC_PIECE_MAX bytes at a time.
 * How much may come out of how little is the taker's to bound (analyzers/packed/packed.h).
 *
 * To add a codec: one file with its struct codec_kind, a line in codec.c.
 */
#ifndef SEEPWATCH_ANALYZERS_PACKED_CODEC_H
#define SEEPWATCH_ANALYZERS_PACKED_CODEC_H

#include "core/budget.h"
#include "core/bytes.h"

enum codec {
    CODEC_STORED,  /* as it is */
    CODEC_ZLIB,    /* RFC 1950 */
    CODEC_ZSTD,    /* RFC 8878 */
    CODEC_SNAPPY,  /* the raw format; of what the reference compressor makes */
    CODEC_GZIP,    /* RFC 1952; or RFC 1950: the stream's header tells */
    CODEC_DEFLATE, /* RFC 1950, or RFC 1951 alone: the first byte tells */
    CODEC_BROTLI,  /* RFC 7932 */
    CODECS_COUNT
};

enum { CODEC_PIECE_MAX = 16384 };

enum decoded {
    DECODED_PIECE,  /* a piece is there; more may come of what is left */
    DECODED_WAITS,  /* all is taken: more packed bytes are needed */
    DECODED_END,    /* the packed stream is at its end */
    DECODED_BROKEN, /* that is no such stream, or it would take too much memory */
};

struct unpacker;

/* What all unpackers share. */
struct codecs {
    struct budget *budget;
    struct unpacker *spare[CODECS_COUNT]; /* one of a kind waits for the next; outside the budget */
};

/* codec_open begins a stream; NULL without memory.  Not of CODEC_STORED. */
struct unpacker *codec_open(struct codecs *c, enum codec codec);

/* codec_take takes what it can use off *packed; *piece views what came of it, good until the next
 * call.  Behind the end of a stream another one may follow.  With CODEC_GZIP and CODEC_DEFLATE, how
 * much comes out before a broken place may depend on how the bytes were cut. */
enum decoded codec_take(struct unpacker *d, struct bytes *packed, struct bytes *piece);

/* codec_close(c, NULL) does nothing. */
void codec_close(struct codecs *c, struct unpacker *d);

/* codecs_clear frees the spare unpackers. */
void codecs_clear(struct codecs *c);

/* What follows is for the codecs. */

struct codec_kind {
    void *(*open)(void); /* NULL without memory */
    bool (*restart)(void *stream);
    /* Takes off *packed, writes to piece, *piece_len bytes of which are free and then used. */
    enum decoded (*take)(void *stream, struct bytes *packed, uint8_t *piece, size_t *piece_len);
    size_t (*size)(const void *stream); /* bytes of memory that it has now */
    void (*close)(void *stream);
};

extern const struct codec_kind CODEC_KIND_ZLIB, CODEC_KIND_ZSTD, CODEC_KIND_SNAPPY, CODEC_KIND_GZIP,
    CODEC_KIND_DEFLATE, CODEC_KIND_BROTLI;

#endif
