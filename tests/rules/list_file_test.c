#include "tests/cmocka.h"

#include "rules/list_file.h"
#include "rules/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define RULE                                                                                       \
    "rules: [{id: a, name: n, severity: low, by: user.name, measure: count, over: 1h, above: 1, "  \
    "when: user.name in l}]\n"

struct stand {
    char folder[64], rule_file[96], list[96];
    struct problems problems;
};

static int set_up(void **state)
{
    struct stand *t = calloc(1, sizeof(*t));
    (void)snprintf(t->folder, sizeof(t->folder), "/tmp/list_file_test.XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->rule_file, sizeof(t->rule_file), "%s/a.yaml", t->folder);
    (void)snprintf(t->list, sizeof(t->list), "%s/l.txt", t->folder);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct stand *t = *state;
    (void)unlink(t->rule_file);
    (void)unlink(t->list);
    assert_int_equal(rmdir(t->folder), 0);
    free(t);
    return 0;
}

static void put(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static struct rules *load(struct stand *t, const char *text)
{
    const char *paths[] = {t->rule_file};
    put(t->rule_file, text, strlen(text));
    t->problems = (struct problems){0};
    return rules_load(paths, 1, &t->problems);
}

static bool has(const struct rules *r, const char *user)
{
    struct transaction t = {.user_name = bytes_of(user)};
    transaction_mark(&t, FIELD_USER_NAME);
    return expression_holds(&rules_at(r, 0)->when, &t);
}

static void a_line_is_an_item_and_comments_are_none(void **state)
{
    struct stand *t = *state;
    static const char text[] = "\xef\xbb\xbf"
                               "ann\r\n"
                               "\n"
                               "# all of them\n"
                               "  bo c \t# until June\n"
                               "#dee\n"
                               "e#f\n"
                               "g\xc3\xa9";
    put(t->list, text, strlen(text));
    struct rules *r = load(t, "lists: {l: {file: l.txt}}\n" RULE);
    assert_non_null(r);
    static const char *const items[] = {"ann", "bo c", "e#f", "g\xc3\xa9"};
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
        assert_true(has(r, items[i]));
    static const char *const others[] = {"", "#dee", "dee", "# all of them", "e", "bo"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(has(r, others[i]));
    rules_close(r);
}

static void the_paths_are_told_once(void **state)
{
    struct stand *t = *state;
    size_t count;
    char text[512];
    put(t->list, "ann\n", 4);
    (void)snprintf(text, sizeof(text), "lists: {l: {file: l.txt}, m: {file: '%s'}}\n" RULE,
                   t->list);
    struct rules *r = load(t, text);
    assert_non_null(r);
    const char *const *paths = rules_list_files(r, &count);
    assert_int_equal(count, 1);
    assert_string_equal(paths[0], t->list);
    rules_close(r);
    r = load(t, "lists: {l: [ann]}\n" RULE);
    (void)rules_list_files(r, &count);
    assert_int_equal(count, 0);
    rules_close(r);
}

static void an_empty_file_is_an_empty_list(void **state)
{
    struct stand *t = *state;
    put(t->list, "", 0);
    struct rules *r = load(t, "lists: {l: {file: l.txt}}\n" RULE);
    assert_non_null(r);
    assert_false(has(r, ""));
    rules_close(r);
}

static void mistakes_have_their_place(void **state)
{
    struct stand *t = *state;
    static const struct {
        const char *lists, *file, *problem;
    } cases[] = {
        {"{l: {file: k.txt}}", "a", "a.yaml:1:19: %s/k.txt: No such file or directory"},
        {"{l: {file: .}}", "a", "a.yaml:1:19: %s/.: is no file"},
        {"{l: {file: ''}}", "a", "a.yaml:1:20: a list from a file is written {file: PATH}"},
        {"{l: {fil: l.txt}}", "a", "a.yaml:1:13: unknown key 'fil' in a list from a file; did you"},
        {"{l: {}}", "a", "a.yaml:1:12: a list from a file is written {file: PATH}"},
        {"{l: {file: l.txt}}", "a\n b\x01", "l.txt:2:3: a control character"},
        {"{l: {file: l.txt}}", "a\n\xff", "l.txt:2:1: this byte is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512], problem[512];
        put(t->list, cases[i].file, strlen(cases[i].file));
        (void)snprintf(text, sizeof(text), "lists: %s\n" RULE, cases[i].lists);
        assert_null(load(t, text));
        const char *hole = strstr(cases[i].problem, "%s");
        size_t before = hole ? (size_t)(hole - cases[i].problem) : 0;
        (void)snprintf(problem, sizeof(problem), "%.*s%s%s", (int)before, cases[i].problem,
                       hole ? t->folder : "", hole ? hole + 2 : cases[i].problem);
        if (!strstr(t->problems.items[0], problem))
            fail_msg("%s\nis not\n%s", t->problems.items[0], problem);
    }
}

static void an_item_of_the_wrong_type_has_its_line(void **state)
{
    struct stand *t = *state;
    put(t->list, "# ports\n80\n\n  x\n", 16);
    assert_null(load(t, "lists: {l: {file: l.txt}}\n"
                        "rules: [{id: a, name: n, severity: low, by: user.name, measure: count, "
                        "over: 1h, above: 1, when: server.port in l}]\n"));
    assert_non_null(strstr(t->problems.items[0], "/l.txt:4:3: "));
}

static void a_pipe_is_not_waited_for(void **state)
{
    struct stand *t = *state;
    assert_int_equal(mkfifo(t->list, 0600), 0);
    assert_null(load(t, "lists: {l: {file: l.txt}}\n" RULE));
    assert_non_null(strstr(t->problems.items[0], "l.txt: is no file"));
}

static void a_file_is_bounded(void **state)
{
    struct stand *t = *state;
    size_t size = LIST_FILE_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '\n', size);
    put(t->list, text, LIST_FILE_LINES_MAX);
    struct rules *r = load(t, "lists: {l: {file: l.txt}}\n" RULE);
    assert_non_null(r);
    rules_close(r);
    put(t->list, text, LIST_FILE_LINES_MAX + 1);
    assert_null(load(t, "lists: {l: {file: l.txt}}\n" RULE));
    assert_non_null(strstr(t->problems.items[0], "l.txt: more than 131072 lines"));
    memset(text, 'x', size);
    put(t->list, text, size);
    assert_null(load(t, "lists: {l: {file: l.txt}}\n" RULE));
    assert_non_null(strstr(t->problems.items[0], "l.txt: larger than 4194304 bytes"));
    free(text);
}

/* A later file gives every list again, from other files: 512 paths in all. */
static void there_are_no_more_files_than_are_watched(void **state)
{
    struct stand *t = *state;
    char *text = malloc(128 * (LIST_FILES_MAX + 1)), second[96];
    const char *paths[] = {t->rule_file, second};
    assert_non_null(text);
    put(t->list, "a\n", 2);
    (void)snprintf(second, sizeof(second), "%s/b.yaml", t->folder);
    for (int which = 0; which < 2; which++) {
        size_t at = (size_t)sprintf(text, "lists:\n");
        for (int i = 0; i < LISTS_MAX; i++) {
            at += (size_t)sprintf(text + at, "  l%d: {file: ./", i);
            for (int bit = 0; bit < 9; bit++) /* as many paths of one file as there are numbers */
                at += (size_t)sprintf(text + at, (which * LISTS_MAX + i) >> bit & 1 ? "./" : "/");
            at += (size_t)sprintf(text + at, "l.txt}\n");
        }
        put(paths[which], text, at);
        t->problems = (struct problems){0};
        struct rules *r = rules_load(paths, (size_t)which + 1, &t->problems);
        assert_true((r != NULL) == (which == 0));
        rules_close(r);
    }
    assert_non_null(strstr(t->problems.items[0], "b.yaml:2:14: more than 256 files of lists"));
    (void)unlink(second);
    free(text);
}

static void a_text_that_is_no_file_has_none(void **state)
{
    struct stand *t = *state;
    t->problems = (struct problems){0};
    assert_null(
        rules_load_text("f", bytes_of("lists: {l: {file: /etc/passwd}}\n" RULE), &t->problems));
    assert_string_equal(t->problems.items[0],
                        "f:1:19: only a rule file can have a list from a file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_an_item_and_comments_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_paths_are_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_is_an_empty_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mistakes_have_their_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_item_of_the_wrong_type_has_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_no_more_files_than_are_watched, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_text_that_is_no_file_has_none, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
