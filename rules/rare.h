/*
 * Which of a rule's keys show a value, for `first` with `rare`: up to RARE_MAX + 1 keys of each
 * value are known one by one, which is all that the question takes.
 *
 * Memory: 160 bytes a value and group of peers; the value that met a new key longest ago goes
 * first.
 */
#ifndef SEEPWATCH_RULES_RARE_H
#define SEEPWATCH_RULES_RARE_H

#include "core/pack.h"

enum { RARE_MAX = 14 };

struct rare;

/* rare_open returns NULL without memory; bytes_max 0: what the entries take. */
struct rare *rare_open(size_t entries_max, size_t bytes_max, uint64_t seed);
void rare_close(struct rare *r);

/* rare_note notes that a key shows a value, both by their hashes, and tells how many other keys
 * have: at most RARE_MAX + 1.  What no key newly showed since before_ns is forgotten. */
size_t rare_note(struct rare *r, uint64_t value, uint64_t key, int64_t time_ns, int64_t before_ns);

/* rare_save writes it down, rare_load reads that into an empty one; false where it cannot
 * be, and it is empty then. */
void rare_save(const struct rare *r, struct pack *p);
bool rare_load(struct rare *r, struct cursor *c);

#endif
