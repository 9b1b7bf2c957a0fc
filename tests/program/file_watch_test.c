#include "tests/cmocka.h"

#include "commands/file_watch.h"
#include "core/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN = 96 };

struct folders {
    char rules[PATH_LEN / 2], beside[PATH_LEN], one[PATH_LEN + 16];
    struct file_watch watch;
    int64_t now_ns;
};

static int set_up(void **state)
{
    struct folders *f = calloc(1, sizeof(*f));
    (void)snprintf(f->rules, sizeof(f->rules), "/tmp/file_watch_test.XXXXXX");
    assert_non_null(mkdtemp(f->rules));
    (void)snprintf(f->beside, PATH_LEN, "%s.beside", f->rules);
    (void)snprintf(f->one, sizeof(f->one), "%s/one.yaml", f->beside);
    assert_int_equal(mkdir(f->beside, 0700), 0);
    const char *paths[] = {f->rules, f->one};
    assert_true(file_watch_open(&f->watch, paths, 2));
    f->now_ns = 1000 * CLOCK_SECOND_NS;
    *state = f;
    return 0;
}

static void write_file(const char *folder, const char *name)
{
    char path[PATH_LEN * 2];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

static void remove_file(const char *folder, const char *name)
{
    char path[PATH_LEN * 2];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path);
}

static int tear_down(void **state)
{
    struct folders *f = *state;
    static const char *const names[] = {"a.yaml",   ".a.yaml",  "a.yaml~", ".yaml",
                                        "one.yaml", "two.yaml", "l.txt"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        remove_file(f->rules, names[i]);
        remove_file(f->beside, names[i]);
    }
    file_watch_close(&f->watch);
    assert_int_equal(rmdir(f->rules), 0);
    assert_int_equal(rmdir(f->beside), 0);
    free(f);
    return 0;
}

static bool settled_after(struct folders *f, int64_t ms)
{
    f->now_ns += ms * (CLOCK_SECOND_NS / 1000);
    return file_watch_settled(&f->watch, f->now_ns);
}

/* Whether what happened until now is told, once, after its second. */
static bool is_told(struct folders *f)
{
    assert_false(settled_after(f, 500));
    bool is_told = settled_after(f, 1001);
    assert_false(settled_after(f, 5000));
    return is_told;
}

static void what_is_read_is_told_and_nothing_else(void **state)
{
    struct folders *f = *state;
    assert_false(is_told(f));
    static const struct {
        bool is_beside;
        const char *name;
        bool is_told;
    } cases[] = {{false, "a.yaml", true}, {false, ".a.yaml", false}, {false, "a.yaml~", false},
                 {false, ".yaml", false}, {true, "one.yaml", true},  {true, "two.yaml", false},
                 {true, "a.yaml", false}, {false, "one.yaml", true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *folder = cases[i].is_beside ? f->beside : f->rules;
        write_file(folder, cases[i].name);
        assert_int_equal(is_told(f), cases[i].is_told);
        remove_file(folder, cases[i].name);
        assert_int_equal(is_told(f), cases[i].is_told);
    }
}

static void a_file_that_is_moved_in_or_away_is_told(void **state)
{
    struct folders *f = *state;
    char other[PATH_LEN * 2];
    (void)snprintf(other, sizeof(other), "%s/two.yaml", f->beside);
    write_file(f->beside, "two.yaml");
    assert_false(is_told(f));
    assert_int_equal(rename(other, f->one), 0);
    assert_true(is_told(f));
    assert_int_equal(rename(f->one, other), 0);
    assert_true(is_told(f));
}

static void several_writes_are_one_change(void **state)
{
    struct folders *f = *state;
    for (int i = 0; i < 10; i++) {
        write_file(f->rules, "a.yaml");
        assert_false(settled_after(f, 900));
    }
    assert_false(settled_after(f, 900));
    assert_true(settled_after(f, 200));
    assert_false(settled_after(f, 2000));
}

static void what_was_read_meanwhile_is_forgotten(void **state)
{
    struct folders *f = *state;
    write_file(f->rules, "a.yaml");
    file_watch_forget(&f->watch);
    assert_false(is_told(f));
    write_file(f->rules, "a.yaml");
    assert_false(settled_after(f, 500));
    file_watch_forget(&f->watch);
    assert_false(settled_after(f, 2000));
}

static void other_files_are_followed_in_the_same_folders(void **state)
{
    struct folders *f = *state;
    char list[PATH_LEN * 2];
    (void)snprintf(list, sizeof(list), "%s/l.txt", f->beside);
    const char *more[] = {f->rules, f->one, list}, *elsewhere[] = {"/nowhere/l.txt", f->rules};
    write_file(f->beside, "l.txt");
    assert_false(is_told(f));
    assert_null(file_watch_follow(&f->watch, more, 3));
    write_file(f->beside, "l.txt");
    assert_true(is_told(f));
    assert_string_equal(file_watch_follow(&f->watch, elsewhere, 2), "/nowhere/l.txt");
    write_file(f->beside, "l.txt");
    assert_false(is_told(f));
    write_file(f->rules, "a.yaml");
    assert_true(is_told(f));
}

static void a_folder_that_is_not_there_cannot_be_watched(void **state)
{
    (void)state;
    struct file_watch w;
    const char *paths[] = {"/tmp", "/nowhere/a.yaml"};
    assert_false(file_watch_open(&w, paths, 2));
    assert_int_equal(w.fd, -1);
    assert_false(file_watch_settled(&w, CLOCK_SECOND_NS));
    file_watch_forget(&w);
    file_watch_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_read_is_told_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_moved_in_or_away_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(several_writes_are_one_change, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_read_meanwhile_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_files_are_followed_in_the_same_folders, set_up,
                                        tear_down),
        cmocka_unit_test(a_folder_that_is_not_there_cannot_be_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
