/*
 * `above`: a measure over a sliding window passes a limit.
 */
#include "rules/detector.h"
#include "rules/distinct.h"
#include "rules/window.h"

struct above_state {
    struct window window; /* of a distinct count: only the bytes, for the lost share */
    struct distinct distinct;
};

static uint64_t value_of(const struct rule *rule, const struct above_state *s)
{
    switch (rule->measure.kind) {
    case MEASURE_MAX:
        return window_max(&s->window);
    case MEASURE_DISTINCT:
        return distinct_count(&s->distinct);
    default:
        return window_sum(&s->window);
    }
}

static struct window_amount amount_of(const struct rule *rule, const struct transaction *t)
{
    struct window_amount a = {.amount = 1, .is_max = rule->measure.kind == MEASURE_MAX};
    if (rule->measure.kind == MEASURE_SUM || rule->measure.kind == MEASURE_MAX)
        a.amount = *(const uint64_t *)transaction_value(t, rule->measure.field);
    if (transaction_has(t, FIELD_CLIENT_BYTES))
        a.seen += t->client_bytes;
    if (transaction_has(t, FIELD_SERVER_BYTES))
        a.seen += t->server_bytes;
    if (transaction_has(t, FIELD_CAPTURE_LOST_BYTES))
        a.lost = t->lost_bytes;
    return a;
}

/* Values are told apart by their hashes; all of one transaction count or the memory ran out. */
static enum window_status add_values(const struct detection *d, struct above_state *s,
                                     const struct transaction *t, int64_t number)
{
    enum field f = d->rule->measure.field;
    size_t count = detector_values(t, f);
    enum window_status status = WINDOW_COUNTED;
    for (size_t i = 0; i < count && status == WINDOW_COUNTED; i++)
        status = distinct_add(&s->distinct, d->budget, number, detector_hash(t, f, i, d->seed));
    return status;
}

static enum finding judge(const struct rule *rule, const struct above_state *s, uint64_t amount)
{
    uint64_t value = value_of(rule, s);
    bool is_max = rule->measure.kind == MEASURE_MAX;
    if (is_max ? amount > rule->above : value > rule->above)
        return FINDING_RAISED;
    return value > rule->above / 2 ? FINDING_NEAR : FINDING_NONE;
}

static enum finding above_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    struct above_state *s = state;
    const struct rule *rule = d->rule;
    struct window_amount amount = amount_of(rule, o->transaction);
    int64_t number = window_number(o->time_ns, rule->over_ns);
    enum window_status status = WINDOW_COUNTED;
    if (rule->measure.kind == MEASURE_DISTINCT)
        status = add_values(d, s, o->transaction, number);
    if (status == WINDOW_COUNTED)
        status = window_add(&s->window, d->budget, number, &amount);
    if (status == WINDOW_LATE)
        return FINDING_LATE;
    if (status == WINDOW_DENIED)
        return FINDING_DENIED;
    *weight = amount.amount;
    return judge(rule, s, amount.amount);
}

static void above_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    const struct above_state *s = state;
    (void)o;
    a->value = a->at_least = value_of(d->rule, s);
    if (d->rule->measure.kind == MEASURE_DISTINCT) {
        a->at_least = distinct_at_least(&s->distinct);
        a->is_estimate = s->distinct.sketches != NULL;
    }
    a->lost_share = window_lost_share(&s->window);
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
    struct above_state *s = state;
    window_clear(&s->window, d->budget);
    distinct_clear(&s->distinct, d->budget);
}

const struct detector DETECTOR_ABOVE = {.state_size = sizeof(struct above_state),
                                        .count = above_count,
                                        .describe = above_describe,
                                        .span_ns = above_span_ns,
                                        .keep_ns = above_keep_ns,
                                        .clear = above_clear};
