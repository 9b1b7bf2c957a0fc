/*
 * Tables as parameters of a call: their columns, and their rows, which are passed over.
 *
 * [MS-TDS] section 2.2.5.5.5
 */
#include "analyzers/tds/tds_client.h"
#include "analyzers/tds/tds_rows.h"

enum {
    TABLE_ROW = 1,     /* token */
    TABLE_ENDS = 2,    /* of the description, of the rows */
    IS_DEFAULT = 0x02, /* second byte of a column's flags: it has no values */
};

static struct tds_owner owner_of(const struct tds_reading *r)
{
    return (struct tds_owner){.session = tds_session_place(r->s, r->session), .side = SIDE_CLIENT};
}

static enum tds_pass table(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = 2;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    uint16_t count = cursor_le16(in);
    w->left = TABLE_ENDS;
    w->column = 0;
    bool is_null = count == UINT16_MAX;
    if (!tds_columns_begin(&r->s->columns, owner_of(r), is_null ? 0 : count))
        return TDS_STRANGE;
    w->at = is_null || count == 0 ? TDS_AT_TABLE_TOKEN : TDS_AT_TABLE_COLUMN;
    return TDS_PASSED;
}

static enum tds_pass table_column(struct tds_walk *w, struct cursor *in, size_t *needs)
{
    *needs = 7;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, 4 + 1); /* the user's type, flags */
    w->is_encrypted = cursor_u8(in) & IS_DEFAULT;
    w->type = cursor_u8(in);
    w->after = TDS_AT_TABLE_COLUMN_TYPED;
    w->at = TDS_AT_TYPE;
    return TDS_PASSED;
}

static enum tds_pass table_column_typed(struct tds_reading *r)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r));
    if (!result || w->column >= result->count)
        return TDS_STRANGE;
    r->s->columns.classes[result->at + w->column] =
        w->is_encrypted ? TDS_FIXED : tds_class_of_column(w);
    w->is_encrypted = false;
    w->names = 1;
    w->at = ++w->column < result->count ? TDS_AT_TABLE_COLUMN : TDS_AT_TABLE_TOKEN;
    return TDS_PASSED;
}

/* Rows that are there whole, or the beginning of one. */
static enum tds_pass table_rows(struct tds_reading *r, struct cursor *in)
{
    static const struct tds_row_tokens tokens = {.plain = TABLE_ROW};
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r));
    if (!result)
        return TDS_STRANGE;
    if (tds_rows_over(&r->s->columns, result, tokens, in) > 0)
        return TDS_PASSED;
    cursor_skip(in, 1);
    w->column = 0;
    w->at = TDS_AT_TABLE_ROW;
    return TDS_PASSED;
}

static enum tds_pass table_token(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    struct cursor peek = *in;
    uint8_t token = cursor_u8(&peek);
    if (token == 0x10 || token == 0x11) { /* orders */
        uint64_t count = cursor_le16(&peek);
        *needs = 3;
        if (cursor_is_short(&peek))
            return TDS_NEEDS;
        w->skip = count * (token == 0x10 ? 3 : 2);
    } else if (token == TABLE_ROW) {
        return table_rows(r, in);
    } else if (token == 0x00) {
        if (--w->left == 0)
            tds_call_end_parameter(r);
    } else {
        return TDS_STRANGE;
    }
    *in = peek;
    return TDS_PASSED;
}

static enum tds_pass table_row(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r));
    if (!result)
        return TDS_STRANGE;
    enum tds_pass pass =
        tds_row_rest_pass(w, r->s->columns.classes + result->at, result->count, in, needs);
    if (w->column == result->count)
        w->at = TDS_AT_TABLE_TOKEN;
    return pass;
}

enum tds_pass tds_table_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    switch (r->walk->at) {
    case TDS_AT_TABLE:
        return table(r, in, needs);
    case TDS_AT_TABLE_COLUMN:
        return table_column(r->walk, in, needs);
    case TDS_AT_TABLE_COLUMN_TYPED:
        return table_column_typed(r);
    case TDS_AT_TABLE_TOKEN:
        return table_token(r, in, needs);
    default:
        return table_row(r, in, needs);
    }
}
