/*
 * `honey`: planted customers, whom nobody has a reason to look up.  One look is an alert.
 */
#ifndef SEEPWATCH_RULES_HONEY_H
#define SEEPWATCH_RULES_HONEY_H

#include "rules/reader.h"

enum {
    HONEY_CUSTOMERS_MAX = 65536, /* of one list */
    HONEY_IDS_OF_ONE = 64,       /* that one text of a list may stand for */
};

/* What people write in a list of customers, turned into the ids that transactions have. */
struct honey_names {
    /* Writes the ids of all that the text may be, at most HONEY_IDS_OF_ONE; returns how many. */
    size_t (*ids)(const void *context, struct bytes text, uint64_t *ids);
    const void *context;
};

/* honey_read reads `honey`: the name of a list, or a list of its own. */
void honey_read(const struct reader *r);

/* rules_honey gives the ids of all rules that are on, sorted, each once; to be freed.  NULL where
 * there are none (*count is 0), or without memory. */
uint64_t *rules_honey(const struct rules *rules, size_t *count);

#endif
