/*
 * Snappy's raw format, by its elements, whole and in single bytes.
 */
#include "tests/cmocka.h"

#include "analyzers/packed/codec.h"

#include <stdlib.h>
#include <string.h>

enum { OUT_MAX = 1 << 18 };

/* What came of packed bytes that were given so many at a time. */
struct outcome {
    enum decoded decoded;
    size_t len;
    uint8_t bytes[OUT_MAX];
};

static struct outcome *unpack(struct bytes packed, size_t piece)
{
    struct budget budget = {.bytes_max = SIZE_MAX};
    struct codecs codecs = {.budget = &budget};
    struct unpacker *u = codec_open(&codecs, CODEC_SNAPPY);
    struct outcome *o = calloc(1, sizeof(*o));
    assert_non_null(u);
    assert_non_null(o);
    o->decoded = DECODED_WAITS;
    while (o->decoded == DECODED_WAITS && packed.len > 0) {
        struct bytes given = bytes_first(packed, piece), out;
        packed = bytes_from(packed, given.len);
        do {
            o->decoded = codec_take(u, &given, &out);
            assert_true(o->len + out.len <= OUT_MAX);
            if (out.len > 0)
                memcpy(o->bytes + o->len, out.data, out.len);
            o->len += out.len;
        } while (o->decoded == DECODED_PIECE);
    }
    codec_close(&codecs, u);
    codecs_clear(&codecs);
    assert_int_equal(budget.used, 0);
    return o;
}

static const struct {
    struct bytes packed, plain;
    enum decoded decoded;
} cases[] = {
#define CASE(packed, plain, decoded)                                                               \
    {                                                                                              \
        {(const uint8_t *)(packed), sizeof(packed) - 1},                                           \
            {(const uint8_t *)(plain), sizeof(plain) - 1}, decoded                                 \
    }
    CASE("\0", "", DECODED_END),
    CASE("\5\x10hello", "hello", DECODED_END),
    CASE("\5\xf0\4hello", "hello", DECODED_END),
    CASE("\5\xf4\4\0hello", "hello", DECODED_END),
    CASE("\5\xf8\4\0\0hello", "hello", DECODED_END),
    CASE("\5\xfc\4\0\0\0hello", "hello", DECODED_END),
    CASE("\12\0a\x15\1", "aaaaaaaaaa", DECODED_END),
    CASE("\12\4ab\x1e\2\0", "ababababab", DECODED_END),
    CASE("\12\4ab\x1f\2\0\0\0", "ababababab", DECODED_END),
    CASE("\11\10abc\x09\3\0", "abcabcabc", DECODED_END),
    CASE("\5\x10hell", "hell", DECODED_WAITS),
    CASE("\12\0a", "a", DECODED_WAITS),
    CASE("\12\0a\x15", "a", DECODED_WAITS),
    CASE("\12\0a\x15\0", "a", DECODED_BROKEN), /* copies from here */
    CASE("\12\0a\x15\2", "a", DECODED_BROKEN), /* from before the beginning */
    CASE("\5\0a\x15\1", "a", DECODED_BROKEN),  /* becomes more than told */
    CASE("\4\x10hello", "", DECODED_BROKEN),
    CASE("\xff\xff\xff\xff\xff\1", "", DECODED_BROKEN), /* a length of too many bytes, */
    CASE("\xff\xff\xff\xff\x7f", "", DECODED_BROKEN),   /* and one that is too large */
#undef CASE
};

static void each_element_gives_its_bytes_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = i / 2;
        struct outcome *o = unpack(cases[n].packed, i % 2 ? 1 : SIZE_MAX);
        bool is_good = o->decoded == cases[n].decoded &&
                       bytes_equal((struct bytes){o->bytes, o->len}, cases[n].plain);
        if (!is_good)
            print_error("case %zu: %d, %zu bytes\n", n, (int)o->decoded, o->len);
        assert_true(is_good);
        free(o);
    }
}

/* A literal of 70,000 bytes, and a copy of four from so far back. */
static struct outcome *copy_from(uint32_t offset, size_t piece)
{
    enum { LITERAL = 70000, HEAD = 7 };
    static const uint8_t head[HEAD] = {0xf4, 0xa2, 0x04, 0xf8, 0x6f, 0x11, 0x01};
    uint8_t *packed = calloc(1, HEAD + LITERAL + 5);
    assert_non_null(packed);
    memcpy(packed, head, HEAD);
    for (size_t i = 0; i < LITERAL; i++)
        packed[HEAD + i] = (uint8_t)(i * 7 + i / 251);
    uint8_t *copy = packed + HEAD + LITERAL;
    copy[0] = 3 << 2 | 3;
    for (int i = 0; i < 4; i++)
        copy[1 + i] = (uint8_t)(offset >> 8 * i);
    struct outcome *o = unpack((struct bytes){packed, HEAD + LITERAL + 5}, piece);
    if (o->decoded == DECODED_END) {
        assert_int_equal(o->len, LITERAL + 4);
        assert_memory_equal(o->bytes, packed + HEAD, LITERAL);
        assert_memory_equal(o->bytes + LITERAL, packed + HEAD + LITERAL - offset, 4);
    }
    free(packed);
    return o;
}

static void a_copy_reaches_as_far_back_as_the_window(void **state)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 1448};
    static const struct {
        uint32_t offset;
        enum decoded decoded;
    } copies[] = {
        {4, DECODED_END},        {40000, DECODED_END},    {65535, DECODED_END},
        {65536, DECODED_END},    {65537, DECODED_BROKEN}, {70000, DECODED_BROKEN},
        {70001, DECODED_BROKEN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
        for (size_t n = 0; n < sizeof(pieces) / sizeof(pieces[0]); n++) {
            struct outcome *o = copy_from(copies[i].offset, pieces[n]);
            assert_int_equal(o->decoded, copies[i].decoded);
            free(o);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_element_gives_its_bytes_however_it_is_cut),
        cmocka_unit_test(a_copy_reaches_as_far_back_as_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
