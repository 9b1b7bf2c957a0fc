/*
 * Slots live in blocks of memory that never move.  The index is open addressing with linear probing
 * over slot numbers, at most half full; removal shifts the followers back, so that there are no
 * tombstones.
 */
#include "core/table.h"

#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SLOTS = 256, INDEX_MIN = 64 };

static const uint32_t none = UINT32_MAX;

struct slot {
    uint32_t number, older, newer; /* in order of touch; `newer` chains free slots too */
    uint32_t hash;
    max_align_t value[]; /* value_size bytes, then the key */
};

struct table {
    struct table_config config;
    size_t slot_size, key_at;
    uint8_t **blocks;
    size_t blocks_count, blocks_max;
    uint32_t *index;
    size_t index_mask;
    uint32_t oldest, newest, free;
    size_t count;
    uint64_t evictions;
};

static struct slot *slot_at(const struct table *t, uint32_t number)
{
    return (struct slot *)(void *)(t->blocks[number / BLOCK_SLOTS] +
                                   (number % BLOCK_SLOTS) * t->slot_size);
}

static struct slot *slot_of(const void *value)
{
    return (struct slot *)(void *)((uint8_t *)(uintptr_t)value - offsetof(struct slot, value));
}

static uint8_t *slot_key(const struct table *t, struct slot *s)
{
    return (uint8_t *)s->value + t->key_at;
}

struct table *table_open(const struct table_config *config)
{
    struct table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    size_t align = sizeof(max_align_t);
    t->config = *config;
    t->key_at = config->value_size;
    t->slot_size =
        (offsetof(struct slot, value) + config->value_size + config->key_size + align - 1) / align *
        align;
    t->blocks_max = (config->entries_max + BLOCK_SLOTS - 1) / BLOCK_SLOTS;
    t->blocks = calloc(t->blocks_max ? t->blocks_max : 1, sizeof(*t->blocks));
    t->index = malloc(INDEX_MIN * sizeof(*t->index));
    if (!t->blocks || !t->index) {
        free(t->blocks);
        free(t->index);
        free(t);
        return NULL;
    }
    memset(t->index, 0xff, INDEX_MIN * sizeof(*t->index));
    t->index_mask = INDEX_MIN - 1;
    t->oldest = t->newest = t->free = none;
    return t;
}

void table_close(struct table *t)
{
    if (!t)
        return;
    for (uint32_t n = t->oldest; n != none && t->config.evicted; n = slot_at(t, n)->newer)
        t->config.evicted(t->config.context, slot_at(t, n)->value);
    for (size_t i = 0; i < t->blocks_count; i++)
        free(t->blocks[i]);
    free(t->blocks);
    free(t->index);
    free(t);
}

static uint32_t hash_key_of(const struct table *t, const void *key)
{
    return (uint32_t)hash_bytes((struct bytes){key, t->config.key_size}, t->config.seed);
}

/* The index place that holds the key, or the empty one where it belongs. */
static size_t place_of(const struct table *t, const void *key, uint32_t hash)
{
    size_t at = hash & t->index_mask;
    for (; t->index[at] != none; at = (at + 1) & t->index_mask) {
        struct slot *s = slot_at(t, t->index[at]);
        if (s->hash == hash && memcmp(slot_key(t, s), key, t->config.key_size) == 0)
            break;
    }
    return at;
}

void *table_find(const struct table *t, const void *key)
{
    uint32_t number = t->index[place_of(t, key, hash_key_of(t, key))];
    return number == none ? NULL : slot_at(t, number)->value;
}

static void order_remove(struct table *t, struct slot *s)
{
    *(s->older == none ? &t->oldest : &slot_at(t, s->older)->newer) = s->newer;
    *(s->newer == none ? &t->newest : &slot_at(t, s->newer)->older) = s->older;
}

static void order_append(struct table *t, struct slot *s)
{
    s->older = t->newest;
    s->newer = none;
    *(t->newest == none ? &t->oldest : &slot_at(t, t->newest)->newer) = s->number;
    t->newest = s->number;
}

void table_touch_value(struct table *t, void *value)
{
    struct slot *s = slot_of(value);
    if (t->newest == s->number)
        return;
    order_remove(t, s);
    order_append(t, s);
}

void table_remove(struct table *t, void *value)
{
    struct slot *s = slot_of(value);
    if (t->config.evicted)
        t->config.evicted(t->config.context, value);
    size_t hole = place_of(t, slot_key(t, s), s->hash);
    for (size_t at = (hole + 1) & t->index_mask; t->index[at] != none;
         at = (at + 1) & t->index_mask) {
        size_t home = slot_at(t, t->index[at])->hash & t->index_mask;
        if (((at - home) & t->index_mask) >= ((at - hole) & t->index_mask)) {
            t->index[hole] = t->index[at];
            hole = at;
        }
    }
    t->index[hole] = none;
    order_remove(t, s);
    s->newer = t->free;
    t->free = s->number;
    t->count--;
}

static bool index_grow(struct table *t)
{
    size_t size = (t->index_mask + 1) * 2;
    uint32_t *wider = malloc(size * sizeof(*wider));
    if (!wider)
        return false;
    memset(wider, 0xff, size * sizeof(*wider));
    for (uint32_t n = t->oldest; n != none; n = slot_at(t, n)->newer) {
        size_t at = slot_at(t, n)->hash & (size - 1);
        while (wider[at] != none)
            at = (at + 1) & (size - 1);
        wider[at] = n;
    }
    free(t->index);
    t->index = wider;
    t->index_mask = size - 1;
    return true;
}

static bool block_add(struct table *t)
{
    if (t->blocks_count == t->blocks_max)
        return false;
    uint8_t *block = malloc(BLOCK_SLOTS * t->slot_size);
    if (!block)
        return false;
    uint32_t first = (uint32_t)(t->blocks_count * BLOCK_SLOTS);
    t->blocks[t->blocks_count++] = block;
    for (uint32_t i = BLOCK_SLOTS; i-- > 0;) {
        struct slot *s = slot_at(t, first + i);
        s->number = first + i;
        s->newer = t->free;
        t->free = s->number;
    }
    return true;
}

/* A free slot, by memory while there is some, then at the cost of the oldest. */
static struct slot *slot_take(struct table *t)
{
    bool is_full = t->count >= t->config.entries_max;
    if (!is_full && t->free == none)
        is_full = !block_add(t);
    if (!is_full && (t->count + 1) * 2 > t->index_mask + 1)
        is_full = !index_grow(t);
    if (is_full && t->oldest != none) {
        t->evictions++;
        table_remove(t, slot_at(t, t->oldest)->value);
    }
    if (t->free == none)
        return NULL;
    struct slot *s = slot_at(t, t->free);
    t->free = s->newer;
    return s;
}

void *table_touch(struct table *t, const void *key, bool *is_new)
{
    uint32_t hash = hash_key_of(t, key), number = t->index[place_of(t, key, hash)];
    if (is_new)
        *is_new = number == none;
    if (number != none) {
        struct slot *found = slot_at(t, number);
        table_touch_value(t, found->value);
        return found->value;
    }
    struct slot *s = slot_take(t);
    if (!s)
        return NULL;
    s->hash = hash;
    memset(s->value, 0, t->config.value_size);
    memcpy(slot_key(t, s), key, t->config.key_size);
    t->index[place_of(t, key, hash)] = s->number;
    order_append(t, s);
    t->count++;
    return s->value;
}

void *table_oldest(const struct table *t)
{
    return t->oldest == none ? NULL : slot_at(t, t->oldest)->value;
}

void *table_next(const struct table *t, const void *value)
{
    uint32_t newer = slot_of(value)->newer;
    return newer == none ? NULL : slot_at(t, newer)->value;
}

const void *table_key(const struct table *t, const void *value)
{
    return slot_key(t, slot_of(value));
}

size_t table_count(const struct table *t)
{
    return t->count;
}

uint64_t table_evictions(const struct table *t)
{
    return t->evictions;
}
