/*
 * No grammar: the few words that bring tables, and the depth of parentheses.  What it does not
 * understand it leaves out; a wrong table name would be worse than a missing one.
 */
#include "analyzers/sql/sql_sense.h"

enum { DEPTH_MAX = 63 };

void sql_sense_start(struct sql_sense *s, struct sql *out, enum sql_dialect dialect)
{
    *s = (struct sql_sense){.out = out, .dialect = dialect, .last = TOKEN_END};
    out->action = ACTION_OTHER;
    out->operation_len = 0;
    out->tables_count = 0;
}

/* The bit of the current depth; none beyond what is tracked. */
static uint64_t here(const struct sql_sense *s)
{
    return s->depth <= DEPTH_MAX ? UINT64_C(1) << s->depth : 0;
}

static bool same_name(struct bytes a, struct bytes b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        uint8_t differ = a.data[i] ^ b.data[i], letter = a.data[i] | 0x20;
        if (differ != 0 && (differ != 0x20 || letter < 'a' || letter > 'z'))
            return false;
    }
    return true;
}

static void name_add(struct sql_sense *s, struct bytes part)
{
    if (part.len > SQL_NAMES_MAX - s->names_len) {
        s->in_name = false;
        s->names_len = s->name_at;
        return;
    }
    if (part.len > 0)
        memcpy(s->out->names + s->names_len, part.data, part.len);
    s->names_len += part.len;
}

static void name_begin(struct sql_sense *s, const struct sql_token *t)
{
    s->is_source = s->expecting == EXPECTING_SOURCE;
    s->expecting = EXPECTING_NOTHING;
    s->in_name = true;
    s->name_at = s->names_len;
    name_add(s, sql_token_name(t));
}

static bool is_known(const struct sql_sense *s, struct bytes name)
{
    for (size_t i = 0; i < s->out->tables_count; i++) {
        if (same_name(s->out->tables[i], name))
            return true;
    }
    for (size_t i = 0; i < s->ctes_count; i++) {
        if (same_name(s->ctes[i], name))
            return true;
    }
    return false;
}

static void name_end(struct sql_sense *s, bool is_call)
{
    struct sql *out = s->out;
    if (s->last == TOKEN_DOT)
        s->names_len--;
    struct bytes name = {(const uint8_t *)out->names + s->name_at, s->names_len - s->name_at};
    s->in_name = false;
    if (is_call || name.len == 0 || out->tables_count == SQL_TABLES_MAX || is_known(s, name)) {
        s->names_len = s->name_at;
        return;
    }
    out->tables[out->tables_count++] = name;
}

/* Goes on with a qualified name; false where the name has ended before t. */
static bool name_take(struct sql_sense *s, const struct sql_token *t)
{
    if (t->kind == TOKEN_DOT && s->last != TOKEN_DOT) {
        name_add(s, t->text);
        return true;
    }
    if (s->last == TOKEN_DOT && (t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED)) {
        name_add(s, sql_token_name(t));
        return true;
    }
    name_end(s, s->is_source && t->kind == TOKEN_OPEN);
    return false;
}

static void operation(struct sql_sense *s, const struct sql_token *t)
{
    struct bytes text = bytes_first(t->text, SQL_OPERATION_MAX);
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        s->out->operation[i] = (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
    }
    s->out->operation_len = text.len;
}

/* Where a statement, or one inside, may begin. */
static bool at_verb(const struct sql_sense *s)
{
    switch (s->last) {
    case TOKEN_END:
    case TOKEN_OPEN:
    case TOKEN_CLOSE:
    case TOKEN_SEMICOLON:
        return true;
    case TOKEN_WORD:
        return s->is_explained && (s->last_word == WORD_EXPLAIN || s->last_word == WORD_ANALYZE);
    default:
        return false;
    }
}

static bool is_change(enum sql_word word)
{
    return word == WORD_INSERT || word == WORD_UPDATE || word == WORD_DELETE ||
           word == WORD_MERGE || word == WORD_REPLACE;
}

static bool is_main(enum sql_word word)
{
    return is_change(word) || word == WORD_SELECT || word == WORD_VALUES || word == WORD_TABLE;
}

static bool is_transact(const struct sql_sense *s)
{
    return s->dialect == SQL_TRANSACT || s->dialect == SQL_TRANSACT_QUOTED;
}

/* Without semicolons: SET NOCOUNT ON SELECT ... is two statements, and the second says more. */
static bool is_another(const struct sql_sense *s, enum sql_word word)
{
    bool is_plain = s->verb == WORD_NAME || s->verb == WORD_OTHER || s->verb == WORD_BEGIN ||
                    s->verb == WORD_MODIFIER;
    bool is_verb = is_main(word) && word != WORD_VALUES && word != WORD_TABLE;
    return is_transact(s) && s->depth == 0 && s->has_verb && is_plain && is_verb;
}

/* Whether this is the verb. */
static bool take_verb(struct sql_sense *s, const struct sql_token *t, enum sql_word word)
{
    bool is_first = !s->has_verb;
    bool is_behind_with =
        s->is_with && s->verb == WORD_WITH && s->depth == s->cte_depth && is_main(word);
    if (!is_first && !is_behind_with && !is_another(s, word))
        return false;
    s->has_verb = true;
    s->verb = word;
    s->is_with = s->is_with || word == WORD_WITH;
    s->is_explained = word == WORD_EXPLAIN;
    s->in_ctes = s->in_ctes && !is_behind_with;
    operation(s, t);
    return true;
}

static void expect(struct sql_sense *s, enum sql_expecting expecting, bool is_list)
{
    s->expecting = expecting;
    if (is_list)
        s->lists |= here(s);
}

static void take_from(struct sql_sense *s)
{
    if (s->verb == WORD_COPY && s->depth == 0 && !s->has_direction)
        s->has_direction = s->copies_in = true;
    if ((s->verbs & here(s)) != 0 && s->last_word != WORD_DISTINCT)
        expect(s, EXPECTING_SOURCE, true);
}

static void take_into(struct sql_sense *s)
{
    s->has_into = s->has_into || (s->verb == WORD_SELECT && s->depth == 0);
    expect(s, EXPECTING_TARGET, false);
}

static void take_change(struct sql_sense *s, enum sql_word word, bool is_first, bool is_verb)
{
    if ((!at_verb(s) && !is_verb) || (word == WORD_REPLACE && !is_first))
        return;
    s->has_write = true;
    s->verbs |= here(s);
    if (word != WORD_DELETE || is_transact(s))
        expect(s, EXPECTING_TARGET, word == WORD_UPDATE);
}

static void take_blocks(struct sql_sense *s, enum sql_word word)
{
    if (word == WORD_ATOMIC && s->last_word == WORD_BEGIN && s->blocks == 0)
        s->blocks = 1;
    else if (word == WORD_CASE && s->blocks > 0)
        s->blocks++;
    else if (word == WORD_END && s->blocks > 0)
        s->blocks--;
    else if (word == WORD_ROUTINE && s->verb == WORD_CREATE && s->dialect == SQL_MYSQL &&
             s->depth == 0 && s->last_word != WORD_OTHER)
        s->is_routine = true;
}

/* Words that are as good as any name where their meaning cannot be meant. */
static bool is_plain_here(const struct sql_sense *s, enum sql_word word)
{
    switch (word) {
    case WORD_COPY:
    case WORD_TRUNCATE:
        return s->has_verb;
    case WORD_ATOMIC:
    case WORD_ROUTINE:
        return s->expecting != EXPECTING_NOTHING;
    default:
        return false;
    }
}

/* A word that is no name, or a name where none of the words below is expected. */
/* What a word brings that has a meaning here; false where it has none, and may be a name. */
static bool take_meaning(struct sql_sense *s, enum sql_word word)
{
    switch (word) {
    case WORD_SELECT:
        if (s->verb != WORD_GRANT && s->verb != WORD_REVOKE)
            s->verbs |= here(s);
        return true;
    case WORD_FROM:
        take_from(s);
        return true;
    case WORD_JOIN:
        expect(s, EXPECTING_SOURCE, false);
        return true;
    case WORD_INTO:
        take_into(s);
        return true;
    case WORD_USING:
        if (s->depth == 0 && (s->verb == WORD_DELETE || s->verb == WORD_MERGE))
            expect(s, EXPECTING_TARGET, true);
        return true;
    case WORD_TABLE:
        expect(s, EXPECTING_TARGET,
               s->verb == WORD_DROP || s->verb == WORD_TRUNCATE || s->verb == WORD_LOCK);
        return true;
    case WORD_COPY:
        expect(s, EXPECTING_TARGET, false);
        return true;
    case WORD_TRUNCATE:
        expect(s, EXPECTING_TARGET, true);
        return true;
    case WORD_TO:
        s->has_direction = s->has_direction || s->depth == 0;
        return true;
    case WORD_WITH:
        s->expects_cte = s->in_ctes = at_verb(s);
        s->cte_depth = s->depth;
        return true;
    case WORD_ANALYZE:
        s->is_analyzed = true;
        return true;
    case WORD_ATOMIC:
    case WORD_CASE:
    case WORD_END:
    case WORD_ROUTINE:
        take_blocks(s, word);
        return true;
    default:
        return word == WORD_FILE;
    }
}

static void take_word(struct sql_sense *s, const struct sql_token *t)
{
    enum sql_word word = (enum sql_word)t->info->word;
    bool is_first = !s->has_verb;
    enum sql_expecting expecting = s->expecting;
    if (is_plain_here(s, word))
        word = WORD_OTHER;
    bool is_verb = take_verb(s, t, word);
    if (t->info->flags & SQL_WORD_CLAUSE)
        s->lists &= ~here(s);
    s->expecting = EXPECTING_NOTHING;
    if (is_change(word)) {
        take_change(s, word, is_first, is_verb);
        return;
    }
    if (take_meaning(s, word))
        return;
    s->expecting = expecting;
    bool is_passed_over = word == WORD_MODIFIER || word == WORD_RECURSIVE;
    if (!is_passed_over && expecting != EXPECTING_NOTHING && !(t->info->flags & SQL_WORD_CLAUSE))
        name_begin(s, t);
}

static void cte_add(struct sql_sense *s, struct bytes name)
{
    if (s->ctes_count < SQL_SENSE_CTES_MAX)
        s->ctes[s->ctes_count++] = name;
}

static void take_name(struct sql_sense *s, const struct sql_token *t)
{
    if (s->expects_cte)
        cte_add(s, sql_token_name(t));
    else if (s->expecting != EXPECTING_NOTHING)
        name_begin(s, t);
    s->expects_cte = false;
}

/* INSERT BULK t, DELETE TOP (1) t: a word between a verb and its table. */
static bool is_between(const struct sql_sense *s, const struct sql_token *t)
{
    if (!is_transact(s) || s->expecting != EXPECTING_TARGET)
        return false;
    return s->last_word == WORD_INSERT ? bytes_are_nocase(t->text, "bulk")
                                       : bytes_are_nocase(t->text, "top");
}

static void take_plain_word(struct sql_sense *s, const struct sql_token *t)
{
    if (is_between(s, t))
        return;
    bool is_variable = t->text.data[0] == '@';
    if (is_variable && s->last_word == WORD_INTO)
        s->has_into = false;
    if (!s->has_verb)
        take_word(s, t);
    else if (!is_variable)
        take_name(s, t);
    else
        s->expecting = EXPECTING_NOTHING;
}

static void take_open(struct sql_sense *s)
{
    bool goes_on = s->expecting == EXPECTING_SOURCE;
    s->expects_cte = false;
    s->depth++;
    s->lists &= ~here(s);
    s->verbs &= ~here(s);
    s->expecting = EXPECTING_NOTHING;
    if (goes_on)
        expect(s, EXPECTING_SOURCE, true);
}

static void take_close(struct sql_sense *s)
{
    s->lists &= ~here(s);
    s->verbs &= ~here(s);
    s->depth -= s->depth > 0;
    s->expecting = EXPECTING_NOTHING;
}

static void take_comma(struct sql_sense *s)
{
    s->expecting = (s->lists & here(s)) != 0 ? EXPECTING_SOURCE : EXPECTING_NOTHING;
    s->expects_cte = s->in_ctes && s->depth == s->cte_depth;
}

void sql_sense_take(struct sql_sense *s, const struct sql_token *t)
{
    if (!s->in_name || !name_take(s, t)) {
        switch (t->kind) {
        case TOKEN_WORD:
            if (t->info->word == WORD_NAME)
                take_plain_word(s, t);
            else if (s->expects_cte && t->info->word != WORD_RECURSIVE)
                take_name(s, t);
            else
                take_word(s, t);
            break;
        case TOKEN_QUOTED:
            take_name(s, t);
            break;
        case TOKEN_OPEN:
            take_open(s);
            break;
        case TOKEN_CLOSE:
            take_close(s);
            break;
        case TOKEN_COMMA:
            take_comma(s);
            break;
        default:
            s->expecting = EXPECTING_NOTHING;
        }
    }
    s->last = t->kind;
    s->last_word = t->kind == TOKEN_WORD ? (enum sql_word)t->info->word : WORD_NAME;
}

bool sql_sense_is_whole(const struct sql_sense *s)
{
    return s->depth == 0 && s->blocks == 0 && !s->is_routine;
}

static enum action action(const struct sql_sense *s)
{
    switch (s->verb) {
    case WORD_EXPLAIN:
        return s->is_analyzed && s->has_write ? ACTION_WRITE : ACTION_READ;
    case WORD_SELECT:
        return s->has_into || (s->is_with && s->has_write) ? ACTION_WRITE : ACTION_READ;
    case WORD_VALUES:
    case WORD_TABLE:
        return s->is_with && s->has_write ? ACTION_WRITE : ACTION_READ;
    case WORD_COPY:
        return s->copies_in ? ACTION_WRITE : ACTION_READ;
    case WORD_DESCRIBE:
    case WORD_FETCH:
    case WORD_HANDLER:
    case WORD_SHOW:
        return ACTION_READ;
    case WORD_DELETE:
    case WORD_INSERT:
    case WORD_LOAD:
    case WORD_MERGE:
    case WORD_REPLACE:
    case WORD_TRUNCATE:
    case WORD_UPDATE:
        return ACTION_WRITE;
    case WORD_ALTER:
    case WORD_COMMENT:
    case WORD_CREATE:
    case WORD_DROP:
    case WORD_GRANT:
    case WORD_RENAME:
    case WORD_REVOKE:
        return ACTION_DEFINE;
    default:
        return ACTION_OTHER;
    }
}

void sql_sense_end(struct sql_sense *s)
{
    if (s->in_name)
        name_end(s, false);
    s->out->action = action(s);
}
