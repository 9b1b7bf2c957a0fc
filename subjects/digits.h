/*
 * What identifiers are made of: digits with separators between, check digits, dates.
 */
#ifndef SEEPWATCH_SUBJECTS_DIGITS_H
#define SEEPWATCH_SUBJECTS_DIGITS_H

#include "core/bytes.h"

/*
 * digits_of copies the digits of text to out and returns how many they are; 0 where there is
 * anything else in it than digits and single bytes of `between` amid them, or more than max.
 * `between`: signs of ASCII before '@', few.
 */
size_t digits_of(struct bytes text, const char *between, char *out, size_t max);

static inline bool digit_is(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* digits_copy copies few bytes, by words: a call costs more. */
static inline void digits_copy(char *out, const char *from, size_t len)
{
    enum { WORD = sizeof(uint64_t) };
    uint64_t word;
    size_t i = 0;
    for (; i + WORD <= len; i += WORD) {
        memcpy(&word, from + i, WORD);
        memcpy(out + i, &word, WORD);
    }
    if (len >= WORD) { /* the rest, with bytes that were copied */
        memcpy(&word, from + len - WORD, WORD);
        memcpy(out + len - WORD, &word, WORD);
        return;
    }
    for (; i < len; i++)
        out[i] = from[i];
}

/* The number that so many digits from `digits` on are. */
unsigned digits_number(const char *digits, size_t count);

/* digits_luhn tells whether the last of them is the check digit of the others (ISO/IEC 7812-1,
 * annex B). */
bool digits_luhn(const char *digits, size_t count);

/* digits_sum adds the digits times their weights. */
unsigned digits_sum(const char *digits, const uint8_t *weights, size_t count);

/* digits_date tells whether there is such a day in any century; a day of February 29 needs a year
 * that 4 divides. */
bool digits_date(unsigned year, unsigned month, unsigned day);

#endif
