/*
 * A guess is right where at least half of the first rows' values are of its kind.  The first values
 * cannot wait until all of them have passed: one counts while the guess holds so far.
 */
#include "analyzers/sql/columns.h"

#include "analyzers/subject.h"

#include <inttypes.h>
#include <stdio.h>

enum { GUESSED_MIN = 6 /* bytes of a value: no identifier is shorter */, NUMBER_MAX = 24 };

void columns_begin(struct columns *c)
{
    c->is_known = true;
    c->count = c->named_count = c->guessed_count = c->rows = 0;
}

static void add(struct columns *c, size_t at, uint8_t kind, uint8_t form)
{
    c->items[c->count] = (struct column){(uint16_t)at, kind, form};
    c->hits[c->count] = c->seen[c->count] = 0;
    c->count++;
}

void columns_add(struct columns *c, size_t at, enum subject_kind kind, uint8_t form, bool may_guess)
{
    bool is_named = kind != SUBJECT_NONE && c->named_count < COLUMNS_NAMED_MAX;
    bool is_guessed = kind == SUBJECT_NONE && may_guess && c->guessed_count < COLUMNS_GUESSED_MAX;
    if (at >= COLUMNS_AT_MAX || (!is_named && !is_guessed))
        return;
    c->named_count += is_named;
    c->guessed_count += is_guessed;
    add(c, at, (uint8_t)kind, form);
}

void columns_guess(struct columns *c, uint8_t form)
{
    columns_begin(c);
    for (size_t at = 0; at < COLUMNS_GUESSED_MAX; at++)
        add(c, at, SUBJECT_NONE, form);
    c->guessed_count = COLUMNS_GUESSED_MAX;
}

void columns_keep(struct columns_kept *kept, const struct columns *c)
{
    size_t guesses_left = (size_t)COLUMNS_NAMED_MAX - c->named_count;
    kept->is_known = c->is_known;
    kept->count = 0;
    for (size_t n = 0; n < c->count; n++) {
        bool is_named = c->items[n].kind != SUBJECT_NONE;
        if (!is_named && guesses_left == 0)
            continue;
        guesses_left -= !is_named;
        kept->items[kept->count++] = c->items[n];
    }
}

void columns_recall(struct columns *c, const struct columns_kept *kept)
{
    columns_begin(c);
    for (size_t n = 0; n < kept->count; n++) {
        const struct column *column = &kept->items[n];
        bool is_named = column->kind != SUBJECT_NONE;
        add(c, column->at, column->kind, column->form);
        c->named_count += is_named;
        c->guessed_count += !is_named;
    }
}

/* What a value is by the guess so far; SUBJECT_NONE: not to be counted. */
static enum subject_kind guess(const struct exchange *x, struct columns *c, size_t n,
                               struct bytes value)
{
    struct column *column = &c->items[n];
    bool may_be = value.len >= GUESSED_MIN && value.len <= SUBJECT_VALUE_MAX;
    enum subject_kind kind = may_be ? subject_recognise(x, value) : SUBJECT_NONE;
    c->seen[n]++;
    if (kind == SUBJECT_NONE)
        return kind;
    if (c->hits[n] == 0)
        column->kind = (uint8_t)kind;
    bool is_same = column->kind == kind;
    c->hits[n] = (uint8_t)(c->hits[n] + is_same);
    return is_same && c->hits[n] * 2 >= c->seen[n] ? kind : SUBJECT_NONE;
}

static bool is_guessed(const struct columns *c, size_t n)
{
    return c->items[n].kind == SUBJECT_NONE || c->hits[n] > 0;
}

void columns_take(struct exchange *x, struct request *r, struct columns *c, size_t n,
                  struct bytes value)
{
    enum subject_kind kind =
        is_guessed(c, n) ? guess(x, c, n, value) : (enum subject_kind)c->items[n].kind;
    if (r && kind != SUBJECT_NONE && value.len <= SUBJECT_VALUE_MAX)
        subject_tell(x, r, kind, value);
}

void columns_miss(struct columns *c, size_t n)
{
    c->seen[n] = (uint8_t)(c->seen[n] + is_guessed(c, n));
}

void columns_take_number(struct exchange *x, struct request *r, struct columns *c, size_t n,
                         uint64_t value)
{
    if (is_guessed(c, n)) {
        char text[NUMBER_MAX];
        int len = snprintf(text, sizeof(text), "%" PRIu64, value);
        columns_take(x, r, c, n, (struct bytes){(const uint8_t *)text, (size_t)len});
    } else if (r) {
        subject_tell_number(x, r, (enum subject_kind)c->items[n].kind, value);
    }
}

/* Enough rows have passed: guesses are known to be right, or are given up. */
static void settle(struct columns *c)
{
    size_t left = 0;
    for (size_t n = 0; n < c->count; n++) {
        if (is_guessed(c, n) && (c->hits[n] == 0 || c->hits[n] * 2 < c->seen[n]))
            continue;
        c->items[left] = c->items[n];
        c->hits[left++] = 0;
    }
    c->count = (uint8_t)left;
    c->guessed_count = 0;
}

void columns_end_row(struct exchange *x, struct request *r, struct columns *c)
{
    if (r)
        subject_end_record(x, r);
    if (c->guessed_count > 0 && ++c->rows == COLUMNS_ROWS_GUESSED)
        settle(c);
}
