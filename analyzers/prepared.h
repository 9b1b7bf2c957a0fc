/*
 * Names that clients gave to statements and portals, for all connections: a connection keeps
 * nothing for them. Bounded: the name used longest ago is forgotten first; its executions still
 * count, without their text.
 */
#ifndef SEEPWATCH_ANALYZERS_PREPARED_H
#define SEEPWATCH_ANALYZERS_PREPARED_H

#include "core/bytes.h"

enum { PREPARED_MAX = 262144 };

/* What is known of a name. */
struct prepared_entry {
    uint64_t statement; /* hash of the shape; 0: unknown */
    bool is_running;    /* a portal that was executed since it was bound */
};

struct prepared;

/* prepared_open returns NULL without memory.  bytes_max: for all of it; 0: what so many take. */
struct prepared *prepared_open(size_t names_max, size_t bytes_max);
void prepared_close(struct prepared *p);

/* prepared_touch gives the entry of that name, kind ('S' statement, 'P' portal, 'C' cursor) and
   connection, made where it is new; NULL without memory.  Good until the next call. */
struct prepared_entry *prepared_touch(struct prepared *p, uint64_t connection, char kind,
                                      struct bytes name);

/* prepared_find is prepared_touch without making; NULL where the name is unknown. */
struct prepared_entry *prepared_find(struct prepared *p, uint64_t connection, char kind,
                                     struct bytes name);

void prepared_forget(struct prepared *p, uint64_t connection, char kind, struct bytes name);

uint64_t prepared_evictions(const struct prepared *p);

#endif
