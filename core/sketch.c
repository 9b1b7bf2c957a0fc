/*
 * A sorted array of hashes that turns into registers.  The register of a hash is chosen by its
 * first 14 bits and keeps the longest run of zeroes, plus one, seen at the front of the other 50.
 * An estimate needs only how many registers have each rank, which is kept up to date.
 */
#include "core/sketch.h"

#include "core/hash.h"
#include "core/sorted.h"

#include <math.h>
#include <string.h>

enum {
    REST_BITS = 64 - SKETCH_BITS,
    HASHES_MIN = 8,
    DENSE_SIZE = SKETCH_REGISTERS + SKETCH_RANKS * sizeof(uint32_t)
};

static uint32_t *ranks_of(uint8_t *registers)
{
    return (uint32_t *)(void *)(registers + SKETCH_REGISTERS);
}

static bool register_raise(uint8_t *registers, size_t at, uint8_t rank)
{
    if (registers[at] >= rank)
        return false;
    ranks_of(registers)[registers[at]]--;
    ranks_of(registers)[rank]++;
    registers[at] = rank;
    return true;
}

static bool hash_raise(uint8_t *registers, uint64_t hash)
{
    uint64_t rest = hash << SKETCH_BITS | UINT64_C(1) << (SKETCH_BITS - 1);
    return register_raise(registers, hash >> REST_BITS, (uint8_t)(__builtin_clzll(rest) + 1));
}

static bool make_dense(struct sketch *s, struct budget *b)
{
    uint8_t *registers = NULL;
    if (!budget_resize(b, &registers, 0, DENSE_SIZE))
        return false;
    memset(registers, 0, DENSE_SIZE);
    ranks_of(registers)[0] = SKETCH_REGISTERS;
    for (uint32_t i = 0; i < s->count; i++)
        (void)hash_raise(registers, s->hashes[i]);
    budget_free(b, &s->hashes, s->size * sizeof(*s->hashes));
    *s = (struct sketch){.registers = registers};
    return true;
}

static bool grow(struct sketch *s, struct budget *b)
{
    uint32_t size = s->size ? s->size * 2 : HASHES_MIN;
    if (!budget_resize(b, &s->hashes, s->size * sizeof(*s->hashes), size * sizeof(*s->hashes)))
        return false;
    s->size = size;
    return true;
}

bool sketch_add(struct sketch *s, struct budget *b, uint64_t hash, bool *is_new)
{
    bool unused;
    is_new = is_new ? is_new : &unused;
    *is_new = false;
    uint32_t at = sorted_place(s->hashes, 1, s->count, hash);
    if (at < s->count && s->hashes[at] == hash)
        return true;
    if (!s->registers && s->count == SKETCH_EXACT_MAX && !make_dense(s, b))
        return false;
    if (s->registers) {
        *is_new = hash_raise(s->registers, hash);
        return true;
    }
    if (s->count == s->size && !grow(s, b))
        return false;
    memmove(&s->hashes[at + 1], &s->hashes[at], (s->count - at) * sizeof(*s->hashes));
    s->hashes[at] = hash;
    s->count++;
    *is_new = true;
    return true;
}

bool sketch_merge(struct sketch *into, struct budget *b, const struct sketch *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        if (!sketch_add(into, b, from->hashes[i], NULL))
            return false;
    }
    return !from->registers || sketch_merge_registers(into, b, from->registers);
}

bool sketch_merge_registers(struct sketch *into, struct budget *b, const uint8_t *registers)
{
    if (!into->registers && !make_dense(into, b))
        return false;
    for (size_t i = 0; i < SKETCH_REGISTERS; i++)
        (void)register_raise(into->registers, i, registers[i]);
    return true;
}

/* Ertl, section 2.4, algorithm 6: x + sum of x^(2^k) 2^(k-1) */
static double sigma(double x)
{
    double weight = 1, sum = x, before;
    if (x >= 1)
        return INFINITY;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum > before);
    return sum;
}

/* likewise: (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3 */
static double tau(double x)
{
    double weight = 1, sum = 1 - x, before;
    if (x <= 0 || x >= 1)
        return 0;
    do {
        x = sqrt(x);
        before = sum;
        weight /= 2;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum < before);
    return sum / 3;
}

uint64_t sketch_count(const struct sketch *s)
{
    if (!s->registers)
        return s->count;
    const uint32_t *ranks = ranks_of(s->registers);
    double m = SKETCH_REGISTERS;
    double z = m * tau(1 - ranks[REST_BITS + 1] / m);
    for (unsigned rank = REST_BITS; rank > 0; rank--)
        z = 0.5 * (z + ranks[rank]);
    z += m * sigma(ranks[0] / m);
    double estimate = m * m / (2 * 0.69314718055994530942 * z) + 0.5;
    return estimate < 1.8e19 ? (uint64_t)estimate : UINT64_MAX; /* every register is full */
}

/* The first character tells what follows.  Ranks are letters: digits would look like identifiers.
 */
enum { TEXT_OF_HASHES = 'h', TEXT_OF_REGISTERS = 'r', LETTERS = 26, DIGITS = 16 };

_Static_assert(SKETCH_RANKS == 2 * LETTERS, "a letter for each rank");

size_t sketch_print(const uint64_t *hashes, size_t count, const uint8_t *registers, char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    text[len++] = registers ? TEXT_OF_REGISTERS : TEXT_OF_HASHES;
    for (size_t i = 0; registers && i < SKETCH_REGISTERS; i++)
        text[len++] =
            (char)(registers[i] < LETTERS ? 'A' + registers[i] : 'a' + registers[i] - LETTERS);
    for (size_t i = 0; !registers && i < count && i < SKETCH_EXACT_MAX; i++) {
        for (unsigned shift = 64; shift > 0; shift -= 4)
            text[len++] = digits[hashes[i] >> (shift - 4) & 15];
    }
    return len;
}

static bool parse_registers(struct bytes text, uint8_t *registers)
{
    for (size_t i = 0; i < SKETCH_REGISTERS; i++) {
        unsigned upper = (unsigned)text.data[i] - 'A', lower = (unsigned)text.data[i] - 'a';
        if (upper >= LETTERS && lower >= LETTERS)
            return false;
        registers[i] = (uint8_t)(upper < LETTERS ? upper : lower + LETTERS);
    }
    return text.len == SKETCH_REGISTERS;
}

bool sketch_parse(struct bytes text, uint64_t *hashes, size_t *count, uint8_t *room,
                  const uint8_t **registers)
{
    struct bytes rest = bytes_from(text, 1);
    *registers = NULL;
    *count = 0;
    if (text.len == 1 + SKETCH_REGISTERS && text.data[0] == TEXT_OF_REGISTERS) {
        *registers = room;
        return parse_registers(rest, room);
    }
    if (text.len == 0 || text.data[0] != TEXT_OF_HASHES || rest.len % DIGITS != 0 ||
        rest.len / DIGITS > SKETCH_EXACT_MAX)
        return false;
    for (; rest.len > 0; rest = bytes_from(rest, DIGITS)) {
        if (!hash_parse(&hashes[(*count)++], bytes_first(rest, DIGITS)))
            return false;
    }
    return true;
}

void sketch_clear(struct sketch *s, struct budget *b)
{
    if (s->hashes)
        budget_free(b, &s->hashes, s->size * sizeof(*s->hashes));
    if (s->registers)
        budget_free(b, &s->registers, DENSE_SIZE);
    *s = (struct sketch){0};
}

/* Registers with zeroes are mostly runs of zeroes: a zero, and how many more follow. */
static void registers_save(const uint8_t *registers, struct pack *p)
{
    for (size_t i = 0; i < SKETCH_REGISTERS; i++) {
        size_t more = 0;
        pack_u8(p, registers[i]);
        if (registers[i] > 0)
            continue;
        while (i + 1 < SKETCH_REGISTERS && registers[i + 1] == 0) {
            i++;
            more++;
        }
        pack_number(p, more);
    }
}

static bool registers_load(uint8_t *registers, struct cursor *c)
{
    for (size_t i = 0; i < SKETCH_REGISTERS && !cursor_is_short(c); i++) {
        uint8_t rank = cursor_u8(c);
        if (rank > REST_BITS + 1)
            return false;
        if (register_raise(registers, i, rank))
            continue;
        uint64_t more = unpack_number(c);
        if (more >= SKETCH_REGISTERS - i)
            return false;
        i += (size_t)more;
    }
    return !cursor_is_short(c);
}

void sketch_save(const struct sketch *s, struct pack *p)
{
    pack_u8(p, s->registers ? SKETCH_BITS : 0);
    if (s->registers) {
        registers_save(s->registers, p);
        return;
    }
    pack_number(p, s->count);
    for (uint32_t i = 0; i < s->count; i++)
        pack_u64(p, s->hashes[i]);
}

static bool hashes_load(struct sketch *s, struct budget *b, struct cursor *c)
{
    size_t count = unpack_count(c, SKETCH_EXACT_MAX, sizeof(uint64_t));
    uint32_t size = count > 0 ? HASHES_MIN : 0;
    while (size < count)
        size *= 2;
    if (cursor_is_short(c) || !budget_resize(b, &s->hashes, 0, size * sizeof(*s->hashes)))
        return false;
    s->size = size;
    for (; s->count < count; s->count++) {
        s->hashes[s->count] = unpack_u64(c);
        if (s->count > 0 && s->hashes[s->count] <= s->hashes[s->count - 1])
            return false;
    }
    return true;
}

bool sketch_load(struct sketch *s, struct budget *b, struct cursor *c)
{
    uint8_t bits = cursor_u8(c);
    if (bits == 0)
        return hashes_load(s, b, c);
    return bits == SKETCH_BITS && make_dense(s, b) && registers_load(s->registers, c);
}
