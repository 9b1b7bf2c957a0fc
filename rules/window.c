/*
 * A key is mostly counted in its newest bucket, which is in the window itself; the others are asked
 * for only when they grow too old.
 */
#include "rules/window.h"

#include <float.h>
#include <string.h>

static int64_t length_of(int64_t over_ns)
{
    return (over_ns + WINDOW_BUCKETS - 2) / (WINDOW_BUCKETS - 1);
}

int64_t window_number(int64_t ns, int64_t over_ns)
{
    int64_t length = length_of(over_ns);
    return ns / length - (ns % length < 0);
}

void window_clock_set(struct window_clock *c, int64_t ns, int64_t over_ns)
{
    int64_t length = length_of(over_ns);
    c->number = window_number(ns, over_ns);
    c->from_ns = c->number * length;
    c->to_ns = c->from_ns > INT64_MAX - length ? INT64_MAX : c->from_ns + length;
}

/* The numbers of the older buckets stand behind their amounts, as their lowest 8 bits: those that
 * count lie within WINDOW_BUCKETS of each other. */
static uint8_t *numbers_of(const struct window *w)
{
    return (uint8_t *)(w->older + w->size);
}

static unsigned age_of(const struct window *w, uint32_t i)
{
    return (uint8_t)((uint64_t)w->newest - numbers_of(w)[i]);
}

static void remove_older(struct window *w, uint32_t count)
{
    uint8_t *numbers = numbers_of(w);
    for (uint32_t i = 0; i < count; i++)
        w->total -= w->older[i];
    w->count = (uint8_t)(w->count - count);
    memmove(w->older, w->older + count, w->count * sizeof(*w->older));
    memmove(numbers, numbers + count, w->count);
}

void window_advance(struct window *w, int64_t number)
{
    if (w->has_begun && number <= w->newest)
        return;
    uint64_t by = w->has_begun ? (uint64_t)number - (uint64_t)w->newest : 0;
    w->has_begun = true;
    if (by + w->age >= WINDOW_BUCKETS) { /* and all that are older */
        w->newest = number;
        w->total = w->now = w->count = w->age = 0;
        w->seen = w->lost = 0;
        w->is_used = false;
        return;
    }
    uint32_t old = 0;
    while (old < w->count && age_of(w, old) + by >= WINDOW_BUCKETS)
        old++;
    if (old > 0)
        remove_older(w, old);
    w->newest = number;
    w->age = (uint8_t)(w->age + by);
    float left = (float)(WINDOW_BUCKETS - by) / WINDOW_BUCKETS;
    w->seen *= left;
    w->lost = w->lost * left < 1 ? 0 : w->lost * left;
}

static bool older_grow(struct window *w, struct budget *b)
{
    enum { SIZE_MIN = 4, BUCKET_BYTES = sizeof(uint64_t) + 1 };
    uint8_t size = w->size ? (uint8_t)(w->size * 2) : SIZE_MIN, old = w->size;
    if (!budget_resize(b, &w->older, (size_t)old * BUCKET_BYTES, (size_t)size * BUCKET_BYTES))
        return false;
    w->size = size;
    memmove(numbers_of(w), w->older + old, w->count);
    return true;
}

/* The older bucket of that age, made where it is missing; NULL where there is no memory. */
static uint64_t *older_make(struct window *w, struct budget *b, unsigned age)
{
    uint32_t at = w->count;
    while (at > 0 && age_of(w, at - 1) <= age)
        at--;
    if (at < w->count && age_of(w, at) == age)
        return &w->older[at];
    if (w->count == w->size && !older_grow(w, b))
        return NULL;
    uint8_t *numbers = numbers_of(w);
    memmove(&w->older[at + 1], &w->older[at], (w->count - at) * sizeof(*w->older));
    memmove(&numbers[at + 1], &numbers[at], w->count - at);
    w->count++;
    w->older[at] = 0;
    numbers[at] = (uint8_t)((uint64_t)w->newest - age);
    return &w->older[at];
}

/* The bucket of that age, made where it is missing; NULL where there is no memory. */
static uint64_t *bucket_at(struct window *w, struct budget *b, unsigned age)
{
    if (w->is_used && age > w->age)
        return older_make(w, b, age);
    if (w->is_used && age < w->age) {
        uint64_t *older = older_make(w, b, w->age);
        if (!older)
            return NULL;
        *older = w->now;
        w->now = 0;
    }
    w->age = (uint8_t)age;
    w->is_used = true;
    return &w->now;
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

enum window_status window_add(struct window *w, struct budget *b, int64_t number,
                              const struct window_amount *amount)
{
    window_advance(w, number);
    if (number <= w->newest - WINDOW_BUCKETS)
        return WINDOW_LATE;
    uint64_t *bucket = bucket_at(w, b, (unsigned)(w->newest - number));
    if (!bucket)
        return WINDOW_DENIED;
    uint64_t before = *bucket;
    w->seen += (float)amount->seen;
    w->lost += (float)amount->lost;
    if (!amount->is_max)
        *bucket = add(before, amount->amount);
    else if (before < amount->amount)
        *bucket = amount->amount;
    w->total += *bucket - before;
    return WINDOW_COUNTED;
}

uint64_t window_sum(const struct window *w)
{
    return w->total < UINT64_MAX ? (uint64_t)w->total : UINT64_MAX;
}

uint64_t window_max(const struct window *w)
{
    uint64_t largest = w->now;
    for (uint32_t i = 0; i < w->count; i++)
        largest = w->older[i] > largest ? w->older[i] : largest;
    return largest;
}

double window_lost_share(const struct window *w)
{
    return w->lost > 0 ? (double)w->lost / ((double)w->lost + (double)w->seen) : 0;
}

void window_clear(struct window *w, struct budget *b)
{
    if (w->older)
        budget_free(b, &w->older, w->size * (sizeof(*w->older) + 1));
    *w = (struct window){.total = 0};
}

void window_save(const struct window *w, struct pack *p)
{
    pack_flag(p, w->has_begun);
    pack_signed(p, w->newest);
    pack_float(p, w->seen);
    pack_float(p, w->lost);
    pack_number(p, w->count + (w->is_used ? 1U : 0U));
    for (uint32_t i = 0; i < w->count; i++) {
        pack_u8(p, (uint8_t)age_of(w, i));
        pack_number(p, w->older[i]);
    }
    if (w->is_used) {
        pack_u8(p, w->age);
        pack_number(p, w->now);
    }
}

/* Bytes, so that a share can be had of them. */
static bool are_bytes(float amount)
{
    return amount >= 0 && amount <= FLT_MAX;
}

/* The oldest come first: each goes from the newest place to the older ones when the next one comes.
 */
static bool buckets_load(struct window *w, struct budget *b, size_t count, struct cursor *c)
{
    for (size_t i = 0; i < count; i++) {
        unsigned age = cursor_u8(c);
        uint64_t amount = unpack_number(c);
        if (age >= WINDOW_BUCKETS || (w->is_used && age >= w->age))
            return false;
        uint64_t *bucket = bucket_at(w, b, age);
        if (!bucket)
            return false;
        *bucket = amount;
        w->total += amount;
    }
    return true;
}

bool window_load(struct window *w, struct budget *b, struct cursor *c)
{
    w->has_begun = unpack_flag(c);
    w->newest = unpack_signed(c);
    w->seen = unpack_float(c);
    w->lost = unpack_float(c);
    size_t count = unpack_count(c, WINDOW_BUCKETS, 2);
    if (w->newest < INT64_MIN / 2 || w->newest > INT64_MAX / 2 || (count > 0 && !w->has_begun) ||
        !are_bytes(w->seen) || !are_bytes(w->lost))
        unpack_fail(c);
    return !cursor_is_short(c) && buckets_load(w, b, count, c) && !cursor_is_short(c);
}
