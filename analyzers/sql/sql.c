/*
 * The shape is written token by token with spaces of its own, so that the same statement with other
 * spaces, comments and literals has the same shape.  Lists of literals fold as they pass: what may
 * belong to a fold is held back until the next token tells.  The hash is over the shape in lower
 * case, all of it, in blocks.
 */
#include "analyzers/sql/sql.h"

#include "analyzers/sql/sql_lexer.h"
#include "analyzers/sql/sql_sense.h"
#include "core/cursor.h"
#include "core/hash.h"

enum {
    HASH_BLOCK = 256,
    BLOCK_SIZE = HASH_BLOCK + sizeof(uint64_t), /* whole words are brought to lower case */
};

static const uint64_t seed = UINT64_C(0x5ee9a7c4d1b3f208); /* fixed: hashes are kept and compared */

/* What of a list has passed. */
enum list {
    LIST_NONE,
    LIST_OPEN,             /* "(" */
    LIST_ITEM,             /* "?" */
    LIST_ITEM_COMMA,       /* "?", and "," held back */
    LIST_FIRST,            /* "(?" */
    LIST_FIRST_COMMA,      /* "(?", and "," held back */
    LIST_GROUP,            /* "(?)" */
    LIST_GROUP_COMMA,      /* "(?)", and "," held back */
    LIST_GROUP_OPEN,       /* "(?)", and ", (" held back */
    LIST_GROUP_ITEM,       /* "(?)", and ", (?" held back */
    LIST_GROUP_ITEM_COMMA, /* "(?)", and ", (?," held back */
    LISTS_COUNT
};

enum passing {
    PASSING_OTHER,
    PASSING_LITERAL,
    PASSING_COMMA,
    PASSING_OPEN,
    PASSING_CLOSE,
    PASSINGS_COUNT
};

/* Where a token folds into what has passed, or is held back; LIST_NONE: it is written. */
static const uint8_t folded[LISTS_COUNT][PASSINGS_COUNT] = {
    [LIST_ITEM] = {[PASSING_LITERAL] = LIST_ITEM, [PASSING_COMMA] = LIST_ITEM_COMMA},
    [LIST_ITEM_COMMA] = {[PASSING_LITERAL] = LIST_ITEM},
    [LIST_FIRST] = {[PASSING_LITERAL] = LIST_FIRST, [PASSING_COMMA] = LIST_FIRST_COMMA},
    [LIST_FIRST_COMMA] = {[PASSING_LITERAL] = LIST_FIRST},
    [LIST_GROUP] = {[PASSING_COMMA] = LIST_GROUP_COMMA},
    [LIST_GROUP_COMMA] = {[PASSING_OPEN] = LIST_GROUP_OPEN},
    [LIST_GROUP_OPEN] = {[PASSING_LITERAL] = LIST_GROUP_ITEM},
    [LIST_GROUP_ITEM] = {[PASSING_LITERAL] = LIST_GROUP_ITEM,
                         [PASSING_COMMA] = LIST_GROUP_ITEM_COMMA,
                         [PASSING_CLOSE] = LIST_GROUP},
    [LIST_GROUP_ITEM_COMMA] = {[PASSING_LITERAL] = LIST_GROUP_ITEM},
};

/* What is held back, and what has passed once it is written. */
static const struct {
    const char *text;
    enum list list;
} held[LISTS_COUNT] = {
    [LIST_NONE] = {"", LIST_NONE},
    [LIST_OPEN] = {"", LIST_OPEN},
    [LIST_ITEM] = {"", LIST_NONE},
    [LIST_ITEM_COMMA] = {",", LIST_NONE},
    [LIST_FIRST] = {"", LIST_FIRST},
    [LIST_FIRST_COMMA] = {",", LIST_NONE},
    [LIST_GROUP] = {"", LIST_NONE},
    [LIST_GROUP_COMMA] = {",", LIST_NONE},
    [LIST_GROUP_OPEN] = {",(", LIST_OPEN},
    [LIST_GROUP_ITEM] = {",(?", LIST_FIRST},
    [LIST_GROUP_ITEM_COMMA] = {",(?,", LIST_NONE},
};

struct shape {
    struct sql *out; /* NULL: only the hash is wanted */
    enum list list;
    enum token_kind last;      /* written */
    bool last_has_operand;     /* it is a word before an operand */
    size_t depth;              /* of parentheses */
    enum token_kind last_seen; /* written or not */
    bool in_values, holds_row, skips_row;
    size_t values_depth;
    uint64_t hash;
    uint8_t *block;               /* block_len bytes are written and not yet in the hash */
    size_t block_len, passed_len; /* passed_len of them are in the shape already */
    bool keeps_case;
};

/* Eight bytes in lower case: the top bit of a byte tells whether it is between 'A' and 'Z'. */
static uint64_t lower(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t low = word & each * 0x7f;
    uint64_t is_upper = (low + each * (0x80 - 'A')) ^ (low + each * (0x7f - 'Z'));
    return word | (is_upper & ~word & each * 0x80) >> 2;
}

static void show(struct sql *out, struct bytes text)
{
    text = bytes_first(text, SQL_SHAPE_MAX - out->shape_len);
    memcpy(out->shape + out->shape_len, text.data, text.len);
    out->shape_len += text.len;
}

/* Shows what is new in the block, and then brings it to lower case. */
static void pass_on(struct shape *s)
{
    if (s->out)
        show(s->out, (struct bytes){s->block + s->passed_len, s->block_len - s->passed_len});
    for (size_t at = s->passed_len; at < s->block_len && !s->keeps_case; at += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, s->block + at, sizeof(word));
        word = lower(word);
        memcpy(s->block + at, &word, sizeof(word));
    }
    s->passed_len = s->block_len;
}

static void block_end(struct shape *s)
{
    pass_on(s);
    s->hash = hash_bytes((struct bytes){s->block, s->block_len}, s->hash);
    s->block_len = s->passed_len = 0;
}

static void put(struct shape *s, struct bytes text)
{
    while (text.len > 0) {
        struct bytes piece = bytes_first(text, HASH_BLOCK - s->block_len);
        memcpy(s->block + s->block_len, piece.data, piece.len);
        s->block_len += piece.len;
        text = bytes_from(text, piece.len);
        if (s->block_len == HASH_BLOCK)
            block_end(s);
    }
}

/* A name in quotes differs by case. */
static void put_as_it_is(struct shape *s, struct bytes text)
{
    pass_on(s);
    s->keeps_case = true;
    put(s, text);
    pass_on(s);
    s->keeps_case = false;
}

static void put_space(struct shape *s)
{
    s->block[s->block_len++] = ' ';
    if (s->block_len == HASH_BLOCK)
        block_end(s);
}

#define BIT(kind) (1u << (kind))

/* Tokens behind which, or before which, there is no space. */
static const unsigned tight_behind =
    BIT(TOKEN_END) | BIT(TOKEN_OPEN) | BIT(TOKEN_DOT) | BIT(TOKEN_CAST) | BIT(TOKEN_BRACKET);
static const unsigned tight_before = BIT(TOKEN_SEMICOLON) | BIT(TOKEN_COMMA) | BIT(TOKEN_CLOSE) |
                                     BIT(TOKEN_DOT) | BIT(TOKEN_CAST) | BIT(TOKEN_BRACKET) |
                                     BIT(TOKEN_BRACKET_CLOSE);

static bool wants_space(const struct shape *s, enum token_kind kind)
{
    if (tight_behind & BIT(s->last) || tight_before & BIT(kind))
        return false;
    /* a call, or the columns of a table, has its parenthesis at its name */
    bool is_name = s->last == TOKEN_WORD || s->last == TOKEN_QUOTED;
    return kind != TOKEN_OPEN || !is_name || s->last_has_operand;
}

static void write_token(struct shape *s, enum token_kind kind, struct bytes text, bool has_operand)
{
    if (wants_space(s, kind))
        put_space(s);
    if (kind == TOKEN_QUOTED)
        put_as_it_is(s, text);
    else
        put(s, text);
    s->last = kind;
    s->last_has_operand = has_operand;
}

static void write_held(struct shape *s)
{
    const char *text = held[s->list].text;
    s->list = held[s->list].list;
    for (; *text; text++) {
        enum token_kind kind = *text == ','   ? TOKEN_COMMA
                               : *text == '(' ? TOKEN_OPEN
                                              : TOKEN_LITERAL;
        write_token(s, kind, bytes_first(bytes_of(text), 1), false);
    }
}

static enum passing passing(enum token_kind kind)
{
    static const uint8_t passings[TOKEN_OPERATOR + 1] = {[TOKEN_LITERAL] = PASSING_LITERAL,
                                                         [TOKEN_COMMA] = PASSING_COMMA,
                                                         [TOKEN_OPEN] = PASSING_OPEN,
                                                         [TOKEN_CLOSE] = PASSING_CLOSE};
    return (enum passing)passings[kind];
}

/* What has passed once a token is written behind what had passed. */
static enum list list_after(enum list list, enum passing passes)
{
    switch (passes) {
    case PASSING_LITERAL:
        return list == LIST_OPEN ? LIST_FIRST : LIST_ITEM;
    case PASSING_OPEN:
        return LIST_OPEN;
    case PASSING_CLOSE:
        return list == LIST_FIRST ? LIST_GROUP : LIST_NONE;
    default:
        return LIST_NONE;
    }
}

static void take(struct shape *s, enum token_kind kind, struct bytes text, bool has_operand)
{
    enum passing passes = passing(kind);
    enum list list = (enum list)folded[s->list][passes];
    if (list != LIST_NONE) {
        s->list = list;
        return;
    }
    write_held(s);
    write_token(s, kind, kind == TOKEN_LITERAL ? bytes_of("?") : text, has_operand);
    s->list = list_after(s->list, passes);
}

/*
 * Of the rows behind VALUES only the first is written: all have its columns.  True where the token
 * belongs to another row, or to the comma before one, and is dealt with.
 */
static bool take_row(struct shape *s, const struct sql_token *t)
{
    if (s->skips_row) {
        s->skips_row = t->kind != TOKEN_CLOSE || s->depth != s->values_depth;
        return true;
    }
    if (!s->in_values)
        return false;
    if (s->holds_row) {
        s->holds_row = false;
        s->skips_row = t->kind == TOKEN_OPEN;
        if (!s->skips_row)
            take(s, TOKEN_COMMA, bytes_of(","), false);
        return s->skips_row;
    }
    s->holds_row =
        t->kind == TOKEN_COMMA && s->last_seen == TOKEN_CLOSE && s->depth == s->values_depth;
    return s->holds_row;
}

static void take_token(struct shape *s, const struct sql_token *t)
{
    enum sql_word word = t->kind == TOKEN_WORD ? (enum sql_word)t->info->word : WORD_NAME;
    enum token_kind kind = t->kind;
    s->depth += kind == TOKEN_OPEN;
    s->depth -= kind == TOKEN_CLOSE && s->depth > 0;
    if (!take_row(s, t)) {
        bool is_constant = word == WORD_CONSTANT && s->in_values && s->depth > s->values_depth;
        if (is_constant)
            kind = TOKEN_LITERAL;
        else if (kind == TOKEN_WORD && s->depth <= s->values_depth)
            s->in_values = false;
        take(s, kind, t->text, kind == TOKEN_WORD && (t->info->flags & SQL_WORD_OPERAND) != 0);
        if (word == WORD_VALUES) {
            s->in_values = true;
            s->values_depth = s->depth;
        }
    }
    s->last_seen = t->kind;
}

/* Ends the shape; gives its hash. */
static uint64_t finish(struct shape *s)
{
    if (s->holds_row)
        take(s, TOKEN_COMMA, bytes_of(","), false);
    write_held(s);
    block_end(s);
    return s->hash ? s->hash : 1;
}

/* Reads a statement's first token; false, and the script is empty, where there is none. */
static bool begin(struct sql_lexer *l, struct sql_token *t, struct bytes *script,
                  enum sql_dialect dialect)
{
    sql_lexer_start(l, *script, dialect);
    do
        sql_lexer_next(l, t);
    while (t->kind == TOKEN_SEMICOLON);
    if (t->kind == TOKEN_END)
        *script = (struct bytes){NULL, 0};
    return t->kind != TOKEN_END;
}

bool sql_read(struct bytes *script, enum sql_dialect dialect, struct sql *out)
{
    struct sql_lexer lexer;
    struct sql_sense sense;
    struct sql_token t;
    uint8_t block[BLOCK_SIZE] = {0};
    if (!begin(&lexer, &t, script, dialect))
        return false;
    struct shape shape = {.out = out, .hash = seed, .block = block};
    out->shape_len = 0;
    sql_sense_start(&sense, out, dialect);
    bool is_one = dialect == SQL_ORACLE;
    while (t.kind != TOKEN_END &&
           (t.kind != TOKEN_SEMICOLON || is_one || !sql_sense_is_whole(&sense))) {
        take_token(&shape, &t);
        sql_sense_take(&sense, &t);
        sql_lexer_next(&lexer, &t);
    }
    out->hash = finish(&shape);
    sql_sense_end(&sense);
    *script = bytes_from(*script, lexer.at);
    return true;
}

/* $1, :1 and ? stand for a value, they are none. */
static bool is_value(const struct sql_token *t)
{
    struct cursor in = cursor_over(t->text);
    uint8_t first = cursor_u8(&in), second = cursor_u8(&in);
    bool is_placeholder =
        first == '?' || first == ':' || (first == '$' && second >= '0' && second <= '9');
    return t->kind == TOKEN_LITERAL && !is_placeholder;
}

bool sql_hash(struct bytes *script, enum sql_dialect dialect, uint64_t *hash, bool *has_values)
{
    struct sql_lexer lexer;
    struct sql_token t;
    uint8_t block[BLOCK_SIZE] = {0};
    struct bytes text = *script;
    if (!begin(&lexer, &t, &text, dialect))
        return false;
    struct shape shape = {.hash = seed, .block = block};
    *has_values = false;
    bool is_one = dialect == SQL_ORACLE;
    while (t.kind != TOKEN_END && (t.kind != TOKEN_SEMICOLON || is_one || shape.depth > 0)) {
        if (t.kind == TOKEN_WORD && t.info->flags & SQL_WORD_BODY)
            return false;
        *has_values = *has_values || is_value(&t);
        take_token(&shape, &t);
        sql_lexer_next(&lexer, &t);
    }
    *hash = finish(&shape);
    *script = bytes_from(*script, lexer.at);
    return true;
}
