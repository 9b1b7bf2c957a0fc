/*
 * Where a value ends is known from a length before it, and the next length stands behind that: a
 * chain of reads that a processor has to wait for.  But most types that may be NULL have one length
 * otherwise; rows of such columns are nearly all alike in what is not a value, and are told by
 * comparing a few words of each.  All others are gone through value by value.
 */
#include "analyzers/tds/tds_rows.h"

#include "analyzers/tds/tds_walk.h"

enum { WORD_LEN = sizeof(uint64_t) };

static inline uint64_t word_at(struct bytes in, size_t at)
{
    uint64_t word;
    memcpy(&word, &in.data[at], WORD_LEN);
    return word;
}

/* That byte is the same in each row; false where there is no room for it. */
static bool add_same(struct tds_likeness *l, size_t at, uint8_t byte)
{
    uint8_t mask[WORD_LEN] = {0}, same[WORD_LEN] = {0};
    struct tds_word *last = l->words_count > 0 ? &l->words[l->words_count - 1] : NULL;
    if (!last || at - last->at >= WORD_LEN) {
        if (l->words_count == TDS_WORDS_MAX)
            return false;
        last = &l->words[l->words_count++];
        *last = (struct tds_word){.at = at};
    }
    mask[at - last->at] = UINT8_MAX;
    same[at - last->at] = byte;
    last->mask |= word_at((struct bytes){mask, WORD_LEN}, 0);
    last->same |= word_at((struct bytes){same, WORD_LEN}, 0);
    return true;
}

static void compare_columns(struct tds_likeness *l, const uint8_t *classes, size_t count,
                            uint8_t token)
{
    l->words_count = 0;
    l->row_len = 1;
    bool is_alike = add_same(l, 0, token);
    for (size_t i = 0; i < count && is_alike; i++) {
        size_t value_class = classes[i];
        if (value_class <= TDS_FIXED_MAX) {
            l->row_len += value_class;
            continue;
        }
        is_alike =
            value_class >= TDS_USUAL && add_same(l, l->row_len, (uint8_t)(value_class - TDS_USUAL));
        l->row_len += 1 + value_class - TDS_USUAL;
    }
    size_t reach = l->words[l->words_count - 1].at + WORD_LEN;
    l->reach = reach > l->row_len ? reach : l->row_len;
    l->words_count = is_alike ? l->words_count : 0;
}

static void learn(struct tds_columns *c, const struct tds_result *result, uint8_t token)
{
    struct tds_likeness *l = &c->likeness;
    compare_columns(l, c->classes + result->at, result->count, token);
    l->is_known = true;
    l->of = result->at;
    l->of_count = result->count;
}

static inline bool is_like(const struct tds_word *words, size_t count, struct bytes in, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        if ((word_at(in, at + words[i].at) & words[i].mask) != words[i].same)
            return false;
    }
    return true;
}

/* The place behind the rows that are alike: kept apart, so that what it needs stays in registers.
 */
__attribute__((noinline)) static size_t alike_over(const struct tds_likeness *l, struct bytes in,
                                                   size_t at, uint64_t *rows)
{
    struct tds_word first = l->words[0];
    size_t row_len = l->row_len, rest_count = l->words_count - 1;
    uint64_t count = 0;
    if (in.len < l->reach)
        return at;
    size_t last = in.len - l->reach;
    for (; at <= last && is_like(&first, 1, in, at); at += row_len, count++) {
        if (rest_count > 0 && !is_like(l->words + 1, rest_count, in, at))
            break;
    }
    *rows += count;
    return at;
}

/* The place behind a value of a length that is not usual; beyond in.len where it is not there. */
static size_t value_over(uint8_t value_class, struct bytes in, size_t at)
{
    struct cursor rest = cursor_over(bytes_from(in, at));
    struct tds_walk w = {.value = TDS_VALUE_LENGTH};
    bool is_over = false;
    while (!is_over) {
        size_t needs;
        enum tds_pass pass =
            tds_value_pass(&w, (enum tds_class)value_class, &rest, &needs, &is_over);
        if (pass != TDS_PASSED || w.skip > 0)
            return in.len + 1;
    }
    return in.len - cursor_left(&rest);
}

/* The place behind values that follow one another. */
static inline size_t values_over(const uint8_t *classes, size_t count, struct bytes in, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        size_t value_class = classes[i];
        if (value_class <= TDS_FIXED_MAX) {
            at += value_class;
            continue;
        }
        if (at + 2 > in.len)
            return in.len + 1;
        size_t first = in.data[at], second = in.data[at + 1];
        if (value_class >= TDS_USUAL || value_class == TDS_BYTE)
            at += 1 + first;
        else if (value_class == TDS_SHORT && second != UINT8_MAX)
            at += 2 + (first | second << 8);
        else
            at = value_over((uint8_t)value_class, in, at);
    }
    return at;
}

size_t tds_values_over(const struct tds_row *row, size_t from, size_t to, struct bytes in,
                       size_t at)
{
    if (row->nulls_at == 0)
        return values_over(row->classes + from, to - from, in, at);
    for (size_t i = from; i < to && at <= in.len; i++) {
        unsigned nulls = in.data[row->nulls_at + i / 8];
        if (!(nulls >> i % 8 & 1))
            at = values_over(row->classes + i, 1, in, at);
    }
    return at;
}

bool tds_row_begin(struct tds_row *row, struct tds_row_tokens tokens, struct bytes in, size_t at)
{
    bool has_nulls = tokens.nulls > 0 && in.data[at] == tokens.nulls;
    row->nulls_at = has_nulls ? at + 1 : 0;
    row->begin = at + 1 + (has_nulls ? (row->count + 7) / 8 : 0);
    return has_nulls ? row->begin <= in.len : in.data[at] == tokens.plain;
}

uint64_t tds_rows_over(struct tds_columns *c, const struct tds_result *result,
                       struct tds_row_tokens tokens, struct cursor *in)
{
    struct tds_likeness *likeness = &c->likeness;
    struct bytes rest = cursor_rest(in);
    uint64_t rows = 0;
    size_t at = 0, end = 0;
    if (!likeness->is_known || likeness->of != result->at || likeness->of_count != result->count)
        learn(c, result, tokens.plain);
    struct tds_row row = {.classes = c->classes + result->at, .count = result->count};
    while (end < rest.len) {
        at = end;
        if (likeness->words_count > 0)
            end = at = alike_over(likeness, rest, at, &rows);
        if (at == rest.len || !tds_row_begin(&row, tokens, rest, at))
            break;
        end = tds_values_over(&row, 0, row.count, rest, row.begin);
        rows += end <= rest.len;
    }
    cursor_skip(in, end <= rest.len ? end : at);
    return rows;
}
