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

#endif
