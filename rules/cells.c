/*
 * Blocks by number; the list of them doubles.
 */
#include "rules/cells.h"

#include <stdlib.h>
#include <string.h>

void cells_close(struct cells *c)
{
    for (size_t i = 0; i < c->blocks_count; i++)
        free(c->blocks[i]);
    free(c->blocks);
    *c = (struct cells){.cell_size = c->cell_size};
}

static bool list_grow(struct cells *c, size_t block)
{
    size_t count = c->blocks_count ? c->blocks_count : 1;
    while (count <= block)
        count *= 2;
    uint8_t **blocks = realloc(c->blocks, count * sizeof(*blocks));
    if (!blocks)
        return false;
    memset(blocks + c->blocks_count, 0, (count - c->blocks_count) * sizeof(*blocks));
    c->blocks = blocks;
    c->blocks_count = count;
    return true;
}

struct cell *cells_make(struct cells *c, size_t number)
{
    size_t block = number / CELLS_IN_BLOCK;
    if (block >= c->blocks_count && !list_grow(c, block))
        return NULL;
    if (!c->blocks[block])
        c->blocks[block] = calloc(CELLS_IN_BLOCK, c->cell_size);
    if (!c->blocks[block])
        return NULL;
    uint8_t *at = c->blocks[block] + number % CELLS_IN_BLOCK * c->cell_size;
    struct cell *cell = (struct cell *)(void *)at;
    cell->used = (uint32_t)number + 1;
    c->count++;
    return cell;
}

void cells_drop(struct cells *c, struct cell *cell)
{
    memset(cell, 0, c->cell_size);
    c->count--;
}
