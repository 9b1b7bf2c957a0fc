#include "tests/cmocka.h"

#include "rules/yaml.h"

#include <stdio.h>
#include <stdlib.h>

static struct problems problems;

static int setup(void **state)
{
    (void)state;
    problems = (struct problems){0};
    return 0;
}

static struct yaml *read_text(const char *text)
{
    return yaml_read_text("f.yaml", bytes_of(text), &problems);
}

static void assert_text(const struct yaml_node *n, const char *text)
{
    assert_non_null(n);
    assert_int_equal(n->kind, YAML_SCALAR);
    assert_string_equal((const char *)n->text.data, text);
}

static void every_scalar_is_text_and_knows_its_place(void **state)
{
    (void)state;
    struct yaml *y = read_text("# comment\n"
                               "a: no\n"
                               "b: [SE, NO, \"0x10\"]\n"
                               "c:\n"
                               "  åäö: 1e3\n"
                               "  d: 'it''s'\n"
                               "  e:\n");
    assert_non_null(y);
    const struct yaml_node *root = yaml_root(y);
    assert_int_equal(root->kind, YAML_MAPPING);
    assert_int_equal(root->count, 3);
    assert_text(yaml_get(root, "a"), "no");
    const struct yaml_node *b = yaml_get(root, "b"), *c = yaml_get(root, "c");
    assert_int_equal(b->kind, YAML_SEQUENCE);
    assert_text(b->items[1].value, "NO");
    assert_null(b->items[1].key);
    assert_int_equal(b->items[1].value->at.line, 3);
    assert_int_equal(b->items[1].value->at.column, 9);
    assert_string_equal(b->items[1].value->at.file, "f.yaml");
    assert_text(b->items[2].value, "0x10");
    assert_text(c->items[0].key, "åäö");
    assert_int_equal(c->items[0].value->at.column, 8); /* characters, not bytes */
    assert_text(yaml_get(c, "d"), "it's");
    assert_true(yaml_is_nothing(yaml_get(c, "e")));
    assert_false(yaml_is_nothing(yaml_get(c, "d")));
    assert_null(yaml_get(c, "f"));
    assert_null(yaml_get(b, "f"));
    yaml_close(y);
}

static void an_empty_file_is_an_empty_mapping(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "\n\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct yaml *y = read_text(texts[i]);
        assert_non_null(y);
        assert_int_equal(yaml_root(y)->kind, YAML_MAPPING);
        assert_int_equal(yaml_root(y)->count, 0);
        yaml_close(y);
    }
}

static void mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' stands here twice: see line 1"},
        {"a: {b: 1, c: 2, b: 3}", "f.yaml:1:17: the key 'b' stands here twice: see line 1"},
        {"a: b: c\n", "f.yaml:1:5: invalid nested block mapping on the same line"},
        {"a:\n\t- b\n", "f.yaml:2:1: tab character may not be used as indentation"},
        {"a: \"b\n", "f.yaml:1:5: double-quoted scalar without closing quote"},
        {"a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document: one file holds one"},
        {"a: !!int 1\n", "f.yaml:1:10: a tag ('!...'): every value is text here, without a tag"},
        {"? [a]\n: b\n", "f.yaml:1:3: a key must be a word, not a list or a mapping"},
        {"a: \xff\n", "f.yaml:1:4: this byte is not UTF-8"},
        {"a: 1\nb: x\x01y\n", "f.yaml:2:5: a control character"},
        {"a: *b\n", "f.yaml:1:5: this alias has no anchor before it, or stands inside of it"},
        {"a: &x [1, *x]\n",
         "f.yaml:1:12: this alias has no anchor before it, or stands inside of it"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        problems = (struct problems){0};
        assert_null(read_text(cases[i].text));
        assert_int_equal(problems.count, 1);
        assert_string_equal(problems.items[0], cases[i].problem);
    }
}

static void a_zero_byte_is_no_end(void **state)
{
    (void)state;
    static const uint8_t text[] = "a: 1\0b: 2";
    assert_null(yaml_read_text("f.yaml", (struct bytes){text, sizeof(text) - 1}, &problems));
    assert_string_equal(problems.items[0], "f.yaml:1:5: a control character");
}

static void aliases_share_what_they_stand_for(void **state)
{
    (void)state;
    struct yaml *y = read_text("a: &x {k: v}\nb: *x\nc: &y word\nd: [*y, *y]\n");
    assert_non_null(y);
    assert_text(yaml_get(yaml_get(yaml_root(y), "b"), "k"), "v");
    assert_text(yaml_get(yaml_root(y), "d")->items[1].value, "word");
    yaml_close(y);
}

/* Nine levels of nine aliases: 387 million values from 400 bytes. */
static void a_bomb_of_aliases_is_refused(void **state)
{
    (void)state;
    char text[2048];
    int len = snprintf(text, sizeof(text), "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len,
                        "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i, i - 1,
                        i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    assert_null(read_text(text));
    assert_string_equal(problems.items[0],
                        "f.yaml:6:15: too many values in one file, aliases counted");
}

static void depth_is_bounded_with_and_without_aliases(void **state)
{
    (void)state;
    char text[4096], *at = text;
    for (int i = 0; i <= YAML_DEPTH_MAX; i++)
        at += sprintf(at, "[");
    assert_null(read_text(text));
    assert_string_equal(problems.items[0], "f.yaml:1:33: nested too deep");
    problems = (struct problems){0};
    at = text + sprintf(text, "a0: &a0 [x]\n");
    for (int i = 1; i <= YAML_DEPTH_MAX; i++)
        at += sprintf(at, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_null(read_text(text));
    assert_string_equal(problems.items[0], "f.yaml:32:13: nested too deep");
}

static void the_depth_that_is_allowed_is_reached(void **state)
{
    (void)state;
    char text[256], *at = text;
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        at += sprintf(at, "[");
    for (int i = 0; i < YAML_DEPTH_MAX; i++)
        at += sprintf(at, "]");
    struct yaml *y = read_text(text);
    assert_non_null(y);
    assert_int_equal(yaml_root(y)->height, YAML_DEPTH_MAX);
    yaml_close(y);
}

static void too_many_values_are_refused(void **state)
{
    (void)state;
    size_t len = 0;
    char *text = malloc((size_t)YAML_NODES_MAX * 2 + 16);
    assert_non_null(text);
    text[len++] = '[';
    for (size_t i = 0; i < YAML_NODES_MAX; i++) {
        text[len++] = 'x';
        text[len++] = ',';
    }
    assert_null(yaml_read_text("f.yaml", (struct bytes){(uint8_t *)text, len}, &problems));
    assert_non_null(strstr(problems.items[0], "too many values in one file"));
    free(text);
}

static void a_file_over_the_bound_is_refused(void **state)
{
    (void)state;
    uint8_t *text = malloc(YAML_FILE_MAX + 1);
    assert_non_null(text);
    memset(text, '#', YAML_FILE_MAX + 1);
    assert_null(yaml_read_text("f.yaml", (struct bytes){text, YAML_FILE_MAX + 1}, &problems));
    assert_string_equal(problems.items[0], "f.yaml: larger than 4194304 bytes");
    free(text);
}

static void a_file_that_is_not_there_is_a_problem(void **state)
{
    (void)state;
    assert_null(yaml_read_file("/nowhere/at/all.yaml", &problems));
    assert_string_equal(problems.items[0], "/nowhere/at/all.yaml: No such file or directory");
    assert_null(yaml_read_file("/", &problems));
    assert_string_equal(problems.items[1], "/: Is a directory");
}

/* The place of the word "HERE" in the file, whatever the style of the scalar. */
static void a_place_inside_a_scalar_is_found_through_its_style(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "k: HERE",
        "k: one HERE two",
        "k: one\n  two\n    HERE three",
        "k: \"one HERE\"",
        "k: \"on\\\"e \\t HERE\"",
        "k: \"one \\\n   HERE\"",
        "k: \" one\n\n  HERE\"",
        "k: 'on''e HERE'",
        "k: '''HERE'",
        "k: >\n  one two\n  HERE three\n",
        "k: >-\n\n    one\n\n    two HERE\n",
        "k: |\n  one\n   HERE\n",
        "k: åäö HERE",
        "k:\n  HERE",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct yaml *y = read_text(texts[i]);
        assert_non_null(y);
        const struct yaml_node *n = yaml_get(yaml_root(y), "k");
        struct position at = yaml_position(n, bytes_find(n->text, bytes_of("HERE")));
        unsigned line = 1, column = 1;
        for (const char *c = texts[i]; strncmp(c, "HERE", 4) != 0; c++) {
            column += (*c & 0xc0) != 0x80;
            if (*c == '\n') {
                line++;
                column = 1;
            }
        }
        assert_int_equal(at.line, line);
        assert_int_equal(at.column, column);
        yaml_close(y);
    }
}

static void the_end_of_a_scalar_is_behind_its_last_letter(void **state)
{
    (void)state;
    struct yaml *y = read_text("k: >\n  one\n  two\n\nl: x\n");
    const struct yaml_node *n = yaml_get(yaml_root(y), "k");
    struct position at = yaml_position(n, n->text.len);
    assert_int_equal(at.line, 3);
    assert_int_equal(at.column, 6);
    yaml_close(y);
}

static void unknown_keys_come_with_the_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"capture", "networks", "geo", NULL};
    struct yaml *y = read_text("captrue: 1\nnetworks: 2\nsomething: 3\n");
    assert_false(yaml_check_keys(yaml_root(y), words, "the configuration", &problems));
    assert_int_equal(problems.count, 2);
    assert_string_equal(
        problems.items[0],
        "f.yaml:1:1: unknown key 'captrue' in the configuration; did you mean 'capture'?");
    assert_string_equal(problems.items[1],
                        "f.yaml:3:1: unknown key 'something' in the configuration");
    assert_false(
        yaml_expect(yaml_get(yaml_root(y), "networks"), YAML_SEQUENCE, "'networks'", &problems));
    assert_string_equal(problems.items[2], "f.yaml:2:11: 'networks' must be a list");
    yaml_close(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_scalar_is_text_and_knows_its_place, setup),
        cmocka_unit_test_setup(an_empty_file_is_an_empty_mapping, setup),
        cmocka_unit_test_setup(mistakes_are_told_with_their_place, setup),
        cmocka_unit_test_setup(a_zero_byte_is_no_end, setup),
        cmocka_unit_test_setup(aliases_share_what_they_stand_for, setup),
        cmocka_unit_test_setup(a_bomb_of_aliases_is_refused, setup),
        cmocka_unit_test_setup(depth_is_bounded_with_and_without_aliases, setup),
        cmocka_unit_test_setup(the_depth_that_is_allowed_is_reached, setup),
        cmocka_unit_test_setup(too_many_values_are_refused, setup),
        cmocka_unit_test_setup(a_file_over_the_bound_is_refused, setup),
        cmocka_unit_test_setup(a_file_that_is_not_there_is_a_problem, setup),
        cmocka_unit_test_setup(a_place_inside_a_scalar_is_found_through_its_style, setup),
        cmocka_unit_test_setup(the_end_of_a_scalar_is_behind_its_last_letter, setup),
        cmocka_unit_test_setup(unknown_keys_come_with_the_nearest, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
