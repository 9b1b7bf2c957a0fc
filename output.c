/*
 * Lines wait for company until a flush: the pipeline flushes after each batch of packets, and
 * alerts at once.
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BUFFER_SIZE = 65536 };

static int open_path(const char *path, bool is_appending)
{
    if (strcmp(path, "-") == 0)
        return dup(STDOUT_FILENO);
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (is_appending ? O_APPEND : O_TRUNC), 0640);
}

bool output_open(struct output *o, const char *path, bool is_appending, struct error *error)
{
    *o = (struct output){.path = path, .fd = -1};
    if (!path)
        return true;
    o->buffer = malloc(BUFFER_SIZE);
    o->size = BUFFER_SIZE;
    if (!o->buffer)
        return error_set(error, ERROR_WORK, "%s: no memory", path);
    o->fd = open_path(path, is_appending);
    if (o->fd < 0)
        return error_set(error, ERROR_WORK, "%s: cannot be written: %s", path, strerror(errno));
    return true;
}

bool output_is_on(const struct output *o)
{
    return o->fd >= 0;
}

/* Writes all of it; a line that cannot be written is counted, and the next one is tried again. */
static void write_all(struct output *o, struct bytes lines)
{
    while (lines.len > 0) {
        ssize_t written = write(o->fd, lines.data, lines.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            /* a reader of standard output that has seen enough is no trouble */
            bool is_done = errno == EPIPE && strcmp(o->path, "-") == 0;
            o->failed = o->failed || is_done ? o->failed : errno;
            o->lines_lost++;
            return;
        }
        lines = bytes_from(lines, (size_t)written);
    }
}

void output_flush(struct output *o)
{
    if (o->fd < 0 || o->len == 0)
        return;
    write_all(o, (struct bytes){(const uint8_t *)o->buffer, o->len});
    o->len = 0;
}

void output_line(struct output *o, struct bytes line)
{
    if (o->fd < 0)
        return;
    if (line.len > o->size - o->len)
        output_flush(o);
    if (line.len > o->size) {
        write_all(o, line);
        return;
    }
    memcpy(o->buffer + o->len, line.data, line.len);
    o->len += line.len;
}

bool output_reopen(struct output *o, struct error *error)
{
    if (o->fd < 0 || strcmp(o->path, "-") == 0)
        return true;
    output_flush(o);
    int fd = open_path(o->path, true);
    if (fd < 0)
        return error_set(error, ERROR_WORK, "%s: cannot be opened again: %s", o->path,
                         strerror(errno));
    (void)close(o->fd);
    o->fd = fd;
    return true;
}

bool output_close(struct output *o, struct error *error)
{
    output_flush(o);
    int failed = o->failed;
    if (o->fd >= 0 && close(o->fd) != 0 && !failed)
        failed = errno;
    free(o->buffer);
    const char *path = o->path;
    *o = (struct output){.fd = -1};
    if (failed)
        return error_set(error, ERROR_WORK, "%s: lines were lost: %s", path, strerror(failed));
    return true;
}
