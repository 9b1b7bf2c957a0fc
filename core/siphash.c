#include "core/siphash.h"

#include <endian.h>

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void mix(struct siphash *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void take_word(struct siphash *s, uint64_t word)
{
    s->v3 ^= word;
    mix(s);
    mix(s);
    s->v0 ^= word;
}

void siphash_begin(struct siphash *s, const struct hash_key *key)
{
    *s = (struct siphash){.v0 = key->low ^ UINT64_C(0x736f6d6570736575),
                          .v1 = key->high ^ UINT64_C(0x646f72616e646f6d),
                          .v2 = key->low ^ UINT64_C(0x6c7967656e657261),
                          .v3 = key->high ^ UINT64_C(0x7465646279746573)};
}

void siphash_add(struct siphash *s, struct bytes piece)
{
    size_t i = 0;
    for (; (s->len & 7) == 0 && piece.len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, piece.data + i, sizeof(word));
        take_word(s, le64toh(word));
        s->len += 8;
    }
    for (; i < piece.len; i++) {
        s->word |= (uint64_t)piece.data[i] << 8 * (s->len++ & 7);
        if ((s->len & 7) == 0) {
            take_word(s, s->word);
            s->word = 0;
        }
    }
}

uint64_t siphash_end(struct siphash *s)
{
    take_word(s, s->word | s->len << 56);
    s->v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        mix(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Less than 8 bytes as a word, the first lowest. */
static uint64_t load_tail(const uint8_t *at, size_t len)
{
    uint32_t first, last;
    uint64_t word = 0;
    if (len >= sizeof(first)) { /* two loads that overlap */
        memcpy(&first, at, sizeof(first));
        memcpy(&last, at + len - sizeof(last), sizeof(last));
        return le32toh(first) | (uint64_t)le32toh(last) << 8 * (len - sizeof(last));
    }
    for (size_t i = 0; i < len; i++)
        word |= (uint64_t)at[i] << 8 * i;
    return word;
}

uint64_t siphash_bytes(struct bytes b, const struct hash_key *key)
{
    struct siphash s;
    size_t i = 0;
    siphash_begin(&s, key);
    for (; b.len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, b.data + i, sizeof(word));
        take_word(&s, le64toh(word));
    }
    s.word = load_tail(b.data + i, b.len - i);
    s.len = b.len;
    return siphash_end(&s);
}
