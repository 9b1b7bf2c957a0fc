/*
 * Results: how columns are described, and the rows that follow.
 *
 * [MS-TDS] sections 2.2.7.1, 2.2.7.2, 2.2.7.4 (ALTMETADATA, ALTROW,
 * COLMETADATA), 2.2.7.13, 2.2.7.19
 */
#include "analyzers/tds/tds_reply.h"
#include "analyzers/tds/tds_values.h"

enum {
    NO_COLUMNS = 0xffff,
    ENCRYPTED = 0x0800, /* flag of a column */
    KEY_LEN = 21,       /* bytes of a key, before its values */
};

static struct tds_owner owner_of(const struct tds_reading *r, uint16_t id)
{
    return (struct tds_owner){tds_session_place(r->s, r->session), SIDE_SERVER, id};
}

/* The keys that columns are encrypted with. */
static enum tds_pass keys(struct tds_walk *w, struct cursor *in)
{
    switch (w->at) {
    case TDS_AT_KEYS:
        w->left = cursor_le16(in);
        w->has_key = w->left > 0;
        break;
    case TDS_AT_KEY:
        cursor_skip(in, 4 + 4 + 4 + 8); /* database, key, versions */
        w->column = cursor_u8(in);
        w->left--;
        break;
    default:
        w->skip = cursor_le16(in);
        w->names = w->long_names = w->last_names = 1; /* store, path, algorithm */
        w->column--;
        break;
    }
    w->at = w->column > 0 ? TDS_AT_KEY_VALUE : w->left > 0 ? TDS_AT_KEY : TDS_AT_COLUMN;
    return TDS_PASSED;
}

static void begin_result(struct tds_reading *r)
{
    struct tds_session *session = r->session;
    session->in_result = true;
    session->is_uncountable = false;
    session->rows = 0;
    tds_reply_rows(r->request, 0);
}

/* Rows are told by the server alone from here on. */
enum tds_pass tds_result_give_up(struct tds_reading *r)
{
    r->session->is_uncountable = true;
    tds_reply_partial(r->request);
    return TDS_STRANGE;
}

enum tds_pass tds_columns_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = 3;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    w->token = cursor_u8(in);
    uint16_t count = cursor_le16(in);
    uint64_t hash = tds_reply_hash(r->request);
    begin_result(r);
    w->id = w->column = 0;
    if (count == NO_COLUMNS) { /* they are those of the same statement's last result */
        r->session->is_uncountable = hash == 0 || r->session->result_of != hash;
        return TDS_PASSED;
    }
    r->session->result_of = hash;
    columns_begin(&r->session->columns);
    if (!tds_columns_begin(&r->s->columns, owner_of(r, 0), count)) {
        r->session->result_of = 0;
        return tds_result_give_up(r);
    }
    w->has_key = false;
    if (count > 0)
        w->at = r->s->has_keys ? TDS_AT_KEYS : TDS_AT_COLUMN;
    return TDS_PASSED;
}

enum tds_pass tds_totals_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = 6;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    w->token = cursor_u8(in);
    uint16_t count = cursor_le16(in);
    w->id = cursor_le16(in);
    w->column = 0;
    w->skip = 2 * (uint64_t)cursor_u8(in);
    if (w->id == 0 || !tds_columns_begin(&r->s->columns, owner_of(r, w->id), count))
        return tds_result_give_up(r);
    w->at = count > 0 ? TDS_AT_OPERATOR : TDS_AT_TOKEN;
    return TDS_PASSED;
}

/* Where a type of a user is written in two bytes, the column's type stands where the later versions
 * have flags. */
static void guess_era(struct tds_reading *r, struct cursor in)
{
    cursor_skip(&in, 4);
    struct tds_walk w = {.type = cursor_u8(&in)};
    size_t needs;
    struct cursor much = cursor_over(bytes_of("0123456789abcdef"));
    bool is_type = tds_type_pass(&w, true, false, &much, &needs) != TDS_STRANGE;
    r->s->era = is_type ? TDS_ERA_71 : TDS_ERA_72;
}

static enum tds_pass column(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    if (r->s->era == TDS_ERA_UNKNOWN && cursor_left(in) >= 7)
        guess_era(r, *in);
    *needs = tds_is_long(r) ? 7 : 5;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, tds_is_long(r) ? 4 : 2); /* the user's type */
    w->is_encrypted = cursor_le16(in) & ENCRYPTED && r->s->has_keys;
    w->type = cursor_u8(in);
    w->after = TDS_AT_COLUMN_TYPED;
    w->at = TDS_AT_TYPE;
    return TDS_PASSED;
}

/* A column's name, behind which another column comes. */
static enum tds_pass column_name(struct tds_reading *r, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r, w->id));
    if (!result)
        return TDS_STRANGE;
    if (!tds_column_look(r, needs))
        return TDS_LOOKS;
    w->last_names = 1;
    w->column++;
    w->at = w->column >= result->count ? TDS_AT_TOKEN
            : w->token == TOKEN_TOTALS ? TDS_AT_OPERATOR
                                       : TDS_AT_COLUMN;
    return TDS_PASSED;
}

static enum tds_pass column_typed(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r, w->id));
    bool has_parts = tds_type_has_table(w->type) && tds_is_long(r);
    *needs = has_parts ? 1 : 0;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    if (!result || w->column >= result->count)
        return TDS_STRANGE;
    r->s->columns.classes[result->at + w->column] = tds_class_of_column(w);
    if (tds_type_has_table(w->type))
        w->long_names = has_parts ? cursor_u8(in) : 1;
    w->form = w->is_encrypted ? TDS_FORM_NONE : (uint8_t)tds_form_of(w);
    w->at = w->is_encrypted ? TDS_AT_CRYPTO : TDS_AT_COLUMN_NAME;
    return TDS_PASSED;
}

static enum tds_pass crypto(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    size_t key_len = w->has_key && w->token != TOKEN_RETURNED ? 2 : 0;
    *needs = key_len + 5;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, key_len + 4);
    w->type = cursor_u8(in);
    w->after = TDS_AT_ALGORITHM;
    w->at = TDS_AT_TYPE;
    return TDS_PASSED;
}

static enum tds_pass algorithm_end(struct tds_reading *r, struct cursor *in)
{
    cursor_skip(in, 2);
    r->walk->at = r->walk->token == TOKEN_RETURNED ? TDS_AT_RETURN_VALUE : TDS_AT_COLUMN_NAME;
    return TDS_PASSED;
}

/* Begins a row; rows of what was not described cannot be walked. */
static struct tds_result *begin_row(struct tds_reading *r, uint16_t id)
{
    r->walk->column = 0;
    r->walk->value = TDS_VALUE_LENGTH;
    r->walk->id = id;
    r->walk->at = TDS_AT_ROW;
    return r->session->is_uncountable ? NULL : tds_columns_find(&r->s->columns, owner_of(r, id));
}

static void forget_nulls(struct tds_reading *r, const struct tds_result *result)
{
    uint8_t *classes = r->s->columns.classes + result->at;
    for (size_t i = 0; i < result->count; i++)
        classes[i] &= TDS_CLASS_MASK;
    r->session->has_nulls = false;
}

/* The row that passes. */
static enum tds_pass row_rest(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r, w->id));
    bool is_looked_at = w->id == 0 && r->session->columns.count > 0;
    if (!result)
        return TDS_STRANGE;
    size_t stop = result->count;
    if (is_looked_at && w->column < result->count && !tds_row_look(r, result, &stop, needs))
        return TDS_LOOKS;
    enum tds_pass pass = tds_row_rest_pass(w, r->s->columns.classes + result->at, stop, in, needs);
    if (w->column < result->count)
        return pass;
    w->at = TDS_AT_TOKEN;
    if (is_looked_at)
        columns_end_row(r->x, r->request, &r->session->columns);
    return TDS_PASSED;
}

/* Rows that are there whole, or the beginning of one. */
enum tds_pass tds_row_pass(struct tds_reading *r, struct cursor *in)
{
    static const struct tds_row_tokens tokens = {TOKEN_ROW, TOKEN_NULLS_ROW};
    const struct tds_result *result = begin_row(r, 0);
    r->session->in_result = true;
    tds_reply_rows(r->request, 0);
    if (!result)
        return tds_result_give_up(r);
    if (r->session->has_nulls)
        forget_nulls(r, result);
    uint64_t count = r->session->columns.count > 0
                         ? tds_rows_read(r, result, tokens, in)
                         : tds_rows_over(&r->s->columns, result, tokens, in);
    if (count > 0)
        r->walk->at = TDS_AT_TOKEN;
    else if (cursor_u8(in) == TOKEN_NULLS_ROW)
        r->walk->at = TDS_AT_NULLS;
    count += count == 0;
    r->session->rows += count;
    tds_reply_rows(r->request, count);
    return TDS_PASSED;
}

enum tds_pass tds_total_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    *needs = 3;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, 1);
    uint16_t id = cursor_le16(in);
    return id > 0 && begin_row(r, id) ? TDS_PASSED : tds_result_give_up(r);
}

/* A bit for each column that is NULL. */
static enum tds_pass nulls(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r, 0));
    if (!result)
        return TDS_STRANGE;
    uint8_t *classes = r->s->columns.classes + result->at;
    *needs = 1;
    r->session->has_nulls = true;
    if (cursor_left(in) == 0 && w->column < result->count)
        return TDS_NEEDS;
    while (w->column < result->count && cursor_left(in) > 0) {
        uint8_t bits = cursor_u8(in);
        for (int i = 0; i < 8 && w->column < result->count; i++, w->column++) {
            bool is_null = bits >> i & 1;
            uint8_t value_class = classes[w->column] & TDS_CLASS_MASK;
            classes[w->column] = (uint8_t)(value_class | (is_null ? TDS_NULL : 0));
        }
    }
    if (w->column == result->count) {
        w->column = 0;
        w->at = TDS_AT_ROW;
    }
    return TDS_PASSED;
}

/* What is at the walk's place, of units of a known length. */
static enum tds_pass take(struct tds_reading *r, struct cursor *in, size_t *needs, size_t len)
{
    struct tds_walk *w = r->walk;
    *needs = len;
    if (cursor_left(in) < len)
        return TDS_NEEDS;
    switch (w->at) {
    case TDS_AT_OPERATOR:
        cursor_skip(in, 3);
        w->at = TDS_AT_COLUMN;
        return TDS_PASSED;
    case TDS_AT_ALGORITHM:
        w->names = cursor_u8(in) == 0;
        w->at = TDS_AT_ALGORITHM_END;
        return TDS_PASSED;
    case TDS_AT_ALGORITHM_END:
        return algorithm_end(r, in);
    default:
        return keys(w, in);
    }
}

enum tds_pass tds_result_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    switch (r->walk->at) {
    case TDS_AT_ROW:
        return row_rest(r, in, needs);
    case TDS_AT_NULLS:
        return nulls(r, in, needs);
    case TDS_AT_COLUMN:
        return column(r, in, needs);
    case TDS_AT_COLUMN_TYPED:
        return column_typed(r, in, needs);
    case TDS_AT_COLUMN_NAME:
        return column_name(r, needs);
    case TDS_AT_CRYPTO:
        return crypto(r, in, needs);
    case TDS_AT_KEY:
        return take(r, in, needs, KEY_LEN);
    case TDS_AT_OPERATOR:
        return take(r, in, needs, 3);
    case TDS_AT_ALGORITHM:
        return take(r, in, needs, 1);
    case TDS_AT_KEYS:
    case TDS_AT_KEY_VALUE:
    case TDS_AT_ALGORITHM_END:
        return take(r, in, needs, 2);
    default:
        return TDS_STRANGE;
    }
}
