/*
 * A limit that goes with the key, of `times own`: so many times the largest value that the key ever
 * had, and never less than `above`.  A key that is not known for the time of `learn` yet has at
 * least the limit of one whose largest value is `above`.
 *
 * What is above the limit teaches no more than the limit itself, and what was long ago counts less:
 * half after 90 days.
 */
#ifndef SEEPWATCH_RULES_OWN_H
#define SEEPWATCH_RULES_OWN_H

#include "core/pack.h"
#include "rules/rule.h"

/* A zeroed struct knows nothing. */
struct own {
    int64_t block;    /* number of the span, as long as the rule's window, that is counted */
    uint32_t since_s; /* second of the key's first value; 0: there was none */
    float now;        /* the largest value in the span */
    float last;       /* in the one before it, which may lie in the window still */
    float largest;    /* in those before */
};

/* own_limit gives the rule's limit for a key at a time, or at the time of its newest value. */
uint64_t own_limit(const struct own *o, const struct rule *rule, int64_t time_ns);

/* own_largest gives the largest value before. */
uint64_t own_largest(const struct own *o);

/* own_reach goes on to a time, own_note notes a value of that time that was held against that
 * limit, own_limit's. */
void own_reach(struct own *o, const struct rule *rule, int64_t time_ns);
void own_note(struct own *o, const struct rule *rule, uint64_t value, uint64_t limit);

/* own_save writes it down, own_load reads that into a zeroed one. */
void own_save(const struct own *o, struct pack *p);
void own_load(struct own *o, struct cursor *c);

#endif
