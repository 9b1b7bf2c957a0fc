/*
 * What is written is read again, and nothing else is.
 */
#include "tests/cmocka.h"

#include "core/hash.h"
#include "core/pack.h"

#include <stdlib.h>

static void numbers_of_every_size_come_back(void **state)
{
    static const uint64_t numbers[] = {
        0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    enum { COUNT = sizeof(numbers) / sizeof(numbers[0]) };
    struct pack p = {0};
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        pack_number(&p, numbers[i]);
        pack_signed(&p, (int64_t)numbers[i]);
        pack_u64(&p, numbers[i]);
        pack_double(&p, (double)numbers[i] / 3);
        pack_float(&p, (float)i);
        pack_flag(&p, i % 2);
        pack_string(&p, (struct bytes){(const uint8_t *)"seepwatch", i});
    }
    struct cursor c = cursor_over(pack_view(&p));
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(unpack_number(&c) == numbers[i]);
        assert_true(unpack_signed(&c) == (int64_t)numbers[i]);
        assert_true(unpack_u64(&c) == numbers[i]);
        assert_true(unpack_double(&c) == (double)numbers[i] / 3);
        assert_true(unpack_float(&c) == (float)i);
        assert_true(unpack_flag(&c) == (i % 2 == 1));
        assert_int_equal(unpack_string(&c, 16).len, i < 9 ? i : 9);
    }
    assert_true(unpack_done(&c));
    pack_clear(&p);
}

static void any_two_times_can_be_subtracted(void **state)
{
    static const int64_t good[] = {0, 1, INT64_MAX / 2};
    static const int64_t bad[] = {-1, INT64_MIN, INT64_MAX / 2 + 1, INT64_MAX};
    (void)state;
    for (size_t i = 0; i < 7; i++) {
        struct pack p = {0};
        bool is_good = i < 3;
        pack_signed(&p, is_good ? good[i] : bad[i - 3]);
        struct cursor c = cursor_over(pack_view(&p));
        assert_true(unpack_time(&c) == (is_good ? good[i] : 0));
        assert_int_equal(cursor_is_short(&c), !is_good);
        pack_clear(&p);
    }
}

static void what_makes_no_sense_leaves_the_cursor_short(void **state)
{
    static const struct {
        const char *what;
        uint8_t bytes[12];
        size_t len;
    } cases[] = {
        {"a number without an end", {0x80, 0x80}, 2},
        {"a number that is too large", {255, 255, 255, 255, 255, 255, 255, 255, 255, 2}, 10},
        {"a number that goes on", {255, 255, 255, 255, 255, 255, 255, 255, 255, 0x81, 0}, 11},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cursor c = cursor_over((struct bytes){cases[i].bytes, cases[i].len});
        assert_true(unpack_number(&c) == 0);
        assert_true(cursor_is_short(&c));
    }
    struct cursor flag = cursor_over(bytes_of("\x02"));
    assert_false(unpack_flag(&flag));
    assert_true(cursor_is_short(&flag));
    struct cursor text = cursor_over(bytes_of("\x05hello"));
    assert_int_equal(unpack_string(&text, 4).len, 0);
    assert_true(cursor_is_short(&text));
    struct cursor count = cursor_over(bytes_of("\x05hello"));
    assert_int_equal(unpack_count(&count, 10, 2), 0);
    assert_true(cursor_is_short(&count));
    count = cursor_over(bytes_of("\x05hello"));
    assert_int_equal(unpack_count(&count, 10, 1), 5);
}

static void write_blocks(struct pack *p)
{
    size_t outer = pack_begin(p, 7);
    pack_number(p, 300);
    size_t inner = pack_begin(p, 8);
    pack_string(p, bytes_of("inside"));
    pack_end(p, inner);
    pack_end(p, outer);
}

static void a_block_is_whole_or_nothing(void **state)
{
    struct pack p = {0};
    uint8_t version;
    (void)state;
    write_blocks(&p);
    struct cursor c = cursor_over(pack_view(&p));
    struct cursor outer = unpack_block(&c, &version);
    assert_int_equal(version, 7);
    assert_true(unpack_done(&c));
    assert_true(unpack_number(&outer) == 300);
    struct cursor inner = unpack_block(&outer, &version);
    assert_int_equal(version, 8);
    assert_true(bytes_are(unpack_string(&inner, 10), "inside"));
    assert_true(unpack_done(&inner) && unpack_done(&outer));
    for (size_t bit = 0; bit < p.len * 8; bit++) {
        p.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        c = cursor_over(pack_view(&p));
        (void)unpack_block(&c, &version);
        assert_false(unpack_done(&c));
        p.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t len = 0; len < p.len; len++) {
        c = cursor_over((struct bytes){p.data, len});
        (void)unpack_block(&c, &version);
        assert_true(cursor_is_short(&c));
    }
    pack_clear(&p);
}

/* Files outlive programs: the bytes must stay what they are. */
static void the_bytes_are_the_same_in_every_version(void **state)
{
    static const uint8_t head[] = {7, 0x16, 0, 0, 0}, content[] = {0xac, 0x02, 8, 7};
    struct pack p = {0};
    (void)state;
    write_blocks(&p);
    assert_int_equal(p.len, 13 + 2 + 13 + 7);
    assert_memory_equal(p.data, head, sizeof(head));
    assert_memory_equal(p.data + PACK_BLOCK_HEAD, content, sizeof(content));
    assert_true(hash_bytes(pack_view(&p), 0) == UINT64_C(0x88d5d2eba4fec787));
    pack_clear(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_every_size_come_back),
        cmocka_unit_test(any_two_times_can_be_subtracted),
        cmocka_unit_test(what_makes_no_sense_leaves_the_cursor_short),
        cmocka_unit_test(a_block_is_whole_or_nothing),
        cmocka_unit_test(the_bytes_are_the_same_in_every_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
