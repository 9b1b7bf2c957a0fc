/*
 * A connection: finds its analyzer, feeds it both sides in order, survives gaps, and hands
 * transactions on. It knows directions, not packets: direction 0 is the end that is taken for the
 * client until the bytes say otherwise.
 */
#ifndef SEEPWATCH_ANALYZERS_CONNECTION_H
#define SEEPWATCH_ANALYZERS_CONNECTION_H

#include "analyzers/settings.h"
#include "core/budget.h"
#include "core/transaction.h"

struct analysis;
struct analyzer;
struct connection;

/* What the capture knows of a connection; side by the roles that are taken now. */
struct connection_facts {
    struct address ip[2]; /* by enum side */
    uint16_t port[2];
    bool is_midstream; /* its beginning was not captured */
    bool roles_sure;   /* direction 0 was seen to open the connection */
};

/* An end of a connection. */
struct connection_end {
    struct address ip;
    uint16_t port;
};

enum connection_kind {
    CONNECTION_UNDECIDED, /* too little seen */
    CONNECTION_UNKNOWN,   /* no analyzer's: what it is, others may tell */
    CONNECTION_DECODED,
    CONNECTION_ENCRYPTED, /* decoded up to a switch to encryption, now only counted */
    CONNECTION_OPAQUE,    /* decoded up to a switch to something else, now only counted */
};

/* Counters of one protocol: the members of the summary's `protocols`. */
struct protocol_counters {
    uint64_t connections, requests, responses, returned_rows, affected_rows, failures;
    uint64_t client_bytes, server_bytes, lost_bytes;
    uint64_t encrypted; /* connections that switched to encryption */
};

struct analysis_counters {
    uint64_t gaps, lost_bytes, resyncs, given_up; /* of streams */
    uint64_t pairing_overflows;                   /* requests pushed out of their pairing */
    uint64_t unread;                              /* messages not understood and passed over */
    uint64_t disagreed; /* results of which the server told another number of rows than passed */
    uint64_t denied;    /* messages given up for want of memory */
    uint64_t packed_broken;  /* packed runs that do not unpack to what was told */
    uint64_t packed_refused; /* packed runs that would become too much */
    uint64_t bodies_broken;  /* HTTP bodies that do not unpack */
    uint64_t bodies_refused; /* HTTP bodies that would become too much */
    uint64_t bodies_denied;  /* HTTP bodies not read for want of memory */
    uint64_t statements_evicted, prepared_evicted;
    uint64_t http_accounts_evicted;
    uint64_t identifiers;        /* of customers, that passed */
    uint64_t subjects_scanned;   /* bytes in which they were recognised */
    uint64_t subjects_unscanned; /* bytes of bodies where they were not: the rate, or no memory */
    uint64_t subjects_denied;    /* identifiers not counted for want of memory */
    uint64_t templates_merged;   /* requests whose URL template was one too many */
    uint64_t tables_lost;        /* HPACK tables that began anew without what was in them */
    uint64_t tables_denied;      /* blocks of fields not read, for want of memory or of a bound */
    uint64_t proxies_unknown;    /* connections with a PROXY header of somebody who is no proxy */
};

struct analysis_events {
    /* A transaction is done.  tx and what it views are good during the call; the receiver may fill
     * in more. */
    void (*transaction)(void *context, void *owner, struct transaction *tx);
    /* A long reply passes, and its transaction comes when it has: amounts are those so far.  NULL:
     * nobody looks. */
    void (*passing)(void *context, void *owner, struct transaction *tx);
};

/* analysis_open returns NULL without memory.  One per worker. */
struct analysis *analysis_open(const struct settings *settings,
                               const struct analysis_events *events, void *context);
void analysis_close(struct analysis *a);
struct analysis_counters analysis_counters(const struct analysis *a);
/* analysis_protocol gives the counters of the n-th analyzer of the registry. */
const struct protocol_counters *analysis_protocol(const struct analysis *a, size_t n);
const struct budget *analysis_budget(const struct analysis *a);
/* analysis_subjects_budget is that of open requests' customers; NULL where they are not looked for.
 */
const struct budget *analysis_subjects_budget(const struct analysis *a);

/* connection_open returns NULL without memory.  owner is handed back with each transaction. */
struct connection *connection_open(struct analysis *a, const struct connection_facts *facts,
                                   void *owner);
/* connection_data takes the next bytes of a direction. */
void connection_data(struct connection *c, unsigned direction, struct bytes data, int64_t ns);
/* connection_gap says that so many bytes of a direction are lost. */
void connection_gap(struct connection *c, unsigned direction, uint64_t lost, int64_t ns);
/* connection_end says that a direction sent its last byte. */
void connection_end(struct connection *c, unsigned direction, int64_t ns);
/* connection_hint names the protocol that somebody else took it for; false where there is no such
 * analyzer. */
bool connection_hint(struct connection *c, struct bytes protocol);
/* connection_close hands on what is open and frees everything. */
void connection_close(struct connection *c);

enum connection_kind connection_kind(const struct connection *c);
/* connection_facts gives the ends as they are taken now (the roles may have been exchanged). */
const struct connection_facts *connection_facts(const struct connection *c);
/* connection_has_parsed tells whether a message of its analyzer was found. */
bool connection_has_parsed(const struct connection *c);
/* connection_analyzer gives the analyzer, NULL where there is none. */
const struct analyzer *connection_analyzer(const struct connection *c);

/* connection_bytes gives all bytes of a side that were seen. */
uint64_t connection_bytes(const struct connection *c, enum side side);

#endif
