/*
 * Most texts that are asked about are digits alone, and these are looked at by eights.
 */
#include "subjects/digits.h"

#include <assert.h>

enum { WORD = sizeof(uint64_t) };

static uint64_t load(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* Whether all eight bytes are digits: 3 stands before each, and still does with 6 added. */
static bool are_digits(uint64_t word)
{
    const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0), threes = UINT64_C(0x3030303030303030),
                   sixes = UINT64_C(0x0606060606060606);
    return (word & high) == threes && ((word + sixes) & high) == threes;
}

/* Copies a text of digits alone; false where it is none. */
static bool copy_digits(struct bytes text, char *out)
{
    size_t i = 0;
    for (; i + WORD <= text.len; i += WORD) {
        uint64_t word = load(text.data + i);
        if (!are_digits(word))
            return false;
        memcpy(out + i, &word, sizeof(word));
    }
    for (; i < text.len; i++) {
        if (!digit_is(text.data[i]))
            return false;
        out[i] = (char)text.data[i];
    }
    return true;
}

/* A bit for each character. */
static uint64_t signs_of(const char *between)
{
    uint64_t signs = 0;
    for (; *between; between++) {
        assert(*between < 64);
        signs |= UINT64_C(1) << *between;
    }
    return signs;
}

size_t digits_of(struct bytes text, const char *between, char *out, size_t max)
{
    size_t count = 0;
    bool was_digit = false;
    if (text.len <= max && copy_digits(text, out))
        return text.len;
    uint64_t signs = signs_of(between);
    for (size_t i = 0; i < text.len && signs; i++) {
        uint8_t c = text.data[i];
        bool is_digit = digit_is(c);
        if (!is_digit && (!was_digit || c >= 64 || !(signs >> c & 1)))
            return 0;
        was_digit = is_digit;
        if (!is_digit)
            continue;
        if (count == max)
            return 0;
        out[count++] = (char)c;
    }
    return was_digit ? count : 0;
}

unsigned digits_number(const char *digits, size_t count)
{
    unsigned number = 0;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + (unsigned)(digits[i] - '0');
    return number;
}

bool digits_luhn(const char *digits, size_t count)
{
    static const uint8_t doubled[] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    unsigned sum = 0;
    size_t i = count;
    for (; i >= 2; i -= 2)
        sum += (unsigned)(digits[i - 1] - '0') + doubled[digits[i - 2] - '0'];
    if (i > 0)
        sum += (unsigned)(digits[0] - '0');
    return sum % 10 == 0;
}

unsigned digits_sum(const char *digits, const uint8_t *weights, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (unsigned)(digits[i] - '0') * weights[i];
    return sum;
}

bool digits_date(unsigned year, unsigned month, unsigned day)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return false;
    return month != 2 || day != 29 || year % 4 == 0;
}
