/*
 * The servers that the flows lead to, and what was counted of each since it was told last.  A flow
 * holds its server, so that counting is one increment through a pointer.  Bounded: a new server
 * takes the place of the one that has been without flows the longest; where all have some, and for
 * what was counted of those that went, there is one without an address, which only the whole mirror
 * tells.
 */
#ifndef SEEPWATCH_CAPTURE_SERVERS_H
#define SEEPWATCH_CAPTURE_SERVERS_H

#include "core/mirror.h"

enum { SERVERS_MAX = 4096 };

struct server {
    struct mirror_counters counters; /* since they were told last */
    int64_t last_ns;                 /* packet time of the newest packet, likewise; 0: none */
    const char *protocol;            /* as long as the receiver lives; NULL: unknown */
    uint64_t flows;                  /* that hold it */
    struct server *idle_older, *idle_newer; /* those that nobody holds, in the order of their use */
};

struct servers;

/* servers_open returns NULL without memory. */
struct servers *servers_open(size_t servers_max);
void servers_close(struct servers *s);

/* servers_find gives the server, made where it is missing.  Where nobody holds it, it is good until
 * the next call. */
struct server *servers_find(struct servers *s, const struct address *ip, uint16_t port);
void servers_hold(struct servers *s, struct server *server);
void servers_release(struct servers *s, struct server *server);

/* servers_tell gives each server that anything was counted of, as a part with that beginning, and
 * counts it from zero; what `take` has no room for (false) stays for the next time. */
void servers_tell(struct servers *s, int64_t start_ns,
                  bool (*take)(void *context, const struct mirror_part *part), void *context);

/* servers_total adds up all that was ever counted. */
struct mirror_counters servers_total(const struct servers *s);

/* servers_forgotten counts the servers that went or found no place. */
uint64_t servers_forgotten(const struct servers *s);

#endif
