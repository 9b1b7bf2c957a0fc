/*
 * `first`: a key shows a value that it never showed before.  Silent until the key is known for the
 * time of `learn`; a key that shows nothing for the time of `forget` is a new one.
 */
#include "rules/detector.h"
#include "rules/known.h"

struct first_state {
    struct known known;
    int64_t since_ns;   /* the key's first transaction */
    uint64_t newest;    /* hash of the value found last */
    uint32_t newest_at; /* which of the field's texts it is */
};

/* Keeps a value that is new, as people read it. */
static bool keep(const struct detection *d, struct first_state *s, const struct occurrence *o,
                 size_t index)
{
    char text[KNOWN_TEXT_MAX + 1];
    struct bytes shown = detector_shown(o->transaction, d->rule->first, index, text, sizeof(text));
    return known_add(&s->known, d->budget, s->newest, shown, o->time_ns);
}

static bool is_text(enum field f)
{
    return FIELDS[f].type == FIELD_TYPE_TEXT || FIELDS[f].type == FIELD_TYPE_TEXTS;
}

static enum finding first_count(struct detection *d, void *state, const struct occurrence *o,
                                uint64_t *weight)
{
    struct first_state *s = state;
    enum field f = d->rule->first;
    uint32_t forgotten = s->known.forgotten;
    known_forget(&s->known, o->time_ns - d->rule->forget_ns);
    if (s->known.count == 0 || o->time_ns < s->since_ns)
        s->since_ns = o->time_ns;
    bool is_learning = s->known.count == 0 || o->time_ns - s->since_ns < d->rule->learn_ns;
    bool is_new = false;
    size_t count = detector_values(o->transaction, f);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = detector_hash(o->transaction, f, i, d->seed);
        if (known_meet(&s->known, hash, o->time_ns))
            continue;
        s->newest = hash;
        s->newest_at = (uint32_t)i;
        if (!keep(d, s, o, i))
            return FINDING_DENIED;
        is_new = true;
    }
    d->forgotten += s->known.forgotten - forgotten;
    *weight = 1;
    return is_new && !is_learning ? FINDING_RAISED : FINDING_NONE;
}

static void first_describe(const struct detection *d, void *state, const struct occurrence *o,
                           struct alert *a)
{
    struct first_state *s = state;
    enum field f = d->rule->first;
    struct bytes value = detector_value(o->transaction, f, s->newest_at);
    a->first_value = is_text(f) ? value : known_text(&s->known, s->newest);
    a->known_count = known_newest(&s->known, s->newest, a->known, ALERT_KNOWN_MAX);
    const struct texts one = {&a->first_value, 1};
    char *at = (char *)&a->key + FIELDS[f].offset;
    if (FIELDS[f].type == FIELD_TYPE_TEXT)
        memcpy(at, &a->first_value, sizeof(a->first_value));
    else if (FIELDS[f].type == FIELD_TYPE_TEXTS)
        memcpy(at, &one, sizeof(one));
    else
        memcpy(at, value.data, value.len);
    transaction_mark(&a->key, f);
}

static int64_t first_span_ns(const struct rule *rule)
{
    (void)rule;
    return 0;
}

static int64_t first_keep_ns(const struct rule *rule)
{
    return rule->forget_ns > rule->quiet_ns ? rule->forget_ns : rule->quiet_ns;
}

static void first_clear(const struct detection *d, void *state)
{
    struct first_state *s = state;
    known_clear(&s->known, d->budget);
}

const struct detector DETECTOR_FIRST = {.state_size = sizeof(struct first_state),
                                        .count = first_count,
                                        .describe = first_describe,
                                        .span_ns = first_span_ns,
                                        .keep_ns = first_keep_ns,
                                        .clear = first_clear};
