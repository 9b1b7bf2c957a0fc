/*
 * The customers in MySQL's rows: which columns their definitions say to hold identifiers, and their
 * values in rows, of the text and the binary protocol.  A row that is there as a whole is read
 * where it lies; of one that is cut, the values are read as they pass.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html
 */
#include "analyzers/mysql/mysql_state.h"
#include "analyzers/subject.h"

enum {
    NULLS_AT = 2, /* bits of a binary row's before the first column's */
    NULLS_READ = (PREPARED_TYPES_MAX + 9) / 8, /* bytes */
    FIXED_LEN = 12,                            /* bytes of a definition's end, behind its length */
    CHARSET_BINARY = 63,
    NAME_MAX_LEN = 64, /* bytes of a column's name; a longer one tells nothing */
};

/* Parts of a definition. */
enum { PART_NAME = 4, PART_ORIGIN = 5, PART_REST = 6 };

static bool may_guess(uint8_t type, uint16_t charset)
{
    switch (type) {
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
        return true;
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_STRING:
        return charset != CHARSET_BINARY;
    default:
        return false;
    }
}

void mysql_define(struct mysql *s, uint64_t key, uint32_t ignored)
{
    struct mysql_rows *rows = &s->rows;
    columns_begin(&rows->columns);
    rows->columns.is_known = false;
    rows->has_types = false;
    rows->key = key;
    rows->at = 0;
    rows->ignored = (uint16_t)(ignored < UINT16_MAX ? ignored : UINT16_MAX);
}

/* Whether rows of r have to be looked at. */
static bool begin_rows(struct exchange *x, const struct request *r)
{
    struct mysql_rows *rows = &((struct mysql *)x->state)->rows;
    rows->is_binary = r && r->mark & MYSQL_BINARY;
    if (rows->columns.is_known || !subject_is_on(x, SIDE_SERVER))
        return rows->columns.is_known && rows->columns.count > 0;
    const struct prepared_details *details =
        r && r->prepared ? prepared_details_find(x->prepared, x->connection, r->prepared) : NULL;
    if (details && details->columns.is_known) {
        columns_recall(&rows->columns, &details->columns);
        memcpy(rows->types, details->column_types, sizeof(rows->types));
        rows->has_types = true;
    } else if (rows->is_binary) {
        columns_begin(&rows->columns);
    } else {
        columns_guess(&rows->columns, MYSQL_TYPE_VAR_STRING);
    }
    return rows->columns.count > 0;
}

void mysql_look(struct exchange *x, const struct request *r, enum mysql_passing passing)
{
    struct mysql_rows *rows = &((struct mysql *)x->state)->rows;
    bool is_looked_at =
        passing == MYSQL_PASSING_ROW ? begin_rows(x, r) : subject_is_on(x, SIDE_SERVER);
    if (passing == MYSQL_PASSING_DEFINITION && rows->ignored > 0) {
        rows->ignored--;
        is_looked_at = false;
    }
    rows->passing = is_looked_at ? (uint8_t)passing : MYSQL_PASSING_NOTHING;
}

static void begin_packet(struct mysql_rows *rows, uint32_t len)
{
    pieces_begin(&rows->pieces);
    rows->left = rows->len = len;
    rows->taken = 0;
    rows->part = rows->next = 0;
    rows->kind = SUBJECT_NONE;
    rows->has_nulls = false;
    if (rows->passing == MYSQL_PASSING_ROW)
        rows->at = 0;
}

struct step mysql_pass(struct exchange *x, struct bytes first, uint32_t rest_len)
{
    struct mysql_rows *rows = &((struct mysql *)x->state)->rows;
    if (rows->passing == MYSQL_PASSING_NOTHING)
        return step_taken(rest_len);
    begin_packet(rows, (uint32_t)first.len + rest_len);
    if (first.len > 0)
        mysql_watch(x, SIDE_SERVER, first, 0);
    return rest_len > 0 ? step_watched(rest_len) : step_taken(0);
}

/* A text row as take_text reads it, in one go. */
static void take_text_row(struct exchange *x, struct request *r, struct columns *c,
                          struct bytes body)
{
    struct cursor in = cursor_over(body);
    size_t next = 0;
    for (size_t at = 0; next < c->count && cursor_left(&in) > 0; at++) {
        bool is_looked_at = c->items[next].at == at, is_null = *in.at == MYSQL_NULL;
        struct bytes value = is_null ? cursor_take(&in, 1) : mysql_text(&in);
        if (is_looked_at && !is_null && !cursor_is_short(&in))
            columns_take(x, r, c, next, value);
        next += is_looked_at;
    }
    if (cursor_is_short(&in))
        subject_drop_record(x, r);
    else
        columns_end_row(x, r, c);
}

bool mysql_row_whole(struct exchange *x, struct request *r, struct bytes body)
{
    struct mysql_rows *rows = &((struct mysql *)x->state)->rows;
    if (!begin_rows(x, r))
        return false;
    if (rows->is_binary) {
        rows->passing = MYSQL_PASSING_ROW;
        (void)mysql_pass(x, body, 0);
    } else {
        take_text_row(x, r, &rows->columns, body);
    }
    return true;
}

void mysql_rows_lose(struct exchange *x, bool is_same_result)
{
    struct mysql_rows *rows = &((struct mysql *)x->state)->rows;
    if (rows->passing == MYSQL_PASSING_ROW)
        subject_drop_record(x, pairing_first(x));
    rows->passing = MYSQL_PASSING_NOTHING;
    if (!is_same_result)
        mysql_define(x->state, 0, 0);
}

/* A packet that passes is read item by item. */
struct passing {
    struct exchange *x;
    struct request *r;
    struct mysql_rows *rows;
};

static size_t len_of_len(uint8_t first)
{
    switch (first) {
    case 0xfc:
        return 1 + 2;
    case 0xfd:
        return 1 + 3;
    case 0xfe:
        return 1 + 8;
    case 0xff:
        return PIECES_BROKEN;
    default:
        return 1;
    }
}

/* The length of a text; false where not all of it is there: *needs says how much it is. */
static bool read_len(struct cursor *in, uint64_t *len, bool *is_null, size_t *needs)
{
    uint8_t first = *in->at;
    *is_null = first == MYSQL_NULL;
    *needs = len_of_len(first);
    *len = 0;
    if (cursor_left(in) < *needs)
        return false;
    if (*is_null)
        cursor_skip(in, 1);
    else
        *len = mysql_number(in);
    return true;
}

static void end_definition(struct mysql_rows *rows, struct cursor *in)
{
    cursor_skip(in, 1);
    uint16_t charset = cursor_le16(in);
    cursor_skip(in, 4);
    uint8_t type = cursor_u8(in);
    cursor_skip(in, FIXED_LEN - 7);
    columns_add(&rows->columns, rows->at, (enum subject_kind)rows->kind, type,
                may_guess(type, charset));
    if (rows->at < PREPARED_TYPES_MAX)
        rows->types[rows->at] = type;
}

/* Its texts, of which two are names, and its end, before which MariaDB may put another text. */
static size_t take_definition(void *context, struct cursor *in, uint64_t *skip)
{
    struct passing *p = context;
    struct mysql_rows *rows = p->rows;
    struct cursor peek = *in;
    size_t before = cursor_left(in), needs;
    uint64_t len;
    bool is_null;
    uint32_t left = rows->len - rows->taken;
    if (rows->part >= PART_REST && left == 1 + FIXED_LEN) {
        if (before < 1 + FIXED_LEN)
            return 1 + FIXED_LEN;
        end_definition(rows, in);
        rows->taken += 1 + FIXED_LEN;
        return 0;
    }
    if (!read_len(&peek, &len, &is_null, &needs))
        return needs;
    if (len > left)
        return PIECES_BROKEN;
    bool is_name = (rows->part == PART_NAME || rows->part == PART_ORIGIN) && len > 0 &&
                   len <= NAME_MAX_LEN && rows->kind == SUBJECT_NONE;
    if (is_name) {
        struct bytes name = cursor_take(&peek, (size_t)len);
        if (cursor_is_short(&peek))
            return needs + (size_t)len;
        rows->kind = (uint8_t)subject_of_name(p->x, name);
    }
    rows->taken += (uint32_t)(needs + len);
    rows->part++;
    *in = peek;
    *skip = is_name ? 0 : len;
    return 0;
}

static void take_value(const struct passing *p, const struct mysql_value *v)
{
    struct columns *c = &p->rows->columns;
    if (v->is_number)
        columns_take_number(p->x, p->r, c, p->rows->next, v->number);
    else if (v->is_text)
        columns_take(p->x, p->r, c, p->rows->next, v->text);
}

static bool is_looked_at(const struct mysql_rows *rows)
{
    return rows->next < rows->columns.count && rows->columns.items[rows->next].at == rows->at;
}

/* The column is passed; what is behind the last that is looked at is passed over. */
static size_t next_column(struct mysql_rows *rows, uint64_t len, uint64_t *skip)
{
    rows->next = (uint8_t)(rows->next + is_looked_at(rows));
    rows->at = (uint16_t)(rows->at + (rows->at < UINT16_MAX));
    *skip = rows->next == rows->columns.count ? UINT64_MAX : len;
    return 0;
}

/* A text with its length: a column of a text row, or one of a binary row whose type is so. */
static size_t take_text(struct passing *p, struct cursor *in, uint64_t *skip)
{
    struct mysql_rows *rows = p->rows;
    struct cursor peek = cursor_over(cursor_rest(in));
    size_t needs;
    uint64_t len;
    bool is_null;
    if (!read_len(&peek, &len, &is_null, &needs))
        return needs;
    if (needs > rows->len - rows->taken || len > rows->len - rows->taken - needs)
        return PIECES_BROKEN;
    uint64_t over = len;
    if (is_looked_at(rows) && len > SUBJECT_VALUE_MAX) {
        columns_miss(&rows->columns, rows->next);
    } else if (is_looked_at(rows) && !is_null) {
        struct mysql_value v = {.is_text = true, .text = cursor_take(&peek, (size_t)len)};
        if (cursor_is_short(&peek))
            return needs + (size_t)len;
        take_value(p, &v);
        over = 0;
    }
    cursor_skip(in, cursor_left(in) - cursor_left(&peek));
    rows->taken += (uint32_t)(needs + len);
    return next_column(rows, over, skip);
}

/* The zero before a binary row, and the bits that tell which columns are NULL. */
static size_t take_nulls(struct mysql_rows *rows, uint32_t columns, struct cursor *in,
                         uint64_t *skip)
{
    size_t len = (columns + NULLS_AT + 7) / 8, read = len < NULLS_READ ? len : NULLS_READ;
    if (cursor_left(in) < 1 + read)
        return 1 + read;
    cursor_skip(in, 1);
    uint64_t high = 0;
    rows->nulls = 0;
    for (size_t n = 0; n < read; n++) {
        uint8_t bits = cursor_u8(in);
        if (n < sizeof(uint64_t))
            rows->nulls |= (uint64_t)bits << 8 * n;
        else
            high = bits;
    }
    rows->nulls = rows->nulls >> NULLS_AT | high << (64 - NULLS_AT);
    rows->has_nulls = true;
    *skip = len - read;
    return 0;
}

/* Bytes of a value of that type; 0: it tells its length, by one byte where *is_date. */
static size_t fixed_len(uint8_t type, bool *is_date)
{
    *is_date = false;
    switch (type) {
    case MYSQL_TYPE_TINY:
        return 1;
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_YEAR:
        return 2;
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_INT24:
        return 4;
    case MYSQL_TYPE_DOUBLE:
    case MYSQL_TYPE_LONGLONG:
        return 8;
    case MYSQL_TYPE_TIMESTAMP:
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_TIME:
    case MYSQL_TYPE_DATETIME:
        *is_date = true;
        return 0;
    default:
        return 0;
    }
}

struct mysql_value mysql_value(struct cursor *in, uint8_t type)
{
    struct mysql_value v = {0};
    bool is_date;
    size_t len = fixed_len(type, &is_date);
    uint64_t low;
    if (type == MYSQL_TYPE_NULL)
        return v;
    v.is_number = len > 0 && type != MYSQL_TYPE_FLOAT && type != MYSQL_TYPE_DOUBLE;
    switch (len) {
    case 1:
        v.number = cursor_u8(in);
        break;
    case 2:
        v.number = cursor_le16(in);
        break;
    case 4:
        v.number = cursor_le32(in);
        break;
    case 8:
        low = cursor_le32(in);
        v.number = low | (uint64_t)cursor_le32(in) << 32;
        break;
    default:
        v.is_text = !is_date;
        v.text = is_date ? cursor_take(in, cursor_u8(in)) : mysql_text(in);
        break;
    }
    return v;
}

static size_t take_binary(struct passing *p, uint32_t columns, struct cursor *in, uint64_t *skip)
{
    struct mysql_rows *rows = p->rows;
    bool is_date;
    if (!rows->has_nulls)
        return take_nulls(rows, columns, in, skip);
    if (rows->at >= PREPARED_TYPES_MAX || !rows->has_types) {
        *skip = UINT64_MAX;
        return 0;
    }
    uint8_t type = rows->types[rows->at];
    if (rows->nulls >> rows->at & 1 || type == MYSQL_TYPE_NULL)
        return next_column(rows, 0, skip);
    size_t len = fixed_len(type, &is_date);
    if (len == 0 && !is_date)
        return take_text(p, in, skip);
    if (cursor_left(in) < (len > 0 ? len : 1))
        return len > 0 ? len : 1;
    if (is_date)
        return next_column(rows, cursor_u8(in), skip);
    struct mysql_value v = mysql_value(in, type);
    if (is_looked_at(rows))
        take_value(p, &v);
    return next_column(rows, 0, skip);
}

static size_t take_column(void *context, struct cursor *in, uint64_t *skip)
{
    struct passing *p = context;
    const struct mysql *s = p->x->state;
    return p->rows->is_binary ? take_binary(p, s->columns, in, skip) : take_text(p, in, skip);
}

/* A column is defined; one of a statement's goes with the statement. */
static void end_column(struct exchange *x, struct mysql_rows *rows, bool is_whole)
{
    if (!is_whole) /* its values tell, or what was read of its name */
        columns_add(&rows->columns, rows->at, (enum subject_kind)rows->kind, MYSQL_TYPE_VAR_STRING,
                    true);
    rows->at = (uint16_t)(rows->at + (rows->at < UINT16_MAX));
    rows->has_types = is_whole && (rows->at == 1 || rows->has_types);
    rows->columns.is_known = rows->key == 0;
    struct prepared_details *details =
        rows->key ? prepared_details_touch(x->prepared, x->connection, rows->key) : NULL;
    if (!details)
        return;
    columns_keep(&details->columns, &rows->columns);
    details->columns.is_known = rows->has_types;
    memcpy(details->column_types, rows->types, sizeof(rows->types));
}

static void end_packet(struct exchange *x, struct request *r, struct mysql_rows *rows)
{
    const struct pieces *p = &rows->pieces;
    bool is_cut = p->kept_len > 0 || (p->skip > 0 && p->skip < UINT32_MAX);
    bool is_whole = !p->is_broken && !is_cut;
    if (rows->passing == MYSQL_PASSING_DEFINITION)
        end_column(x, rows, is_whole);
    else if (is_whole)
        columns_end_row(x, r, &rows->columns);
    else
        subject_drop_record(x, r);
}

void mysql_watch(struct exchange *x, enum side side, struct bytes seen, uint64_t lost)
{
    struct mysql_rows *rows = &((struct mysql *)x->state)->rows;
    struct passing passing = {x, pairing_first(x), rows};
    if (side != SIDE_SERVER || rows->passing == MYSQL_PASSING_NOTHING)
        return;
    if (lost > 0)
        pieces_lose(&rows->pieces, lost);
    pieces_take(&rows->pieces, seen,
                rows->passing == MYSQL_PASSING_ROW ? take_column : take_definition, &passing);
    uint64_t passed = seen.len + lost;
    rows->left = passed < rows->left ? rows->left - (uint32_t)passed : 0;
    if (rows->left > 0)
        return;
    end_packet(x, passing.r, rows);
    rows->passing = MYSQL_PASSING_NOTHING;
}
