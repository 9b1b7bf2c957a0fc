/*
 * Items in pieces: the same however they are cut.
 */
#include "tests/cmocka.h"

#include "analyzers/sql/pieces.h"

#include <stdlib.h>

/* A letter and a length; of 'k' the content is an item, of 's' it is passed over, of 'x' nothing is
 * known. */
struct seen {
    char text[64];
    size_t len;
};

static size_t take(void *context, struct cursor *in, uint64_t *skip)
{
    struct seen *seen = context;
    struct bytes rest = cursor_rest(in);
    if (rest.data[0] == 'x')
        return PIECES_BROKEN;
    if (rest.len < 2)
        return 2;
    size_t len = rest.data[1];
    if (rest.data[0] == 'k' && rest.len < 2 + len)
        return 2 + len;
    cursor_skip(in, 2);
    if (rest.data[0] == 's') {
        *skip = len;
        return 0;
    }
    struct bytes content = cursor_take(in, len);
    assert_true(seen->len + content.len < sizeof(seen->text));
    memcpy(seen->text + seen->len, content.data, content.len);
    seen->len += content.len;
    return 0;
}

static const uint8_t bytes[] = "k\3abcs\5.....k\1ds\0k\2efs\1.k\4ghij";

static void run(struct seen *seen, struct pieces *p, size_t piece)
{
    struct bytes all = {bytes, sizeof(bytes) - 1};
    *seen = (struct seen){0};
    pieces_begin(p);
    while (all.len > 0) {
        struct bytes part = bytes_first(all, piece);
        uint8_t *exact = malloc(part.len);
        assert_non_null(exact);
        memcpy(exact, part.data, part.len);
        pieces_take(p, (struct bytes){exact, part.len}, take, seen);
        free(exact);
        all = bytes_from(all, part.len);
    }
}

static void items_are_the_same_in_all_pieces(void **state)
{
    struct pieces p = {0};
    struct seen seen;
    (void)state;
    for (size_t piece = 1; piece < sizeof(bytes); piece++) {
        run(&seen, &p, piece);
        assert_string_equal(seen.text, "abcdefghij");
        assert_int_equal(p.kept_len, 0);
        assert_false(p.is_broken);
    }
}

static void a_broken_item_ends_it(void **state)
{
    static const uint8_t broken[] = "k\1axk\1b", long_item[] = "k\xff";
    struct pieces p = {0};
    struct seen seen = {0};
    (void)state;
    pieces_take(&p, (struct bytes){broken, sizeof(broken) - 1}, take, &seen);
    assert_string_equal(seen.text, "a");
    assert_true(p.is_broken);
    pieces_begin(&p);
    pieces_take(&p, (struct bytes){long_item, sizeof(long_item) - 1}, take, &seen);
    assert_true(p.is_broken); /* more than is kept */
    pieces_take(&p, (struct bytes){NULL, 0}, take, &seen);
    assert_string_equal(seen.text, "a");
}

static void missing_bytes_cost_nothing_where_they_are_passed_over(void **state)
{
    static const uint8_t front[] = "s\x0a..", back[] = "..k\1a";
    struct pieces p = {0};
    struct seen seen = {0};
    (void)state;
    pieces_take(&p, (struct bytes){front, sizeof(front) - 1}, take, &seen);
    pieces_lose(&p, 6);
    pieces_take(&p, (struct bytes){back, sizeof(back) - 1}, take, &seen);
    assert_string_equal(seen.text, "a");
    pieces_take(&p, (struct bytes){front, sizeof(front) - 1}, take, &seen);
    pieces_lose(&p, 9);
    assert_true(p.is_broken);
    pieces_begin(&p);
    pieces_take(&p, (struct bytes){front, 1}, take, &seen);
    pieces_lose(&p, 1);
    assert_true(p.is_broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_the_same_in_all_pieces),
        cmocka_unit_test(a_broken_item_ends_it),
        cmocka_unit_test(missing_bytes_cost_nothing_where_they_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
