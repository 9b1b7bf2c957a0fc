/*
 * `rhythm`: a key goes from one value of a field to the next as regularly as a program does.  Of
 * the gaps between values within `over`, counted by their logarithms, the densest range of 20 % is
 * held against what people leave there: the binomial residual of its share over PEOPLE_SHARE.
 *
 * Gaps below a fifth of a second are pages that load, those above an hour and a half are
 * breaks: neither counts.
 */
#include "core/clock.h"
#include "rules/detector.h"

#include <math.h>

enum { GAPS_COUNT = 112 };

static const double people_share = 0.10;
static const double shortest_ns = 0.2 * CLOCK_SECOND_NS;
static const double width = 0.09116077839697728; /* ln(1.2) / 2: two of them are 20 % */

struct rhythm_state {
    int64_t begun_ns; /* the first gap's beginning */
    int64_t last_ns;  /* when the newest value came */
    uint64_t value;   /* its hash */
    uint16_t of;      /* gaps; all are halved when there are too many of one */
    uint16_t dense;   /* of the densest range that was found last */
    uint8_t range;    /* that */
    bool has_begun;
    uint8_t gaps[GAPS_COUNT]; /* by their logarithm */
};

/* Which of the gaps it is; GAPS_COUNT: none that counts. */
static unsigned gap_of(int64_t ns)
{
    double number = ns > 0 ? log((double)ns / shortest_ns) / width : -1;
    return number >= 0 && number < GAPS_COUNT ? (unsigned)number : GAPS_COUNT;
}

/* How far the share of a range is from that of people, in standard deviations. */
static double residual(unsigned dense, unsigned of)
{
    double expected = of * people_share;
    return (dense - expected) / sqrt(expected * (1 - people_share));
}

static void halve(struct rhythm_state *s)
{
    s->of = 0;
    for (unsigned i = 0; i < GAPS_COUNT; i++) {
        s->gaps[i] /= 2;
        s->of = (uint16_t)(s->of + s->gaps[i]);
    }
}

static void note_gap(struct rhythm_state *s, unsigned gap)
{
    if (s->gaps[gap] == UINT8_MAX)
        halve(s);
    s->of++;
    s->gaps[gap]++;
    unsigned below = gap > 0 ? s->gaps[gap - 1] : 0u;
    unsigned above = gap + 1 < GAPS_COUNT ? s->gaps[gap + 1] : 0u;
    s->range = (uint8_t)(below > above ? gap - 1 : gap);
    s->dense = (uint16_t)(s->gaps[gap] + (below > above ? below : above));
}

static enum finding rhythm_count(struct detection *d, void *state, const struct occurrence *o,
                                 uint64_t *weight)
{
    struct rhythm_state *s = state;
    const struct rule *rule = d->rule;
    if (detector_values(o->transaction, rule->walked) == 0)
        return FINDING_NONE;
    uint64_t value = detector_hash(o->transaction, rule->walked, 0, d->seed);
    if (s->has_begun && (value == s->value || o->time_ns <= s->last_ns))
        return FINDING_NONE;
    if (!s->has_begun || o->time_ns - s->begun_ns > rule->over_ns) {
        *s = (struct rhythm_state){
            .begun_ns = o->time_ns, .last_ns = o->time_ns, .value = value, .has_begun = true};
        return FINDING_NONE;
    }
    unsigned gap = gap_of(o->time_ns - s->last_ns);
    s->last_ns = o->time_ns;
    s->value = value;
    *weight = 1;
    if (gap == GAPS_COUNT)
        return FINDING_NONE;
    note_gap(s, gap);
    if (s->of < rule->at_least)
        return FINDING_NEAR;
    return residual(s->dense, s->of) * SHARE_ONE > (double)rule->score ? FINDING_RAISED
                                                                       : FINDING_NONE;
}

static void rhythm_describe(const struct detection *d, void *state, const struct occurrence *o,
                            struct alert *a)
{
    const struct rhythm_state *s = state;
    (void)d;
    a->hits = s->dense;
    a->of = s->of;
    a->chance = people_share;
    a->score = residual(s->dense, s->of);
    a->apart_ns = (int64_t)(shortest_ns * exp(width * (s->range + 1)));
    detector_name(a, o->transaction);
}

static int64_t rhythm_span_ns(const struct rule *rule)
{
    return rule->over_ns;
}

static int64_t rhythm_keep_ns(const struct rule *rule)
{
    return rule->over_ns > rule->quiet_ns ? rule->over_ns : rule->quiet_ns;
}

static void rhythm_clear(const struct detection *d, void *state)
{
    (void)d;
    *(struct rhythm_state *)state = (struct rhythm_state){.has_begun = false};
}

static void rhythm_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct rhythm_state *s = state;
    (void)d;
    pack_flag(p, s->has_begun);
    pack_signed(p, s->begun_ns);
    pack_signed(p, s->last_ns);
    pack_u64(p, s->value);
    for (unsigned i = 0; i < GAPS_COUNT; i++)
        pack_u8(p, s->gaps[i]);
}

static bool rhythm_load(struct detection *d, void *state, struct cursor *c)
{
    struct rhythm_state *s = state;
    (void)d;
    s->has_begun = unpack_flag(c);
    s->begun_ns = unpack_signed(c);
    s->last_ns = unpack_signed(c);
    s->value = unpack_u64(c);
    for (unsigned i = 0; i < GAPS_COUNT; i++) {
        s->gaps[i] = cursor_u8(c);
        s->of = (uint16_t)(s->of + s->gaps[i]);
    }
    bool is_time = s->begun_ns >= 0 && s->last_ns >= 0 && s->last_ns < INT64_MAX / 2;
    return !cursor_is_short(c) && is_time;
}

const struct detector DETECTOR_RHYTHM = {.state_size = sizeof(struct rhythm_state),
                                         .count = rhythm_count,
                                         .describe = rhythm_describe,
                                         .span_ns = rhythm_span_ns,
                                         .keep_ns = rhythm_keep_ns,
                                         .clear = rhythm_clear,
                                         .version = 2,
                                         .save = rhythm_save,
                                         .load = rhythm_load};
