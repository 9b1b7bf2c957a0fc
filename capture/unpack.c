/*
 * Compressed streams by fopencookie: gzip (RFC 1952, several members in a row as gzip -c >> makes
 * them) and zstd (RFC 8878, several frames in a row).  What was unpacked before an error is given
 * first.
 */
#define _GNU_SOURCE /* fopencookie */
#include "capture/unpack.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { PACKED_CHUNK = 64 * 1024, MAGIC_LEN = 4 };

/* Gives up to size bytes, 0 where more input is needed, -1 where the input is wrong. */
typedef ssize_t unpack_step(struct unpack *u, char *out, size_t size);

struct unpack {
    FILE *raw, *stream;
    unpack_step *step;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool inside; /* a gzip member or zstd frame has begun and not ended */
    const char *problem;
    size_t at, len; /* of chunk: what is not consumed */
    unsigned char chunk[PACKED_CHUNK];
};

/* Plain data that cannot be wound back.  Past the first bytes it takes no detour over the chunk. */
static ssize_t step_plain(struct unpack *u, char *out, size_t size)
{
    size_t len = u->len - u->at < size ? u->len - u->at : size;
    if (len == 0)
        return (ssize_t)fread(out, 1, size, u->raw);
    memcpy(out, u->chunk + u->at, len);
    u->at += len;
    return (ssize_t)len;
}

static ssize_t step_gzip(struct unpack *u, char *out, size_t size)
{
    z_stream *z = &u->gzip;
    if (!u->inside && u->at < u->len && inflateReset(z) != Z_OK)
        return -1;
    z->next_in = u->chunk + u->at;
    z->avail_in = (uInt)(u->len - u->at);
    z->next_out = (unsigned char *)out;
    z->avail_out = (uInt)size;
    int status = inflate(z, Z_NO_FLUSH);
    u->at = u->len - z->avail_in;
    u->inside = status != Z_STREAM_END;
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
        u->problem = "damaged gzip data";
        return -1;
    }
    return (ssize_t)(size - z->avail_out);
}

static ssize_t step_zstd(struct unpack *u, char *out, size_t size)
{
    ZSTD_inBuffer in = {u->chunk, u->len, u->at};
    ZSTD_outBuffer to = {out, size, 0};
    size_t status = ZSTD_decompressStream(u->zstd, &to, &in);
    u->at = in.pos;
    if (ZSTD_isError(status)) {
        u->problem = "damaged zstd data";
        return -1;
    }
    u->inside = status != 0;
    return (ssize_t)to.pos;
}

static bool chunk_fill(struct unpack *u)
{
    u->at = 0;
    u->len = fread(u->chunk, 1, sizeof(u->chunk), u->raw);
    return u->len > 0;
}

static ssize_t packed_read(struct unpack *u, char *out, size_t size)
{
    for (;;) {
        ssize_t got = u->at < u->len || u->inside ? u->step(u, out, size) : 0;
        if (got != 0)
            return got;
        if (u->at == u->len && !chunk_fill(u))
            break;
    }
    if (u->inside)
        u->problem = "compressed data ends early";
    return u->inside ? -1 : 0;
}

static ssize_t cookie_read(void *cookie, char *out, size_t size)
{
    struct unpack *u = cookie;
    size = size < INT32_MAX ? size : INT32_MAX;
    ssize_t got = u->step == step_plain ? step_plain(u, out, size) : packed_read(u, out, size);
    if (ferror(u->raw))
        return -1; /* errno is the raw stream's */
    if (got < 0)
        errno = EBADMSG;
    return got;
}

static int cookie_close(void *cookie)
{
    struct unpack *u = cookie;
    if (u->step == step_gzip)
        (void)inflateEnd(&u->gzip);
    ZSTD_freeDStream(u->zstd); /* NULL is fine */
    if (u->raw != stdin)
        (void)fclose(u->raw);
    return 0;
}

static bool step_choose(struct unpack *u)
{
    static const unsigned char gzip_magic[] = {0x1f, 0x8b};
    static const unsigned char zstd_magic[MAGIC_LEN] = {0x28, 0xb5, 0x2f, 0xfd};
    if (u->len == MAGIC_LEN && memcmp(u->chunk, gzip_magic, sizeof(gzip_magic)) == 0) {
        u->step = step_gzip;
        return inflateInit2(&u->gzip, MAX_WBITS + 16) == Z_OK; /* 16: gzip's header */
    }
    if (u->len == MAGIC_LEN && memcmp(u->chunk, zstd_magic, sizeof(zstd_magic)) == 0) {
        u->step = step_zstd;
        u->zstd = ZSTD_createDStream();
        return u->zstd != NULL;
    }
    u->step = step_plain;
    return true;
}

struct unpack *unpack_open(FILE *raw)
{
    struct unpack *u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->raw = raw;
    long start = ftell(raw);
    u->len = fread(u->chunk, 1, MAGIC_LEN, raw);
    cookie_io_functions_t functions = {.read = cookie_read, .close = cookie_close};
    if (!ferror(raw) && step_choose(u)) {
        bool is_whole = u->step == step_plain && start >= 0 && fseek(raw, start, SEEK_SET) == 0;
        u->stream = is_whole ? raw : fopencookie(u, "r", functions);
    }
    if (!u->stream) {
        if (u->gzip.state)
            (void)inflateEnd(&u->gzip);
        ZSTD_freeDStream(u->zstd);
        free(u);
        return NULL;
    }
    return u;
}

void unpack_close(struct unpack *u)
{
    free(u);
}

FILE *unpack_stream(const struct unpack *u)
{
    return u->stream;
}

const char *unpack_problem(const struct unpack *u)
{
    return u->problem;
}
