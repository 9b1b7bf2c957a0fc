/*
 * A shared bound on memory.  Everything whose size the wire decides takes its bytes from a budget
 * first; when the budget is spent, the taker does what its own limit would make it do (a gap, a
 * forgotten request), and that is counted.  One budget belongs to one thread.
 */
#ifndef SEEPWATCH_CORE_BUDGET_H
#define SEEPWATCH_CORE_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BUDGET_PARTS = 4 };

struct budget {
    size_t bytes_max;
    size_t used;     /* bytes */
    size_t peak;     /* bytes; the most that was ever used */
    uint64_t denied; /* times that bytes were asked for and not given */
};

/*
 * budget_resize is realloc within the budget: *memory goes from old_size to new_size bytes (0:
 * freed, and *memory is NULL).  False, and nothing changed, where the budget or the system has not
 * that much.
 */
bool budget_resize(struct budget *b, void *memory, size_t old_size, size_t new_size)
    __attribute__((warn_unused_result));

/* budget_free gives back memory of that size; *memory is NULL afterwards. */
void budget_free(struct budget *b, void *memory, size_t size);

/*
 * budget_is_tight tells whether only the last of BUDGET_PARTS is left: who holds much already, or
 * could do without, asks for no more then.
 */
bool budget_is_tight(const struct budget *b);

/* budget_charge takes bytes for memory that is there already, budget_refund gives them back and
 * leaves the memory. */
bool budget_charge(struct budget *b, size_t size) __attribute__((warn_unused_result));
void budget_refund(struct budget *b, size_t size);

#endif
