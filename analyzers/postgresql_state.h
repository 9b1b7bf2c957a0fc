/*
 * What is remembered of a PostgreSQL connection, between its two sides.
 */
#ifndef SEEPWATCH_ANALYZERS_POSTGRESQL_STATE_H
#define SEEPWATCH_ANALYZERS_POSTGRESQL_STATE_H

#include "analyzers/postgresql_start.h"
#include "analyzers/prepared.h"

enum { POSTGRESQL_NAME_MAX = 64 }; /* NAMEDATALEN; a longer name is cut */

/* Marks of a request. */
enum {
    POSTGRESQL_COPY_OUT = 1,
    POSTGRESQL_LOGIN = 2,
    POSTGRESQL_EARLY = 4, /* failed before an Execute of its batch was seen */
    POSTGRESQL_COPY_IN = 8,
    POSTGRESQL_DONE = 16, /* all but the ReadyForQuery of its batch was seen */
};

struct postgresql_name {
    uint8_t len;
    char text[POSTGRESQL_NAME_MAX];
};

/* A batch is a Query, a FunctionCall, or what ends with a Sync; each is answered by one
 * ReadyForQuery. */
struct postgresql {
    struct postgresql_name user, database, software;
    uint64_t unnamed_statement; /* hash of its shape; 0: unknown */
    struct prepared_entry unnamed_portal;
    uint64_t batches_sent, batches_answered;
    uint64_t failed_batch; /* what is left of it is not executed */
    uint64_t early_batch;  /* has a request marked POSTGRESQL_EARLY */
    uint64_t cut_batch;    /* it may have more statements than were read */
    uint64_t apart_batch;  /* a command of the replication protocol: no statement */
    uint64_t rows_before;  /* of the request that was answered when bytes were lost last */
    uint64_t unkept;       /* statements asked behind those that the pairing has room for */
    unsigned asked;        /* requests for encryption without an answer */
    bool batch_open;       /* messages of the extended protocol, and no Sync yet */
    bool has_synced;       /* a Sync ended the last batch */
    bool client_started;
    bool is_replication; /* commands of the replication protocol are understood */
    bool is_unsure;      /* something was lost: the batches may not be told apart */
    bool is_whole;       /* of the server, all since the last end of a result was seen */
    bool is_suspended;   /* the last answer was a portion of a portal's rows */
};

/* postgresql_is_prepare tells of a command tag, or of a statement without its names, that it only
 * prepares, or forgets, a statement: no request, as Parse and Close are none. */
bool postgresql_is_prepare(struct bytes text);

/* postgresql_own says of a request that a reply made that the client asked for it after all. */
void postgresql_own(struct request *r);

/* postgresql_server_parse is the analyzer's parse of the server's side. */
struct step postgresql_server_parse(struct exchange *x, struct cursor *in);

#endif
