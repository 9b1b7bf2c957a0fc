/*
 * Members are told apart by how far they are from what is expected of them: each stands in a bin of
 * the logarithm of that ratio, so that the middle of all is a walk over the bins.
 */
#include "profile/crowd_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BINS_PER_OCTAVE = 5,
    FEW = 20,          /* members: the middle of fewer says nothing without the one in question */
    LIVE_CHANGES = 32, /* the factors of now are computed anew after so many */
};

static const double trim = 0.1;        /* of the members, on both sides */
static const double crowd_drawn = 20;  /* to 1, in counts */
static const double others_drawn = 30; /* likewise */
static const double shift_drawn = 40;  /* to 0, in variance of the share */
static const double shift_max = 1.5;   /* logits */
static const double peers_drawn = 1;   /* members' worth of the whole crowd */
static const double share_drawn = 25;  /* counts' worth of its share */
static const double curve_rate = 0.1;
static const double least_moved = 0.6; /* that others rest is nobody's fault */
static const double factor_min = 0.05, factor_max = 20, colleagues_min = 0.5, colleagues_max = 5;

struct crowd *crowd_open(bool has_groups, uint64_t seed)
{
    struct crowd *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->has_groups = has_groups;
    for (size_t i = 0; i < CROWD_PAST; i++)
        c->past[i].interval = INT64_MIN;
    c->groups = table_open(&(struct table_config){.entries_max = CROWD_GROUPS_MAX,
                                                  .key_size = sizeof(uint64_t),
                                                  .value_size = sizeof(struct crowd_group),
                                                  .seed = seed});
    if (c->groups)
        return c;
    free(c);
    return NULL;
}

void crowd_close(struct crowd *c)
{
    if (!c)
        return;
    table_close(c->groups);
    free(c);
}

int64_t crowd_interval(const struct crowd *c)
{
    return c->interval;
}

uint64_t crowd_closed(const struct crowd *c)
{
    return c->closed;
}

static double clamp(double x, double min, double max)
{
    return x < min ? min : x > max ? max : x;
}

/* The group at a number, where it is that one still. */
static struct crowd_group *group_at(struct crowd *c, uint32_t number, uint64_t group)
{
    bool is_used;
    if (number >= table_numbers(c->groups))
        return NULL;
    void *g = table_at(c->groups, number, &is_used);
    return is_used && *(const uint64_t *)table_key(c->groups, g) == group ? g : NULL;
}

/* The member's group, made where it is missing; NULL where it has none. */
static struct crowd_group *group_of(struct crowd *c, const struct crowd_member *m)
{
    if (!c->has_groups || m->group == 0)
        return NULL;
    struct crowd_group *g = group_at(c, m->group_number, m->group);
    return g ? g : table_touch(c->groups, &m->group, NULL);
}

/* The same, now the one that goes last. */
static struct crowd_group *group_reach(struct crowd *c, struct crowd_member *m)
{
    if (!c->has_groups || m->group == 0)
        return NULL;
    struct crowd_group *g = table_touch(c->groups, &m->group, NULL);
    if (g)
        m->group_number = (uint32_t)table_number(c->groups, g);
    return g;
}

/* Those of an interval; NULL where they are forgotten, or are not there yet. */
static struct crowd_sums *sums_at(struct crowd_group *g, int64_t interval)
{
    struct crowd_sums *s = &g->past[(uint64_t)interval % CROWD_PAST];
    return s->interval == interval && s->members > 0 ? s : NULL;
}

static struct crowd_sums *sums_now(const struct crowd *c, struct crowd_group *g)
{
    struct crowd_sums *s = &g->past[(uint64_t)c->interval % CROWD_PAST];
    if (s->interval != c->interval)
        *s = (struct crowd_sums){.interval = c->interval};
    return s;
}

/* The ratio of seen to expected over the members that are not among the lowest or highest. */
static double trimmed_ratio(const struct crowd_bin bins[CROWD_BINS])
{
    double members = 0, seen = 0, expected = 0, before = 0;
    for (unsigned i = 0; i < CROWD_BINS; i++)
        members += bins[i].members;
    double low = members * trim, high = members * (1 - trim);
    for (unsigned i = 0; i < CROWD_BINS; i++) {
        double from = before > low ? before : low, to = before + bins[i].members;
        to = to < high ? to : high;
        double part = bins[i].members > 0.5 && to > from ? (to - from) / bins[i].members : 0;
        seen += part * bins[i].seen;
        expected += part * bins[i].expected;
        before += bins[i].members;
    }
    return expected > 0 ? seen / expected : 1;
}

static double crowd_shift(const struct crowd_sums *s)
{
    return clamp((double)s->excess / ((double)s->weight + shift_drawn), -shift_max, shift_max);
}

/* The factors as of now, where so much of an interval's ratio should be reached. */
static void factors_compute(struct crowd *c, struct crowd_factors *f,
                            const double reached[USUAL_COUNTS])
{
    const struct crowd_sums *s = sums_now(c, &c->all);
    f->interval = c->interval;
    f->shift = crowd_shift(s);
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        double expected = (double)s->expected[i];
        double factor = (trimmed_ratio(c->bins[i]) * expected + crowd_drawn) /
                        (reached[i] * expected + crowd_drawn);
        f->counts[i] = clamp(factor, factor_min, factor_max);
    }
}

/* How much of an interval's ratio is usually reached by now; 1 while nothing is known. */
static double curve_at(const struct crowd *c, unsigned i)
{
    double at = c->passed * CROWD_SLOTS;
    unsigned slot = at < CROWD_SLOTS - 1 ? (unsigned)at : CROWD_SLOTS - 1;
    if (c->closed == 0)
        return 1;
    double from = slot > 0 ? c->curve[i][slot - 1] : 0;
    return clamp(from + (at - slot) * (c->curve[i][slot] - from), 0, 1.2);
}

static const struct crowd_factors *factors_live(struct crowd *c)
{
    if (c->live_left > 0)
        return &c->live;
    c->live_left = LIVE_CHANGES;
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        c->live_passed[i] = curve_at(c, i);
    factors_compute(c, &c->live, c->live_passed);
    return &c->live;
}

/* The ratios so far stand for all slots that have passed since the last time. */
static void slots_fill(struct crowd *c, unsigned until)
{
    for (unsigned i = 0; i < USUAL_COUNTS && c->slots_seen < until; i++) {
        double ratio = trimmed_ratio(c->bins[i]);
        for (unsigned s = c->slots_seen; s < until; s++)
            c->today[i][s] = ratio;
    }
    c->slots_seen = until > c->slots_seen ? until : c->slots_seen;
    c->live_left = 0;
}

static void curve_learn(struct crowd *c)
{
    double rate = 1.0 / (double)(c->closed + 1);
    rate = rate > curve_rate ? rate : curve_rate;
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        double end = c->today[i][CROWD_SLOTS - 1];
        for (unsigned s = 0; s < CROWD_SLOTS && end > 0; s++)
            c->curve[i][s] += rate * (clamp(c->today[i][s] / end, 0, 1.2) - c->curve[i][s]);
    }
}

static void interval_close(struct crowd *c)
{
    static const double all[USUAL_COUNTS] = {1, 1};
    slots_fill(c, CROWD_SLOTS);
    factors_compute(c, &c->past[(uint64_t)c->interval % CROWD_PAST], all);
    curve_learn(c);
    memset(c->bins, 0, sizeof(c->bins));
    c->slots_seen = 0;
    c->closed++;
}

void crowd_reach(struct crowd *c, int64_t interval, double passed)
{
    if (c->has_begun && interval > c->interval)
        interval_close(c);
    if (interval < c->interval) {
        memset(c->bins, 0, sizeof(c->bins));
        c->slots_seen = 0;
    }
    if (!c->has_begun || interval != c->interval) {
        c->interval = interval;
        c->passed = 0;
        c->live_left = 0;
    }
    c->has_begun = true;
    if (passed <= c->passed)
        return;
    c->passed = passed;
    unsigned slot = (unsigned)(passed * CROWD_SLOTS);
    if (slot > c->slots_seen)
        slots_fill(c, slot < CROWD_SLOTS ? slot : CROWD_SLOTS);
}

/* What the other members of a group usually have together, and how many they are. */
static double others_usual(const struct crowd_group *g, const struct crowd_member *m, unsigned i)
{
    return fmax(0, (double)(g->usual[i] - (m->has_told ? m->told[i] : 0)));
}

static double others_count(const struct crowd_group *g, const struct crowd_member *m)
{
    return fmax(0, (double)g->members - (m->has_told ? 1 : 0));
}

bool crowd_peers(struct crowd *c, const struct crowd_member *m, struct usual_level *level)
{
    const struct crowd_group *g = group_of(c, m), *all = &c->all;
    double everybody = others_count(all, m), colleagues = g ? others_count(g, m) : 0;
    double sums[USUAL_COUNTS], share = 0.5;
    *level = (struct usual_level){.share = share};
    if (everybody < 0.5)
        return false;
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        sums[i] =
            (g ? others_usual(g, m, i) : 0) + peers_drawn * others_usual(all, m, i) / everybody;
        level->mean[i] = sums[i] / (colleagues + peers_drawn);
    }
    if (others_usual(all, m, USUAL_WHOLE) > 0)
        share = others_usual(all, m, USUAL_PART) / others_usual(all, m, USUAL_WHOLE);
    level->share = (sums[USUAL_PART] + share_drawn * share) / (sums[USUAL_WHOLE] + share_drawn);
    return true;
}

static void group_tell(struct crowd_group *g, const float old[USUAL_COUNTS],
                       const float now[USUAL_COUNTS], float members)
{
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        g->usual[i] = fmaxf(0, g->usual[i] + now[i] - old[i]);
    g->members = fmaxf(0, g->members + members);
}

void crowd_tell(struct crowd *c, struct crowd_member *m, const struct usual *u)
{
    struct crowd_group *g = group_of(c, m);
    float now[USUAL_COUNTS], joining = m->has_told ? 0 : 1;
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        now[i] = u->intervals > 0 ? u->sums[i] / u->intervals : 0;
    group_tell(&c->all, m->told, now, joining);
    if (g)
        group_tell(g, m->told, now, joining);
    memcpy(m->told, now, sizeof(now));
    m->has_told = true;
}

/* What counts of a member in its colleagues' eyes: one that is far out does not move them. */
static float bounded(const struct crowd_member *m, unsigned i)
{
    float most = 4 * m->base[i] + 5;
    return m->counts[i] < most ? m->counts[i] : most;
}

static float excess_of(const struct crowd_member *m)
{
    return m->counts[USUAL_PART] - m->decided * m->share;
}

static float weight_of(const struct crowd_member *m)
{
    return m->decided * m->share * (1 - m->share);
}

/* What a member adds to the sums. */
struct part {
    float seen[USUAL_COUNTS], excess, weight;
};

static struct part part_of(const struct crowd_member *m)
{
    struct part p = {.excess = excess_of(m), .weight = weight_of(m)};
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        p.seen[i] = bounded(m, i);
    return p;
}

/* Takes the member's part of the interval into the sums, in the place of what it was. */
static void sums_take(struct crowd_sums *s, const struct part *old, const struct part *now)
{
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        s->seen[i] += now->seen[i] - old->seen[i];
    s->excess += now->excess - old->excess;
    s->weight += now->weight - old->weight;
}

static void bin_add(struct crowd *c, const struct crowd_member *m, unsigned i, double sign)
{
    struct crowd_bin *b = &c->bins[i][m->bins[i]];
    b->seen += sign * (double)m->counts[i];
    b->expected += sign * (double)m->base[i];
    b->members += sign;
}

uint8_t crowd_bin_of(const struct crowd_member *m, unsigned i)
{
    double seen = (double)m->counts[i], expected = (double)m->base[i];
    double ratio = log2((seen + 0.5) / (expected + 0.5)) * BINS_PER_OCTAVE + CROWD_BINS / 2.0;
    return (uint8_t)clamp(ratio, 0, CROWD_BINS - 1);
}

/* Puts the member's count into the bin where it belongs. */
static void bin_enter(struct crowd *c, struct crowd_member *m, unsigned i)
{
    m->bins[i] = crowd_bin_of(m, i);
    bin_add(c, m, i, 1);
}

static void expect(struct crowd_sums *s, const struct crowd_member *m, float sign)
{
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        s->expected[i] += sign * m->base[i];
    s->members += sign;
}

void crowd_enter(struct crowd *c, struct crowd_member *m, const struct usual_level *usual)
{
    struct crowd_group *g = group_reach(c, m);
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        m->base[i] = (float)usual->mean[i];
        m->counts[i] = 0;
        bin_enter(c, m, i);
    }
    m->share = (float)usual->share;
    m->decided = 0;
    const struct part none = {.excess = 0}, now = part_of(m);
    struct crowd_sums *all = sums_now(c, &c->all);
    expect(all, m, 1);
    sums_take(all, &none, &now);
    if (g) {
        struct crowd_sums *colleagues = sums_now(c, g);
        expect(colleagues, m, 1);
        sums_take(colleagues, &none, &now);
    }
    c->live_left -= c->live_left > 0;
}

void crowd_count(struct crowd *c, struct crowd_member *m, const double counts[USUAL_COUNTS],
                 double decided)
{
    struct crowd_group *g = group_of(c, m);
    const struct part old = part_of(m);
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        if (m->counts[i] == (float)counts[i])
            continue;
        bin_add(c, m, i, -1);
        m->counts[i] = (float)counts[i];
        bin_enter(c, m, i);
    }
    m->decided = (float)decided;
    const struct part now = part_of(m);
    sums_take(sums_now(c, &c->all), &old, &now);
    if (g)
        sums_take(sums_now(c, g), &old, &now);
    c->live_left -= c->live_left > 0;
}

/* What others than the member did against what was expected of them. */
static double others_factor(const struct crowd_sums *s, const struct crowd_member *m, unsigned i,
                            double moved)
{
    double expected = fmax(0, (double)(s->expected[i] - m->base[i])) * moved;
    double seen = fmax(0, (double)(s->seen[i] - bounded(m, i)));
    return (seen + others_drawn) / (expected + others_drawn);
}

/* Beyond the crowd's own shift. */
static double colleagues_shift(const struct crowd_sums *s, const struct crowd_member *m,
                               double shift)
{
    double weight = fmax(0, (double)(s->weight - weight_of(m)));
    double excess = (double)(s->excess - excess_of(m)) - shift * weight;
    return clamp(excess / (weight + shift_drawn), -shift_max, shift_max);
}

struct usual_level crowd_level(struct crowd *c, const struct crowd_member *m, int64_t interval)
{
    static const double all[USUAL_COUNTS] = {1, 1};
    static const struct crowd_factors none = {.counts = {1, 1}};
    bool is_now = interval == c->interval;
    const struct crowd_factors *f = &c->past[(uint64_t)interval % CROWD_PAST];
    f = is_now ? factors_live(c) : f->interval == interval ? f : &none;
    const double *reached = is_now ? c->live_passed : all;
    struct crowd_group *g = group_of(c, m);
    const struct crowd_sums *s = g ? sums_at(g, interval) : NULL,
                            *whole = sums_at(&c->all, interval);
    struct usual_level level;
    double shift = f->shift;
    for (unsigned i = 0; i < USUAL_COUNTS; i++) {
        double moved = f->counts[i];
        if (whole && whole->members < FEW)
            moved = clamp(others_factor(whole, m, i, reached[i]), factor_min, factor_max);
        if (s)
            moved *=
                clamp(others_factor(s, m, i, moved * reached[i]), colleagues_min, colleagues_max);
        level.mean[i] = fmax(moved, least_moved) * (double)m->base[i];
    }
    if (s)
        shift += colleagues_shift(s, m, f->shift);
    level.share = usual_shifted((double)m->share, shift);
    return level;
}

double crowd_reached(struct crowd *c, enum usual_count of)
{
    (void)factors_live(c);
    return clamp(c->live_passed[of], 0, 1);
}

bool crowd_colleagues(struct crowd *c, const struct crowd_member *m, enum usual_count of,
                      double *mean)
{
    struct crowd_group *g = group_of(c, m);
    const struct crowd_sums *s = sums_now(c, g ? g : &c->all);
    double others = (double)s->members - 1;
    if (others < 0.5)
        return false;
    *mean = fmax(0, (double)(s->seen[of] - bounded(m, of))) / others;
    return true;
}

void crowd_leave(struct crowd *c, struct crowd_member *m)
{
    static const float none[USUAL_COUNTS] = {0, 0};
    struct crowd_group *g = group_of(c, m);
    if (!m->has_told)
        return;
    group_tell(&c->all, m->told, none, -1);
    if (g)
        group_tell(g, m->told, none, -1);
    m->has_told = false;
}
