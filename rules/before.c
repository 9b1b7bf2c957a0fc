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

struct mark {
    int64_t last_ns;
    uint32_t changed; /* see profile/lasting.h */
};

struct marks {
    struct table *table; /* of struct mark by struct mark_key */
    struct lasting lasting;
    uint64_t seed;
    int64_t since_ns;
    bool has_begun;
};

static void mark_evicted(void *context, void *value)
{
    struct marks *m = context;
    lasting_remove(&m->lasting, value);
}

static void save_mark(void *context, void *value, struct pack *p)
{
    const struct marks *m = context;
    const struct mark *mark = value;
    const struct mark_key *key = table_key(m->table, mark);
    pack_u64(p, key->low);
    pack_u64(p, key->high);
    pack_signed(p, mark->last_ns);
}

static int64_t mark_time_ns(void *context, const void *value)
{
    const struct mark *mark = value;
    (void)context;
    return mark->last_ns;
}

struct marks *marks_open(size_t entries_max, size_t bytes_max, uint64_t seed)
{
    struct marks *m = calloc(1, sizeof(*m));
    if (!m)
        return NULL;
    m->seed = seed;
    m->table = table_open(&(struct table_config){.entries_max = entries_max,
                                                 .bytes_max = bytes_max,
                                                 .key_size = sizeof(struct mark_key),
                                                 .value_size = sizeof(struct mark),
                                                 .seed = seed,
                                                 .evicted = mark_evicted,
                                                 .context = m});
    m->lasting = (struct lasting){.table = m->table,
                                  .mark_at = offsetof(struct mark, changed),
                                  .save = save_mark,
                                  .time_ns = mark_time_ns,
                                  .context = m,
                                  .version = MARKS_VERSION};
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
    lasting_clear(&m->lasting);
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

void marks_begin(struct marks *m, int64_t time_ns)
{
    if (!m->has_begun)
        m->since_ns = time_ns;
    m->has_begun = true;
}

void marks_take(struct marks *m, const struct before *b, const struct transaction *t,
                int64_t time_ns)
{
    if (!expression_holds(&b->when, t))
        return;
    const struct mark_key key = key_of(m, b, t);
    bool is_new;
    struct mark *mark = table_touch(m->table, &key, &is_new);
    if (!mark)
        return;
    lasting_touch(&m->lasting, mark, is_new);
    if (mark->last_ns < time_ns)
        mark->last_ns = time_ns;
}

bool marks_have(const struct marks *m, const struct before *b, const struct transaction *t,
                int64_t time_ns)
{
    if (!m->has_begun || time_ns - m->since_ns < b->within_ns)
        return true;
    const struct mark_key key = key_of(m, b, t);
    const struct mark *mark = table_find(m->table, &key);
    return mark && time_ns - mark->last_ns <= b->within_ns;
}

void marks_forget_after(struct marks *m, int64_t latest_ns)
{
    m->has_begun = m->has_begun && m->since_ns <= latest_ns;
    for (void *at = table_oldest(m->table), *next; at; at = next) {
        const struct mark *mark = at;
        next = table_next(m->table, at);
        if (mark->last_ns > latest_ns)
            table_remove(m->table, at);
    }
}

struct lasting *marks_lasting(struct marks *m)
{
    return &m->lasting;
}

void marks_save(const struct marks *m, struct pack *p)
{
    pack_flag(p, m->has_begun);
    pack_signed(p, m->since_ns);
}

bool marks_load(struct marks *m, struct cursor *c)
{
    bool has_begun = unpack_flag(c);
    int64_t since_ns = unpack_signed(c);
    if (!unpack_done(c))
        return false;
    m->has_begun = has_begun;
    m->since_ns = since_ns;
    return true;
}

bool marks_load_row(struct marks *m, struct cursor *c)
{
    struct mark_key key = {.low = unpack_u64(c)};
    key.high = unpack_u64(c);
    int64_t last_ns = unpack_signed(c);
    struct mark *mark = unpack_done(c) ? table_touch(m->table, &key, NULL) : NULL;
    if (mark)
        mark->last_ns = last_ns;
    return unpack_done(c);
}
