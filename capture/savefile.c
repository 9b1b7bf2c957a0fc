/*
 * The buffer holds a piece of the file; where a frame is cut by the piece's end, what is there of
 * it moves to the front, and the next piece goes behind it.
 */
#include "capture/savefile.h"

#include "core/clock.h"
#include "core/cursor.h"

#include <stdlib.h>
#include <sys/stat.h>

enum {
    HEADER_LEN = 24,
    PIECE_LEN = 256 * 1024, /* bytes; several of the stream's own buffer, which is passed by then */
    FRAME_MAX = 256 * 1024, /* bytes, with its header */
};

static const uint32_t magic_us = 0xa1b2c3d4, magic_ns = 0xa1b23c4d;

struct savefile {
    FILE *stream;
    size_t snap_len;
    int64_t tick_ns;  /* of the second half of a time stamp */
    size_t piece_len; /* of the next one */
    struct cursor rest;
    uint8_t buffer[FRAME_MAX + PIECE_LEN];
};

/* Reads the header anew; 0 where it is not the usual one. */
static int64_t tick_of(FILE *stream)
{
    uint8_t header[HEADER_LEN] = {0};
    if (fseek(stream, 0, SEEK_SET) != 0 ||
        fread(header, 1, sizeof(header), stream) != sizeof(header))
        return 0;
    struct cursor in = cursor_over((struct bytes){header, sizeof(header)});
    uint32_t magic = cursor_le32(&in);
    if (cursor_le16(&in) != 2 || cursor_le16(&in) != 4)
        return 0;
    return magic == magic_ns ? 1 : (magic == magic_us ? 1000 : 0);
}

struct savefile *savefile_open(FILE *stream, size_t snap_len)
{
    struct stat status;
    long at = ftell(stream);
    if (at != HEADER_LEN || fstat(fileno(stream), &status) != 0 || !S_ISREG(status.st_mode))
        return NULL;
    int64_t tick_ns = tick_of(stream);
    struct savefile *f = tick_ns > 0 ? malloc(sizeof(*f)) : NULL;
    if (!f) {
        (void)fseek(stream, at, SEEK_SET);
        return NULL;
    }
    f->stream = stream;
    f->snap_len = snap_len < FRAME_MAX / 2 ? snap_len : FRAME_MAX / 2;
    f->tick_ns = tick_ns;
    f->piece_len = PIECE_LEN - HEADER_LEN; /* the buffer that the header came with ends there too */
    f->rest = cursor_over((struct bytes){f->buffer, 0});
    return f;
}

/* The next piece behind the rest of the last one; false at the file's end. */
static bool refill(struct savefile *f)
{
    struct bytes rest = cursor_rest(&f->rest);
    memmove(f->buffer, rest.data, rest.len);
    size_t len = fread(f->buffer + rest.len, 1, f->piece_len, f->stream);
    f->piece_len = PIECE_LEN;
    f->rest = cursor_over((struct bytes){f->buffer, rest.len + len});
    return len > 0;
}

/* What is left is another's. */
static bool stop(struct savefile *f)
{
    long left = (long)cursor_left(&f->rest);
    (void)fseek(f->stream, ftell(f->stream) - left, SEEK_SET);
    f->rest = cursor_over((struct bytes){f->buffer, 0});
    return false;
}

bool savefile_next(struct savefile *f, struct savefile_frame *frame)
{
    do {
        struct cursor in = f->rest;
        int32_t seconds = (int32_t)cursor_le32(&in), ticks = (int32_t)cursor_le32(&in);
        uint32_t len = cursor_le32(&in);
        frame->wire_len = cursor_le32(&in);
        if (!cursor_is_short(&in) && len > f->snap_len)
            return stop(f);
        frame->data = cursor_take(&in, len);
        if (cursor_is_short(&in))
            continue;
        frame->ns = seconds * CLOCK_SECOND_NS + ticks * f->tick_ns;
        f->rest = in;
        return true;
    } while (refill(f));
    return stop(f);
}

void savefile_close(struct savefile *f)
{
    free(f);
}
