/*
 * Blocks of fields: those of RFC 7541, appendix C, cut anywhere; tables of which the beginning was
 * not seen; bounds.
 */
#include "tests/cmocka.h"

#include "analyzers/http2/hpack.h"

#include <stdlib.h>

enum { MEMORY_ENOUGH = 1 << 24, TEXT_MAX = 4096 };

struct test {
    struct budget budget;
    struct hpack *table;
    char said[TEXT_MAX];
};

static void say(struct test *t, struct bytes text)
{
    size_t len = strlen(t->said);
    assert_true(text.len < TEXT_MAX - len);
    memcpy(t->said + len, text.data, text.len);
    t->said[len + text.len] = '\0';
}

/* Takes a block in pieces of so many bytes; its fields become "name: value\n". */
static enum hpack_said take(struct test *t, struct bytes block, size_t piece)
{
    enum hpack_said said = HPACK_WAITS;
    t->said[0] = '\0';
    do {
        struct bytes part = bytes_first(block, piece);
        struct hpack_field field;
        block = bytes_from(block, piece);
        while ((said = hpack_take(t->table, &part, block.len == 0, &field)) <= HPACK_UNKNOWN) {
            say(t, said == HPACK_UNKNOWN ? bytes_of("unknown") : field.name);
            say(t, bytes_of(": "));
            say(t, said == HPACK_UNKNOWN ? bytes_of("") : field.value);
            say(t, bytes_of("\n"));
        }
    } while (block.len > 0 && said == HPACK_WAITS);
    return said;
}

#define VIEW(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }
#define BLOCK(text) ((struct bytes)VIEW(text))

static void open_table(struct test *t, bool is_unknown)
{
    *t = (struct test){.budget = {.bytes_max = MEMORY_ENOUGH}};
    t->table = hpack_open(&t->budget, is_unknown);
    assert_non_null(t->table);
}

static void close_table(struct test *t)
{
    hpack_close(t->table);
    assert_int_equal(t->budget.used, 0);
}

static void the_examples_of_the_rfc_are_read_however_they_are_cut(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 40; piece += 3) {
        struct test t;
        open_table(&t, false);
        struct bytes first =
            BLOCK("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff");
        assert_int_equal(take(&t, first, piece), HPACK_END);
        assert_string_equal(t.said,
                            ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n");
        struct bytes second = BLOCK("\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf");
        assert_int_equal(take(&t, second, piece), HPACK_END);
        assert_string_equal(t.said, ":method: GET\n:scheme: http\n:path: /\n:authority: "
                                    "www.example.com\ncache-control: no-cache\n");
        close_table(&t);
    }
}

static void of_an_unknown_table_what_was_added_since_is_known(void **state)
{
    struct test t;
    (void)state;
    open_table(&t, true);
    assert_int_equal(take(&t, BLOCK("\x82\xbe\x40\1a\1b\xff\x3a\x41\1c"), 100), HPACK_END);
    assert_string_equal(t.said, ":method: GET\nunknown: \na: b\nunknown: \n:authority: c\n");
    /* the newest is the first; a name that is not known has no value that is */
    assert_int_equal(take(&t, BLOCK("\xbe\xbf\xc0\x7f\x11\1d\x84"), 100), HPACK_END);
    assert_string_equal(t.said, ":authority: c\na: b\nunknown: \nunknown: \n:path: /\n");
    close_table(&t);
}

static void what_is_no_block_breaks_the_table_and_no_more(void **state)
{
    static const struct bytes blocks[] = {
        VIEW("\xbe"),                         /* nothing was added */
        VIEW("\x80"),                         /* no number is 0 */
        VIEW("\xff\xff\xff\xff\xff\xff\xff"), /* a number without an end */
        VIEW("\x41\x05"
             "abc"),                  /* ends too early */
        VIEW("\x41\x83\xff\xff\xff"), /* no such letters */
        VIEW("\x3f\xe1\xff\x07"),     /* a table of 131,072 bytes */
        VIEW("\x82\x20"),             /* a table's size behind a field */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct test t;
        open_table(&t, false);
        enum hpack_said said = take(&t, blocks[i], 100);
        if (said != HPACK_BROKEN)
            print_error("block %zu\n", i);
        assert_int_equal(said, HPACK_BROKEN);
        close_table(&t);
    }
}

/* Fields of one byte each, as many as the largest table could hold. */
static void a_table_takes_no_more_than_its_bound(void **state)
{
    struct test t;
    int count = 0;
    (void)state;
    open_table(&t, false);
    assert_int_equal(take(&t, BLOCK("\x3f\xe1\xff\x03"), 100), HPACK_END); /* 65,536 bytes */
    while (count < 5000 && take(&t, BLOCK("\x40\1a\0"), 100) == HPACK_END)
        count++;
    assert_in_range(count, 1800, 1900);
    assert_in_range(t.budget.peak, HPACK_MEMORY_MAX - 1024, HPACK_MEMORY_MAX + 1024);
    close_table(&t);
}

static void a_value_that_never_ends_breaks_the_table(void **state)
{
    struct test t;
    struct hpack_field field;
    uint8_t letters[1024];
    (void)state;
    open_table(&t, false);
    struct bytes part = BLOCK("\x40\1a\x7f\xff\xff\x3f"); /* a value of a megabyte */
    enum hpack_said said = hpack_take(t.table, &part, false, &field);
    memset(letters, 'x', sizeof(letters));
    for (int i = 0; i < 1024 && said == HPACK_WAITS; i++) {
        part = (struct bytes){letters, sizeof(letters)};
        said = hpack_take(t.table, &part, false, &field);
    }
    assert_int_equal(said, HPACK_BROKEN);
    assert_true(t.budget.peak < HPACK_MEMORY_MAX);
    close_table(&t);
}

static void without_memory_there_is_no_table_and_no_block(void **state)
{
    (void)state;
    for (size_t bytes_max = 0; bytes_max < 40000; bytes_max += 500) {
        struct test t = {.budget = {.bytes_max = bytes_max}};
        t.table = hpack_open(&t.budget, bytes_max % 1000 == 0);
        if (t.table)
            (void)take(&t, BLOCK("\x82\x40\1a\1b\xbe"), 1);
        close_table(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc_are_read_however_they_are_cut),
        cmocka_unit_test(of_an_unknown_table_what_was_added_since_is_known),
        cmocka_unit_test(what_is_no_block_breaks_the_table_and_no_more),
        cmocka_unit_test(a_table_takes_no_more_than_its_bound),
        cmocka_unit_test(a_value_that_never_ends_breaks_the_table),
        cmocka_unit_test(without_memory_there_is_no_table_and_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
