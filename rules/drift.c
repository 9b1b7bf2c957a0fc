/*
 * `drift`: small excesses that add up, day by day (one-sided CUSUM: Page, "Continuous inspection
 * schemes", 1954).  Each day's residual, cut at `cap`, less the `slack`, is added to a sum that
 * never goes below 0.  The day that is not over adds what it has so far.  After an alert that was
 * told the sums begin anew: what goes on is told again, what has become usual is not.
 */
#include "rules/daily.h"

static const double lowest = -3; /* of a residual that is added */

/* A key's state has one for each of the rule's drifts. */
struct drift_run {
    float sum;
    float extra;    /* what was counted beyond what is usual, since then */
    uint32_t since; /* intervals that the sum has been above 0 */
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

static double sum_with(const struct detection *d, const struct drift_run *runs,
                       struct daily_view *v, size_t i)
{
    const struct rule_drift *drift = &d->rule->daily.drifts[i];
    return sum_of(drift, &runs[i], v, daily_score(d, v, drift->of));
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

/* Adds an interval that is over. */
static void add_up(const struct detection *d, struct drift_run *runs, struct daily_view *v)
{
    for (size_t i = 0; i < d->rule->daily.drifts_count; i++) {
        struct drift_run *run = &runs[i];
        double sum = sum_with(d, runs, v, i);
        run->sum = (float)sum;
        run->extra += (float)extra_of(v, d->rule->daily.drifts[i].of);
        run->since++;
        if (sum <= 0)
            *run = (struct drift_run){.sum = 0};
    }
}

/* The drift that is furthest beyond its limit, and how far: 1 is at it. */
static size_t furthest(const struct detection *d, const struct drift_run *runs,
                       struct daily_view *v, double *reached)
{
    const struct rule_drift *drifts = d->rule->daily.drifts;
    size_t found = 0;
    *reached = 0;
    for (size_t i = 0; i < d->rule->daily.drifts_count; i++) {
        double part = sum_with(d, runs, v, i) / in_units(drifts[i].limit);
        if (part <= *reached)
            continue;
        found = i;
        *reached = part;
    }
    return found;
}

/* Begins the sums anew, with what this interval has so far left out. */
static void restart(const struct detection *d, struct drift_run *runs, struct daily_view *v)
{
    for (size_t i = 0; i < d->rule->daily.drifts_count; i++) {
        struct drift_run *run = &runs[i];
        double now = sum_with(d, runs, v, i) - (double)run->sum;
        *run = (struct drift_run){.sum = (float)(now > 0 ? -now : 0),
                                  .extra = (float)-extra_of(v, d->rule->daily.drifts[i].of)};
    }
}

/* Whether a count has changed that one of the sums goes by. */
static bool has_changed(const struct detection *d)
{
    bool has = false;
    for (size_t i = 0; i < d->rule->daily.drifts_count && !has; i++)
        has = daily_has_changed(d, d->rule->daily.drifts[i].of);
    return has;
}

static enum finding drift_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    struct drift_run *runs = state;
    struct daily_view *v = daily_closed(d);
    double reached;
    *weight = 1;
    if (v)
        add_up(d, runs, v);
    if (!has_changed(d) || !daily_is_cause(d->rule, o->transaction))
        return FINDING_NONE;
    v = daily_look(d);
    if (!v)
        return FINDING_NONE;
    (void)furthest(d, runs, v, &reached);
    if (reached > 1)
        return FINDING_RAISED;
    return reached > 0.5 ? FINDING_NEAR : FINDING_NONE;
}

static void drift_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    struct drift_run *runs = state;
    struct daily_view *v = daily_look(d);
    double reached;
    if (!v)
        return;
    size_t i = furthest(d, runs, v, &reached);
    const struct rule_drift *drift = &d->rule->daily.drifts[i];
    double extra = (double)runs[i].extra + extra_of(v, drift->of);
    daily_describe(d, o, drift->of, a);
    a->score = sum_with(d, runs, v, i);
    a->score_limit = in_units(drift->limit);
    a->intervals = runs[i].since + 1;
    a->extra = extra > 0 ? (uint64_t)(extra + 0.5) : 0;
    restart(d, runs, v);
}

static void drift_clear(const struct detection *d, void *state)
{
    (void)d;
    (void)state;
}

static void drift_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct drift_run *runs = state;
    for (size_t i = 0; i < d->rule->daily.drifts_count; i++) {
        pack_float(p, runs[i].sum);
        pack_float(p, runs[i].extra);
        pack_number(p, runs[i].since);
    }
}

static bool drift_load(struct detection *d, void *state, struct cursor *c)
{
    struct drift_run *runs = state;
    bool is_good = true;
    for (size_t i = 0; i < d->rule->daily.drifts_count && is_good; i++) {
        struct drift_run *run = &runs[i];
        run->sum = unpack_float(c);
        run->extra = unpack_float(c);
        run->since = (uint32_t)unpack_number(c);
        is_good = run->sum > -1e9f && run->sum < 1e9f && run->extra > -1e30f && run->extra < 1e30f;
    }
    return is_good && unpack_done(c);
}

static size_t drift_parts(const struct rule *rule)
{
    return rule->daily.drifts_count;
}

const struct detector DETECTOR_DRIFT = {.tally = &TALLY_DAILY,
                                        .state_size = sizeof(struct drift_run),
                                        .parts = drift_parts,
                                        .count = drift_count,
                                        .describe = drift_describe,
                                        .span_ns = daily_span_ns,
                                        .keep_ns = daily_keep_ns,
                                        .clear = drift_clear,
                                        .version = 3,
                                        .save = drift_save,
                                        .load = drift_load};
