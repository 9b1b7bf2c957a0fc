/*
 * `above`: a measure over a sliding window passes a limit.
 */
#include "core/clock.h"
#include "rules/detector.h"
#include "rules/gauge.h"
#include "rules/own.h"

struct above_state {
    struct gauge gauge;
    struct own own;
};

static enum finding judge(const struct rule *rule, struct above_state *s, uint64_t amount,
                          int64_t time_ns)
{
    uint64_t value = gauge_value(&s->gauge, &rule->measure);
    own_reach(&s->own, rule, time_ns);
    uint64_t limit = own_limit(&s->own, rule, time_ns);
    uint64_t held = rule->measure.kind == MEASURE_MAX ? amount : value;
    own_note(&s->own, rule, held, limit);
    bool is_share = rule->measure.kind == MEASURE_SHARE;
    if (is_share && (gauge_shared(&s->gauge) < rule->at_least || !gauge_is_part(amount)))
        return FINDING_NONE;
    if (held > limit)
        return FINDING_RAISED;
    return value > limit / 2 ? FINDING_NEAR : FINDING_NONE;
}

static enum finding above_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    struct above_state *s = state;
    const struct rule *rule = d->rule;
    int64_t number = window_number_by(&d->clock, o->time_ns, rule->over_ns);
    uint64_t amount;
    enum window_status status =
        gauge_add(&s->gauge, &rule->measure, d->budget, d->seed, o->transaction, number, &amount);
    if (status == WINDOW_LATE)
        return FINDING_LATE;
    if (status == WINDOW_DENIED)
        return FINDING_DENIED;
    *weight = amount;
    return judge(rule, s, amount, o->time_ns);
}

static enum finding above_peek(struct detection *d, void *state, const struct occurrence *o)
{
    const struct rule *rule = d->rule;
    struct above_state *s = state;
    struct gauge *g = &s->gauge;
    gauge_advance(g, d->budget, window_number_by(&d->clock, o->time_ns, rule->over_ns));
    d->passing = gauge_peek(g, &rule->measure, o->transaction);
    bool is_above =
        gauge_value(g, &rule->measure) + d->passing > own_limit(&s->own, rule, o->time_ns);
    return d->passing > 0 && is_above ? FINDING_RAISED : FINDING_NONE;
}

/* Whether the key says whom the alert is about. */
static bool names_anybody(const struct rule *rule)
{
    static const field_set persons = FIELD_BIT(FIELD_USER_NAME) | FIELD_BIT(FIELD_CLIENT_IP) |
                                     FIELD_BIT(FIELD_SOURCE_IP) | FIELD_BIT(FIELD_SESSION_ID) |
                                     FIELD_BIT(FIELD_NETWORK_NAME);
    field_set by = 0;
    for (size_t i = 0; i < rule->by_count; i++)
        by |= FIELD_BIT(rule->by[i]);
    return by & persons;
}

static void above_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    const struct above_state *s = state;
    const struct gauge *g = &s->gauge;
    if (!names_anybody(d->rule))
        detector_name(a, o->transaction);
    a->limit = own_limit(&s->own, d->rule, o->time_ns);
    a->own = own_largest(&s->own);
    a->value = a->at_least = gauge_value(g, &d->rule->measure) + d->passing;
    if (d->rule->measure.kind == MEASURE_DISTINCT) {
        a->at_least = gauge_at_least(g) + d->passing;
        a->is_estimate = gauge_is_estimate(g);
    }
    a->lost_share = window_lost_share(&g->window);
}

static const int64_t own_keep_ns = 365 * INT64_C(86400) * CLOCK_SECOND_NS;

static int64_t above_span_ns(const struct rule *rule)
{
    return rule->over_ns / (WINDOW_BUCKETS - 1) * (WINDOW_BUCKETS + 1);
}

static int64_t above_keep_ns(const struct rule *rule)
{
    int64_t span_ns = rule->times_own > 0 ? own_keep_ns : above_span_ns(rule);
    return span_ns > rule->quiet_ns ? span_ns : rule->quiet_ns;
}

static void above_clear(const struct detection *d, void *state)
{
    gauge_clear(&((struct above_state *)state)->gauge, d->budget);
}

static void above_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct above_state *s = state;
    (void)d;
    gauge_save(&s->gauge, p);
    own_save(&s->own, p);
}

static bool above_load(struct detection *d, void *state, struct cursor *c)
{
    struct above_state *s = state;
    if (!gauge_load(&s->gauge, d->budget, c))
        return false;
    own_load(&s->own, c);
    return !cursor_is_short(c);
}

const struct detector DETECTOR_ABOVE = {.state_size = sizeof(struct above_state),
                                        .count = above_count,
                                        .peek = above_peek,
                                        .describe = above_describe,
                                        .span_ns = above_span_ns,
                                        .keep_ns = above_keep_ns,
                                        .clear = above_clear,
                                        .version = 5,
                                        .save = above_save,
                                        .load = above_load};
