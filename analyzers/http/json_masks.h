/*
 * Where quotes, backslashes and brackets are in 64 bytes of JSON, a bit each, the first lowest:
 * with SSE2 where there is one (any x86-64), as answers of many megabytes pass.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_JSON_MASKS_H
#define SEEPWATCH_ANALYZERS_HTTP_JSON_MASKS_H

#include "core/bytes.h"

enum { JSON_BLOCK = 64 /* bytes */ };

struct json_masks {
    uint64_t quotes, backslashes;
    uint64_t opens, closes; /* curly and square alike */
};

/* json_masks_of: block has JSON_BLOCK bytes. */
struct json_masks json_masks_of(struct bytes block);

/* json_strings gives the bytes that are in strings, opening quotes with them; is_inside: the block
 * begins in one. */
static inline uint64_t json_strings(uint64_t quotes, bool is_inside)
{
    for (unsigned shift = 1; shift < JSON_BLOCK; shift *= 2)
        quotes ^= quotes << shift;
    return is_inside ? ~quotes : quotes;
}

/* json_plain_len tells how many bytes stand before the next quote or backslash; all where there is
 * none. */
size_t json_plain_len(struct bytes piece);

#endif
