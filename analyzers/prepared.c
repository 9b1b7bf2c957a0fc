/*
 * A table over hashes of the names.
 */
#include "analyzers/prepared.h"

#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

struct prepared {
    struct table *table;
    uint64_t seed;
};

struct prepared_key {
    uint64_t connection, name;
};

struct prepared *prepared_open(size_t names_max, size_t bytes_max)
{
    struct prepared *p = calloc(1, sizeof(*p));
    struct hash_key key = {0};
    if (!p)
        return NULL;
    if (hash_key_random(&key))
        p->seed = key.low;
    p->table = table_open(&(struct table_config){.entries_max = names_max,
                                                 .bytes_max = bytes_max,
                                                 .key_size = sizeof(struct prepared_key),
                                                 .value_size = sizeof(struct prepared_entry),
                                                 .seed = key.high});
    if (!p->table) {
        free(p);
        return NULL;
    }
    return p;
}

void prepared_close(struct prepared *p)
{
    if (!p)
        return;
    table_close(p->table);
    free(p);
}

static struct prepared_key key_of(const struct prepared *p, uint64_t connection, char kind,
                                  struct bytes name)
{
    return (struct prepared_key){connection, hash_bytes(name, p->seed + (uint64_t)kind)};
}

struct prepared_entry *prepared_touch(struct prepared *p, uint64_t connection, char kind,
                                      struct bytes name)
{
    struct prepared_key key = key_of(p, connection, kind, name);
    return table_touch(p->table, &key, NULL);
}

struct prepared_entry *prepared_find(struct prepared *p, uint64_t connection, char kind,
                                     struct bytes name)
{
    struct prepared_key key = key_of(p, connection, kind, name);
    struct prepared_entry *entry = table_find(p->table, &key);
    if (entry)
        table_touch_value(p->table, entry);
    return entry;
}

void prepared_forget(struct prepared *p, uint64_t connection, char kind, struct bytes name)
{
    struct prepared_key key = key_of(p, connection, kind, name);
    struct prepared_entry *entry = table_find(p->table, &key);
    if (entry)
        table_remove(p->table, entry);
}

uint64_t prepared_evictions(const struct prepared *p)
{
    return table_evictions(p->table);
}
