/*
 * Unpackers over the codecs' own streams.  A stream's memory is charged as it grows; one unpacker
 * of a kind is kept for the next stream, unless it grew large.
 */
#include "analyzers/packed/codec.h"

#include <stdlib.h>

enum { SPARE_MAX = 1 << 20 }; /* bytes; a larger unpacker is not kept */

struct unpacker {
    struct budget *budget;
    enum codec codec;
    const struct codec_kind *kind;
    void *stream;
    bool is_at_end;
    size_t charged; /* bytes */
    uint8_t piece[CODEC_PIECE_MAX];
};

static const struct codec_kind *const kinds[CODECS_COUNT] = {
    [CODEC_ZLIB] = &CODEC_KIND_ZLIB,       [CODEC_ZSTD] = &CODEC_KIND_ZSTD,
    [CODEC_SNAPPY] = &CODEC_KIND_SNAPPY,   [CODEC_GZIP] = &CODEC_KIND_GZIP,
    [CODEC_DEFLATE] = &CODEC_KIND_DEFLATE, [CODEC_BROTLI] = &CODEC_KIND_BROTLI,
};

static void unpacker_free(struct unpacker *u)
{
    u->kind->close(u->stream);
    free(u);
}

static struct unpacker *unpacker_new(enum codec codec)
{
    struct unpacker *u = malloc(sizeof(*u));
    if (!u)
        return NULL;
    u->codec = codec;
    u->kind = kinds[codec];
    u->charged = 0;
    u->stream = u->kind->open();
    if (!u->stream) {
        free(u);
        return NULL;
    }
    return u;
}

/* Brings the charge to what the stream takes now. */
static bool charge(struct unpacker *u)
{
    size_t size = sizeof(*u) + u->kind->size(u->stream);
    if (size > u->charged) {
        if (!budget_charge(u->budget, size - u->charged))
            return false;
        u->charged = size;
    }
    return true;
}

struct unpacker *codec_open(struct codecs *c, enum codec codec)
{
    struct unpacker *u = c->spare[codec];
    c->spare[codec] = NULL;
    if (!u)
        u = unpacker_new(codec);
    if (!u)
        return NULL;
    u->budget = c->budget;
    u->is_at_end = false;
    if (!charge(u) || !u->kind->restart(u->stream)) {
        codec_close(c, u);
        return NULL;
    }
    return u;
}

enum decoded codec_take(struct unpacker *u, struct bytes *packed, struct bytes *piece)
{
    size_t len = CODEC_PIECE_MAX;
    *piece = (struct bytes){NULL, 0};
    if (u->is_at_end && packed->len == 0)
        return DECODED_END;
    if (u->is_at_end && !u->kind->restart(u->stream))
        return DECODED_BROKEN;
    enum decoded decoded = u->kind->take(u->stream, packed, u->piece, &len);
    u->is_at_end = decoded == DECODED_END;
    if (!charge(u))
        return DECODED_BROKEN;
    *piece = (struct bytes){u->piece, len};
    return decoded;
}

void codec_close(struct codecs *c, struct unpacker *u)
{
    if (!u)
        return;
    budget_refund(u->budget, u->charged);
    u->charged = 0;
    if (c->spare[u->codec] || u->kind->size(u->stream) > SPARE_MAX)
        unpacker_free(u);
    else
        c->spare[u->codec] = u;
}

void codecs_clear(struct codecs *c)
{
    for (int codec = 0; codec < CODECS_COUNT; codec++) {
        if (c->spare[codec])
            unpacker_free(c->spare[codec]);
        c->spare[codec] = NULL;
    }
}
