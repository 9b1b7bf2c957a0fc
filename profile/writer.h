/*
 * The thread that writes a state's snapshots (profile/state.h).  What is to be written goes to it
 * piece by piece through memory; nobody waits for the disk but at the end.  Where a snapshot cannot
 * be written the file stays as it was; where the file turns out to be damaged it is set aside and a
 * new one begun.
 */
#ifndef SEEPWATCH_PROFILE_WRITER_H
#define SEEPWATCH_PROFILE_WRITER_H

#include "core/pack.h"
#include "profile/ledger_store.h"
#include "profile/store.h"

struct writer_config {
    const char *path;
    int64_t now_ns;     /* of the system's clock, for names of files that are set aside */
    size_t waiting_max; /* bytes; see writer_has_room */
    struct ledger_limits ledger;
};

struct writer;

/* writer_open takes the store over; false without memory, and then the store is
 * closed. */
bool writer_open(struct writer **w, struct store *store, const struct writer_config *config);
/* writer_close ends what was committed, and the thread. */
void writer_close(struct writer *w);

/* A snapshot goes from begin to commit, or abandon.  The thread begins with the first one, so that
 * a program can confine itself before.  False without memory or a thread, and then there is none.
 */
bool writer_begin(struct writer *w, int64_t time_ns);
void writer_commit(struct writer *w);
void writer_abandon(struct writer *w);

/* A part's head: a block that is written into what this returns, up to writer_end. */
struct pack *writer_part(struct writer *w, uint32_t part, struct bytes name, int64_t seen_ns,
                         uint8_t version);
/* A row likewise; NULL where too many wait. */
struct pack *writer_row(struct writer *w, uint32_t part, uint32_t number, int64_t time_ns,
                        uint8_t version);
/* A row of the ledger (profile/ledger_store.h) likewise. */
struct pack *writer_ledger_row(struct writer *w);
void writer_end(struct writer *w);

void writer_drop_part(struct writer *w, uint32_t part);
void writer_drop_row(struct writer *w, uint32_t part, uint32_t number);
void writer_clear_part(struct writer *w, uint32_t part);

/* writer_has_room tells whether fewer than waiting_max bytes wait; beyond WRITER_WAITING_TIMES as
 * many rows are refused. */
enum { WRITER_WAITING_TIMES = 4 };
bool writer_has_room(const struct writer *w);
void writer_wait_for_room(struct writer *w);

/* What became of the snapshots until now. */
struct writer_outcome {
    uint64_t written, failed, rows, set_aside;
    struct ledger_written ledger;
    bool is_idle;
    char why[STORE_WHY_MAX];      /* of the last failure */
    char renamed[STORE_PATH_MAX]; /* the file that was set aside last */
};
void writer_outcome(struct writer *w, struct writer_outcome *o);
/* writer_wait waits until nothing is left to be written. */
void writer_wait(struct writer *w);

#endif
