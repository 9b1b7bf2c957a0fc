/*
 * A sorted array of values while they are few, a ring of sketches when they are many.
 */
#include "rules/distinct.h"

#include "core/sorted.h"

#include <string.h>

enum { VALUES_MIN = 4 };

static struct sketch *bucket_of(struct distinct_sketches *s, int64_t number)
{
    int64_t at = number % WINDOW_BUCKETS;
    return &s->buckets[at < 0 ? at + WINDOW_BUCKETS : at];
}

static void sketches_free(struct distinct *d, struct budget *b)
{
    for (size_t i = 0; i < WINDOW_BUCKETS; i++)
        sketch_clear(&d->sketches->buckets[i], b);
    sketch_clear(&d->sketches->all, b);
    budget_free(b, &d->sketches, sizeof(*d->sketches));
}

/* The union anew, after a bucket went; without memory for it the old one stays, which counts too
 * much for a while, never too little. */
static void unite(struct distinct *d, struct budget *b)
{
    struct sketch all = {0};
    for (size_t i = 0; i < WINDOW_BUCKETS; i++) {
        if (!sketch_merge(&all, b, &d->sketches->buckets[i])) {
            sketch_clear(&all, b);
            return;
        }
    }
    sketch_clear(&d->sketches->all, b);
    d->sketches->all = all;
    d->sketches->estimate = sketch_count(&all);
}

static void advance_sketches(struct distinct *d, struct budget *b, int64_t from, int64_t to)
{
    bool is_empty = true;
    int64_t turns = to - from < WINDOW_BUCKETS ? to - from : WINDOW_BUCKETS;
    for (int64_t i = 0; i < turns; i++)
        sketch_clear(bucket_of(d->sketches, to - i), b);
    for (size_t i = 0; i < WINDOW_BUCKETS; i++)
        is_empty = is_empty && sketch_is_empty(&d->sketches->buckets[i]);
    if (is_empty)
        sketches_free(d, b);
    else
        unite(d, b);
}

void distinct_advance(struct distinct *d, struct budget *b, int64_t number)
{
    int64_t from = d->newest;
    bool had_begun = d->has_begun;
    if (had_begun && number <= from)
        return;
    d->newest = number;
    d->has_begun = true;
    if (!had_begun)
        return;
    if (d->sketches) {
        advance_sketches(d, b, from, number);
        return;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        if (d->values[i].number > number - WINDOW_BUCKETS)
            d->values[kept++] = d->values[i];
    }
    d->count = kept;
}

static uint32_t place_of(const struct distinct *d, uint64_t hash)
{
    const struct distinct_value *first = d->values;
    return d->count > 0 ? sorted_place(&first->hash, sizeof(*first) / sizeof(hash), d->count, hash)
                        : 0;
}

/* The values move into sketches; false, and all as before, where there is no memory. */
static bool make_sketches(struct distinct *d, struct budget *b)
{
    if (!budget_resize(b, &d->sketches, 0, sizeof(*d->sketches)))
        return false;
    memset(d->sketches, 0, sizeof(*d->sketches));
    for (uint32_t i = 0; i < d->count; i++) {
        const struct distinct_value *v = &d->values[i];
        if (!sketch_add(bucket_of(d->sketches, v->number), b, v->hash, NULL) ||
            !sketch_add(&d->sketches->all, b, v->hash, NULL)) {
            sketches_free(d, b);
            return false;
        }
    }
    d->sketches->estimate = sketch_count(&d->sketches->all);
    budget_free(b, &d->values, d->size * sizeof(*d->values));
    d->count = d->size = 0;
    return true;
}

static enum window_status add_to_sketches(struct distinct *d, struct budget *b, int64_t number,
                                          uint64_t hash)
{
    bool is_new;
    if (!sketch_add(bucket_of(d->sketches, number), b, hash, NULL) ||
        !sketch_add(&d->sketches->all, b, hash, &is_new))
        return WINDOW_DENIED;
    if (is_new)
        d->sketches->estimate = sketch_count(&d->sketches->all);
    return WINDOW_COUNTED;
}

static bool grow(struct distinct *d, struct budget *b)
{
    uint32_t size = d->size ? d->size * 2 : VALUES_MIN;
    if (!budget_resize(b, &d->values, d->size * sizeof(*d->values), size * sizeof(*d->values)))
        return false;
    d->size = size;
    return true;
}

enum window_status distinct_add(struct distinct *d, struct budget *b, int64_t number, uint64_t hash)
{
    distinct_advance(d, b, number);
    if (number <= d->newest - WINDOW_BUCKETS)
        return WINDOW_LATE;
    if (d->sketches)
        return add_to_sketches(d, b, number, hash);
    uint32_t at = place_of(d, hash);
    if (at < d->count && d->values[at].hash == hash) {
        if (d->values[at].number < number)
            d->values[at].number = number;
        return WINDOW_COUNTED;
    }
    if (d->count == DISTINCT_EXACT_MAX)
        return make_sketches(d, b) ? add_to_sketches(d, b, number, hash) : WINDOW_DENIED;
    if (d->count == d->size && !grow(d, b))
        return WINDOW_DENIED;
    memmove(&d->values[at + 1], &d->values[at], (d->count - at) * sizeof(*d->values));
    d->values[at] = (struct distinct_value){hash, number};
    d->count++;
    return WINDOW_COUNTED;
}

enum window_status distinct_merge(struct distinct *d, struct budget *b, int64_t number,
                                  const uint8_t *registers)
{
    distinct_advance(d, b, number);
    if (number <= d->newest - WINDOW_BUCKETS)
        return WINDOW_LATE;
    if (!d->sketches && !make_sketches(d, b))
        return WINDOW_DENIED;
    if (!sketch_merge_registers(bucket_of(d->sketches, number), b, registers) ||
        !sketch_merge_registers(&d->sketches->all, b, registers))
        return WINDOW_DENIED;
    d->sketches->estimate = sketch_count(&d->sketches->all);
    return WINDOW_COUNTED;
}

uint64_t distinct_count(const struct distinct *d)
{
    return d->sketches ? d->sketches->estimate : d->count;
}

uint64_t distinct_at_least(const struct distinct *d)
{
    if (!d->sketches || sketch_is_exact(&d->sketches->all))
        return distinct_count(d);
    return (uint64_t)((double)d->sketches->estimate * (1 - 3 * SKETCH_ERROR));
}

void distinct_clear(struct distinct *d, struct budget *b)
{
    if (d->sketches)
        sketches_free(d, b);
    if (d->values)
        budget_free(b, &d->values, d->size * sizeof(*d->values));
    *d = (struct distinct){0};
}

static void sketches_save(const struct distinct_sketches *s, struct pack *p)
{
    for (size_t i = 0; i < WINDOW_BUCKETS; i++)
        sketch_save(&s->buckets[i], p);
    sketch_save(&s->all, p);
}

void distinct_save(const struct distinct *d, struct pack *p)
{
    pack_flag(p, d->has_begun);
    pack_signed(p, d->newest);
    pack_flag(p, d->sketches != NULL);
    if (d->sketches) {
        sketches_save(d->sketches, p);
        return;
    }
    pack_number(p, d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        pack_u64(p, d->values[i].hash);
        pack_number(p, (uint64_t)d->newest - (uint64_t)d->values[i].number);
    }
}

static bool sketches_load(struct distinct *d, struct budget *b, struct cursor *c)
{
    if (!budget_resize(b, &d->sketches, 0, sizeof(*d->sketches)))
        return false;
    memset(d->sketches, 0, sizeof(*d->sketches));
    for (size_t i = 0; i < WINDOW_BUCKETS; i++) {
        if (!sketch_load(&d->sketches->buckets[i], b, c))
            return false;
    }
    if (!sketch_load(&d->sketches->all, b, c))
        return false;
    d->sketches->estimate = sketch_count(&d->sketches->all);
    return true;
}

static bool values_load(struct distinct *d, struct budget *b, struct cursor *c)
{
    size_t count = unpack_count(c, DISTINCT_EXACT_MAX, sizeof(uint64_t) + 1);
    uint32_t size = count > 0 ? VALUES_MIN : 0;
    while (size < count)
        size *= 2;
    if (cursor_is_short(c) || !budget_resize(b, &d->values, 0, size * sizeof(*d->values)))
        return false;
    d->size = size;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t hash = unpack_u64(c), age = unpack_number(c);
        if (age >= WINDOW_BUCKETS || (i > 0 && hash <= d->values[i - 1].hash))
            return false;
        d->values[i] = (struct distinct_value){hash, d->newest - (int64_t)age};
    }
    d->count = (uint32_t)count;
    return !cursor_is_short(c);
}

bool distinct_load(struct distinct *d, struct budget *b, struct cursor *c)
{
    d->has_begun = unpack_flag(c);
    d->newest = unpack_signed(c);
    bool has_sketches = unpack_flag(c);
    if (cursor_is_short(c) || d->newest < INT64_MIN / 2 || d->newest > INT64_MAX / 2)
        return false;
    return has_sketches ? sketches_load(d, b, c) : values_load(d, b, c);
}
