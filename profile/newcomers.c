/*
 * Seven bits a pair, by double hashing (Kirsch and Mitzenmacher, "Less hashing, same performance",
 * 2006).  A pair that is met again in an old block is noted in the newest one too, so that it stays
 * known.
 */
#include "profile/newcomers.h"

#include <string.h>

enum { PROBES = 7, BLOCK_BITS = NEWCOMERS_BLOCK_BYTES * 8 };

static uint32_t probe(uint64_t hash, unsigned i)
{
    return ((uint32_t)hash + i * ((uint32_t)(hash >> 32) | 1)) % BLOCK_BITS;
}

static bool has(const struct newcomers_block *block, uint64_t hash)
{
    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t bit = probe(hash, i);
        if (!(block->bits[bit / 8] >> bit % 8 & 1))
            return false;
    }
    return true;
}

static void set(struct newcomers_block *block, uint64_t hash)
{
    for (unsigned i = 0; i < PROBES; i++) {
        uint32_t bit = probe(hash, i);
        block->bits[bit / 8] = (uint8_t)(block->bits[bit / 8] | 1u << bit % 8);
    }
    block->pairs++;
}

static void drop_oldest(struct newcomers *n, struct budget *b)
{
    budget_free(b, &n->blocks[0].bits, NEWCOMERS_BLOCK_BYTES);
    n->count--;
    memmove(&n->blocks[0], &n->blocks[1], n->count * sizeof(n->blocks[0]));
}

static bool is_full(const struct newcomers_block *block, int64_t time_ns, int64_t forget_ns)
{
    return block->pairs >= NEWCOMERS_BLOCK_PAIRS ||
           time_ns - block->since_ns > forget_ns / NEWCOMERS_AGES;
}

/* The block that is being filled; NULL without memory for any. */
static struct newcomers_block *block_now(struct newcomers *n, struct budget *b, int64_t time_ns,
                                         int64_t forget_ns)
{
    while (n->count > 0 && n->blocks[0].newest_ns < time_ns - forget_ns)
        drop_oldest(n, b);
    if (n->count > 0 && !is_full(&n->blocks[n->count - 1], time_ns, forget_ns))
        return &n->blocks[n->count - 1];
    if (n->count == NEWCOMERS_BLOCKS_MAX)
        drop_oldest(n, b);
    uint8_t *bits = NULL;
    while (!budget_resize(b, &bits, 0, NEWCOMERS_BLOCK_BYTES)) {
        if (n->count == 0)
            return NULL;
        drop_oldest(n, b);
    }
    memset(bits, 0, NEWCOMERS_BLOCK_BYTES);
    n->blocks[n->count++] = (struct newcomers_block){.bits = bits, .since_ns = time_ns};
    return &n->blocks[n->count - 1];
}

bool newcomers_meet(struct newcomers *n, struct budget *b, uint64_t hash, int64_t time_ns,
                    int64_t forget_ns)
{
    struct newcomers_block *newest = block_now(n, b, time_ns, forget_ns);
    if (!newest)
        return false;
    if (newest->newest_ns < time_ns)
        newest->newest_ns = time_ns;
    if (has(newest, hash))
        return true;
    bool was_met = false;
    for (size_t i = n->count - 1; i > 0 && !was_met; i--)
        was_met = has(&n->blocks[i - 1], hash);
    set(newest, hash);
    return was_met;
}

void newcomers_clear(struct newcomers *n, struct budget *b)
{
    while (n->count > 0)
        drop_oldest(n, b);
}

void newcomers_save(const struct newcomers *n, struct pack *p)
{
    size_t first = n->count > NEWCOMERS_SAVED_MAX ? n->count - NEWCOMERS_SAVED_MAX : 0;
    pack_number(p, n->count - first);
    for (size_t i = first; i < n->count; i++) {
        const struct newcomers_block *block = &n->blocks[i];
        pack_number(p, block->pairs);
        pack_signed(p, block->since_ns);
        pack_signed(p, block->newest_ns);
        pack_bytes(p, (struct bytes){block->bits, NEWCOMERS_BLOCK_BYTES});
    }
}

bool newcomers_load(struct newcomers *n, struct budget *b, struct cursor *c)
{
    size_t count = unpack_count(c, NEWCOMERS_SAVED_MAX, NEWCOMERS_BLOCK_BYTES);
    for (size_t i = 0; i < count; i++) {
        struct newcomers_block block = {.pairs = (uint32_t)unpack_number(c)};
        block.since_ns = unpack_signed(c);
        block.newest_ns = unpack_signed(c);
        struct bytes bits = cursor_take(c, NEWCOMERS_BLOCK_BYTES);
        if (cursor_is_short(c) || !budget_resize(b, &block.bits, 0, NEWCOMERS_BLOCK_BYTES))
            return false;
        memcpy(block.bits, bits.data, NEWCOMERS_BLOCK_BYTES);
        n->blocks[n->count++] = block;
    }
    return !cursor_is_short(c);
}
