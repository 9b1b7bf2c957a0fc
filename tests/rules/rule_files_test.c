/*
 * Files and folders of rules, read as one set.
 */
#include "tests/cmocka.h"

#include "rules/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct problems problems;

static struct rules *load(const char *text)
{
    problems = (struct problems){0};
    return rules_load_text("f", bytes_of(text), &problems);
}

/* A folder of its own for each test that needs files. */
struct folder {
    char path[64];
};

static void folder_make(struct folder *f)
{
    (void)snprintf(f->path, sizeof(f->path), "/tmp/seepwatch_rules_XXXXXX");
    assert_non_null(mkdtemp(f->path));
}

static void folder_write(const struct folder *f, const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", f->path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void folder_remove(const struct folder *f)
{
    static const char *const names[] = {"a.yaml", "b.yaml", "c.yml", ".d.yaml"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(f->path), 0);
}

#define RULE(id, when)                                                                             \
    "rules: [{id: " id ", name: n, severity: low, by: user.name, measure: count, over: 1h, "       \
    "above: 1, when: " when "}]\n"

static void a_folder_is_read_in_the_order_of_names_and_words_are_shared(void **state)
{
    (void)state;
    struct folder f;
    folder_make(&f);
    folder_write(&f, "b.yaml", "macros: {m: user.name in l}\nlists: {l: [x]}\n" RULE("b", "m"));
    folder_write(&f, "a.yaml", RULE("a", "m"));
    folder_write(&f, "c.yml", "no rules");
    folder_write(&f, ".d.yaml", "no rules");
    const char *paths[] = {f.path};
    problems = (struct problems){0};
    struct rules *r = rules_load(paths, 1, &problems);
    assert_non_null(r);
    assert_int_equal(rules_count(r), 2);
    assert_string_equal(rules_at(r, 0)->id, "a");
    assert_string_equal(rules_at(r, 1)->id, "b");
    rules_close(r);
    folder_remove(&f);
}

static void a_later_file_replaces_a_list(void **state)
{
    (void)state;
    struct folder f;
    char a[128], b[128];
    folder_make(&f);
    folder_write(&f, "a.yaml", "lists: {l: [x]}\n" RULE("a", "user.name in l"));
    folder_write(&f, "b.yaml", "lists: {l: [y]}\n");
    (void)snprintf(a, sizeof(a), "%s/a.yaml", f.path);
    (void)snprintf(b, sizeof(b), "%s/b.yaml", f.path);
    const char *paths[] = {a, b};
    problems = (struct problems){0};
    struct rules *r = rules_load(paths, 2, &problems);
    assert_non_null(r);
    struct transaction t = {.user_name = bytes_of("y")};
    transaction_mark(&t, FIELD_USER_NAME);
    assert_true(expression_holds(&rules_at(r, 0)->when, &t));
    t.user_name = bytes_of("x");
    assert_false(expression_holds(&rules_at(r, 0)->when, &t));
    rules_close(r);
    folder_remove(&f);
}

static void all_mistakes_of_all_files_are_told_in_one_run(void **state)
{
    (void)state;
    struct folder f;
    folder_make(&f);
    folder_write(&f, "a.yaml", "lists: {l: x}\n" RULE("a", "usr.name exists"));
    folder_write(&f, "b.yaml", RULE("a", "user.name exists") "what: 1\n");
    const char *paths[] = {f.path, "/nowhere"};
    problems = (struct problems){0};
    assert_null(rules_load(paths, 2, &problems));
    assert_int_equal(problems.count, 5);
    assert_string_equal(problems.items[0], "/nowhere: No such file or directory");
    assert_non_null(strstr(problems.items[1], "a.yaml:1:12: a named list must be a list"));
    assert_non_null(strstr(problems.items[2], "b.yaml:2:1: unknown key 'what' in a rule file"));
    assert_non_null(strstr(problems.items[3], "a.yaml:2:98: no field and no macro"));
    assert_non_null(strstr(problems.items[4], "b.yaml:1:14: the id 'a' is taken: "));
    assert_non_null(strstr(problems.items[4], "a.yaml:2:14"));
    folder_remove(&f);
}

static void a_file_that_is_not_yaml_takes_no_other_with_it(void **state)
{
    (void)state;
    struct folder f;
    folder_make(&f);
    folder_write(&f, "a.yaml", "rules: [\n");
    folder_write(&f, "b.yaml", RULE("a", "usr.name exists"));
    const char *paths[] = {f.path};
    problems = (struct problems){0};
    assert_null(rules_load(paths, 1, &problems));
    assert_int_equal(problems.count, 2);
    assert_non_null(strstr(problems.items[1], "b.yaml"));
    folder_remove(&f);
}

static void a_folder_without_rules_is_a_mistake(void **state)
{
    (void)state;
    struct folder f;
    folder_make(&f);
    const char *paths[] = {f.path};
    problems = (struct problems){0};
    assert_null(rules_load(paths, 1, &problems));
    assert_non_null(strstr(problems.items[0], "no *.yaml in this folder"));
    folder_remove(&f);
}

static void too_many_rules_are_refused(void **state)
{
    (void)state;
    static const char one[] = "- {id: a%zu, name: n, severity: low, by: user.name, first: "
                              "client.ip}\n";
    char *text = malloc((RULES_MAX + 2) * 100), *at = text;
    assert_non_null(text);
    at += sprintf(at, "rules:\n");
    for (size_t i = 0; i < RULES_MAX; i++)
        at += sprintf(at, one, i);
    struct rules *r = load(text);
    assert_non_null(r);
    assert_int_equal(rules_count(r), RULES_MAX);
    rules_close(r);
    (void)sprintf(at, one, (size_t)RULES_MAX);
    assert_null(load(text));
    assert_string_equal(problems.items[0], "f:1:1: 1025 rules in all; no more than 1024");
    free(text);
}

static void no_rules_at_all_are_a_set_too(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "rules:\n", "rules: []\nlists:\nmacros:\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct rules *r = load(texts[i]);
        assert_non_null(r);
        assert_int_equal(rules_count(r), 0);
        rules_close(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_read_in_the_order_of_names_and_words_are_shared),
        cmocka_unit_test(a_later_file_replaces_a_list),
        cmocka_unit_test(all_mistakes_of_all_files_are_told_in_one_run),
        cmocka_unit_test(a_file_that_is_not_yaml_takes_no_other_with_it),
        cmocka_unit_test(a_folder_without_rules_is_a_mistake),
        cmocka_unit_test(too_many_rules_are_refused),
        cmocka_unit_test(no_rules_at_all_are_a_set_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
