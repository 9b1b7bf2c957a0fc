/*
 * A `when` as a tree, between its text and the flat array of expression.h: parsed, checked against
 * the table of fields, macros put in.  Macros share their subtrees.
 */
#ifndef SEEPWATCH_RULES_CONDITION_H
#define SEEPWATCH_RULES_CONDITION_H

#include "rules/expression.h"
#include "rules/vocabulary.h"

enum condition_kind { CONDITION_TEST, CONDITION_NOT, CONDITION_AND, CONDITION_OR };

struct condition {
    enum condition_kind kind;
    const struct condition *left, *right; /* of a `not`: left */
    struct test test;
    unsigned tests, depth; /* of the whole subtree */
    field_set required;    /* as in struct expression */
    unsigned actions;      /* likewise */
};

/*
 * condition_parse reads the text of a scalar.  NULL, and at least one problem more, where anything
 * in it is wrong.
 */
const struct condition *condition_parse(struct vocabulary *v, const struct yaml_node *text);
/* condition_parse_from reads what begins at that byte of it. */
const struct condition *condition_parse_from(struct vocabulary *v, const struct yaml_node *text,
                                             size_t at);

/* condition_check_macros parses every macro, so that mistakes in those that no rule uses are found
 * too. */
void condition_check_macros(struct vocabulary *v);

/* condition_compile lays the tree out flat; false, and a problem more, where there is no memory. */
bool condition_compile(struct expression *e, const struct condition *c, struct vocabulary *v);

/* condition_text gives the text of a condition in one line, with each macro's text in its place. */
const char *condition_text(struct vocabulary *v, const struct yaml_node *text);

/* condition_join lays several expressions out as one, of which any must hold, or else all; false
 * where together they have more than EXPRESSION_TESTS_MAX tests, or there is no memory. */
bool condition_join(struct expression *e, const struct expression *const *list, size_t count,
                    bool is_any, struct vocabulary *v);

#endif
