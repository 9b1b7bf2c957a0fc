/*
 * A line of readable text in a buffer of fixed size.  What comes from the wire or from a file is
 * added with text_add_bytes, which lets no control character through to a terminal; what does not
 * fit is cut between two characters.
 */
#ifndef SEEPWATCH_RULES_TEXT_H
#define SEEPWATCH_RULES_TEXT_H

#include "core/bytes.h"

struct text {
    char *at;        /* always ends in a zero byte */
    size_t len, max; /* bytes; max counts the zero */
    bool is_cut;
};

/* text_over starts an empty text in a buffer of size bytes, at least one. */
struct text text_over(char *buffer, size_t size);

/* text_add formats trusted words and numbers. */
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* text_add_bytes adds untrusted text: control characters and what is not UTF-8 become '?'. */
void text_add_bytes(struct text *t, struct bytes b);

/* text_cut shortens b to at most len bytes, between two characters. */
struct bytes text_cut(struct bytes b, size_t len);

#endif
