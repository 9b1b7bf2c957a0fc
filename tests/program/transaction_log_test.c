/*
 * transaction_log.h, over files of its own.
 */
#include "tests/cmocka.h"

#include "transaction_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATHS_MAX = 2 };

/* Files in a folder of their own. */
struct files {
    char folder[32];
    char names[PATHS_MAX][64];
    char *paths[PATHS_MAX];
};

static int files_make(void **state)
{
    struct files *f = calloc(1, sizeof(*f));
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/logs_test.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    for (size_t i = 0; i < PATHS_MAX; i++) {
        (void)snprintf(f->names[i], sizeof(f->names[i]), "%s/%zu.jsonl", f->folder, i);
        f->paths[i] = f->names[i];
    }
    *state = f;
    return 0;
}

static int files_remove(void **state)
{
    struct files *f = *state;
    for (size_t i = 0; i < PATHS_MAX; i++)
        (void)unlink(f->names[i]);
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

/* A line of a user, at a second of a minute. */
static void put_line(FILE *to, unsigned second, uint64_t duration_s, const char *user, bool is_db)
{
    (void)fprintf(to,
                  "{\"@timestamp\":\"2026-01-05T09:30:%02u.000000000Z\",\"event\":{\"dataset\":"
                  "\"seepwatch.transaction\",\"duration\":%llu},\"session\":{\"id\":"
                  "\"00000000000000a%u\"},\"user\":{\"name\":\"%s\"}%s}\n",
                  second, (unsigned long long)duration_s * 1000000000, is_db, user,
                  is_db ? ",\"db\":{\"system\":{\"name\":\"postgresql\"}}" : "");
}

static void note_bad(void *context, const char *path, uint64_t line, const char *problem)
{
    uint64_t *last = context;
    assert_non_null(path);
    assert_non_null(problem);
    *last = line;
}

static struct transaction_log *open_log(struct files *f, size_t count, uint64_t *bad_line)
{
    const struct log_config config = {
        .paths = f->paths, .paths_count = count, .bad = note_bad, .context = bad_line};
    struct transaction_log *l;
    struct error error;
    assert_true(transaction_log_open(&l, &config, &error));
    return l;
}

/* The users in the order in which they come. */
static void users_of(struct transaction_log *l, char *users)
{
    for (struct log_entry *e; (e = transaction_log_peek(l)); transaction_log_pass(l)) {
        strncat(users, (const char *)e->transaction.user_name.data, e->transaction.user_name.len);
        if (strlen(users) > 60)
            break;
    }
}

static void files_are_merged_by_when_transactions_end(void **state)
{
    struct files *f = *state;
    FILE *one = fopen(f->names[0], "w"), *two = fopen(f->names[1], "w");
    put_line(one, 1, 0, "a", false);
    put_line(one, 2, 7, "d", false); /* ends at 9 */
    put_line(one, 3, 0, "e", false); /* stands behind it, and stays there */
    put_line(two, 1, 0, "b", false);
    put_line(two, 8, 0, "c", false);
    put_line(two, 10, 0, "f", false);
    (void)fclose(one);
    (void)fclose(two);
    uint64_t bad_line = 0;
    struct transaction_log *l = open_log(f, 2, &bad_line);
    char users[64] = "";
    users_of(l, users);
    assert_string_equal(users, "abcdef");
    assert_int_equal(transaction_log_counters(l).transactions, 6);
    assert_int_equal(bad_line, 0);
    transaction_log_close(l);
}

static void a_session_goes_on_under_its_name(void **state)
{
    struct files *f = *state;
    FILE *one = fopen(f->names[0], "w");
    put_line(one, 1, 0, "a", true);
    put_line(one, 2, 0, "a", false);
    (void)fclose(one);
    uint64_t bad_line = 0;
    struct transaction_log *l = open_log(f, 1, &bad_line);
    struct log_entry *e = transaction_log_peek(l);
    assert_int_equal(e->session, 0xa1); /* a connection's */
    assert_int_equal(e->transaction.session_hash, 0xa1);
    transaction_log_pass(l);
    e = transaction_log_peek(l);
    assert_int_equal(e->session, 0); /* a stay */
    assert_int_equal(e->transaction.session_hash, 0xa0);
    transaction_log_close(l);
}

static void bad_lines_are_told_with_their_number_and_stop_nothing(void **state)
{
    struct files *f = *state;
    FILE *one = fopen(f->names[0], "w");
    put_line(one, 1, 0, "a", false);
    (void)fputs("\r\n\n{\"event\":{\"dataset\":\"seepwatch.alert\"}}\nnot JSON\n", one);
    put_line(one, 2, 0, "b", false);
    (void)fputs("{\"@timestamp\":\"2026-01", one); /* the writer was killed */
    (void)fclose(one);
    uint64_t bad_line = 0;
    struct transaction_log *l = open_log(f, 1, &bad_line);
    assert_int_equal(transaction_log_peek(l)->end_ns, INT64_C(1767605401000000000));
    transaction_log_pass(l);
    assert_non_null(transaction_log_peek(l));
    assert_int_equal(bad_line, 5);
    transaction_log_pass(l);
    assert_null(transaction_log_peek(l));
    assert_int_equal(bad_line, 7);
    struct log_counters c = transaction_log_counters(l);
    assert_int_equal(c.bad, 2);
    assert_int_equal(c.others, 1);
    assert_int_equal(c.transactions, 2);
    struct error error;
    assert_false(transaction_log_failure(l, &error));
    transaction_log_close(l);
}

static void a_line_may_be_long_but_not_without_end(void **state)
{
    struct files *f = *state;
    FILE *one = fopen(f->names[0], "w");
    char *name = malloc(LOG_LINE_MAX + 1);
    memset(name, 'x', LOG_LINE_MAX);
    name[LOG_LINE_MAX / 2] = '\0';
    put_line(one, 1, 0, name, false);
    name[LOG_LINE_MAX / 2] = 'x';
    name[LOG_LINE_MAX] = '\0';
    put_line(one, 2, 0, name, false);
    put_line(one, 3, 0, "c", false);
    (void)fclose(one);
    free(name);
    uint64_t bad_line = 0;
    struct transaction_log *l = open_log(f, 1, &bad_line);
    assert_int_equal(transaction_log_peek(l)->transaction.user_name.len, LOG_LINE_MAX / 2);
    transaction_log_pass(l);
    assert_int_equal(transaction_log_peek(l)->transaction.user_name.len, 1);
    assert_int_equal(bad_line, 2);
    transaction_log_pass(l);
    assert_null(transaction_log_peek(l));
    assert_int_equal(transaction_log_counters(l).bad, 1);
    transaction_log_close(l);
}

static void logs_are_known_by_what_they_hold(void **state)
{
    struct files *f = *state;
    FILE *one = fopen(f->names[0], "w"), *two = fopen(f->names[1], "w");
    put_line(one, 1, 0, "a", false);
    (void)fputs("\xd4\xc3\xb2\xa1 a capture's magic", two);
    (void)fclose(one);
    (void)fclose(two);
    assert_true(transaction_log_is(f->names[0]));
    assert_false(transaction_log_is(f->names[1]));
    (void)fclose(fopen(f->names[1], "w"));
    assert_true(transaction_log_is(f->names[1])); /* of a quiet day */
    assert_false(transaction_log_is("/dev/null"));
    assert_false(transaction_log_is("/nowhere.jsonl"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_merged_by_when_transactions_end, files_make,
                                        files_remove),
        cmocka_unit_test_setup_teardown(a_session_goes_on_under_its_name, files_make, files_remove),
        cmocka_unit_test_setup_teardown(bad_lines_are_told_with_their_number_and_stop_nothing,
                                        files_make, files_remove),
        cmocka_unit_test_setup_teardown(a_line_may_be_long_but_not_without_end, files_make,
                                        files_remove),
        cmocka_unit_test_setup_teardown(logs_are_known_by_what_they_hold, files_make, files_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
