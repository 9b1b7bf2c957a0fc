/*
 * A bounded table of digests; the mark touched longest ago goes first.
 */
#include "rules/before.h"

#include "core/hash.h"
#include "core/table.h"
#include "rules/detector.h"

#include <stdlib.h>

struct mark_key {
    uint64_t low, high;
};

struct marks {
    struct table *table; /* of int64_t: when it was last */
    uint64_t seed;
    int64_t since_ns;
    bool has_begun;
};

struct marks *marks_open(size_t entries_max, size_t bytes_max, uint64_t seed)
{
    struct marks *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->seed = seed;
    m->table = table_open(&(struct table_config){.entries_max = entries_max,
                                                 .bytes_max = bytes_max,
                                                 .key_size = sizeof(struct mark_key),
                                                 .value_size = sizeof(int64_t),
                                                 .seed = seed});
    if (m->table)
        return m;
    free(m);
    return NULL;
}

void marks_close(struct marks *m)
{
    if (!m)
        return;
    table_close(m->table);
    free(m);
}

static struct mark_key key_of(const struct marks *m, const struct before *b,
                              const struct transaction *t)
{
    struct mark_key key = {m->seed, ~m->seed};
    for (size_t i = 0; i < b->by_count; i++) {
        struct bytes value = detector_value(t, b->by[i], 0);
        key.low = hash_bytes(value, key.low);
        key.high = hash_bytes(value, key.high);
    }
    return key;
}

void marks_take(struct marks *m, const struct before *b, const struct transaction *t,
                int64_t time_ns)
{
    if (!m->has_begun)
        m->since_ns = time_ns;
    m->has_begun = true;
    if (!expression_holds(&b->when, t))
        return;
    const struct mark_key key = key_of(m, b, t);
    int64_t *last_ns = table_touch(m->table, &key, NULL);
    if (last_ns && *last_ns < time_ns)
        *last_ns = time_ns;
}

bool marks_have(const struct marks *m, const struct before *b, const struct transaction *t,
                int64_t time_ns)
{
    if (!m->has_begun || time_ns - m->since_ns < b->within_ns)
        return true;
    const struct mark_key key = key_of(m, b, t);
    const int64_t *last_ns = table_find(m->table, &key);
    return last_ns && time_ns - *last_ns <= b->within_ns;
}
