/*
 * A short array, looked through from front to end.
 */
#include "rules/known.h"

#include "rules/text.h"

enum { VALUES_MIN = 2 };

void known_forget(struct known *k, int64_t before_ns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < k->count; i++) {
        if (k->values[i].seen_ns >= before_ns)
            k->values[kept++] = k->values[i];
    }
    k->count = kept;
}

static struct known_value *oldest(struct known *k)
{
    struct known_value *found = &k->values[0];
    for (uint32_t i = 1; i < k->count; i++)
        found = k->values[i].seen_ns < found->seen_ns ? &k->values[i] : found;
    return found;
}

/* A place for one value more; NULL where there is no memory. */
static struct known_value *place_new(struct known *k, struct budget *b)
{
    if (k->count == KNOWN_VALUES_MAX) {
        k->forgotten++;
        return oldest(k);
    }
    if (k->count == k->size) {
        uint32_t size = k->size ? k->size * 2 : VALUES_MIN;
        if (!budget_resize(b, &k->values, k->size * sizeof(*k->values), size * sizeof(*k->values)))
            return NULL;
        k->size = size;
    }
    return &k->values[k->count++];
}

bool known_meet(struct known *k, uint64_t hash, int64_t now_ns)
{
    for (uint32_t i = 0; i < k->count; i++) {
        if (k->values[i].hash != hash)
            continue;
        if (k->values[i].seen_ns < now_ns)
            k->values[i].seen_ns = now_ns;
        return true;
    }
    return false;
}

bool known_add(struct known *k, struct budget *b, uint64_t hash, struct bytes text, int64_t now_ns)
{
    struct known_value *v = place_new(k, b);
    if (!v)
        return false;
    struct bytes shown = text_cut(text, KNOWN_TEXT_MAX);
    *v = (struct known_value){.hash = hash, .seen_ns = now_ns, .text_len = (uint8_t)shown.len};
    if (shown.len > 0)
        memcpy(v->text, shown.data, shown.len);
    return true;
}

struct bytes known_text(const struct known *k, uint64_t hash)
{
    for (uint32_t i = 0; i < k->count; i++) {
        if (k->values[i].hash == hash)
            return (struct bytes){k->values[i].text, k->values[i].text_len};
    }
    return (struct bytes){NULL, 0};
}

size_t known_newest(const struct known *k, uint64_t but, struct bytes *texts, size_t max)
{
    size_t count = 0;
    int64_t before = INT64_MAX;
    uint32_t last = UINT32_MAX; /* index taken last: equal times are taken in order */
    while (count < max) {
        uint32_t best = k->count;
        for (uint32_t i = 0; i < k->count; i++) {
            int64_t seen = k->values[i].seen_ns;
            bool is_left = seen < before || (seen == before && i > last);
            if (k->values[i].hash == but || !is_left)
                continue;
            if (best == k->count || seen > k->values[best].seen_ns)
                best = i;
        }
        if (best == k->count)
            return count;
        texts[count++] = (struct bytes){k->values[best].text, k->values[best].text_len};
        before = k->values[best].seen_ns;
        last = best;
    }
    return count;
}

void known_clear(struct known *k, struct budget *b)
{
    if (k->values)
        budget_free(b, &k->values, k->size * sizeof(*k->values));
    *k = (struct known){0};
}

void known_save(const struct known *k, struct pack *p)
{
    pack_number(p, k->forgotten);
    pack_number(p, k->count);
    for (uint32_t i = 0; i < k->count; i++) {
        const struct known_value *v = &k->values[i];
        pack_u64(p, v->hash);
        pack_signed(p, v->seen_ns);
        pack_string(p, (struct bytes){v->text, v->text_len});
    }
}

bool known_load(struct known *k, struct budget *b, struct cursor *c)
{
    k->forgotten = (uint32_t)unpack_number(c);
    size_t count = unpack_count(c, KNOWN_VALUES_MAX, sizeof(uint64_t) + 2);
    uint32_t size = count > 0 ? VALUES_MIN : 0;
    while (size < count)
        size *= 2;
    if (cursor_is_short(c) || !budget_resize(b, &k->values, 0, size * sizeof(*k->values)))
        return false;
    k->size = size;
    for (size_t i = 0; i < count; i++) {
        struct known_value *v = &k->values[k->count++];
        *v = (struct known_value){.hash = unpack_u64(c)};
        v->seen_ns = unpack_signed(c);
        struct bytes text = unpack_string(c, KNOWN_TEXT_MAX);
        v->text_len = (uint8_t)text.len;
        if (text.len > 0)
            memcpy(v->text, text.data, text.len);
    }
    return !cursor_is_short(c);
}
