/*
 * The customers of one request and its reply.  Identifiers come in three ways, and one customer may
 * come in all of them:
 *
 *   asked     what the request looks for
 *   records   what the reply shows record by record: all identifiers of a record are one customer,
 *             named by the one whose kind comes first in the order
 *   loose     what the reply shows outside of records
 *
 * Of what is asked, and of what is loose, only identifiers of the kind that comes first count: the
 * others are most likely other names of the same customers.  Records count before what is loose.
 * What was asked is added to what was shown where it is of a kind that named somebody there; else
 * it is another name of them, and the better one where one was asked and one was shown.
 */
#ifndef SEEPWATCH_SUBJECTS_GATHERING_H
#define SEEPWATCH_SUBJECTS_GATHERING_H

#include "core/sketch.h"
#include "core/subject.h"

struct transaction;

enum { GATHERING_HONEY_MAX = 16 /* planted customers told of one request */ };

/* A set of customers who were named by identifiers of some kinds. */
struct gathering_pool {
    struct sketch ids;
    uint32_t kinds; /* a bit for each */
};

struct gathering {
    struct gathering_pool asked, records, loose;
    uint64_t kinds[SUBJECT_KINDS_COUNT]; /* identifiers that passed, repeated ones too */
    uint64_t record_id;                  /* of the record that passes */
    uint8_t record_kind;                 /* SUBJECT_NONE: none yet */
    uint8_t first_count, honey_count, near_count;
    uint64_t first[SUBJECT_IDS_SHOWN]; /* customers shown */
    uint64_t honey[GATHERING_HONEY_MAX];
    uint64_t near[SUBJECT_NEAR_MAX]; /* of what was asked */
};

/* An identifier as it is gathered. */
struct gathered {
    uint64_t id;
    uint64_t near[2];
    uint8_t kind; /* enum subject_kind */
    bool has_near, is_planted;
};

/* A zeroed struct is empty.  rank: by kind, the lower the earlier in the order.  False, and nothing
 * counted, where the budget denies the memory. */
bool gathering_ask(struct gathering *g, struct budget *b, const uint8_t *rank,
                   const struct gathered *value);
bool gathering_loose(struct gathering *g, struct budget *b, const uint8_t *rank,
                     const struct gathered *value);
void gathering_tell(struct gathering *g, const uint8_t *rank, const struct gathered *value);
bool gathering_end_record(struct gathering *g, struct budget *b);
/* gathering_forget_record drops what was told of the record that passes. */
void gathering_forget_record(struct gathering *g);

/* gathering_honey notes a planted customer. */
void gathering_honey(struct gathering *g, uint64_t id);

/* gathering_merge adds all that another one has. */
bool gathering_merge(struct gathering *into, struct budget *b, const uint8_t *rank,
                     const struct gathering *from);

/* gathering_fill sets subject.* of tx, which views g until it is cleared; nothing where nobody was
 * gathered. */
bool gathering_fill(struct gathering *g, struct budget *b, const uint8_t *rank,
                    struct transaction *tx);

/* gathering_clear empties it and gives its memory back. */
void gathering_clear(struct gathering *g, struct budget *b);

#endif
