/*
 * Sessions: what belongs together in time, with totals.  A database connection from its first
 * transaction to its close, or an HTTP stay, ended by `idle_ns` of packet time without a
 * transaction: what came with one session's cookie or token, whose hash is its id; else one client
 * address and account (if any) at one domain.
 *
 * Its customers are counted exactly up to SKETCH_EXACT_MAX of them, then estimated (core/sketch.h):
 * 8 bytes each, 16 KiB at most, from a quarter of the bytes.  Where that is used up they are
 * undercounted, which is counted.
 *
 * Bounded: when there are too many, the one that was quiet the longest is written and forgotten,
 * and that is counted.
 */
#ifndef SEEPWATCH_PROFILE_SESSION_H
#define SEEPWATCH_PROFILE_SESSION_H

#include "core/json.h"
#include "core/sketch.h"
#include "core/transaction.h"

enum {
    SESSION_ID_LEN = 16,    /* hexadecimal digits */
    SESSION_TEXT_MAX = 96,  /* bytes kept of one text */
    SESSION_TEXTS_MAX = 224 /* bytes kept of all texts of a session */
};

/* The texts that a session keeps, each from the first transaction that has it. */
enum session_text {
    SESSION_TEXT_USER,
    SESSION_TEXT_NETWORK,
    SESSION_TEXT_PROTOCOL,
    SESSION_TEXT_COUNTRY,
    SESSION_TEXT_NAMESPACE,
    SESSION_TEXT_DOMAIN,
    SESSION_TEXT_AGENT,
    SESSION_TEXTS_COUNT
};

struct session {
    char id[SESSION_ID_LEN]; /* no terminating zero */
    int64_t start_ns;        /* of the first transaction */
    int64_t last_ns;         /* the latest end of a transaction */
    uint64_t requests;       /* logins apart */
    uint64_t failures;       /* failed logins too */
    uint64_t returned_rows, affected_rows;
    uint64_t client_bytes, server_bytes, lost_bytes;
    struct sketch customers;
    field_set present; /* what is known of the ends below and of the texts */
    struct address client_ip, server_ip;
    uint16_t client_port, server_port; /* the client's only of a database connection */
    uint16_t texts_len;                /* bytes */
    uint8_t text_len[SESSION_TEXTS_COUNT], text_at[SESSION_TEXTS_COUNT];
    char texts[SESSION_TEXTS_MAX];
    bool is_changed; /* since it was written last */
};

struct sessions_config {
    size_t sessions_max; /* of database connections, and of stays likewise */
    size_t bytes_max;    /* for all of them; 0: what so many take */
    int64_t idle_ns;     /* that end a stay */
    int64_t interval_ns; /* at which what changed is written while it lasts */
    /* A session is to be written: it ended (is_final), or an interval has passed.  Good during the
     * call.  NULL: transactions get their sessions' names, and no totals are kept. */
    void (*write)(void *context, const struct session *s, bool is_final);
    void *context;
};

struct sessions_counters {
    uint64_t seen, open;
    uint64_t evicted;          /* written and forgotten because there were too many */
    uint64_t customers_denied; /* transactions whose customers were not all counted */
};

struct sessions;

/* sessions_open returns NULL without memory. */
struct sessions *sessions_open(const struct sessions_config *config);
/* sessions_close ends, and writes, every session that is open. */
void sessions_close(struct sessions *all);

/*
 * sessions_count adds a transaction to its session and names the session in it: session.id is a
 * view that is good until the next call.  connection: the database connection's own number, 0 for a
 * stay.
 */
void sessions_count(struct sessions *all, struct transaction *tx, uint64_t connection,
                    int64_t now_ns);

/* sessions_name names the session that the transaction will count in, and counts nothing. */
void sessions_name(struct sessions *all, struct transaction *tx, uint64_t connection);

/* sessions_end ends the session of a database connection, if it has one. */
void sessions_end(struct sessions *all, uint64_t connection);

/* sessions_tick ends idle stays and, once an interval, writes what changed. */
void sessions_tick(struct sessions *all, int64_t now_ns);

struct sessions_counters sessions_counters(const struct sessions *all);

/* session_text views a text of a session; empty where it is unknown. */
struct bytes session_text(const struct session *s, enum session_text which);

/* session_write_json writes the session as one JSON object on one line. */
void session_write_json(struct json *j, const struct session *s, bool is_final);

#endif
