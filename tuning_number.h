/*
 * The one number of a rule that decides how many alerts it raises: the limit that `tune` varies.
 */
#ifndef SEEPWATCH_TUNING_NUMBER_H
#define SEEPWATCH_TUNING_NUMBER_H

#include "rules/quantity.h"
#include "rules/rule.h"

struct tuning_number {
    const char *key; /* as the rule has it: "above", "score of unusual" */
    enum quantity_unit unit;
    uint64_t value;
    uint64_t least, most; /* that a rule may have there */
    bool is_generous;     /* a larger one raises more alerts, not fewer */
};

/* tuning_number gives it; false where a rule has none: what it waits for is worth an alert each
 * time. */
bool tuning_number(const struct rule *rule, struct tuning_number *n);

/* tuning_number_set changes it in a copy of a rule, which has `steps` of its own from then on.  Of
 * several drifts it is the first one's limit, with which those of the others go. */
void tuning_number_set(struct rule *copy, struct rule_step steps[RULE_STEPS_MAX], uint64_t value);

#endif
