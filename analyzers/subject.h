/*
 * Customers in the traffic: analyzers tell what identifiers they pass, and these are gathered for
 * each request as the transaction's subject.* fields.  Values are views that are hashed at once;
 * none is kept.
 *
 * What a request looks for is asked; what a reply shows is told, record by record: all identifiers
 * of one record (a row, an object of JSON) are one customer, named by the one whose kind comes
 * first in the configured order.  A value longer than SUBJECT_VALUE_MAX is no identifier.
 */
#ifndef SEEPWATCH_ANALYZERS_SUBJECT_H
#define SEEPWATCH_ANALYZERS_SUBJECT_H

#include "analyzers/analyzer.h"
#include "core/subject.h"

enum { SUBJECT_VALUE_MAX = 64 /* bytes */ };

/* subject_is_on tells whether the operator wants customers looked for in that side's bytes: the
 * server's cost more. */
bool subject_is_on(const struct exchange *x, enum side side);

/* subject_of_name tells what identifiers a column, a parameter or a field of that name holds;
 * SUBJECT_NONE: none that anybody knows of. */
enum subject_kind subject_of_name(const struct exchange *x, struct bytes name);

/* subject_of_key tells what identifier a key of a key-value store holds ("customer:4711"), and
 * views it; SUBJECT_NONE where there is none. */
enum subject_kind subject_of_key(const struct exchange *x, struct bytes key, struct bytes *value);

/* subject_recognise tells what a whole value is by its form alone; SUBJECT_NONE where that is not
 * sure.  For columns whose names say nothing: what most of their first values are. */
enum subject_kind subject_recognise(const struct exchange *x, struct bytes value);

/* subject_ask counts a value that the request looks for; of SUBJECT_NONE it is recognised first.
 * A value that is none of that kind is no identifier and counts nothing. */
void subject_ask(struct exchange *x, struct request *r, enum subject_kind kind, struct bytes value);
/* subject_ask_number does so with a binary number. */
void subject_ask_number(struct exchange *x, struct request *r, enum subject_kind kind,
                        uint64_t value);

/* subject_tell notes a value of the record of the reply that passes, subject_end_record counts the
 * record's customer, if it had one. */
void subject_tell(struct exchange *x, struct request *r, enum subject_kind kind,
                  struct bytes value);
void subject_tell_number(struct exchange *x, struct request *r, enum subject_kind kind,
                         uint64_t value);
void subject_end_record(struct exchange *x, struct request *r);

/* subject_forget drops all that was gathered for the request: it is about no customer. */
void subject_forget(struct exchange *x, struct request *r);

/* subject_drop_record forgets what was told of a record: a part of it was lost. */
void subject_drop_record(struct exchange *x, struct request *r);

/*
 * Values that come before the request that they belong to (PostgreSQL binds them, and executes
 * later): asked with r NULL they are held for the connection, where subject_give gives them to the
 * request that turns out to be theirs, and subject_release forgets them.
 */
void subject_give(struct exchange *x, struct request *r);
void subject_release(struct exchange *x);

/* subject_fill sets subject.* of a transaction that is about to be handed on: r's own, or a copy of
 * it.  For the connection. */
void subject_fill(struct exchange *x, const struct request *r, struct transaction *tx);

#endif
