/*
 * Packed streams come out as what went in, however they are cut; what is none says so; what they
 * take is charged and given back.
 */
#include "tests/cmocka.h"

#include "analyzers/packed/codec.h"

#include <stdlib.h>
#define ZLIB_CONST /* input is const */
#include <zlib.h>
#include <zstd.h>

enum { PLAIN_LEN = 300000, PACKED_MAX = 400000 };

struct stream {
    enum codec codec;
    uint8_t *plain, *packed;
    size_t packed_len;
};

static const enum codec codecs_made[] = {CODEC_ZLIB, CODEC_ZSTD, CODEC_GZIP, CODEC_DEFLATE};

/* How many bits the window has, as zlib's deflateInit2 wants it said. */
enum { BITS_ZLIB = 15, BITS_GZIP = 31, BITS_BARE = -15 };

static size_t deflated(int bits, const uint8_t *plain, size_t plain_len, uint8_t *packed,
                       size_t max)
{
    z_stream z = {.next_out = packed, .avail_out = (uInt)max};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = plain;
    z.avail_in = (uInt)plain_len;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    (void)deflateEnd(&z);
    return max - z.avail_out;
}

/* Half of it repeats itself, half does not. */
static struct stream stream_make(enum codec codec)
{
    struct stream s = {.codec = codec, .plain = malloc(PLAIN_LEN), .packed = malloc(PACKED_MAX)};
    uint32_t random = 7;
    assert_non_null(s.plain);
    assert_non_null(s.packed);
    for (size_t i = 0; i < PLAIN_LEN; i++) {
        random = random * 1664525 + 1013904223;
        s.plain[i] = i % 20000 < 10000 ? (uint8_t)(i % 50) : (uint8_t)(random >> 24);
    }
    if (codec == CODEC_ZSTD) {
        s.packed_len = ZSTD_compress(s.packed, PACKED_MAX, s.plain, PLAIN_LEN, 3);
        assert_false(ZSTD_isError(s.packed_len));
        return s;
    }
    int bits = codec == CODEC_ZLIB ? BITS_ZLIB : codec == CODEC_GZIP ? BITS_GZIP : BITS_BARE;
    s.packed_len = deflated(bits, s.plain, PLAIN_LEN, s.packed, PACKED_MAX);
    return s;
}

static void stream_free(struct stream *s)
{
    free(s->plain);
    free(s->packed);
}

/* What comes out of the packed bytes in pieces; the last word about it. */
static enum decoded unpack(struct codecs *c, const struct stream *s, size_t piece_len, size_t *len)
{
    struct unpacker *u = codec_open(c, s->codec);
    enum decoded decoded = DECODED_WAITS;
    struct bytes left = {s->packed, s->packed_len};
    assert_non_null(u);
    *len = 0;
    while (left.len > 0 && decoded != DECODED_BROKEN) {
        struct bytes in = bytes_first(left, piece_len), out;
        left = bytes_from(left, in.len);
        do {
            decoded = codec_take(u, &in, &out);
            assert_true(out.len <= CODEC_PIECE_MAX && *len + out.len <= PLAIN_LEN);
            if (out.len > 0)
                assert_memory_equal(out.data, s->plain + *len, out.len);
            *len += out.len;
        } while (decoded == DECODED_PIECE);
    }
    codec_close(c, u);
    return decoded;
}

static void what_went_in_comes_out_however_it_is_cut(void **state)
{
    static const size_t pieces[] = {1, 7, 1000, PACKED_MAX};
    (void)state;
    for (size_t n = 0; n < sizeof(codecs_made) / sizeof(codecs_made[0]); n++) {
        struct budget budget = {.bytes_max = 8 << 20};
        struct codecs c = {.budget = &budget};
        struct stream s = stream_make(codecs_made[n]);
        for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
            size_t len;
            assert_int_equal(unpack(&c, &s, pieces[i], &len), DECODED_END);
            assert_int_equal(len, PLAIN_LEN);
            assert_int_equal(budget.used, 0);
        }
        codecs_clear(&c);
        stream_free(&s);
    }
}

static void what_is_no_stream_is_told(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(codecs_made) / sizeof(codecs_made[0]); n++) {
        struct budget budget = {.bytes_max = 8 << 20};
        struct codecs c = {.budget = &budget};
        struct stream s = stream_make(codecs_made[n]);
        size_t len;
        uint8_t first = s.packed[0];
        s.packed[0] = 0xff;
        assert_int_equal(unpack(&c, &s, 1000, &len), DECODED_BROKEN);
        s.packed[0] = first;
        assert_int_equal(unpack(&c, &s, 1000, &len),
                         DECODED_END); /* another one is none the worse */
        s.packed_len /= 2;
        assert_int_equal(unpack(&c, &s, 1000, &len), DECODED_WAITS);
        codecs_clear(&c);
        stream_free(&s);
    }
}

static void two_streams_behind_each_other_are_one(void **state)
{
    struct budget budget = {.bytes_max = 8 << 20};
    struct codecs c = {.budget = &budget};
    struct unpacker *u = codec_open(&c, CODEC_ZLIB);
    uint8_t packed[200];
    uLongf first = 100, second = 100;
    (void)state;
    assert_int_equal(compress(packed, &first, (const uint8_t *)"one", 3), Z_OK);
    assert_int_equal(compress(packed + first, &second, (const uint8_t *)"two", 3), Z_OK);
    struct bytes in = {packed, first + second}, out;
    assert_int_equal(codec_take(u, &in, &out), DECODED_END);
    assert_true(bytes_are(out, "one"));
    assert_int_equal(codec_take(u, &in, &out), DECODED_END);
    assert_true(bytes_are(out, "two"));
    assert_int_equal(in.len, 0);
    codec_close(&c, u);
    codecs_clear(&c);
}

/* The last word about packed bytes in pieces, and what came out. */
static enum decoded unpack_text(enum codec codec, struct bytes packed, size_t piece_len, char *text)
{
    struct budget budget = {.bytes_max = 8 << 20};
    struct codecs c = {.budget = &budget};
    struct unpacker *u = codec_open(&c, codec);
    enum decoded decoded = DECODED_WAITS;
    assert_non_null(u);
    *text = 0;
    while (packed.len > 0 && decoded != DECODED_BROKEN) {
        struct bytes in = bytes_first(packed, piece_len), out;
        packed = bytes_from(packed, in.len);
        do {
            decoded = codec_take(u, &in, &out);
            (void)strncat(text, (const char *)out.data, out.len);
        } while (decoded == DECODED_PIECE || (decoded == DECODED_END && in.len > 0));
    }
    codec_close(&c, u);
    codecs_clear(&c);
    return decoded;
}

enum { LETTERS_MAX = 300 };

static void streams_behind_each_other_are_one_however_they_are_cut(void **state)
{
    static const struct {
        enum codec codec;
        int bits;
    } cases[] = {{CODEC_ZLIB, BITS_ZLIB},
                 {CODEC_GZIP, BITS_GZIP},
                 {CODEC_GZIP, BITS_ZLIB},
                 {CODEC_DEFLATE, BITS_ZLIB},
                 {CODEC_DEFLATE, BITS_BARE}};
    (void)state;
    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        uint8_t packed[LETTERS_MAX];
        char text[LETTERS_MAX];
        size_t len = deflated(cases[n].bits, (const uint8_t *)"one", 3, packed, 100);
        len += deflated(cases[n].bits, (const uint8_t *)"twotwotwo", 9, packed + len, 100);
        for (size_t piece_len = 1; piece_len <= len; piece_len++) {
            assert_int_equal(
                unpack_text(cases[n].codec, (struct bytes){packed, len}, piece_len, text),
                DECODED_END);
            assert_string_equal(text, "onetwotwotwo");
        }
    }
}

/* A header with all that it may have; then what is no such header, and a checksum that is wrong. */
static void headers_and_checksums_of_gzip_are_read(void **state)
{
    static const uint8_t head[] = {0x1f, 0x8b, 8,   0x1e, 1,   2, 3,   4, 0, 3, 3,
                                   0,    'e',  'x', 0,    'n', 0, 'c', 0, 7, 7};
    static const size_t wrong[] = {0, 1, 2, 3};
    enum { PLAIN_HEAD_LEN = 10, TRAILER_LEN = 8 };
    uint8_t made[LETTERS_MAX], packed[LETTERS_MAX];
    char text[LETTERS_MAX];
    (void)state;
    size_t body_len =
        deflated(BITS_GZIP, (const uint8_t *)"hello", 5, made, sizeof(made)) - PLAIN_HEAD_LEN;
    size_t len = sizeof(head) + body_len;
    memcpy(packed, head, sizeof(head));
    memcpy(packed + sizeof(head), made + PLAIN_HEAD_LEN, body_len);
    for (size_t piece_len = 1; piece_len <= len; piece_len++) {
        assert_int_equal(unpack_text(CODEC_GZIP, (struct bytes){packed, len}, piece_len, text),
                         DECODED_END);
        assert_string_equal(text, "hello");
        packed[len - TRAILER_LEN] ^= 1;
        assert_int_equal(unpack_text(CODEC_GZIP, (struct bytes){packed, len}, piece_len, text),
                         DECODED_BROKEN);
        packed[len - TRAILER_LEN] ^= 1;
        for (size_t n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
            packed[wrong[n]] ^= 0xe0;
            assert_int_equal(unpack_text(CODEC_GZIP, (struct bytes){packed, len}, piece_len, text),
                             DECODED_BROKEN);
            packed[wrong[n]] ^= 0xe0;
        }
    }
}

enum { LETTERS_LEN = 9000 }; /* one block of short codes, that takes several packets */

static void what_comes_of_a_stream_that_breaks_off_is_the_same_however_it_is_cut(void **state)
{
    static const enum codec codecs[] = {CODEC_GZIP, CODEC_DEFLATE};
    static const size_t pieces[] = {1, 7, 1000};
    (void)state;
    for (size_t n = 0; n < sizeof(codecs) / sizeof(codecs[0]); n++) {
        struct budget budget = {.bytes_max = 8 << 20};
        struct codecs c = {.budget = &budget};
        struct stream s = stream_make(codecs[n]);
        uint32_t random = 7;
        for (size_t i = 0; i < LETTERS_LEN; i++) {
            random = random * 1664525 + 1013904223;
            s.plain[i] = (uint8_t)('a' + (random >> 28));
        }
        size_t len =
            deflated(n == 0 ? BITS_GZIP : BITS_BARE, s.plain, LETTERS_LEN, s.packed, PACKED_MAX);
        for (s.packed_len = len - 100; s.packed_len < len - 10; s.packed_len++) {
            size_t whole, cut;
            assert_int_equal(unpack(&c, &s, PACKED_MAX, &whole), DECODED_WAITS);
            for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
                assert_int_equal(unpack(&c, &s, pieces[i], &cut), DECODED_WAITS);
                assert_int_equal(cut, whole);
            }
        }
        codecs_clear(&c);
        stream_free(&s);
    }
}

static void memory_comes_from_the_budget(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(codecs_made) / sizeof(codecs_made[0]); n++) {
        struct budget budget = {.bytes_max = 8 << 20};
        struct codecs c = {.budget = &budget};
        struct unpacker *u = codec_open(&c, codecs_made[n]), *other;
        assert_non_null(u);
        assert_true(budget.used > CODEC_PIECE_MAX);
        budget.bytes_max = budget.used + 100;
        other = codec_open(&c, codecs_made[n]);
        assert_null(other);
        codec_close(&c, u);
        assert_int_equal(budget.used, 0); /* it waits for the next, outside of the budget */
        u = codec_open(&c, codecs_made[n]);
        assert_non_null(u);
        codec_close(&c, u);
        codec_close(&c, NULL);
        codecs_clear(&c);
    }
}

/* A window of 64 MiB is asked for by the first bytes. */
static void a_stream_that_wants_too_much_memory_is_broken(void **state)
{
    static const uint8_t frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 0x80, 1, 0, 0};
    struct budget budget = {.bytes_max = 256 << 20};
    struct codecs c = {.budget = &budget};
    struct unpacker *u = codec_open(&c, CODEC_ZSTD);
    struct bytes in = {frame, sizeof(frame)}, out;
    (void)state;
    enum decoded decoded = DECODED_PIECE;
    while (decoded == DECODED_PIECE)
        decoded = codec_take(u, &in, &out);
    assert_int_equal(decoded, DECODED_BROKEN);
    codec_close(&c, u);
    codecs_clear(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_went_in_comes_out_however_it_is_cut),
        cmocka_unit_test(what_is_no_stream_is_told),
        cmocka_unit_test(two_streams_behind_each_other_are_one),
        cmocka_unit_test(streams_behind_each_other_are_one_however_they_are_cut),
        cmocka_unit_test(headers_and_checksums_of_gzip_are_read),
        cmocka_unit_test(what_comes_of_a_stream_that_breaks_off_is_the_same_however_it_is_cut),
        cmocka_unit_test(memory_comes_from_the_budget),
        cmocka_unit_test(a_stream_that_wants_too_much_memory_is_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
