/*
 * Names that clients gave to statements and portals, for all connections: a connection keeps
 * nothing for them. Bounded: the name used longest ago is forgotten first; its executions still
 * count, without their text.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_PREPARED_H
#define SEEPWATCH_ANALYZERS_SQL_PREPARED_H

#include "analyzers/sql/columns.h"
#include "analyzers/sql/lookups.h"

enum {
    PREPARED_MAX = 262144,
    PREPARED_TYPES_MAX = 64, /* parameters, or columns, whose types are kept */
};

/* What is known of a name. */
struct prepared_entry {
    uint64_t statement; /* hash of the shape; 0: unknown */
    uint64_t prepared;  /* of a portal: key of the statement that it is of; 0: unknown */
    bool is_running;    /* a portal that was executed since it was bound */
};

/* What else is known of a statement that has to do with customers. */
struct prepared_details {
    struct lookups lookups;      /* of its parameters */
    struct columns_kept columns; /* of its result */
    bool has_long_data;          /* a parameter came apart, before the others */
    uint8_t parameter_types[PREPARED_TYPES_MAX], column_types[PREPARED_TYPES_MAX];
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

/*
 * prepared_key gives the key of a statement's details: its name, hashed; never 0.
 * prepared_details_touch gives the details of that key and connection, made empty where they are
 * new, prepared_details_find NULL then; both NULL without memory.  Good until the next call.
 */
uint64_t prepared_key(const struct prepared *p, char kind, struct bytes name);
struct prepared_details *prepared_details_touch(struct prepared *p, uint64_t connection,
                                                uint64_t key);
struct prepared_details *prepared_details_find(struct prepared *p, uint64_t connection,
                                               uint64_t key);
void prepared_details_forget(struct prepared *p, uint64_t connection, uint64_t key);

uint64_t prepared_evictions(const struct prepared *p);

#endif
