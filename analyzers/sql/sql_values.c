/*
 * What is remembered between tokens is the name that may be compared next, what kind of value is
 * read where, and how deep in parentheses.  A name in a call is that call's, so that lower(email)
 * is compared as email is.  What is not understood is left out.
 */
#include "analyzers/sql/sql_values.h"

#include "analyzers/sql/sql_lexer.h"

enum { DEPTH_MAX = 63, NUMBER_MAX = 65535 };

/* Where the walk is. */
enum sql_place {
    PLACE_ANY,     /* a name may be compared next */
    PLACE_FIELD,   /* behind ->>: the name is a literal */
    PLACE_VALUE,   /* behind a comparison */
    PLACE_LIST,    /* behind IN, or in a list of values */
    PLACE_TABLE,   /* behind INTO: the table, then its columns */
    PLACE_COLUMNS, /* in the list of an INSERT's columns */
    PLACE_LISTED,  /* behind it */
    PLACE_ROWS,    /* behind VALUES */
};

struct walk {
    const struct sql_values_events *events;
    enum sql_dialect dialect;
    enum sql_place place;
    enum token_kind last;
    bool last_was_name, last_may_be_called;
    struct bytes column; /* may be compared next; empty: none */
    struct bytes called; /* first argument of the call at called_depth; empty: none */
    unsigned called_depth;
    uint64_t calls, lists; /* a bit per depth: what the parenthesis is of */
    unsigned depth;
    unsigned kind; /* of the value that is read */
    unsigned base; /* depth of the list that is read, or of the rows; 0: not begun */
    bool is_like, is_negated, has_value;
    unsigned placeholders;
    unsigned columns_count, position;
    uint8_t columns[SQL_VALUES_COLUMNS_MAX];
};

static const struct bytes none = {NULL, 0};

static uint64_t here(const struct walk *w)
{
    return w->depth <= DEPTH_MAX ? UINT64_C(1) << w->depth : 0;
}

static void open_parenthesis(struct walk *w)
{
    w->depth++;
    w->lists &= ~here(w);
    w->calls = w->last_may_be_called ? w->calls | here(w) : w->calls & ~here(w);
}

static void close_parenthesis(struct walk *w)
{
    w->depth -= w->depth > 0;
}

/* The text between the quotes; empty where it does not end, or is not what it says. */
static struct bytes between_quotes(struct bytes text, size_t at)
{
    uint8_t quote = text.data[at];
    struct bytes inside = bytes_from(text, at + 1);
    if (inside.len == 0 || inside.data[inside.len - 1] != quote)
        return none;
    inside = bytes_first(inside, inside.len - 1);
    bool is_plain =
        bytes_index(inside, quote) == inside.len && bytes_index(inside, '\\') == inside.len;
    return is_plain ? inside : none;
}

/* $tag$text$tag$ */
static struct bytes dollar_quoted(struct bytes text)
{
    size_t tag = bytes_index(bytes_from(text, 1), '$') + 2;
    if (text.len < 2 * tag ||
        !bytes_equal(bytes_first(text, tag), bytes_from(text, text.len - tag)))
        return none;
    return bytes_first(bytes_from(text, tag), text.len - 2 * tag);
}

/* q'[text]' */
static struct bytes oracle_quoted(struct bytes text, size_t quote)
{
    if (text.len < quote + 4 || text.data[text.len - 1] != '\'')
        return none;
    return bytes_first(bytes_from(text, quote + 2), text.len - quote - 4);
}

static struct bytes literal_text(const struct walk *w, struct bytes text)
{
    uint8_t first = text.data[0], letter = first | 0x20;
    size_t quote = 0;
    while (quote < text.len && quote < 3 && text.data[quote] != '\'' && text.data[quote] != '"')
        quote++;
    bool is_quoted = quote < text.len && quote < 3;
    if (first >= '0' && first <= '9')
        return text;
    if (first == '$' && w->dialect == SQL_POSTGRESQL)
        return dollar_quoted(text);
    if (!is_quoted || (quote > 0 && (letter == 'x' || letter == 'b')))
        return none;
    bool is_alternative =
        w->dialect == SQL_ORACLE && quote > 0 && (text.data[quote - 1] | 0x20) == 'q';
    return is_alternative ? oracle_quoted(text, quote) : between_quotes(text, quote);
}

static bool is_placeholder(const struct walk *w, const struct sql_token *t)
{
    if (t->kind == TOKEN_WORD)
        return t->text.data[0] == '@';
    if (t->kind != TOKEN_LITERAL)
        return false;
    struct bytes second = bytes_first(bytes_from(t->text, 1), 1);
    bool has_digit = second.len > 0 && second.data[0] >= '0' && second.data[0] <= '9';
    switch (t->text.data[0]) {
    case '?':
    case ':':
        return true;
    case '$':
        return has_digit && w->dialect == SQL_POSTGRESQL;
    default:
        return false;
    }
}

static unsigned number_of(struct walk *w, struct bytes text)
{
    uint64_t number;
    if (text.data[0] == '@')
        return 0;
    if (text.data[0] != '$')
        return w->placeholders;
    return bytes_number(bytes_from(text, 1), &number) && number <= NUMBER_MAX ? (unsigned)number
                                                                              : 0;
}

/* Tells the values of an array's text, {a,"b"}. */
static void tell_array(struct walk *w, struct sql_value *v, struct bytes text)
{
    struct bytes rest = bytes_from(bytes_first(text, text.len - 1), 1);
    while (rest.len > 0) {
        size_t len = bytes_index(rest, ',');
        v->text = bytes_trim(bytes_first(rest, len));
        if (v->text.len > 2 && v->text.data[0] == '"')
            v->text = bytes_first(bytes_from(v->text, 1), v->text.len - 2);
        w->events->value(w->events->context, v);
        rest = bytes_from(rest, len + 1);
    }
}

static void tell(struct walk *w, unsigned kind, const struct sql_token *t)
{
    struct sql_value v = {.kind = kind};
    if (kind == 0)
        return;
    if (is_placeholder(w, t)) {
        bool has_name = t->text.data[0] == '@' || t->text.data[0] == ':';
        v.is_placeholder = true;
        v.number = number_of(w, t->text);
        v.name = has_name ? t->text : none;
    } else if (t->kind == TOKEN_LITERAL) {
        v.text = literal_text(w, t->text);
        bool is_pattern = w->is_like && bytes_index(v.text, '%') < v.text.len;
        v.text = is_pattern ? none : v.text;
    }
    bool is_array = w->place == PLACE_LIST && v.text.len > 2 && v.text.data[0] == '{' &&
                    v.text.data[v.text.len - 1] == '}';
    if (is_array)
        tell_array(w, &v, v.text);
    else
        w->events->value(w->events->context, &v);
}

static unsigned kind_of(const struct walk *w, struct bytes column)
{
    if (column.len > 0 && column.data[0] == '@')
        column = bytes_from(column, 1);
    return column.len > 0 ? w->events->kind(w->events->context, column) : 0;
}

/* Behind the column stands what compares it; its values follow. */
static void begin_value(struct walk *w, enum sql_place place)
{
    unsigned kind = w->is_negated ? 0 : kind_of(w, w->column);
    w->column = none;
    w->is_negated = w->is_like = false;
    if (kind == 0)
        return;
    w->kind = kind;
    w->place = place;
    w->base = 0;
}

static void take_operator(struct walk *w, struct bytes text)
{
    if (bytes_are(text, "=") || bytes_are(text, "==") || bytes_are(text, "<=>") ||
        bytes_are(text, "=>")) {
        begin_value(w, PLACE_VALUE);
        return;
    }
    if (bytes_are(text, "->>") || bytes_are(text, "->"))
        w->place = PLACE_FIELD;
    w->column = none;
}

static void take_keyword(struct walk *w, const struct sql_token *t)
{
    switch ((enum sql_word)t->info->word) {
    case WORD_INTO:
    case WORD_INSERT:
        w->place = PLACE_TABLE;
        w->column = none;
        return;
    case WORD_MODIFIER: /* NOT */
        w->is_negated = bytes_are_nocase(t->text, "not");
        return;
    default:
        break;
    }
    bool is_like = bytes_are_nocase(t->text, "like") || bytes_are_nocase(t->text, "ilike");
    if (bytes_are_nocase(t->text, "in")) {
        begin_value(w, PLACE_LIST);
    } else if (is_like) {
        begin_value(w, PLACE_VALUE);
        w->is_like = true;
    } else if (bytes_are_nocase(t->text, "as") && w->depth > 0 && w->column.len > 0) {
        w->called = w->column; /* CAST(msisdn AS text) */
        w->called_depth = w->depth;
    }
    w->column = none;
    w->is_negated = false;
}

static void take_comma(struct walk *w)
{
    bool is_call = w->calls & here(w);
    if (w->depth > 0 && is_call && w->column.len > 0 && w->called_depth != w->depth) {
        w->called = w->column;
        w->called_depth = w->depth;
    }
    w->lists |= w->depth > 0 && !is_call ? here(w) : 0;
    w->column = none;
    w->is_negated = false;
}

static void take_close(struct walk *w)
{
    if (w->called.len > 0 && w->called_depth == w->depth)
        w->column = w->called;
    else if (w->lists & here(w))
        w->column = none;
    if (w->called_depth >= w->depth) {
        w->called = none;
        w->called_depth = 0;
    }
    close_parenthesis(w);
}

static bool is_name(const struct sql_token *t)
{
    return t->kind == TOKEN_QUOTED || (t->kind == TOKEN_WORD && t->info->word == WORD_NAME);
}

static void take_any(struct walk *w, const struct sql_token *t)
{
    switch (t->kind) {
    case TOKEN_WORD:
    case TOKEN_QUOTED:
        if (!is_name(t))
            take_keyword(w, t);
        else if (w->last != TOKEN_CAST)
            w->column = sql_token_name(t);
        break;
    case TOKEN_OPERATOR:
        take_operator(w, t->text);
        break;
    case TOKEN_OPEN:
        open_parenthesis(w);
        w->column = none;
        break;
    case TOKEN_CLOSE:
        take_close(w);
        break;
    case TOKEN_COMMA:
        take_comma(w);
        break;
    case TOKEN_DOT:
    case TOKEN_CAST:
        break;
    default:
        w->column = none;
        break;
    }
}

/* Goes on as if nothing were compared. */
static void go_on(struct walk *w, const struct sql_token *t)
{
    w->place = PLACE_ANY;
    w->is_like = false;
    take_any(w, t);
}

/* {"msisdn": ..}->>'msisdn': MySQL writes '$.msisdn'. */
static void take_field(struct walk *w, const struct sql_token *t)
{
    w->place = PLACE_ANY;
    w->column = t->kind == TOKEN_LITERAL ? literal_text(w, t->text) : none;
    if (bytes_start(w->column, "$."))
        w->column = bytes_from(w->column, 2);
}

static bool begins_list(struct bytes name)
{
    return bytes_are_nocase(name, "any") || bytes_are_nocase(name, "some") ||
           bytes_are_nocase(name, "array");
}

static void begin_list(struct walk *w)
{
    open_parenthesis(w);
    w->place = PLACE_LIST;
    w->base = w->depth;
}

/* A value, in calls and parentheses or not; or another column. */
static void take_value(struct walk *w, const struct sql_token *t)
{
    if (t->kind == TOKEN_LITERAL || is_placeholder(w, t)) {
        tell(w, w->kind, t);
        w->place = PLACE_ANY;
        w->is_like = false;
    } else if (is_name(t) && !w->last_was_name) {
        w->column = sql_token_name(t);
    } else if ((t->kind == TOKEN_OPEN || t->kind == TOKEN_BRACKET) && begins_list(w->column)) {
        w->column = none;
        begin_list(w);
    } else if (t->kind == TOKEN_OPEN) {
        w->column = none;
        open_parenthesis(w);
    } else if (t->kind != TOKEN_DOT) {
        go_on(w, t);
    }
}

/* The values of a list, to its end; a query in it is none. */
static void take_list(struct walk *w, const struct sql_token *t)
{
    switch (t->kind) {
    case TOKEN_OPEN:
    case TOKEN_BRACKET:
        open_parenthesis(w);
        w->base = w->base > 0 ? w->base : w->depth;
        return;
    case TOKEN_CLOSE:
    case TOKEN_BRACKET_CLOSE:
        close_parenthesis(w);
        w->place = w->depth < w->base ? PLACE_ANY : PLACE_LIST;
        w->column = none;
        return;
    case TOKEN_LITERAL:
        tell(w, w->kind, t);
        break;
    case TOKEN_WORD:
        if (is_placeholder(w, t))
            tell(w, w->kind, t);
        else if (t->info->flags & SQL_WORD_CLAUSE)
            go_on(w, t);
        break;
    default:
        break;
    }
    if (w->base == 0)
        w->place = PLACE_ANY; /* IN ? */
}

static void end_column(struct walk *w)
{
    unsigned kind = kind_of(w, w->column);
    if (w->columns_count < SQL_VALUES_COLUMNS_MAX)
        w->columns[w->columns_count++] = (uint8_t)kind;
    w->column = none;
}

/* INSERT INTO t (a, b): up to VALUES. */
static void take_insert(struct walk *w, const struct sql_token *t)
{
    bool in_columns = w->place == PLACE_COLUMNS;
    if (t->kind == TOKEN_OPEN && !in_columns) {
        open_parenthesis(w);
        w->place = PLACE_COLUMNS;
        w->columns_count = 0;
        w->column = none;
    } else if (in_columns && (t->kind == TOKEN_COMMA || t->kind == TOKEN_CLOSE)) {
        end_column(w);
        if (t->kind == TOKEN_COMMA)
            return;
        close_parenthesis(w);
        w->place = PLACE_LISTED;
    } else if (is_name(t)) {
        w->column = sql_token_name(t);
    } else if (t->kind == TOKEN_WORD && t->info->word == WORD_VALUES && w->place == PLACE_LISTED) {
        w->place = PLACE_ROWS;
        w->base = w->depth;
    } else if (t->kind == TOKEN_LITERAL || t->kind == TOKEN_OPERATOR || in_columns ||
               (t->kind == TOKEN_WORD && t->info->flags & SQL_WORD_CLAUSE)) {
        if (t->kind != TOKEN_DOT)
            go_on(w, t);
    }
}

/* (1, 'a'), (2, 'b'): the first value in each place is the column's. */
static void take_rows(struct walk *w, const struct sql_token *t)
{
    bool in_row = w->depth > w->base;
    bool is_constant = t->kind == TOKEN_WORD && t->info->word == WORD_CONSTANT;
    if (t->kind == TOKEN_OPEN) {
        open_parenthesis(w);
        if (!in_row) {
            w->position = 0;
            w->has_value = false;
        }
    } else if (t->kind == TOKEN_CLOSE && in_row) {
        close_parenthesis(w);
    } else if (t->kind == TOKEN_COMMA) {
        bool is_next = w->depth == w->base + 1;
        w->position += is_next;
        w->has_value = w->has_value && !is_next;
    } else if (in_row && (t->kind == TOKEN_LITERAL || is_constant || is_placeholder(w, t))) {
        if (!w->has_value && w->position < w->columns_count)
            tell(w, w->columns[w->position], t);
        w->has_value = true;
    } else if (!in_row) {
        go_on(w, t);
    }
}

static void take(struct walk *w, const struct sql_token *t)
{
    bool is_counted = t->kind == TOKEN_LITERAL && is_placeholder(w, t) && t->text.data[0] != '$';
    w->placeholders += is_counted;
    switch (w->place) {
    case PLACE_ANY:
        take_any(w, t);
        break;
    case PLACE_FIELD:
        take_field(w, t);
        break;
    case PLACE_VALUE:
        take_value(w, t);
        break;
    case PLACE_LIST:
        take_list(w, t);
        break;
    case PLACE_TABLE:
    case PLACE_COLUMNS:
    case PLACE_LISTED:
        take_insert(w, t);
        break;
    case PLACE_ROWS:
        take_rows(w, t);
        break;
    }
    w->last = t->kind;
    w->last_was_name = is_name(t);
    w->last_may_be_called =
        t->kind == TOKEN_QUOTED || (t->kind == TOKEN_WORD && !(t->info->flags & SQL_WORD_OPERAND));
}

unsigned sql_values(struct bytes statement, enum sql_dialect dialect,
                    const struct sql_values_events *events)
{
    struct sql_lexer lexer;
    struct sql_token t;
    struct walk w = {.events = events, .dialect = dialect, .last = TOKEN_END};
    sql_lexer_start(&lexer, statement, dialect);
    for (sql_lexer_next(&lexer, &t); t.kind != TOKEN_END; sql_lexer_next(&lexer, &t))
        take(&w, &t);
    return w.placeholders;
}
