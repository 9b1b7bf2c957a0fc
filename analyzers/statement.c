/*
 * A table from hash to statement.  The texts of a statement lie in one block of its own.
 */
#include "analyzers/statement.h"

#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

struct kept {
    struct statement statement;
    uint8_t *texts; /* what the statement views; owned */
};

struct statements {
    struct table *table;
    struct sql sql;          /* the statement that was read last */
    struct statement unkept; /* likewise, where there is no memory to keep it */
};

static void forget(void *context, void *value)
{
    (void)context;
    struct kept *kept = value;
    free(kept->texts);
}

struct statements *statements_open(size_t statements_max)
{
    struct statements *s = calloc(1, sizeof(*s));
    struct hash_key key;
    if (!s)
        return NULL;
    /* a statement's hash is what its sender makes it: its place is not to be foreseen */
    if (!hash_key_random(&key))
        key.low = (uint64_t)(uintptr_t)s;
    struct table_config config = {.entries_max = statements_max,
                                  .key_size = sizeof(uint64_t),
                                  .value_size = sizeof(struct kept),
                                  .seed = key.low,
                                  .evicted = forget};
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

static void keep_texts(struct kept *kept)
{
    struct statement *s = &kept->statement;
    size_t size = s->text.len + s->operation.len, len = 0;
    for (size_t i = 0; i < s->tables_count; i++)
        size += s->tables[i].len;
    kept->texts = size > 0 ? malloc(size) : NULL;
    if (!kept->texts) {
        s->text = s->operation = (struct bytes){NULL, 0};
        s->tables_count = 0;
        return;
    }
    keep(&s->text, kept->texts, &len);
    keep(&s->operation, kept->texts, &len);
    for (size_t i = 0; i < s->tables_count; i++)
        keep(&s->tables[i], kept->texts, &len);
}

const struct statement *statements_read(struct statements *s, struct bytes *script,
                                        enum sql_dialect dialect)
{
    bool is_new;
    if (!sql_read(script, dialect, &s->sql))
        return NULL;
    struct kept *kept = table_touch(s->table, &s->sql.hash, &is_new);
    if (!kept) {
        s->unkept = statement_of(&s->sql);
        return &s->unkept;
    }
    if (is_new) {
        kept->statement = statement_of(&s->sql);
        keep_texts(kept);
    }
    return &kept->statement;
}

const struct statement *statements_find(struct statements *s, uint64_t hash)
{
    struct kept *kept = table_find(s->table, &hash);
    if (!kept)
        return NULL;
    table_touch_value(s->table, kept);
    return &kept->statement;
}

uint64_t statements_evictions(const struct statements *s)
{
    return table_evictions(s->table);
}
