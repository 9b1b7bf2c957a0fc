/*
 * A file is read in large pieces; what is left of a piece behind its last line moves to the front
 * of the next.  A heap holds the files' next entries by time.
 */
#include "transaction_log.h"

#include "capture/unpack.h"
#include "core/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 512 << 10 };

struct log_file {
    struct transaction_log *log;
    const char *path;
    struct transaction_reader *reader;
    struct unpack *unpack;
    FILE *stream; /* of unpack */
    int fd;       /* that the stream reads in the end */
    uint64_t bytes;
    uint8_t *buffer;
    size_t size, at, len; /* of the buffer; what is not read yet is from at to len */
    size_t scanned;       /* of that: has no line feed */
    bool is_at_end, is_in_long_line;
    uint64_t line;
    struct log_entry entry;
    int failed; /* errno; 0: none */
};

struct transaction_log {
    struct log_config config;
    struct log_file *files;
    size_t files_count;
    struct log_file **heap; /* files that have an entry, the earliest first */
    size_t heap_count;
    bool is_started;
    struct log_counters counters;
};

static FILE *raw_open(const char *path)
{
    return strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
}

bool transaction_log_is(const char *path)
{
    int c = EOF;
    if (strcmp(path, "-") == 0) {
        c = getc(stdin);
        return c != EOF && ungetc(c, stdin) == '{';
    }
    struct stat info;
    bool is_file = stat(path, &info) == 0 && S_ISREG(info.st_mode); /* a pipe is read once */
    FILE *raw = is_file ? raw_open(path) : NULL;
    if (!raw)
        return false;
    struct unpack *u = unpack_open(raw);
    if (!u) {
        (void)fclose(raw);
        return false;
    }
    do
        c = getc(unpack_stream(u));
    while (c == '\n' || c == '\r' || c == ' ');
    (void)fclose(unpack_stream(u));
    unpack_close(u);
    return c == '{' || (c == EOF && strstr(path, ".jsonl")); /* of a quiet day */
}

static bool file_open(struct log_file *f, struct error *error)
{
    struct stat info;
    FILE *raw = raw_open(f->path);
    if (!raw)
        return error_set(error, ERROR_WORK, "%s: %s", f->path, strerror(errno));
    f->fd = fileno(raw);
    f->bytes = fstat(f->fd, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    f->unpack = unpack_open(raw);
    if (!f->unpack) {
        (void)error_set(error, ERROR_WORK, "%s: %s", f->path, strerror(errno));
        (void)fclose(raw);
        return false;
    }
    f->stream = unpack_stream(f->unpack);
    f->reader = transaction_reader_open();
    f->buffer = malloc(PIECE);
    f->size = PIECE;
    return (f->reader && f->buffer) || error_set(error, ERROR_WORK, "no memory");
}

bool transaction_log_open(struct transaction_log **log, const struct log_config *config,
                          struct error *error)
{
    struct transaction_log *l = calloc(1, sizeof(*l));
    *log = l;
    if (!l)
        return error_set(error, ERROR_WORK, "no memory");
    l->config = *config;
    l->files = calloc(config->paths_count + 1, sizeof(*l->files));
    l->heap = calloc(config->paths_count + 1, sizeof(struct log_file *));
    if (!l->files || !l->heap)
        return error_set(error, ERROR_WORK, "no memory");
    for (size_t i = 0; i < config->paths_count; i++) {
        struct log_file *f = &l->files[l->files_count++];
        *f = (struct log_file){.log = l, .path = config->paths[i], .fd = -1};
        if (!file_open(f, error))
            return false;
        l->counters.bytes += f->bytes;
    }
    return true;
}

void transaction_log_close(struct transaction_log *l)
{
    if (!l)
        return;
    for (size_t i = 0; l->files && i < l->files_count; i++) {
        struct log_file *f = &l->files[i];
        if (f->stream && f->stream != stdin)
            (void)fclose(f->stream);
        unpack_close(f->unpack);
        transaction_reader_close(f->reader);
        free(f->buffer);
    }
    free(l->files);
    free(l->heap);
    free(l);
}

/* Room behind what is left: it moves to the front, and a line that fills all of the buffer gets a
 * larger one; false where that is too long. */
static bool make_room(struct log_file *f)
{
    if (f->at > 0) {
        memmove(f->buffer, f->buffer + f->at, f->len - f->at);
        f->len -= f->at;
        f->at = 0;
    }
    if (f->len < f->size)
        return true;
    uint8_t *larger = f->size < LOG_LINE_MAX ? realloc(f->buffer, f->size * 2) : NULL;
    if (!larger)
        return false;
    f->buffer = larger;
    f->size *= 2;
    return true;
}

static void tell_bad(struct log_file *f, const char *problem)
{
    struct transaction_log *l = f->log;
    l->counters.bad++;
    if (l->config.bad)
        l->config.bad(l->config.context, f->path, f->line, problem);
}

/* More of the file behind what is left of it; at its end nothing. */
static void fill(struct log_file *f)
{
    if (!make_room(f)) {
        f->line += !f->is_in_long_line;
        if (!f->is_in_long_line)
            tell_bad(f, "longer than a line may be");
        f->is_in_long_line = true;
        f->len = f->scanned = 0;
    }
    errno = 0;
    size_t got = fread(f->buffer + f->len, 1, f->size - f->len, f->stream);
    f->len += got;
    f->is_at_end = got == 0;
    if (got == 0 && ferror(f->stream))
        f->failed = errno ? errno : EIO;
}

/* The next line without its line feed; false at the end. */
static bool next_line(struct log_file *f, uint8_t **line, size_t *len)
{
    for (;;) {
        size_t from = f->at + f->scanned;
        size_t end = from + bytes_index((struct bytes){f->buffer + from, f->len - from}, '\n');
        bool is_whole = end < f->len, is_tail = f->is_in_long_line;
        if (!is_whole && !f->is_at_end) {
            f->scanned = f->len - f->at;
            fill(f);
            continue;
        }
        if (f->at == f->len)
            return false;
        *line = f->buffer + f->at;
        *len = end - f->at;
        f->at = end + is_whole;
        f->scanned = 0;
        f->is_in_long_line = false;
        if (is_tail)
            continue;
        f->line++;
        return true;
    }
}

/* A database connection, or a stay, by the name of its session: the same one goes on, and keeps its
 * name. */
static void name_session(struct log_entry *e)
{
    struct transaction *t = &e->transaction;
    uint64_t number = 0;
    e->session = 0;
    if (!transaction_has(t, FIELD_SESSION_ID))
        return;
    if (!hash_parse(&number, t->session_id))
        number = hash_bytes(t->session_id, 0);
    t->session_hash = number;
    e->session = transaction_has(t, FIELD_DB_SYSTEM_NAME) ? number : 0;
}

static void finish_entry(struct log_entry *e)
{
    const struct transaction *t = &e->transaction;
    uint64_t duration = transaction_has(t, FIELD_EVENT_DURATION) ? t->duration_ns : 0;
    uint64_t left = (uint64_t)INT64_MAX - (t->start_ns > 0 ? (uint64_t)t->start_ns : 0);
    e->end_ns = t->start_ns + (int64_t)(duration < left ? duration : left);
    name_session(e);
}

static bool is_blank(const uint8_t *line, size_t len)
{
    return len == 0 || (len == 1 && line[0] == '\r');
}

/* Moves a file to its next entry; false at its end. */
static bool file_next(struct log_file *f)
{
    uint8_t *line;
    size_t len;
    struct log_counters *c = &f->log->counters;
    while (next_line(f, &line, &len)) {
        if (is_blank(line, len))
            continue;
        struct log_entry *e = &f->entry;
        e->kind = transaction_read(f->reader, line, len, &e->transaction);
        if (e->kind == READ_BAD)
            tell_bad(f, transaction_read_problem(f->reader));
        c->others += e->kind == READ_OTHER;
        if (e->kind != READ_TRANSACTION && e->kind != READ_MIRROR)
            continue;
        c->transactions += e->kind == READ_TRANSACTION;
        c->mirror += e->kind == READ_MIRROR;
        finish_entry(e);
        return true;
    }
    return false;
}

/* Equal times come in the order of the files. */
static bool is_earlier(const struct log_file *a, const struct log_file *b)
{
    return a->entry.end_ns < b->entry.end_ns || (a->entry.end_ns == b->entry.end_ns && a < b);
}

static void heap_sink(struct transaction_log *l, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < l->heap_count; child++) {
            if (is_earlier(l->heap[child], l->heap[least]))
                least = child;
        }
        if (least == at)
            return;
        struct log_file *up = l->heap[least];
        l->heap[least] = l->heap[at];
        l->heap[at] = up;
        at = least;
    }
}

static void start(struct transaction_log *l)
{
    l->is_started = true;
    for (size_t i = 0; i < l->files_count; i++) {
        if (file_next(&l->files[i]))
            l->heap[l->heap_count++] = &l->files[i];
    }
    for (size_t i = l->heap_count; i-- > 0;)
        heap_sink(l, i);
}

struct log_entry *transaction_log_peek(struct transaction_log *l)
{
    if (!l->is_started)
        start(l);
    return l->heap_count > 0 ? &l->heap[0]->entry : NULL;
}

void transaction_log_pass(struct transaction_log *l)
{
    if (l->heap_count == 0)
        return;
    if (!file_next(l->heap[0]))
        l->heap[0] = l->heap[--l->heap_count];
    heap_sink(l, 0);
}

bool transaction_log_failure(const struct transaction_log *l, struct error *error)
{
    for (size_t i = 0; i < l->files_count; i++) {
        const struct log_file *f = &l->files[i];
        const char *problem = unpack_problem(f->unpack);
        if (f->failed)
            return !error_set(error, ERROR_WORK, "%s: %s", f->path,
                              problem ? problem : strerror(f->failed));
    }
    return false;
}

struct log_counters transaction_log_counters(const struct transaction_log *l)
{
    struct log_counters c = l->counters;
    for (size_t i = 0; i < l->files_count; i++) {
        off_t place = l->files[i].bytes > 0 ? lseek(l->files[i].fd, 0, SEEK_CUR) : 0;
        c.bytes_read += place > 0 ? (uint64_t)place : 0;
    }
    return c;
}
