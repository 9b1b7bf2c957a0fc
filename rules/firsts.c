/* Two bounded tables; a pace is a count that fades with half an hour. */
#include "rules/firsts.h"

#include "core/clock.h"
#include "core/table.h"

#include <math.h>
#include <stdlib.h>

static const double memory_ns = 1800.0 * CLOCK_SECOND_NS;
static const double pace_most = 1e12;

struct firsts {
    struct table *clients, *persons;
};

static struct table *open_table(size_t entries_max, size_t bytes_max, size_t size, uint64_t seed)
{
    return table_open(&(struct table_config){.entries_max = entries_max,
                                             .bytes_max = bytes_max,
                                             .key_size = sizeof(struct firsts_key),
                                             .value_size = size,
                                             .seed = seed});
}

struct firsts *firsts_open(size_t entries_max, size_t bytes_max, uint64_t seed)
{
    struct firsts *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->clients = open_table(entries_max, bytes_max / 2, sizeof(struct firsts_client), seed);
    f->persons = open_table(entries_max, bytes_max / 2, sizeof(struct pace), seed);
    if (f->clients && f->persons)
        return f;
    firsts_close(f);
    return NULL;
}

void firsts_close(struct firsts *f)
{
    if (!f)
        return;
    table_close(f->clients);
    table_close(f->persons);
    free(f);
}

/* What is left of a count of that time. */
static double left_of(int64_t last_ns, int64_t time_ns)
{
    double ago_ns = time_ns > last_ns ? (double)(time_ns - last_ns) : 0;
    return exp(-ago_ns / memory_ns);
}

double pace_per_ns(const struct pace *p, int64_t time_ns)
{
    return (double)p->count * left_of(p->last_ns, time_ns) / memory_ns;
}

static void pace_add(struct pace *p, int64_t time_ns, double left)
{
    p->count = (float)((double)p->count * left + 1);
    if (p->last_ns < time_ns)
        p->last_ns = time_ns;
}

/* Where one person does all of a client's, both were last at the same time. */
static void add_both(struct pace *a, struct pace *b, int64_t time_ns)
{
    double left = left_of(a->last_ns, time_ns);
    double left_b = a->last_ns == b->last_ns ? left : left_of(b->last_ns, time_ns);
    pace_add(a, time_ns, left);
    pace_add(b, time_ns, left_b);
}

static struct firsts_key key_of(struct firsts_key client, uint32_t person)
{
    return (struct firsts_key){client.low, client.high ^ person};
}

void firsts_note(struct firsts *f, struct firsts_key client, uint32_t person, int64_t time_ns)
{
    const struct firsts_key key = key_of(client, person);
    struct firsts_client *c = table_touch(f->clients, &client, NULL);
    struct pace *pace = table_touch(f->persons, &key, NULL);
    if (!c || !pace)
        return;
    add_both(&c->pace, pace, time_ns);
    c->persons[c->count % FIRSTS_KEPT] = person;
    c->times_ns[c->count % FIRSTS_KEPT] = time_ns;
    c->count++;
}

struct firsts_client *firsts_find(const struct firsts *f, struct firsts_key client)
{
    return table_find(f->clients, &client);
}

const struct pace *firsts_person_pace(const struct firsts *f, struct firsts_key client,
                                      uint32_t person)
{
    const struct firsts_key key = key_of(client, person);
    return table_find(f->persons, &key);
}

static void save_pace(struct pack *p, const struct pace *pace)
{
    pack_signed(p, pace->last_ns);
    pack_float(p, pace->count);
}

static void save_key(struct pack *p, const struct firsts_key *key)
{
    pack_u64(p, key->low);
    pack_u64(p, key->high);
}

void firsts_save(const struct firsts *f, struct pack *p)
{
    pack_number(p, table_count(f->clients));
    for (const struct firsts_client *c = table_oldest(f->clients); c;
         c = table_next(f->clients, c)) {
        save_key(p, table_key(f->clients, c));
        save_pace(p, &c->pace);
        pack_number(p, c->count);
        pack_number(p, c->count - c->told);
        for (unsigned i = 0; i < firsts_kept(c); i++) {
            pack_signed(p, c->pace.last_ns - c->times_ns[i]);
            pack_u32(p, c->persons[i]);
        }
    }
    pack_number(p, table_count(f->persons));
    for (const struct pace *pace = table_oldest(f->persons); pace;
         pace = table_next(f->persons, pace)) {
        save_key(p, table_key(f->persons, pace));
        save_pace(p, pace);
    }
}

static struct firsts_key load_key(struct cursor *c)
{
    struct firsts_key key = {.low = unpack_u64(c)};
    key.high = unpack_u64(c);
    return key;
}

static void load_pace(struct pace *pace, struct cursor *c)
{
    pace->last_ns = unpack_signed(c);
    pace->count = unpack_float(c);
    bool is_good = pace->last_ns >= 0 && pace->last_ns < INT64_MAX / 2 && pace->count >= 0 &&
                   (double)pace->count <= pace_most;
    if (!is_good)
        unpack_fail(c);
}

static void load_client(struct firsts_client *f, struct cursor *c)
{
    load_pace(&f->pace, c);
    uint64_t count = unpack_number(c), news = unpack_number(c);
    if (count > UINT32_MAX || news > count)
        unpack_fail(c);
    f->count = (uint32_t)count;
    f->told = (uint32_t)(count - news);
    for (unsigned i = 0; i < firsts_kept(f) && !cursor_is_short(c); i++) {
        int64_t ago_ns = unpack_signed(c);
        if (ago_ns < 0 || ago_ns > f->pace.last_ns)
            unpack_fail(c);
        f->times_ns[i] = f->pace.last_ns - (cursor_is_short(c) ? 0 : ago_ns);
        f->persons[i] = cursor_le32(c);
    }
}

static bool load_all(struct firsts *f, struct cursor *c)
{
    enum { CLIENT_LEAST = 23, PERSON_LEAST = 21 }; /* bytes of each */
    for (size_t left = unpack_count(c, SIZE_MAX, CLIENT_LEAST); left > 0; left--) {
        const struct firsts_key key = load_key(c);
        struct firsts_client *client = table_touch(f->clients, &key, NULL);
        if (!client)
            return false;
        load_client(client, c);
        if (cursor_is_short(c))
            return false;
    }
    for (size_t left = unpack_count(c, SIZE_MAX, PERSON_LEAST); left > 0; left--) {
        const struct firsts_key key = load_key(c);
        struct pace *pace = table_touch(f->persons, &key, NULL);
        if (!pace)
            return false;
        load_pace(pace, c);
    }
    return unpack_done(c);
}

static void empty(struct table *t)
{
    for (void *value = table_oldest(t); value; value = table_oldest(t))
        table_remove(t, value);
}

bool firsts_load(struct firsts *f, struct cursor *c)
{
    if (load_all(f, c))
        return true;
    empty(f->clients);
    empty(f->persons);
    return false;
}
