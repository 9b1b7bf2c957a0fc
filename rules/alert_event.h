/*
 * What alerts of single events say, in words and in JSON.
 */
#ifndef SEEPWATCH_RULES_ALERT_EVENT_H
#define SEEPWATCH_RULES_ALERT_EVENT_H

#include "rules/alert.h"
#include "rules/text.h"

/* alert_event_add adds what happened to a line or, in words, to a sentence; false where the rule's
 * trigger is none of these. */
bool alert_event_add(struct text *t, const struct alert *a, bool in_words);

/* alert_event_write writes the members of `alert`; false likewise. */
bool alert_event_write(struct json *j, const struct alert *a);

/* alert_event_add_rarity adds who else shows what is new, where the rule asks for that. */
void alert_event_add_rarity(struct text *t, const struct alert *a);

#endif
