/*
 * Which of a prepared statement's placeholders stand beside columns of identifiers: kept with the
 * statement's name, so that its values are read without its text.  Lists and rows are runs: $2, $5,
 * $8 are one.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_LOOKUPS_H
#define SEEPWATCH_ANALYZERS_SQL_LOOKUPS_H

#include "core/bytes.h"
#include "core/subject.h"

enum { LOOKUPS_MAX = 6 /* runs; further ones are not kept */ };

struct lookup {
    uint32_t name;  /* hash of the placeholder's name, without case and the number at its end; 0: it
                       has none */
    uint16_t first; /* number of the placeholder, from 1, or one more than that of its name; 0: none
                     */
    uint16_t count, stride;
    uint8_t kind; /* enum subject_kind */
};

struct lookups {
    uint8_t count;
    uint16_t placeholders; /* of the statement, where they have no numbers of their own; only where
                              count is not 0 */
    struct lookup items[LOOKUPS_MAX];
};

/* lookups_add notes a placeholder; its number is 0, or its name is empty, where it has none. */
void lookups_add(struct lookups *l, unsigned number, struct bytes name, enum subject_kind kind);

/* lookups_numbered tells what the placeholder of that number is, from 1 on, lookups_named what that
 * of a name is, with its sign; SUBJECT_NONE: nothing that is looked for. */
enum subject_kind lookups_numbered(const struct lookups *l, unsigned number);
enum subject_kind lookups_named(const struct lookups *l, struct bytes name);

/* lookups_last gives the greatest number that is looked for; 0: none. */
unsigned lookups_last(const struct lookups *l);

#endif
