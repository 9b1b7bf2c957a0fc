/*
 * Tests inside rule files: transactions that are written down, and the alerts that they must and
 * must not raise.  Each is run with an engine of its own over all the rules that are on.
 */
#ifndef SEEPWATCH_RULES_TRIAL_H
#define SEEPWATCH_RULES_TRIAL_H

#include "rules/rule.h"
#include "rules/vocabulary.h"

enum {
    TRIALS_MAX = 1024,
    TRIAL_LINES_MAX = 1024,      /* transactions written down in one test */
    TRIAL_REPEATS_MAX = 1000000, /* of one of them */
    TRIAL_EXPECTED_MAX = 64,     /* alerts */
    TRIAL_TEXTS_MAX = 16,        /* texts of one field */
    TRIAL_NUMBERED_MAX = 8,      /* texts of one transaction with {n} */
};

struct trial;

/* trials_read adds the `tests` of one file to a list of TRIALS_MAX; the nodes need not outlive it.
 */
void trials_read(struct trial **list, size_t *count, struct vocabulary *v,
                 const struct yaml_node *tests);

/* trials_check reports every rule that a test names and that is not there. */
void trials_check(struct trial *const *list, size_t count, const struct rules *rules,
                  struct problems *problems);

/* trial_run runs one test; false where it failed, or where there is no memory, after telling why
 * line by line. */
bool trial_run(const struct trial *trial, const struct rules *rules,
               void (*tell)(void *context, const char *line), void *context);

#endif
