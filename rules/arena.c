/*
 * Chunks in a list, each filled from its front.
 */
#include "rules/arena.h"

#include <stdlib.h>

enum { CHUNK_SIZE = 16384 };

struct arena_chunk {
    struct arena_chunk *older;
    size_t used, size; /* bytes of memory[] */
    max_align_t memory[];
};

void *arena_take(struct arena *a, size_t size)
{
    size_t align = sizeof(max_align_t);
    size = size > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size + align - 1) / align * align;
    struct arena_chunk *c = a->newest;
    if (!c || c->size - c->used < size) {
        size_t wanted = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        c = calloc(1, sizeof(*c) + wanted);
        if (!c) {
            a->failed = true;
            return NULL;
        }
        c->size = wanted;
        c->older = a->newest;
        a->newest = c;
    }
    void *taken = (char *)c->memory + c->used;
    c->used += size;
    return taken;
}

struct bytes arena_copy(struct arena *a, struct bytes b)
{
    uint8_t *copy = arena_take(a, b.len + 1);
    if (!copy)
        return (struct bytes){(const uint8_t *)"", 0};
    if (b.len > 0)
        memcpy(copy, b.data, b.len);
    return (struct bytes){copy, b.len};
}

void arena_clear(struct arena *a)
{
    while (a->newest) {
        struct arena_chunk *older = a->newest->older;
        free(a->newest);
        a->newest = older;
    }
    a->failed = false;
}
