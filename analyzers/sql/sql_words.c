/*
 * The table of words, by their first letter (PostgreSQL 16, appendix C; MySQL 8.0, section 9.3).
 */
#include "analyzers/sql/sql_words.h"

enum {
    OPERAND = SQL_WORD_OPERAND,
    CLAUSE = SQL_WORD_CLAUSE,
    BODY = SQL_WORD_BODY,
    LEN_MIN = 2,
    LEN_MAX = 13
};

#define W(text, word, flags)                                                                       \
    {                                                                                              \
        text, sizeof(text) - 1, word, flags                                                        \
    }

static const struct sql_word_info name = {"", 0, WORD_NAME, 0};

static const struct sql_word_info words_a[] = {
    W("and", WORD_OTHER, OPERAND), W("as", WORD_OTHER, OPERAND),  W("all", WORD_OTHER, OPERAND),
    W("alter", WORD_ALTER, 0),     W("analyze", WORD_ANALYZE, 0), W("atomic", WORD_ATOMIC, BODY),
};
static const struct sql_word_info words_b[] = {
    W("by", WORD_OTHER, OPERAND),
    W("begin", WORD_BEGIN, 0),
    W("between", WORD_OTHER, OPERAND),
};
static const struct sql_word_info words_c[] = {
    W("case", WORD_CASE, OPERAND), W("create", WORD_CREATE, 0),
    W("copy", WORD_COPY, OPERAND), W("check", WORD_OTHER, OPERAND),
    W("comment", WORD_COMMENT, 0), W("concurrently", WORD_MODIFIER, 0),
};
static const struct sql_word_info words_d[] = {
    W("desc", WORD_DESCRIBE, 0),           W("drop", WORD_DROP, 0),
    W("delete", WORD_DELETE, 0),           W("default", WORD_CONSTANT, OPERAND),
    W("delayed", WORD_MODIFIER, 0),        W("describe", WORD_DESCRIBE, 0),
    W("distinct", WORD_DISTINCT, OPERAND), W("dumpfile", WORD_FILE, 0),
};
static const struct sql_word_info words_e[] = {
    W("end", WORD_END, 0),
    W("else", WORD_OTHER, OPERAND),
    W("event", WORD_ROUTINE, BODY),
    W("except", WORD_OTHER, OPERAND | CLAUSE),
    W("exists", WORD_MODIFIER, OPERAND),
    W("explain", WORD_EXPLAIN, OPERAND),
};
static const struct sql_word_info words_f[] = {
    W("for", WORD_OTHER, CLAUSE),     W("from", WORD_FROM, OPERAND),
    W("false", WORD_CONSTANT, 0),     W("fetch", WORD_FETCH, CLAUSE),
    W("filter", WORD_OTHER, OPERAND), W("function", WORD_ROUTINE, BODY),
};
static const struct sql_word_info words_g[] = {
    W("group", WORD_OTHER, CLAUSE),
    W("grant", WORD_GRANT, 0),
};
static const struct sql_word_info words_h[] = {
    W("having", WORD_OTHER, OPERAND | CLAUSE),
    W("handler", WORD_HANDLER, 0),
    W("high_priority", WORD_MODIFIER, 0),
};
static const struct sql_word_info words_i[] = {
    W("in", WORD_OTHER, OPERAND),
    W("if", WORD_MODIFIER, 0),
    W("into", WORD_INTO, 0),
    W("insert", WORD_INSERT, 0),
    W("ilike", WORD_OTHER, OPERAND),
    W("ignore", WORD_MODIFIER, 0),
    W("interval", WORD_OTHER, OPERAND),
    W("intersect", WORD_OTHER, OPERAND | CLAUSE),
};
static const struct sql_word_info words_j[] = {
    W("join", WORD_JOIN, OPERAND),
};
static const struct sql_word_info words_k[] = {
    W("key", WORD_OTHER, OPERAND),
};
static const struct sql_word_info words_l[] = {
    W("like", WORD_OTHER, OPERAND),
    W("limit", WORD_OTHER, OPERAND | CLAUSE),
    W("load", WORD_LOAD, 0),
    W("lock", WORD_LOCK, CLAUSE),
    W("lateral", WORD_MODIFIER, OPERAND),
    W("low_priority", WORD_MODIFIER, 0),
};
static const struct sql_word_info words_m[] = {
    W("merge", WORD_MERGE, 0),
    W("materialized", WORD_OTHER, OPERAND),
};
static const struct sql_word_info words_n[] = {
    W("not", WORD_MODIFIER, OPERAND),
    W("null", WORD_CONSTANT, 0),
};
static const struct sql_word_info words_o[] = {
    W("on", WORD_OTHER, OPERAND),   W("or", WORD_OTHER, OPERAND),
    W("over", WORD_OTHER, OPERAND), W("only", WORD_MODIFIER, OPERAND),
    W("order", WORD_OTHER, CLAUSE), W("offset", WORD_OTHER, OPERAND | CLAUSE),
    W("outfile", WORD_FILE, 0),
};
static const struct sql_word_info words_p[] = {
    W("procedure", WORD_ROUTINE, BODY),
    W("partition", WORD_OTHER, OPERAND),
};
static const struct sql_word_info words_q[] = {
    W("quick", WORD_MODIFIER, 0),
};
static const struct sql_word_info words_r[] = {
    W("rename", WORD_RENAME, 0),
    W("revoke", WORD_REVOKE, 0),
    W("replace", WORD_REPLACE, 0),
    W("recursive", WORD_RECURSIVE, 0),
    W("returning", WORD_OTHER, OPERAND | CLAUSE),
};
static const struct sql_word_info words_s[] = {
    W("select", WORD_SELECT, OPERAND | CLAUSE),
    W("set", WORD_OTHER, OPERAND | CLAUSE),
    W("show", WORD_SHOW, 0),
    W("straight_join", WORD_JOIN, OPERAND),
};
static const struct sql_word_info words_t[] = {
    W("to", WORD_TO, 0),
    W("then", WORD_OTHER, OPERAND),
    W("true", WORD_CONSTANT, 0),
    W("table", WORD_TABLE, 0),
    W("temp", WORD_MODIFIER, 0),
    W("temporary", WORD_MODIFIER, 0),
    W("trigger", WORD_ROUTINE, BODY),
    W("truncate", WORD_TRUNCATE, 0),
};
static const struct sql_word_info words_u[] = {
    W("update", WORD_UPDATE, 0),
    W("union", WORD_OTHER, OPERAND | CLAUSE),
    W("using", WORD_USING, OPERAND),
    W("unlogged", WORD_MODIFIER, 0),
};
static const struct sql_word_info words_v[] = {
    W("values", WORD_VALUES, OPERAND | CLAUSE),
};
static const struct sql_word_info words_w[] = {
    W("where", WORD_OTHER, OPERAND | CLAUSE), W("with", WORD_WITH, OPERAND),
    W("when", WORD_OTHER, OPERAND),           W("within", WORD_OTHER, 0),
    W("window", WORD_OTHER, CLAUSE),
};

#define LIST(words)                                                                                \
    {                                                                                              \
        words, sizeof(words) / sizeof(words[0])                                                    \
    }

static const struct {
    const struct sql_word_info *words;
    size_t count;
} by_letter[26] = {
    LIST(words_a), LIST(words_b), LIST(words_c), LIST(words_d), LIST(words_e), LIST(words_f),
    LIST(words_g), LIST(words_h), LIST(words_i), LIST(words_j), LIST(words_k), LIST(words_l),
    LIST(words_m), LIST(words_n), LIST(words_o), LIST(words_p), LIST(words_q), LIST(words_r),
    LIST(words_s), LIST(words_t), LIST(words_u), LIST(words_v), LIST(words_w), /* none in x, y, z */
};

const struct sql_word_info *sql_word_find(struct bytes text)
{
    if (text.len < LEN_MIN || text.len > LEN_MAX)
        return &name;
    unsigned letter = (text.data[0] | 0x20u) - 'a';
    for (size_t n = 0; letter < 26 && n < by_letter[letter].count; n++) {
        const struct sql_word_info *info = &by_letter[letter].words[n];
        size_t same = 0;
        if (info->len != text.len)
            continue;
        /* what differs by this bit from a letter or a line below is no other byte of words */
        while (same < text.len && ((text.data[same] ^ (uint8_t)info->text[same]) | 0x20) == 0x20)
            same++;
        if (same == text.len)
            return info;
    }
    return &name;
}
