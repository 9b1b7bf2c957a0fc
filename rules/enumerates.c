/*
 * `enumerates`: identifiers are asked for one neighbour after the other.  Of each identifier two
 * hashes of its neighbourhood are known (core/transaction.h), of which numbers that differ by 1 or
 * 2 share one: a look-up that shares one with an earlier look-up lengthens its chain by one,
 * whoever else looks up what in between, up or down, and however slowly within `over`.
 *
 * Where very many are looked up, neighbours meet by chance.  How often one does is learned, and a
 * chain counts as none until it is longer than chance would make one in CHANCE_ODDS look-ups.
 *
 * Memory: 24 bytes for each neighbourhood of a key, two of each look-up, at twice as many places as
 * are taken and at most 768 KiB; then the shortest chains are forgotten.
 */
#include "core/clock.h"
#include "rules/detector.h"

#include <math.h>

enum {
    PLACES_MIN = 16,
    WAYS = 4, /* a power of two */
    PLACES_MAX = 32768,
    IDS_MAX = 4,                      /* numbers that share one neighbourhood */
    LEARNED_MAX = 1 << 16,            /* look-ups; then all that was learned counts half */
    WALKS_MAX = SUBJECT_NEAR_MAX / 2, /* of one transaction */
};

static const double chance_odds = 1e10, chance_least = 0.001, chance_most = 0.9;

/* A neighbourhood in which something was looked up. */
struct place_near {
    uint64_t hash;
    uint32_t seen_s;
    uint16_t chain; /* the longest that ends here; 0: the place is free */
    uint16_t ids_count;
    uint16_t ids[IDS_MAX]; /* parts of the hashes of what was looked up */
};

struct enumerates_state {
    struct place_near *places;
    uint32_t size, used;
    uint32_t lookups, neighbours; /* of honest ones, to learn from */
    uint32_t chain, limit;        /* of what was found last */
};

/* One look-up of a transaction. */
struct walk {
    uint64_t near[2];
    uint16_t id;
    uint16_t chain;
    bool is_known; /* looked up before */
};

static bool is_fresh(const struct detection *d, const struct place_near *p, uint32_t now_s)
{
    int64_t ago_s = (int64_t)now_s - p->seen_s;
    return p->chain > 0 && ago_s <= d->rule->over_ns / CLOCK_SECOND_NS;
}

/* The places that a neighbourhood can have. */
static struct place_near *ways_of(const struct enumerates_state *s, uint64_t hash)
{
    return &s->places[hash & (s->size - 1) & ~(uint64_t)(WAYS - 1)];
}

/* The neighbourhood, where something was looked up in it within `over`; NULL: none was. */
static struct place_near *find(const struct detection *d, const struct enumerates_state *s,
                               uint64_t hash, uint32_t now_s)
{
    struct place_near *ways = s->size > 0 ? ways_of(s, hash) : NULL;
    for (unsigned i = 0; ways && i < WAYS; i++) {
        if (ways[i].hash == hash && is_fresh(d, &ways[i], now_s))
            return &ways[i];
    }
    return NULL;
}

/* Where it may settle: a free place, or that of the shortest chain, of those the oldest. */
static struct place_near *worst_of(const struct enumerates_state *s, uint64_t hash)
{
    struct place_near *ways = ways_of(s, hash), *worst = ways;
    for (unsigned i = 1; i < WAYS; i++) {
        bool is_older = ways[i].chain == worst->chain && ways[i].seen_s < worst->seen_s;
        if (ways[i].chain < worst->chain || is_older)
            worst = &ways[i];
    }
    return worst;
}

/* Frees the places of what was looked up too long ago. */
static void sweep(const struct detection *d, struct enumerates_state *s, uint32_t now_s)
{
    for (uint32_t i = 0; i < s->size; i++) {
        struct place_near *p = &s->places[i];
        if (p->chain == 0 || is_fresh(d, p, now_s))
            continue;
        p->chain = 0;
        s->used--;
    }
}

static void settle_again(struct enumerates_state *s, const struct place_near *old)
{
    struct place_near *p = worst_of(s, old->hash);
    s->used += p->chain == 0;
    *p = *old;
}

/* Twice as many places, or the first ones; false without memory. */
static bool grow(const struct detection *d, struct enumerates_state *s)
{
    struct enumerates_state wider = *s;
    wider.size = s->size > 0 ? s->size * 2 : PLACES_MIN;
    wider.places = NULL;
    wider.used = 0;
    if (!budget_resize(d->budget, &wider.places, 0, wider.size * sizeof(*wider.places)))
        return false;
    memset(wider.places, 0, wider.size * sizeof(*wider.places));
    for (uint32_t i = 0; i < s->size; i++) {
        if (s->places[i].chain > 0)
            settle_again(&wider, &s->places[i]);
    }
    if (s->places)
        budget_free(d->budget, &s->places, s->size * sizeof(*s->places));
    *s = wider;
    return true;
}

/* Makes room for so many neighbourhoods, as far as there may be more; false without memory. */
static bool make_room(const struct detection *d, struct enumerates_state *s, size_t count,
                      uint32_t now_s)
{
    if (s->used + count <= s->size / 2 || s->size == PLACES_MAX)
        return true;
    sweep(d, s, now_s);
    while (s->size < PLACES_MAX && s->used + count > s->size / 2) {
        if (!grow(d, s))
            return false;
    }
    return true;
}

static bool has_id(const struct place_near *p, uint16_t id)
{
    for (unsigned i = 0; p && i < p->ids_count; i++) {
        if (p->ids[i] == id)
            return true;
    }
    return false;
}

static void settle(const struct detection *d, struct enumerates_state *s, uint64_t hash,
                   const struct walk *walk, uint32_t now_s)
{
    struct place_near *p = find(d, s, hash, now_s);
    if (!p) {
        p = worst_of(s, hash);
        s->used += p->chain == 0;
        *p = (struct place_near){.hash = hash};
    }
    if (p->seen_s < now_s)
        p->seen_s = now_s;
    if (p->chain < walk->chain)
        p->chain = walk->chain;
    if (p->ids_count < IDS_MAX && !has_id(p, walk->id))
        p->ids[p->ids_count++] = walk->id;
}

/* How many neighbours one after the other are no chance. */
static uint32_t limit_of(const struct rule *rule, const struct enumerates_state *s)
{
    enum { PRIOR = 500 };
    double chance = ((double)s->neighbours + 0.5) / ((double)s->lookups + PRIOR);
    chance = chance < chance_least ? chance_least : chance > chance_most ? chance_most : chance;
    double links = ceil(log(chance_odds) / -log(chance));
    uint32_t least = (uint32_t)rule->at_least;
    return links + 1 > least ? (uint32_t)links + 1 : least;
}

static void learn(struct enumerates_state *s, bool is_neighbour)
{
    s->neighbours += is_neighbour;
    if (++s->lookups < LEARNED_MAX)
        return;
    s->lookups /= 2;
    s->neighbours /= 2;
}

/* The transaction's look-ups, each with the chain that it lengthens; returns how many. */
static size_t walks_of(const struct detection *d, const struct enumerates_state *s,
                       const struct transaction *t, uint32_t now_s, struct walk walks[WALKS_MAX])
{
    const struct hashes *near = &t->subject_near;
    size_t count = near->count / 2 < WALKS_MAX ? near->count / 2 : WALKS_MAX;
    bool has_ids = transaction_has(t, FIELD_SUBJECT_IDS) && t->subject_ids.count == count;
    for (size_t i = 0; i < count; i++) {
        struct walk *w = &walks[i];
        *w = (struct walk){.near = {near->items[2 * i], near->items[2 * i + 1]}};
        /* without its id, numbers with the same neighbourhoods are one */
        w->id = (uint16_t)((has_ids ? t->subject_ids.items[i] : w->near[1]) >> 48);
        const struct place_near *a = find(d, s, w->near[0], now_s);
        const struct place_near *b = find(d, s, w->near[1], now_s);
        uint16_t longest = a && (!b || a->chain > b->chain) ? a->chain : b ? b->chain : 0;
        w->is_known = has_id(a, w->id) || has_id(b, w->id);
        w->chain = w->is_known || longest == UINT16_MAX ? longest : (uint16_t)(longest + 1);
    }
    return count;
}

static enum finding enumerates_count(struct detection *d, void *state, const struct occurrence *o,
                                     uint64_t *weight)
{
    struct enumerates_state *s = state;
    struct walk walks[WALKS_MAX];
    uint32_t now_s = (uint32_t)(o->time_ns / CLOCK_SECOND_NS);
    enum finding found = FINDING_NONE;
    size_t count = walks_of(d, s, o->transaction, now_s, walks);
    if (!make_room(d, s, 2 * count, now_s))
        return FINDING_DENIED;
    for (size_t i = 0; i < count; i++) {
        const struct walk *w = &walks[i];
        settle(d, s, w->near[0], w, now_s);
        settle(d, s, w->near[1], w, now_s);
        if (w->is_known)
            continue;
        *weight = *weight < w->chain ? w->chain : *weight;
        uint32_t limit = w->chain < d->rule->at_least ? UINT32_MAX : limit_of(d->rule, s);
        if (w->chain >= limit) {
            s->chain = w->chain;
            s->limit = limit;
            found = FINDING_RAISED;
            continue;
        }
        learn(s, w->chain > 1);
        if (w->chain > 1 && found == FINDING_NONE)
            found = FINDING_NEAR;
    }
    return found;
}

/* A key without an account or an address gets those of whoever asked last. */
static void enumerates_describe(const struct detection *d, void *state, const struct occurrence *o,
                                struct alert *a)
{
    const struct enumerates_state *s = state;
    (void)d;
    a->value = a->at_least = s->chain;
    a->limit = s->limit - 1;
    detector_name(a, o->transaction);
}

static int64_t enumerates_span_ns(const struct rule *rule)
{
    return rule->over_ns;
}

static int64_t enumerates_keep_ns(const struct rule *rule)
{
    return rule->over_ns > rule->quiet_ns ? rule->over_ns : rule->quiet_ns;
}

static void enumerates_clear(const struct detection *d, void *state)
{
    struct enumerates_state *s = state;
    if (s->places)
        budget_free(d->budget, &s->places, s->size * sizeof(*s->places));
    *s = (struct enumerates_state){.size = 0};
}

static void enumerates_save(const struct detection *d, const void *state, struct pack *p)
{
    const struct enumerates_state *s = state;
    (void)d;
    pack_number(p, s->lookups);
    pack_number(p, s->neighbours);
    pack_number(p, s->size);
    pack_number(p, s->used);
    for (uint32_t i = 0; i < s->size; i++) {
        const struct place_near *near = &s->places[i];
        if (near->chain == 0)
            continue;
        pack_u64(p, near->hash);
        pack_u32(p, near->seen_s);
        pack_number(p, near->chain);
        pack_number(p, near->ids_count);
        for (unsigned k = 0; k < near->ids_count; k++)
            pack_number(p, near->ids[k]);
    }
}

static uint16_t load_short(struct cursor *c, uint16_t least, uint16_t most)
{
    uint64_t value = unpack_number(c);
    if (value < least || value > most)
        unpack_fail(c);
    return cursor_is_short(c) ? least : (uint16_t)value;
}

static bool place_load(struct enumerates_state *s, struct cursor *c)
{
    struct place_near near = {.hash = unpack_u64(c)};
    near.seen_s = cursor_le32(c);
    near.chain = load_short(c, 1, UINT16_MAX);
    near.ids_count = load_short(c, 0, IDS_MAX);
    for (unsigned k = 0; k < near.ids_count; k++)
        near.ids[k] = load_short(c, 0, UINT16_MAX);
    settle_again(s, &near);
    return !cursor_is_short(c);
}

static bool enumerates_load(struct detection *d, void *state, struct cursor *c)
{
    enum { LEAST = 14 }; /* bytes of a place */
    struct enumerates_state *s = state;
    s->lookups = (uint32_t)unpack_number(c);
    s->neighbours = (uint32_t)unpack_number(c);
    uint64_t size = unpack_number(c);
    size_t left = unpack_count(c, PLACES_MAX, LEAST);
    if (cursor_is_short(c) || size > PLACES_MAX || s->lookups > LEARNED_MAX ||
        s->neighbours > s->lookups || left > size)
        return false;
    while (s->size < size) {
        if (!grow(d, s))
            return false;
    }
    for (; left > 0; left--) {
        if (!place_load(s, c))
            return false;
    }
    return true;
}

const struct detector DETECTOR_ENUMERATES = {.state_size = sizeof(struct enumerates_state),
                                             .count = enumerates_count,
                                             .describe = enumerates_describe,
                                             .span_ns = enumerates_span_ns,
                                             .keep_ns = enumerates_keep_ns,
                                             .clear = enumerates_clear,
                                             .version = 1,
                                             .save = enumerates_save,
                                             .load = enumerates_load};
