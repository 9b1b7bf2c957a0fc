/*
 * `off hours`: a key is active at an hour of the week at which neither itself nor, with `peers`,
 * any of its peers was active in the last weeks, nor within SPREAD hours of it.  Hours are those of
 * the configured time zone.  A day's hours are learned when the day is over, but for those that
 * raised an alert.
 */
#include "core/clock.h"
#include "core/table.h"
#include "rules/detector.h"

#include <stdlib.h>

enum {
    WEEK_HOURS = 168,
    WEEK_DAYS = 7,
    DAY_HOURS = 24,
    SPREAD = 2,
    KEPT_DAYS = 60,
    MONDAY = 3,  /* 1970-01-01 was a Thursday */
    WEEKS = 255, /* that are told apart */
};

/* When somebody is active.  A zeroed struct never was. */
struct week {
    uint8_t seen[WEEK_HOURS]; /* the week in which it was last (see week_of); 0: none */
    uint16_t day;             /* the one that passes, since 1970 */
    uint32_t hours;           /* its, a bit each */
};

struct hours_state {
    struct week week;
    int64_t since_ns;
    uint32_t off_hours;         /* of the day, a bit each */
    uint32_t off_count;         /* transactions in them */
    bool has_begun, has_raised; /* on that day */
};

/* A time as the wall clock shows it. */
struct moment {
    uint16_t day;
    uint8_t hour;
};

static unsigned weekday_of(unsigned day)
{
    return (day + MONDAY) % WEEK_DAYS;
}

/* A number of a day's week, from 1 on and then again. */
static uint8_t week_of(unsigned day)
{
    return (uint8_t)(1 + (day + MONDAY) / WEEK_DAYS % WEEKS);
}

static struct moment moment_of(const struct rule *rule, int64_t ns)
{
    int64_t local_s = ns / CLOCK_SECOND_NS + zone_ahead_s(rule->zone, ns);
    uint64_t hours = local_s > 0 ? (uint64_t)local_s / 3600 : 0, day = hours / DAY_HOURS;
    return (struct moment){.day = (uint16_t)(day < UINT16_MAX ? day : UINT16_MAX),
                           .hour = (uint8_t)(hours % DAY_HOURS)};
}

static bool week_has(const struct week *w, struct moment m)
{
    unsigned from = weekday_of(m.day) * DAY_HOURS + m.hour + WEEK_HOURS - SPREAD;
    for (unsigned i = 0; i <= 2 * SPREAD; i++) {
        unsigned hour = (from + i) % WEEK_HOURS, seen = w->seen[hour];
        unsigned weeks = (week_of(m.day) + WEEKS - seen) % WEEKS;
        unsigned days_ago = weeks * WEEK_DAYS + weekday_of(m.day) - hour / DAY_HOURS;
        if (seen > 0 && days_ago <= KEPT_DAYS)
            return true;
    }
    return false;
}

/* Learns the day that passed, where the moment is of another. */
static void week_pass(struct week *w, struct moment m, uint32_t without)
{
    if (w->day == m.day)
        return;
    for (unsigned h = 0; h < DAY_HOURS; h++) {
        if ((w->hours & ~without) >> h & 1)
            w->seen[weekday_of(w->day) * DAY_HOURS + h] = week_of(w->day);
    }
    w->day = m.day;
    w->hours = 0;
}

/* The hours of the key's peers; NULL: it has none. */
static struct week *peers_of(struct detection *d, const struct transaction *t, struct moment m)
{
    if (!d->whole || !transaction_has(t, d->rule->peers))
        return NULL;
    uint64_t key = detector_hash(t, d->rule->peers, 0, d->seed);
    struct week *w = table_touch(d->whole, &key, NULL);
    if (w)
        week_pass(w, m, 0);
    return w;
}

static void begin_day(struct hours_state *s, struct moment m)
{
    if (s->week.day == m.day)
        return;
    week_pass(&s->week, m, s->has_raised ? s->off_hours : 0);
    s->off_hours = s->off_count = 0;
    s->has_raised = false;
}

static enum finding hours_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    struct hours_state *s = state;
    struct moment m = moment_of(d->rule, o->time_ns);
    if (!s->has_begun)
        s->since_ns = o->time_ns;
    s->has_begun = true;
    if (m.day < s->week.day)
        return FINDING_LATE;
    begin_day(s, m);
    s->week.hours |= UINT32_C(1) << m.hour;
    *weight = 1;
    bool is_learning = o->time_ns - s->since_ns < d->rule->learn_ns;
    struct week *peers = peers_of(d, o->transaction, m);
    if (is_learning || week_has(&s->week, m) || (peers && week_has(peers, m))) {
        if (peers)
            peers->hours |= UINT32_C(1) << m.hour;
        return FINDING_NONE;
    }
    s->off_hours |= UINT32_C(1) << m.hour;
    if (++s->off_count < d->rule->at_least)
        return FINDING_NEAR;
    s->has_raised = true;
    return FINDING_RAISED;
}

static void hours_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    const struct hours_state *s = state;
    struct moment m = moment_of(d->rule, o->time_ns);
    a->value = a->at_least = s->off_count;
    a->limit = d->rule->at_least - 1;
    a->weekday = weekday_of(m.day);
    a->hour = m.hour;
    detector_name(a, o->transaction);
}

static int64_t hours_span_ns(const struct rule *rule)
{
    (void)rule;
    return DAY_HOURS * 3600 * CLOCK_SECOND_NS;
}

static int64_t hours_keep_ns(const struct rule *rule)
{
    (void)rule;
    return KEPT_DAYS * DAY_HOURS * 3600 * CLOCK_SECOND_NS;
}

static void hours_clear(const struct detection *d, void *state)
{
    (void)d;
    *(struct hours_state *)state = (struct hours_state){.has_begun = false};
}

static void week_save(const struct week *w, struct pack *p)
{
    pack_number(p, w->day);
    pack_u32(p, w->hours);
    for (unsigned i = 0; i < WEEK_HOURS; i++)
        pack_u8(p, w->seen[i]);
}

static bool week_load(struct week *w, struct cursor *c)
{
    uint64_t day = unpack_number(c);
    w->day = (uint16_t)day;
    w->hours = cursor_le32(c);
    for (unsigned i = 0; i < WEEK_HOURS; i++)
        w->seen[i] = cursor_u8(c);
    return !cursor_is_short(c) && day <= UINT16_MAX && w->hours >> DAY_HOURS == 0;
}

static void hours_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct hours_state *s = state;
    (void)d;
    pack_flag(p, s->has_begun);
    pack_flag(p, s->has_raised);
    pack_signed(p, s->since_ns);
    pack_u32(p, s->off_hours);
    pack_u32(p, s->off_count);
    week_save(&s->week, p);
}

static bool hours_load(struct detection *d, void *state, struct cursor *c)
{
    struct hours_state *s = state;
    (void)d;
    s->has_begun = unpack_flag(c);
    s->has_raised = unpack_flag(c);
    s->since_ns = unpack_signed(c);
    s->off_hours = cursor_le32(c);
    s->off_count = cursor_le32(c);
    return week_load(&s->week, c) && s->since_ns >= 0;
}

static bool hours_open_whole(struct detection *d, size_t entries_max, size_t bytes_max)
{
    if (d->rule->has_peers)
        d->whole = table_open(&(struct table_config){.entries_max = entries_max,
                                                     .bytes_max = bytes_max,
                                                     .key_size = sizeof(uint64_t),
                                                     .value_size = sizeof(struct week),
                                                     .seed = d->seed});
    return d->whole || !d->rule->has_peers;
}

static void hours_close_whole(struct detection *d)
{
    table_close(d->whole);
    d->whole = NULL;
}

static void hours_save_whole(const struct detection *d, struct pack *p)
{
    if (!d->whole)
        return;
    pack_number(p, table_count(d->whole));
    for (const struct week *w = table_oldest(d->whole); w; w = table_next(d->whole, w)) {
        pack_u64(p, *(const uint64_t *)table_key(d->whole, w));
        week_save(w, p);
    }
}

static bool weeks_load(struct table *table, struct cursor *c)
{
    for (size_t left = unpack_count(c, SIZE_MAX, WEEK_HOURS); left > 0; left--) {
        uint64_t key = unpack_u64(c);
        struct week *w = table_touch(table, &key, NULL);
        if (!w || !week_load(w, c))
            return false;
    }
    return unpack_done(c);
}

static bool hours_load_whole(struct detection *d, struct cursor *c)
{
    if (!d->whole)
        return unpack_done(c);
    if (weeks_load(d->whole, c))
        return true;
    for (void *w = table_oldest(d->whole); w; w = table_oldest(d->whole))
        table_remove(d->whole, w);
    return false;
}

const struct detector DETECTOR_HOURS = {.state_size = sizeof(struct hours_state),
                                        .count = hours_count,
                                        .describe = hours_describe,
                                        .span_ns = hours_span_ns,
                                        .keep_ns = hours_keep_ns,
                                        .clear = hours_clear,
                                        .open_whole = hours_open_whole,
                                        .close_whole = hours_close_whole,
                                        .version = 2,
                                        .save = hours_save,
                                        .load = hours_load,
                                        .save_whole = hours_save_whole,
                                        .load_whole = hours_load_whole};
