/*
 * What all workers know of customers' identifiers: names, countries, the order of kinds, the site's
 * keys, planted customers.  It is set up before the workers start; from then on only the planted
 * customers change.
 */
#ifndef SEEPWATCH_SUBJECTS_SUBJECTS_H
#define SEEPWATCH_SUBJECTS_SUBJECTS_H

#include "core/hash.h"
#include "subjects/honey.h"
#include "subjects/identifier.h"
#include "subjects/key_patterns.h"
#include "subjects/names.h"
#include "subjects/recogniser.h"

enum {
    SUBJECTS_KEYS_MAX = 4, /* keys of the site: the one that is used, and old ones */
    SUBJECTS_RANK_OFF = UINT8_MAX,
};

/* In which bytes customers are looked for. */
enum subjects_scope { SUBJECTS_NOWHERE, SUBJECTS_IN_REQUESTS, SUBJECTS_EVERYWHERE };

struct subjects {
    struct names *names;
    struct key_patterns patterns;
    struct countries countries;
    uint8_t rank[SUBJECT_KINDS_COUNT]; /* a kind's place in the order; SUBJECTS_RANK_OFF: it is not
                                          looked for */
    uint8_t scope;                     /* enum subjects_scope */
    uint64_t rate_max; /* bytes of answers of a second that each worker reads for recognition; 0:
                          any number */
    struct hash_key keys[SUBJECTS_KEYS_MAX]; /* the first one is used */
    size_t keys_count;                       /* 1 at least */
    struct honey *honey;
    struct recogniser *recogniser; /* owned; NULL: nothing is recognised in running text */
};

/* subjects_open has every default, a zero key and no recogniser, which takes some milliseconds to
 * open; NULL without memory. */
struct subjects *subjects_open(void);
void subjects_close(struct subjects *s);

/* subjects_order sets the order of kinds; those that are left out are not looked for. */
void subjects_order(struct subjects *s, const enum subject_kind *kinds, size_t count);

/* subjects_id hashes an identifier with the n-th key. */
uint64_t subjects_id(const struct subjects *s, const struct identifier *id, size_t key);

/*
 * subjects_ids writes the ids, by any of the keys, that a text of a list may stand for: of that
 * kind, or where kind is SUBJECT_NONE of all kinds that it can be by name; 16 hexadecimal digits
 * stand for themselves too, as an id.  Returns how many.
 */
enum { SUBJECTS_IDS_MAX = SUBJECTS_KEYS_MAX * SUBJECT_KINDS_COUNT + 1 };
size_t subjects_ids(const struct subjects *s, enum subject_kind kind, struct bytes text,
                    uint64_t ids[SUBJECTS_IDS_MAX]);

/* subjects_honey_publish makes these ids (sorted) the planted customers, from any thread; false,
 * and nothing changed, without memory. */
bool subjects_honey_publish(struct subjects *s, const uint64_t *sorted, size_t count);

#endif
