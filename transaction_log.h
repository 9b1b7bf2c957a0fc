/*
 * Logs of transactions as a source: the lines that `--transactions` and `--mirror` wrote, plain or
 * packed by gzip or zstd, of several files merged by the times at which their transactions ended.
 * Within a file the lines keep their order, in which they were counted when they were written.
 */
#ifndef SEEPWATCH_TRANSACTION_LOG_H
#define SEEPWATCH_TRANSACTION_LOG_H

#include "core/error.h"
#include "core/transaction_read.h"

enum { LOG_LINE_MAX = 4 << 20 /* bytes; a longer line is a bad one */ };

struct transaction_log;

/* What a line held.  Good until the next call. */
struct log_entry {
    enum read_kind kind; /* READ_TRANSACTION or READ_MIRROR */
    struct transaction transaction;
    uint64_t session; /* see sessions_count */
    int64_t end_ns;
};

struct log_counters {
    uint64_t transactions, mirror; /* lines of each kind */
    uint64_t others;               /* of other datasets, passed over */
    uint64_t bad;                  /* likewise */
    uint64_t bytes_read, bytes;    /* of the files as they lie on the disk; 0: unknown */
};

struct log_config {
    char *const *paths;
    size_t paths_count;
    /* A line is a bad one; it is counted and passed over. */
    void (*bad)(void *context, const char *path, uint64_t line, const char *problem);
    void *context;
};

/* transaction_log_is tells whether a file begins as a log does, after it was unpacked; or standard
 * input ("-"), which has to be plain for that.  Of any other pipe it says no, and reads nothing; an
 * empty file is a log where its name says so. */
bool transaction_log_is(const char *path);

/* transaction_log_open opens all of them; false with an error that names the file. */
bool transaction_log_open(struct transaction_log **l, const struct log_config *config,
                          struct error *error);
void transaction_log_close(struct transaction_log *l);

/* transaction_log_peek gives the next entry, NULL where there is none. */
struct log_entry *transaction_log_peek(struct transaction_log *l);
/* transaction_log_pass moves on to the one behind it. */
void transaction_log_pass(struct transaction_log *l);

/* transaction_log_failure tells, at the end, of a file that could not be read to its end. */
bool transaction_log_failure(const struct transaction_log *l, struct error *error);

struct log_counters transaction_log_counters(const struct transaction_log *l);

#endif
