/*
 * Which records a rule counts.  A rule with a field of mirror.* counts the records of the mirror's
 * health (profile/mirror.h), every other rule transactions.  With 'by' those are the servers'
 * records, without it the whole mirror's.
 */
#ifndef SEEPWATCH_RULES_RECORDS_H
#define SEEPWATCH_RULES_RECORDS_H

#include "rules/rule.h"
#include "rules/yaml.h"

/* records_settle restricts a rule that was read to its records, and reports fields that they never
 * have. */
void records_settle(struct rule *rule, const struct yaml_node *node, struct problems *problems);

/* records_are_mirrors tells whether the rule counts the mirror's health. */
bool records_are_mirrors(const struct rule *rule);

#endif
