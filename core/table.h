/*
 * A bounded hash table that forgets the oldest.  Keys and values have fixed sizes; an entry keeps
 * its place in memory until it is removed.  Entries are in the order of their last touch; when the
 * table is full, a new key takes the place of the least recently touched, which is counted and
 * told.  Memory grows with use, in blocks, up to the bound.
 */
#ifndef SEEPWATCH_CORE_TABLE_H
#define SEEPWATCH_CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

struct table_config {
    size_t entries_max;
    size_t bytes_max;  /* for all of it; 0: as many as entries_max takes */
    size_t key_size;   /* bytes; all of them are compared, so padding must be zero */
    size_t value_size; /* bytes; a new value is zero */
    uint64_t seed;     /* of the hash, so that nobody outside can make keys collide */
    void (*evicted)(void *context,
                    void *value); /* called before a value is overwritten or removed; may be NULL */
    void *context;
};

/* table_open returns NULL where there is no memory. */
struct table *table_open(const struct table_config *config);
/* table_close calls `evicted` for every value left. */
void table_close(struct table *t);

/* table_find returns the value, or NULL; it touches nothing. */
void *table_find(const struct table *t, const void *key);

/*
 * table_touch returns the key's value, now the newest, and makes it where it is missing (*is_new,
 * may be NULL). NULL only where there is no memory for a first block.
 */
void *table_touch(struct table *t, const void *key, bool *is_new);

/* table_touch_value makes a value that table_touch returned the newest again. */
void table_touch_value(struct table *t, void *value);

void table_remove(struct table *t, void *value);

/* table_oldest returns the least recently touched value; NULL where the table is empty. */
void *table_oldest(const struct table *t);
/* table_next returns the value touched next after this one; NULL at the newest. */
void *table_next(const struct table *t, const void *value);

/* table_key gives the key of a value. */
const void *table_key(const struct table *t, const void *value);

/* Every entry has a number below table_numbers, its own for as long as it is there. */
size_t table_numbers(const struct table *t);
size_t table_number(const struct table *t, const void *value);
/* table_at gives the value at a number below table_numbers, *is_used where there is an entry; where
 * there is none, what the last one left, or zeroes. */
void *table_at(const struct table *t, size_t number, bool *is_used);

size_t table_count(const struct table *t);
/* table_entries_max gives how many entries it can have. */
size_t table_entries_max(const struct table *t);
/* table_evictions counts values that went because the table was full. */
uint64_t table_evictions(const struct table *t);

#endif
