/*
 * The buckets in use, in order.  A key is mostly counted in the newest, at the end.
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

void window_advance(struct window *w, int64_t number)
{
    if (w->has_begun && number <= w->newest)
        return;
    w->newest = number;
    w->has_begun = true;
    uint32_t old = 0;
    for (; old < w->count && w->buckets[old].number <= number - WINDOW_BUCKETS; old++)
        w->total -= w->buckets[old].amount;
    if (old == 0)
        return;
    w->count -= old;
    memmove(w->buckets, w->buckets + old, w->count * sizeof(*w->buckets));
}

/* The bucket of that number, made where it is missing; NULL where there is no memory. */
static struct window_bucket *bucket_make(struct window *w, struct budget *b, int64_t number)
{
    uint32_t at = w->count;
    while (at > 0 && w->buckets[at - 1].number >= number)
        at--;
    if (at < w->count && w->buckets[at].number == number)
        return &w->buckets[at];
    if (w->count == w->size) {
        uint32_t size = w->size ? w->size * 2 : 1;
        if (!budget_resize(b, &w->buckets, w->size * sizeof(*w->buckets),
                           size * sizeof(*w->buckets)))
            return NULL;
        w->size = size;
    }
    memmove(&w->buckets[at + 1], &w->buckets[at], (w->count - at) * sizeof(*w->buckets));
    w->count++;
    w->buckets[at] = (struct window_bucket){.number = number};
    return &w->buckets[at];
}

static struct window_bucket *bucket_at(struct window *w, struct budget *b, int64_t number)
{
    struct window_bucket *last = w->count > 0 ? &w->buckets[w->count - 1] : NULL;
    return last && last->number == number ? last : bucket_make(w, b, number);
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
    struct window_bucket *bucket = bucket_at(w, b, number);
    if (!bucket)
        return WINDOW_DENIED;
    uint64_t before = bucket->amount;
    bucket->seen += (float)amount->seen;
    bucket->lost += (float)amount->lost;
    if (!amount->is_max)
        bucket->amount = add(bucket->amount, amount->amount);
    else if (bucket->amount < amount->amount)
        bucket->amount = amount->amount;
    w->total += bucket->amount - before;
    return WINDOW_COUNTED;
}

uint64_t window_sum(const struct window *w)
{
    return w->total < UINT64_MAX ? (uint64_t)w->total : UINT64_MAX;
}

uint64_t window_max(const struct window *w)
{
    uint64_t largest = 0;
    for (uint32_t i = 0; i < w->count; i++)
        largest = w->buckets[i].amount > largest ? w->buckets[i].amount : largest;
    return largest;
}

double window_lost_share(const struct window *w)
{
    double seen = 0, lost = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        seen += (double)w->buckets[i].seen;
        lost += (double)w->buckets[i].lost;
    }
    return lost > 0 ? lost / (lost + seen) : 0;
}

void window_clear(struct window *w, struct budget *b)
{
    if (w->buckets)
        budget_free(b, &w->buckets, w->size * sizeof(*w->buckets));
    *w = (struct window){0};
}

void window_save(const struct window *w, struct pack *p)
{
    pack_flag(p, w->has_begun);
    pack_signed(p, w->newest);
    pack_number(p, w->count);
    for (uint32_t i = 0; i < w->count; i++) {
        const struct window_bucket *bucket = &w->buckets[i];
        pack_number(p, (uint64_t)w->newest - (uint64_t)bucket->number);
        pack_number(p, bucket->amount);
        pack_float(p, bucket->seen);
        pack_float(p, bucket->lost);
    }
}

/* Bytes, so that a share can be had of them. */
static bool are_bytes(float amount)
{
    return amount >= 0 && amount <= FLT_MAX;
}

static bool buckets_load(struct window *w, struct cursor *c)
{
    uint64_t before = WINDOW_BUCKETS;
    for (uint32_t i = 0; i < w->count; i++) {
        uint64_t age = unpack_number(c);
        struct window_bucket *bucket = &w->buckets[i];
        bucket->number = w->newest - (int64_t)(age % WINDOW_BUCKETS);
        bucket->amount = unpack_number(c);
        bucket->seen = unpack_float(c);
        bucket->lost = unpack_float(c);
        if (age >= before || !are_bytes(bucket->seen) || !are_bytes(bucket->lost))
            return false;
        w->total += bucket->amount;
        before = age;
    }
    return true;
}

bool window_load(struct window *w, struct budget *b, struct cursor *c)
{
    w->has_begun = unpack_flag(c);
    w->newest = unpack_signed(c);
    w->count = (uint32_t)unpack_count(c, WINDOW_BUCKETS, 1);
    if (w->newest < INT64_MIN / 2 || w->newest > INT64_MAX / 2 || (w->count > 0 && !w->has_begun))
        unpack_fail(c);
    uint32_t size = w->count > 0 ? 1 : 0;
    while (size < w->count)
        size *= 2;
    if (cursor_is_short(c) || !budget_resize(b, &w->buckets, 0, size * sizeof(*w->buckets))) {
        w->count = 0;
        return false;
    }
    w->size = size;
    return buckets_load(w, c) && !cursor_is_short(c);
}
