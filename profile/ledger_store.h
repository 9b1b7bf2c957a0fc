/*
 * The ledger's tables in the file of a state: what profile/ledger.h adds up, by hour.  A person
 * reads them with any program for SQLite; docs/operation.md has examples.
 */
#ifndef SEEPWATCH_PROFILE_LEDGER_STORE_H
#define SEEPWATCH_PROFILE_LEDGER_STORE_H

#include "core/address.h"
#include "core/sketch.h"
#include "profile/database.h"

enum {
    LEDGER_ROW_VERSION = 2,
    LEDGER_NAME_MAX = 64,        /* bytes of a user or network */
    LEDGER_WORD_MAX = 16,        /* bytes of a protocol, a database's system or an action */
    LEDGER_SHAPE_MAX = 192,      /* bytes of a shape */
    LEDGER_PRUNE_HOURS_MAX = 24, /* at one snapshot, to keep to the file's size */
};

/* Hours count from 1970.  The shapes' texts are apart, so that a row is short.  These are the
 * tables as the first programs made them; ledger_store_open adds what came later. */
#define LEDGER_SCHEMA                                                                              \
    "CREATE TABLE ledger_shape(id INTEGER PRIMARY KEY, hour INTEGER NOT NULL,"                     \
    " protocol TEXT NOT NULL, text TEXT NOT NULL);"                                                \
    "CREATE TABLE ledger_entry(hour INTEGER, user TEXT, source TEXT, server TEXT, port INTEGER,"   \
    " shape INTEGER, action TEXT, network TEXT NOT NULL, requests INTEGER NOT NULL,"               \
    " failures INTEGER NOT NULL, records INTEGER NOT NULL, client_bytes INTEGER NOT NULL,"         \
    " server_bytes INTEGER NOT NULL, lost_bytes INTEGER NOT NULL, customers INTEGER NOT NULL,"     \
    " customers_seen BLOB NOT NULL, PRIMARY KEY(hour, user, source, server, port, shape, action))" \
    " WITHOUT ROWID;"

/* What one account did at one server with one shape of statement or address in an hour. */
struct ledger_key {
    int64_t hour;
    struct bytes user, network, protocol, system, action, shape; /* empty: unknown */
    struct address source, server;
    uint64_t port, shape_id;
};

/* What is added up over a row's requests, and the largest of one of them. */
enum ledger_amount {
    LEDGER_RECORDS, /* rows, or records of HTTP */
    LEDGER_CLIENT_BYTES,
    LEDGER_SERVER_BYTES,
    LEDGER_CUSTOMERS, /* subject.count: a customer counts for each request */
    LEDGER_AMOUNTS_COUNT
};

/* What the requests had, by which a row is read back as they were. */
enum ledger_mark {
    LEDGER_HAS_ALL = 1,      /* the columns of LEDGER_ADDED_COLUMNS */
    LEDGER_HAS_ROWS = 2,     /* db.response.returned_rows */
    LEDGER_HAS_RECORDS = 4,  /* http.response.records */
    LEDGER_HAS_TEMPLATE = 8, /* the shape is url.template, not db.query.text */
    LEDGER_HAS_HASH = 16,    /* shape_id is db.query.hash */
};

/* Requests count logins too. */
struct ledger_sums {
    uint64_t requests, failures, lost_bytes;
    uint64_t with_records, with_customers; /* requests that had any */
    uint64_t sum[LEDGER_AMOUNTS_COUNT], most[LEDGER_AMOUNTS_COUNT];
    uint64_t marks; /* bits of enum ledger_mark */
};

/* A row on its way to the tables.  What is there already is added to; `customers` is a sketch. */
void ledger_row_save(struct pack *p, const struct ledger_key *key, const struct ledger_sums *sums,
                     const struct sketch *customers);

struct ledger_limits {
    uint64_t bytes_max; /* of the file; 0: none */
    int64_t age_ns;     /* 0: none */
};

struct ledger_written {
    uint64_t rows, pruned;
};

struct ledger_store;

/* ledger_store_open works on the tables of the database, which must outlive it, after giving them
 * the columns that they lack; NULL where that does not work. */
struct ledger_store *ledger_store_open(struct database *db, const struct ledger_limits *limits);
void ledger_store_close(struct ledger_store *l);

/* Within a transaction: now, a row, and in the end what is too old or too much. */
void ledger_store_begin(struct ledger_store *l, int64_t now_ns);
bool ledger_store_put(struct ledger_store *l, struct cursor *row, struct ledger_written *written);
bool ledger_store_prune(struct ledger_store *l, struct ledger_written *written);

/* Reading, the oldest hour first. */
struct ledger_cursor;

/* ledger_cursor_open reads the tables of a database, which must outlive it, an older program's too;
 * NULL where that does not work. */
struct ledger_cursor *ledger_cursor_open(struct database *db);
void ledger_cursor_close(struct ledger_cursor *c);

/* ledger_cursor_next gives the next row; its texts are good until the next call, its customers are
 * the caller's, of memory of that budget. */
enum database_status ledger_cursor_next(struct ledger_cursor *c, struct ledger_key *key,
                                        struct ledger_sums *sums, struct sketch *customers,
                                        struct budget *budget);

#endif
