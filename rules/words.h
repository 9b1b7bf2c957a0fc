/*
 * What the sentences and the JSON of alerts are made of.
 */
#ifndef SEEPWATCH_RULES_WORDS_H
#define SEEPWATCH_RULES_WORDS_H

#include "core/transaction.h"
#include "rules/text.h"

/* How people call what a field holds: one value as a key, an amount, several values; NULL: there is
 * no other word than its name. */
struct field_words {
    enum field field;
    const char *key, *amount, *values;
};

/* words_of gives the words for a field, all NULL where there are none. */
const struct field_words *words_of(enum field f);

/* words_name gives the word for a field as a key, or else its name. */
const char *words_name(enum field f);

/* words_add_quoted adds a text from outside: in quotes where it has blanks or signs of our own
 * lines. */
void words_add_quoted(struct text *t, struct bytes value);

/* words_add_value adds one field of a key. */
void words_add_value(struct text *t, const struct transaction *key, enum field f);

/* words_add_list adds several texts from outside, with commas. */
void words_add_list(struct text *t, const struct bytes *texts, size_t count);

/* words_add_window adds a span of time to a line (" in 1h") or to a sentence (" within 1 hour"). */
void words_add_window(struct text *t, int64_t ns, bool in_words);

/* Members of the JSON: a text, a time, `window`, `measure` as "what(FIELD)", a list of texts. */
void words_write_text(struct json *j, const char *name, const char *text);
void words_write_time(struct json *j, const char *name, int64_t ns);
void words_write_window(struct json *j, int64_t ns);
void words_write_measure(struct json *j, const char *what, enum field f);
void words_write_texts(struct json *j, const char *name, const struct bytes *texts, size_t count);

#endif
