/*
 * The statements are kept by shape, up to their bound.
 */
#include "tests/cmocka.h"

#include "analyzers/sql/statement.h"

#include <stdio.h>
#include <string.h>

static uint64_t read_one(struct statements *s, const char *text)
{
    struct bytes script = bytes_of(text);
    const struct statement *statement = statements_read(s, &script, SQL_POSTGRESQL);
    assert_non_null(statement);
    return statement->hash;
}

static void a_statement_is_kept_with_what_it_does(void **state)
{
    (void)state;
    struct statements *s = statements_open(4, 0);
    uint64_t hash = read_one(s, "SELECT a FROM t, u WHERE b = 'x'");
    uint64_t other = read_one(s, "DELETE FROM v");
    assert_int_equal(read_one(s, "SELECT a FROM t, u WHERE b = 'y'"), hash);
    const struct statement *found = statements_find(s, hash);
    assert_non_null(found);
    assert_true(bytes_are(found->text, "SELECT a FROM t, u WHERE b = ?"));
    assert_true(bytes_are(found->operation, "SELECT"));
    assert_int_equal(found->action, ACTION_READ);
    assert_int_equal(found->tables_count, 2);
    assert_true(bytes_are(found->tables[1], "u"));
    assert_true(bytes_are(statements_find(s, other)->tables[0], "v"));
    assert_null(statements_find(s, hash ^ 1));
    statements_close(s);
}

static void a_script_gives_its_statements_one_by_one(void **state)
{
    (void)state;
    struct statements *s = statements_open(4, 0);
    struct bytes script = bytes_of("BEGIN; SELECT 1;");
    assert_true(bytes_are(statements_read(s, &script, SQL_POSTGRESQL)->text, "BEGIN"));
    assert_true(bytes_are(statements_read(s, &script, SQL_POSTGRESQL)->text, "SELECT ?"));
    assert_null(statements_read(s, &script, SQL_POSTGRESQL));
    statements_close(s);
}

static void a_statement_described_elsewhere_is_kept_with_copies_of_its_texts(void **state)
{
    char text[] = "find customers {msisdn: ?}";
    struct bytes view = bytes_of(text);
    struct statement statement = {.hash = 7,
                                  .action = ACTION_READ,
                                  .text = view,
                                  .operation = bytes_first(view, 4),
                                  .tables = {bytes_first(bytes_from(view, 5), 9)},
                                  .tables_count = 1};
    (void)state;
    struct statements *s = statements_open(4, 0);
    assert_int_equal(statements_keep(s, &statement)->hash, 7);
    memset(text, 'x', sizeof(text) - 1);
    const struct statement *found = statements_find(s, 7);
    assert_non_null(found);
    assert_true(bytes_are(found->text, "find customers {msisdn: ?}"));
    assert_true(bytes_are(found->operation, "find"));
    assert_true(bytes_are(found->tables[0], "customers"));
    statements_close(s);
}

static void the_shape_used_longest_ago_is_forgotten_first(void **state)
{
    enum { MAX = 8 };
    uint64_t hashes[MAX + 1];
    char text[32];
    (void)state;
    struct statements *s = statements_open(MAX, 0);
    for (int i = 0; i < MAX; i++) {
        (void)snprintf(text, sizeof(text), "SELECT a%d", i);
        hashes[i] = read_one(s, text);
    }
    assert_non_null(statements_find(s, hashes[0]));
    assert_int_equal(statements_evictions(s), 0);
    hashes[MAX] = read_one(s, "SELECT another");
    assert_int_equal(statements_evictions(s), 1);
    assert_non_null(statements_find(s, hashes[0]));
    assert_null(statements_find(s, hashes[1]));
    assert_non_null(statements_find(s, hashes[MAX]));
    statements_close(s);
}

static void texts_stay_within_their_bytes(void **state)
{
    enum { BYTES = 64 << 10, SHAPES = 400, TEXT = 1000 };
    uint64_t hashes[SHAPES];
    char text[TEXT + 64];
    (void)state;
    struct statements *s = statements_open(STATEMENTS_MAX, BYTES);
    for (int i = 0; i < SHAPES; i++) {
        int len = snprintf(text, sizeof(text), "SELECT a%d, ", i);
        memset(text + len, 'x', TEXT);
        text[len + TEXT] = '\0';
        hashes[i] = read_one(s, text);
    }
    size_t kept = 0;
    for (int i = 0; i < SHAPES; i++) {
        const struct statement *found = statements_find(s, hashes[i]);
        kept += found != NULL;
        assert_true(!found || found->text.len > TEXT);
        assert_true(!found || i > SHAPES - BYTES / TEXT); /* the newest */
    }
    assert_in_range(kept, BYTES / TEXT / 2, BYTES / TEXT);
    assert_int_equal(statements_evictions(s), SHAPES - kept);
    statements_close(s);
}

static void a_text_sent_again_is_the_same_statement(void **state)
{
    enum { MAX = 8 };
    static const char text[] = "SELECT \"a\" FROM t";
    char other[32];
    (void)state;
    struct statements *s = statements_open(MAX, 0);
    for (int round = 0; round < 3; round++) {
        /* a name in one dialect, a value in the other */
        struct bytes name = bytes_of(text), value = name;
        assert_true(bytes_are(statements_read(s, &name, SQL_POSTGRESQL)->text, text));
        assert_true(bytes_are(statements_read(s, &value, SQL_MYSQL)->text, "SELECT ? FROM t"));
        assert_int_equal(name.len, 0);
        assert_int_equal(value.len, 0);
        for (int i = 0; round > 0 && i < MAX; i++) {
            (void)snprintf(other, sizeof(other), "SELECT a%d", i);
            (void)read_one(s, other);
        }
    }
    statements_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_statement_is_kept_with_what_it_does),
        cmocka_unit_test(a_script_gives_its_statements_one_by_one),
        cmocka_unit_test(a_statement_described_elsewhere_is_kept_with_copies_of_its_texts),
        cmocka_unit_test(the_shape_used_longest_ago_is_forgotten_first),
        cmocka_unit_test(texts_stay_within_their_bytes),
        cmocka_unit_test(a_text_sent_again_is_the_same_statement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
