/*
 * CSV (RFC 4180): columns by the names in the first row.  Where none of them says anything, rows
 * are read as text.
 */
#include "analyzers/http/body_subjects.h"

static bool is_delimiter(const struct subjects_csv *c, uint8_t byte)
{
    if (c->delimiter)
        return byte == c->delimiter;
    return byte == ',' || byte == ';' || byte == '\t' || byte == '|';
}

static uint8_t *column_kind(struct subjects_csv *c)
{
    return c->column < SUBJECTS_COLUMNS_MAX ? &c->kinds[c->column] : NULL;
}

static void field_end(struct body_subjects *b)
{
    struct subjects_csv *c = &b->csv;
    uint8_t *kind = column_kind(c);
    struct bytes text = bytes_trim(subjects_value_text(&c->value));
    if (c->is_first_row) {
        bool is_number = text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9';
        c->has_number = c->has_number || is_number;
        if (kind)
            *kind = (uint8_t)world_name(b->world, text);
    } else if (kind && *kind != SUBJECT_NONE) {
        body_subjects_value(b, (enum subject_kind) * kind, text);
    }
    subjects_value_forget(&c->value);
    c->in_field = c->in_quotes = c->is_quote_open = false;
    c->column = (uint16_t)(c->column + (c->column < UINT16_MAX));
}

/* Behind the first row, it is known whether it was one of names. */
static void header_end(struct subjects_csv *c)
{
    bool is_header =
        c->header == CSV_HEADER_ALWAYS || (c->header == CSV_HEADER_BY_SHAPE && !c->has_number);
    c->is_first_row = false;
    for (size_t i = 0; i < SUBJECTS_COLUMNS_MAX; i++) {
        c->kinds[i] = is_header ? c->kinds[i] : SUBJECT_NONE;
        c->is_told = c->is_told || c->kinds[i] != SUBJECT_NONE;
    }
}

static void row_end(struct body_subjects *b)
{
    struct subjects_csv *c = &b->csv;
    bool is_blank = c->column == 0 && c->value.len == 0 && !c->in_field;
    if (!is_blank)
        field_end(b);
    c->column = 0;
    c->in_field = false;
    if (c->is_first_row && !is_blank)
        header_end(c);
    body_subjects_end_record(b);
}

/* Bytes that may mean something outside of quotes. */
static const bool is_sign[256] = {[','] = true, [';'] = true,  ['\t'] = true, ['|'] = true,
                                  ['"'] = true, ['\n'] = true, ['\r'] = true};

static bool is_wanted(const struct subjects_csv *c)
{
    return c->is_first_row ||
           (c->column < SUBJECTS_COLUMNS_MAX && c->kinds[c->column] != SUBJECT_NONE);
}

/* Bytes of a field, outside of quotes. */
static void plain_take(struct body_subjects *b, struct bytes run)
{
    struct subjects_csv *c = &b->csv;
    b->in_record = true;
    for (size_t i = 0; i < run.len && !c->in_field; i++)
        c->in_field = run.data[i] != ' ';
    if (is_wanted(c))
        subjects_value_add(&c->value, run);
}

/* Takes off the rest of a field, or a part of it, in quotes. */
static struct bytes quoted_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_csv *c = &b->csv;
    if (c->is_quote_open) {
        c->is_quote_open = false;
        c->in_quotes = piece.data[0] == '"';
        if (!c->in_quotes)
            return piece;
        subjects_value_add(&c->value, bytes_first(piece, 1));
        return bytes_from(piece, 1);
    }
    size_t len = bytes_index(piece, '"');
    if (is_wanted(c))
        subjects_value_add(&c->value, bytes_first(piece, len));
    c->is_quote_open = len < piece.len;
    return bytes_from(piece, len + 1);
}

/* Takes off what stands outside of quotes, up to a row's end at most; true where one is. */
static bool unquoted_take(struct body_subjects *b, struct bytes *piece)
{
    struct subjects_csv *c = &b->csv;
    while (piece->len > 0 && !c->in_quotes) {
        size_t len = 0;
        while (len < piece->len && !is_sign[piece->data[len]])
            len++;
        if (len > 0)
            plain_take(b, bytes_first(*piece, len));
        struct bytes sign = bytes_first(bytes_from(*piece, len), 1);
        *piece = bytes_from(*piece, len + 1);
        if (sign.len == 0)
            return false;
        if (sign.data[0] == '\n' || sign.data[0] == '\r')
            return true;
        if (sign.data[0] == '"' && !c->in_field) {
            b->in_record = c->in_field = c->in_quotes = true;
        } else if (is_delimiter(c, sign.data[0])) {
            b->in_record = true;
            c->delimiter = sign.data[0];
            field_end(b);
        } else {
            plain_take(b, sign);
        }
    }
    return false;
}

/* Whether a row begins of which nothing but its text is of use. */
static bool is_at_text(const struct subjects_csv *c)
{
    return !c->is_told && !c->is_first_row && !c->has_quotes && c->delimiter && c->column == 0 &&
           !c->in_field;
}

/* Takes off such a row, where it is whole and without quotes: its fields need not be found.  False
 * where it is not; *len tells up to where that holds. */
static bool row_take(struct body_subjects *b, struct bytes *piece, size_t *len)
{
    *len = bytes_index(*piece, '\n');
    struct bytes row = bytes_first(*piece, *len);
    size_t end = bytes_index(row, '\r');
    b->csv.has_quotes = bytes_index(row, '"') < *len;
    if (*len == piece->len || end + 1 < *len || b->csv.has_quotes)
        return false;
    b->in_record = end > 0;
    body_subjects_text(b, bytes_first(row, end), true);
    body_subjects_end_record(b);
    *piece = bytes_from(*piece, *len + 1);
    return true;
}

void subjects_csv_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_csv *c = &b->csv;
    struct bytes unread = piece;  /* by recognition */
    size_t slow_until = SIZE_MAX; /* bytes left, where rows may be taken as a whole again */
    while (piece.len > 0) {
        size_t len = 0;
        if (piece.len <= slow_until && is_at_text(c)) {
            if (row_take(b, &piece, &len)) {
                unread = piece;
                continue;
            }
            slow_until = piece.len - len;
        }
        if (c->in_quotes) {
            piece = quoted_take(b, piece);
            continue;
        }
        if (!unquoted_take(b, &piece))
            continue;
        if (!c->is_told)
            body_subjects_text(b, bytes_first(unread, unread.len - piece.len - 1), true);
        unread = piece;
        row_end(b);
    }
    if (!c->is_told && unread.len > 0)
        body_subjects_text(b, unread, false);
}

void subjects_csv_end(struct body_subjects *b)
{
    body_subjects_text(b, (struct bytes){NULL, 0}, true);
    row_end(b);
}
