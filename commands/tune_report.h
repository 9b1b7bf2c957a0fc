/*
 * What `tune` found out, as a person reads it.
 */
#ifndef SEEPWATCH_COMMANDS_TUNE_REPORT_H
#define SEEPWATCH_COMMANDS_TUNE_REPORT_H

#include "tuning.h"
#include "tuning_number.h"

struct tune_report {
    const struct tuning *tuning;
    const struct rule *rule;
    const struct tuning_number *number; /* NULL: the rule has none */
    size_t current;                     /* of the versions: the rule as it stands */
    uint64_t transactions;
    bool has_change; /* the second version is the rule with a change, and there is no other */
    uint64_t budget; /* of alerts per 1,000 agent-days; 0: none */
};

/* tune_report_print prints it on standard output. */
void tune_report_print(const struct tune_report *r);

#endif
