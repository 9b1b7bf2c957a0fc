/*
 * Slots live in blocks of memory that never move.  The index is open addressing with linear probing
 * over hashes and slot numbers, at most half full; removal shifts the followers back, so that there
 * are no tombstones.
 */
#include "core/table.h"

#include "core/hash.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_SLOTS = 256, INDEX_MIN = 64 };

static const uint32_t none = UINT32_MAX;
static const uint32_t unused = UINT32_MAX - 1; /* `older` of a free slot */

struct slot {
    uint32_t number, older, newer; /* in order of touch; `newer` chains free slots too */
    uint32_t hash;
    uint64_t key[]; /* key_size bytes; then the value */
};

/* The hash is here too, so that only the slot that is looked for is looked at. */
struct place {
    uint32_t number; /* of the slot; none: the place is empty */
    uint32_t hash;
};

struct table {
    struct table_config config;
    size_t slot_size, value_at; /* bytes */
    size_t key_words;           /* of 8 bytes; 0 where the key is no whole number of them */
    uint8_t **blocks;
    size_t blocks_count, blocks_max;
    struct place *index;
    size_t index_mask;
    uint32_t oldest, newest, free;
    struct slot *newest_slot; /* NULL: the table is empty */
    size_t count;
    uint64_t evictions;
};

static struct slot *slot_at(const struct table *t, uint32_t number)
{
    return (struct slot *)(void *)(t->blocks[number / BLOCK_SLOTS] +
                                   (number % BLOCK_SLOTS) * t->slot_size);
}

static struct slot *slot_of(const struct table *t, const void *value)
{
    return (struct slot *)(void *)((uint8_t *)(uintptr_t)value - t->value_at);
}

static void *slot_value(const struct table *t, struct slot *s)
{
    return (uint8_t *)s + t->value_at;
}

static uint64_t word_of(const void *key, size_t i)
{
    uint64_t word;
    memcpy(&word, (const uint8_t *)key + i * sizeof(word), sizeof(word));
    return word;
}

static bool has_key(const struct table *t, const struct slot *s, const void *key)
{
    if (t->key_words == 0)
        return memcmp(s->key, key, t->config.key_size) == 0;
    if (s->key[0] != word_of(key, 0))
        return false;
    uint64_t difference = 0;
    for (size_t i = 1; i < t->key_words; i++)
        difference |= s->key[i] ^ word_of(key, i);
    return difference == 0;
}

/* How many entries the bounds allow.  The index has up to four places for each. */
static size_t entries_within(const struct table_config *config, size_t slot_size)
{
    size_t blocks = config->bytes_max / (slot_size + 4 * sizeof(struct place)) / BLOCK_SLOTS;
    size_t fit = (blocks > 0 ? blocks : 1) * BLOCK_SLOTS;
    return config->bytes_max == 0 || fit > config->entries_max ? config->entries_max : fit;
}

struct table *table_open(const struct table_config *config)
{
    struct table *t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    size_t align = sizeof(max_align_t);
    t->config = *config;
    t->value_at = (offsetof(struct slot, key) + config->key_size + align - 1) / align * align;
    t->slot_size = (t->value_at + config->value_size + align - 1) / align * align;
    t->key_words =
        config->key_size % sizeof(uint64_t) == 0 ? config->key_size / sizeof(uint64_t) : 0;
    t->config.entries_max = entries_within(config, t->slot_size);
    t->blocks_max = (t->config.entries_max + BLOCK_SLOTS - 1) / BLOCK_SLOTS;
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
        t->config.evicted(t->config.context, slot_value(t, slot_at(t, n)));
    for (size_t i = 0; i < t->blocks_count; i++)
        free(t->blocks[i]);
    free(t->blocks);
    free(t->index);
    free(t);
}

static uint32_t hash_key_of(const struct table *t, const void *key)
{
    static const uint64_t odd = UINT64_C(0xe7037ed1a0b428db);
    if (t->key_words == 0)
        return (uint32_t)hash_bytes((struct bytes){key, t->config.key_size}, t->config.seed);
    uint64_t state = t->config.seed;
    size_t i = 0;
    for (; i + 1 < t->key_words; i += 2)
        state = hash_mix(state ^ word_of(key, i), word_of(key, i + 1) ^ odd);
    if (i < t->key_words)
        state = hash_mix(state ^ word_of(key, i), odd);
    return (uint32_t)hash_mix(state ^ t->config.seed, odd);
}

/* The index place that holds the key, or the empty one where it belongs. */
static size_t place_of(const struct table *t, const void *key, uint32_t hash)
{
    size_t at = hash & t->index_mask;
    for (; t->index[at].number != none; at = (at + 1) & t->index_mask) {
        if (t->index[at].hash == hash && has_key(t, slot_at(t, t->index[at].number), key))
            break;
    }
    return at;
}

/* Whether the key is that of the value touched last: what comes in runs is found without a search.
 */
static bool is_newest(const struct table *t, const void *key)
{
    return t->newest_slot && has_key(t, t->newest_slot, key);
}

void *table_find(const struct table *t, const void *key)
{
    if (is_newest(t, key))
        return slot_value(t, t->newest_slot);
    uint32_t number = t->index[place_of(t, key, hash_key_of(t, key))].number;
    return number == none ? NULL : slot_value(t, slot_at(t, number));
}

static void order_remove(struct table *t, struct slot *s)
{
    *(s->older == none ? &t->oldest : &slot_at(t, s->older)->newer) = s->newer;
    *(s->newer == none ? &t->newest : &slot_at(t, s->newer)->older) = s->older;
    if (s == t->newest_slot)
        t->newest_slot = s->older == none ? NULL : slot_at(t, s->older);
}

static void order_append(struct table *t, struct slot *s)
{
    s->older = t->newest;
    s->newer = none;
    *(t->newest_slot ? &t->newest_slot->newer : &t->oldest) = s->number;
    t->newest = s->number;
    t->newest_slot = s;
}

void table_touch_value(struct table *t, void *value)
{
    struct slot *s = slot_of(t, value);
    if (s == t->newest_slot)
        return;
    order_remove(t, s);
    order_append(t, s);
}

void table_remove(struct table *t, void *value)
{
    struct slot *s = slot_of(t, value);
    if (t->config.evicted)
        t->config.evicted(t->config.context, value);
    size_t hole = s->hash & t->index_mask;
    while (t->index[hole].number != s->number)
        hole = (hole + 1) & t->index_mask;
    for (size_t at = (hole + 1) & t->index_mask; t->index[at].number != none;
         at = (at + 1) & t->index_mask) {
        size_t home = t->index[at].hash & t->index_mask;
        if (((at - home) & t->index_mask) >= ((at - hole) & t->index_mask)) {
            t->index[hole] = t->index[at];
            hole = at;
        }
    }
    t->index[hole].number = none;
    order_remove(t, s);
    s->older = unused;
    s->newer = t->free;
    t->free = s->number;
    t->count--;
}

static bool index_grow(struct table *t)
{
    size_t size = (t->index_mask + 1) * 2;
    struct place *wider = malloc(size * sizeof(*wider));
    if (!wider)
        return false;
    memset(wider, 0xff, size * sizeof(*wider));
    for (size_t i = 0; i <= t->index_mask; i++) {
        if (t->index[i].number == none)
            continue;
        size_t at = t->index[i].hash & (size - 1);
        while (wider[at].number != none)
            at = (at + 1) & (size - 1);
        wider[at] = t->index[i];
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
    uint8_t *block = calloc(BLOCK_SLOTS, t->slot_size);
    if (!block)
        return false;
    uint32_t first = (uint32_t)(t->blocks_count * BLOCK_SLOTS);
    t->blocks[t->blocks_count++] = block;
    for (uint32_t i = BLOCK_SLOTS; i-- > 0;) {
        struct slot *s = slot_at(t, first + i);
        s->number = first + i;
        s->older = unused;
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
        table_remove(t, slot_value(t, slot_at(t, t->oldest)));
    }
    if (t->free == none)
        return NULL;
    struct slot *s = slot_at(t, t->free);
    t->free = s->newer;
    return s;
}

void *table_touch(struct table *t, const void *key, bool *is_new)
{
    if (is_newest(t, key)) {
        if (is_new)
            *is_new = false;
        return slot_value(t, t->newest_slot);
    }
    uint32_t hash = hash_key_of(t, key);
    size_t at = place_of(t, key, hash);
    uint32_t number = t->index[at].number;
    if (is_new)
        *is_new = number == none;
    if (number != none) {
        struct slot *found = slot_at(t, number);
        table_touch_value(t, slot_value(t, found));
        return slot_value(t, found);
    }
    size_t mask = t->index_mask;
    uint64_t evictions = t->evictions;
    struct slot *s = slot_take(t);
    if (!s)
        return NULL;
    if (t->index_mask != mask || t->evictions != evictions) /* the places have moved */
        at = place_of(t, key, hash);
    s->hash = hash;
    memset(slot_value(t, s), 0, t->config.value_size);
    memcpy(s->key, key, t->config.key_size);
    t->index[at] = (struct place){s->number, hash};
    order_append(t, s);
    t->count++;
    return slot_value(t, s);
}

void *table_oldest(const struct table *t)
{
    return t->oldest == none ? NULL : slot_value(t, slot_at(t, t->oldest));
}

void *table_next(const struct table *t, const void *value)
{
    uint32_t newer = slot_of(t, value)->newer;
    return newer == none ? NULL : slot_value(t, slot_at(t, newer));
}

const void *table_key(const struct table *t, const void *value)
{
    return slot_of(t, value)->key;
}

size_t table_numbers(const struct table *t)
{
    return t->blocks_count * BLOCK_SLOTS;
}

size_t table_number(const struct table *t, const void *value)
{
    return slot_of(t, value)->number;
}

void *table_at(const struct table *t, size_t number, bool *is_used)
{
    struct slot *s = slot_at(t, (uint32_t)number);
    *is_used = s->older != unused;
    return slot_value(t, s);
}

size_t table_count(const struct table *t)
{
    return t->count;
}

size_t table_entries_max(const struct table *t)
{
    return t->config.entries_max;
}

uint64_t table_evictions(const struct table *t)
{
    return t->evictions;
}
