/*
 * Zstandard (RFC 8878) behind libzstd's streaming decoder.  It is given a block at a time: what
 * comes out before a broken block is the same however the packed bytes were cut.
 */
#include "analyzers/packed/codec.h"

#include <stdlib.h>
#include <zstd.h>

enum { WINDOW_LOG_MAX = 24 }; /* 16 MiB, a MySQL packet at its largest; RFC 8878 asks for 8 MiB */

enum { FRAME_HEAD_LEN = 5 }; /* bytes that tell how long a frame's header is */

struct zstd {
    ZSTD_DCtx *context;
    size_t wants; /* bytes of the header or the block that comes next */
};

static void *zstd_open(void)
{
    struct zstd *z = calloc(1, sizeof(*z));
    if (!z)
        return NULL;
    z->context = ZSTD_createDCtx();
    if (!z->context ||
        ZSTD_isError(ZSTD_DCtx_setParameter(z->context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        (void)ZSTD_freeDCtx(z->context);
        free(z);
        return NULL;
    }
    return z;
}

static bool zstd_restart(void *stream)
{
    struct zstd *z = stream;
    z->wants = FRAME_HEAD_LEN;
    return !ZSTD_isError(ZSTD_DCtx_reset(z->context, ZSTD_reset_session_only));
}

static enum decoded zstd_take(void *stream, struct bytes *packed, uint8_t *piece, size_t *piece_len)
{
    struct zstd *z = stream;
    struct bytes next = bytes_first(*packed, z->wants);
    ZSTD_inBuffer in = {next.data, next.len, 0};
    ZSTD_outBuffer out = {piece, *piece_len, 0};
    size_t status = ZSTD_decompressStream(z->context, &out, &in);
    *piece_len = out.pos;
    *packed = bytes_from(*packed, in.pos);
    if (ZSTD_isError(status))
        return DECODED_BROKEN;
    if (status == 0)
        return DECODED_END;
    z->wants = status;
    return out.pos == out.size || packed->len > 0 ? DECODED_PIECE : DECODED_WAITS;
}

static size_t zstd_size(const void *stream)
{
    const struct zstd *z = stream;
    return sizeof(*z) + ZSTD_sizeof_DCtx(z->context);
}

static void zstd_close(void *stream)
{
    struct zstd *z = stream;
    (void)ZSTD_freeDCtx(z->context);
    free(z);
}

const struct codec_kind CODEC_KIND_ZSTD = {
    .open = zstd_open,
    .restart = zstd_restart,
    .take = zstd_take,
    .size = zstd_size,
    .close = zstd_close,
};
