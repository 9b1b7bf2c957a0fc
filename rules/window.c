/*
 * The buckets in use, in order.  A key is mostly counted in the newest, at the end.
 */
#include "rules/window.h"

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
