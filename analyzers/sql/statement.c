/*
 * A table from hash to statement.  The texts of a statement lie in one block of its own.
 */
#include "analyzers/sql/statement.h"

#include "analyzers/sql/lookups.h"
#include "analyzers/sql/sql_values.h"
#include "analyzers/subject.h"
#include "core/budget.h"
#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

enum { MEMOS_COUNT = 256, MEMO_TEXT_MAX = 501 };

struct kept {
    struct statement statement;
    uint8_t *texts; /* what the statement views; owned */
    size_t texts_size;
};

/* A text that was read, and the hash of its shape; only of texts without values, which are sent
 * again and again as they are. */
struct memo {
    uint64_t hash;
    uint16_t len; /* bytes; 0: none */
    uint8_t dialect;
    uint8_t text[MEMO_TEXT_MAX];
};

struct statements {
    struct table *table;
    struct kept *last; /* what was asked for last: the newest; NULL: nothing */
    uint64_t seed;
    struct memo memos[MEMOS_COUNT]; /* each in the place that the hash of its text gives */
    struct budget texts;
    uint64_t evictions;      /* to make room for texts */
    struct sql sql;          /* the statement that was read last */
    struct statement unkept; /* likewise, where there is no memory to keep it */
};

static void forget(void *context, void *value)
{
    struct statements *s = context;
    struct kept *kept = value;
    if (s->last == kept)
        s->last = NULL;
    if (kept->texts)
        budget_free(&s->texts, &kept->texts, kept->texts_size);
}

struct statements *statements_open(size_t statements_max, size_t bytes_max)
{
    struct statements *s = calloc(1, sizeof(*s));
    struct hash_key key = {0};
    if (!s)
        return NULL;
    /* a statement's hash is what its sender makes it: its place is not to be foreseen */
    if (!hash_key_random(&key))
        key.low = (uint64_t)(uintptr_t)s;
    /* a text is about three times as long as its entry */
    s->texts.bytes_max = bytes_max > 0 ? bytes_max - bytes_max / 4 : SIZE_MAX;
    struct table_config config = {.entries_max = statements_max,
                                  .bytes_max = bytes_max / 4,
                                  .key_size = sizeof(uint64_t),
                                  .value_size = sizeof(struct kept),
                                  .seed = key.low,
                                  .evicted = forget,
                                  .context = s};
    s->seed = key.high;
    s->table = table_open(&config);
    if (!s->table) {
        free(s);
        return NULL;
    }
    return s;
}

void statements_close(struct statements *s)
{
    if (!s)
        return;
    table_close(s->table);
    free(s);
}

/* The statement as a view of what was read. */
static struct statement statement_of(const struct sql *sql)
{
    struct statement statement = {
        .hash = sql->hash,
        .action = sql->action,
        .text = {(const uint8_t *)sql->shape, sql->shape_len},
        .operation = {(const uint8_t *)sql->operation, sql->operation_len},
        .tables_count = sql->tables_count,
    };
    memcpy(statement.tables, sql->tables, sql->tables_count * sizeof(*sql->tables));
    return statement;
}

/* Copies what a view shows to the end of the block. */
static void keep(struct bytes *view, uint8_t *texts, size_t *len)
{
    if (view->len > 0)
        memcpy(texts + *len, view->data, view->len);
    view->data = texts + *len;
    *len += view->len;
}

/* Memory for texts, if need be at the cost of the oldest others. */
static bool texts_reserve(struct statements *all, struct kept *kept, size_t size)
{
    while (!budget_resize(&all->texts, &kept->texts, 0, size)) {
        void *oldest = table_oldest(all->table);
        if (oldest == kept)
            return false;
        table_remove(all->table, oldest);
        all->evictions++;
    }
    kept->texts_size = size;
    return true;
}

static void keep_texts(struct statements *all, struct kept *kept)
{
    struct statement *s = &kept->statement;
    size_t size = s->text.len + s->operation.len, len = 0;
    for (size_t i = 0; i < s->tables_count; i++)
        size += s->tables[i].len;
    if (size == 0 || !texts_reserve(all, kept, size)) {
        s->text = s->operation = (struct bytes){NULL, 0};
        s->tables_count = 0;
        return;
    }
    keep(&s->text, kept->texts, &len);
    keep(&s->operation, kept->texts, &len);
    for (size_t i = 0; i < s->tables_count; i++)
        keep(&s->tables[i], kept->texts, &len);
}

/* The kept statement of that hash, now the newest; NULL where it is unknown. */
static struct kept *find(struct statements *s, uint64_t hash)
{
    if (s->last && s->last->statement.hash == hash)
        return s->last;
    struct kept *kept = table_find(s->table, &hash);
    if (!kept)
        return NULL;
    table_touch_value(s->table, kept);
    s->last = kept;
    return kept;
}

/* The hash of a whole text's shape, known from before or read; false where it is no single
 * statement that sql_hash can tell. */
static bool shape_of(struct statements *s, struct bytes *script, enum sql_dialect dialect,
                     uint64_t *hash)
{
    struct bytes text = *script;
    bool has_values;
    if (text.len == 0 || text.len > MEMO_TEXT_MAX)
        return sql_hash(script, dialect, hash, &has_values);
    struct memo *m = &s->memos[hash_bytes(text, s->seed) % MEMOS_COUNT];
    if (m->dialect == dialect && bytes_equal(text, (struct bytes){m->text, m->len})) {
        *script = bytes_from(text, text.len);
        *hash = m->hash;
        return true;
    }
    if (!sql_hash(script, dialect, hash, &has_values))
        return false;
    if (has_values || script->len > 0)
        return true;
    m->hash = *hash;
    m->len = (uint16_t)text.len;
    m->dialect = (uint8_t)dialect;
    memcpy(m->text, text.data, text.len);
    return true;
}

const struct statement *statements_read(struct statements *s, struct bytes *script,
                                        enum sql_dialect dialect)
{
    uint64_t hash;
    struct bytes rest = *script;
    struct kept *kept = shape_of(s, &rest, dialect, &hash) ? find(s, hash) : NULL;
    if (kept) {
        *script = rest;
        return &kept->statement;
    }
    if (!sql_read(script, dialect, &s->sql))
        return NULL;
    bool is_new;
    kept = table_touch(s->table, &s->sql.hash, &is_new);
    if (!kept) {
        s->unkept = statement_of(&s->sql);
        return &s->unkept;
    }
    if (is_new) {
        kept->statement = statement_of(&s->sql);
        keep_texts(s, kept);
    }
    s->last = kept;
    return &kept->statement;
}

const struct statement *statements_keep(struct statements *s, const struct statement *statement)
{
    bool is_new;
    struct kept *kept = table_touch(s->table, &statement->hash, &is_new);
    if (!kept)
        return statement;
    if (is_new) {
        kept->statement = *statement;
        keep_texts(s, kept);
    }
    s->last = kept;
    return &kept->statement;
}

const struct statement *statements_find(struct statements *s, uint64_t hash)
{
    struct kept *kept = find(s, hash);
    return kept ? &kept->statement : NULL;
}

/* A walk over the values of a statement. */
struct asking {
    struct exchange *x;
    struct request *r;
    struct lookups *lookups; /* NULL: the literals are asked for */
    bool has_lookups;
};

static unsigned kind_of(void *context, struct bytes column)
{
    const struct asking *asking = context;
    return subject_of_name(asking->x, column);
}

static void take_value(void *context, const struct sql_value *v)
{
    struct asking *asking = context;
    enum subject_kind kind = (enum subject_kind)v->kind;
    asking->has_lookups = true;
    if (asking->lookups && v->is_placeholder) {
        struct bytes name = v->number == 0 ? v->name : (struct bytes){NULL, 0};
        lookups_add(asking->lookups, v->number, name, kind);
    } else if (!asking->lookups && v->text.len > 0) {
        subject_ask(asking->x, asking->r, kind, v->text);
    }
}

/* Walks over the text, unless its shape is known to look for nobody. */
static void ask(struct asking *asking, const struct statement *s, struct bytes text,
                enum sql_dialect dialect)
{
    struct statements *all = asking->x->statements;
    if (!subject_is_on(asking->x, SIDE_CLIENT) || (s->is_learned && !s->has_lookups))
        return;
    const struct sql_values_events events = {
        .kind = kind_of, .value = take_value, .context = asking};
    unsigned placeholders = sql_values(text, dialect, &events);
    if (asking->lookups)
        asking->lookups->placeholders = (uint16_t)placeholders;
    struct kept *kept = s->is_learned ? NULL : find(all, s->hash);
    if (!kept)
        return;
    kept->statement.is_learned = true;
    kept->statement.has_lookups = asking->has_lookups;
}

void statements_ask(struct exchange *x, struct request *r, const struct statement *s,
                    struct bytes text, enum sql_dialect dialect)
{
    struct asking asking = {.x = x, .r = r};
    ask(&asking, s, text, dialect);
}

void statements_lookups(struct exchange *x, const struct statement *s, struct bytes text,
                        enum sql_dialect dialect, struct lookups *lookups)
{
    struct asking asking = {.x = x, .lookups = lookups};
    *lookups = (struct lookups){0};
    ask(&asking, s, text, dialect);
}

uint64_t statements_evictions(const struct statements *s)
{
    return table_evictions(s->table) + s->evictions;
}
