/*
 * The ledger: what each account did, by source, server, shape of statement or address, and hour,
 * in sums and largest values.  It is kept in memory until the next snapshot of a state
 * (profile/state.h), which adds it to the tables of profile/ledger_store.h; there it stays for
 * months, for back-testing and reports.
 *
 * Bounded: where there are too many rows at once, those touched longest ago wait apart to be
 * written, and where too many wait, they are lost, which is counted.
 */
#ifndef SEEPWATCH_PROFILE_LEDGER_H
#define SEEPWATCH_PROFILE_LEDGER_H

#include "core/transaction.h"
#include "profile/state.h"

enum {
    LEDGER_ROWS_MAX = 65536,      /* at once */
    LEDGER_WAITING_MAX = 8 << 20, /* bytes */
};

struct ledger;

struct ledger_config {
    size_t bytes_max; /* of all rows; 0: what LEDGER_ROWS_MAX take */
    uint64_t seed;    /* of hashes in memory */
};

/* ledger_open returns NULL without memory. */
struct ledger *ledger_open(const struct ledger_config *config);
void ledger_close(struct ledger *l);

/* ledger_count adds a transaction that counts at that time. */
void ledger_count(struct ledger *l, const struct transaction *t, int64_t time_ns);

/* ledger_save writes what has come since the last time, between a state's begin and commit;
 * ledger_saved tells what became of that, so that nothing is lost or counted twice. */
void ledger_save(struct ledger *l, struct state *s);
void ledger_saved(struct ledger *l, bool is_written);

/* ledger_is_pressed tells whether so much waits that it should be saved soon. */
bool ledger_is_pressed(const struct ledger *l);

/* ledger_lost counts rows that could not wait, ledger_short transactions not all of whose customers
 * count. */
uint64_t ledger_lost(const struct ledger *l);
uint64_t ledger_short(const struct ledger *l);

/* LEDGER_FIELDS are those that a transaction made of a row can have: what a rule may ask of the
 * ledger; LEDGER_MOST_FIELDS those of which it knows the largest value of an hour. */
#define LEDGER_FIELDS                                                                              \
    (FIELD_BIT(FIELD_TIMESTAMP) | FIELD_BIT(FIELD_EVENT_ACTION) | FIELD_BIT(FIELD_EVENT_OUTCOME) | \
     FIELD_BIT(FIELD_NETWORK_NAME) | FIELD_BIT(FIELD_NETWORK_PROTOCOL) |                           \
     FIELD_BIT(FIELD_CLIENT_IP) | FIELD_BIT(FIELD_SERVER_IP) | FIELD_BIT(FIELD_SERVER_PORT) |      \
     FIELD_BIT(FIELD_USER_NAME) | FIELD_BIT(FIELD_DB_QUERY_HASH) |                                 \
     FIELD_BIT(FIELD_DB_QUERY_TEXT) | FIELD_BIT(FIELD_DB_SYSTEM_NAME) |                            \
     FIELD_BIT(FIELD_URL_TEMPLATE) | FIELD_BIT(FIELD_SUBJECT_IDS) |                                \
     FIELD_BIT(FIELD_CAPTURE_LOST_BYTES) | LEDGER_MOST_FIELDS)
#define LEDGER_MOST_FIELDS                                                                         \
    (FIELD_BIT(FIELD_CLIENT_BYTES) | FIELD_BIT(FIELD_SERVER_BYTES) |                               \
     FIELD_BIT(FIELD_DB_RESPONSE_RETURNED_ROWS) | FIELD_BIT(FIELD_HTTP_RESPONSE_RECORDS) |         \
     FIELD_BIT(FIELD_SUBJECT_COUNT))

#endif
