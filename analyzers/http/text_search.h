/*
 * Whether a short text is in bytes that pass, however they are cut (Knuth, Morris and Pratt, 1977).
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_TEXT_SEARCH_H
#define SEEPWATCH_ANALYZERS_HTTP_TEXT_SEARCH_H

#include "core/bytes.h"

enum { TEXT_SEARCH_MAX = 128 /* bytes; of a longer text only these are searched for */ };

struct text_search {
    struct bytes text;
    size_t matched; /* bytes */
    bool is_found;
    uint8_t border[TEXT_SEARCH_MAX]; /* of the first n + 1 bytes: how many of the end begin it */
};

/* text_search_begin: text is a view that lives as long as s; an empty one is never found. */
void text_search_begin(struct text_search *s, struct bytes text);
void text_search_take(struct text_search *s, struct bytes piece);

#endif
