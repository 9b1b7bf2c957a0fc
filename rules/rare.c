/*
 * A bounded table of values, each with the first keys that showed it.
 */
#include "rules/rare.h"

#include "core/table.h"

#include <stdlib.h>

struct shown {
    int64_t last_ns; /* when a key showed it newly */
    uint32_t count;
    uint64_t keys[RARE_MAX + 1]; /* hashes */
};

struct rare {
    struct table *values; /* of struct shown, by the value's hash */
};

struct rare *rare_open(size_t entries_max, size_t bytes_max, uint64_t seed)
{
    struct rare *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->values = table_open(&(struct table_config){.entries_max = entries_max,
                                                  .bytes_max = bytes_max,
                                                  .key_size = sizeof(uint64_t),
                                                  .value_size = sizeof(struct shown),
                                                  .seed = seed});
    if (r->values)
        return r;
    free(r);
    return NULL;
}

void rare_close(struct rare *r)
{
    if (!r)
        return;
    table_close(r->values);
    free(r);
}

static bool has(const struct shown *s, uint64_t key)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->keys[i] == key)
            return true;
    }
    return false;
}

size_t rare_note(struct rare *r, uint64_t value, uint64_t key, int64_t time_ns, int64_t before_ns)
{
    struct shown *s = table_touch(r->values, &value, NULL);
    if (!s)
        return RARE_MAX + 1; /* nothing is known of it, so nothing is claimed */
    if (s->last_ns < before_ns)
        *s = (struct shown){.count = 0};
    if (s->last_ns < time_ns)
        s->last_ns = time_ns;
    bool is_known = has(s, key);
    size_t others = s->count - is_known;
    if (!is_known && s->count <= RARE_MAX)
        s->keys[s->count++] = key;
    return others;
}

void rare_save(const struct rare *r, struct pack *p)
{
    pack_number(p, table_count(r->values));
    for (const struct shown *s = table_oldest(r->values); s; s = table_next(r->values, s)) {
        pack_u64(p, *(const uint64_t *)table_key(r->values, s));
        pack_signed(p, s->last_ns);
        pack_number(p, s->count);
        for (uint32_t i = 0; i < s->count; i++)
            pack_u64(p, s->keys[i]);
    }
}

static bool shown_load(struct shown *s, struct cursor *c)
{
    s->last_ns = unpack_signed(c);
    s->count = (uint32_t)unpack_count(c, RARE_MAX + 1, sizeof(uint64_t));
    for (uint32_t i = 0; i < s->count; i++)
        s->keys[i] = unpack_u64(c);
    return !cursor_is_short(c);
}

static bool values_load(struct rare *r, struct cursor *c)
{
    enum { LEAST = 10 }; /* bytes of a value */
    for (size_t left = unpack_count(c, SIZE_MAX, LEAST); left > 0; left--) {
        uint64_t value = unpack_u64(c);
        struct shown *s = table_touch(r->values, &value, NULL);
        if (!s || !shown_load(s, c))
            return false;
    }
    return unpack_done(c);
}

bool rare_load(struct rare *r, struct cursor *c)
{
    if (values_load(r, c))
        return true;
    for (void *s = table_oldest(r->values); s; s = table_oldest(r->values))
        table_remove(r->values, s);
    return false;
}
