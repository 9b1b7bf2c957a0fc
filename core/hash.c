/*
 * hash_bytes folds 16 bytes at a time with a 64x64 to 128 bit multiplication, as wyhash and its kin
 * do.
 */
#include "core/hash.h"

#include <sys/random.h>

static const uint64_t odd1 = UINT64_C(0xa0761d6478bd642f), odd2 = UINT64_C(0xe7037ed1a0b428db);

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* 0 to 8 bytes as one word */
static uint64_t load_tail(const uint8_t *at, size_t len)
{
    uint64_t word = 0;
    if (len > 0)
        memcpy(&word, at, len);
    return word;
}

uint64_t hash_bytes(struct bytes b, uint64_t seed)
{
    const uint8_t *at = b.data;
    size_t left = b.len;
    uint64_t state = seed ^ odd1;
    while (left > 16) {
        state = hash_mix(load64(at) ^ odd2, load64(at + 8) ^ state);
        at += 16;
        left -= 16;
    }
    uint64_t first = load_tail(at, left < 8 ? left : 8);
    uint64_t last = left > 8 ? load_tail(at + 8, left - 8) : 0;
    state = hash_mix(first ^ odd2, last ^ state);
    return hash_mix(state ^ odd1, (uint64_t)b.len ^ odd2);
}

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

uint64_t hash_keyed(struct bytes b, const struct hash_key *key)
{
    uint64_t v[4] = {
        key->low ^ UINT64_C(0x736f6d6570736575), key->high ^ UINT64_C(0x646f72616e646f6d),
        key->low ^ UINT64_C(0x6c7967656e657261), key->high ^ UINT64_C(0x7465646279746573)};
    const uint8_t *at = b.data;
    for (size_t left = b.len;; at += 8, left -= 8) {
        bool is_last = left < 8;
        uint64_t word = is_last ? load_tail(at, left) | (uint64_t)b.len << 56 : load64(at);
        v[3] ^= word;
        sip_round(v);
        sip_round(v);
        v[0] ^= word;
        if (is_last)
            break;
    }
    v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

bool hash_key_random(struct hash_key *key)
{
    return getrandom(key, sizeof(*key), 0) == (ssize_t)sizeof(*key);
}
