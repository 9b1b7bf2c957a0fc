/*
 * Memory within a bound.  `memory` is a pointer to any object pointer; it is moved with memcpy,
 * because C has no generic pointer to pointer.
 */
#include "core/budget.h"

#include <stdlib.h>
#include <string.h>

bool budget_resize(struct budget *b, void *memory, size_t old_size, size_t new_size)
{
    void *old, *moved = NULL;
    memcpy(&old, memory, sizeof(old));
    if (new_size > old_size && new_size - old_size > b->bytes_max - b->used) {
        b->denied++;
        return false;
    }
    if (new_size > 0) {
        moved = realloc(old, new_size);
        if (!moved) {
            b->denied++;
            return false;
        }
    } else {
        free(old);
    }
    memcpy(memory, &moved, sizeof(moved));
    b->used = b->used - old_size + new_size;
    if (b->used > b->peak)
        b->peak = b->used;
    return true;
}

void budget_free(struct budget *b, void *memory, size_t size)
{
    bool freed = budget_resize(b, memory, size, 0);
    (void)freed; /* giving back cannot fail */
}

bool budget_is_tight(const struct budget *b)
{
    return b->used > b->bytes_max - b->bytes_max / BUDGET_PARTS;
}

bool budget_charge(struct budget *b, size_t size)
{
    if (size > b->bytes_max - b->used) {
        b->denied++;
        return false;
    }
    b->used += size;
    if (b->used > b->peak)
        b->peak = b->used;
    return true;
}

void budget_refund(struct budget *b, size_t size)
{
    b->used -= size;
}
