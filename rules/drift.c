/*
 * `drift`: small excesses that add up, day by day (one-sided CUSUM: Page, "Continuous inspection
 * schemes", 1954).  Each day's residual, cut at `cap`, less the `slack`, is added to a sum that
 * never goes below 0.  The day that is not over adds what it has so far.  After an alert that was
 * told the sums begin anew: what goes on is told again, what has become usual is not.
 */
#include "rules/daily.h"

static const double lowest = -3; /* of a residual that is added */

struct drift_state {
    struct daily daily;
    struct drift_run {
        float sum;
        float extra;    /* what was counted beyond what is usual, since then */
        uint32_t since; /* intervals that the sum has been above 0 */
    } runs[RULE_DRIFTS_MAX];
};

static double in_units(uint64_t millionths)
{
    return (double)millionths / SHARE_ONE;
}

/* The sum with this interval, of that score. */
static double sum_of(const struct rule_drift *drift, const struct drift_run *run,
                     const struct daily_view *v, double score)
{
    bool is_enough = v->counts[USUAL_WHOLE] >= (double)drift->at_least;
    double cap = in_units(drift->cap);
    score = !is_enough ? 0 : score < lowest ? lowest : score > cap ? cap : score;
    double sum = (double)run->sum + score - in_units(drift->slack);
    return sum > 0 ? sum : 0;
}

static double sum_with(const struct detection *d, const struct drift_state *s,
                       const struct daily_view *v, size_t i)
{
    const struct rule_drift *drift = &d->rule->daily.drifts[i];
    return sum_of(drift, &s->runs[i], v, daily_score(d, &s->daily, v, drift->of));
}

static enum usual_count counted_of(unsigned of)
{
    return of == 1u << USUAL_OF_VOLUME ? USUAL_WHOLE : USUAL_PART;
}

static double extra_of(const struct daily_view *v, unsigned of)
{
    enum usual_count c = counted_of(of);
    return v->counts[c] - daily_expected(v, of);
}

static void add_up(struct detection *d, struct daily *k, const struct daily_view *v)
{
    struct drift_state *s = (struct drift_state *)(void *)k; /* its first member */
    if (!daily_is_known(d, k))
        return;
    for (size_t i = 0; i < d->rule->daily.drifts_count; i++) {
        struct drift_run *run = &s->runs[i];
        double sum = sum_with(d, s, v, i);
        run->sum = (float)sum;
        run->extra += (float)extra_of(v, d->rule->daily.drifts[i].of);
        run->since++;
        if (sum <= 0)
            *run = (struct drift_run){.sum = 0};
    }
}

/* The drift that is furthest beyond its limit, and how far: 1 is at it. */
static size_t furthest(const struct detection *d, const struct drift_state *s,
                       const struct daily_view *v, double *reached)
{
    const struct rule_drift *drifts = d->rule->daily.drifts;
    size_t found = 0;
    double score = 0;
    *reached = 0;
    for (size_t i = 0; i < d->rule->daily.drifts_count; i++) {
        if (i == 0 || drifts[i].of != drifts[i - 1].of)
            score = daily_score(d, &s->daily, v, drifts[i].of);
        double part = sum_of(&drifts[i], &s->runs[i], v, score) / in_units(drifts[i].limit);
        if (part <= *reached)
            continue;
        found = i;
        *reached = part;
    }
    return found;
}

/* Begins the sums anew, with what this interval has so far left out. */
static void restart(const struct detection *d, struct drift_state *s, const struct daily_view *v)
{
    for (size_t i = 0; i < d->rule->daily.drifts_count; i++) {
        struct drift_run *run = &s->runs[i];
        double now = sum_with(d, s, v, i) - (double)run->sum;
        *run = (struct drift_run){.sum = (float)(now > 0 ? -now : 0),
                                  .extra = (float)-extra_of(v, d->rule->daily.drifts[i].of)};
    }
}

static enum finding drift_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    struct drift_state *s = state;
    struct daily_view v;
    double reached;
    enum daily_status status = daily_count(d, &s->daily, o, add_up);
    *weight = 1;
    if (status == DAILY_LATE || status == DAILY_DENIED)
        return status == DAILY_LATE ? FINDING_LATE : FINDING_DENIED;
    if (status == DAILY_SAME || !daily_is_cause(d->rule, o->transaction) ||
        !daily_look(d, &s->daily, &v))
        return FINDING_NONE;
    (void)furthest(d, s, &v, &reached);
    if (reached > 1)
        return FINDING_RAISED;
    return reached > 0.5 ? FINDING_NEAR : FINDING_NONE;
}

static void drift_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    struct drift_state *s = state;
    struct detection own = *d;
    struct daily_view v;
    double reached;
    if (!daily_look(&own, &s->daily, &v))
        return;
    size_t i = furthest(d, s, &v, &reached);
    const struct rule_drift *drift = &d->rule->daily.drifts[i];
    double extra = (double)s->runs[i].extra + extra_of(&v, drift->of);
    daily_describe(d, &s->daily, o, drift->of, a);
    a->score = sum_with(d, s, &v, i);
    a->score_limit = in_units(drift->limit);
    a->intervals = s->runs[i].since + 1;
    a->extra = extra > 0 ? (uint64_t)(extra + 0.5) : 0;
    restart(d, s, &v);
}

static void drift_clear(const struct detection *d, void *state)
{
    struct drift_state *s = state;
    daily_clear(d, &s->daily);
}

static void drift_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct drift_state *s = state;
    daily_save(d->rule, &s->daily, p);
    for (size_t i = 0; i < d->rule->daily.drifts_count; i++) {
        pack_float(p, s->runs[i].sum);
        pack_float(p, s->runs[i].extra);
        pack_number(p, s->runs[i].since);
    }
}

static bool drift_load(struct detection *d, void *state, struct cursor *c)
{
    struct drift_state *s = state;
    bool is_good = daily_load(d, &s->daily, c);
    for (size_t i = 0; i < d->rule->daily.drifts_count && is_good; i++) {
        struct drift_run *run = &s->runs[i];
        run->sum = unpack_float(c);
        run->extra = unpack_float(c);
        run->since = (uint32_t)unpack_number(c);
        is_good = run->sum > -1e9f && run->sum < 1e9f && run->extra > -1e30f && run->extra < 1e30f;
    }
    return is_good && unpack_done(c);
}

const struct detector DETECTOR_DRIFT = {.state_size = sizeof(struct drift_state),
                                        .count = drift_count,
                                        .describe = drift_describe,
                                        .span_ns = daily_span_ns,
                                        .keep_ns = daily_keep_ns,
                                        .clear = drift_clear,
                                        .open_whole = daily_open,
                                        .close_whole = daily_close,
                                        .version = 2,
                                        .save = drift_save,
                                        .load = drift_load,
                                        .save_whole = daily_save_all,
                                        .load_whole = daily_load_all};
