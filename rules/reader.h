/*
 * What the readers of a rule's keys share: one mapping of YAML at a time, its values checked, every
 * mistake reported at its place.
 */
#ifndef SEEPWATCH_RULES_READER_H
#define SEEPWATCH_RULES_READER_H

#include "rules/rule.h"
#include "rules/vocabulary.h"

struct reader {
    struct vocabulary *v;
    const struct yaml_node *node; /* the mapping that is read */
    struct rule *rule;
    const char *what; /* "this rule" */
};

/* reader_problem reports a mistake at a node. */
void reader_problem(const struct reader *r, const struct yaml_node *at, const char *what);

/* reader_scalar gives the scalar under a key; NULL where it is missing, which is reported where it
 * is needed. */
const struct yaml_node *reader_scalar(const struct reader *r, const char *key, bool is_needed);

/* reader_text keeps a scalar's text of at most max bytes; NULL where there is no node. */
const char *reader_text(const struct reader *r, const char *key, const struct yaml_node *n,
                        size_t max);

/* reader_choice gives the index of a word; the first where it is none of them, which is reported.
 */
unsigned reader_choice(const struct reader *r, const char *key, const struct yaml_node *n,
                       const char *const *words);

/* reader_field finds a field that stands at an offset of a scalar; FIELDS_COUNT, and a problem
 * more, where there is none of that name. */
enum field reader_field(const struct reader *r, const struct yaml_node *n, struct bytes name,
                        size_t offset);

/* reader_duration gives a duration between two bounds; `otherwise` where the key is missing, which
 * is a mistake where that is negative. */
int64_t reader_duration(const struct reader *r, const char *key, int64_t otherwise, int64_t min,
                        int64_t max);

/* reader_number likewise gives a whole number without a unit. */
uint64_t reader_number(const struct reader *r, const char *key, uint64_t otherwise, uint64_t min,
                       uint64_t max);

/* reader_condition compiles the condition under a key; false where it is missing or wrong, and the
 * expression is then true for everything. */
bool reader_condition(const struct reader *r, const char *key, bool is_needed,
                      struct expression *e);

/* reader_condition_text gives it as people read it; NULL where it is missing. */
const char *reader_condition_text(const struct reader *r, const char *key);

#endif
