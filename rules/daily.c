/*
 * All keys of a tally are one crowd; where nobody is told apart (no `by`), the one key has seasons
 * instead of peers: days of the week, or hours of the day.
 */
#include "rules/daily.h"

#include "core/clock.h"
#include "core/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEASONS_MAX = 24,
    DAYS_OF_WEEK = 7,
    MONDAY = 3,         /* 1970-01-01 was a Thursday */
    ALONE_LEARNING = 4, /* intervals */
    LATE_MAX = 10000,   /* transactions, one after another */
};

enum added {
    ADDED_NOTHING, /* no number has changed */
    ADDED,         /* the whole has */
    ADDED_DENIED,  /* no memory */
};

#define DAY_NS (86400 * CLOCK_SECOND_NS)

/* By how much the logarithm of a mean, and the logit of the share, are moved. */
struct daily_seasons {
    double moved[USUAL_SCORES][SEASONS_MAX];
};

static const double free_part = 0.4; /* measured: finds a theft with half the records gone */
static const double season_rate = 0.15;
static const double season_max = 1;

/* Measured: each key's counts vary by chance and by a third beside it. */
static const struct usual_noise noise_of_keys = {
    .phi = {0.10, 0.13}, .share = 0.1, .spread_rate = 0.03, .spread_max = 3};
/* Of everybody together: by chance, and by what is learned.  A holiday, on which only some work,
 * lowers the share far; rises are never as large. */
static const struct usual_noise noise_of_all = {.phi = {0.0005, 0.0005},
                                                .share = 0,
                                                .spread_rate = 0.08,
                                                .spread_max = 1000,
                                                .of_rises = {[USUAL_OF_SHARE] = true}};

static bool is_alone(const struct rule *rule)
{
    return rule->by_count == 0;
}

static uint32_t visits_max(const struct rule *rule)
{
    return is_alone(rule) ? VISITS_WHOLE_MAX : VISITS_MAX;
}

static void daily_close(struct detection *d)
{
    struct daily_all *all = d->whole;
    if (!all)
        return;
    crowd_close(all->crowd);
    if (all->newcomers)
        newcomers_clear(all->newcomers, d->budget);
    free(all->newcomers);
    free(all->seasons);
    free(all);
    d->whole = NULL;
}

static bool daily_open(struct detection *d, size_t entries_max, size_t bytes_max)
{
    const struct rule *rule = d->rule;
    struct daily_all *all = d->whole = calloc(1, sizeof(*all));
    (void)entries_max;
    (void)bytes_max;
    if (!all)
        return false;
    all->waits = 1 + (unsigned)(rule->daily.followed_ns * VISITS_SLOTS / rule->daily.each_ns);
    all->noise = is_alone(rule) ? noise_of_all : noise_of_keys;
    all->crowd = crowd_open(rule->has_peers && rule->daily.than_peers, d->seed);
    if (rule->daily.is_new)
        all->newcomers = calloc(1, sizeof(*all->newcomers));
    if (is_alone(rule))
        all->seasons = calloc(1, sizeof(*all->seasons));
    if (all->crowd && (all->newcomers || !rule->daily.is_new) && (all->seasons || !is_alone(rule)))
        return true;
    daily_close(d);
    return false;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The interval of a time. */
static void begin_at(const struct rule_daily *daily, struct daily_all *all, int64_t time_ns)
{
    int64_t ahead_ns = zone_ahead_s(daily->zone, time_ns) * CLOCK_SECOND_NS;
    all->number = floor_div(time_ns + ahead_ns, daily->each_ns);
    all->from_ns = zone_to_utc(daily->zone, all->number * daily->each_ns);
    all->to_ns = zone_to_utc(daily->zone, (all->number + 1) * daily->each_ns);
    all->from_ns = all->from_ns < time_ns ? all->from_ns : time_ns; /* summer time ends */
    all->to_ns = all->to_ns > time_ns ? all->to_ns : time_ns + 1;
    all->per_ns = 1 / (double)(all->to_ns - all->from_ns);
}

/* Goes on to a time; false where its interval is over.  Where nothing but such times comes, one
 * that was far ahead was wrong, and all goes on where the clock is. */
static bool reach(struct detection *d, int64_t time_ns)
{
    struct daily_all *all = d->whole;
    bool is_late = time_ns < all->from_ns;
    if (is_late && ++all->late < LATE_MAX)
        return false;
    all->late = 0;
    if (is_late || time_ns >= all->to_ns)
        begin_at(&d->rule->daily, all, time_ns);
    all->passed = (double)(time_ns - all->from_ns) * all->per_ns;
    crowd_reach(all->crowd, all->number, all->passed);
    return true;
}

/* The part of the interval that has passed, in slots of an entry's time. */
static unsigned slot_of(const struct daily_all *all)
{
    double slot = all->passed * VISITS_SLOTS;
    return slot <= 0 ? 0 : slot < VISITS_SLOTS - 1 ? (unsigned)slot : VISITS_SLOTS - 1;
}

static bool counts_customers(const struct rule *rule)
{
    return rule->measure.kind == MEASURE_DISTINCT;
}

static void counts_clear(const struct detection *d, struct daily *k)
{
    if (counts_customers(d->rule))
        visits_clear(&k->visits, d->budget);
    else
        k->amounts = (struct daily_amounts){.whole = 0};
}

static void counts_of(const struct rule *rule, const struct daily *k, struct daily_view *v)
{
    if (!counts_customers(rule)) {
        v->counts[USUAL_WHOLE] = v->decided = k->amounts.whole;
        v->counts[USUAL_PART] = k->amounts.part;
        return;
    }
    v->counts[USUAL_WHOLE] = v->decided = (double)visits_count(&k->visits);
    v->counts[USUAL_PART] = (double)visits_left(&k->visits);
    if (rule->daily.followed_text)
        v->decided -= (double)((uint64_t)k->visits.pending << k->visits.level);
}

static size_t season_of(const struct rule *rule, int64_t interval)
{
    int64_t seasons = rule->daily.each_ns == DAY_NS ? DAYS_OF_WEEK : SEASONS_MAX;
    int64_t at = (interval + (rule->daily.each_ns == DAY_NS ? MONDAY : 0)) % seasons;
    return (size_t)(at < 0 ? at + seasons : at);
}

/* What is expected of the key by itself and by its peers, before anything that moves all. */
static struct usual_level base_of(const struct detection *d, const struct daily *k)
{
    struct daily_all *all = d->whole;
    const struct rule_daily *daily = &d->rule->daily;
    struct usual_level peers = {.share = 0.5};
    const struct usual nothing = {.intervals = 0};
    if (daily->than_peers && !is_alone(d->rule) && crowd_peers(all->crowd, &k->member, &peers))
        return usual_of(daily->than_own ? &k->usual : &nothing, &peers);
    const struct usual *u = &k->usual;
    struct usual_level own = {.share = 0.5};
    for (unsigned i = 0; i < USUAL_COUNTS && u->intervals > 0; i++)
        own.mean[i] = (double)(u->sums[i] / u->intervals);
    if (own.mean[USUAL_WHOLE] > 0)
        own.share = own.mean[USUAL_PART] / own.mean[USUAL_WHOLE];
    return usual_of(u, &own);
}

static void add_season(const struct detection *d, const struct daily *k, struct usual_level *level)
{
    const struct daily_all *all = d->whole;
    if (!all->seasons)
        return;
    size_t at = season_of(d->rule, k->interval);
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        level->mean[i] *= exp(all->seasons->moved[i][at]);
    level->share = usual_shifted(level->share, all->seasons->moved[USUAL_OF_SHARE][at]);
}

static void view(const struct detection *d, const struct daily *k, struct daily_view *v)
{
    const struct daily_all *all = d->whole;
    const struct crowd_member *m = &k->member;
    v->scored = 0;
    counts_of(d->rule, k, v);
    if (d->rule->daily.than_peers && !is_alone(d->rule)) {
        v->level = crowd_level(all->crowd, m, k->interval);
        return;
    }
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        v->level.mean[i] = (double)m->base[i];
    v->level.share = (double)m->share;
    add_season(d, k, &v->level);
}

/* Whether there is anything to hold the key against: itself, or peers. */
static bool is_known(const struct detection *d, const struct daily *k)
{
    const struct daily_all *all = d->whole;
    const struct rule *rule = d->rule;
    bool has_peers = rule->daily.than_peers && !is_alone(rule);
    return has_peers ? crowd_closed(all->crowd) > 1 : k->usual.intervals >= ALONE_LEARNING - 1;
}

/* Of a day that is not over, less is expected: what is usually there by now.  A part of it is free,
 * since not everybody begins at the same hour. */
static void expect_by_now(const struct daily_all *all, struct daily_view *v)
{
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        v->level.mean[i] *= free_part + (1 - free_part) * crowd_reached(all->crowd, i);
}

/* The scores of those bits, where they were not worked out yet. */
static void score(const struct detection *d, const struct daily *k, struct daily_view *v,
                  unsigned of)
{
    const struct daily_all *all = d->whole;
    const double decided[USUAL_COUNTS] = {v->decided, v->counts[USUAL_PART]};
    for (unsigned s = 0; s < USUAL_SCORES; s++) {
        if (of >> s & ~v->scored >> s & 1)
            v->scores[s] = usual_score(&k->usual, &all->noise, (enum usual_score)s,
                                       s == USUAL_OF_SHARE ? decided : v->counts, &v->level);
    }
    v->scored |= of;
}

static double clamp(double x, double min, double max)
{
    return x < min ? min : x > max ? max : x;
}

static double logit(double part, double whole)
{
    return log((part + 0.5) / (whole - part + 0.5));
}

static void seasons_learn(const struct detection *d, const struct daily *k,
                          const struct daily_view *v)
{
    struct daily_all *all = d->whole;
    if (!all->seasons || k->usual.intervals < 1)
        return;
    size_t at = season_of(d->rule, k->interval);
    for (unsigned i = 0; i < USUAL_SCORES; i++) {
        double *moved = &all->seasons->moved[i][at];
        double by = i == USUAL_OF_SHARE ? logit(v->counts[USUAL_PART], v->decided) -
                                              logit(v->level.share * v->decided, v->decided)
                                        : log((v->counts[i] + 1) / (v->level.mean[i] + 1));
        *moved = clamp(*moved + season_rate * clamp(by, -0.5, 0.5), -season_max, season_max);
    }
}

/* The key's interval is over: it learns. */
static void interval_close(struct detection *d, struct daily *k)
{
    struct daily_all *all = d->whole;
    struct daily_view v;
    double learned[USUAL_COUNTS];
    view(d, k, &v);
    score(d, k, &v, (1u << USUAL_SCORES) - 1);
    all->last.has_closed = true;
    all->last.knew = is_known(d, k);
    all->last.closed = v;
    struct usual_level usual = base_of(d, k);
    double moved = (double)k->member.base[USUAL_WHOLE] > 0
                       ? v.level.mean[USUAL_WHOLE] / (double)k->member.base[USUAL_WHOLE]
                       : 1;
    moved = sqrt(clamp(moved, 0.25, 4));
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        learned[i] = v.counts[i] / moved;
    if (v.decided > 0) /* as many of those of which it is not known yet */
        learned[USUAL_PART] *= v.counts[USUAL_WHOLE] / v.decided;
    usual_learn(&k->usual, &all->noise, learned, v.scores, &usual);
    seasons_learn(d, k, &v);
    crowd_tell(all->crowd, &k->member, &k->usual);
    counts_clear(d, k);
}

/* The key's colleagues may be others today. */
static void join_group(struct detection *d, struct daily *k, const struct transaction *t)
{
    struct daily_all *all = d->whole;
    const struct rule *rule = d->rule;
    if (!rule->has_peers || !transaction_has(t, rule->peers))
        return;
    uint64_t group = detector_hash(t, rule->peers, 0, d->seed) | 1;
    if (group == k->member.group)
        return;
    crowd_leave(all->crowd, &k->member);
    k->member.group = group;
    if (k->usual.intervals > 0)
        crowd_tell(all->crowd, &k->member, &k->usual);
}

static void interval_begin(struct detection *d, struct daily *k, const struct transaction *t)
{
    struct daily_all *all = d->whole;
    join_group(d, k, t);
    k->interval = (int32_t)all->number;
    k->has_begun = true;
    struct usual_level base = base_of(d, k);
    crowd_enter(all->crowd, &k->member, &base);
}

/* Whether the customer may be one more: one that is counted already is none. */
static bool may_be_new(struct detection *d, const struct daily *k, const struct occurrence *o,
                       uint64_t hash)
{
    struct daily_all *all = d->whole;
    const struct rule *rule = d->rule;
    if (!all->newcomers)
        return true;
    if (visits_have(&k->visits, hash))
        return false;
    uint64_t network = detector_hash(o->transaction, rule->daily.new_to, 0, d->seed);
    uint64_t pair = hash_mix(network ^ hash, hash | 1);
    return !newcomers_meet(all->newcomers, d->budget, pair, o->time_ns, rule->forget_ns);
}

/* A customer's hash: ids are hashes already. */
static uint64_t hash_of(const struct detection *d, const struct transaction *t, size_t index)
{
    enum field f = d->rule->measure.field;
    if (FIELDS[f].type == FIELD_TYPE_HASHES)
        return ((const struct hashes *)transaction_value(t, f))->items[index];
    return detector_hash(t, f, index, d->seed);
}

static enum added add_values(struct detection *d, struct daily *k, const struct occurrence *o,
                             unsigned slot)
{
    const struct transaction *t = o->transaction;
    enum field f = d->rule->measure.field;
    enum added status = ADDED_NOTHING;
    size_t count = detector_values(t, f);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_of(d, t, i);
        if (!may_be_new(d, k, o, hash))
            continue;
        enum visit v = visits_add(&k->visits, d->budget, hash, slot, visits_max(d->rule));
        if (v == VISIT_DENIED)
            return ADDED_DENIED;
        if (v == VISIT_NEW)
            status = ADDED;
    }
    return status;
}

static enum added add_amount(struct detection *d, struct daily *k, const struct transaction *t)
{
    const struct measure *m = &d->rule->measure;
    if (m->kind == MEASURE_SUM)
        k->amounts.whole += (double)*(const uint64_t *)transaction_value(t, m->field);
    else
        k->amounts.whole += 1;
    if (m->kind == MEASURE_SHARE && expression_holds(m->part, t))
        k->amounts.part += 1;
    return ADDED;
}

/* What the key did for customers that it had read before; true where a number changed. */
static bool follow(struct detection *d, struct daily *k, const struct transaction *t)
{
    enum field f = d->rule->measure.field;
    bool has_changed = false;
    size_t count = detector_values(t, f);
    for (size_t i = 0; i < count; i++)
        has_changed = visits_follow(&k->visits, hash_of(d, t, i)) || has_changed;
    return has_changed;
}

/* Gives up waiting for what is too long ago. */
static bool settle(const struct detection *d, struct daily *k, unsigned slot)
{
    const struct daily_all *all = d->whole;
    return slot > all->waits && visits_settle(&k->visits, slot - all->waits);
}

/* Counts what the transaction adds; part: whether the part has changed already. */
static enum added add(struct detection *d, struct daily *k, const struct occurrence *o, bool *part)
{
    struct daily_all *all = d->whole;
    const struct rule_daily *daily = &d->rule->daily;
    unsigned slot = slot_of(all);
    if (!counts_customers(d->rule)) {
        *part = true;
        return add_amount(d, k, o->transaction);
    }
    if (daily->followed_text) {
        *part = settle(d, k, slot);
        bool is_following = expression_holds(&daily->followed, o->transaction);
        if (is_following && follow(d, k, o->transaction))
            *part = true;
        /* what is neither did not come here */
        if (is_following && !expression_holds(&daily->counted, o->transaction))
            return ADDED_NOTHING;
    }
    return add_values(d, k, o, slot);
}

/* A tally is no alert: near means that something has changed. */
static enum finding daily_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    struct daily_all *all = d->whole;
    struct daily *k = state;
    bool part = false;
    (void)weight;
    all->last.changed = 0;
    all->last.has_closed = all->last.has_whole = all->last.has_part_of_day = false;
    if (!reach(d, o->time_ns))
        return FINDING_LATE;
    if (k->has_begun && k->interval != all->number)
        interval_close(d, k);
    if (!k->has_begun || k->interval != all->number)
        interval_begin(d, k, o->transaction);
    enum added status = add(d, k, o, &part);
    if (status == ADDED_DENIED)
        return FINDING_DENIED;
    if (status == ADDED)
        all->last.changed = 1u << USUAL_WHOLE;
    if (part)
        all->last.changed |= 1u << USUAL_PART;
    if (all->last.changed == 0)
        return FINDING_NONE;
    struct daily_view v;
    counts_of(d->rule, k, &v);
    crowd_count(all->crowd, &k->member, v.counts, v.decided);
    return FINDING_NEAR;
}

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
    bool is_by_now = rule->trigger == TRIGGER_UNUSUAL && rule->daily.than_peers && !is_alone(rule);
    bool *has = is_by_now ? &all->last.has_part_of_day : &all->last.has_whole;
    struct daily_view *v = is_by_now ? &all->last.part_of_day : &all->last.whole;
    if (crowd_closed(all->crowd) < learning || !is_known(d->tally, of_now(d)))
        return NULL;
    if (!*has) {
        view(d->tally, of_now(d), v);
        if (is_by_now)
            expect_by_now(all, v);
        *has = true;
    }
    return v;
}

double daily_score(const struct detection *d, struct daily_view *v, unsigned of)
{
    double sum = 0;
    unsigned count = 0;
    score(d->tally, of_now(d), v, of);
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
    view(d->tally, k, &v);
    bool is_part = d->rule->daily.followed_text || d->rule->measure.kind == MEASURE_SHARE;
    enum usual_count count = is_part && !(of == 1u << USUAL_OF_VOLUME) ? USUAL_PART : USUAL_WHOLE;
    a->value = a->at_least = rounded(v.counts[count]);
    a->whole = rounded(v.counts[USUAL_WHOLE]);
    a->is_part = count == USUAL_PART;
    a->is_estimate = counts_customers(d->rule) && k->visits.level > 0;
    a->usual = rounded(daily_expected(&v, of));
    a->has_peers = d->rule->daily.than_peers && !is_alone(d->rule) &&
                   crowd_colleagues(all->crowd, &k->member, count, &peers);
    a->peers = a->has_peers ? rounded(peers) : 0;
    if (!names_somebody(d->rule))
        detector_name(a, o->transaction);
}

int64_t daily_span_ns(const struct rule *rule)
{
    return rule->daily.each_ns;
}

static int64_t tally_keep_ns(const struct rule *rule)
{
    (void)rule;
    return 120 * DAY_NS;
}

int64_t daily_keep_ns(const struct rule *rule)
{
    int64_t keep_ns = tally_keep_ns(rule);
    return keep_ns > rule->quiet_ns ? keep_ns : rule->quiet_ns;
}

static void daily_clear(const struct detection *d, void *state)
{
    struct daily *k = state;
    struct daily_all *all = d->whole;
    crowd_leave(all->crowd, &k->member);
    counts_clear(d, k);
}

static void counts_save(const struct rule *rule, const struct daily *k, struct pack *p)
{
    if (counts_customers(rule)) {
        visits_save(&k->visits, p);
        return;
    }
    pack_double(p, k->amounts.whole);
    pack_double(p, k->amounts.part);
}

static bool counts_load(struct detection *d, struct daily *k, struct cursor *c)
{
    if (counts_customers(d->rule))
        return visits_load(&k->visits, d->budget, visits_max(d->rule), c);
    double whole = unpack_double(c), part = unpack_double(c);
    if (!isfinite(whole) || !isfinite(part) || part < 0 || whole < part)
        return false;
    k->amounts = (struct daily_amounts){whole, part};
    return true;
}

static void daily_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct daily *k = state;
    usual_save(&k->usual, p);
    crowd_member_save(&k->member, p);
    counts_save(d->rule, k, p);
    pack_signed(p, k->interval);
    pack_flag(p, k->has_begun);
}

static bool daily_load(struct detection *d, void *state, struct cursor *c)
{
    const struct daily_all *all = d->whole;
    struct daily *k = state;
    if (!usual_load(&k->usual, c) || !crowd_member_load(&k->member, c) || !counts_load(d, k, c))
        return false;
    int64_t interval = unpack_signed(c);
    k->interval = (int32_t)interval;
    k->has_begun = unpack_flag(c);
    return interval >= INT32_MIN && interval <= all->number && unpack_done(c);
}

static void daily_save_all(const struct detection *d, struct pack *p)
{
    const struct daily_all *all = d->whole;
    pack_signed(p, all->number);
    pack_signed(p, all->from_ns);
    pack_signed(p, all->to_ns);
    crowd_save(all->crowd, p);
    for (unsigned i = 0; all->seasons && i < USUAL_SCORES; i++) {
        for (unsigned s = 0; s < SEASONS_MAX; s++)
            pack_double(p, all->seasons->moved[i][s]);
    }
    if (all->newcomers)
        newcomers_save(all->newcomers, p);
}

static bool load_all(struct detection *d, struct cursor *c)
{
    struct daily_all *all = d->whole;
    all->number = unpack_signed(c);
    all->from_ns = unpack_signed(c);
    all->to_ns = unpack_signed(c);
    all->per_ns = all->to_ns > all->from_ns ? 1 / (double)(all->to_ns - all->from_ns) : 0;
    bool is_good = crowd_load(all->crowd, c) && crowd_interval(all->crowd) == all->number;
    for (unsigned i = 0; all->seasons && i < USUAL_SCORES; i++) {
        for (unsigned s = 0; s < SEASONS_MAX; s++) {
            all->seasons->moved[i][s] = unpack_double(c);
            is_good = is_good && fabs(all->seasons->moved[i][s]) <= season_max;
        }
    }
    if (all->newcomers)
        is_good = is_good && newcomers_load(all->newcomers, d->budget, c);
    return is_good && unpack_done(c);
}

static bool daily_load_all(struct detection *d, struct cursor *c)
{
    if (load_all(d, c))
        return true;
    daily_close(d);
    (void)daily_open(d, 0, 0);
    return false;
}

const struct detector TALLY_DAILY = {.state_size = sizeof(struct daily),
                                     .count = daily_count,
                                     .span_ns = daily_span_ns,
                                     .keep_ns = tally_keep_ns,
                                     .clear = daily_clear,
                                     .open_whole = daily_open,
                                     .close_whole = daily_close,
                                     .version = 1,
                                     .save = daily_save,
                                     .load = daily_load,
                                     .save_whole = daily_save_all,
                                     .load_whole = daily_load_all};
