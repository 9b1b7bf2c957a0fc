/*
 * A ring of bytes; both ends are counters that only grow.  An entry has its length before it and
 * never wraps: where it would, the rest of the ring is skipped as an entry that is none.
 */
#include "queue.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

enum { ALIGN = 16 };

/* Before every entry; as long as the alignment, so that entries are aligned. */
struct head {
    size_t size; /* bytes, with this */
    bool is_filler;
};

_Static_assert(sizeof(struct head) == ALIGN, "entries follow their heads aligned");

struct queue {
    uint8_t *ring;
    size_t size;
    size_t reserved; /* bytes, with a filler before them */
    /* each end has a cache line of its own: the threads don't fight over them */
    _Alignas(64) _Atomic size_t filled;
    _Alignas(64) _Atomic size_t emptied;
};

struct queue *queue_open(size_t bytes)
{
    struct queue *q = aligned_alloc(64, sizeof(*q));
    if (!q)
        return NULL;
    *q = (struct queue){.size = bytes, .ring = aligned_alloc(64, bytes)};
    if (!q->ring) {
        free(q);
        return NULL;
    }
    return q;
}

void queue_close(struct queue *q)
{
    if (!q)
        return;
    free(q->ring);
    free(q);
}

static struct head *head_at(const struct queue *q, size_t at)
{
    return (struct head *)(void *)(q->ring + (at & (q->size - 1)));
}

static size_t used(const struct queue *q)
{
    return atomic_load_explicit(&q->filled, memory_order_relaxed) -
           atomic_load_explicit(&q->emptied, memory_order_acquire);
}

void *queue_reserve(struct queue *q, size_t len)
{
    size_t size = (sizeof(struct head) + len + ALIGN - 1) / ALIGN * ALIGN;
    size_t at = atomic_load_explicit(&q->filled, memory_order_relaxed);
    size_t to_end = q->size - (at & (q->size - 1));
    size_t filler = size > to_end ? to_end : 0;
    if (size > q->size || filler + size > q->size - used(q))
        return NULL;
    if (filler > 0)
        *head_at(q, at) = (struct head){filler, true};
    struct head *head = head_at(q, at + filler);
    *head = (struct head){size, false};
    q->reserved = filler + size;
    return head + 1;
}

void queue_commit(struct queue *q)
{
    size_t at = atomic_load_explicit(&q->filled, memory_order_relaxed);
    atomic_store_explicit(&q->filled, at + q->reserved, memory_order_release);
    q->reserved = 0;
}

bool queue_is_crowded(const struct queue *q)
{
    return used(q) > q->size / 4 * 3;
}

void *queue_front(struct queue *q)
{
    size_t filled = atomic_load_explicit(&q->filled, memory_order_acquire);
    size_t at = atomic_load_explicit(&q->emptied, memory_order_relaxed);
    if (at == filled)
        return NULL;
    struct head *head = head_at(q, at);
    if (!head->is_filler)
        return head + 1;
    /* a filler is always committed with an entry behind it */
    atomic_store_explicit(&q->emptied, at + head->size, memory_order_release);
    return head_at(q, at + head->size) + 1;
}

void queue_pop(struct queue *q)
{
    size_t at = atomic_load_explicit(&q->emptied, memory_order_relaxed);
    atomic_store_explicit(&q->emptied, at + head_at(q, at)->size, memory_order_release);
}
