/*
 * Where quotes, backslashes and brackets are in 64 bytes of JSON, a bit each, the first lowest:
 * with SSE2 where there is one (any x86-64), as answers of many megabytes pass.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_JSON_MASKS_H
#define SEEPWATCH_ANALYZERS_HTTP_JSON_MASKS_H

#include "core/bytes.h"

#include <endian.h>

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

/* The bytes of a word that are that one, by their highest bits; right up to the first that is. */
static inline uint64_t json_found(uint64_t word, uint8_t byte)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
    word ^= ones * byte; /* it is zero now */
    return (word - ones) & ~word & highs;
}

/* json_plain_len tells how many bytes stand before the next quote or backslash; all where there is
 * none.  It is here, by words, as it is asked for each string, and most are short. */
static inline size_t json_plain_len(struct bytes piece)
{
    size_t len = 0;
    for (; piece.len - len >= sizeof(uint64_t); len += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, piece.data + len, sizeof(word));
        word = le64toh(word);
        uint64_t found = json_found(word, '"') | json_found(word, '\\');
        if (found)
            return len + (size_t)__builtin_ctzll(found) / 8;
    }
    while (len < piece.len && piece.data[len] != '"' && piece.data[len] != '\\')
        len++;
    return len;
}

#endif
