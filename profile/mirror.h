/*
 * The health of the mirror: what the workers counted in an interval (core/mirror.h) becomes a
 * record of the whole mirror and one of each server, and is held against what was before: who fell
 * silent, who turned from clear text to encryption.
 *
 * An interval is settled when every worker is one more beyond it; what comes after that is counted
 * and left out.  A record is a transaction of these fields alone: @timestamp and event.duration
 * (the interval), mirror.*, and of a server server.ip, server.port and network.protocol.
 */
#ifndef SEEPWATCH_PROFILE_MIRROR_H
#define SEEPWATCH_PROFILE_MIRROR_H

#include "core/json.h"
#include "core/mirror.h"
#include "profile/state.h"

enum {
    MIRROR_SERVERS_MAX = 16384, /* remembered; the one heard of longest ago goes first */
    MIRROR_OPEN_MAX = 4,        /* intervals of a server that are not settled yet */
    MIRROR_KNOWN_MIN = 10,      /* intervals with data after which a server is known */
    MIRROR_TURNING_MAX = 60,    /* intervals that a change of all clients to encryption may take */
    MIRROR_SHOWN_MAX = 32,      /* servers in the totals */
};

/* How long a silence is told. */
#define MIRROR_SILENCE_MAX_NS (86400 * INT64_C(1000000000))

struct mirror_config {
    size_t servers_max;  /* 0: MIRROR_SERVERS_MAX */
    size_t bytes_max;    /* for them; 0: what servers_max takes */
    int64_t interval_ns; /* that the parts have */
    /* A record is made; good during the call. */
    void (*record)(void *context, struct transaction *record);
    void *context;
};

struct mirror;

/* mirror_open returns NULL without memory. */
struct mirror *mirror_open(const struct mirror_config *config);
void mirror_close(struct mirror *m);

/* mirror_count adds a worker's part of an interval. */
void mirror_count(struct mirror *m, const struct mirror_part *part);

/* mirror_tick settles what every worker has passed. */
void mirror_tick(struct mirror *m, int64_t now_ns);

/* mirror_finish settles all intervals, the last one as far as it went: nobody is silent in it. */
void mirror_finish(struct mirror *m);

/*
 * What lasts of it in a state: how long each server was ever silent, and how it speaks.  The time
 * between a snapshot and the first packet after it is nobody's silence.  mirror_restore comes
 * before the first part; mirror_save_begin, step and abandon are as engine_save_begin
 * (rules/save.h).
 */
void mirror_restore(struct mirror *m, struct state *s);
void mirror_save_begin(struct mirror *m, struct state *s, bool is_whole);
bool mirror_save_step(struct mirror *m, size_t servers_max);
void mirror_save_abandon(struct mirror *m);

/* What was counted of a server since it is remembered. */
struct mirror_total {
    struct address ip;
    uint16_t port;
    const char *protocol; /* NULL: unknown */
    struct mirror_counters counters;
};

struct mirror_totals {
    struct mirror_counters whole;
    int64_t clock_jump_ns;                       /* the widest */
    struct mirror_total shown[MIRROR_SHOWN_MAX]; /* of the most bytes, the largest first */
    size_t shown_count;
    uint64_t servers;           /* that are remembered */
    uint64_t servers_forgotten; /* because there were too many */
    uint64_t late;              /* parts left out */
};

void mirror_totals(const struct mirror *m, struct mirror_totals *totals);

#endif
