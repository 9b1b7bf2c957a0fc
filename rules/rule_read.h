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

/* rule_read_is_identity tells whether a field has one value that stays the same from request to
 * request, of which a key can be made. */
bool rule_read_is_identity(enum field f);

/* rule_read_quiet reads `quiet`, which is `over` unless it is said, an hour at least. */
int64_t rule_read_quiet(const struct reader *r, int64_t over_ns);

#endif
