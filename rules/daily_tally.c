/*
 * Counting.  What a key did is kept for its interval alone; when it is next active after that, the
 * interval is closed and the key learns from it.
 */
#include "rules/daily_tally.h"

#include "core/clock.h"
#include "core/hash.h"

#include <math.h>
#include <stdlib.h>

enum { LATE_MAX = 10000 /* transactions, one after another */ };

enum added {
    ADDED_NOTHING, /* no number has changed */
    ADDED,         /* the whole has */
    ADDED_DENIED,  /* no memory */
};

#define DAY_NS (86400 * CLOCK_SECOND_NS)

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

static uint32_t visits_max(const struct rule *rule)
{
    return daily_is_alone(rule) ? VISITS_WHOLE_MAX : VISITS_MAX;
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
    all->noise = daily_is_alone(rule) ? noise_of_all : noise_of_keys;
    all->crowd = crowd_open(rule->has_peers && rule->daily.than_peers, d->seed);
    if (rule->daily.is_new)
        all->newcomers = calloc(1, sizeof(*all->newcomers));
    if (daily_is_alone(rule))
        all->seasons = calloc(1, sizeof(*all->seasons));
    if (all->crowd && (all->newcomers || !rule->daily.is_new) &&
        (all->seasons || !daily_is_alone(rule)))
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

static void counts_clear(const struct detection *d, struct daily *k)
{
    if (daily_counts_customers(d->rule))
        visits_clear(&k->visits, d->budget);
    else
        k->amounts = (struct daily_amounts){.whole = 0};
}

/* The key's interval is over: it learns. */
static void interval_close(struct detection *d, struct daily *k)
{
    struct daily_all *all = d->whole;
    struct daily_view v;
    double learned[USUAL_COUNTS];
    daily_view(d, k, &v);
    daily_work_out(d, k, &v, (1u << USUAL_SCORES) - 1);
    all->last.has_closed = true;
    all->last.knew = daily_is_known(d, k);
    all->last.closed = v;
    struct usual_level usual = daily_base(d, k);
    double moved = (double)k->member.base[USUAL_WHOLE] > 0
                       ? v.level.mean[USUAL_WHOLE] / (double)k->member.base[USUAL_WHOLE]
                       : 1;
    moved = sqrt(fmin(fmax(moved, 0.25), 4));
    for (unsigned i = 0; i < USUAL_COUNTS; i++)
        learned[i] = v.counts[i] / moved;
    if (v.decided > 0) /* as many of those of which it is not known yet */
        learned[USUAL_PART] *= v.counts[USUAL_WHOLE] / v.decided;
    usual_learn(&k->usual, &all->noise, learned, v.scores, &usual);
    daily_seasons_learn(d, k, &v);
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
    struct usual_level base = daily_base(d, k);
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
        if (!visits_reserve(&k->visits, d->budget, visits_max(d->rule)))
            return ADDED_DENIED;
        if (!may_be_new(d, k, o, hash))
            continue;
        if (visits_add(&k->visits, hash, slot, visits_max(d->rule)))
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

/* Counts what the transaction adds to the whole; *part: whether the part has changed. */
static enum added add(struct detection *d, struct daily *k, const struct occurrence *o, bool *part)
{
    struct daily_all *all = d->whole;
    const struct rule_daily *daily = &d->rule->daily;
    unsigned slot = slot_of(all);
    if (!daily_counts_customers(d->rule)) {
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
    if (k->has_begun && k->interval != all->number) {
        /* it is told once: what comes in its place must have memory */
        if (daily_counts_customers(d->rule) &&
            !visits_reserve(&k->visits, d->budget, visits_max(d->rule)))
            return FINDING_DENIED;
        interval_close(d, k);
    }
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
    daily_counts(d->rule, k, &v);
    crowd_count(all->crowd, &k->member, v.counts, v.decided);
    return FINDING_NEAR;
}

static int64_t tally_keep_ns(const struct rule *rule)
{
    (void)rule;
    return DAILY_KEEP_DAYS * DAY_NS;
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
    if (daily_counts_customers(rule)) {
        visits_save(&k->visits, p);
        return;
    }
    pack_double(p, k->amounts.whole);
    pack_double(p, k->amounts.part);
}

static bool counts_load(struct detection *d, struct daily *k, struct cursor *c)
{
    if (daily_counts_customers(d->rule))
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
    int64_t length_ns;
    if (__builtin_sub_overflow(all->to_ns, all->from_ns, &length_ns) || length_ns < 0)
        return false;
    all->per_ns = length_ns > 0 ? 1 / (double)length_ns : 0;
    bool is_good = crowd_load(all->crowd, c) && crowd_interval(all->crowd) == all->number;
    for (unsigned i = 0; all->seasons && i < USUAL_SCORES; i++) {
        for (unsigned s = 0; s < SEASONS_MAX; s++) {
            all->seasons->moved[i][s] = unpack_double(c);
            is_good = is_good && fabs(all->seasons->moved[i][s]) <= 1;
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
                                     .keep_ns = tally_keep_ns,
                                     .clear = daily_clear,
                                     .open_whole = daily_open,
                                     .close_whole = daily_close,
                                     .version = 1,
                                     .save = daily_save,
                                     .load = daily_load,
                                     .save_whole = daily_save_all,
                                     .load_whole = daily_load_all};
