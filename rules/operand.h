/*
 * The right side of a comparison: written words become values of the field's type, or problems.
 */
#ifndef SEEPWATCH_RULES_OPERAND_H
#define SEEPWATCH_RULES_OPERAND_H

#include "rules/expression.h"
#include "rules/token.h"
#include "rules/vocabulary.h"

enum relation {
    RELATION_EQUAL,
    RELATION_NOT_EQUAL,
    RELATION_BELOW,
    RELATION_AT_MOST,
    RELATION_ABOVE,
    RELATION_AT_LEAST,
    RELATION_IN,
    RELATION_NOT_IN,
    RELATION_CONTAINS,
    RELATION_STARTS_WITH,
    RELATION_ENDS_WITH,
    RELATION_MATCHES,
    RELATION_EXISTS,
    RELATIONS_COUNT
};

extern const char *const RELATION_NAMES[RELATIONS_COUNT];

/* operand_allows tells whether fields of that field's type take the operator; where not, it is
 * reported at its place with those that they take. */
bool operand_allows(struct vocabulary *v, enum field f, enum relation relation, struct source at);

/* operand_one fills the test `field relation word`; false, and a problem more, where the word is no
 * value of the field. */
bool operand_one(struct vocabulary *v, struct test *test, enum relation relation,
                 const struct token *word);

/* operand_list fills the test `field in [words]`. */
bool operand_list(struct vocabulary *v, struct test *test, const struct token *words, size_t count);

/* operand_named fills the test `field in word`, where word is a named list, a field with several
 * values or, for an address, one network. */
bool operand_named(struct vocabulary *v, struct test *test, const struct token *word);

#endif
