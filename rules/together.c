/*
 * `together`: one key active with several values of a field at once.
 */
#include "rules/detector.h"
#include "rules/known.h"

struct together_state {
    struct known known; /* seen within `over` */
    int64_t newest_ns;
};

static bool keep(const struct detection *d, struct together_state *s, const struct occurrence *o,
                 size_t index, uint64_t hash)
{
    char text[KNOWN_TEXT_MAX + 1];
    struct bytes shown = detector_shown(o->transaction, d->rule->of, index, text, sizeof(text));
    return known_add(&s->known, d->budget, hash, shown, o->time_ns);
}

static enum finding together_count(struct detection *d, void *state, const struct occurrence *o,
                                   uint64_t *weight)
{
    struct together_state *s = state;
    const struct rule *rule = d->rule;
    uint32_t forgotten = s->known.forgotten;
    bool is_new = false;
    if (s->newest_ns < o->time_ns)
        s->newest_ns = o->time_ns;
    if (o->time_ns < s->newest_ns - rule->over_ns)
        return FINDING_LATE;
    known_forget(&s->known, s->newest_ns - rule->over_ns);
    size_t count = detector_values(o->transaction, rule->of);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = detector_hash(o->transaction, rule->of, i, d->seed);
        if (known_meet(&s->known, hash, o->time_ns))
            continue;
        if (!keep(d, s, o, i, hash))
            return FINDING_DENIED;
        is_new = true;
    }
    d->forgotten += s->known.forgotten - forgotten;
    *weight = 1;
    if (s->known.count >= rule->together)
        return FINDING_RAISED;
    return is_new ? FINDING_NEAR : FINDING_NONE; /* the first of each value explains the alert */
}

static void together_describe(const struct detection *d, void *state, const struct occurrence *o,
                              struct alert *a)
{
    const struct together_state *s = state;
    (void)d;
    (void)o;
    a->value = a->at_least = s->known.count;
    a->known_count = known_newest(&s->known, 0, a->known, ALERT_KNOWN_MAX);
}

static int64_t together_span_ns(const struct rule *rule)
{
    return rule->over_ns;
}

static int64_t together_keep_ns(const struct rule *rule)
{
    return rule->over_ns > rule->quiet_ns ? rule->over_ns : rule->quiet_ns;
}

static void together_clear(const struct detection *d, void *state)
{
    struct together_state *s = state;
    known_clear(&s->known, d->budget);
}

static void together_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct together_state *s = state;
    (void)d;
    known_save(&s->known, p);
    pack_signed(p, s->newest_ns);
}

static bool together_load(struct detection *d, void *state, struct cursor *c)
{
    struct together_state *s = state;
    if (!known_load(&s->known, d->budget, c))
        return false;
    s->newest_ns = unpack_signed(c);
    return !cursor_is_short(c);
}

const struct detector DETECTOR_TOGETHER = {.state_size = sizeof(struct together_state),
                                           .count = together_count,
                                           .describe = together_describe,
                                           .span_ns = together_span_ns,
                                           .keep_ns = together_keep_ns,
                                           .clear = together_clear,
                                           .version = 1,
                                           .save = together_save,
                                           .load = together_load};
