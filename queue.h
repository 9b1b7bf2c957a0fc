/*
 * A bounded queue of entries of any size from one thread to one other, without locks.  An entry
 * lies in the queue's own memory from its reservation to its removal and does not move: what points
 * into it stays good.
 */
#ifndef SEEPWATCH_QUEUE_H
#define SEEPWATCH_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

/* queue_open returns NULL without memory; bytes is a power of two. */
struct queue *queue_open(size_t bytes);
void queue_close(struct queue *q);

/* For the one thread that fills it. */

/* queue_reserve gives aligned room for an entry of len bytes; NULL where there is not that much.
   What is reserved and not committed is taken back by the next call. */
void *queue_reserve(struct queue *q, size_t len);
void queue_commit(struct queue *q);
/* queue_is_crowded tells whether less than a quarter is free. */
bool queue_is_crowded(const struct queue *q);

/* For the one thread that empties it. */

/* queue_front gives the oldest entry; NULL where there is none. */
void *queue_front(struct queue *q);
void queue_pop(struct queue *q);

#endif
