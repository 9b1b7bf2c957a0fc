#include "tests/cmocka.h"

#include "core/siphash.h"

/* The first vectors of the reference implementation: key 00..0f, input 00, 00 01, ...; and the
 * paper's, of 15 bytes. */
static const struct {
    size_t len;
    uint64_t hash;
} vectors[] = {
    {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
    {2, UINT64_C(0x0d6c8009d9a94f5a)},  {3, UINT64_C(0x85676696d7fb7e2d)},
    {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
    {15, UINT64_C(0xa129ca6149be45e5)},
};

static const struct hash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

static void the_reference_vectors_hold(void **state)
{
    uint8_t input[16];
    (void)state;
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        assert_true(siphash_bytes((struct bytes){input, vectors[i].len}, &key) == vectors[i].hash);
}

static void pieces_make_the_same_hash(void **state)
{
    struct bytes text = bytes_of("a session's cookie, cut anywhere");
    uint64_t whole = siphash_bytes(text, &key);
    (void)state;
    for (size_t cut = 0; cut <= text.len; cut++) {
        struct siphash s;
        siphash_begin(&s, &key);
        siphash_add(&s, bytes_first(text, cut));
        siphash_add(&s, bytes_from(text, cut));
        assert_true(siphash_end(&s) == whole);
    }
}

static void all_at_once_makes_the_same_hash_at_any_length(void **state)
{
    uint8_t input[40];
    (void)state;
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (uint8_t)(0xff - 7 * i);
    for (size_t len = 0; len <= sizeof(input); len++) {
        struct siphash s;
        siphash_begin(&s, &key);
        for (size_t i = 0; i < len; i++)
            siphash_add(&s, (struct bytes){input + i, 1});
        assert_true(siphash_end(&s) == siphash_bytes((struct bytes){input, len}, &key));
    }
}

static void another_key_makes_another_hash(void **state)
{
    struct hash_key other = {key.low, key.high + 1};
    (void)state;
    assert_true(siphash_bytes(bytes_of("a"), &key) != siphash_bytes(bytes_of("a"), &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_vectors_hold),
        cmocka_unit_test(pieces_make_the_same_hash),
        cmocka_unit_test(all_at_once_makes_the_same_hash_at_any_length),
        cmocka_unit_test(another_key_makes_another_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
