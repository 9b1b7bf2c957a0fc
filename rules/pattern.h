/*
 * Regular expressions of `matches`: Perl's, by PCRE2, the one file around it.  The work for one
 * text is bounded, whatever the pattern: PATTERN_STEPS_MAX steps of the matcher over
 * PATTERN_TEXT_MAX bytes.  What is not decided by then does not match, which is counted.  Nothing
 * is compiled to machine code, since a confined process may not.
 */
#ifndef SEEPWATCH_RULES_PATTERN_H
#define SEEPWATCH_RULES_PATTERN_H

#include "rules/arena.h"

enum {
    PATTERN_LEN_MAX = 1024,    /* bytes of a pattern */
    PATTERN_TEXT_MAX = 4096,   /* bytes of a text that are looked at */
    PATTERN_STEPS_MAX = 50000, /* of the matcher, for one text */
    PATTERN_HEAP_MAX = 256,    /* KiB, for what it may have to try again */
    PATTERN_WHY_MAX = 160,
};

struct pattern;

/* pattern_open compiles one; all memory is the arena's.  NULL where it is wrong: why, and at which
 * byte.  *gave_up is counted up whenever a text was not decided. */
struct pattern *pattern_open(struct arena *a, struct bytes text, uint64_t *gave_up,
                             char why[PATTERN_WHY_MAX], size_t *offset);

/* pattern_holds tells whether the pattern is found anywhere in the text. */
bool pattern_holds(const struct pattern *p, struct bytes text);

/* pattern_text views the pattern as it was written. */
struct bytes pattern_text(const struct pattern *p);

#endif
