#include "tests/cmocka.h"

#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20 };

struct test {
    char folder[32], path[64], moved[64];
    char text[TEXT_MAX]; /* of a file that was read */
    struct error error;
};

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    (void)snprintf(t->folder, sizeof(t->folder), "/tmp/output_test.XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->path, sizeof(t->path), "%s/lines", t->folder);
    (void)snprintf(t->moved, sizeof(t->moved), "%s/lines.1", t->folder);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;
    (void)unlink(t->path);
    (void)unlink(t->moved);
    assert_int_equal(rmdir(t->folder), 0);
    free(t);
    return 0;
}

static const char *text_of(struct test *t, const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(t->text, 1, TEXT_MAX - 1, file);
    t->text[len] = '\0';
    (void)fclose(file);
    return t->text;
}

static void put(struct output *o, const char *line)
{
    output_line(o, bytes_of(line));
}

static void lines_are_written_at_a_flush_and_at_the_end(void **state)
{
    struct test *t = *state;
    struct output o;
    assert_true(output_open(&o, t->path, false, &t->error));
    assert_true(output_is_on(&o));
    put(&o, "one\n");
    assert_string_equal(text_of(t, t->path), "");
    output_flush(&o);
    assert_string_equal(text_of(t, t->path), "one\n");
    put(&o, "two\n");
    assert_true(output_close(&o, &t->error));
    assert_string_equal(text_of(t, t->path), "one\ntwo\n");
    assert_false(output_is_on(&o));
}

static void only_whole_lines_are_written(void **state)
{
    struct test *t = *state;
    struct output o;
    char line[1000];
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    assert_true(output_open(&o, t->path, false, &t->error));
    for (int i = 0; i < 500; i++) {
        struct stat info;
        output_line(&o, (struct bytes){(const uint8_t *)line, sizeof(line)});
        assert_int_equal(stat(t->path, &info), 0);
        assert_int_equal((size_t)info.st_size % sizeof(line), 0);
    }
    assert_true(output_close(&o, &t->error));
    assert_int_equal(strlen(text_of(t, t->path)), 500 * sizeof(line));
}

static void a_line_longer_than_the_buffer_keeps_its_place(void **state)
{
    struct test *t = *state;
    struct output o;
    static char line[200000];
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 2] = '\n';
    assert_true(output_open(&o, t->path, false, &t->error));
    put(&o, "before\n");
    put(&o, line);
    put(&o, "after\n");
    assert_true(output_close(&o, &t->error));
    (void)text_of(t, t->path);
    assert_int_equal(strlen(t->text), 7 + strlen(line) + 6);
    assert_memory_equal(t->text, "before\nx", 8);
    assert_string_equal(t->text + strlen(t->text) - 8, "x\nafter\n");
}

static void a_file_is_begun_anew_or_appended_to(void **state)
{
    struct test *t = *state;
    static const char *const expected[] = {"line\n", "line\nline\n", "line\n"};
    for (int i = 0; i < 3; i++) {
        struct output o;
        assert_true(output_open(&o, t->path, i == 1, &t->error));
        put(&o, "line\n");
        assert_true(output_close(&o, &t->error));
        assert_string_equal(text_of(t, t->path), expected[i]);
    }
}

static void two_outputs_of_one_file_leave_each_other_whole(void **state)
{
    struct test *t = *state;
    struct output a, b;
    assert_true(output_open(&a, t->path, false, &t->error));
    assert_true(output_open(&b, t->path, false, &t->error));
    for (int i = 0; i < 2; i++) {
        put(&a, "a longer line\n");
        output_flush(&a);
        put(&b, "b\n");
        output_flush(&b);
    }
    assert_true(output_close(&a, &t->error));
    assert_true(output_close(&b, &t->error));
    assert_string_equal(text_of(t, t->path), "a longer line\nb\na longer line\nb\n");
}

static void after_a_rotation_lines_go_to_the_new_file(void **state)
{
    struct test *t = *state;
    struct output o;
    assert_true(output_open(&o, t->path, true, &t->error));
    put(&o, "old\n");
    assert_int_equal(rename(t->path, t->moved), 0);
    assert_true(output_reopen(&o, &t->error));
    put(&o, "new\n");
    assert_true(output_close(&o, &t->error));
    assert_string_equal(text_of(t, t->moved), "old\n");
    assert_string_equal(text_of(t, t->path), "new\n");
}

static void where_reopening_fails_the_old_file_goes_on(void **state)
{
    struct test *t = *state;
    struct output o;
    assert_true(output_open(&o, t->path, true, &t->error));
    assert_int_equal(rename(t->path, t->moved), 0);
    assert_int_equal(mkdir(t->path, 0700), 0);
    assert_false(output_reopen(&o, &t->error));
    assert_int_equal(t->error.kind, ERROR_WORK);
    assert_non_null(strstr(t->error.text, t->path));
    put(&o, "line\n");
    assert_true(output_close(&o, &t->error));
    assert_int_equal(rmdir(t->path), 0);
    assert_string_equal(text_of(t, t->moved), "line\n");
}

static void a_full_disk_is_an_error_at_the_end_and_counted(void **state)
{
    struct test *t = *state;
    struct output o;
    assert_true(output_open(&o, "/dev/full", false, &t->error));
    put(&o, "one\n");
    put(&o, "two\n");
    output_flush(&o);
    assert_int_equal(o.failed, ENOSPC);
    assert_int_equal(o.lines_lost, 2);
    put(&o, "three\n");
    assert_false(output_close(&o, &t->error));
    assert_int_equal(t->error.kind, ERROR_WORK);
    assert_string_equal(t->error.text, "/dev/full: 3 lines were lost: No space left on device");
}

/* A disk that is full in the middle of a line, and has room again. */
static void no_line_goes_behind_the_half_of_one(void **state)
{
    struct test *t = *state;
    struct output o;
    struct rlimit old, small;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = (struct rlimit){.rlim_cur = 10, .rlim_max = old.rlim_max};
    assert_true(output_open(&o, t->path, true, &t->error));
    put(&o, "first\n");
    put(&o, "second\n");
    put(&o, "third\n");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    output_flush(&o);
    put(&o, "fourth\n");
    output_flush(&o);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(o.lines_lost, 3);
    put(&o, "fifth\n");
    assert_false(output_close(&o, &t->error));
    assert_string_equal(text_of(t, t->path), "first\nseco\nfifth\n");
}

static void what_cannot_be_opened_is_told(void **state)
{
    struct test *t = *state;
    struct output o;
    assert_false(output_open(&o, "/nonexistent/file", false, &t->error));
    assert_int_equal(t->error.kind, ERROR_WORK);
    assert_string_equal(t->error.text,
                        "/nonexistent/file: cannot be written: No such file or directory");
    assert_false(output_is_on(&o));
    assert_true(output_close(&o, &t->error));
}

static void an_output_to_nowhere_takes_nothing(void **state)
{
    struct test *t = *state;
    struct output o;
    assert_true(output_open(&o, NULL, false, &t->error));
    assert_false(output_is_on(&o));
    put(&o, "line\n");
    output_flush(&o);
    assert_true(output_reopen(&o, &t->error));
    assert_true(output_close(&o, &t->error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(lines_are_written_at_a_flush_and_at_the_end),
        TEST(only_whole_lines_are_written),
        TEST(a_line_longer_than_the_buffer_keeps_its_place),
        TEST(a_file_is_begun_anew_or_appended_to),
        TEST(two_outputs_of_one_file_leave_each_other_whole),
        TEST(after_a_rotation_lines_go_to_the_new_file),
        TEST(where_reopening_fails_the_old_file_goes_on),
        TEST(a_full_disk_is_an_error_at_the_end_and_counted),
        TEST(no_line_goes_behind_the_half_of_one),
        TEST(what_cannot_be_opened_is_told),
        TEST(an_output_to_nowhere_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
