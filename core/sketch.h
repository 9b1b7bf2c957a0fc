/*
 * How many different values were seen: exactly up to SKETCH_EXACT_MAX, then by HyperLogLog
 * (Flajolet, Fusy, Gandouet and Meunier 2007) with 64-bit hashes and the estimator of Ertl ("New
 * cardinality estimation algorithms for HyperLogLog sketches", 2017), which needs no tables of
 * corrections.  The standard error is 1.04 / sqrt(16384) = 0.8 %.
 *
 * Memory: 8 bytes a value (rounded up by doubling) while that is no more than registers would take,
 * 16 KiB and the counts of their ranks after; all from the budget.  So few values are exact, and no
 * second sparse form is needed.
 */
#ifndef SEEPWATCH_CORE_SKETCH_H
#define SEEPWATCH_CORE_SKETCH_H

#include "core/budget.h"
#include "core/bytes.h"
#include "core/pack.h"

enum {
    SKETCH_BITS = 14,
    SKETCH_REGISTERS = 1 << SKETCH_BITS,
    SKETCH_RANKS = 64 - SKETCH_BITS + 2, /* a register is below that */
    SKETCH_EXACT_MAX = 2048
};

#define SKETCH_ERROR 0.008125 /* relative, one standard deviation */

/* A zeroed struct is empty. */
struct sketch {
    uint64_t *hashes;     /* sorted; NULL once dense */
    uint8_t *registers;   /* NULL until dense; how many have each rank follows them */
    uint32_t count, size; /* of hashes */
};

/* sketch_add counts a value by its hash, which must be spread over all 64 bits; *is_new (may be
 * NULL) tells whether that changed the sketch.  False, and nothing counted, where the budget denies
 * the memory. */
bool sketch_add(struct sketch *s, struct budget *b, uint64_t hash, bool *is_new)
    __attribute__((warn_unused_result));

/* sketch_merge adds all that another sketch has seen; false as above. */
bool sketch_merge(struct sketch *into, struct budget *b, const struct sketch *from)
    __attribute__((warn_unused_result));

/* sketch_merge_registers adds all that registers of another sketch have seen. */
bool sketch_merge_registers(struct sketch *into, struct budget *b, const uint8_t *registers)
    __attribute__((warn_unused_result));

/* sketch_count gives the number of different values, exact or estimated. */
uint64_t sketch_count(const struct sketch *s);

static inline bool sketch_is_exact(const struct sketch *s)
{
    return s->registers == NULL;
}

static inline bool sketch_is_empty(const struct sketch *s)
{
    return s->registers == NULL && s->count == 0;
}

/*
 * sketch_print writes hashes, or registers where they are not NULL, as a text of letters, digits
 * and signs that JSON does not escape; returns its length.  sketch_parse reads it back: hashes, at
 * most SKETCH_EXACT_MAX (*registers is NULL then), or into `room`, which *registers becomes.  False
 * where it is no such text.
 */
enum { SKETCH_TEXT_MAX = SKETCH_EXACT_MAX * 16 + 1 };
size_t sketch_print(const uint64_t *hashes, size_t count, const uint8_t *registers, char *text);
bool sketch_parse(struct bytes text, uint64_t *hashes, size_t *count, uint8_t *room,
                  const uint8_t **registers);

/* sketch_clear empties it and gives its memory back. */
void sketch_clear(struct sketch *s, struct budget *b);

/* sketch_save writes it down, sketch_load reads that into an empty one; false where it cannot be,
 * or without memory. */
void sketch_save(const struct sketch *s, struct pack *p);
bool sketch_load(struct sketch *s, struct budget *b, struct cursor *c)
    __attribute__((warn_unused_result));

#endif
