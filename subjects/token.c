/*
 * A token may hold more than one identifier, and what is none: "2026-01-05 070-123 45 67".  Groups
 * of digits are put together, as many as can be first.
 */
#include "subjects/identifier.h"

#include "subjects/digits.h"

enum {
    GROUPS_MAX = 8,    /* of digits in one identifier */
    DIGITS_MIN = 8,    /* in an identifier */
    DIGITS_MAX = 20,   /* likewise */
    BETWEEN_MAX = 2,   /* characters between two groups */
    IBAN_GROUPED = 42, /* bytes of the longest, in groups of four */
};

/* The group of digits that begins at `at`; returns its end. */
static size_t group_end(struct bytes token, size_t at)
{
    while (at < token.len && digit_is(token.data[at]))
        at++;
    return at;
}

/* Where the next group begins, at or behind `at`; the token's length where there is none. */
static size_t group_next(struct bytes token, size_t at)
{
    while (at < token.len && !digit_is(token.data[at]))
        at++;
    return at;
}

/* Where the number that begins with the group at `at` may end: behind each of its groups. */
static size_t find_ends(struct bytes token, size_t at, size_t ends[GROUPS_MAX])
{
    size_t count = 0, digits = 0;
    while (count < GROUPS_MAX) {
        size_t end = group_end(token, at);
        digits += end - at;
        if (digits > DIGITS_MAX)
            break;
        ends[count++] = end;
        at = group_next(token, end);
        bool is_plus = at < token.len &&
                       bytes_index(bytes_first(bytes_from(token, end), at - end), '+') < at - end;
        /* "(0)" stands in +46 (0)70 with blanks around it */
        if (at == token.len || at - end > BETWEEN_MAX || is_plus)
            break;
    }
    return count;
}

/* Whether a number may begin, or end, at that place: a '.', '-' or '/' that stands right between it
 * and another digit makes it a part of something else. */
static bool is_edge(struct bytes token, size_t at, size_t sign, size_t other)
{
    if (at == 0 || at == token.len)
        return true;
    uint8_t c = token.data[sign];
    return (c != '.' && c != '-' && c != '/') || other >= token.len || !digit_is(token.data[other]);
}

/* Whether four digits stand beside what is taken for a card's number in fours: then it is a part of
 * something longer, as an IBAN. */
static bool goes_on(struct bytes token, size_t at, size_t end)
{
    size_t next = group_next(token, end), before = at;
    if (next < token.len && next == end + 1 && group_end(token, next) == next + 4)
        return true;
    while (before > 1 && at - before < 4 && digit_is(token.data[before - 2]))
        before--;
    return at - before == 4;
}

/* With the plus before it. */
static struct bytes span(struct bytes token, size_t at, size_t end)
{
    size_t from = at > 0 && token.data[at - 1] == '+' ? at - 1 : at;
    return bytes_first(bytes_from(token, from), end - from);
}

static bool take_number(struct identifier *id, const struct countries *c, struct bytes *token)
{
    size_t at = group_next(*token, 0);
    while (at < token->len) {
        size_t ends[GROUPS_MAX], count = find_ends(*token, at, ends);
        if (!is_edge(*token, at, at - 1, at - 2))
            count = 0;
        for (size_t i = count; i-- > 0;) {
            if (ends[i] - at < DIGITS_MIN || !is_edge(*token, ends[i], ends[i], ends[i] + 1) ||
                !identifier_recognise(id, c, span(*token, at, ends[i])) ||
                id->kind == SUBJECT_HETU || /* a token of its own */
                (id->kind == SUBJECT_CARD && goes_on(*token, at, ends[i])))
                continue;
            *token = bytes_from(*token, ends[i]);
            return true;
        }
        at = group_next(*token, group_end(*token, at));
    }
    return false;
}

/* From each place that could be a country and its check digits. */
static bool take_iban(struct identifier *id, const struct countries *c, struct bytes *token)
{
    struct bytes rest = *token;
    for (; rest.len >= 4; rest = bytes_from(rest, 1)) {
        size_t len = identifier_iban_len(bytes_first(rest, IBAN_GROUPED));
        bool is_inside = rest.len < token->len && token->data[token->len - rest.len - 1] != ' ';
        bool is_cut = len < rest.len && len > 0 && rest.data[len] != ' ';
        if (len == 0 || is_inside || is_cut || !identifier_recognise(id, c, bytes_first(rest, len)))
            continue;
        *token = bytes_from(rest, len);
        return true;
    }
    return false;
}

static bool take_mail(struct identifier *id, const struct countries *c, struct bytes *token)
{
    struct bytes text = *token;
    while (text.len > 0 && (text.data[text.len - 1] == '.' || text.data[text.len - 1] == '-'))
        text.len--;
    while (text.len > 0 && (text.data[0] == '.' || text.data[0] == '-' || text.data[0] == '%'))
        text = bytes_from(text, 1);
    *token = (struct bytes){NULL, 0};
    return identifier_recognise(id, c, text);
}

static bool take_hetu(struct identifier *id, const struct countries *c, struct bytes *token)
{
    enum { LEN = 11 };
    struct bytes text = *token;
    *token = (struct bytes){NULL, 0};
    if (text.len < LEN)
        return false;
    size_t before = text.len - LEN;
    bool is_inside = before > 0 && digit_is(text.data[before - 1]);
    return !is_inside && identifier_recognise(id, c, bytes_from(text, before)) &&
           id->kind == SUBJECT_HETU;
}

bool identifier_take(struct identifier *id, const struct countries *c, enum token kind,
                     struct bytes *token)
{
    switch (kind) {
    case TOKEN_NUMBER:
        return take_number(id, c, token);
    case TOKEN_MAIL:
        return take_mail(id, c, token);
    case TOKEN_HETU:
        return take_hetu(id, c, token);
    case TOKEN_IBAN:
        return take_iban(id, c, token);
    case TOKENS_COUNT:
        break;
    }
    return false;
}
