/*
 * The values that a key has shown before, each with the time when it was last seen, for rules with
 * `first`.  A value not seen for the rule's `forget` is new again; beyond KNOWN_VALUES_MAX the one
 * seen longest ago is forgotten early, which is counted.
 *
 * Memory: 40 bytes a value, rounded up by doubling from 2: at most 2,560 bytes.
 */
#ifndef SEEPWATCH_RULES_KNOWN_H
#define SEEPWATCH_RULES_KNOWN_H

#include "core/budget.h"
#include "core/pack.h"

enum { KNOWN_VALUES_MAX = 64, KNOWN_TEXT_MAX = 23 };

struct known_value {
    uint64_t hash;
    int64_t seen_ns;
    uint8_t text_len;
    uint8_t text[KNOWN_TEXT_MAX]; /* as people read it, cut */
};

/* A zeroed struct knows none. */
struct known {
    struct known_value *values; /* in no order */
    uint32_t count, size;
    uint32_t forgotten; /* early */
};

/* known_forget drops what was last seen before that time. */
void known_forget(struct known *k, int64_t before_ns);

/* known_meet tells whether the value is known, and notes that it was seen. */
bool known_meet(struct known *k, uint64_t hash, int64_t now_ns);

/* known_add keeps a value that is not known yet; false where the budget has no memory. */
bool known_add(struct known *k, struct budget *b, uint64_t hash, struct bytes text, int64_t now_ns)
    __attribute__((warn_unused_result));

/* known_text views the text of a value that is known; empty where it is not. */
struct bytes known_text(const struct known *k, uint64_t hash);

/* known_newest views the texts of up to max values seen last, the newest first, but for the one of
 * that hash; returns how many. */
size_t known_newest(const struct known *k, uint64_t but, struct bytes *texts, size_t max);

void known_clear(struct known *k, struct budget *b);

/* known_save writes them down, known_load reads that into an empty one; false where it cannot be,
 * or without memory. */
void known_save(const struct known *k, struct pack *p);
bool known_load(struct known *k, struct budget *b, struct cursor *c);

#endif
