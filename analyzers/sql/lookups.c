/*
 * Runs are few, so all are looked at.
 */
#include "analyzers/sql/lookups.h"

enum { NUMBER_MAX = UINT16_MAX, DIGITS_MAX = 4 /* of a name's number */ };

/* FNV-1a without case. */
static uint32_t hash_name(struct bytes name)
{
    uint32_t hash = 2166136261;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_upper = c >= 'A' && c <= 'Z';
        hash = (hash ^ (is_upper ? c | 0x20u : c)) * 16777619;
    }
    return hash != 0 ? hash : 1;
}

/* Names that end in a number are runs too: @P0, @P1, @P2.  Takes it off the name; *number becomes
 * one more than it, 0 where there is none. */
static struct bytes split_name(struct bytes name, unsigned *number)
{
    size_t len = name.len;
    unsigned value = 0, unit = 1;
    while (len > 0 && name.len - len < DIGITS_MAX && name.data[len - 1] >= '0' &&
           name.data[len - 1] <= '9') {
        value += (unsigned)(name.data[--len] - '0') * unit;
        unit *= 10;
    }
    *number = len < name.len ? value + 1 : 0;
    return bytes_first(name, len);
}

static bool has_number(const struct lookup *l, unsigned number)
{
    if (l->first == 0 || number < l->first)
        return false;
    unsigned behind = number - l->first;
    return behind % l->stride == 0 && behind / l->stride < l->count;
}

/* Whether the number goes on in the run. */
static bool extend(struct lookup *l, unsigned number)
{
    if (l->first == 0 || number <= l->first || l->count == NUMBER_MAX)
        return false;
    unsigned stride = l->count > 1 ? l->stride : number - l->first;
    if (number != l->first + (unsigned)l->count * stride)
        return false;
    l->stride = (uint16_t)stride;
    l->count++;
    return true;
}

void lookups_add(struct lookups *l, unsigned number, struct bytes name, enum subject_kind kind)
{
    if (name.len > 0)
        name = split_name(name, &number);
    uint32_t hash = name.len > 0 ? hash_name(name) : 0;
    if (number > NUMBER_MAX || (number == 0 && hash == 0))
        return;
    for (size_t i = 0; i < l->count; i++) {
        struct lookup *item = &l->items[i];
        if (item->kind != kind || item->name != hash)
            continue;
        bool is_same = number == 0 && item->first == 0;
        if (is_same || has_number(item, number) || extend(item, number))
            return;
    }
    if (l->count == LOOKUPS_MAX)
        return;
    l->items[l->count++] = (struct lookup){
        .name = hash, .first = (uint16_t)number, .count = 1, .stride = 1, .kind = (uint8_t)kind};
}

enum subject_kind lookups_numbered(const struct lookups *l, unsigned number)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].name == 0 && has_number(&l->items[i], number))
            return (enum subject_kind)l->items[i].kind;
    }
    return SUBJECT_NONE;
}

enum subject_kind lookups_named(const struct lookups *l, struct bytes name)
{
    unsigned number = 0;
    struct bytes stem = split_name(name, &number);
    uint32_t hash = l->count > 0 ? hash_name(stem) : 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct lookup *item = &l->items[i];
        if (item->name == hash && (number == 0 ? item->first == 0 : has_number(item, number)))
            return (enum subject_kind)l->items[i].kind;
    }
    return SUBJECT_NONE;
}

unsigned lookups_last(const struct lookups *l)
{
    unsigned last = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].name != 0)
            continue;
        unsigned end = l->items[i].first + (l->items[i].count - 1u) * l->items[i].stride;
        last = end > last ? end : last;
    }
    return last;
}
