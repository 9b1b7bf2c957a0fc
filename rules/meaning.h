/*
 * Whether a rule that was read again still counts the same, so that its counters can go on: after a
 * reload, and, by what lasts over a restart, after that.
 */
#ifndef SEEPWATCH_RULES_MEANING_H
#define SEEPWATCH_RULES_MEANING_H

#include "core/pack.h"
#include "rules/rule.h"

/*
 * rule_counts_as tells whether two rules count the same transactions for the same keys in the same
 * way: `when` with the lists and macros in it, `by`, `measure`, `over`, `first`, `forget`, `of`,
 * `steps`, `unless before`.  What a rule only holds against its counters (`above`, `learn`,
 * `together`, `travel`, `quiet`), what it leaves out from now on (`except`) and what it only says
 * (`name`, `severity`, `note`) may differ.
 */
bool rule_counts_as(const struct rule *a, const struct rule *b);

/* rule_meaning writes down all that this depends on, the same in every version of the program; a
 * trigger has its part in there (write_trigger). */
void rule_meaning(const struct rule *rule, struct pack *p);

/* rule_tally_counts_as tells whether the tallies (rules/detector.h) of two rules that have one
 * count the same, rule_shares_tally whether they count the same transactions too: one with
 * exceptions or `unless before` leaves some out. */
bool rule_tally_counts_as(const struct rule *a, const struct rule *b);
bool rule_shares_tally(const struct rule *a, const struct rule *b);

/* rule_tally_meaning is rule_meaning of the tally. */
void rule_tally_meaning(const struct rule *rule, struct pack *p);

#endif
