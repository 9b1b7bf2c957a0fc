#include "analyzers/http/http_account.h"

#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

struct http_accounts {
    struct table *table; /* of struct entry by uint64_t */
};

struct entry {
    uint64_t root;
    uint8_t len; /* bytes */
    char name[HTTP_ACCOUNT_NAME_MAX];
};

struct http_accounts *http_accounts_open(size_t accounts_max, size_t bytes_max)
{
    struct http_accounts *a = calloc(1, sizeof(*a));
    struct hash_key seed = {0};
    if (!a)
        return NULL;
    (void)hash_key_random(&seed); /* the keys are hashes already */
    a->table = table_open(&(struct table_config){.entries_max = accounts_max,
                                                 .bytes_max = bytes_max,
                                                 .key_size = sizeof(uint64_t),
                                                 .value_size = sizeof(struct entry),
                                                 .seed = seed.low});
    if (!a->table) {
        free(a);
        return NULL;
    }
    return a;
}

void http_accounts_close(struct http_accounts *a)
{
    if (!a)
        return;
    table_close(a->table);
    free(a);
}

void http_account_bind(struct http_accounts *a, uint64_t hash, const struct http_account *account)
{
    /* the name may be a view of an entry that goes */
    char copy[HTTP_ACCOUNT_NAME_MAX];
    struct bytes name = bytes_first(account->name, sizeof(copy));
    uint64_t root = account->root;
    if (name.len > 0)
        memcpy(copy, name.data, name.len);
    struct entry *entry = table_touch(a->table, &hash, NULL);
    if (!entry)
        return;
    memcpy(entry->name, copy, name.len);
    entry->len = (uint8_t)name.len;
    entry->root = root;
}

bool http_account_find(struct http_accounts *a, uint64_t hash, struct http_account *account)
{
    struct entry *entry = table_count(a->table) > 0 ? table_find(a->table, &hash) : NULL;
    if (!entry)
        return false;
    table_touch_value(a->table, entry);
    *account = (struct http_account){{(const uint8_t *)entry->name, entry->len}, entry->root};
    return true;
}

void http_account_forget(struct http_accounts *a, uint64_t hash)
{
    struct entry *entry = table_find(a->table, &hash);
    if (entry)
        table_remove(a->table, entry);
}

uint64_t http_accounts_evictions(const struct http_accounts *a)
{
    return table_evictions(a->table);
}
