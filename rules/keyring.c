/*
 * A key that leaves its table takes the cells of all its rules along; those are its evictions.
 */
#include "rules/keyring.h"

#include "core/hash.h"
#include "rules/engine_state.h"
#include "rules/text.h"

#include <stdlib.h>

enum {
    FEW_PART = 4,    /* a rule that knows no more than this part of all keys knows few */
    SPARED_MAX = 64, /* keys, for one that is new */
};

static uint8_t *texts_of(struct key *k)
{
    return (uint8_t *)(k + 1);
}

static size_t aligned(size_t size)
{
    size_t align = sizeof(uint64_t); /* nothing in a state asks for more */
    return (size + align - 1) / align * align;
}

void keyring_drop(struct watch *w, struct cell *cell)
{
    lasting_remove(&w->lasting, cell);
    w->detector->clear(&w->detection, cell_state(cell));
    if (cell->told)
        budget_free(w->detection.budget, &cell->told, sizeof(*cell->told));
    memset(cell, 0, sizeof(*cell) + w->state_size);
    w->cells--;
}

static struct cell *cell_at(void *key, const struct cell_place *p)
{
    return (struct cell *)(void *)((char *)key + p->at);
}

static void key_removed(void *context, void *value)
{
    const struct layout *l = context;
    for (size_t i = 0; i < l->count; i++) {
        struct watch *w = l->places[i].watch;
        struct cell *cell = cell_at(value, &l->places[i]);
        if (!w || !cell->is_used)
            continue;
        keyring_drop(w, cell);
        w->evictions++;
    }
}

struct keyring *keyring_open(const struct rule *rule)
{
    struct keyring *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    memcpy(r->by, rule->by, sizeof(r->by));
    r->by_count = rule->by_count;
    return r;
}

void keyring_close(struct keyring *r)
{
    if (!r)
        return;
    layout_close(r->layout);
    free(r);
}

bool keyring_is_of(const struct keyring *r, const struct rule *rule)
{
    return r->by_count == rule->by_count &&
           memcmp(r->by, rule->by, r->by_count * sizeof(r->by[0])) == 0;
}

struct layout *layout_open(const struct keyring *r, struct watch *const *watches, size_t count,
                           size_t keys_max, size_t bytes_max, uint64_t seed)
{
    struct layout *l = calloc(1, sizeof(*l) + count * sizeof(l->places[0]));
    if (!l)
        return NULL;
    l->value_size = aligned(sizeof(struct key) + r->by_count * KEY_TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        struct watch *w = watches[i];
        if (!keyring_is_of(r, w->detection.rule))
            continue;
        l->places[l->count++] = (struct cell_place){w, l->value_size};
        l->value_size += aligned(sizeof(struct cell) + w->state_size);
    }
    l->keys = table_open(&(struct table_config){.entries_max = keys_max,
                                                .bytes_max = bytes_max * l->count,
                                                .key_size = sizeof(struct digest),
                                                .value_size = l->value_size,
                                                .seed = seed,
                                                .evicted = key_removed,
                                                .context = l});
    if (l->keys)
        return l;
    free(l);
    return NULL;
}

void layout_close(struct layout *l)
{
    if (!l)
        return;
    table_close(l->keys);
    free(l);
}

static const struct cell_place *place_of(const struct layout *l, const struct watch *w)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->places[i].watch == w)
            return &l->places[i];
    }
    return NULL;
}

static bool are_alike(const struct layout *a, const struct layout *b)
{
    bool is_like = a->count == b->count && table_entries_max(a->keys) == table_entries_max(b->keys);
    for (size_t i = 0; i < a->count && is_like; i++)
        is_like = a->places[i].watch == b->places[i].watch;
    return is_like;
}

/* What a cell's state holds goes along. */
static void move_key(const struct layout *from, struct key *k, const struct layout *to,
                     struct key *moved)
{
    memcpy(moved, k, to->count > 0 ? to->places[0].at : sizeof(*k));
    for (size_t i = 0; i < from->count; i++) {
        struct watch *w = from->places[i].watch;
        const struct cell_place *p = w ? place_of(to, w) : NULL;
        struct cell *cell = cell_at(k, &from->places[i]);
        if (!p || !cell->is_used)
            continue;
        memcpy(cell_at(moved, p), cell, sizeof(*cell) + w->state_size);
        cell->is_used = false;
    }
}

static void move_keys(const struct layout *from, const struct layout *to)
{
    size_t max = table_entries_max(to->keys);
    for (size_t left = table_count(from->keys); left > 0; left--) {
        struct key *k = table_oldest(from->keys);
        struct key *moved =
            left <= max ? table_touch(to->keys, table_key(from->keys, k), NULL) : NULL;
        if (moved)
            move_key(from, k, to, moved);
        table_remove(from->keys, k);
    }
}

static void lay_out(struct keyring *r, struct layout *l)
{
    struct layout *old = r->layout;
    if (old)
        move_keys(old, l);
    layout_close(old);
    r->layout = l;
    r->swept = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct watch *w = l->places[i].watch;
        w->ring = r;
        w->cell_at = l->places[i].at;
        lasting_move(&w->lasting, l->keys);
    }
}

void keyring_take(struct keyring *r, struct layout *l)
{
    if (r->layout && are_alike(r->layout, l))
        layout_close(l);
    else
        lay_out(r, l);
    r->keep_ns = 0;
    for (size_t i = 0; i < r->layout->count; i++) {
        struct watch *w = r->layout->places[i].watch;
        w->keep_ns = w->detector->keep_ns(w->detection.rule);
        r->keep_ns = r->keep_ns > w->keep_ns ? r->keep_ns : w->keep_ns;
    }
}

void keyring_forget(struct keyring *r, struct watch *w)
{
    struct layout *l = r->layout;
    for (size_t i = 0; i < l->count; i++) {
        if (l->places[i].watch != w)
            continue;
        for (void *k = table_oldest(l->keys); k; k = table_next(l->keys, k)) {
            struct cell *cell = cell_at(k, &l->places[i]);
            if (cell->is_used)
                keyring_drop(w, cell);
        }
        l->places[i].watch = NULL;
    }
}

struct digest keyring_digest(const struct keyring *r, const struct transaction *t, uint64_t seed)
{
    struct digest d = {seed, ~seed};
    for (size_t i = 0; i < r->by_count; i++) {
        struct bytes value = detector_value(t, r->by[i], 0);
        d.low = hash_bytes(value, d.low);
        d.high = hash_bytes(value, d.high);
    }
    return d;
}

/* Whether one of the rules that know the key knows few others. */
static bool is_rare(const struct keyring *r, struct key *k)
{
    const struct layout *l = r->layout;
    size_t few = table_count(l->keys) / FEW_PART;
    for (size_t i = 0; i < l->count; i++) {
        if (l->places[i].watch->cells <= few && cell_at(k, &l->places[i])->is_used)
            return true;
    }
    return false;
}

struct key *keyring_touch(struct keyring *r, const struct digest *digest, bool *is_new)
{
    bool is_full = table_count(r->layout->keys) >= table_entries_max(r->layout->keys);
    if (is_full && !table_find(r->layout->keys, digest)) {
        struct key *oldest = table_oldest(r->layout->keys);
        for (int i = 0; i < SPARED_MAX && is_rare(r, oldest); i++) {
            table_touch_value(r->layout->keys, oldest);
            oldest = table_oldest(r->layout->keys);
        }
    }
    return table_touch(r->layout->keys, digest, is_new);
}

void keyring_keep_texts(const struct keyring *r, struct key *k, const struct transaction *t)
{
    for (size_t i = 0; i < r->by_count; i++)
        keyring_set_text(k, i, text_cut(detector_value(t, r->by[i], 0), KEY_TEXT_MAX));
}

struct bytes keyring_text(struct key *k, size_t i)
{
    return (struct bytes){texts_of(k) + i * KEY_TEXT_MAX, k->text_len[i]};
}

void keyring_set_text(struct key *k, size_t i, struct bytes text)
{
    k->text_len[i] = (uint8_t)text.len;
    if (text.len > 0)
        memcpy(texts_of(k) + i * KEY_TEXT_MAX, text.data, text.len);
}

void keyring_restore(const struct keyring *r, struct key *k, struct transaction *t)
{
    for (size_t i = 0; i < r->by_count; i++) {
        enum field f = r->by[i];
        struct bytes text = keyring_text(k, i);
        bool is_text = FIELDS[f].type == FIELD_TYPE_TEXT;
        memcpy((char *)t + FIELDS[f].offset, is_text ? (const void *)&text : text.data,
               is_text ? sizeof(text) : text.len);
        transaction_mark(t, f);
    }
}
