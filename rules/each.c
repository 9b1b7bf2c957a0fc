/*
 * Every transaction that counts is worth an alert: what `unless before` leaves.
 */
#include "rules/detector.h"

static enum finding each_count(struct detection *d, void *state, const struct occurrence *o,
                               uint64_t *weight)
{
    (void)d;
    (void)state;
    (void)o;
    *weight = 1;
    return FINDING_RAISED;
}

static enum finding each_peek(struct detection *d, void *state, const struct occurrence *o)
{
    (void)d;
    (void)state;
    (void)o;
    return FINDING_RAISED;
}

static void each_describe(const struct detection *d, void *state, const struct occurrence *o,
                          struct alert *a)
{
    (void)d;
    (void)state;
    (void)o;
    a->value = a->at_least = a->repeats + 1;
}

static int64_t each_span_ns(const struct rule *rule)
{
    return rule->quiet_ns;
}

static void each_clear(const struct detection *d, void *state)
{
    (void)d;
    (void)state;
}

static void each_save(const struct detection *d, const void *state, struct pack *p)
{
    (void)d;
    (void)state;
    (void)p;
}

static bool each_load(struct detection *d, void *state, struct cursor *c)
{
    (void)d;
    (void)state;
    (void)c;
    return true;
}

const struct detector DETECTOR_EACH = {.state_size = 0,
                                       .count = each_count,
                                       .peek = each_peek,
                                       .describe = each_describe,
                                       .span_ns = each_span_ns,
                                       .keep_ns = each_span_ns,
                                       .clear = each_clear,
                                       .version = 1,
                                       .save = each_save,
                                       .load = each_load};
