/*
 * The comparisons of views that are too long for the header.
 */
#define _GNU_SOURCE /* memmem */
#include "core/bytes.h"

#include <string.h>

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool bytes_are_nocase(struct bytes a, const char *text)
{
    size_t len = strlen(text);
    if (a.len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (lower(a.data[i]) != lower((uint8_t)text[i]))
            return false;
    }
    return true;
}

size_t bytes_find(struct bytes b, struct bytes wanted)
{
    if (wanted.len == 0)
        return 0;
    if (b.len < wanted.len)
        return b.len;
    const void *hit = memmem(b.data, b.len, wanted.data, wanted.len);
    return hit ? (size_t)((const uint8_t *)hit - b.data) : b.len;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes bytes_trim(struct bytes b)
{
    while (b.len > 0 && is_blank(b.data[0])) {
        b.data++;
        b.len--;
    }
    while (b.len > 0 && is_blank(b.data[b.len - 1]))
        b.len--;
    return b;
}

bool bytes_number(struct bytes b, uint64_t *number)
{
    uint64_t value = 0;
    if (b.len == 0)
        return false;
    for (size_t i = 0; i < b.len; i++) {
        if (b.data[i] < '0' || b.data[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(b.data[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return true;
}

size_t bytes_utf8_len(struct bytes b)
{
    uint8_t c = b.data[0];
    size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (len == 0 || len > b.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((b.data[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (c == 0xe0 && b.data[1] < 0xa0) || (c == 0xf0 && b.data[1] < 0x90);
    bool outside = (c == 0xed && b.data[1] > 0x9f) || (c == 0xf4 && b.data[1] > 0x8f);
    return overlong || outside ? 0 : len;
}
