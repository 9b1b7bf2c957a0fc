/*
 * What raises a rule's alert: one of the triggers, and `unless before`.
 */
#ifndef SEEPWATCH_RULES_TRIGGER_READ_H
#define SEEPWATCH_RULES_TRIGGER_READ_H

#include "rules/reader.h"

/* trigger_read fills the rule's trigger from its keys. */
void trigger_read(const struct reader *r);

#endif
