/*
 * zlib (RFC 1950) behind its own library: what comes out before a broken place is the same however
 * the packed bytes were cut.
 */
#include "analyzers/packed/codec.h"

#include <stdlib.h>
#define ZLIB_CONST /* input is const */
#include <zlib.h>

enum {
    WINDOW_BITS = 15,         /* the largest window */
    INFLATE_MEMORY = 7 << 10, /* bytes, of zlib's state (zconf.h), beside its window */
};

static void *zlib_open(void)
{
    z_stream *z = calloc(1, sizeof(*z));
    if (z && inflateInit2(z, WINDOW_BITS) != Z_OK) {
        free(z);
        return NULL;
    }
    return z;
}

static bool zlib_restart(void *stream)
{
    return inflateReset(stream) == Z_OK;
}

static enum decoded zlib_take(void *stream, struct bytes *packed, uint8_t *piece, size_t *piece_len)
{
    z_stream *z = stream;
    struct bytes input = bytes_first(*packed, UINT32_MAX);
    z->next_in = input.data;
    z->avail_in = (uInt)input.len;
    z->next_out = piece;
    z->avail_out = (uInt)*piece_len;
    int status = inflate(z, Z_NO_FLUSH);
    *piece_len -= z->avail_out;
    *packed = bytes_from(*packed, input.len - z->avail_in);
    if (status == Z_STREAM_END)
        return DECODED_END;
    if (status != Z_OK && status != Z_BUF_ERROR)
        return DECODED_BROKEN;
    return z->avail_out == 0 || packed->len > 0 ? DECODED_PIECE : DECODED_WAITS;
}

static size_t zlib_size(const void *stream)
{
    (void)stream;
    return sizeof(z_stream) + INFLATE_MEMORY + (1 << WINDOW_BITS);
}

static void zlib_close(void *stream)
{
    (void)inflateEnd(stream);
    free(stream);
}

const struct codec_kind CODEC_KIND_ZLIB = {
    .open = zlib_open,
    .restart = zlib_restart,
    .take = zlib_take,
    .size = zlib_size,
    .close = zlib_close,
};
