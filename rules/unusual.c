/*
 * `unusual`: one day (or hour) is far from what the key usually does and from what its peers do on
 * the same day.  Every change of the count is held against what is to be expected by now, so that
 * an alert comes on the way and not in the evening.
 */
#include "rules/daily.h"

static bool is_enough(const struct rule *rule, const struct daily_view *v)
{
    bool is_volume = rule->daily.of == 1u << USUAL_OF_VOLUME;
    return v->counts[is_volume ? USUAL_WHOLE : USUAL_PART] >= (double)rule->at_least;
}

static enum finding unusual_count(struct detection *d, void *state, const struct occurrence *o,
                                  uint64_t *weight)
{
    const struct rule *rule = d->rule;
    (void)state;
    *weight = 1;
    if (!daily_has_changed(d, rule->daily.of) || !daily_is_cause(rule, o->transaction))
        return FINDING_NONE;
    struct daily_view *v = daily_look(d);
    if (!v || !is_enough(rule, v))
        return FINDING_NONE;
    double score = daily_score(d, v, rule->daily.of) * SHARE_ONE;
    if (score > (double)rule->score)
        return FINDING_RAISED;
    return score > (double)rule->score / 2 ? FINDING_NEAR : FINDING_NONE;
}

static void unusual_describe(const struct detection *d, void *state, const struct occurrence *o,
                             struct alert *a)
{
    struct daily_view *v = daily_look(d);
    (void)state;
    daily_describe(d, o, d->rule->daily.of, a);
    if (v) {
        a->score = daily_score(d, v, d->rule->daily.of);
        a->limit = daily_limit(d, v);
    }
    a->score_limit = (double)d->rule->score / SHARE_ONE;
}

/* All that it knows is the tally's. */
static void unusual_clear(const struct detection *d, void *state)
{
    (void)d;
    (void)state;
}

static void unusual_save(const struct detection *d, const void *state, struct pack *p)
{
    (void)d;
    (void)state;
    (void)p;
}

static bool unusual_load(struct detection *d, void *state, struct cursor *c)
{
    (void)d;
    (void)state;
    return unpack_done(c);
}

const struct detector DETECTOR_UNUSUAL = {.tally = &TALLY_DAILY,
                                          .count = unusual_count,
                                          .describe = unusual_describe,
                                          .span_ns = daily_span_ns,
                                          .keep_ns = daily_keep_ns,
                                          .clear = unusual_clear,
                                          .version = 3,
                                          .save = unusual_save,
                                          .load = unusual_load};
