/*
 * What is remembered of a PostgreSQL connection, between its two sides.
 */
#ifndef SEEPWATCH_ANALYZERS_POSTGRESQL_STATE_H
#define SEEPWATCH_ANALYZERS_POSTGRESQL_STATE_H

#include "analyzers/postgresql_start.h"
#include "analyzers/prepared.h"

enum { POSTGRESQL_NAME_MAX = 64 }; /* NAMEDATALEN; a longer name is cut */

/* Marks of a request. */
enum { POSTGRESQL_COPY_OUT = 1, POSTGRESQL_LOGIN = 2 };

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
    unsigned asked;        /* requests for encryption without an answer */
    bool batch_open;       /* messages of the extended protocol, and no Sync yet */
    bool client_started;
    bool is_unsure; /* something was lost: the batches may not be told apart */
};

/* postgresql_server_parse is the analyzer's parse of the server's side. */
struct step postgresql_server_parse(struct exchange *x, struct cursor *in);

#endif
