/*
 * Bounded text without control characters: C0 and DEL (one byte), C1 (two bytes, U+0080 to U+009F),
 * and the marks that turn the direction of writing, by which a name could disguise a line.
 */
#include "rules/text.h"

#include <stdarg.h>
#include <stdio.h>

struct text text_over(char *buffer, size_t size)
{
    buffer[0] = '\0';
    return (struct text){.at = buffer, .max = size};
}

void text_add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(t->at + t->len, t->max - t->len, format, args);
    va_end(args);
    if (len < 0)
        return;
    t->is_cut = t->is_cut || (size_t)len >= t->max - t->len;
    t->len = (size_t)len < t->max - t->len ? t->len + (size_t)len : t->max - 1;
}

static bool is_control(const uint8_t *c, size_t len)
{
    if (len == 1)
        return c[0] < 0x20 || c[0] == 0x7f;
    if (len == 2)
        return c[0] == 0xc2 && c[1] < 0xa0;
    if (len == 3 && c[0] == 0xe2 && c[1] == 0x80)
        return (c[2] >= 0x8e && c[2] <= 0x8f) || (c[2] >= 0xa8 && c[2] <= 0xae);
    return len == 3 && c[0] == 0xe2 && c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

void text_add_bytes(struct text *t, struct bytes b)
{
    while (b.len > 0) {
        size_t len = bytes_utf8_len(b), taken = len ? len : 1;
        bool is_plain = len > 0 && !is_control(b.data, len);
        size_t wanted = is_plain ? len : 1;
        if (t->max - t->len <= wanted) {
            t->is_cut = true;
            return;
        }
        memcpy(t->at + t->len, is_plain ? (const void *)b.data : "?", wanted);
        t->len += wanted;
        t->at[t->len] = '\0';
        b = bytes_from(b, taken);
    }
}

struct bytes text_cut(struct bytes b, size_t len)
{
    if (b.len <= len)
        return b;
    while (len > 0 && (b.data[len] & 0xc0) == 0x80)
        len--;
    return bytes_first(b, len);
}
