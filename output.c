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

/* *is_new: there was nothing of that name, not even a symbolic link. */
static int open_path(const char *path, bool is_appending, bool *is_new)
{
    /* always behind what is there: two outputs may be one file */
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND;
    *is_new = false;
    if (strcmp(path, "-") == 0)
        return dup(STDOUT_FILENO);
    int fd = open(path, flags | O_EXCL, 0640);
    *is_new = fd >= 0;
    if (fd >= 0 || errno != EEXIST)
        return fd;
    return open(path, flags | (is_appending ? 0 : O_TRUNC), 0640);
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
    o->fd = open_path(path, is_appending, &o->is_new);
    if (o->fd >= 0)
        return true;
    (void)error_set(error, ERROR_WORK, "%s: cannot be written: %s", path, strerror(errno));
    free(o->buffer);
    *o = (struct output){.path = path, .fd = -1};
    return false;
}

bool output_is_on(const struct output *o)
{
    return o->fd >= 0;
}

/* Writes what can be written, and returns how much that is. */
static size_t write_bytes(struct output *o, struct bytes b)
{
    size_t len = b.len;
    while (b.len > 0) {
        ssize_t written = write(o->fd, b.data, b.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            /* a reader of standard output that has seen enough is no trouble */
            bool is_done = errno == EPIPE && strcmp(o->path, "-") == 0;
            o->failed = o->failed || is_done ? o->failed : errno;
            break;
        }
        b = bytes_from(b, (size_t)written);
    }
    return len - b.len;
}

/* Lines that cannot be written are counted, and the next ones are tried again; not behind the half
 * of one, which is ended first. */
static void write_lines(struct output *o, struct bytes lines)
{
    size_t written = 0;
    if (!o->is_cut || write_bytes(o, bytes_of("\n")) == 1) {
        o->is_cut = false;
        written = write_bytes(o, lines);
    }
    struct bytes lost = bytes_from(lines, written);
    if (written > 0 && lost.len > 0)
        o->is_cut = lines.data[written - 1] != '\n';
    while (lost.len > 0) {
        o->lines_lost++;
        lost = bytes_from(lost, bytes_index(lost, '\n') + 1);
    }
}

void output_flush(struct output *o)
{
    if (o->fd < 0 || o->len == 0)
        return;
    write_lines(o, (struct bytes){(const uint8_t *)o->buffer, o->len});
    o->len = 0;
}

void output_line(struct output *o, struct bytes line)
{
    if (o->fd < 0)
        return;
    if (line.len > o->size - o->len)
        output_flush(o);
    if (line.len > o->size) {
        write_lines(o, line);
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
    bool is_new;
    int fd = open_path(o->path, true, &is_new);
    if (fd < 0)
        return error_set(error, ERROR_WORK, "%s: cannot be opened again: %s", o->path,
                         strerror(errno));
    (void)close(o->fd);
    o->fd = fd;
    o->is_new = is_new;
    o->is_cut = false;
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
    unsigned long long lines_lost = o->lines_lost;
    *o = (struct output){.fd = -1};
    if (failed)
        return error_set(error, ERROR_WORK, "%s: %llu lines were lost: %s", path, lines_lost,
                         strerror(failed));
    return true;
}
