/*
 * Where a hash is in a sorted array, or where it belongs.  Hashes are spread evenly, so its value
 * says about where that is; from there the search goes on in doubling steps.
 */
#ifndef SEEPWATCH_CORE_SORTED_H
#define SEEPWATCH_CORE_SORTED_H

#include <stddef.h>
#include <stdint.h>

/* first: the first element's hash; step: words from one element's to the next one's. */
static inline uint32_t sorted_place(const uint64_t *first, size_t step, uint32_t count,
                                    uint64_t hash)
{
    __extension__ uint32_t guess = (uint32_t)((unsigned __int128)hash * count >> 64);
    uint32_t low = 0, high = count;
    for (uint32_t jump = 1; low < high; jump *= 2) { /* all before low are smaller, high is not */
        if (first[guess * step] < hash) {
            low = guess + 1;
            guess = high - low > jump ? low + jump - 1 : high - 1;
            if (low == high)
                break;
        } else {
            high = guess;
            guess = high - low > jump ? high - jump : low;
        }
        if (jump >= 16)
            break;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (first[middle * step] < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
