/*
 * `follows`: what a key does begins, again and again, just after something else was done with the
 * same values of the fields that both have in common: connections to a destination that begin
 * within seconds of a record that the same client read.
 *
 * Each transaction of the key is held against two stories: that it follows (with CERTAINTY), or
 * that it came by chance, which would be as often as the time just after takes of all time.  The
 * logarithms of their odds add up, and never fall below 0.
 */
#include "core/clock.h"
#include "core/table.h"
#include "rules/detector.h"

#include <math.h>
#include <stdlib.h>

enum { FIRSTS_KEPT = 8 };

static const double certainty = 0.9, chance_least = 0.005, chance_most = 0.8;
static const double memory_ns = 1800.0 * CLOCK_SECOND_NS; /* over which chance is averaged */

struct follows_state {
    double score;
    uint64_t hits, of;
    double chance; /* the last one's, for the alert */
};

/* What came first, of one value of the fields in common. */
struct firsts {
    int64_t times_ns[FIRSTS_KEPT]; /* the newest, in a ring */
    int64_t last_ns;
    uint32_t count;
    float covered_ns; /* of the time of memory: how long something had come just before */
};

struct firsts_key {
    uint64_t low, high;
};

static struct firsts_key key_of(const struct detection *d, const struct transaction *t)
{
    const struct before *b = &d->rule->follows;
    struct firsts_key key = {d->seed, ~d->seed};
    for (size_t i = 0; i < b->by_count; i++) {
        key.low = detector_hash(t, b->by[i], 0, key.low);
        key.high = detector_hash(t, b->by[i], 0, key.high);
    }
    return key;
}

static double faded(const struct firsts *f, int64_t time_ns)
{
    double ago_ns = time_ns > f->last_ns ? (double)(time_ns - f->last_ns) : 0;
    return (double)f->covered_ns * exp(-ago_ns / memory_ns);
}

static void follows_observe(struct detection *d, const struct occurrence *o)
{
    const struct before *b = &d->rule->follows;
    if (!expression_holds(&b->when, o->transaction))
        return;
    const struct firsts_key key = key_of(d, o->transaction);
    struct firsts *f = table_touch(d->whole, &key, NULL);
    if (!f)
        return;
    int64_t gap_ns = o->time_ns - f->last_ns;
    double covered_ns = f->count == 0 || gap_ns > b->within_ns ? (double)b->within_ns
                        : gap_ns > 0                           ? (double)gap_ns
                                                               : 0;
    f->covered_ns = (float)(faded(f, o->time_ns) + covered_ns);
    f->times_ns[f->count++ % FIRSTS_KEPT] = o->time_ns;
    if (f->last_ns < o->time_ns)
        f->last_ns = o->time_ns;
}

enum following { FOLLOWS, FOLLOWS_NOT, FOLLOWS_UNKNOWN /* it began before what is kept */ };

static enum following follows_when(const struct firsts *f, int64_t begin_ns, int64_t within_ns)
{
    uint32_t kept = f->count < FIRSTS_KEPT ? f->count : FIRSTS_KEPT;
    bool is_before = kept == FIRSTS_KEPT;
    for (uint32_t i = 0; i < kept; i++) {
        int64_t after_ns = begin_ns - f->times_ns[i];
        if (after_ns >= 0 && after_ns <= within_ns)
            return FOLLOWS;
        is_before = is_before && after_ns < 0;
    }
    return is_before ? FOLLOWS_UNKNOWN : FOLLOWS_NOT;
}

/* The part of a client's time that lies just after something. */
static double chance_of(const struct firsts *f, int64_t time_ns)
{
    double chance = faded(f, time_ns) / memory_ns;
    return chance < chance_least ? chance_least : chance > chance_most ? chance_most : chance;
}

static enum finding follows_count(struct detection *d, void *state, const struct occurrence *o,
                                  uint64_t *weight)
{
    struct follows_state *s = state;
    const struct rule *rule = d->rule;
    const struct firsts_key key = key_of(d, o->transaction);
    const struct firsts *f = table_find(d->whole, &key);
    int64_t begin_ns = o->transaction->start_ns;
    enum following following = f ? follows_when(f, begin_ns, rule->follows.within_ns) : FOLLOWS_NOT;
    if (following == FOLLOWS_UNKNOWN)
        return FINDING_NONE;
    double chance = f ? chance_of(f, begin_ns) : chance_least;
    bool is_hit = following == FOLLOWS;
    s->score += is_hit ? log(certainty / chance) : log((1 - certainty) / (1 - chance));
    if (s->score <= 0) {
        *s = (struct follows_state){.score = 0};
        return FINDING_NONE;
    }
    s->hits += is_hit;
    s->of++;
    s->chance = chance;
    *weight = 1;
    if (!is_hit)
        return FINDING_NONE;
    return s->score * SHARE_ONE > (double)rule->score ? FINDING_RAISED : FINDING_NEAR;
}

static void follows_describe(const struct detection *d, void *state, const struct occurrence *o,
                             struct alert *a)
{
    const struct follows_state *s = state;
    (void)d;
    a->score = s->score;
    a->hits = s->hits;
    a->of = s->of;
    a->chance = s->chance;
    detector_name(a, o->transaction);
}

static const int64_t follows_kept_ns = 30 * INT64_C(86400) * CLOCK_SECOND_NS;

static int64_t follows_span_ns(const struct rule *rule)
{
    (void)rule;
    return follows_kept_ns;
}

static int64_t follows_keep_ns(const struct rule *rule)
{
    return follows_kept_ns > rule->quiet_ns ? follows_kept_ns : rule->quiet_ns;
}

static void follows_clear(const struct detection *d, void *state)
{
    (void)d;
    *(struct follows_state *)state = (struct follows_state){.score = 0};
}

static void follows_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct follows_state *s = state;
    (void)d;
    pack_double(p, s->score);
    pack_number(p, s->hits);
    pack_number(p, s->of);
    pack_double(p, s->chance);
}

static bool follows_load(struct detection *d, void *state, struct cursor *c)
{
    struct follows_state *s = state;
    (void)d;
    s->score = unpack_double(c);
    s->hits = unpack_number(c);
    s->of = unpack_number(c);
    s->chance = unpack_double(c);
    return !cursor_is_short(c) && s->score >= 0 && isfinite(s->score) && isfinite(s->chance);
}

static bool follows_open_whole(struct detection *d, size_t entries_max, size_t bytes_max)
{
    d->whole = table_open(&(struct table_config){.entries_max = entries_max,
                                                 .bytes_max = bytes_max,
                                                 .key_size = sizeof(struct firsts_key),
                                                 .value_size = sizeof(struct firsts),
                                                 .seed = d->seed});
    return d->whole != NULL;
}

static void follows_close_whole(struct detection *d)
{
    table_close(d->whole);
    d->whole = NULL;
}

static void follows_save_whole(const struct detection *d, struct pack *p)
{
    pack_number(p, table_count(d->whole));
    for (const struct firsts *f = table_oldest(d->whole); f; f = table_next(d->whole, f)) {
        const struct firsts_key *key = table_key(d->whole, f);
        pack_u64(p, key->low);
        pack_u64(p, key->high);
        pack_signed(p, f->last_ns);
        pack_float(p, f->covered_ns);
        pack_number(p, f->count);
        for (unsigned i = 0; i < FIRSTS_KEPT; i++)
            pack_signed(p, f->last_ns - f->times_ns[i]);
    }
}

static bool firsts_load(struct firsts *f, struct cursor *c)
{
    f->last_ns = unpack_signed(c);
    f->covered_ns = unpack_float(c);
    f->count = (uint32_t)unpack_number(c);
    bool is_good = f->last_ns >= 0 && f->last_ns < INT64_MAX / 2 && f->covered_ns >= 0 &&
                   (double)f->covered_ns <= memory_ns * 2;
    for (unsigned i = 0; i < FIRSTS_KEPT; i++) {
        int64_t ago_ns = unpack_signed(c);
        is_good = is_good && ago_ns >= 0 && ago_ns <= f->last_ns;
        f->times_ns[i] = is_good ? f->last_ns - ago_ns : 0;
    }
    return is_good && !cursor_is_short(c);
}

static bool firsts_load_all(struct table *table, struct cursor *c)
{
    enum { LEAST = 30 }; /* bytes of each */
    for (size_t left = unpack_count(c, SIZE_MAX, LEAST); left > 0; left--) {
        struct firsts_key key = {.low = unpack_u64(c)};
        key.high = unpack_u64(c);
        struct firsts *f = table_touch(table, &key, NULL);
        if (!f || !firsts_load(f, c))
            return false;
    }
    return unpack_done(c);
}

static bool follows_load_whole(struct detection *d, struct cursor *c)
{
    if (firsts_load_all(d->whole, c))
        return true;
    for (void *f = table_oldest(d->whole); f; f = table_oldest(d->whole))
        table_remove(d->whole, f);
    return false;
}

const struct detector DETECTOR_FOLLOWS = {.state_size = sizeof(struct follows_state),
                                          .count = follows_count,
                                          .describe = follows_describe,
                                          .span_ns = follows_span_ns,
                                          .keep_ns = follows_keep_ns,
                                          .clear = follows_clear,
                                          .open_whole = follows_open_whole,
                                          .close_whole = follows_close_whole,
                                          .observe = follows_observe,
                                          .version = 1,
                                          .save = follows_save,
                                          .load = follows_load,
                                          .save_whole = follows_save_whole,
                                          .load_whole = follows_load_whole};
