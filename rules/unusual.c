/*
 * `unusual`: one day (or hour) is far from what the key usually does and from what its peers do on
 * the same day.  Every change of the count is held against what is to be expected by now, so that
 * an alert comes on the way and not in the evening.
 */
#include "rules/daily.h"

static void nothing(struct detection *d, struct daily *k, const struct daily_view *v)
{
    (void)d;
    (void)k;
    (void)v;
}

static bool is_enough(const struct rule *rule, const struct daily_view *v)
{
    bool is_volume = rule->daily.of == 1u << USUAL_OF_VOLUME;
    return v->counts[is_volume ? USUAL_WHOLE : USUAL_PART] >= (double)rule->at_least;
}

static enum finding unusual_count(struct detection *d, void *state, const struct occurrence *o,
                                  uint64_t *weight)
{
    struct daily *k = state;
    struct daily_view v;
    const struct rule *rule = d->rule;
    enum daily_status status = daily_count(d, k, o, nothing);
    *weight = 1;
    if (status == DAILY_LATE || status == DAILY_DENIED)
        return status == DAILY_LATE ? FINDING_LATE : FINDING_DENIED;
    if (status == DAILY_SAME || !daily_is_cause(rule, o->transaction) || !daily_look(d, k, &v) ||
        !is_enough(rule, &v))
        return FINDING_NONE;
    double score = daily_score(d, k, &v, rule->daily.of) * SHARE_ONE;
    if (score > (double)rule->score)
        return FINDING_RAISED;
    return score > (double)rule->score / 2 ? FINDING_NEAR : FINDING_NONE;
}

static void unusual_describe(const struct detection *d, void *state, const struct occurrence *o,
                             struct alert *a)
{
    struct daily_view v;
    struct detection own = *d;
    daily_describe(d, state, o, d->rule->daily.of, a);
    if (daily_look(&own, state, &v)) {
        a->score = daily_score(d, state, &v, d->rule->daily.of);
        a->limit = daily_limit(d, state, &v);
    }
    a->score_limit = (double)d->rule->score / SHARE_ONE;
}

static void unusual_clear(const struct detection *d, void *state)
{
    daily_clear(d, state);
}

static void unusual_save(const struct detection *d, const void *state, struct pack *p)
{
    daily_save(d->rule, state, p);
}

static bool unusual_load(struct detection *d, void *state, struct cursor *c)
{
    return daily_load(d, state, c) && unpack_done(c);
}

const struct detector DETECTOR_UNUSUAL = {.state_size = sizeof(struct daily),
                                          .count = unusual_count,
                                          .describe = unusual_describe,
                                          .span_ns = daily_span_ns,
                                          .keep_ns = daily_keep_ns,
                                          .clear = unusual_clear,
                                          .open_whole = daily_open,
                                          .close_whole = daily_close,
                                          .version = 2,
                                          .save = unusual_save,
                                          .load = unusual_load,
                                          .save_whole = daily_save_all,
                                          .load_whole = daily_load_all};
