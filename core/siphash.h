/*
 * SipHash-2-4 with 64 bits (Aumasson and Bernstein, 2012): a hash that nobody can turn back, or
 * compute, without the key.  For secrets: session cookies and tokens are known by it alone.
 */
#ifndef SEEPWATCH_CORE_SIPHASH_H
#define SEEPWATCH_CORE_SIPHASH_H

#include "core/hash.h"

/* A hash that is being computed, piece by piece. */
struct siphash {
    uint64_t v0, v1, v2, v3;
    uint64_t word; /* bytes that do not yet make a whole word */
    uint64_t len;  /* bytes so far */
};

void siphash_begin(struct siphash *s, const struct hash_key *key);
void siphash_add(struct siphash *s, struct bytes piece);
/* siphash_end gives the hash of all pieces; s is of no more use. */
uint64_t siphash_end(struct siphash *s);

/* siphash_bytes hashes b alone. */
uint64_t siphash_bytes(struct bytes b, const struct hash_key *key);

#endif
