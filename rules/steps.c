/*
 * `steps`: one after another for the same key.  A step counts only what comes within the rule's
 * time after the step before it was done; it is done each time that its measure is above its limit.
 */
#include "rules/detector.h"
#include "rules/gauge.h"

struct steps_state {
    struct gauge gauges[RULE_STEPS_MAX];
    int64_t done_ns[RULE_STEPS_MAX]; /* the last time */
    bool is_done[RULE_STEPS_MAX];
};

static uint64_t value_of(const struct rule *rule, const struct steps_state *s, size_t i)
{
    return gauge_value(&s->gauges[i], &rule->steps[i].measure);
}

/* The step's limit now. */
static uint64_t limit_of(const struct detection *d, struct steps_state *s, size_t i, int64_t number)
{
    const struct rule_step *step = &d->rule->steps[i];
    if (step->of == 0)
        return step->above;
    gauge_advance(&s->gauges[step->of - 1], d->budget, number);
    double limit = (double)value_of(d->rule, s, step->of - 1) * (double)step->above / SHARE_ONE;
    return limit < (double)UINT64_MAX ? (uint64_t)limit : UINT64_MAX;
}

static bool is_its_turn(const struct rule *rule, const struct steps_state *s, size_t i,
                        const struct occurrence *o)
{
    if (!expression_holds(&rule->steps[i].when, o->transaction))
        return false;
    return i == 0 || (s->is_done[i - 1] && o->time_ns >= s->done_ns[i - 1] &&
                      o->time_ns - s->done_ns[i - 1] <= rule->within_ns);
}

/* The last step first, so that one transaction is never two steps in a row. */
static enum finding steps_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    struct steps_state *s = state;
    const struct rule *rule = d->rule;
    int64_t number = window_number_by(&d->clock, o->time_ns, rule->within_ns);
    enum finding found = FINDING_NONE;
    for (size_t i = rule->steps_count; i-- > 0;) {
        const struct measure *m = &rule->steps[i].measure;
        if (!is_its_turn(rule, s, i, o))
            continue;
        enum window_status status =
            gauge_add(&s->gauges[i], m, d->budget, d->seed, o->transaction, number, weight);
        if (status == WINDOW_DENIED && found == FINDING_NONE)
            return FINDING_DENIED; /* nothing was counted, and it may be tried again */
        if (status != WINDOW_COUNTED)
            continue;
        bool is_done = value_of(rule, s, i) > limit_of(d, s, i, number);
        if (is_done) {
            s->is_done[i] = true;
            s->done_ns[i] = o->time_ns > s->done_ns[i] ? o->time_ns : s->done_ns[i];
        }
        if (is_done && i + 1 == rule->steps_count)
            return FINDING_RAISED;
        if (is_done || i > 0)
            found = FINDING_NEAR;
    }
    return found;
}

static void steps_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    struct steps_state *s = state;
    (void)o;
    for (size_t i = 0; i < d->rule->steps_count; i++)
        a->steps[i] = value_of(d->rule, s, i);
    a->lost_share = window_lost_share(&s->gauges[d->rule->steps_count - 1].window);
}

static int64_t steps_span_ns(const struct rule *rule)
{
    return rule->within_ns * (int64_t)rule->steps_count;
}

static int64_t steps_keep_ns(const struct rule *rule)
{
    int64_t span_ns = rule->within_ns / (WINDOW_BUCKETS - 1) * (WINDOW_BUCKETS + 1);
    return span_ns > rule->quiet_ns ? span_ns : rule->quiet_ns;
}

static void steps_clear(const struct detection *d, void *state)
{
    struct steps_state *s = state;
    for (size_t i = 0; i < RULE_STEPS_MAX; i++)
        gauge_clear(&s->gauges[i], d->budget);
}

static void steps_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct steps_state *s = state;
    for (size_t i = 0; i < d->rule->steps_count; i++) {
        gauge_save(&s->gauges[i], p);
        pack_flag(p, s->is_done[i]);
        pack_signed(p, s->done_ns[i]);
    }
}

static bool steps_load(struct detection *d, void *state, struct cursor *c)
{
    struct steps_state *s = state;
    for (size_t i = 0; i < d->rule->steps_count; i++) {
        if (!gauge_load(&s->gauges[i], d->budget, c))
            return false;
        s->is_done[i] = unpack_flag(c);
        s->done_ns[i] = unpack_signed(c);
    }
    return !cursor_is_short(c);
}

const struct detector DETECTOR_STEPS = {.state_size = sizeof(struct steps_state),
                                        .count = steps_count,
                                        .describe = steps_describe,
                                        .span_ns = steps_span_ns,
                                        .keep_ns = steps_keep_ns,
                                        .clear = steps_clear,
                                        .version = 2,
                                        .save = steps_save,
                                        .load = steps_load};
