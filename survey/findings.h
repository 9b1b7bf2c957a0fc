/*
 * What a survey of a mirror port finds: servers, networks of clients, accounts, and how good the
 * mirror is.  Everything is bounded; of each kind, the least recently seen goes first, which is
 * counted.
 */
#ifndef SEEPWATCH_SURVEY_FINDINGS_H
#define SEEPWATCH_SURVEY_FINDINGS_H

#include "core/mirror.h"
#include "core/sketch.h"
#include "core/transaction.h"

enum {
    FINDINGS_SERVERS_MAX = 4096,
    FINDINGS_NETWORKS_MAX = 4096,
    FINDINGS_ACCOUNTS_MAX = 16384,
    FINDINGS_LIST_MAX = 64,        /* of a kind that are given */
    FINDINGS_NAME_MAX = 64,        /* bytes of an account's, a network's and a protocol's name */
    FINDINGS_BYTES_MAX = 64 << 20, /* of the sets that count different clients and accounts */
};

/* What was asked and given.  Where the mirror shows one side only, one of the two is missing. */
struct found_volume {
    uint64_t questions, answers; /* that were seen; logins are neither */
    uint64_t failures, returned_rows;
    uint64_t client_bytes, server_bytes; /* TCP payload of requests and of replies */
};

static inline uint64_t found_requests(const struct found_volume *v)
{
    return v->questions > v->answers ? v->questions : v->answers;
}

struct found_server {
    struct address ip;
    uint16_t port;
    char protocol[FINDINGS_NAME_MAX]; /* "": unknown */
    struct found_volume volume;
    uint64_t nameless;                        /* of the requests: no account is known */
    uint64_t forwarded;                       /* of the requests: a proxy told the real client */
    struct sketch accounts, clients, sources; /* sources: the addresses on the wire */
    struct mirror_counters mirror;
};

struct found_network {
    char
        name[FINDINGS_NAME_MAX]; /* of the configuration, or the prefix: an IPv4 /24, an IPv6 /64 */
    bool is_configured;
    struct found_volume volume;
    struct sketch accounts, clients;
};

struct found_account {
    char name[FINDINGS_NAME_MAX];
    char software[FINDINGS_NAME_MAX]; /* of its first request that told; "": unknown */
    struct found_volume volume;
    struct sketch clients;
    uint64_t logins;
    int64_t first_ns, last_ns;
};

struct findings;

/* findings_open returns NULL without memory. */
struct findings *findings_open(void);
void findings_close(struct findings *f);

/* findings_begin tells from when on packets were looked at, in packet time. */
void findings_begin(struct findings *f, int64_t ns);
void findings_transaction(struct findings *f, const struct transaction *tx);
void findings_mirror(struct findings *f, const struct mirror_part *part);

/* What was counted of all, first and last packet's time, and what the bounds made it forget. */
struct found_totals {
    struct found_volume volume;
    struct mirror_counters mirror;
    int64_t first_ns, last_ns, clock_jump_ns;
    uint64_t servers, networks, accounts; /* that were found */
    uint64_t forgotten;                   /* servers, networks and accounts, or clients of them */
};

struct found_totals findings_totals(const struct findings *f);

/* The largest of a kind: struct found_server, found_network or found_account. */
struct found_list {
    const void *items[FINDINGS_LIST_MAX];
    size_t count;
};

/* findings_servers gives the servers with most bytes, most first; good until more is counted.
 * Likewise the networks and accounts, by the bytes that they received. */
struct found_list findings_servers(const struct findings *f);
struct found_list findings_networks(const struct findings *f);
struct found_list findings_accounts(const struct findings *f);

#endif
