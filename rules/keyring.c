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

static size_t value_size(const struct keyring *r)
{
    return sizeof(struct key) + r->by_count * KEY_TEXT_MAX;
}

static void key_removed(void *context, void *value)
{
    const struct keyring *r = context;
    size_t number = table_number(r->keys, value);
    for (size_t i = 0; i < r->watches_count; i++) {
        struct watch *w = r->watches[i];
        struct cell *cell = cells_find(&w->cells, number);
        if (!cell)
            continue;
        watch_drop(w, cell);
        w->evictions++;
    }
}

static struct table *table_of(struct keyring *r, size_t entries_max, uint64_t seed)
{
    return table_open(&(struct table_config){.entries_max = entries_max,
                                             .key_size = sizeof(struct digest),
                                             .value_size = value_size(r),
                                             .seed = seed,
                                             .evicted = key_removed,
                                             .context = r});
}

struct keyring *keyring_open(const struct rule *rule, size_t watches_max, uint64_t seed)
{
    struct keyring *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    memcpy(r->by, rule->by, sizeof(r->by));
    r->by_count = rule->by_count;
    r->keys = table_of(r, 1, seed);
    if (keyring_reserve(r, watches_max) && r->keys)
        return r;
    keyring_close(r);
    return NULL;
}

bool keyring_reserve(struct keyring *r, size_t watches_max)
{
    struct watch **watches = realloc(r->watches, (watches_max + 1) * sizeof(struct watch *));
    if (watches)
        r->watches = watches;
    return watches != NULL;
}

void keyring_close(struct keyring *r)
{
    if (!r)
        return;
    r->watches_count = 0;
    table_close(r->keys);
    free(r->watches);
    free(r);
}

bool keyring_is_of(const struct keyring *r, const struct rule *rule)
{
    return r->by_count == rule->by_count &&
           memcmp(r->by, rule->by, r->by_count * sizeof(r->by[0])) == 0;
}

size_t keyring_key_bytes(const struct keyring *r)
{
    size_t bytes = table_entry_bytes(r->keys);
    for (size_t i = 0; i < r->watches_count; i++)
        bytes += r->watches[i]->cells.cell_size;
    return bytes;
}

/* Moves a key's cells to other numbers.  Where there is no memory for one, it goes. */
static void move_cells(const struct keyring *r, struct cells *fresh, size_t from, size_t to)
{
    for (size_t i = 0; i < r->watches_count; i++) {
        struct watch *w = r->watches[i];
        struct cell *old = cells_find(&w->cells, from);
        struct cell *moved = old ? cells_make(&fresh[i], to) : NULL;
        if (moved) {
            uint32_t used = moved->used;
            memcpy(moved, old, fresh[i].cell_size);
            moved->used = used;
            cells_drop(&w->cells, old); /* its memory went along */
        } else if (old) {
            watch_drop(w, old);
            w->evictions++;
        }
    }
}

void keyring_resize(struct keyring *r, size_t entries_max, uint64_t seed)
{
    if (entries_max == table_entries_max(r->keys))
        return;
    struct table *wanted = table_of(r, entries_max, seed), *old = r->keys;
    struct cells *fresh = calloc(r->watches_count + 1, sizeof(*fresh));
    if (!wanted || !fresh) {
        table_close(wanted);
        free(fresh);
        return;
    }
    for (size_t i = 0; i < r->watches_count; i++)
        fresh[i] = cells_open(r->watches[i]->detector->state_size);
    for (size_t left = table_count(old); left > 0; left--) {
        struct key *k = table_oldest(old);
        struct key *moved =
            left <= entries_max ? table_touch(wanted, table_key(old, k), NULL) : NULL;
        if (moved) {
            memcpy(moved, k, value_size(r));
            move_cells(r, fresh, table_number(old, k), table_number(wanted, moved));
        }
        table_remove(old, k);
    }
    table_close(old);
    r->keys = wanted;
    r->swept = 0;
    for (size_t i = 0; i < r->watches_count; i++) {
        struct watch *w = r->watches[i];
        cells_close(&w->cells);
        w->cells = fresh[i];
        lasting_move(&w->lasting, wanted);
    }
    free(fresh);
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
static bool is_rare(const struct keyring *r, const struct key *k)
{
    size_t number = table_number(r->keys, k), few = table_count(r->keys) / FEW_PART;
    for (size_t i = 0; i < r->watches_count; i++) {
        const struct cells *cells = &r->watches[i]->cells;
        if (cells->count <= few && cells_find(cells, number))
            return true;
    }
    return false;
}

struct key *keyring_touch(struct keyring *r, const struct digest *digest, bool *is_new)
{
    bool is_full = table_count(r->keys) >= table_entries_max(r->keys);
    if (is_full && !table_find(r->keys, digest)) {
        struct key *oldest = table_oldest(r->keys);
        for (int i = 0; i < SPARED_MAX && is_rare(r, oldest); i++) {
            table_touch_value(r->keys, oldest);
            oldest = table_oldest(r->keys);
        }
    }
    return table_touch(r->keys, digest, is_new);
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
