/*
 * A line of a log of transactions back to the transaction that transaction_write wrote, from the
 * same table of fields.  Members that are no fields are passed over; one of a wrong kind makes the
 * line a bad one.
 */
#ifndef SEEPWATCH_CORE_TRANSACTION_READ_H
#define SEEPWATCH_CORE_TRANSACTION_READ_H

#include "core/transaction.h"

enum {
    READ_TEXTS_MAX = 1024,  /* items of all lists of texts of one line */
    READ_HASHES_MAX = 4096, /* of all lists of hashes and of the sketch */
};

enum read_kind {
    READ_TRANSACTION,
    READ_MIRROR, /* a record of the mirror's health */
    READ_OTHER,  /* an object of another dataset: an alert, a session */
    READ_BAD
};

struct transaction_reader;

/* transaction_reader_open returns NULL without memory. */
struct transaction_reader *transaction_reader_open(void);
void transaction_reader_close(struct transaction_reader *r);

/*
 * transaction_read reads one line; *t views the line, in which escapes are resolved, and the
 * reader, until its next line.  session.id, where the line has one, is a field like any other.
 */
enum read_kind transaction_read(struct transaction_reader *r, uint8_t *line, size_t len,
                                struct transaction *t);

/* transaction_read_problem says what was wrong with the last line, in a few words. */
const char *transaction_read_problem(const struct transaction_reader *r);

#endif
