#include "analyzers/http/json_masks.h"

#ifdef __SSE2__
#include <emmintrin.h>

static uint64_t json_mask(__m128i bytes, char c)
{
    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

/* Square brackets are curly ones without a bit. */
struct json_masks json_masks_of(struct bytes block)
{
    struct json_masks m = {0};
    for (unsigned at = 0; at < JSON_BLOCK; at += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)&block.data[at]);
        __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        m.quotes |= json_mask(bytes, '"') << at;
        m.backslashes |= json_mask(bytes, '\\') << at;
        m.opens |= json_mask(folded, '{') << at;
        m.closes |= json_mask(folded, '}') << at;
    }
    return m;
}
#else
struct json_masks json_masks_of(struct bytes block)
{
    struct json_masks m = {0};
    for (unsigned at = 0; at < JSON_BLOCK; at++) {
        uint8_t c = block.data[at], folded = c | 0x20;
        m.quotes |= (uint64_t)(c == '"') << at;
        m.backslashes |= (uint64_t)(c == '\\') << at;
        m.opens |= (uint64_t)(folded == '{') << at;
        m.closes |= (uint64_t)(folded == '}') << at;
    }
    return m;
}
#endif
