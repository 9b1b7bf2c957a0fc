/*
 * Values of fields as tests write them: transactions to send, keys of alerts to compare.
 */
#ifndef SEEPWATCH_RULES_TRIAL_VALUE_H
#define SEEPWATCH_RULES_TRIAL_VALUE_H

#include "rules/reader.h"
#include "rules/text.h"
#include "rules/trial.h"

enum { TRIAL_TEXT_MAX = 256 };

/* The texts of a transaction in which {n} stands for the number of the repeat. */
struct trial_numbered {
    enum field fields[TRIAL_NUMBERED_MAX];
    size_t count;
    struct texts ids; /* of subject.ids, all of them; empty where none asks for it */
};

/* Room for what stands there in one repeat. */
struct trial_numbers {
    char texts[TRIAL_NUMBERED_MAX][TRIAL_TEXT_MAX];
    uint64_t ids[TRIAL_TEXTS_MAX];
};

/* The fields that an alert must have, as people read them. */
struct trial_key {
    enum field fields[RULE_BY_MAX + 1];
    const char *values[RULE_BY_MAX + 1];
    size_t count;
};

/* trial_read_field sets one field of a transaction. */
void trial_read_field(const struct reader *r, const struct yaml_item *item, struct transaction *t,
                      struct trial_numbered *numbered);

/* trial_number puts the number of a repeat into the texts that ask for it; the transaction views
 * the room. */
void trial_number(struct transaction *t, const struct trial_numbered *numbered, uint64_t number,
                  struct trial_numbers *room);

void trial_read_key(const struct reader *r, const struct yaml_item *item, struct trial_key *key);
bool trial_key_is(const struct trial_key *key, const struct transaction *t);
void trial_key_print(struct text *t, const struct trial_key *key);

#endif
