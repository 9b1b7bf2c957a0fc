/*
 * One rule from its YAML mapping.
 */
#ifndef SEEPWATCH_RULES_RULE_READ_H
#define SEEPWATCH_RULES_RULE_READ_H

#include "rules/rule.h"
#include "rules/vocabulary.h"

/* rule_read fills the rule; every mistake in it is reported. */
void rule_read(struct rule *rule, const struct yaml_node *node, struct vocabulary *v);

#endif
