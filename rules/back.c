/*
 * `back after`: a key that showed nothing for long is there again.  While the rule saw no key at
 * all for days, the mirror was off or everybody was on holiday, and that is nobody's absence.
 */
#include "core/clock.h"
#include "rules/detector.h"

#include <stdlib.h>

static const int64_t blind_min_ns = 5 * INT64_C(86400) * CLOCK_SECOND_NS;

struct back_state {
    int64_t last_ns;
    int64_t blind_ns; /* the whole's at that time */
    int64_t away_ns;  /* how long it had been away when it was found */
    bool has_begun;
};

/* Of all keys. */
struct back_whole {
    int64_t last_ns;
    int64_t blind_ns; /* all spans of days in which no key was seen */
};

static void note_blindness(struct back_whole *w, int64_t time_ns)
{
    if (w->last_ns > 0 && time_ns - w->last_ns >= blind_min_ns)
        w->blind_ns += time_ns - w->last_ns;
    if (w->last_ns < time_ns)
        w->last_ns = time_ns;
}

static enum finding back_count(struct detection *d, void *state, const struct occurrence *o,
                               uint64_t *weight)
{
    struct back_state *s = state;
    struct back_whole *w = d->whole;
    *weight = 1;
    note_blindness(w, o->time_ns);
    if (s->has_begun && o->time_ns <= s->last_ns)
        return FINDING_NONE;
    int64_t away_ns = o->time_ns - s->last_ns - (w->blind_ns - s->blind_ns);
    bool is_back = s->has_begun && away_ns >= d->rule->back_ns;
    if (is_back)
        s->away_ns = away_ns;
    s->last_ns = o->time_ns;
    s->blind_ns = w->blind_ns;
    s->has_begun = true;
    return is_back ? FINDING_RAISED : FINDING_NONE;
}

static void back_describe(const struct detection *d, void *state, const struct occurrence *o,
                          struct alert *a)
{
    const struct back_state *s = state;
    (void)d;
    (void)o;
    a->apart_ns = s->away_ns;
}

static int64_t back_span_ns(const struct rule *rule)
{
    (void)rule;
    return 0;
}

static int64_t back_keep_ns(const struct rule *rule)
{
    return rule->forget_ns > rule->quiet_ns ? rule->forget_ns : rule->quiet_ns;
}

static void back_clear(const struct detection *d, void *state)
{
    (void)d;
    *(struct back_state *)state = (struct back_state){.has_begun = false};
}

static void back_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct back_state *s = state;
    (void)d;
    pack_flag(p, s->has_begun);
    pack_signed(p, s->last_ns);
    pack_signed(p, s->blind_ns);
    pack_signed(p, s->away_ns);
}

/* A time or a span that arithmetic can bear. */
static int64_t load_span(struct cursor *c)
{
    int64_t ns = unpack_signed(c);
    if (ns < 0 || ns > INT64_MAX / 2)
        unpack_fail(c);
    return ns;
}

static bool back_load(struct detection *d, void *state, struct cursor *c)
{
    struct back_state *s = state;
    (void)d;
    s->has_begun = unpack_flag(c);
    s->last_ns = load_span(c);
    s->blind_ns = load_span(c);
    s->away_ns = load_span(c);
    return !cursor_is_short(c);
}

static bool back_open_whole(struct detection *d, size_t entries_max, size_t bytes_max)
{
    (void)entries_max;
    (void)bytes_max;
    d->whole = calloc(1, sizeof(struct back_whole));
    return d->whole != NULL;
}

static void back_close_whole(struct detection *d)
{
    free(d->whole);
    d->whole = NULL;
}

static void back_save_whole(const struct detection *d, struct pack *p)
{
    const struct back_whole *w = d->whole;
    pack_signed(p, w->last_ns);
    pack_signed(p, w->blind_ns);
}

static bool back_load_whole(struct detection *d, struct cursor *c)
{
    struct back_whole *w = d->whole;
    w->last_ns = load_span(c);
    w->blind_ns = load_span(c);
    if (unpack_done(c))
        return true;
    *w = (struct back_whole){0};
    return false;
}

const struct detector DETECTOR_BACK = {.state_size = sizeof(struct back_state),
                                       .count = back_count,
                                       .describe = back_describe,
                                       .span_ns = back_span_ns,
                                       .keep_ns = back_keep_ns,
                                       .clear = back_clear,
                                       .open_whole = back_open_whole,
                                       .close_whole = back_close_whole,
                                       .version = 1,
                                       .save = back_save,
                                       .load = back_load,
                                       .save_whole = back_save_whole,
                                       .load_whole = back_load_whole};
