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

/* 0 to 8 bytes as one word, the first lowest; by loads that overlap, as copies of a length that is
 * not known are slow. */
static uint64_t load_tail(const uint8_t *at, size_t len)
{
    if (len == 8)
        return load64(at);
    if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, at, sizeof(first));
        memcpy(&last, at + len - sizeof(last), sizeof(last));
        return first | (uint64_t)last << 8 * (len - sizeof(last));
    }
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)at[i] << 8 * i;
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

bool hash_parse(uint64_t *hash, struct bytes text)
{
    uint64_t value = 0;
    unsigned wrong = text.len != 16;
    for (size_t i = 0; i < text.len && !wrong; i++) {
        unsigned digit = (unsigned)text.data[i] - '0', letter = (unsigned)text.data[i] - 'a';
        wrong = digit > 9 && letter > 5;
        value = value << 4 | (digit <= 9 ? digit : letter + 10);
    }
    *hash = value;
    return !wrong;
}

bool hash_key_random(struct hash_key *key)
{
    return getrandom(key, sizeof(*key), 0) == (ssize_t)sizeof(*key);
}
