/*
 * Strings are looked at eight bytes at a time: they are most of a log.
 */
#include "core/json_read.h"

#include <endian.h>
#include <stdlib.h>

enum { REAL_LEN_MAX = 40 };

bool json_read_fail(struct json_reader *r, const char *problem)
{
    if (!r->problem)
        r->problem = problem;
    return false;
}

/* Marks the highest bit of each byte that ends a run of plain ones: '"', '\\' and control
 * characters.  A mark above the lowest may be false. */
static uint64_t special_of(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    return (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((word - ones * ' ') & ~word)) &
           tops;
}

/* Moves to the next byte of a string that is not plain. */
static void pass_plain(struct json_reader *r)
{
    uint64_t word;
    for (; r->len - r->at >= sizeof(word); r->at += sizeof(word)) {
        memcpy(&word, r->text + r->at, sizeof(word));
        uint64_t special = special_of(le64toh(word));
        if (special) {
            r->at += (size_t)__builtin_ctzll(special) / 8;
            return;
        }
    }
    while (r->at < r->len && r->text[r->at] != '"' && r->text[r->at] != '\\' &&
           r->text[r->at] >= ' ')
        r->at++;
}

static int digit_of(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind "\u"; UINT32_MAX where there are none. */
static uint32_t read_unit(struct json_reader *r)
{
    uint32_t unit = 0;
    for (unsigned i = 0; i < 4; i++, r->at++) {
        int digit = r->at < r->len ? digit_of(r->text[r->at]) : -1;
        if (digit < 0)
            return UINT32_MAX;
        unit = unit << 4 | (uint32_t)digit;
    }
    return unit;
}

/* A character behind "\u", of one unit or of a pair; U+FFFD for half a pair. */
static uint32_t read_character(struct json_reader *r)
{
    uint32_t unit = read_unit(r);
    bool is_high = unit >= 0xd800 && unit < 0xdc00;
    if (!is_high)
        return unit >= 0xdc00 && unit < 0xe000 ? 0xfffd : unit;
    size_t after = r->at;
    if (r->len - r->at < 2 || r->text[r->at] != '\\' || r->text[r->at + 1] != 'u')
        return 0xfffd;
    r->at += 2;
    uint32_t low = read_unit(r);
    if (low >= 0xdc00 && low < 0xe000)
        return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    r->at = after;
    return 0xfffd;
}

/* At most four bytes, which is less than the escape took. */
static size_t put_character(uint8_t *to, uint32_t c)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; c >>= 6)
        to[i] = (uint8_t)(0x80 | (c & 0x3f));
    to[0] = (uint8_t)(leads[len] | c);
    if (len == 1)
        to[0] = (uint8_t)c;
    return len;
}

/* Resolves the escape that is next to text[to]; returns how many bytes that are, 0 with a problem.
 */
static size_t read_escape(struct json_reader *r, size_t to)
{
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    uint8_t letter = r->len - r->at >= 2 ? r->text[r->at + 1] : 0;
    r->at += letter ? 2 : 0;
    if (letter == 'u') {
        uint32_t c = read_character(r);
        if (c != UINT32_MAX)
            return put_character(r->text + to, c);
    }
    for (size_t i = 0; letter && i + 1 < sizeof(letters); i += 2) {
        if ((uint8_t)letters[i] == letter) {
            r->text[to] = (uint8_t)letters[i + 1];
            return 1;
        }
    }
    (void)json_read_fail(r, "a string with a wrong escape");
    return 0;
}

/* From the first escape on: what is plain moves up behind what is resolved. */
static bool resolve(struct json_reader *r, size_t begin, struct bytes *text)
{
    size_t to = r->at;
    while (r->at < r->len && r->text[r->at] == '\\') {
        size_t len = read_escape(r, to);
        if (len == 0)
            return false;
        to += len;
        size_t from = r->at;
        pass_plain(r);
        memmove(r->text + to, r->text + from, r->at - from);
        to += r->at - from;
    }
    *text = (struct bytes){r->text + begin, to - begin};
    return true;
}

bool json_read_text(struct json_reader *r, struct bytes *text)
{
    if (!json_read_take(r, '"'))
        return json_read_fail(r, "no string where one belongs");
    size_t begin = r->at;
    pass_plain(r);
    if (r->at < r->len && r->text[r->at] == '"') {
        *text = (struct bytes){r->text + begin, r->at++ - begin};
        return true;
    }
    if (!resolve(r, begin, text))
        return false;
    if (r->at >= r->len || r->text[r->at] != '"')
        return json_read_fail(r, "a string that does not end");
    r->at++;
    return true;
}

bool json_read_unsigned(struct json_reader *r, uint64_t *value)
{
    uint64_t number = 0;
    (void)json_read_peek(r);
    size_t begin = r->at;
    bool is_good = !r->problem;
    for (; r->at < r->len && r->text[r->at] >= '0' && r->text[r->at] <= '9' && is_good; r->at++) {
        uint64_t digit = (uint64_t)(r->text[r->at] - '0');
        is_good = number < UINT64_MAX / 10 || (number == UINT64_MAX / 10 && digit <= 5);
        number = number * 10 + digit;
    }
    uint8_t after = r->at < r->len ? r->text[r->at] : 0;
    if (!is_good || r->at == begin || after == '.' || (after | 0x20) == 'e')
        return json_read_fail(r, "no whole number where one belongs");
    *value = number;
    return true;
}

bool json_read_real(struct json_reader *r, double *value)
{
    char copy[REAL_LEN_MAX + 1];
    size_t len = 0;
    (void)json_read_peek(r);
    for (; r->at < r->len && len < REAL_LEN_MAX; r->at++) {
        uint8_t c = r->text[r->at];
        if (!(c >= '0' && c <= '9') && c != '-' && c != '+' && c != '.' && (c | 0x20) != 'e')
            break;
        copy[len++] = (char)c;
    }
    copy[len] = '\0';
    char *end = copy;
    if (!r->problem)
        *value = strtod(copy, &end);
    if (len == 0 || *end != '\0' || end == copy)
        return json_read_fail(r, "no number where one belongs");
    return true;
}

bool json_read_word(struct json_reader *r, const char *word)
{
    size_t len = strlen(word);
    (void)json_read_peek(r);
    if (r->problem || r->len - r->at < len || memcmp(r->text + r->at, word, len) != 0)
        return false;
    r->at += len;
    return true;
}

bool json_read_boolean(struct json_reader *r, bool *value)
{
    *value = json_read_word(r, "true");
    return *value || json_read_word(r, "false") || json_read_fail(r, "neither true nor false");
}

static bool skip_simple(struct json_reader *r)
{
    struct bytes text;
    double number;
    bool truth;
    switch (json_read_peek(r)) {
    case '"':
        return json_read_text(r, &text);
    case 't':
    case 'f':
        return json_read_boolean(r, &truth);
    case 'n':
        return json_read_null(r) || json_read_fail(r, "no value where one belongs");
    default:
        return json_read_real(r, &number);
    }
}

/* The name of a member, inside of an object. */
static bool skip_name(struct json_reader *r, uint8_t inside)
{
    struct bytes name;
    return inside != '}' || (json_read_text(r, &name) &&
                             (json_read_take(r, ':') || json_read_fail(r, "no ':' after a name")));
}

bool json_read_skip(struct json_reader *r)
{
    uint8_t closers[JSON_READ_DEPTH_MAX];
    size_t depth = 0;
    do {
        uint8_t c = json_read_peek(r);
        if (c == '{' || c == '[') {
            if (depth == JSON_READ_DEPTH_MAX)
                return json_read_fail(r, "nested too deep");
            r->at++;
            closers[depth++] = c == '{' ? '}' : ']';
            if (!json_read_take(r, closers[depth - 1])) {
                if (!skip_name(r, closers[depth - 1]))
                    return false;
                continue;
            }
            depth--;
        } else if (!skip_simple(r)) {
            return false;
        }
        while (depth > 0 && json_read_take(r, closers[depth - 1]))
            depth--;
        if (depth > 0 && (!json_read_take(r, ',') || !skip_name(r, closers[depth - 1])))
            return json_read_fail(r, "no ',' between two values");
    } while (depth > 0);
    return !r->problem;
}

bool json_read_end(struct json_reader *r)
{
    return !r->problem &&
           (json_read_peek(r) == 0 || json_read_fail(r, "something behind the object"));
}
