/*
 * The text before {id} has to fit the key's beginning and the text behind it the rest: each with
 * '*' that takes as little as it can.  An identifier has no ':' in it, nor what follows {id}.
 */
#include "subjects/key_patterns.h"

static const char place[] = "{id}";

enum { PLACE_LEN = sizeof(place) - 1 };

bool key_patterns_add(struct key_patterns *p, struct bytes pattern, enum subject_kind kind)
{
    size_t at = bytes_find(pattern, bytes_of(place));
    struct bytes behind = bytes_from(pattern, at + PLACE_LEN);
    if (at == pattern.len || bytes_find(behind, bytes_of(place)) < behind.len ||
        pattern.len > KEY_PATTERN_MAX || p->count == KEY_PATTERNS_MAX || bytes_start(behind, "*"))
        return false;
    struct key_pattern *item = &p->items[p->count++];
    item->len = (uint8_t)pattern.len;
    item->id_at = (uint8_t)at;
    item->kind = (uint8_t)kind;
    memcpy(item->text, pattern.data, pattern.len);
    return true;
}

/* Takes what the text says off the front of *key; false where it says something else. */
static bool take(struct bytes text, struct bytes *key, bool is_last)
{
    while (text.len > 0) {
        size_t len = bytes_index(text, '*');
        if (len > 0 && !bytes_equal(bytes_first(*key, len), bytes_first(text, len)))
            return false;
        *key = bytes_from(*key, len);
        if (len == text.len)
            break;
        text = bytes_from(text, len + 1);
        struct bytes next = bytes_first(text, bytes_index(text, '*'));
        size_t skipped = next.len > 0 ? bytes_find(*key, next) : (is_last ? key->len : 0);
        if (next.len > 0 && skipped == key->len)
            return false;
        *key = bytes_from(*key, skipped);
    }
    return true;
}

static bool fits(const struct key_pattern *p, struct bytes key, struct bytes *value)
{
    struct bytes text = {(const uint8_t *)p->text, p->len};
    struct bytes before = bytes_first(text, p->id_at),
                 behind = bytes_from(text, p->id_at + PLACE_LEN);
    if (!take(before, &key, false))
        return false;
    *value = bytes_first(key, bytes_index(key, behind.len > 0 ? behind.data[0] : ':'));
    key = bytes_from(key, value->len);
    return value->len > 0 && take(behind, &key, true) && key.len == 0;
}

enum subject_kind key_patterns_find(const struct key_patterns *p, struct bytes key,
                                    struct bytes *value)
{
    for (size_t i = 0; i < p->count; i++) {
        if (fits(&p->items[i], key, value))
            return (enum subject_kind)p->items[i].kind;
    }
    return SUBJECT_NONE;
}
