/*
 * The contract of a detector: one for each enum trigger.  It counts one transaction for one key, in
 * a state of its own, and says whether that is worth an alert.  The engine (rules/engine.h) owns
 * the keys, folds repeats and keeps evidence.
 *
 * To add one: a value of enum trigger with its part of struct rule, its keys in
 * rules/rule_read.c, a file with its struct detector, a line in DETECTORS, its words in
 * rules/alert.c.
 */
#ifndef SEEPWATCH_RULES_DETECTOR_H
#define SEEPWATCH_RULES_DETECTOR_H

#include "core/budget.h"
#include "rules/alert.h"
#include "rules/window.h"

/* What a detector may use beside its state. */
struct detection {
    const struct rule *rule;
    struct budget *budget;
    uint64_t seed;             /* of hashes of values */
    uint64_t forgotten;        /* values that a key had too many of */
    struct window_clock clock; /* of the rule's windows */
};

/* One transaction, and when it counts. */
struct occurrence {
    const struct transaction *transaction;
    int64_t time_ns; /* its end */
};

enum finding {
    FINDING_NONE,
    FINDING_NEAR,   /* nothing yet, but the transaction may become evidence */
    FINDING_RAISED, /* worth an alert */
    FINDING_LATE,   /* too old to count */
    FINDING_DENIED, /* no memory: nothing was counted */
};

struct detector {
    size_t state_size; /* bytes of a key's state; zero at first */

    /* Counts it; where it is near or raised, *weight is its part in that. */
    enum finding (*count)(struct detection *d, void *state, const struct occurrence *o,
                          uint64_t *weight);

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
};

extern const struct detector DETECTOR_ABOVE, DETECTOR_FIRST, DETECTOR_TOGETHER, DETECTOR_TRAVEL,
    DETECTOR_STEPS, DETECTOR_EACH;

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
