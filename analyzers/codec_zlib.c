/*
 * zlib and gzip (RFC 1950, 1952) behind zlib's inflate; and what HTTP calls "deflate" (RFC 9110,
 * section 8.4.1.2): zlib's format, or deflate without it (RFC 1951), as some servers send.  There
 * the first byte tells: what zlib's begins with is no block that an encoder writes.
 */
#include "analyzers/codec.h"

#include <stdlib.h>
#define ZLIB_CONST /* input is const */
#include <zlib.h>

enum {
    WINDOW_BITS = 15 + 32,    /* the largest window; zlib or gzip, as the header says */
    INFLATE_MEMORY = 7 << 10, /* bytes, of zlib's state (zconf.h), beside its window */
    ONE_FORMAT_BITS = 15,     /* zlib alone; negative: deflate alone */
    METHOD_BITS = 0x0f,       /* of zlib's first byte */
    METHOD_DEFLATE = 8,
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

static enum decoded take(z_stream *z, struct bytes *packed, uint8_t *piece, size_t *piece_len)
{
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

static enum decoded zlib_take(void *stream, struct bytes *packed, uint8_t *piece, size_t *piece_len)
{
    return take(stream, packed, piece, piece_len);
}

static size_t zlib_size(const void *stream)
{
    (void)stream;
    return sizeof(z_stream) + INFLATE_MEMORY + (1 << 15);
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

struct deflate {
    z_stream z;
    bool has_begun;
};

static void *deflate_open(void)
{
    struct deflate *d = calloc(1, sizeof(*d));
    if (d && inflateInit2(&d->z, ONE_FORMAT_BITS) != Z_OK) {
        free(d);
        return NULL;
    }
    return d;
}

static bool deflate_restart(void *stream)
{
    struct deflate *d = stream;
    d->has_begun = false;
    return true;
}

static enum decoded deflate_take(void *stream, struct bytes *packed, uint8_t *piece,
                                 size_t *piece_len)
{
    struct deflate *d = stream;
    if (!d->has_begun && packed->len == 0) {
        *piece_len = 0;
        return DECODED_WAITS;
    }
    if (!d->has_begun) {
        bool is_zlib = (packed->data[0] & METHOD_BITS) == METHOD_DEFLATE;
        if (inflateReset2(&d->z, is_zlib ? ONE_FORMAT_BITS : -ONE_FORMAT_BITS) != Z_OK)
            return DECODED_BROKEN;
        d->has_begun = true;
    }
    return take(&d->z, packed, piece, piece_len);
}

static size_t deflate_size(const void *stream)
{
    (void)stream;
    return sizeof(struct deflate) + INFLATE_MEMORY + (1 << ONE_FORMAT_BITS);
}

static void deflate_close(void *stream)
{
    struct deflate *d = stream;
    (void)inflateEnd(&d->z);
    free(d);
}

const struct codec_kind CODEC_KIND_DEFLATE = {
    .open = deflate_open,
    .restart = deflate_restart,
    .take = deflate_take,
    .size = deflate_size,
    .close = deflate_close,
};
