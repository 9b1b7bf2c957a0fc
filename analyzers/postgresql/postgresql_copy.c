/*
 * The customers in what COPY .. TO STDOUT gives: a row in each CopyData, as text or CSV.  Its
 * columns are those that the statement lists or selects, or a header names; else their values tell.
 * The binary format is not looked at.
 *
 * https://www.postgresql.org/docs/current/sql-copy.html, "File Formats".
 */
#include "analyzers/postgresql/postgresql_state.h"
#include "analyzers/sql/sql_lexer.h"
#include "analyzers/sql/statement.h"
#include "analyzers/subject.h"

enum {
    FORMAT_TEXT = 0,
    FIELD_MAX = SUBJECT_VALUE_MAX + 3, /* bytes of a field that is looked at, with its quotes and
                                          what ends it */
};

/* What a COPY statement tells. */
struct copying {
    struct columns *columns;
    const struct exchange *x;
    struct bytes name; /* of the column that is being read; empty: none */
    uint16_t at;
    unsigned depth;
    bool is_query, in_list, is_listed, is_unclear;
};

static void end_column(struct copying *c)
{
    if (c->name.len > 0)
        columns_add(c->columns, c->at, subject_of_name(c->x, c->name), POSTGRESQL_FORM_TEXT, true);
    else
        c->is_unclear = true;
    c->at++;
    c->name = (struct bytes){NULL, 0};
}

/* (a, b) behind the table, or SELECT a, b FROM. */
static void take_list(struct copying *c, const struct sql_token *t)
{
    bool is_end =
        c->is_query ? t->kind == TOKEN_WORD && t->info->word == WORD_FROM : t->kind == TOKEN_CLOSE;
    if (c->depth == 1 && (is_end || t->kind == TOKEN_COMMA)) {
        end_column(c);
        c->in_list = !is_end;
        c->is_listed = is_end;
    } else if (t->kind == TOKEN_QUOTED || (t->kind == TOKEN_WORD && t->info->word == WORD_NAME)) {
        c->name = sql_token_name(t);
    } else if (t->kind != TOKEN_DOT && t->kind != TOKEN_WORD && c->depth == 1) {
        c->name = (struct bytes){NULL, 0}; /* an expression; AS may name it */
    }
}

/* The options, behind the list. */
static void take_option(struct postgresql_rows *rows, struct bytes word)
{
    if (bytes_are_nocase(word, "csv"))
        rows->delimiter = ',';
    else if (bytes_are_nocase(word, "header"))
        rows->has_header = true;
    else if (bytes_are_nocase(word, "delimiter") || bytes_are_nocase(word, "quote"))
        rows->delimiter = 0; /* a literal, which is not known any more */
    else if (bytes_are_nocase(word, "false") || bytes_are_nocase(word, "off"))
        rows->has_header = false;
}

static void read_statement(struct postgresql_rows *rows, struct copying *c, struct bytes text)
{
    struct sql_lexer lexer;
    struct sql_token t;
    bool is_behind_to = false;
    sql_lexer_start(&lexer, text, SQL_POSTGRESQL);
    sql_lexer_next(&lexer, &t); /* COPY */
    for (sql_lexer_next(&lexer, &t); t.kind != TOKEN_END; sql_lexer_next(&lexer, &t)) {
        bool is_word = t.kind == TOKEN_WORD;
        if (c->in_list)
            take_list(c, &t);
        c->depth += t.kind == TOKEN_OPEN;
        c->depth -= t.kind == TOKEN_CLOSE && c->depth > 0;
        if (c->depth == 1 && t.kind == TOKEN_OPEN && !c->is_listed && !is_behind_to)
            c->in_list = true;
        c->is_query = c->is_query || (c->in_list && is_word && t.info->word == WORD_SELECT);
        c->is_unclear = c->is_unclear || (is_word && t.info->word == WORD_WITH && !is_behind_to);
        is_behind_to = is_behind_to || (c->depth == 0 && is_word && t.info->word == WORD_TO);
        if (is_behind_to && is_word)
            take_option(rows, t.text);
    }
}

void postgresql_copy_begin(struct exchange *x, const struct request *r, struct cursor body)
{
    struct postgresql_rows *rows = &((struct postgresql *)x->state)->rows;
    const struct statement *s = r ? statements_find(x->statements, r->tx.db_query_hash) : NULL;
    struct copying copying = {.columns = &rows->columns, .x = x};
    columns_begin(&rows->columns);
    rows->is_copy = cursor_u8(&body) == FORMAT_TEXT && subject_is_on(x, SIDE_SERVER);
    rows->has_header = false;
    rows->delimiter = '\t';
    if (!rows->is_copy)
        return;
    if (s)
        read_statement(rows, &copying, s->text);
    if (!copying.is_listed || copying.is_unclear)
        columns_guess(&rows->columns, POSTGRESQL_FORM_TEXT);
    rows->is_copy = rows->delimiter != 0;
}

bool postgresql_is_copied(const struct postgresql *s)
{
    return s->rows.is_copy && (s->rows.has_header || s->rows.columns.count > 0);
}

/* Where the field ends: *is_quoted is true between quotes, before it and then.  in.len: not here.
 */
static size_t field_end(const struct postgresql_rows *rows, struct bytes in, bool *is_quoted)
{
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.data[i];
        if (c == '"' && rows->delimiter == ',')
            *is_quoted = !*is_quoted;
        if (!*is_quoted && (c == rows->delimiter || c == '\n'))
            return i;
    }
    return in.len;
}

static void take_field(struct exchange *x, struct request *r, struct postgresql_rows *rows,
                       struct bytes value)
{
    struct columns *c = &rows->columns;
    if (value.len > 1 && value.data[0] == '"' && rows->delimiter == ',')
        value = bytes_first(bytes_from(value, 1), value.len - 2);
    if (rows->has_header)
        columns_add(c, rows->at, subject_of_name(x, value), POSTGRESQL_FORM_TEXT, true);
    else if (value.len > 0 && !bytes_are(value, "\\N"))
        columns_take(x, r, c, rows->next, value);
}

/* The field behind this one comes next. */
static void next_field(struct postgresql_rows *rows, bool is_looked_at)
{
    rows->in_field = rows->is_quoted = false;
    rows->next = (uint8_t)(rows->next + (is_looked_at && !rows->has_header));
    rows->at = (uint16_t)(rows->at + (rows->at < UINT16_MAX));
}

size_t postgresql_copy_field(struct exchange *x, struct request *r, struct cursor *in)
{
    struct postgresql_rows *rows = &((struct postgresql *)x->state)->rows;
    const struct columns *c = &rows->columns;
    struct bytes rest = cursor_rest(in);
    bool is_looked_at =
        rows->has_header || (rows->next < c->count && c->items[rows->next].at == rows->at);
    if (rows->in_field || !is_looked_at) {
        rows->in_field = true;
        size_t len = field_end(rows, rest, &rows->is_quoted);
        cursor_skip(in, len < rest.len ? len + 1 : len);
        if (len < rest.len)
            next_field(rows, is_looked_at);
        return 0;
    }
    bool is_quoted = false;
    struct bytes front = bytes_first(rest, FIELD_MAX);
    size_t len = field_end(rows, front, &is_quoted);
    if (len == front.len && len < FIELD_MAX)
        return len + 1;
    if (len == front.len) { /* too long to be looked at */
        if (!rows->has_header)
            columns_miss(&rows->columns, rows->next);
        rows->in_field = true;
        rows->is_quoted = is_quoted;
        cursor_skip(in, len);
        return 0;
    }
    take_field(x, r, rows, bytes_first(front, len));
    cursor_skip(in, len + 1);
    next_field(rows, true);
    return 0;
}
