/*
 * One rule from its YAML mapping.
 */
#ifndef SEEPWATCH_RULES_RULE_READ_H
#define SEEPWATCH_RULES_RULE_READ_H

#include "rules/reader.h"

/* rule_read fills the rule; every mistake in it is reported. */
void rule_read(struct rule *rule, const struct yaml_node *node, struct vocabulary *v);

/* by_read fills fields to count by from the key `by`, and adds them to *required; returns how many.
 */
size_t by_read(const struct reader *r, enum field by[RULE_BY_MAX], field_set *required);

#endif
