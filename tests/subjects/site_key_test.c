/*
 * The file of the site's key.
 */
#include "tests/cmocka.h"

#include "subjects/site_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_LEN_MAX = 128 };

struct place {
    char folder[PATH_LEN_MAX], path[PATH_LEN_MAX + 16];
    struct subjects *subjects;
};

static void open_place(struct place *p)
{
    (void)snprintf(p->folder, sizeof(p->folder), "/tmp/site_key_test.XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    (void)snprintf(p->path, sizeof(p->path), "%s/subject.key", p->folder);
    p->subjects = subjects_open();
    assert_non_null(p->subjects);
}

static void close_place(struct place *p)
{
    subjects_close(p->subjects);
    (void)unlink(p->path);
    assert_int_equal(rmdir(p->folder), 0); /* nothing is left beside it */
}

static void write_file(const struct place *p, const char *text, mode_t mode)
{
    FILE *f = fopen(p->path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(p->path, mode), 0);
}

static void a_key_is_made_once_and_only_for_its_owner(void **state)
{
    struct place p;
    struct error error;
    struct stat info;
    bool is_new;
    (void)state;
    open_place(&p);
    assert_false(site_key_read(p.subjects, p.path, false, &is_new, &error));
    assert_true(site_key_read(p.subjects, p.path, true, &is_new, &error));
    assert_true(is_new);
    struct hash_key key = p.subjects->keys[0];
    assert_true(key.low != 0 && key.high != 0);
    assert_int_equal(stat(p.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_true(site_key_read(p.subjects, p.path, true, &is_new, &error));
    assert_false(is_new);
    assert_int_equal(p.subjects->keys_count, 1);
    assert_memory_equal(&p.subjects->keys[0], &key, sizeof(key));
    close_place(&p);
}

static void old_keys_stand_below_the_new_one(void **state)
{
    struct place p;
    struct error error;
    bool is_new;
    (void)state;
    open_place(&p);
    write_file(&p,
               "# new\n00000000000000010000000000000002\n\n  # old\n"
               "00000000000000030000000000000004\n",
               0600);
    assert_true(site_key_read(p.subjects, p.path, true, &is_new, &error));
    assert_int_equal(p.subjects->keys_count, 2);
    assert_true(p.subjects->keys[0].high == 1 && p.subjects->keys[0].low == 2);
    assert_true(p.subjects->keys[1].high == 3 && p.subjects->keys[1].low == 4);
    close_place(&p);
}

static void what_is_wrong_is_told_with_what_to_do(void **state)
{
    static const char key[] = "00000000000000010000000000000002\n";
    static const struct {
        const char *text, *told;
        mode_t mode;
    } cases[] = {
        {key, "chmod 600", 0640},
        {key, "chmod 600", 0604},
        {"", "remove the file", 0600},
        {"# nothing\n", "remove the file", 0600},
        {"# x\nabc\n", ":2: not a key", 0600},
        {"0000000000000001000000000000000G\n", ":1: not a key", 0600},
    };
    struct place p;
    struct error error;
    bool is_new;
    (void)state;
    open_place(&p);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(&p, cases[i].text, cases[i].mode);
        assert_false(site_key_read(p.subjects, p.path, true, &is_new, &error));
        if (!strstr(error.text, cases[i].told))
            print_error("%zu: %s\n", i, error.text);
        assert_non_null(strstr(error.text, cases[i].told));
        assert_null(strstr(error.text, "abc"));
    }
    char many[SUBJECTS_KEYS_MAX * 40 + 40] = "";
    for (size_t i = 0; i <= SUBJECTS_KEYS_MAX; i++)
        memcpy(many + strlen(many), key, sizeof(key));
    write_file(&p, many, 0600);
    assert_false(site_key_read(p.subjects, p.path, true, &is_new, &error));
    assert_non_null(strstr(error.text, "take the oldest out"));
    close_place(&p);
    assert_false(site_key_read(NULL, "/nowhere/at/all", true, &is_new, &error));
    assert_non_null(strstr(error.text, "create the folder"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_made_once_and_only_for_its_owner),
        cmocka_unit_test(old_keys_stand_below_the_new_one),
        cmocka_unit_test(what_is_wrong_is_told_with_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
