/*
 * A block is: version (1 byte), length of the content (4), checksum of version and content (8),
 * content.
 */
#include "core/pack.h"

#include "core/hash.h"

#include <stdlib.h>

enum { PACK_MIN = 64, NUMBER_MAX = 10, LENGTH_AT = 1, CHECKSUM_AT = 5 };

static const uint64_t checksum_seed = UINT64_C(0x7061636b65642121);

void pack_restart(struct pack *p)
{
    p->len = 0;
    p->has_failed = false;
}

void pack_clear(struct pack *p)
{
    free(p->data);
    *p = (struct pack){0};
}

/* Room for len bytes more; NULL where there is no memory. */
static uint8_t *room(struct pack *p, size_t len)
{
    if (p->has_failed)
        return NULL;
    if (len > p->size - p->len) {
        size_t size = p->size ? p->size : PACK_MIN;
        while (size - p->len < len && size <= SIZE_MAX / 2)
            size *= 2;
        uint8_t *moved = size - p->len < len ? NULL : realloc(p->data, size);
        if (!moved) {
            p->has_failed = true;
            return NULL;
        }
        p->data = moved;
        p->size = size;
    }
    p->len += len;
    return p->data + p->len - len;
}

static void store(uint8_t *to, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void pack_fixed(struct pack *p, uint64_t value, size_t len)
{
    uint8_t *to = room(p, len);
    if (to)
        store(to, value, len);
}

void pack_bytes(struct pack *p, struct bytes b)
{
    uint8_t *to = b.len > 0 ? room(p, b.len) : NULL;
    if (to)
        memcpy(to, b.data, b.len);
}

void pack_u8(struct pack *p, uint8_t value)
{
    pack_fixed(p, value, sizeof(value));
}

void pack_u32(struct pack *p, uint32_t value)
{
    pack_fixed(p, value, sizeof(value));
}

void pack_u64(struct pack *p, uint64_t value)
{
    pack_fixed(p, value, sizeof(value));
}

void pack_double(struct pack *p, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    pack_u64(p, bits);
}

void pack_float(struct pack *p, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    pack_u32(p, bits);
}

void pack_flag(struct pack *p, bool value)
{
    pack_u8(p, value);
}

void pack_number(struct pack *p, uint64_t value)
{
    uint8_t digits[NUMBER_MAX];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        digits[len++] = (uint8_t)(value | 0x80);
    digits[len++] = (uint8_t)value;
    pack_bytes(p, (struct bytes){digits, len});
}

void pack_signed(struct pack *p, int64_t value)
{
    pack_number(p, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void pack_string(struct pack *p, struct bytes text)
{
    pack_number(p, text.len);
    pack_bytes(p, text);
}

static uint64_t checksum(struct bytes content, uint8_t version)
{
    return hash_bytes(content, checksum_seed + version);
}

size_t pack_begin(struct pack *p, uint8_t version)
{
    size_t begun = p->len;
    uint8_t *head = room(p, PACK_BLOCK_HEAD);
    if (head)
        head[0] = version;
    return begun;
}

void pack_end(struct pack *p, size_t begun)
{
    if (p->has_failed)
        return;
    uint8_t *head = p->data + begun;
    struct bytes content = {head + PACK_BLOCK_HEAD, p->len - begun - PACK_BLOCK_HEAD};
    if (content.len > UINT32_MAX) {
        p->has_failed = true;
        return;
    }
    store(head + LENGTH_AT, content.len, sizeof(uint32_t));
    store(head + CHECKSUM_AT, checksum(content, head[0]), sizeof(uint64_t));
}

uint64_t unpack_u64(struct cursor *c)
{
    uint64_t low = cursor_le32(c);
    return low | (uint64_t)cursor_le32(c) << 32;
}

double unpack_double(struct cursor *c)
{
    uint64_t bits = unpack_u64(c);
    double value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

float unpack_float(struct cursor *c)
{
    uint32_t bits = cursor_le32(c);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

bool unpack_flag(struct cursor *c)
{
    uint8_t value = cursor_u8(c);
    if (value > 1)
        unpack_fail(c);
    return value == 1;
}

uint64_t unpack_number(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < NUMBER_MAX; i++) {
        uint8_t digit = cursor_u8(c);
        if (i == NUMBER_MAX - 1 && digit > 1)
            break;
        value |= (uint64_t)(digit & 0x7f) << 7 * i;
        if (!(digit & 0x80))
            return value; /* 0 of a cursor that is short */
    }
    unpack_fail(c);
    return 0;
}

int64_t unpack_signed(struct cursor *c)
{
    uint64_t value = unpack_number(c);
    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

int64_t unpack_time(struct cursor *c)
{
    int64_t ns = unpack_signed(c);
    if (ns >= 0 && ns <= INT64_MAX / 2)
        return ns;
    unpack_fail(c);
    return 0;
}

struct bytes unpack_string(struct cursor *c, size_t len_max)
{
    uint64_t len = unpack_number(c);
    if (len > len_max)
        unpack_fail(c);
    return cursor_take(c, cursor_is_short(c) ? 0 : (size_t)len);
}

size_t unpack_count(struct cursor *c, size_t max, size_t least)
{
    uint64_t count = unpack_number(c);
    if (count > max || (least > 0 && count > cursor_left(c) / least)) {
        unpack_fail(c);
        return 0;
    }
    return (size_t)count;
}

void unpack_fail(struct cursor *c)
{
    *c = (struct cursor){NULL, 0};
}

struct cursor unpack_block(struct cursor *c, uint8_t *version)
{
    *version = cursor_u8(c);
    size_t len = cursor_le32(c);
    uint64_t expected = unpack_u64(c);
    struct bytes content = cursor_take(c, len);
    if (cursor_is_short(c) || checksum(content, *version) != expected)
        unpack_fail(c);
    return cursor_is_short(c) ? *c : cursor_over(content);
}
