/*
 * One pass; a byte's class says what starts there.  PostgreSQL 16, section 4.1; MySQL 8.0, chapter
 * 9.  Every byte belongs to one token, and no token is read twice, so the work is linear.
 */
#include "analyzers/sql/sql_lexer.h"

/*
 * 'w' a letter, '_' or beyond ASCII; 'x' a digit; 'y' a dollar sign: these three go on in words,
 * and are the greatest; 'o' only operators; ' ' blanks and controls; all others stand for
 * themselves.
 */
static const char classes[256 + 1] = "                "
                                     "                "
                                     " o\"#yoo'()o+,-./"
                                     "xxxxxxxxxx:;ooo?"
                                     "@wwwwwwwwwwwwwww"
                                     "wwwwwwwwwww[\\]ow"
                                     "`wwwwwwwwwwwwwww"
                                     "wwwwwwwwwww{o}o "
                                     "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
                                     "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
                                     "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
                                     "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww";

void sql_lexer_start(struct sql_lexer *l, struct bytes text, enum sql_dialect dialect)
{
    *l = (struct sql_lexer){.text = text, .dialect = dialect, .wants_operand = true};
}

/* The byte so far ahead; 0 past the end. */
static uint8_t ahead(const struct sql_lexer *l, size_t n)
{
    return n < l->text.len - l->at ? l->text.data[l->at + n] : 0;
}

static char class_ahead(const struct sql_lexer *l, size_t n)
{
    return classes[ahead(l, n)];
}

static void advance(struct sql_lexer *l, size_t n)
{
    size_t left = l->text.len - l->at;
    l->at += n < left ? n : left;
}

static bool is_mysql(const struct sql_lexer *l)
{
    return l->dialect == SQL_MYSQL;
}

static bool is_oracle(const struct sql_lexer *l)
{
    return l->dialect == SQL_ORACLE;
}

static bool is_postgresql(const struct sql_lexer *l)
{
    return l->dialect == SQL_POSTGRESQL;
}

static bool is_transact(const struct sql_lexer *l)
{
    return l->dialect == SQL_TRANSACT || l->dialect == SQL_TRANSACT_QUOTED;
}

static void skip_line(struct sql_lexer *l)
{
    while (l->at < l->text.len && ahead(l, 0) != '\n' && ahead(l, 0) != '\r')
        l->at++;
}

/* PostgreSQL's comments nest. */
static void skip_block(struct sql_lexer *l)
{
    size_t depth = 1;
    advance(l, 2);
    while (l->at < l->text.len && depth > 0) {
        bool closes = ahead(l, 0) == '*' && ahead(l, 1) == '/';
        bool nests = is_postgresql(l) || is_transact(l);
        bool opens = nests && ahead(l, 0) == '/' && ahead(l, 1) == '*';
        depth = depth + opens - closes;
        advance(l, closes || opens ? 2 : 1);
    }
}

/* The signs around MySQL's text in a comment, which is executed: a slash, a star, '!', a version.
 */
static bool skip_executed(struct sql_lexer *l)
{
    if (l->in_executed && ahead(l, 0) == '*' && ahead(l, 1) == '/') {
        l->in_executed = false;
        advance(l, 2);
        return true;
    }
    size_t sign = ahead(l, 2) == 'M' ? 3 : 2; /* MariaDB's own */
    if (!is_mysql(l) || ahead(l, 0) != '/' || ahead(l, 1) != '*' || ahead(l, sign) != '!')
        return false;
    l->in_executed = true;
    advance(l, sign + 1);
    while (class_ahead(l, 0) == 'x' && l->at < l->text.len)
        l->at++;
    return true;
}

static bool skip_comment(struct sql_lexer *l)
{
    uint8_t first = ahead(l, 0), second = ahead(l, 1);
    if (first != '-' && first != '/' && first != '#' && first != '*')
        return false;
    bool is_line = first == '-' && second == '-' && (!is_mysql(l) || class_ahead(l, 2) == ' ');
    if (is_line || (first == '#' && is_mysql(l))) {
        skip_line(l);
        return true;
    }
    if (skip_executed(l))
        return true;
    if (first != '/' || second != '*')
        return false;
    skip_block(l);
    return true;
}

/* The place of the first byte, from `at` on, that does not go on in a word. */
static size_t word_end(const struct sql_lexer *l, size_t at)
{
    struct bytes text = l->text;
    while (at < text.len && classes[text.data[at]] >= 'w')
        at++;
    return at;
}

/* Likewise, that is no blank. */
static size_t blanks_end(const struct sql_lexer *l, size_t at)
{
    struct bytes text = l->text;
    while (at < text.len && classes[text.data[at]] == ' ')
        at++;
    return at;
}

static void skip_blanks(struct sql_lexer *l)
{
    do
        l->at = blanks_end(l, l->at);
    while (l->at < l->text.len && skip_comment(l));
}

/* Passes over a quoted text and its quotes; false where it has no end. */
static bool skip_quoted(struct sql_lexer *l, bool escapes)
{
    struct bytes text = l->text;
    size_t at = l->at + 1;
    uint8_t quote = text.data[l->at];
    while (at < text.len) {
        uint8_t c = text.data[at++];
        if (c == '\\' && escapes)
            at += at < text.len;
        if (c != quote)
            continue;
        if (at == text.len || text.data[at] != quote) {
            l->at = at;
            return true;
        }
        at++;
    }
    l->at = text.len;
    return false;
}

static void skip_word(struct sql_lexer *l)
{
    l->at = word_end(l, l->at);
}

static void skip_number(struct sql_lexer *l)
{
    bool is_hex = ahead(l, 0) == '0' && (ahead(l, 1) | 0x20) == 'x';
    while (l->at < l->text.len) {
        uint8_t last = l->text.data[l->at];
        if (classes[last] < 'w' && last != '.')
            break;
        l->at++;
        if ((last | 0x20) != 'e' || is_hex)
            continue;
        bool is_sign = ahead(l, 0) == '-' || ahead(l, 0) == '+';
        if (is_sign && class_ahead(l, 1) == 'x')
            l->at++;
    }
}

/* $tag$ .. $tag$; false, and nothing passed over, where no such thing begins. */
static bool skip_dollar_quoted(struct sql_lexer *l)
{
    size_t len = 1;
    if (class_ahead(l, 1) == 'x')
        return false;
    while (class_ahead(l, len) == 'w' || class_ahead(l, len) == 'x')
        len++;
    if (ahead(l, len) != '$')
        return false;
    struct bytes rest = bytes_from(l->text, l->at), tag = bytes_first(rest, len + 1);
    l->at += tag.len;
    rest = bytes_from(rest, tag.len);
    advance(l, bytes_find(rest, tag) + tag.len);
    return true;
}

/* $1.50, which is money, or a name. */
static enum token_kind transact_dollar(struct sql_lexer *l)
{
    l->at++;
    bool is_money = class_ahead(l, 0) == 'x' || class_ahead(l, 0) == '.';
    if (is_money)
        skip_number(l);
    else
        skip_word(l);
    return is_money ? TOKEN_LITERAL : TOKEN_WORD;
}

static enum token_kind dollar(struct sql_lexer *l)
{
    if (is_transact(l))
        return transact_dollar(l);
    if (is_mysql(l)) {
        skip_word(l);
        return TOKEN_WORD;
    }
    if (!is_oracle(l) && skip_dollar_quoted(l))
        return TOKEN_LITERAL;
    l->at++;
    if (class_ahead(l, 0) != 'x')
        return TOKEN_OPERATOR;
    skip_number(l);
    return TOKEN_LITERAL;
}

/* Oracle's q'[..]' and nq'[..]', whose sign behind the quote tells the one before its end; false,
 * and nothing passed over, where no such thing begins. */
static bool skip_alternative_quoted(struct sql_lexer *l)
{
    size_t quote = (ahead(l, 0) | 0x20) == 'n' ? 2 : 1;
    if (!is_oracle(l) || (ahead(l, quote - 1) | 0x20) != 'q' || ahead(l, quote) != '\'')
        return false;
    uint8_t sign = ahead(l, quote + 1);
    uint8_t end[2] = {sign == '['   ? ']'
                      : sign == '(' ? ')'
                      : sign == '{' ? '}'
                      : sign == '<' ? '>'
                                    : sign,
                      '\''};
    advance(l, quote + 2);
    struct bytes rest = bytes_from(l->text, l->at);
    advance(l, bytes_find(rest, (struct bytes){end, sizeof(end)}) + sizeof(end));
    return true;
}

/* A word, or what its letters make of the quote behind it: E'', B'', X'', N'', U&''. */
static enum token_kind word(struct sql_lexer *l)
{
    uint8_t letter = ahead(l, 0) | 0x20;
    if ((letter == 'q' || letter == 'n') && skip_alternative_quoted(l))
        return TOKEN_LITERAL;
    size_t end = word_end(l, l->at);
    if (end > l->at + 1) {
        l->at = end;
        return TOKEN_WORD;
    }
    bool is_plain = is_mysql(l) || is_transact(l);
    size_t quote = letter == 'u' && ahead(l, 1) == '&' && !is_plain ? 2 : 1;
    bool is_prefix = letter == 'n' || quote == 2 || (letter == 'e' && !is_plain) ||
                     ((letter == 'b' || letter == 'x') && !is_transact(l));
    if (is_prefix && ahead(l, quote) == '\'') {
        l->at += quote;
        skip_quoted(l, is_mysql(l) || letter == 'e');
        return TOKEN_LITERAL;
    }
    if (quote == 2 && ahead(l, quote) == '"') {
        l->at += quote;
        return skip_quoted(l, false) ? TOKEN_QUOTED : TOKEN_LITERAL;
    }
    l->at = end;
    return TOKEN_WORD;
}

/* Quotes of a name; one without an end could as well be a string's. */
static enum token_kind quoted_name(struct sql_lexer *l)
{
    return skip_quoted(l, false) ? TOKEN_QUOTED : TOKEN_LITERAL;
}

/* "..", of which the dialects think differently. */
static enum token_kind double_quoted(struct sql_lexer *l)
{
    if (!is_mysql(l) && l->dialect != SQL_TRANSACT_QUOTED)
        return quoted_name(l);
    skip_quoted(l, is_mysql(l));
    return TOKEN_LITERAL;
}

/* [..], in which a ] is written twice. */
static enum token_kind bracketed_name(struct sql_lexer *l)
{
    l->at++;
    while (l->at < l->text.len) {
        uint8_t c = ahead(l, 0);
        bool is_twice = c == ']' && ahead(l, 1) == ']';
        l->at += is_twice ? 2 : 1;
        if (c == ']' && !is_twice)
            return TOKEN_QUOTED;
    }
    return TOKEN_LITERAL;
}

/* @variable, @@function, #temporary. */
static enum token_kind marked_word(struct sql_lexer *l)
{
    while (ahead(l, 0) == '@' || (ahead(l, 0) == '#' && is_transact(l)))
        l->at++;
    skip_word(l);
    return TOKEN_WORD;
}

static bool is_operator(const struct sql_lexer *l, size_t n)
{
    switch (class_ahead(l, n)) {
    case 'o':
    case '+':
    case '-':
        return true;
    case '#':
    case '?':
    case '@':
        return !is_mysql(l) && !is_transact(l);
    case '/':
        return ahead(l, n + 1) != '*';
    default:
        return false;
    }
}

/*
 * As many operator signs as belong together.  A sign before an operand, as in `a<-1`, does not:
 * spaces must make no difference.
 */
static enum token_kind operator_signs(struct sql_lexer *l)
{
    do {
        l->at++;
        bool is_sign = class_ahead(l, 0) == '+' || class_ahead(l, 0) == '-';
        if (is_sign && (ahead(l, 1) == '-' || !is_operator(l, 1)))
            break;
        if (l->in_executed && ahead(l, 0) == '*')
            break;
    } while (l->at < l->text.len && is_operator(l, 0));
    return TOKEN_OPERATOR;
}

/* A sign that belongs to a number behind it. */
static bool signed_number(struct sql_lexer *l)
{
    if (!l->wants_operand)
        return false;
    size_t n = blanks_end(l, l->at + 1) - l->at;
    bool is_fraction = ahead(l, n) == '.' && class_ahead(l, n + 1) == 'x';
    if (class_ahead(l, n) != 'x' && !is_fraction)
        return false;
    l->at += n;
    skip_number(l);
    return true;
}

static enum token_kind colon(struct sql_lexer *l)
{
    uint8_t next = ahead(l, 1);
    if (is_oracle(l) && classes[next] >= 'w') {
        l->at++;
        skip_word(l);
        return TOKEN_LITERAL;
    }
    l->at += next == ':' || next == '=' ? 2 : 1;
    return next == ':' ? TOKEN_CAST : TOKEN_OPERATOR;
}

static enum token_kind one(struct sql_lexer *l, enum token_kind kind)
{
    l->at++;
    return kind;
}

static enum token_kind token(struct sql_lexer *l)
{
    switch (class_ahead(l, 0)) {
    case 'w':
        return word(l);
    case 'x':
        skip_number(l);
        return TOKEN_LITERAL;
    case 'y':
        return dollar(l);
    case '\'':
        skip_quoted(l, is_mysql(l));
        return TOKEN_LITERAL;
    case '"':
        return double_quoted(l);
    case '`':
        return is_mysql(l) ? quoted_name(l) : operator_signs(l);
    case '(':
        return one(l, TOKEN_OPEN);
    case ')':
        return one(l, TOKEN_CLOSE);
    case '[':
        return is_transact(l) ? bracketed_name(l) : one(l, TOKEN_BRACKET);
    case ']':
        return one(l, TOKEN_BRACKET_CLOSE);
    case ',':
        return one(l, TOKEN_COMMA);
    case ';':
        return one(l, TOKEN_SEMICOLON);
    case '.':
        if (!l->wants_operand || class_ahead(l, 1) != 'x')
            return one(l, TOKEN_DOT);
        skip_number(l);
        return TOKEN_LITERAL;
    case ':':
        return colon(l);
    case '?':
        /* an operator of PostgreSQL, whose placeholders are $1 */
        return is_mysql(l) || is_transact(l) ? one(l, TOKEN_LITERAL) : operator_signs(l);
    case '@':
        return is_mysql(l) || is_transact(l) ? marked_word(l) : operator_signs(l);
    case '#':
        return is_transact(l) ? marked_word(l) : operator_signs(l);
    case '+':
    case '-':
        return signed_number(l) ? TOKEN_LITERAL : operator_signs(l);
    default:
        return operator_signs(l);
    }
}

static bool wants_operand(const struct sql_token *t)
{
    switch (t->kind) {
    case TOKEN_WORD:
        return t->info->flags & SQL_WORD_OPERAND;
    case TOKEN_SEMICOLON:
    case TOKEN_COMMA:
    case TOKEN_OPEN:
    case TOKEN_BRACKET:
    case TOKEN_OPERATOR:
        return true;
    default:
        return false;
    }
}

void sql_lexer_next(struct sql_lexer *l, struct sql_token *t)
{
    skip_blanks(l);
    size_t from = l->at;
    t->kind = from < l->text.len ? token(l) : TOKEN_END;
    t->text = bytes_first(bytes_from(l->text, from), l->at - from);
    t->info = t->kind == TOKEN_WORD ? sql_word_find(t->text) : NULL;
    l->wants_operand = wants_operand(t);
}

struct bytes sql_token_name(const struct sql_token *t)
{
    if (t->kind != TOKEN_QUOTED)
        return t->text;
    bool is_single = t->text.data[0] == '`' || t->text.data[0] == '[';
    size_t quote = is_single ? 1 : bytes_index(t->text, '"') + 1;
    return bytes_first(bytes_from(t->text, quote), t->text.len - quote - 1);
}
