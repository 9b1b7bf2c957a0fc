/*
 * An entry is 22 bits of the customer's hash, 8 bits of time and two marks; they stand in an open
 * table with linear probing, at most seven eighths full.
 */
#include "profile/visits.h"

#include <string.h>

enum {
    FOLLOWED = 1,
    SETTLED = 2, /* waited for long enough */
    SLOT_SHIFT = 2,
    HASH_SHIFT = 10,
    HASH_BITS = 22,
    SIZE_MIN = 8,
    LEVEL_MAX = 16,
    SIZE_A_WAIT = 64,    /* places that are worth one call's wait */
    SIZE_A_SLOT = 32768, /* and those that are worth a slot's */
    WAITS_MAX = 64,
};

/* Never 0: an entry of 0 is a free place. */
static uint32_t key_of(uint64_t hash)
{
    uint32_t bits = (uint32_t)(hash >> (64 - HASH_BITS));
    return (bits ? bits : 1) << HASH_SHIFT;
}

static uint32_t key_in(uint32_t entry)
{
    return entry >> HASH_SHIFT << HASH_SHIFT;
}

static unsigned slot_in(uint32_t entry)
{
    return entry >> SLOT_SHIFT & (VISITS_SLOTS - 1);
}

/* A customer is in the sample where the lowest bits of the key are zero. */
static bool is_sampled(uint32_t key, unsigned level)
{
    return (key >> HASH_SHIFT & ((1u << level) - 1)) == 0;
}

/* Where the search for a key begins. */
static uint32_t home_of(uint32_t key, uint32_t size)
{
    static const uint32_t odd = UINT32_C(0x9e3779b1);
    return (uint32_t)((uint64_t)(key * odd) * size >> 32);
}

/* The place of a key, or the free one where it belongs; the table is never full. */
static uint32_t place_of(const uint32_t *entries, uint32_t size, uint32_t key)
{
    uint32_t at = home_of(key, size);
    while (entries[at] && key_in(entries[at]) != key)
        at = at + 1 < size ? at + 1 : 0;
    return at;
}

/* The key's entry; NULL where there is none. */
static uint32_t *find(const struct visits *v, uint32_t key)
{
    if (v->count == 0)
        return NULL;
    uint32_t *entry = &v->entries[place_of(v->entries, v->size, key)];
    return *entry ? entry : NULL;
}

/* Gives up waiting for what came before that slot, and counts what is left; without a branch, since
 * there may be many. */
static void settle_all(struct visits *v, unsigned before)
{
    uint32_t pending = 0, unsettled = 0, *entries = v->entries;
    for (size_t i = 0, size = v->size; i < size; i++) {
        uint32_t entry = entries[i];
        entry |= (slot_in(entry) < before && entry != 0) ? SETTLED : 0U;
        entries[i] = entry;
        uint32_t mark = entry & (FOLLOWED | SETTLED);
        unsettled += mark == SETTLED;
        pending += (mark == 0) & (entry != 0);
    }
    v->pending = pending;
    v->unsettled = unsettled;
}

/* Frees a place and moves up what was put behind it because it was taken. */
static void take_out(struct visits *v, uint32_t hole)
{
    v->entries[hole] = 0;
    v->count--;
    for (uint32_t at = hole + 1 < v->size ? hole + 1 : 0; v->entries[at];
         at = at + 1 < v->size ? at + 1 : 0) {
        uint32_t entry = v->entries[at];
        v->entries[at] = 0;
        v->entries[place_of(v->entries, v->size, key_in(entry))] = entry;
    }
}

/* Every other customer goes, until half the room is free. */
static void thin_out(struct visits *v, uint32_t max)
{
    while (v->count > max / 2 && v->level < LEVEL_MAX) {
        v->level++;
        for (uint32_t i = 0; i < v->size; i++) {
            while (v->entries[i] && !is_sampled(v->entries[i], v->level))
                take_out(v, i);
        }
    }
    settle_all(v, 0);
}

static uint32_t room_in(uint32_t size)
{
    return size / 8 * 7;
}

static bool grow(struct visits *v, struct budget *b)
{
    uint32_t size = v->size ? v->size * 2 : SIZE_MIN, *entries = NULL;
    if (!budget_resize(b, &entries, 0, size * sizeof(*entries)))
        return false;
    memset(entries, 0, size * sizeof(*entries));
    for (uint32_t i = 0; i < v->size; i++) {
        if (v->entries[i])
            entries[place_of(entries, size, key_in(v->entries[i]))] = v->entries[i];
    }
    if (v->entries)
        budget_free(b, &v->entries, v->size * sizeof(*v->entries));
    v->entries = entries;
    v->size = size;
    return true;
}

bool visits_reserve(struct visits *v, struct budget *b, uint32_t max)
{
    return v->count < room_in(v->size) || v->count >= max || grow(v, b);
}

bool visits_add(struct visits *v, uint64_t hash, unsigned slot, uint32_t max)
{
    uint32_t key = key_of(hash);
    if (!is_sampled(key, v->level) || find(v, key))
        return false;
    if (v->count >= max) {
        thin_out(v, max);
        if (v->count >= max || !is_sampled(key, v->level))
            return false;
    }
    v->entries[place_of(v->entries, v->size, key)] = key | (slot & (VISITS_SLOTS - 1))
                                                               << SLOT_SHIFT;
    v->count++;
    if (v->pending == 0 || slot < v->oldest)
        v->oldest = (uint16_t)slot;
    v->pending++;
    return true;
}

bool visits_have(const struct visits *v, uint64_t hash)
{
    return find(v, key_of(hash)) != NULL;
}

bool visits_follow(struct visits *v, uint64_t hash)
{
    uint32_t *entry = find(v, key_of(hash));
    if (!entry || *entry & FOLLOWED)
        return false;
    bool was_settled = *entry & SETTLED;
    *entry |= FOLLOWED;
    v->unsettled -= was_settled;
    v->pending -= !was_settled;
    return was_settled;
}

bool visits_settle(struct visits *v, unsigned before)
{
    if (v->pending == 0 || v->oldest >= before)
        return false;
    if (before < VISITS_SLOTS && v->oldest + v->size / SIZE_A_SLOT >= before)
        return false;
    if (before < VISITS_SLOTS && v->waited < WAITS_MAX && v->waited++ < v->size / SIZE_A_WAIT)
        return false;
    v->waited = 0;
    uint32_t left = v->unsettled;
    settle_all(v, before);
    v->oldest = (uint16_t)before;
    return v->unsettled != left;
}

uint64_t visits_count(const struct visits *v)
{
    return (uint64_t)v->count << v->level;
}

uint64_t visits_left(const struct visits *v)
{
    return (uint64_t)v->unsettled << v->level;
}

void visits_clear(struct visits *v, struct budget *b)
{
    if (v->entries)
        budget_free(b, &v->entries, v->size * sizeof(*v->entries));
    *v = (struct visits){0};
}

void visits_save(const struct visits *v, struct pack *p)
{
    pack_u8(p, v->level);
    pack_number(p, v->count);
    for (uint32_t i = 0; i < v->size; i++) {
        if (v->entries[i])
            pack_u32(p, v->entries[i]);
    }
}

bool visits_load(struct visits *v, struct budget *b, uint32_t max, struct cursor *c)
{
    unsigned level = cursor_u8(c);
    size_t count = unpack_count(c, max, sizeof(uint32_t));
    if (level > LEVEL_MAX || cursor_is_short(c))
        return false;
    v->level = (uint8_t)level;
    for (size_t i = 0; i < count; i++) {
        uint32_t entry = cursor_le32(c);
        if (key_in(entry) == 0 || find(v, key_in(entry)) ||
            (v->count >= room_in(v->size) && !grow(v, b)))
            return false;
        v->entries[place_of(v->entries, v->size, key_in(entry))] = entry;
        v->count++;
    }
    settle_all(v, 0);
    return !cursor_is_short(c);
}
