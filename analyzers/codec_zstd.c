/*
 * Zstandard (RFC 8878) behind libzstd's streaming decoder.
 */
#include "analyzers/codec.h"

#include <zstd.h>

enum { WINDOW_LOG_MAX = 24 }; /* 16 MiB, a MySQL packet at its largest; RFC 8878 asks for 8 MiB */

static void *zstd_open(void)
{
    ZSTD_DCtx *z = ZSTD_createDCtx();
    if (z && ZSTD_isError(ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        (void)ZSTD_freeDCtx(z);
        return NULL;
    }
    return z;
}

static bool zstd_restart(void *stream)
{
    return !ZSTD_isError(ZSTD_DCtx_reset(stream, ZSTD_reset_session_only));
}

static enum decoded zstd_take(void *stream, struct bytes *packed, uint8_t *piece, size_t *piece_len)
{
    ZSTD_inBuffer in = {packed->data, packed->len, 0};
    ZSTD_outBuffer out = {piece, *piece_len, 0};
    size_t status = ZSTD_decompressStream(stream, &out, &in);
    *piece_len = out.pos;
    *packed = bytes_from(*packed, in.pos);
    if (ZSTD_isError(status))
        return DECODED_BROKEN;
    if (status == 0)
        return DECODED_END;
    return out.pos == out.size || packed->len > 0 ? DECODED_PIECE : DECODED_WAITS;
}

static size_t zstd_size(const void *stream)
{
    return ZSTD_sizeof_DCtx(stream);
}

static void zstd_close(void *stream)
{
    (void)ZSTD_freeDCtx(stream);
}

const struct codec_kind CODEC_KIND_ZSTD = {
    .open = zstd_open,
    .restart = zstd_restart,
    .take = zstd_take,
    .size = zstd_size,
    .close = zstd_close,
};
