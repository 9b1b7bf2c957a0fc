/*
 * `unusual` and `drift` in words: their alerts, and their rules.
 */
#ifndef SEEPWATCH_RULES_DAILY_WORDS_H
#define SEEPWATCH_RULES_DAILY_WORDS_H

#include "rules/alert.h"
#include "rules/text.h"

/* daily_add_words adds what happened, to a line or to a sentence. */
void daily_add_words(struct text *t, const struct alert *a, bool in_words);

/* daily_write_json writes the members of an alert. */
void daily_write_json(struct json *j, const struct alert *a);

/* daily_add_silence adds the trigger with limits that the alert does not pass. */
void daily_add_silence(struct text *t, const struct alert *a);

/* daily_add_rule adds when the rule fires. */
void daily_add_rule(struct text *t, const struct rule *rule);

#endif
