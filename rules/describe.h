/*
 * A rule in words: what it counts, for whom, when it fires, what it leaves out, and where it was
 * written.
 */
#ifndef SEEPWATCH_RULES_DESCRIBE_H
#define SEEPWATCH_RULES_DESCRIBE_H

#include "rules/rule.h"
#include "rules/text.h"

enum { DESCRIPTION_MAX = 65536 };

/* describe_rule adds the lines of one rule. */
void describe_rule(struct text *t, const struct rule *rule);

#endif
