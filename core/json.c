/*
 * The JSON writer.
 */
#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { JSON_SIZE_MIN = 1024 };

void json_clear(struct json *j)
{
    free(j->text);
    *j = (struct json){0};
}

void json_restart(struct json *j)
{
    j->len = 0;
    j->wants_comma = false;
    j->failed = false;
}

/* Room for len bytes more; NULL, and the writer failed, where there is no memory. */
static char *room(struct json *j, size_t len)
{
    if (j->failed)
        return NULL;
    if (j->size - j->len < len) {
        size_t size = j->size ? j->size : JSON_SIZE_MIN;
        while (size - j->len < len)
            size *= 2;
        char *wider = realloc(j->text, size);
        if (!wider) {
            j->failed = true;
            return NULL;
        }
        j->text = wider;
        j->size = size;
    }
    return j->text + j->len;
}

static void put(struct json *j, const char *text, size_t len)
{
    char *at = room(j, len);
    if (!at)
        return;
    memcpy(at, text, len);
    j->len += len;
}

static void comma(struct json *j)
{
    if (j->wants_comma)
        put(j, ",", 1);
    j->wants_comma = true;
}

void json_open(struct json *j, char bracket)
{
    comma(j);
    put(j, &bracket, 1);
    j->wants_comma = false;
}

void json_close(struct json *j, char bracket)
{
    put(j, &bracket, 1);
    j->wants_comma = true;
}

static bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_special(struct json *j, uint8_t c)
{
    static const char letters[] = "\"\"\\\\\nn\rr\tt";
    char escape[8];
    for (size_t i = 0; i + 1 < sizeof(letters); i += 2) {
        if ((uint8_t)letters[i] == c) {
            escape[0] = '\\';
            escape[1] = letters[i + 1];
            put(j, escape, 2);
            return;
        }
    }
    (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
    put(j, escape, 6);
}

static void put_quoted(struct json *j, struct bytes text)
{
    put(j, "\"", 1);
    while (text.len > 0) {
        size_t len = 0;
        while (len < text.len && is_plain(text.data[len]))
            len++;
        put(j, (const char *)text.data, len);
        text = bytes_from(text, len);
        if (text.len == 0)
            break;
        len = bytes_utf8_len(text);
        if (len > 1)
            put(j, (const char *)text.data, len);
        else if (len == 1)
            put_special(j, text.data[0]);
        else
            put(j, "\xef\xbf\xbd", 3);
        text = bytes_from(text, len ? len : 1);
    }
    put(j, "\"", 1);
}

void json_name(struct json *j, struct bytes name)
{
    comma(j);
    put_quoted(j, name);
    put(j, ":", 1);
    j->wants_comma = false;
}

void json_text(struct json *j, struct bytes text)
{
    comma(j);
    put_quoted(j, text);
}

void json_unsigned(struct json *j, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    comma(j);
    put(j, digits + at, sizeof(digits) - at);
}

void json_real(struct json *j, double value)
{
    char digits[32];
    int len = isfinite(value) ? snprintf(digits, sizeof(digits), "%.9g", value)
                              : snprintf(digits, sizeof(digits), "null");
    comma(j);
    put(j, digits, (size_t)len);
}

void json_boolean(struct json *j, bool value)
{
    comma(j);
    put(j, value ? "true" : "false", value ? 4 : 5);
}

void json_line(struct json *j)
{
    put(j, "\n", 1);
    j->wants_comma = false;
}

void json_counter(struct json *j, const char *name, uint64_t value)
{
    json_name(j, bytes_of(name));
    json_unsigned(j, value);
}
