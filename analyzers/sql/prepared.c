/*
 * Tables over hashes of the names: one of all names, one of the few that have to do with customers.
 */
#include "analyzers/sql/prepared.h"

#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

enum { DETAILS_PART = 4 /* of the memory: one of so many parts is for the details */ };

struct prepared {
    struct table *table, *details;
    uint64_t seed;
};

struct name_key {
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
    struct table_config config = {.entries_max = names_max,
                                  .bytes_max = bytes_max - bytes_max / DETAILS_PART,
                                  .key_size = sizeof(struct name_key),
                                  .value_size = sizeof(struct prepared_entry),
                                  .seed = key.high};
    p->table = table_open(&config);
    config.entries_max = names_max / DETAILS_PART + 1;
    config.bytes_max = bytes_max / DETAILS_PART;
    config.value_size = sizeof(struct prepared_details);
    p->details = table_open(&config);
    if (p->table && p->details)
        return p;
    prepared_close(p);
    return NULL;
}

void prepared_close(struct prepared *p)
{
    if (!p)
        return;
    table_close(p->table);
    table_close(p->details);
    free(p);
}

uint64_t prepared_key(const struct prepared *p, char kind, struct bytes name)
{
    uint64_t key = hash_bytes(name, p->seed + (uint64_t)kind);
    return key != 0 ? key : 1;
}

static struct name_key key_of(const struct prepared *p, uint64_t connection, char kind,
                              struct bytes name)
{
    return (struct name_key){connection, prepared_key(p, kind, name)};
}

struct prepared_entry *prepared_touch(struct prepared *p, uint64_t connection, char kind,
                                      struct bytes name)
{
    struct name_key key = key_of(p, connection, kind, name);
    return table_touch(p->table, &key, NULL);
}

struct prepared_entry *prepared_find(struct prepared *p, uint64_t connection, char kind,
                                     struct bytes name)
{
    struct name_key key = key_of(p, connection, kind, name);
    struct prepared_entry *entry = table_find(p->table, &key);
    if (entry)
        table_touch_value(p->table, entry);
    return entry;
}

void prepared_forget(struct prepared *p, uint64_t connection, char kind, struct bytes name)
{
    struct name_key key = key_of(p, connection, kind, name);
    struct prepared_entry *entry = table_find(p->table, &key);
    if (entry)
        table_remove(p->table, entry);
}

struct prepared_details *prepared_details_touch(struct prepared *p, uint64_t connection,
                                                uint64_t key)
{
    struct name_key name = {connection, key};
    return table_touch(p->details, &name, NULL);
}

struct prepared_details *prepared_details_find(struct prepared *p, uint64_t connection,
                                               uint64_t key)
{
    struct name_key name = {connection, key};
    struct prepared_details *details = table_find(p->details, &name);
    if (details)
        table_touch_value(p->details, details);
    return details;
}

void prepared_details_forget(struct prepared *p, uint64_t connection, uint64_t key)
{
    struct name_key name = {connection, key};
    struct prepared_details *details = table_find(p->details, &name);
    if (details)
        table_remove(p->details, details);
}

uint64_t prepared_evictions(const struct prepared *p)
{
    return table_evictions(p->table);
}
