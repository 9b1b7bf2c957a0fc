/*
 * A compiled `when`: tests of fields of core/transaction.h in one flat array, each with the place
 * to go on at when it holds and when it does not, always further on.  Evaluation takes no memory,
 * no recursion and at most one step a test.
 *
 * A test of a field that the transaction does not have fails, with != and `not in` as well; `not`
 * turns the result of what it stands before.
 */
#ifndef SEEPWATCH_RULES_EXPRESSION_H
#define SEEPWATCH_RULES_EXPRESSION_H

#include "core/transaction.h"
#include "rules/pattern.h"
#include "rules/set.h"
#include "rules/zone.h"

enum {
    EXPRESSION_TEXT_MAX = 16384, /* bytes of one `when` or macro */
    EXPRESSION_TESTS_MAX = 512,  /* macros counted with what they stand for */
    EXPRESSION_DEPTH_MAX = 1024, /* of the tree behind it, likewise */
    EXPRESSION_NESTING_MAX = 64, /* parentheses, `not` and macros inside each other */
    EXPRESSION_LIST_MAX = 256,   /* values between [ and ] */
};

enum test_kind {
    TEST_EXISTS,
    TEST_NUMBER_EQUAL, /* numbers, hashes, times */
    TEST_NUMBER_BELOW,
    TEST_NUMBER_ABOVE,
    TEST_NUMBER_IN,
    TEST_BOOLEAN_EQUAL,
    TEST_CHOICE_IN,  /* number: a bit for each choice */
    TEST_TEXT_EQUAL, /* of several texts, one is enough */
    TEST_TEXT_IN,
    TEST_TEXT_IN_FIELD,
    TEST_TEXT_CONTAINS,
    TEST_TEXT_STARTS,
    TEST_TEXT_ENDS,
    TEST_TEXT_MATCHES,
    TEST_ADDRESS_EQUAL,
    TEST_ADDRESS_IN,
    TEST_HOUR_IN, /* of @timestamp, in the time zone */
    TEST_WEEKDAY_IN,
};

struct test {
    uint8_t kind;             /* enum test_kind */
    uint8_t field, in_field;  /* enum field */
    bool is_negated;          /* turned where the fields are there */
    uint16_t then, otherwise; /* index of the next test, or EXPRESSION_TRUE or EXPRESSION_FALSE */
    union {
        uint64_t number; /* a time is turned by expression_time, so that it sorts unsigned */
        struct bytes text;
        struct address address;
        const struct set *set;
        const struct pattern *pattern;
        struct {
            const struct zone *zone;
            uint32_t hours; /* a bit for each hour, or day from Monday on */
        };
    };
};

enum { EXPRESSION_TRUE = UINT16_MAX, EXPRESSION_FALSE = UINT16_MAX - 1 };

struct expression {
    const struct test *tests;
    unsigned count;     /* 0: always true */
    field_set required; /* the fields without which it cannot be true */
    unsigned actions;   /* a bit for each enum action with which it can be true */
    field_set excluded; /* the fields with which it cannot be true */
};

enum { EXPRESSION_ACTIONS_ALL = (1u << (ACTION_OTHER + 1)) - 1 };

/* expression_time makes a time comparable without its sign. */
static inline uint64_t expression_time(int64_t ns)
{
    return (uint64_t)ns ^ UINT64_C(1) << 63;
}

/* test_holds tells whether one test holds for the transaction. */
bool test_holds(const struct test *test, const struct transaction *t);

/* expression_concerns tells whether it can be true with those fields and that action, as far as
 * that is told without a test. */
static inline bool expression_concerns(const struct expression *e, field_set present,
                                       unsigned action)
{
    return (present & (e->required | e->excluded)) == e->required && e->actions >> action & 1;
}

/* What can come of an expression. */
enum outlook { OUTLOOK_NEVER, OUTLOOK_OPEN, OUTLOOK_ALWAYS };

/* expression_outlook tells what can come of it for the transactions that have just those fields and
 * that action; where that is open, *from is the first test that tells them apart. */
enum outlook expression_outlook(const struct expression *e, field_set present, unsigned action,
                                unsigned *from);

/* expression_holds_from is expression_holds for those transactions. */
static inline bool expression_holds_from(const struct expression *e, unsigned from,
                                         const struct transaction *t)
{
    unsigned at = from;
    while (at < e->count)
        at = test_holds(&e->tests[at], t) ? e->tests[at].then : e->tests[at].otherwise;
    return at == EXPRESSION_TRUE;
}

/* expression_holds tells whether the expression is true for the transaction. */
static inline bool expression_holds(const struct expression *e, const struct transaction *t)
{
    return expression_concerns(e, t->present, t->action) &&
           expression_holds_from(e, e->count > 0 ? 0 : EXPRESSION_TRUE, t);
}

#endif
