/*
 * A batch is one request, however many statements are in it; what stands for it is all of their
 * shapes, the tables of all, and what the most telling of them does.
 */
#include "analyzers/tds/tds_text.h"

#include "core/cursor.h"
#include "core/hash.h"

enum {
    STATEMENTS_IN_BATCH_MAX = 256,
    UTF8_MAX = 4, /* bytes of a character */
    REPLACEMENT = 0xfffd,
};

/* A character; half of a pair is none. */
static uint32_t character(struct cursor *in)
{
    uint32_t unit = cursor_le16(in);
    if (unit < 0xd800 || unit > 0xdfff)
        return unit;
    struct cursor peek = *in;
    uint32_t low = cursor_le16(&peek);
    if (unit >= 0xdc00 || cursor_is_short(&peek) || low < 0xdc00 || low > 0xdfff)
        return REPLACEMENT;
    *in = peek;
    return 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00));
}

static size_t put(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)(c ? c : ' ');
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

struct bytes tds_utf8(struct bytes utf16, char *out, size_t out_max)
{
    struct cursor in = cursor_over(utf16);
    size_t len = 0;
    while (cursor_left(&in) >= 2 && out_max - len >= UTF8_MAX)
        len += put(character(&in), out + len);
    return (struct bytes){(const uint8_t *)out, len};
}

/* Several statements as one. */
struct sum {
    struct statement statement;
    char text[SQL_SHAPE_MAX], operation[SQL_OPERATION_MAX], names[SQL_NAMES_MAX];
    size_t names_len;
};

static int weight(enum action action)
{
    switch (action) {
    case ACTION_WRITE:
        return 3;
    case ACTION_DEFINE:
        return 2;
    case ACTION_READ:
        return 1;
    default:
        return 0;
    }
}

static void add_text(struct sum *sum, struct bytes text)
{
    struct statement *s = &sum->statement;
    size_t len = s->text.len;
    if (len > 0 && len + 2 <= sizeof(sum->text)) {
        memcpy(sum->text + len, "; ", 2);
        len += 2;
    }
    text = bytes_first(text, sizeof(sum->text) - len);
    if (text.len > 0)
        memcpy(sum->text + len, text.data, text.len);
    s->text = (struct bytes){(const uint8_t *)sum->text, len + text.len};
}

static void add_table(struct sum *sum, struct bytes table)
{
    struct statement *s = &sum->statement;
    for (size_t i = 0; i < s->tables_count; i++) {
        if (bytes_equal(s->tables[i], table))
            return;
    }
    if (s->tables_count == SQL_TABLES_MAX || table.len > sizeof(sum->names) - sum->names_len)
        return;
    char *name = sum->names + sum->names_len;
    if (table.len > 0)
        memcpy(name, table.data, table.len);
    sum->names_len += table.len;
    s->tables[s->tables_count++] = (struct bytes){(const uint8_t *)name, table.len};
}

static void add(struct sum *sum, const struct statement *other)
{
    struct statement *s = &sum->statement;
    bool is_first = s->hash == 0;
    uint8_t hash[sizeof(other->hash)];
    memcpy(hash, &other->hash, sizeof(hash));
    s->hash = hash_bytes((struct bytes){hash, sizeof(hash)}, s->hash);
    s->hash = s->hash ? s->hash : 1;
    add_text(sum, other->text);
    for (size_t i = 0; i < other->tables_count; i++)
        add_table(sum, other->tables[i]);
    if (!is_first && weight(other->action) <= weight(s->action))
        return;
    s->action = other->action;
    if (other->operation.len > 0)
        memcpy(sum->operation, other->operation.data, other->operation.len);
    s->operation = (struct bytes){(const uint8_t *)sum->operation, other->operation.len};
}

static void add_read(struct sum *sum, const struct sql *sql)
{
    struct statement statement = {
        .hash = sql->hash,
        .action = sql->action,
        .text = {(const uint8_t *)sql->shape, sql->shape_len},
        .operation = {(const uint8_t *)sql->operation, sql->operation_len},
        .tables_count = sql->tables_count};
    memcpy(statement.tables, sql->tables, sql->tables_count * sizeof(*sql->tables));
    add(sum, &statement);
}

/* Whether text, from its place `at` on, is that word in lower case; case does not matter. */
static bool is_at(struct bytes text, size_t at, const char *word)
{
    return bytes_are_nocase(bytes_first(bytes_from(text, at), strlen(word)), word);
}

/* SET QUOTED_IDENTIFIER ON, or OFF. */
static void read_setting(struct tds_meaning *m, struct bytes shape)
{
    static const char name[] = "quoted_identifier ";
    for (size_t at = 0; at + sizeof(name) < shape.len; at++) {
        if ((shape.data[at] | 0x20) != name[0] || !is_at(shape, at, name))
            continue;
        m->quotes_names = is_at(shape, at + sizeof(name) - 1, "on");
        m->quotes_texts = is_at(shape, at + sizeof(name) - 1, "off");
    }
}

static struct tds_meaning meaning_of(const struct statement *s, struct bytes text)
{
    struct tds_meaning m = {.statement = s, .hash = s->hash, .action = s->action};
    m.is_bulk = is_at(s->text, 0, "insert bulk ");
    if (is_at(text, 0, "set"))
        read_setting(&m, s->text);
    return m;
}

struct tds_meaning tds_statement(struct statements *all, struct bytes text,
                                 bool has_texts_in_quotes)
{
    enum sql_dialect dialect = has_texts_in_quotes ? SQL_TRANSACT_QUOTED : SQL_TRANSACT;
    struct bytes rest = text;
    const struct statement *first = statements_read(all, &rest, dialect);
    struct sql sql;
    if (!first)
        return (struct tds_meaning){.hash = 0};
    struct tds_meaning m = meaning_of(first, bytes_trim(text));
    m.dialect = dialect;
    if (bytes_trim(rest).len == 0 || !sql_read(&rest, dialect, &sql))
        return m;
    struct sum sum = {.names_len = 0};
    add(&sum, first);
    add_read(&sum, &sql);
    for (int n = 2; n < STATEMENTS_IN_BATCH_MAX && sql_read(&rest, dialect, &sql); n++)
        add_read(&sum, &sql);
    m = meaning_of(&sum.statement, bytes_trim(text));
    m.dialect = dialect;
    m.statement = statements_keep(all, &sum.statement);
    return m;
}
