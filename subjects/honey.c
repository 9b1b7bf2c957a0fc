/*
 * The version is read without the lock at each look; only where it changed the lock is taken.
 */
#include "subjects/honey.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct honey_set {
    size_t holders; /* views, and one while it is the newest; under the lock */
    size_t count;
    uint64_t ids[];
};

struct honey {
    pthread_mutex_t lock;
    _Atomic uint64_t version; /* 0: nothing was published */
    struct honey_set *newest;
};

struct honey *honey_open(void)
{
    struct honey *h = calloc(1, sizeof(*h));
    if (h && pthread_mutex_init(&h->lock, NULL) != 0) {
        free(h);
        return NULL;
    }
    return h;
}

/* Under the lock. */
static void drop(struct honey_set *set)
{
    if (set && --set->holders == 0)
        free(set);
}

void honey_close(struct honey *h)
{
    if (!h)
        return;
    drop(h->newest);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

bool honey_publish(struct honey *h, const uint64_t *sorted, size_t count)
{
    struct honey_set *set = malloc(sizeof(*set) + count * sizeof(set->ids[0]));
    if (!set)
        return false;
    set->holders = 1;
    set->count = count;
    if (count > 0)
        memcpy(set->ids, sorted, count * sizeof(set->ids[0]));
    (void)pthread_mutex_lock(&h->lock);
    drop(h->newest);
    h->newest = set;
    atomic_fetch_add_explicit(&h->version, 1, memory_order_release);
    (void)pthread_mutex_unlock(&h->lock);
    return true;
}

/* The set of a view, as a holder may free it. */
static struct honey_set *held(const struct honey_view *view)
{
    struct honey_set *set;
    memcpy(&set, &view->set, sizeof(set));
    return set;
}

static const struct honey_set *look(struct honey *h, struct honey_view *view)
{
    if (atomic_load_explicit(&h->version, memory_order_acquire) == view->version)
        return view->set;
    (void)pthread_mutex_lock(&h->lock);
    drop(held(view));
    h->newest->holders++;
    view->set = h->newest;
    view->version = atomic_load_explicit(&h->version, memory_order_relaxed);
    (void)pthread_mutex_unlock(&h->lock);
    return view->set;
}

bool honey_has(struct honey *h, struct honey_view *view, uint64_t id)
{
    const struct honey_set *set = look(h, view);
    size_t low = 0, high = set ? set->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ids[middle] == id)
            return true;
        if (set->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool honey_is_empty(struct honey *h, struct honey_view *view)
{
    const struct honey_set *set = look(h, view);
    return !set || set->count == 0;
}

void honey_view_close(struct honey *h, struct honey_view *view)
{
    (void)pthread_mutex_lock(&h->lock);
    drop(held(view));
    (void)pthread_mutex_unlock(&h->lock);
    *view = (struct honey_view){0};
}
