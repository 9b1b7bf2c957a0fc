/*
 * The contract of a detector: one for each enum trigger.  It counts one transaction for one key, in
 * a state of its own, and says whether that is worth an alert.  The engine (rules/engine.h) owns
 * the keys, folds repeats and keeps evidence.
 *
 * To add one: a value of enum trigger with its part of struct rule, its keys in
 * rules/rule_read.c, a file with its struct detector, a line in DETECTORS, its words in
 * rules/alert.c.
 *
 * A state outlives the program: `save` writes all that the next count depends on, `load` reads it
 * into a state of zeroes (core/pack.h; windows, distinct counts and known values have their own
 * window_save, gauge_save, known_save, ..., which check what they read).  What is loaded may be
 * anything: every number that is an index, a count or an order is checked, and where it cannot be
 * `load` says false; the engine then clears the state, however far it came.  `version` goes up
 * when `save` writes something else: what another version wrote begins anew, which is told.  A rule
 * finds its states again while its meaning (rules/meaning.h) stays the same, hence a part of the
 * rule that decides what a state is must be in there.  tests/rules/save_test.c holds every
 * detector to it: the same alerts with a save and a load in between as without.
 */
#ifndef SEEPWATCH_RULES_DETECTOR_H
#define SEEPWATCH_RULES_DETECTOR_H

#include "core/budget.h"
#include "core/pack.h"
#include "rules/alert.h"
#include "rules/window.h"

/* What a detector may use beside its state. */
struct detection {
    const struct detection *tally; /* of the rule's tally; NULL: it has none */
    void *state;                   /* of a tally: its key's of the transaction that is counted */
    const struct rule *rule;
    struct budget *budget;
    uint64_t seed;             /* of hashes of values */
    uint64_t forgotten;        /* values that a key had too many of */
    uint64_t passing;          /* for describe: what peek added; else 0 */
    struct window_clock clock; /* of the rule's windows */
    void *whole;               /* what the detector keeps of all the rule's keys together */
};

/* One transaction, and when it counts. */
struct occurrence {
    const struct transaction *transaction;
    int64_t time_ns; /* its end */
    bool is_passing; /* its reply still passes: amounts are those so far */
};

enum finding {
    FINDING_NONE,
    FINDING_NEAR,   /* nothing yet, but the transaction may become evidence */
    FINDING_RAISED, /* worth an alert */
    FINDING_LATE,   /* too old to count */
    FINDING_DENIED, /* no memory: nothing was counted */
};

struct detector {
    /* What rules that count the same share: a detector that counts first, once for all of them, in
     * a state of its own for each key (d->tally->state).  Where it finds a transaction late or
     * denied, that is their finding too; else they are asked.  NULL: the rule counts alone. */
    const struct detector *tally;

    /* Bytes of a key's state, which is zero at first; or of each of its parts, where `parts` tells
     * how many a rule's has. */
    size_t state_size;
    size_t (*parts)(const struct rule *rule);

    /* Counts it; where it is near or raised, *weight is its part in that. */
    enum finding (*count)(struct detection *d, void *state, const struct occurrence *o,
                          uint64_t *weight);

    /* What the transaction, whose reply still passes, would be found to be if it ended now.  It
     * counts nothing; what it adds to the value becomes d->passing.  NULL: its end tells. */
    enum finding (*peek)(struct detection *d, void *state, const struct occurrence *o);

    /* Fills what is its own in an alert that was raised just now; views are good until the next
     * count. */
    void (*describe)(const struct detection *d, void *state, const struct occurrence *o,
                     struct alert *a);

    /* How far back an alert's evidence goes. */
    int64_t (*span_ns)(const struct rule *rule);

    /* How long a key matters after its last transaction. */
    int64_t (*keep_ns)(const struct rule *rule);

    /* Gives the state's memory back. */
    void (*clear)(const struct detection *d, void *state);

    /* Opens and closes what is kept of all keys together (d->whole), of no more entries and bytes
     * than those (bytes_max 0: what the entries take); both NULL where nothing is.  False without
     * memory.  The keys are gone before it is closed. */
    bool (*open_whole)(struct detection *d, size_t entries_max, size_t bytes_max);
    void (*close_whole)(struct detection *d);

    /* Shown every transaction, whether it counts for the rule or not, after it was counted; NULL
     * where the detector needs no others. */
    void (*observe)(struct detection *d, const struct occurrence *o);

    /* Of what save and save_whole write. */
    uint8_t version;

    /* Writes the state down.  It is called between two transactions, and only for keys that were
     * counted since it was called last: a state changes in `count` of its own key alone, or in a
     * way that the next count makes up for. */
    void (*save)(const struct detection *d, const void *state, struct pack *p);

    /* Reads a state that was saved; all of it must make sense, and the cursor be at its end.  False
     * where it does not, or where there is no memory. */
    bool (*load)(struct detection *d, void *state, struct cursor *c);

    /* The same of what a detection keeps of all its keys together, saved each time; both NULL where
     * it keeps nothing.  A load that fails has to leave the detection empty. */
    void (*save_whole)(const struct detection *d, struct pack *p);
    bool (*load_whole)(struct detection *d, struct cursor *c);
};

extern const struct detector DETECTOR_ABOVE, DETECTOR_FIRST, DETECTOR_TOGETHER, DETECTOR_TRAVEL,
    DETECTOR_STEPS, DETECTOR_EACH, DETECTOR_BACK, DETECTOR_ENUMERATES, DETECTOR_FOLLOWS,
    DETECTOR_RHYTHM, DETECTOR_HOURS, DETECTOR_UNUSUAL, DETECTOR_DRIFT, DETECTOR_HONEY;

/* The tally of `unusual` and `drift`: rules/daily_tally.h. */
extern const struct detector TALLY_DAILY;

/* detector_name names the account, the client and its network in an alert whose key has none of
 * them: those of the transaction that raised it. */
void detector_name(struct alert *a, const struct transaction *t);

/* detector_hash hashes a field's value; of several texts, the one at `index`. */
uint64_t detector_hash(const struct transaction *t, enum field f, size_t index, uint64_t seed);

/* detector_values tells how many values a field has: 1, but for a list of texts. */
size_t detector_values(const struct transaction *t, enum field f);

/* detector_value views a field's value as bytes; of several texts, the one at `index`. */
struct bytes detector_value(const struct transaction *t, enum field f, size_t index);

/* detector_shown gives it as people read it: a text as it is, anything else written into the
 * buffer, cut where it does not fit. */
struct bytes detector_shown(const struct transaction *t, enum field f, size_t index, char *buffer,
                            size_t size);

#endif
