/*
 * Fragments are copied to their place when they come, behind room for the IP header, and a bit for
 * each unit of eight bytes (the unit of offsets) tells what is there: work is linear in bytes.
 */
#include "capture/fragment.h"

#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

enum {
    UNIT = 8,
    UNITS_MAX = (FRAGMENTED_LEN_MAX + UNIT) / UNIT,
    CAPACITY_FIRST = 4096,
};

struct assembly {
    size_t capacity; /* bytes of data */
    size_t received; /* bytes of payload */
    size_t end;      /* length of the payload; 0: the last fragment has not come */
    size_t fragments_count;
    uint8_t protocol;
    uint8_t units[UNITS_MAX / 8];
    uint8_t data[]; /* header, then payload */
};

struct key {
    struct address source, destination;
    uint32_t id;
    uint8_t protocol; /* 0 of IPv6, where fragments may differ in it */
    uint8_t zero[3];
};

enum stage { ASSEMBLING, REFUSED, DONE };

struct entry {
    struct assembly *assembly; /* NULL: nothing yet, or nothing any more */
    int64_t start_ns, done_ns;
    enum stage stage; /* REFUSED and DONE stay for a while to know what comes late */
};

struct fragments {
    struct budget *budget;
    size_t bytes_max; /* of the budget */
    struct table *entries;
    size_t held; /* bytes of the budget */
    struct assembly *given;
    uint64_t dropped;
};

static size_t assembly_size(const struct assembly *a)
{
    return a ? sizeof(*a) + a->capacity : 0;
}

static void assembly_free(struct fragments *f, struct assembly **a)
{
    size_t size = assembly_size(*a);
    f->held -= size;
    budget_free(f->budget, a, size);
}

/* Fragments that were held and are given up. */
static void entry_give_up(struct fragments *f, struct entry *e)
{
    if (e->assembly)
        f->dropped += e->assembly->fragments_count;
    assembly_free(f, &e->assembly);
}

static void entry_evicted(void *context, void *value)
{
    entry_give_up(context, value);
}

struct fragments *fragments_open(struct budget *budget)
{
    struct hash_key key = {0};
    struct fragments *f = calloc(1, sizeof(*f));
    if (!f || !hash_key_random(&key)) {
        free(f);
        return NULL;
    }
    f->budget = budget;
    f->bytes_max = FRAGMENTS_BYTES_MAX;
    if (f->bytes_max > budget->bytes_max / BUDGET_PARTS)
        f->bytes_max = budget->bytes_max / BUDGET_PARTS;
    f->entries = table_open(&(struct table_config){
        .entries_max = FRAGMENTS_MAX,
        .key_size = sizeof(struct key),
        .value_size = sizeof(struct entry),
        .seed = key.low,
        .evicted = entry_evicted,
        .context = f,
    });
    if (!f->entries) {
        free(f);
        return NULL;
    }
    return f;
}

void fragments_close(struct fragments *f)
{
    if (!f)
        return;
    table_close(f->entries);
    assembly_free(f, &f->given);
    free(f);
}

void fragments_refuse(struct fragments *f)
{
    f->dropped++;
}

uint64_t fragments_dropped(const struct fragments *f)
{
    return f->dropped;
}

static void expire(struct fragments *f, int64_t ns)
{
    struct entry *oldest = table_oldest(f->entries);
    while (oldest && ns - oldest->start_ns > FRAGMENTS_TIMEOUT_NS) {
        table_remove(f->entries, oldest);
        oldest = table_oldest(f->entries);
    }
}

static struct entry *entry_of(struct fragments *f, const struct fragment *fragment)
{
    struct key key = {
        .source = fragment->source,
        .destination = fragment->destination,
        .id = fragment->id,
        .protocol = fragment->header.len == FRAGMENT_HEADER_IPV4 ? fragment->protocol : 0,
    };
    struct entry *e = table_find(f->entries, &key);
    if (e && e->stage == DONE && fragment->ns - e->done_ns > FRAGMENTS_LATE_NS) {
        table_remove(f->entries, e); /* the sender's numbers have come round */
        e = NULL;
    }
    if (e)
        return e;
    e = table_touch(f->entries, &key, NULL);
    if (e)
        e->start_ns = fragment->ns;
    return e;
}

/* Makes room for capacity bytes of data, if need be at the cost of the oldest others. */
static bool assembly_reserve(struct fragments *f, struct entry *e, size_t needed)
{
    size_t old_size = assembly_size(e->assembly), capacity = CAPACITY_FIRST;
    if (e->assembly && e->assembly->capacity >= needed)
        return true;
    while (capacity < needed)
        capacity *= 2;
    size_t growth = sizeof(struct assembly) + capacity - old_size;
    struct entry *oldest = table_oldest(f->entries);
    while (f->held + growth > f->bytes_max && oldest) {
        struct entry *next = table_next(f->entries, oldest);
        if (oldest != e)
            table_remove(f->entries, oldest);
        oldest = next;
    }
    if (!budget_resize(f->budget, &e->assembly, old_size, old_size + growth))
        return false;
    if (old_size == 0)
        memset(e->assembly, 0, sizeof(*e->assembly));
    e->assembly->capacity = capacity;
    f->held += growth;
    return true;
}

static size_t units_present(const struct assembly *a, size_t first, size_t count)
{
    size_t present = 0;
    for (size_t i = first; i < first + count; i++)
        present += a->units[i / 8] >> i % 8 & 1;
    return present;
}

/* False where the fragment contradicts what is there. */
static bool assembly_place(struct assembly *a, const struct fragment *fragment)
{
    size_t first = fragment->offset / UNIT;
    size_t count = (fragment->data.len + UNIT - 1) / UNIT;
    size_t end = fragment->offset + fragment->data.len;
    size_t present = units_present(a, first, count);
    uint8_t *place = a->data + fragment->header.len + fragment->offset;
    if (a->end != 0 && (fragment->is_last ? end != a->end : end > a->end))
        return false;
    if (present != 0)
        return present == count && memcmp(place, fragment->data.data, fragment->data.len) == 0;
    if (fragment->is_last)
        a->end = end;
    for (size_t i = first; i < first + count; i++)
        a->units[i / 8] = (uint8_t)(a->units[i / 8] | 1u << i % 8);
    memcpy(place, fragment->data.data, fragment->data.len);
    a->received += fragment->data.len;
    if (fragment->offset == 0) {
        a->protocol = fragment->protocol;
        memcpy(a->data, fragment->header.data, fragment->header.len);
    }
    return true;
}

static bool entry_add(struct fragments *f, struct entry *e, const struct fragment *fragment)
{
    size_t len = fragment->data.len, needed = fragment->header.len + fragment->offset + len;
    bool is_odd = !fragment->is_last && len % UNIT != 0;
    if (e->stage == REFUSED || len == 0 || is_odd || needed > FRAGMENTED_LEN_MAX)
        return false;
    if (!assembly_reserve(f, e, needed))
        return false;
    e->assembly->fragments_count++;
    if (assembly_place(e->assembly, fragment))
        return true;
    e->assembly->fragments_count--;
    return false;
}

static void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The header of the first fragment becomes that of the whole. */
static void header_correct(struct assembly *a, size_t header_len)
{
    if (header_len == FRAGMENT_HEADER_IPV4) {
        a->data[0] = 0x45; /* options are gone */
        put16(a->data + 2, header_len + a->end);
        put16(a->data + 6, 0);
        put16(a->data + 10, 0); /* its checksum would be wrong now */
    } else {
        put16(a->data + 4, a->end);
        a->data[6] = a->protocol;
    }
}

static void entry_give(struct fragments *f, struct entry *e, struct whole *whole,
                       const struct fragment *fragment)
{
    struct assembly *a = e->assembly;
    size_t header_len = fragment->header.len;
    assembly_free(f, &f->given);
    header_correct(a, header_len);
    *whole = (struct whole){
        .ip = {a->data, header_len + a->end},
        .payload = {a->data + header_len, a->end},
        .protocol = a->protocol,
    };
    f->given = a;
    e->assembly = NULL;
    e->stage = DONE;
    e->done_ns = fragment->ns;
}

bool fragments_add(struct fragments *f, struct whole *whole, const struct fragment *fragment)
{
    expire(f, fragment->ns);
    struct entry *e = entry_of(f, fragment);
    if (e && e->stage == DONE)
        return false; /* a copy that comes after the rest */
    if (!e || !entry_add(f, e, fragment)) {
        f->dropped++;
        if (e) {
            entry_give_up(f, e);
            e->stage = REFUSED;
        }
        return false;
    }
    if (e->assembly->end == 0 || e->assembly->received != e->assembly->end)
        return false;
    entry_give(f, e, whole, fragment);
    return true;
}
