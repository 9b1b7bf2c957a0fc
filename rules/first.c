/*
 * `first`: a key shows a value that it never showed before; with `rare`, one that few other keys
 * show.  Silent until the key is known for the time of `learn`; a key that shows nothing for the
 * time of `forget` is a new one.
 */
#include "core/hash.h"
#include "rules/detector.h"
#include "rules/known.h"
#include "rules/rare.h"

enum { ALIKE_MAX = 512 }; /* bytes of a text without its versions */

struct first_state {
    struct known known;
    int64_t since_ns;   /* the key's first transaction */
    uint64_t newest;    /* hash of the value found last */
    uint32_t newest_at; /* which of the field's texts it is */
    uint32_t others;    /* of a rare one: how many keys beside this show it */
};

/* The hash of a text in which numbers with dots, as versions are, make no difference. */
static uint64_t hash_alike(struct bytes text, uint64_t seed)
{
    uint8_t kept[ALIKE_MAX];
    size_t len = 0;
    bool is_version = false;
    for (size_t i = 0; i < text.len && len < sizeof(kept); i++) {
        uint8_t c = text.data[i];
        bool is_digit = c >= '0' && c <= '9';
        is_version = is_digit || (is_version && (c == '.' || c == '_'));
        if (!is_version)
            kept[len++] = c;
    }
    return hash_bytes((struct bytes){kept, len}, seed);
}

static bool is_text(enum field f)
{
    return FIELDS[f].type == FIELD_TYPE_TEXT || FIELDS[f].type == FIELD_TYPE_TEXTS;
}

static uint64_t hash_of(const struct detection *d, const struct transaction *t, size_t index)
{
    enum field f = d->rule->first;
    if (d->rule->ignores_versions && is_text(f))
        return hash_alike(detector_value(t, f, index), d->seed);
    return detector_hash(t, f, index, d->seed);
}

/* Whether the value is worth an alert for a key that newly shows it. */
static bool is_worth(const struct detection *d, struct first_state *s, const struct occurrence *o)
{
    const struct rule *rule = d->rule;
    if (!rule->is_rare)
        return true;
    uint64_t key = d->seed, value = s->newest;
    for (size_t i = 0; i < rule->by_count; i++)
        key = detector_hash(o->transaction, rule->by[i], 0, key);
    if (rule->has_peers)
        value = hash_mix(value, detector_hash(o->transaction, rule->peers, 0, d->seed));
    s->others = (uint32_t)rare_note(d->whole, value, key, o->time_ns, o->time_ns - rule->forget_ns);
    return s->others <= rule->rare;
}

/* Keeps a value that is new, as people read it. */
static bool keep(const struct detection *d, struct first_state *s, const struct occurrence *o,
                 size_t index)
{
    char text[KNOWN_TEXT_MAX + 1];
    struct bytes shown = detector_shown(o->transaction, d->rule->first, index, text, sizeof(text));
    return known_add(&s->known, d->budget, s->newest, shown, o->time_ns);
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
        uint64_t hash = hash_of(d, o->transaction, i);
        if (known_meet(&s->known, hash, o->time_ns))
            continue;
        uint64_t newest = s->newest;
        uint32_t newest_at = s->newest_at, others = s->others;
        s->newest = hash;
        s->newest_at = (uint32_t)i;
        if (!keep(d, s, o, i))
            return FINDING_DENIED;
        if (is_worth(d, s, o)) {
            is_new = true;
            continue;
        }
        s->newest = newest; /* the one that is told is the last that is worth it */
        s->newest_at = newest_at;
        s->others = others;
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
    a->others = s->others;
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

static bool first_open_whole(struct detection *d, size_t entries_max, size_t bytes_max)
{
    if (d->rule->is_rare)
        d->whole = rare_open(entries_max, bytes_max, d->seed);
    return d->whole || !d->rule->is_rare;
}

static void first_close_whole(struct detection *d)
{
    rare_close(d->whole);
    d->whole = NULL;
}

static void first_save_whole(const struct detection *d, struct pack *p)
{
    if (d->whole)
        rare_save(d->whole, p);
}

static bool first_load_whole(struct detection *d, struct cursor *c)
{
    return d->whole ? rare_load(d->whole, c) : unpack_done(c);
}

static void first_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct first_state *s = state;
    (void)d;
    known_save(&s->known, p);
    pack_signed(p, s->since_ns);
}

static bool first_load(struct detection *d, void *state, struct cursor *c)
{
    struct first_state *s = state;
    if (!known_load(&s->known, d->budget, c))
        return false;
    s->since_ns = unpack_signed(c);
    return !cursor_is_short(c);
}

const struct detector DETECTOR_FIRST = {.state_size = sizeof(struct first_state),
                                        .count = first_count,
                                        .describe = first_describe,
                                        .span_ns = first_span_ns,
                                        .keep_ns = first_keep_ns,
                                        .clear = first_clear,
                                        .open_whole = first_open_whole,
                                        .close_whole = first_close_whole,
                                        .save_whole = first_save_whole,
                                        .load_whole = first_load_whole,
                                        .version = 1,
                                        .save = first_save,
                                        .load = first_load};
