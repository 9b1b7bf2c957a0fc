/*
 * The customers in PostgreSQL's rows: which columns a RowDescription says to hold identifiers, and
 * their values in DataRows.  A row that is there as a whole is read where it lies; of one that is
 * cut, the values are read as they pass.  Formats need not be known: no identifier in binary form
 * looks like text.
 *
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
#include "analyzers/postgresql/postgresql_state.h"
#include "analyzers/subject.h"

enum {
    FIELD_REST = 18, /* bytes of a field behind its name */
    FIELD_NAME_MAX = PIECES_ITEM_MAX - FIELD_REST - 1,
    ROW_REST = 4, /* bytes of a value's length */
    COUNT_LEN = 2,
    NUMERIC_HEAD = 8,
    NUMERIC_WEIGHT_MAX = 6, /* groups of four digits before the point, less one */
    TYPE_OWN_MIN = 16384,   /* types that are not PostgreSQL's own */
};

/* Types whose values may be guessed. */
enum {
    TYPE_UNTOLD = 0,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_UNKNOWN = 705,
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
    TYPE_NUMERIC = 1700,
};

static uint8_t form_of(uint32_t type)
{
    switch (type) {
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_INT8:
        return POSTGRESQL_FORM_INTEGER;
    case TYPE_NUMERIC:
        return POSTGRESQL_FORM_NUMERIC;
    default:
        return POSTGRESQL_FORM_TEXT;
    }
}

static bool may_guess(uint32_t type)
{
    switch (type) {
    case TYPE_UNTOLD:
    case TYPE_INT8:
    case TYPE_TEXT:
    case TYPE_UNKNOWN:
    case TYPE_BPCHAR:
    case TYPE_VARCHAR:
    case TYPE_NUMERIC:
        return true;
    default:
        return type >= TYPE_OWN_MIN;
    }
}

/* Whether the value is text: in a binary format, a number has bytes that text of that form has not.
 */
static bool is_text(struct bytes value, enum postgresql_form form)
{
    bool has_letters = form != POSTGRESQL_FORM_INTEGER;
    if (form == POSTGRESQL_FORM_TEXT || value.len == 0)
        return true;
    if (form == POSTGRESQL_FORM_NUMERIC)
        return value.data[0] >= ' '; /* a numeric has few groups of digits */
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        bool is_digit = (c >= '0' && c <= '9') || c == '-';
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_digit && !(has_letters && is_letter))
            return false;
    }
    return true;
}

/* Groups of four digits, the first of them 10000 to the power of the weight. */
static bool read_numeric(struct bytes value, struct bytes *text, uint8_t room[POSTGRESQL_TEXT_MAX])
{
    struct cursor in = cursor_over(value);
    unsigned groups = cursor_be16(&in), weight = cursor_be16(&in), sign = cursor_be16(&in);
    cursor_skip(&in, 2);
    if (value.len != NUMERIC_HEAD + 2 * (size_t)groups || weight > NUMERIC_WEIGHT_MAX || sign != 0)
        return false;
    size_t len = 0;
    for (unsigned n = 0; n <= weight; n++) {
        unsigned group = n < groups ? cursor_be16(&in) : 0;
        for (unsigned part = 1000; part > 0; part /= 10) {
            uint8_t digit = (uint8_t)(group / part % 10);
            if (digit > 0 || len > 0)
                room[len++] = '0' + digit;
        }
    }
    *text = (struct bytes){room, len};
    return len > 0;
}

bool postgresql_value(struct bytes value, enum postgresql_form form, uint64_t *number,
                      struct bytes *text, uint8_t room[POSTGRESQL_TEXT_MAX])
{
    struct cursor in = cursor_over(value);
    bool is_number = value.len == 2 || value.len == 4 || value.len == 8;
    *text = value;
    if (form == POSTGRESQL_FORM_BINARY && !is_number) /* text, or a numeric */
        form = POSTGRESQL_FORM_NUMERIC;
    if (is_text(value, form))
        return false;
    switch (form == POSTGRESQL_FORM_NUMERIC ? 0 : value.len) {
    case 2:
        *number = cursor_be16(&in);
        return true;
    case 4:
        *number = cursor_be32(&in);
        return true;
    case 8:
        *number = cursor_be64(&in);
        return true;
    default:
        if (!read_numeric(value, text, room))
            *text = (struct bytes){NULL, 0};
        return false;
    }
}

static void take(struct exchange *x, struct request *r, struct columns *c, size_t n,
                 struct bytes value)
{
    uint8_t room[POSTGRESQL_TEXT_MAX];
    struct bytes text;
    uint64_t number;
    enum postgresql_form form = (enum postgresql_form)c->items[n].form;
    if (value.len > SUBJECT_VALUE_MAX)
        columns_miss(c, n);
    else if (postgresql_value(value, form, &number, &text, room))
        columns_take_number(x, r, c, n, number);
    else
        columns_take(x, r, c, n, text);
}

void postgresql_row_whole(struct exchange *x, struct request *r, struct cursor body)
{
    struct columns *c = &((struct postgresql *)x->state)->rows.columns;
    unsigned count = cursor_be16(&body);
    size_t next = 0;
    for (unsigned at = 0; at < count && next < c->count; at++) {
        uint32_t len = cursor_be32(&body);
        struct bytes value = cursor_take(&body, len == UINT32_MAX ? 0 : len);
        bool is_looked_at = c->items[next].at == at;
        if (is_looked_at && len != UINT32_MAX && !cursor_is_short(&body))
            take(x, r, c, next, value);
        next += is_looked_at;
    }
    if (cursor_is_short(&body))
        subject_drop_record(x, r);
    else
        columns_end_row(x, r, c);
}

bool postgresql_row_begin(struct exchange *x, const struct request *r)
{
    struct postgresql_rows *rows = &((struct postgresql *)x->state)->rows;
    if (rows->columns.is_known || !subject_is_on(x, SIDE_SERVER))
        return rows->columns.count > 0;
    const struct prepared_details *details =
        r && r->prepared ? prepared_details_find(x->prepared, x->connection, r->prepared) : NULL;
    if (details && details->columns.is_known)
        columns_recall(&rows->columns, &details->columns);
    else
        columns_guess(&rows->columns, POSTGRESQL_FORM_TEXT);
    return rows->columns.count > 0;
}

struct step postgresql_rows_pass(struct exchange *x, enum postgresql_passing passing,
                                 uint32_t body_len)
{
    struct postgresql_rows *rows = &((struct postgresql *)x->state)->rows;
    rows->passing = (uint8_t)passing;
    rows->left = rows->rest_len = body_len;
    rows->has_count = false;
    rows->at = rows->next = 0;
    rows->in_field = rows->is_quoted = false;
    pieces_begin(&rows->pieces);
    if (passing == POSTGRESQL_PASSING_FIELDS || rows->has_header)
        columns_begin(&rows->columns);
    return step_watched(body_len);
}

/* A message that passes is read item by item. */
struct passing {
    struct exchange *x;
    struct request *r;
    struct postgresql_rows *rows;
};

static size_t take_field(void *context, struct cursor *in, uint64_t *skip)
{
    struct passing *p = context;
    struct postgresql_rows *rows = p->rows;
    struct bytes rest = cursor_rest(in);
    (void)skip;
    if (!rows->has_count) {
        rows->has_count = rest.len >= COUNT_LEN;
        cursor_skip(in, rows->has_count ? COUNT_LEN : 0);
        return rows->has_count ? 0 : COUNT_LEN;
    }
    struct bytes front = bytes_first(rest, FIELD_NAME_MAX + 1);
    size_t len = bytes_index(front, 0);
    if (len == front.len)
        return len <= FIELD_NAME_MAX ? len + 1 : PIECES_BROKEN;
    if (rest.len < len + 1 + FIELD_REST)
        return len + 1 + FIELD_REST;
    struct bytes name = cursor_text(in);
    cursor_skip(in, 4 + 2); /* table, column of it */
    uint32_t type = cursor_be32(in);
    cursor_skip(in, 2 + 4 + 2); /* size, modifier, format */
    columns_add(&rows->columns, rows->at, subject_of_name(p->x, name), form_of(type),
                may_guess(type));
    rows->at = (uint16_t)(rows->at + (rows->at < UINT16_MAX));
    return 0;
}

static size_t take_column(void *context, struct cursor *in, uint64_t *skip)
{
    struct passing *p = context;
    struct postgresql_rows *rows = p->rows;
    struct columns *c = &rows->columns;
    size_t needs = rows->has_count ? ROW_REST : COUNT_LEN;
    struct cursor peek = *in;
    uint32_t len = rows->has_count ? cursor_be32(&peek) : cursor_be16(&peek);
    if (cursor_is_short(&peek))
        return needs;
    if (!rows->has_count) {
        rows->has_count = true;
        rows->count = (uint16_t)len;
        rows->rest_len -= COUNT_LEN;
        *in = peek;
        *skip = rows->count == 0 ? UINT64_MAX : 0;
        return 0;
    }
    uint32_t value_len = len == UINT32_MAX ? 0 : len;
    if (rows->rest_len < ROW_REST || value_len > rows->rest_len - ROW_REST)
        return PIECES_BROKEN;
    bool is_looked_at = rows->next < c->count && c->items[rows->next].at == rows->at;
    bool is_read = is_looked_at && len != UINT32_MAX && value_len <= SUBJECT_VALUE_MAX;
    if (is_looked_at && value_len > SUBJECT_VALUE_MAX)
        columns_miss(c, rows->next);
    if (is_read) {
        struct bytes value = cursor_take(&peek, value_len);
        if (cursor_is_short(&peek))
            return ROW_REST + value_len;
        take(p->x, p->r, c, rows->next, value);
        value_len = 0;
    }
    *in = peek;
    rows->rest_len -= ROW_REST + (len == UINT32_MAX ? 0 : len);
    rows->next = (uint8_t)(rows->next + is_looked_at);
    rows->at++;
    bool is_over = rows->next == c->count || rows->at == rows->count;
    *skip = is_over ? UINT64_MAX : value_len;
    return 0;
}

static size_t take_copied(void *context, struct cursor *in, uint64_t *skip)
{
    struct passing *p = context;
    (void)skip;
    return postgresql_copy_field(p->x, p->r, in);
}

/* Takes the Describe that is answered; its key is 0 where it is unknown. */
static struct postgresql_described answer(struct postgresql *s)
{
    struct postgresql_described first = s->described[0];
    bool is_answered = s->described_count > 0 && first.batch <= s->batches_answered + 1;
    if (!is_answered)
        return (struct postgresql_described){0};
    s->described_count--;
    memmove(s->described, s->described + 1, s->described_count * sizeof(s->described[0]));
    return first;
}

static void end_fields(struct exchange *x, struct postgresql *s)
{
    struct columns *c = &s->rows.columns;
    struct postgresql_described described = answer(s);
    c->is_known = !s->rows.pieces.is_broken;
    struct prepared_details *details =
        described.key ? prepared_details_touch(x->prepared, x->connection, described.key) : NULL;
    if (details && c->is_known)
        columns_keep(&details->columns, c);
    c->is_known = c->is_known && !described.is_statement;
    c->count = c->is_known ? c->count : 0;
}

static void end_row(struct exchange *x, struct request *r, struct postgresql_rows *rows)
{
    bool is_copied = rows->passing == POSTGRESQL_PASSING_COPY;
    if (is_copied && rows->has_header)
        rows->has_header = false;
    else if (!rows->pieces.is_broken && rows->pieces.kept_len == 0 &&
             (rows->has_count || is_copied))
        columns_end_row(x, r, &rows->columns);
    else
        subject_drop_record(x, r);
}

static size_t (*const takers[])(void *context, struct cursor *in, uint64_t *skip) = {
    [POSTGRESQL_PASSING_FIELDS] = take_field,
    [POSTGRESQL_PASSING_ROW] = take_column,
    [POSTGRESQL_PASSING_COPY] = take_copied,
};

void postgresql_watch(struct exchange *x, enum side side, struct bytes seen, uint64_t lost)
{
    struct postgresql *s = x->state;
    struct postgresql_rows *rows = &s->rows;
    struct passing passing = {x, pairing_first(x), rows};
    if (side != SIDE_SERVER || rows->passing == POSTGRESQL_PASSING_NOTHING)
        return;
    if (lost > 0)
        pieces_lose(&rows->pieces, lost);
    pieces_take(&rows->pieces, seen, takers[rows->passing], &passing);
    uint64_t passed = seen.len + lost;
    rows->left = passed < rows->left ? rows->left - (uint32_t)passed : 0;
    if (rows->left > 0)
        return;
    if (rows->passing == POSTGRESQL_PASSING_FIELDS)
        end_fields(x, s);
    else
        end_row(x, passing.r, rows);
    rows->passing = POSTGRESQL_PASSING_NOTHING;
}

void postgresql_no_rows(struct postgresql *s)
{
    (void)answer(s);
}

void postgresql_rows_end(struct postgresql *s)
{
    s->rows.columns.is_known = s->rows.is_copy = s->rows.has_header = false;
    s->rows.columns.count = 0;
}

void postgresql_rows_lose(struct exchange *x)
{
    struct postgresql *s = x->state;
    if (s->rows.passing != POSTGRESQL_PASSING_NOTHING)
        subject_drop_record(x, pairing_first(x));
    s->rows.passing = POSTGRESQL_PASSING_NOTHING;
    s->described_count = 0;
    postgresql_rows_end(s);
}
