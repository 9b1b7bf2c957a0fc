/*
 * Keys of key-value stores that hold an identifier: "customer:{id}", "*:msisdn:{id}:*".  {id} is
 * the identifier, up to the character that follows it in the pattern; '*' is any text.
 */
#ifndef SEEPWATCH_SUBJECTS_KEY_PATTERNS_H
#define SEEPWATCH_SUBJECTS_KEY_PATTERNS_H

#include "core/subject.h"

enum { KEY_PATTERN_MAX = 64 /* bytes */, KEY_PATTERNS_MAX = 64 };

struct key_pattern {
    uint8_t len, id_at; /* bytes; before the {id} */
    uint8_t kind;       /* enum subject_kind */
    char text[KEY_PATTERN_MAX];
};

struct key_patterns {
    size_t count;
    struct key_pattern items[KEY_PATTERNS_MAX];
};

/* key_patterns_add takes a pattern with one {id}; false where it has none or several, is too long,
 * or is one too many. */
bool key_patterns_add(struct key_patterns *p, struct bytes pattern, enum subject_kind kind);

/* key_patterns_find gives the identifier of a key, and its kind, by the first pattern that fits;
 * SUBJECT_NONE where none does. */
enum subject_kind key_patterns_find(const struct key_patterns *p, struct bytes key,
                                    struct bytes *value);

#endif
