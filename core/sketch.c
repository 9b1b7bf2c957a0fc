/*
 * A sorted array of hashes that turns into registers.  The register of a hash is chosen by its
 * first 12 bits and keeps the longest run of zeroes, plus one, seen at the front of the other 52.
 */
#include "core/sketch.h"

#include <math.h>
#include <string.h>

enum { REST_BITS = 64 - SKETCH_BITS, HASHES_MIN = 8 };

/* Where the hash is, or where it belongs. */
static uint32_t place_of(const struct sketch *s, uint64_t hash)
{
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->hashes[middle] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool register_raise(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = hash << SKETCH_BITS | UINT64_C(1) << (SKETCH_BITS - 1);
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1), *at = &registers[hash >> REST_BITS];
    if (*at >= rank)
        return false;
    *at = rank;
    return true;
}

static bool make_dense(struct sketch *s, struct budget *b)
{
    uint8_t *registers = NULL;
    if (!budget_resize(b, &registers, 0, SKETCH_REGISTERS))
        return false;
    memset(registers, 0, SKETCH_REGISTERS);
    for (uint32_t i = 0; i < s->count; i++)
        (void)register_raise(registers, s->hashes[i]);
    budget_free(b, &s->hashes, s->size * sizeof(*s->hashes));
    *s = (struct sketch){.registers = registers};
    return true;
}

static bool grow(struct sketch *s, struct budget *b)
{
    uint32_t size = s->size ? s->size * 2 : HASHES_MIN;
    if (!budget_resize(b, &s->hashes, s->size * sizeof(*s->hashes), size * sizeof(*s->hashes)))
        return false;
    s->size = size;
    return true;
}

bool sketch_add(struct sketch *s, struct budget *b, uint64_t hash, bool *is_new)
{
    bool unused;
    is_new = is_new ? is_new : &unused;
    *is_new = false;
    uint32_t at = place_of(s, hash);
    if (at < s->count && s->hashes[at] == hash)
        return true;
    if (!s->registers && s->count == SKETCH_EXACT_MAX && !make_dense(s, b))
        return false;
    if (s->registers) {
        *is_new = register_raise(s->registers, hash);
        return true;
    }
    if (s->count == s->size && !grow(s, b))
        return false;
    memmove(&s->hashes[at + 1], &s->hashes[at], (s->count - at) * sizeof(*s->hashes));
    s->hashes[at] = hash;
    s->count++;
    *is_new = true;
    return true;
}

bool sketch_merge(struct sketch *into, struct budget *b, const struct sketch *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        if (!sketch_add(into, b, from->hashes[i], NULL))
            return false;
    }
    if (!from->registers)
        return true;
    if (!into->registers && !make_dense(into, b))
        return false;
    for (size_t i = 0; i < SKETCH_REGISTERS; i++) {
        if (into->registers[i] < from->registers[i])
            into->registers[i] = from->registers[i];
    }
    return true;
}

/* Ertl, section 2.4, algorithm 6: x + sum of x^(2^k) 2^(k-1) */
static double sigma(double x)
{
    double weight = 1, sum = x, before;
    if (x >= 1)
        return INFINITY;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum > before);
    return sum;
}

/* likewise: (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3 */
static double tau(double x)
{
    double weight = 1, sum = 1 - x, before;
    if (x <= 0 || x >= 1)
        return 0;
    do {
        x = sqrt(x);
        before = sum;
        weight /= 2;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum < before);
    return sum / 3;
}

uint64_t sketch_count(const struct sketch *s)
{
    if (!s->registers)
        return s->count;
    unsigned ranks[REST_BITS + 2] = {0};
    for (size_t i = 0; i < SKETCH_REGISTERS; i++)
        ranks[s->registers[i]]++;
    double m = SKETCH_REGISTERS;
    double z = m * tau(1 - ranks[REST_BITS + 1] / m);
    for (unsigned rank = REST_BITS; rank > 0; rank--)
        z = 0.5 * (z + ranks[rank]);
    z += m * sigma(ranks[0] / m);
    double estimate = m * m / (2 * 0.69314718055994530942 * z) + 0.5;
    return estimate < 1.8e19 ? (uint64_t)estimate : UINT64_MAX; /* every register is full */
}

void sketch_clear(struct sketch *s, struct budget *b)
{
    if (s->hashes)
        budget_free(b, &s->hashes, s->size * sizeof(*s->hashes));
    if (s->registers)
        budget_free(b, &s->registers, SKETCH_REGISTERS);
    *s = (struct sketch){0};
}
