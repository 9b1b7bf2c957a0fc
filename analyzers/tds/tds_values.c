/*
 * A row that is there whole is read where it lies; of others, the values that are looked at are
 * waited for one by one.
 */
#include "analyzers/tds/tds_values.h"

#include "analyzers/subject.h"
#include "analyzers/tds/tds_text.h"

enum {
    TYPE_INT8 = 0x7f,
    CHUNK_HEAD = 12, /* bytes before the first chunk: the length of all, that of the chunk */
    CHUNK_END = 4,
    DECIMAL_WORDS = 4, /* of 32 bits */
    DECIMAL_PART = 1000000000,
    DIGITS_MAX = 40,
};

enum tds_form tds_form_of(const struct tds_walk *w)
{
    switch (w->type) {
    case 0x27: /* VARCHAR, CHAR, of old too */
    case 0x2f:
    case 0xa7:
    case 0xaf:
        return TDS_FORM_TEXT;
    case 0xe7: /* NVARCHAR, NCHAR */
    case 0xef:
        return TDS_FORM_WIDE;
    case 0x26: /* INTN, INT2, INT4, INT8 */
    case 0x34:
    case 0x38:
    case TYPE_INT8:
        return TDS_FORM_INTEGER;
    case 0x37: /* DECIMAL, NUMERIC */
    case 0x3f:
    case 0x6a:
    case 0x6c:
        return w->scale == 0 ? TDS_FORM_DECIMAL : TDS_FORM_NONE;
    default:
        return TDS_FORM_NONE;
    }
}

/* Whether a column without a telling name may hold identifiers. */
static bool may_guess(const struct tds_walk *w)
{
    if (w->form != TDS_FORM_INTEGER)
        return w->form != TDS_FORM_NONE;
    return w->type == TYPE_INT8 || w->usual_len == sizeof(uint64_t);
}

/* Bytes of a value before its letters. */
static size_t head_len(uint8_t value_class)
{
    if (value_class <= TDS_FIXED_MAX)
        return 0;
    switch (value_class) {
    case TDS_SHORT:
        return 2;
    case TDS_LONG:
        return 4;
    case TDS_CHUNKED:
        return CHUNK_HEAD;
    case TDS_POINTED:
        return 0;
    default:
        return 1;
    }
}

/* The length that the head tells; SIZE_MAX: it is NULL, or none that is read. */
static size_t told_len(uint8_t value_class, struct bytes head)
{
    struct cursor in = cursor_over(head);
    if (value_class <= TDS_FIXED_MAX)
        return value_class;
    if (value_class == TDS_POINTED)
        return SIZE_MAX;
    cursor_skip(&in, value_class == TDS_CHUNKED ? 8 : 0);
    size_t len = value_class == TDS_SHORT                                ? cursor_le16(&in)
                 : value_class == TDS_LONG || value_class == TDS_CHUNKED ? cursor_le32(&in)
                                                                         : cursor_u8(&in);
    size_t null_len = value_class == TDS_SHORT ? UINT16_MAX : UINT32_MAX;
    return cursor_is_short(&in) || len == null_len ? SIZE_MAX : len;
}

/* The digits of a number, the lowest word first. */
static struct bytes print_number(uint32_t *words, size_t count, char *room)
{
    size_t at = DIGITS_MAX;
    while (count > 0 && words[count - 1] == 0)
        count--;
    while (count > 0) {
        uint64_t rest = 0;
        for (size_t n = count; n > 0; n--) {
            rest = rest << 32 | words[n - 1];
            words[n - 1] = (uint32_t)(rest / DECIMAL_PART);
            rest %= DECIMAL_PART;
        }
        while (count > 0 && words[count - 1] == 0)
            count--;
        uint32_t part = (uint32_t)rest;
        for (int digits = 9; at > 0 && digits > 0 && (count > 0 || part > 0); digits--) {
            room[--at] = (char)('0' + part % 10);
            part /= 10;
        }
    }
    return (struct bytes){(const uint8_t *)room + at, DIGITS_MAX - at};
}

/* A whole number; what is negative is no identifier. */
static struct bytes number_text(struct bytes value, enum tds_form form, char *room)
{
    struct cursor in = cursor_over(value);
    uint32_t words[DECIMAL_WORDS] = {0};
    bool is_negative = form == TDS_FORM_DECIMAL ? cursor_u8(&in) == 0
                                                : value.len > 0 && value.data[value.len - 1] & 0x80;
    size_t len = cursor_left(&in);
    if (is_negative || len > sizeof(words))
        return (struct bytes){NULL, 0};
    for (size_t n = 0; n < len; n++)
        words[n / 4] |= (uint32_t)cursor_u8(&in) << 8 * (n % 4);
    return print_number(words, (len + 3) / 4, room);
}

/* A value as it is sent, with its head. */
static void read_value(struct bytes raw, uint8_t value_class, enum tds_form form,
                       struct tds_value_text *v)
{
    size_t len = told_len(value_class, raw);
    struct bytes value = bytes_from(raw, head_len(value_class));
    v->text = (struct bytes){NULL, 0};
    if (len == SIZE_MAX || value.len < len || form == TDS_FORM_NONE)
        return;
    struct cursor end = cursor_over(bytes_from(value, len));
    if (value_class == TDS_CHUNKED && (cursor_le32(&end) != 0 || cursor_is_short(&end)))
        return; /* more chunks: it is long */
    value = bytes_first(value, len);
    if (form == TDS_FORM_TEXT || len > TDS_VALUE_MAX)
        v->text = bytes_trim(value);
    else if (form == TDS_FORM_WIDE)
        v->text = bytes_trim(tds_utf8(value, v->room, sizeof(v->room)));
    else
        v->text = number_text(value, form, v->room);
}

bool tds_value_look(const struct tds_reading *r, uint8_t value_class, enum tds_form form,
                    struct tds_value_text *v, size_t *needs)
{
    struct bytes raw;
    size_t head = head_len(value_class);
    v->text = (struct bytes){NULL, 0};
    if (!tds_look(r, head, v->raw, &raw, needs))
        return false;
    size_t len = told_len(value_class, raw);
    if (len > TDS_VALUE_MAX)
        return true;
    if (!tds_look(r, head + len + (value_class == TDS_CHUNKED ? CHUNK_END : 0), v->raw, &raw,
                  needs))
        return false;
    read_value(raw, value_class, form, v);
    return true;
}

bool tds_name_look(const struct tds_reading *r, size_t behind, struct tds_value_text *v,
                   size_t *needs)
{
    uint8_t room[4 + 1 + 2 * UINT8_MAX];
    struct bytes name;
    v->text = (struct bytes){NULL, 0};
    if (!tds_look(r, behind + 1, room, &name, needs))
        return false;
    size_t len = name.len > behind ? 2 * (size_t)name.data[behind] : 0;
    if (len > TDS_VALUE_MAX)
        return true;
    if (!tds_look(r, behind + 1 + len, room, &name, needs))
        return false;
    v->text = tds_utf8(bytes_from(name, behind + 1), v->room, sizeof(v->room));
    return true;
}

bool tds_column_look(struct tds_reading *r, size_t *needs)
{
    struct tds_value_text v;
    const struct tds_walk *w = r->walk;
    if (w->id > 0 || w->form == TDS_FORM_NONE || !subject_is_on(r->x, SIDE_SERVER))
        return true;
    if (!tds_name_look(r, 0, &v, needs))
        return false;
    enum subject_kind kind = v.text.len > 0 ? subject_of_name(r->x, v.text) : SUBJECT_NONE;
    columns_add(&r->session->columns, w->column, kind, w->form, may_guess(w));
    return true;
}

static void take(struct tds_reading *r, size_t n, struct bytes text)
{
    struct columns *c = &r->session->columns;
    if (text.len > SUBJECT_VALUE_MAX)
        columns_miss(c, n);
    else if (text.len > 0)
        columns_take(r->x, r->request, c, n, text);
}

/* --- rows that are there whole */

/* Where the values that are looked at lie in a row. */
struct places {
    size_t begin[COLUMNS_MAX], end[COLUMNS_MAX]; /* the same: NULL */
};

/* The place behind the row; beyond in.len where it is not there whole. */
static size_t find_places(const struct columns *c, const struct tds_row *row, struct bytes in,
                          size_t at, struct places *places)
{
    size_t next = 0;
    for (size_t n = 0; n < c->count; n++) {
        size_t column = c->items[n].at < row->count ? c->items[n].at : row->count;
        at = tds_values_over(row, next, column, in, at);
        next = column < row->count ? column + 1 : column;
        places->begin[n] = at;
        at = at <= in.len ? tds_values_over(row, column, next, in, at) : at;
        places->end[n] = at;
        if (at > in.len)
            return at;
    }
    return tds_values_over(row, next, row->count, in, at);
}

static void take_row(struct tds_reading *r, const struct tds_row *row, struct bytes in,
                     const struct places *places)
{
    struct columns *c = &r->session->columns;
    struct tds_value_text v;
    for (size_t n = 0; n < c->count; n++) {
        if (places->begin[n] == places->end[n])
            continue;
        struct bytes raw = bytes_from(bytes_first(in, places->end[n]), places->begin[n]);
        read_value(raw, row->classes[c->items[n].at], (enum tds_form)c->items[n].form, &v);
        take(r, n, v.text);
    }
    columns_end_row(r->x, r->request, c);
}

uint64_t tds_rows_read(struct tds_reading *r, const struct tds_result *result,
                       struct tds_row_tokens tokens, struct cursor *in)
{
    const struct columns *c = &r->session->columns;
    struct tds_row row = {.classes = r->s->columns.classes + result->at, .count = result->count};
    struct bytes rest = cursor_rest(in);
    struct places places;
    uint64_t rows = 0;
    size_t at = 0;
    while (at < rest.len && c->count > 0 && tds_row_begin(&row, tokens, rest, at)) {
        size_t end = find_places(c, &row, rest, row.begin, &places);
        if (end > rest.len)
            break;
        take_row(r, &row, rest, &places);
        at = end;
        rows++;
    }
    cursor_skip(in, at);
    return rows;
}

/* --- a row that is not */

bool tds_row_look(struct tds_reading *r, const struct tds_result *result, size_t *stop,
                  size_t *needs)
{
    const struct columns *c = &r->session->columns;
    const struct tds_walk *w = r->walk;
    struct tds_value_text v;
    size_t n = 0;
    while (n < c->count && c->items[n].at < w->column)
        n++;
    bool is_looked_at = n < c->count && c->items[n].at == w->column;
    size_t next = is_looked_at ? n + 1 : n;
    *stop =
        next < c->count && c->items[next].at < result->count ? c->items[next].at : result->count;
    uint8_t value_class = r->s->columns.classes[result->at + w->column];
    if (!is_looked_at || w->value != TDS_VALUE_LENGTH || w->carry_len > 0 || value_class & TDS_NULL)
        return true;
    if (!tds_value_look(r, value_class, (enum tds_form)c->items[n].form, &v, needs))
        return false;
    take(r, n, v.text);
    return true;
}
