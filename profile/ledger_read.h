/*
 * The ledger of a state, read back as transactions (profile/ledger.h): of every row as many as it
 * had requests, evenly over its hour, which together have the row's sums and customers; one of them
 * has the largest values.
 */
#ifndef SEEPWATCH_PROFILE_LEDGER_READ_H
#define SEEPWATCH_PROFILE_LEDGER_READ_H

#include "core/error.h"
#include "core/transaction.h"

enum {
    LEDGER_SPREAD_MAX = 20000 /* transactions of one row; more requests are counted as so many */
};

struct ledger_reader;

/* ledger_reader_is tells whether a file could be a state's, by its first bytes. */
bool ledger_reader_is(const char *path);

/* ledger_reader_open opens the file, which another program may write to meanwhile. */
bool ledger_reader_open(struct ledger_reader **r, const char *path, struct error *error);
void ledger_reader_close(struct ledger_reader *r);

/* ledger_reader_next gives the next transaction, in the order of time, of those before until_ns;
 * good until the next call.  NULL at the end, and where the file could not be read to its end:
 * ledger_reader_failed. */
const struct transaction *ledger_reader_next(struct ledger_reader *r, int64_t until_ns);
bool ledger_reader_failed(const struct ledger_reader *r);

/* ledger_reader_older counts rows of a program before this one, which kept no customers by request
 * (subject.count), no largest values and no db.system.name: their transactions are all alike. */
uint64_t ledger_reader_older(const struct ledger_reader *r);

/* ledger_reader_cut counts rows with more requests than are spread out. */
uint64_t ledger_reader_cut(const struct ledger_reader *r);

#endif
