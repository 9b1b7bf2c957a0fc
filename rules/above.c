/*
 * `above`: a measure over a sliding window passes a limit.
 */
#include "rules/detector.h"
#include "rules/gauge.h"

static enum finding judge(const struct rule *rule, const struct gauge *g, uint64_t amount)
{
    uint64_t value = gauge_value(g, &rule->measure);
    bool is_max = rule->measure.kind == MEASURE_MAX;
    if (rule->measure.kind == MEASURE_SHARE && gauge_shared(g) < rule->at_least)
        return FINDING_NONE;
    if (is_max ? amount > rule->above : value > rule->above)
        return FINDING_RAISED;
    return value > rule->above / 2 ? FINDING_NEAR : FINDING_NONE;
}

static enum finding above_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    const struct rule *rule = d->rule;
    int64_t number = window_number_by(&d->clock, o->time_ns, rule->over_ns);
    uint64_t amount;
    enum window_status status =
        gauge_add(state, &rule->measure, d->budget, d->seed, o->transaction, number, &amount);
    if (status == WINDOW_LATE)
        return FINDING_LATE;
    if (status == WINDOW_DENIED)
        return FINDING_DENIED;
    *weight = amount;
    return judge(rule, state, amount);
}

static void above_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    const struct gauge *g = state;
    (void)o;
    a->value = a->at_least = gauge_value(g, &d->rule->measure);
    if (d->rule->measure.kind == MEASURE_DISTINCT) {
        a->at_least = distinct_at_least(&g->distinct);
        a->is_estimate = g->distinct.sketches != NULL;
    }
    a->lost_share = window_lost_share(&g->window);
}

static int64_t above_span_ns(const struct rule *rule)
{
    return rule->over_ns / (WINDOW_BUCKETS - 1) * (WINDOW_BUCKETS + 1);
}

static int64_t above_keep_ns(const struct rule *rule)
{
    int64_t span_ns = above_span_ns(rule);
    return span_ns > rule->quiet_ns ? span_ns : rule->quiet_ns;
}

static void above_clear(const struct detection *d, void *state)
{
    gauge_clear(state, d->budget);
}

const struct detector DETECTOR_ABOVE = {.state_size = sizeof(struct gauge),
                                        .count = above_count,
                                        .describe = above_describe,
                                        .span_ns = above_span_ns,
                                        .keep_ns = above_keep_ns,
                                        .clear = above_clear};
