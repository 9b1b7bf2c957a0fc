/*
 * The values of fields as bytes, to be told apart.
 */
#include "core/hash.h"
#include "rules/detector.h"

size_t detector_values(const struct transaction *t, enum field f)
{
    if (FIELDS[f].type == FIELD_TYPE_HASHES)
        return ((const struct hashes *)transaction_value(t, f))->count;
    if (FIELDS[f].type != FIELD_TYPE_TEXTS)
        return 1;
    return ((const struct texts *)transaction_value(t, f))->count;
}

struct bytes detector_value(const struct transaction *t, enum field f, size_t index)
{
    static const size_t sizes[] = {
        [FIELD_TYPE_TIME] = sizeof(int64_t),           [FIELD_TYPE_UNSIGNED] = sizeof(uint64_t),
        [FIELD_TYPE_SHARE] = sizeof(uint64_t),         [FIELD_TYPE_HASH] = sizeof(uint64_t),
        [FIELD_TYPE_BOOLEAN] = sizeof(bool),           [FIELD_TYPE_CHOICE] = sizeof(unsigned),
        [FIELD_TYPE_ADDRESS] = sizeof(struct address), [FIELD_TYPE_PLACE] = sizeof(struct place)};
    const void *value = transaction_value(t, f);
    if (FIELDS[f].type == FIELD_TYPE_TEXT)
        return *(const struct bytes *)value;
    if (FIELDS[f].type == FIELD_TYPE_TEXTS)
        return ((const struct texts *)value)->items[index];
    if (FIELDS[f].type == FIELD_TYPE_HASHES)
        return (struct bytes){(const uint8_t *)&((const struct hashes *)value)->items[index],
                              sizeof(uint64_t)};
    return (struct bytes){value, sizes[FIELDS[f].type]};
}

uint64_t detector_hash(const struct transaction *t, enum field f, size_t index, uint64_t seed)
{
    return hash_bytes(detector_value(t, f, index), seed);
}

struct bytes detector_shown(const struct transaction *t, enum field f, size_t index, char *buffer,
                            size_t size)
{
    if (FIELDS[f].type == FIELD_TYPE_TEXT || FIELDS[f].type == FIELD_TYPE_TEXTS)
        return detector_value(t, f, index);
    struct json j = {0};
    field_write(&j, t, f);
    struct bytes text = {(const uint8_t *)j.text, j.len};
    if (text.len > 1 && text.data[0] == '"')
        text = bytes_first(bytes_from(text, 1), text.len - 2);
    text = bytes_first(text, size);
    if (text.len > 0)
        memcpy(buffer, text.data, text.len);
    json_clear(&j);
    return (struct bytes){(const uint8_t *)buffer, text.len};
}

void detector_name(struct alert *a, const struct transaction *t)
{
    static const enum field names[] = {FIELD_CLIENT_IP, FIELD_NETWORK_NAME, FIELD_USER_NAME};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        enum field f = names[i];
        if (transaction_has(&a->key, f) || !transaction_has(t, f))
            continue;
        bool is_text = FIELDS[f].type == FIELD_TYPE_TEXT;
        memcpy((char *)&a->key + FIELDS[f].offset, transaction_value(t, f),
               is_text ? sizeof(struct bytes) : sizeof(struct address));
        transaction_mark(&a->key, f);
    }
}
