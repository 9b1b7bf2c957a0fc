/*
 * A fast, seeded hash, for tables and for the shapes of statements.
 */
#ifndef SEEPWATCH_CORE_HASH_H
#define SEEPWATCH_CORE_HASH_H

#include "core/bytes.h"

struct hash_key {
    uint64_t low, high;
};

static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(struct bytes b, uint64_t seed);

/* hash_parse reads a hash that was written as 16 hexadecimal digits, lower case. */
bool hash_parse(uint64_t *hash, struct bytes text);

/* hash_key_random takes a key from the system's random source; false where there is none. */
bool hash_key_random(struct hash_key *key);

#endif
