/*
 * What the rules of a tally ask for.
 */
#include "rules/daily.h"

#include "core/clock.h"
#include "rules/daily_tally.h"

#include <math.h>

#define DAY_NS (86400 * CLOCK_SECOND_NS)

/* The tally's key of the transaction that is counted. */
static struct daily *of_now(const struct detection *d)
{
    return d->tally->state;
}

bool daily_has_changed(const struct detection *d, unsigned of)
{
    const struct daily_all *all = d->tally->whole;
    bool is_volume = of == 1u << USUAL_OF_VOLUME;
    return all->last.changed & (is_volume ? 1u << USUAL_WHOLE : ~0u);
}

struct daily_view *daily_closed(const struct detection *d)
{
    struct daily_all *all = d->tally->whole;
    return all->last.has_closed && all->last.knew ? &all->last.closed : NULL;
}

struct daily_view *daily_look(const struct detection *d)
{
    struct daily_all *all = d->tally->whole;
    const struct rule *rule = d->rule;
    uint64_t learning = (uint64_t)(rule->learn_ns / rule->daily.each_ns);
    bool is_by_now =
        rule->trigger == TRIGGER_UNUSUAL && rule->daily.than_peers && !daily_is_alone(rule);
    bool *has = is_by_now ? &all->last.has_part_of_day : &all->last.has_whole;
    struct daily_view *v = is_by_now ? &all->last.part_of_day : &all->last.whole;
    if (crowd_closed(all->crowd) < learning || !daily_is_known(d->tally, of_now(d)))
        return NULL;
    if (!*has) {
        daily_view(d->tally, of_now(d), v);
        if (is_by_now)
            daily_expect_by_now(all, v);
        *has = true;
    }
    return v;
}

double daily_score(const struct detection *d, struct daily_view *v, unsigned of)
{
    double sum = 0;
    unsigned count = 0;
    daily_work_out(d->tally, of_now(d), v, of);
    for (unsigned s = 0; s < USUAL_SCORES; s++) {
        if (!(of >> s & 1))
            continue;
        sum += v->scores[s];
        count++;
    }
    return count > 1 ? sum / sqrt(count) : sum;
}

static uint64_t rounded(double x)
{
    return x <= 0 ? 0 : x < 1e18 ? (uint64_t)(x + 0.5) : UINT64_MAX;
}

bool daily_is_cause(const struct rule *rule, const struct transaction *t)
{
    return rule->measure.kind != MEASURE_SHARE || expression_holds(rule->measure.part, t);
}

double daily_expected(const struct daily_view *v, unsigned of)
{
    if (of == 1u << USUAL_OF_SHARE)
        return v->decided * v->level.share;
    return v->level.mean[of == 1u << USUAL_OF_VOLUME ? USUAL_WHOLE : USUAL_PART];
}

uint64_t daily_limit(const struct detection *d, const struct daily_view *v)
{
    const struct daily_all *all = d->tally->whole;
    const struct daily *k = of_now(d);
    const struct rule *rule = d->rule;
    double z = (double)rule->score / SHARE_ONE, limit;
    if (rule->daily.of == 1u << USUAL_OF_VOLUME)
        limit = usual_limit(&k->usual, &all->noise, USUAL_OF_VOLUME, z, &v->level);
    else if (rule->daily.of == 1u << USUAL_OF_PART)
        limit = usual_limit(&k->usual, &all->noise, USUAL_OF_PART, z, &v->level);
    else
        return 0;
    return limit < 1e18 ? (uint64_t)limit : UINT64_MAX;
}

/* Whether the key itself tells where to look. */
static bool names_somebody(const struct rule *rule)
{
    for (size_t i = 0; i < rule->by_count; i++) {
        enum field f = rule->by[i];
        if (f == FIELD_USER_NAME || f == FIELD_CLIENT_IP || f == FIELD_NETWORK_NAME)
            return true;
    }
    return false;
}

void daily_describe(const struct detection *d, const struct occurrence *o, unsigned of,
                    struct alert *a)
{
    const struct daily_all *all = d->tally->whole;
    const struct daily *k = of_now(d);
    struct daily_view v;
    double peers;
    daily_view(d->tally, k, &v);
    bool is_part = d->rule->daily.followed_text || d->rule->measure.kind == MEASURE_SHARE;
    enum usual_count count = is_part && !(of == 1u << USUAL_OF_VOLUME) ? USUAL_PART : USUAL_WHOLE;
    a->value = a->at_least = rounded(v.counts[count]);
    a->whole = rounded(v.counts[USUAL_WHOLE]);
    a->is_part = count == USUAL_PART;
    a->is_estimate = daily_counts_customers(d->rule) && k->visits.level > 0;
    a->usual = rounded(daily_expected(&v, of));
    a->has_peers = d->rule->daily.than_peers && !daily_is_alone(d->rule) &&
                   crowd_colleagues(all->crowd, &k->member, count, &peers);
    a->peers = a->has_peers ? rounded(peers) : 0;
    if (!names_somebody(d->rule))
        detector_name(a, o->transaction);
}

int64_t daily_span_ns(const struct rule *rule)
{
    return rule->daily.each_ns;
}

int64_t daily_keep_ns(const struct rule *rule)
{
    const int64_t keep_ns = DAILY_KEEP_DAYS * DAY_NS;
    return keep_ns > rule->quiet_ns ? keep_ns : rule->quiet_ns;
}
