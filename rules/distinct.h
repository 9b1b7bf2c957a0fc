/*
 * How many different values a sliding window holds, over the same buckets as rules/window.h.  Up to
 * DISTINCT_EXACT_MAX values are kept with the bucket that saw each last, and counted exactly;
 * beyond that every bucket has a sketch (core/sketch.h), and the number is that of their union:
 * standard error 0.8 %.  Exact again once the window was empty.
 *
 * Memory: 16 bytes a value while exact (at most 16 KiB); then about 1.1 KiB, and for each bucket in
 * use and for the union what a sketch takes, up to 16 KiB: at most 553 KiB.
 *
 * Values of a FIELD_TYPE_HASHES are hashes already, and may come as the registers of a sketch.
 */
#ifndef SEEPWATCH_RULES_DISTINCT_H
#define SEEPWATCH_RULES_DISTINCT_H

#include "core/sketch.h"
#include "rules/window.h"

enum { DISTINCT_EXACT_MAX = 1024 };

struct distinct_value {
    uint64_t hash;
    int64_t number; /* of the bucket that saw it last */
};

struct distinct_sketches {
    struct sketch buckets[WINDOW_BUCKETS]; /* a bucket's number modulo their count is its place */
    struct sketch all;                     /* their union */
    uint64_t estimate;                     /* of all */
};

/* A zeroed struct is empty. */
struct distinct {
    struct distinct_value *values; /* sorted by hash; NULL once there are sketches */
    uint32_t count, size;
    struct distinct_sketches *sketches; /* NULL while exact */
    int64_t newest;                     /* bucket number, as in struct window */
    bool has_begun;
};

/* distinct_advance forgets what is too old at the bucket of that number. */
void distinct_advance(struct distinct *d, struct budget *b, int64_t number);

/* distinct_add counts a value, by a hash spread over 64 bits. */
enum window_status distinct_add(struct distinct *d, struct budget *b, int64_t number,
                                uint64_t hash);

/* distinct_merge counts all values of the registers of a sketch. */
enum window_status distinct_merge(struct distinct *d, struct budget *b, int64_t number,
                                  const uint8_t *registers);

/* distinct_count gives the number; distinct_at_least what it is beyond doubt: three standard errors
 * below an estimate. */
uint64_t distinct_count(const struct distinct *d);
uint64_t distinct_at_least(const struct distinct *d);

void distinct_clear(struct distinct *d, struct budget *b);

/* distinct_save writes it down, distinct_load reads that into an empty one; false where it cannot
 * be, or without memory. */
void distinct_save(const struct distinct *d, struct pack *p);
bool distinct_load(struct distinct *d, struct budget *b, struct cursor *c);

#endif
