/*
 * Every member is bytes: a number its eight, a network its address and its length.
 */
#include "rules/set.h"

#include "core/hash.h"

enum { NETWORK_LEN = 17 };

bool set_open(struct set *s, struct arena *a, size_t count)
{
    size_t size = 4;
    while (size < count * 2)
        size *= 2;
    *s = (struct set){.slots = arena_take(a, size * sizeof(*s->slots)), .mask = size - 1};
    return s->slots != NULL;
}

static struct bytes *slot_of(const struct set *s, struct bytes text)
{
    size_t at = hash_bytes(text, 0) & s->mask;
    while (s->slots[at].data && !bytes_equal(s->slots[at], text))
        at = (at + 1) & s->mask;
    return &s->slots[at];
}

void set_add(struct set *s, struct bytes text)
{
    struct bytes *slot = slot_of(s, text);
    s->count += slot->data == NULL;
    *slot = text;
}

bool set_add_number(struct set *s, struct arena *a, uint64_t number)
{
    struct bytes copy = arena_copy(a, (struct bytes){(const uint8_t *)&number, sizeof(number)});
    if (copy.len == 0)
        return false;
    set_add(s, copy);
    return true;
}

static void length_keep(struct set *s, uint8_t bits)
{
    for (unsigned i = 0; i < s->lengths_count; i++) {
        if (s->lengths[i] == bits)
            return;
    }
    s->lengths[s->lengths_count++] = bits;
}

bool set_add_network(struct set *s, struct arena *a, const struct prefix *p)
{
    uint8_t key[NETWORK_LEN];
    memcpy(key, p->address.octets, sizeof(p->address.octets));
    key[NETWORK_LEN - 1] = p->bits;
    struct bytes copy = arena_copy(a, (struct bytes){key, sizeof(key)});
    if (copy.len == 0)
        return false;
    set_add(s, copy);
    length_keep(s, p->bits);
    return true;
}

bool set_has(const struct set *s, struct bytes text)
{
    return s->count > 0 && slot_of(s, text)->data != NULL;
}

bool set_has_number(const struct set *s, uint64_t number)
{
    return set_has(s, (struct bytes){(const uint8_t *)&number, sizeof(number)});
}

bool set_has_address(const struct set *s, const struct address *a)
{
    for (unsigned i = 0; i < s->lengths_count; i++) {
        uint8_t key[NETWORK_LEN] = {0};
        size_t whole = s->lengths[i] / 8, rest = s->lengths[i] % 8;
        memcpy(key, a->octets, whole);
        if (rest > 0)
            key[whole] = a->octets[whole] & (uint8_t)(0xff00u >> rest);
        key[NETWORK_LEN - 1] = s->lengths[i];
        if (set_has(s, (struct bytes){key, sizeof(key)}))
            return true;
    }
    return false;
}
