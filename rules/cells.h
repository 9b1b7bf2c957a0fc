/*
 * What a rule knows of its keys: a cell for each, by the number that the key has in its ring
 * (rules/keyring.h).  Cells lie in blocks that never move and are made when the first key of them
 * counts for the rule.
 */
#ifndef SEEPWATCH_RULES_CELLS_H
#define SEEPWATCH_RULES_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CELLS_IN_BLOCK = 64 };

/* Of a key that has raised an alert. */
struct told {
    int64_t alerted_ns;
    int64_t passing_ns; /* start of the transaction that was alerted of while it passed; 0: none */
    uint64_t repeats;   /* since the last alert */
};

/* The detector's state follows. */
struct cell {
    int64_t last_ns;   /* of the newest transaction that counted */
    struct told *told; /* NULL: it never raised an alert */
    uint32_t changed;  /* see profile/lasting.h */
    uint32_t used;     /* the key's number and 1; 0: the key has none of the rule */
};

struct cells {
    uint8_t **blocks; /* NULL where none of a block was used yet */
    size_t blocks_count, cell_size;
    size_t count; /* cells in use */
};

/* cells_open: state_size: bytes of a detector's state. */
static inline struct cells cells_open(size_t state_size)
{
    size_t align = sizeof(uint64_t);
    return (struct cells){.cell_size =
                              sizeof(struct cell) + (state_size + align - 1) / align * align};
}

void cells_close(struct cells *c);

/* cells_find gives a key's cell; NULL where it has none. */
static inline struct cell *cells_find(const struct cells *c, size_t number)
{
    size_t block = number / CELLS_IN_BLOCK;
    if (block >= c->blocks_count || !c->blocks[block])
        return NULL;
    uint8_t *at = c->blocks[block] + number % CELLS_IN_BLOCK * c->cell_size;
    struct cell *cell = (struct cell *)(void *)at;
    return cell->used ? cell : NULL;
}

/* cells_make makes the cell of a key that has none, of zeroes; NULL without memory. */
struct cell *cells_make(struct cells *c, size_t number);

/* cells_drop clears a cell; what its state holds was given back before. */
void cells_drop(struct cells *c, struct cell *cell);

/* cells_numbers: all numbers in use are below it. */
static inline size_t cells_numbers(const struct cells *c)
{
    return c->blocks_count * CELLS_IN_BLOCK;
}

/* cells_prefetch asks for a key's cell ahead of its use. */
static inline void cells_prefetch(const struct cells *c, size_t number)
{
    enum { LINE = 64, LINES_MAX = 4 };
    size_t block = number / CELLS_IN_BLOCK;
    if (block >= c->blocks_count || !c->blocks[block])
        return;
    const uint8_t *at = c->blocks[block] + number % CELLS_IN_BLOCK * c->cell_size;
    for (size_t i = 0; i < c->cell_size && i < LINE * LINES_MAX; i += LINE)
        __builtin_prefetch(at + i, 1);
}

static inline size_t cell_number(const struct cell *cell)
{
    return cell->used - 1;
}

static inline void *cell_state(struct cell *cell)
{
    return cell + 1;
}

#endif
