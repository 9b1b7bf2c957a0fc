#include "subjects/digits.h"

size_t digits_of(struct bytes text, const char *between, char *out, size_t max)
{
    size_t count = 0;
    bool was_digit = false;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool is_digit = digit_is(c);
        if (!is_digit && (!was_digit || c == 0 || !strchr(between, c)))
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
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned digit = (unsigned)(digits[count - 1 - i] - '0') << (i & 1);
        sum += digit > 9 ? digit - 9 : digit;
    }
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
