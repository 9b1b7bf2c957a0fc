/*
 * What lasts over a restart, in one file.
 *
 * A state has parts, each with a name, a head (a few values that belong to all of it) and rows by
 * number.  All of it is written as snapshots: what has changed goes, piece by piece and behind the
 * back of the thread that watches, into one transaction of the database (profile/database.h), which
 * is committed at the end or leaves no trace.  So a kill at any moment loses at most what came
 * after the last snapshot, and never leaves half of one.
 *
 * Head and rows are blocks with a version and a checksum (core/pack.h).  A file that is damaged, or
 * of a newer program, is set aside: renamed, with the time, and told; what is sound in a damaged
 * one is read first and goes on.  A part that no snapshot mentions any more stays for
 * STATE_FORGET_NS, since a rule file may come back.
 *
 * A state belongs to one thread, but for the writing itself, which has one of its own.
 */
#ifndef SEEPWATCH_PROFILE_STATE_H
#define SEEPWATCH_PROFILE_STATE_H

#include "core/error.h"
#include "core/hash.h"
#include "core/pack.h"

enum {
    STATE_FORMAT = 1, /* of the file; goes up when an older program cannot read it */
    STATE_PARTS_MAX = 4096,
    STATE_NAME_MAX = 96,      /* bytes of a part's name */
    STATE_ROW_MAX = 16 << 20, /* bytes of a row or head that are read */
};

#define STATE_FORGET_NS (30 * 86400 * INT64_C(1000000000))

struct state;

struct state_config {
    const char *path;
    int64_t now_ns;     /* of the system's clock: the names of files that are set aside */
    size_t waiting_max; /* bytes that wait to be written; a snapshot goes on when there are fewer */
    uint64_t
        ledger_bytes_max;  /* of the file: beyond that the ledger's oldest rows go; 0: no limit */
    int64_t ledger_age_ns; /* what is older than that goes */
    /* Something that a person has to know, from the thread that the state belongs to. */
    void (*tell)(void *context, const char *text);
    void *context;
};

struct state_counters {
    uint64_t snapshots;   /* written */
    uint64_t failures;    /* that could not be written; the next one has it all */
    uint64_t rows;        /* written */
    uint64_t damaged;     /* heads and rows that could not be read */
    uint64_t set_aside;   /* files */
    uint64_t skipped;     /* rows left to the next snapshot, because too many waited */
    uint64_t ledger_rows; /* written */
    uint64_t ledger_pruned;
};

/* state_open opens the file, or begins a new one.  False where there can be none: no permission, no
 * memory, a database of somebody else's.  `tell` may be called. */
bool state_open(struct state **s, const struct state_config *config, struct error *error);

/* state_close gives up; a snapshot that was not committed is lost. */
void state_close(struct state *s);

/* state_key gives the key of hashes that are in the state: random, and the same after a restart. */
struct hash_key state_key(const struct state *s);

/* What was counted when the last snapshot was taken: all transactions up to time_ns, and of those
 * at that time the first `count`.  time_ns is 0 where there is none. */
struct state_moment {
    int64_t time_ns;
    uint64_t count;
};
struct state_moment state_moment(const struct state *s);

/* Reading, before the first snapshot. */

/* state_head gives what a part's head has and its version; false where there is no such part, or a
 * damaged one.  Good until the next call. */
bool state_head(struct state *s, const char *name, uint8_t *version, struct cursor *head);

/* state_seen_ns gives the moment of the last snapshot that had the part; 0 where there is none. */
int64_t state_seen_ns(const struct state *s, const char *name);

/*
 * state_rows reads the rows of a part, the oldest first; `take` returns false where one cannot be.
 * Those are counted as damaged, as are those whose checksum is wrong.
 */
void state_rows(struct state *s, const char *name,
                bool (*take)(void *context, uint8_t version, struct cursor *row), void *context);

/* state_settle ends the reading: a file in which something was damaged is set aside, and a new one
 * begun.  False as state_open. */
bool state_settle(struct state *s, struct error *error);

/* Writing: begin, then parts with their rows, then commit. */

/* state_begin begins a snapshot; false, and nothing is to be written, while the last one is still
 * being written.  *is_whole: the file has nothing that could be built on. */
bool state_begin(struct state *s, const struct state_moment *moment, bool *is_whole);

/* state_part gives the number of a part, whose rows may come then, and where its head is to be
 * written, up to state_part_end.  NULL where there are too many parts. */
struct pack *state_part(struct state *s, const char *name, uint8_t version, uint32_t *part);
void state_part_end(struct state *s);

/* state_row returns where a row is to be written, up to state_row_end; NULL where too many wait,
 * which is counted. */
struct pack *state_row(struct state *s, uint32_t part, uint32_t number, uint8_t version,
                       int64_t time_ns);
void state_row_end(struct state *s);
/* state_drop removes a row, if there is one; state_clear_part all of a part. */
void state_drop(struct state *s, uint32_t part, uint32_t number);
void state_clear_part(struct state *s, uint32_t part);

/* state_ledger_row returns where a row of the ledger (profile/ledger.h) is to be written, up to
 * state_row_end. */
struct pack *state_ledger_row(struct state *s);

/* state_has_room tells whether more may be written now without too many waiting. */
bool state_has_room(const struct state *s);
/* state_wait_for_room waits until it does. */
void state_wait_for_room(struct state *s);

/* state_commit ends a snapshot: it is in the file once state_is_idle says so.  state_abandon leaves
 * the file as it was; the next snapshot has to be whole. */
void state_commit(struct state *s);
void state_abandon(struct state *s);

/* state_is_idle tells whether nothing is being written, and tells what went wrong, if anything did
 * and was not told. */
bool state_is_idle(struct state *s);
/* state_wait waits until the last snapshot is written; false where it could not be. */
bool state_wait(struct state *s, struct error *error);

struct state_counters state_counters(const struct state *s);

#endif
