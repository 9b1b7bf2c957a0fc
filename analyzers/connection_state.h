/*
 * What connection.c and decision.c share: all connections of a worker, and one of them.
 */
#ifndef SEEPWATCH_ANALYZERS_CONNECTION_STATE_H
#define SEEPWATCH_ANALYZERS_CONNECTION_STATE_H

#include "analyzers/connection.h"
#include "analyzers/feed.h"
#include "analyzers/registry.h"

struct analysis {
    const struct settings *settings;
    struct analysis_events events;
    void *context;
    struct budget budget;
    struct pairing_owner pairing;
    struct feed_owner feed;
    struct statements *statements;
    struct prepared *prepared;
    struct http_world *http;
    struct subject_world *subjects; /* NULL: customers are not looked for */
    struct analysis_counters counters;
    struct protocol_counters protocols[ANALYZERS_COUNT];
    uint64_t connections;
};

struct connection {
    struct analysis *owner;
    void *user;
    struct connection_facts facts;
    struct connection_end peer; /* the client, as the facts or a proxy's header tell */
    bool is_proxied;            /* a proxy of the operator's told the peer */
    bool has_proxy_header;
    enum connection_kind kind;
    const struct analyzer *analyzer;
    struct protocol_counters *protocol;
    struct exchange x;
    struct feed feed[2]; /* by enum side */
    bool is_flipped;     /* direction 0 is the server's */
    bool is_counted;     /* among the protocol's connections */
    bool was_server_first;
    bool has_told;        /* a transaction at least */
    bool has_account;     /* it was looked for in the settings */
    struct bytes account; /* the settings'; empty: none */
    unsigned late_starts;
    uint64_t bytes[2]; /* all that was seen, by enum side */
    uint64_t rest[2];  /* bytes after the switch to what is not decoded, by enum side */
    uint64_t rest_lost;
    int64_t rest_start_ns, last_ns;
};

/* connection_take gives a decided connection's feed the next bytes of a side, behind those that are
 * kept. */
void connection_take(struct connection *c, enum side side, struct bytes data, int64_t ns);
/* connection_forget_kept drops the bytes that are kept. */
void connection_forget_kept(struct connection *c);

#endif
