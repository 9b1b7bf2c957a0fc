/*
 * Conditions that are wrong, too large, or hostile.
 */
#include "tests/rules/expression_bench.h"

/* `when` stands in line 11 of the text, its first character in column 7. */
static const struct {
    const char *when, *problem;
} mistakes[] = {
    {"event.action == \"reed\"", "f:11:23: 'reed' is none of its words: event.action is one of a "
                                 "few words; did you mean 'read'?"},
    {"event.action == \"steal\"", "f:11:23: 'steal' is none of its words: event.action is one of "
                                  "a few words; use one of login, logout, read, write, define, "
                                  "other"},
    {"usr.name == \"x\"", "f:11:7: no field and no macro is called 'usr.name'; did you mean "
                          "'user.name'?"},
    {"raeds", "f:11:7: no field and no macro is called 'raeds'; did you mean 'reads'?"},
    {"user.name < \"x\"", "f:11:17: '<' does not go with user.name, which is a text: use ==, !=, "
                          "in, not in, contains, starts with, ends with, matches, exists"},
    {"user.name in 10.0.0.0/8", "f:11:20: no list is called '10.0.0.0/8'"},
    {"user.name in stuff", "f:11:20: no list is called 'stuff'; did you mean 'staff'?"},
    {"user.name in client.ip", "f:11:20: user.name is a text and client.ip is an address: 'in' "
                               "takes a text on its left and a field with a list of texts on its "
                               "right"},
    {"client.ip in network.countries",
     "f:11:20: client.ip is an address and network.countries is a list of texts: 'in' takes a text "
     "on its left and a field with a list of texts on its right"},
    {"client.ip == 10.0.0.0/8",
     "f:11:20: '10.0.0.0/8' is a network: client.ip is an address; write 'in' for '=='"},
    {"client.ip == \"here\"", "f:11:20: 'here' is no address: client.ip is an address; write it as "
                              "192.0.2.7 or 2001:db8::1"},
    {"client.ip in [10.0.0.1/8]", "f:11:21: '10.0.0.1/8' is no address or network: client.ip is an "
                                  "address; write it as 10.1.0.0/16, 192.0.2.7 or 2001:db8::/32, "
                                  "without host bits"},
    {"client.ip in one", "f:3:9: 'ann' is no address or network: client.ip is an address; write "
                         "it as 10.1.0.0/16, 192.0.2.7 or 2001:db8::/32, without host bits; the "
                         "list is one"},
    {"server.bytes > 10s", "f:11:22: '10s' does not fit: server.bytes is a number; write a whole "
                           "number of bytes, such as 20MiB, 5KB or 4096"},
    {"event.duration > 10", "f:11:24: '10' does not fit: event.duration is a number; write a whole "
                            "number with a unit of time, such as 500ms, 10s, 30m, 12h, 90d or 2w"},
    {"db.response.returned_rows > 3KB",
     "f:11:35: '3KB' does not fit: db.response.returned_rows is a number; write a whole number "
     "without a unit, such as 1000"},
    {"db.response.returned_rows > \"3\"",
     "f:11:35: db.response.returned_rows is a number: write \"3\" without quotes"},
    {"db.response.returned_rows contains \"3\"",
     "f:11:33: 'contains' does not go with db.response.returned_rows, which is a number: use ==, "
     "!=, <, <=, >, >=, in, not in, exists"},
    {"user.name == ann", "f:11:20: user.name is a text: write \"ann\", with quotes"},
    {"db.response.status_code == 28000",
     "f:11:34: db.response.status_code is a text: write \"28000\", with quotes"},
    {"capture.partial == yes",
     "f:11:26: 'yes' does not fit: capture.partial is true or false; write true or false"},
    {"capture.partial", "f:11:22: an operator, such as == or exists, expected, but this is the "
                        "end"},
    {"db.query.hash == \"xyz\"",
     "f:11:24: 'xyz' is no hash: db.query.hash is a hash; write its 16 hexadecimal digits"},
    {"(@timestamp > \"yesterday\")",
     "f:11:21: 'yesterday' is no time: @timestamp is a time; write it "
     "as \"2026-01-05T09:30:00Z\""},
    {"client.geo.location == \"x\"", "f:11:27: '==' does not go with client.geo.location, which is "
                                     "a place on earth: use exists"},
    {"user.name contain \"x\"", "f:11:17: unknown operator 'contain'; did you mean 'contains'?"},
    {"user.name like \"x\"", "f:11:17: unknown operator 'like'"},
    {"user.name = \"x\"", "f:11:17: '=' is no operator; did you mean '=='?"},
    {"reads && big", "f:11:13: '&' is no operator; did you mean 'and'?"},
    {"reads || big", "f:11:13: '|' is no operator; did you mean 'or'?"},
    {"user.name starts \"x\"", "f:11:24: 'with' expected, not 'x'"},
    {"user.name not \"x\"", "f:11:21: 'in' expected, not 'x'"},
    {"user.name ==", "f:11:19: a value expected, but this is the end"},
    {"user.name in", "f:11:19: a list expected, but this is the end"},
    {"user.name in [a b]", "f:11:23: ',' or ']' expected, not 'b'"},
    {"user.name in [a", "f:11:22: ',' or ']' expected, but this is the end"},
    {"user.name in [,]", "f:11:21: a value or ']' expected, not ','"},
    {"user.name == \"x", "f:11:20: this quote is not closed (in YAML, ' #' begins a comment)"},
    {"user.name == \"x #\"", "f:11:20: this quote is not closed (in YAML, ' #' begins a comment)"},
    {"(reads", "f:11:13: 'and', 'or' or ')' expected, but this is the end"},
    {"reads)", "f:11:12: 'and', 'or' or the end expected, not ')'"},
    {"reads big", "f:11:13: 'and', 'or' or the end expected, not 'big'"},
    {"reads and", "f:11:16: a field or a macro expected, but this is the end"},
    {"and reads", "f:11:7: a field or a macro expected, not 'and'"},
    {"not", "f:11:10: a field or a macro expected, but this is the end"},
    {"()", "f:11:8: a field or a macro expected, not ')'"},
    {"\"\"", "f:11:8: a field or a macro expected, but this is the end"},
    {"reads ; big", "f:11:13: this character has no meaning here; texts stand in quotes"},
    {">\n  reads and\n  usr.name exists\n",
     "f:13:3: no field and no macro is called 'usr.name'; did you mean 'user.name'?"},
    {"'reads and usr.name exists'",
     "f:11:18: no field and no macro is called 'usr.name'; did you mean 'user.name'?"},
};

static void every_mistake_is_told_at_its_place(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct compiled c;
        compile(&c, mistakes[i].when);
        bool is_right = !c.is_good && problems.count == 1 &&
                        strcmp(problems.items[0], mistakes[i].problem) == 0;
        if (!is_right)
            print_error("%s: %zu problems: %s\n", mistakes[i].when, problems.count,
                        problems.items[0]);
        wrong += !is_right;
        release(&c);
    }
    assert_int_equal(wrong, 0);
}

static void several_mistakes_of_one_expression_are_told_at_once(void **state)
{
    (void)state;
    struct compiled c;
    compile(&c, "usr.name == \"x\" and event.action == \"reed\" or (server.bytes > 3x)");
    assert_false(c.is_good);
    assert_int_equal(problems.count, 3);
    assert_non_null(strstr(problems.items[1], "f:11:43: 'reed'"));
    release(&c);
}

static void macros_that_stand_for_themselves_are_refused(void **state)
{
    (void)state;
    struct compiled c;
    compile_yaml(&c, "macros:\n  a: b or user.name exists\n  b: not c\n  c: a\nwhen: a\n");
    assert_false(c.is_good);
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0],
                        "f:4:6: the macro 'a' stands for itself here, in a circle");
    release(&c);
}

static void a_mistake_in_a_macro_is_told_once_where_it_is(void **state)
{
    (void)state;
    struct compiled c;
    compile_yaml(&c, "macros:\n  a: usr.name exists\n  b: a or a\nwhen: a and b and a\n");
    assert_false(c.is_good);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.items[0], "f:2:6: no field and no macro"));
    release(&c);
}

static void names_of_lists_and_macros_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *problem;
    } cases[] = {
        {"lists: {and: [a]}", "f:1:9: 'and' is a word of the language: take another name"},
        {"macros: {user.name: reads}", "f:1:10: 'user.name' is no name: a letter, then letters, "
                                       "digits, '_' or '-'"},
        {"lists: {a: b}", "f:1:12: a named list must be a list"},
        {"lists: {a: [[b]]}", "f:1:13: an item of a list must be one value"},
        {"lists: [a]", "f:1:8: 'lists' must be a mapping of keys to values"},
        {"macros: {a: [b]}", "f:1:13: a macro must be one value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled c;
        compile_yaml(&c, cases[i].yaml);
        assert_string_equal(problems.items[0], cases[i].problem);
        release(&c);
    }
}

/* Each macro stands for the one before twice: 2^40 tests, if nobody counted. */
static void macros_cannot_grow_without_bound(void **state)
{
    (void)state;
    char yaml[4096];
    int len = snprintf(yaml, sizeof(yaml), "macros:\n  m0: user.name exists\n");
    for (int i = 1; i <= 40; i++)
        len += snprintf(yaml + len, sizeof(yaml) - (size_t)len, "  m%d: m%d and m%d\n", i, i - 1,
                        i - 1);
    (void)snprintf(yaml + len, sizeof(yaml) - (size_t)len, "when: m40\n");
    struct compiled c;
    compile_yaml(&c, yaml);
    assert_false(c.is_good);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.items[0], "f:12:17: more than 512 comparisons"));
    release(&c);
}

/* text = before x count + middle + after x count */
static void repeat(char *text, const char *before, size_t count, const char *middle,
                   const char *after)
{
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        text += sprintf(text, "%s", before);
    text += sprintf(text, "%s", middle);
    for (size_t i = 0; i < count; i++)
        text += sprintf(text, "%s", after);
}

static void hostile_expressions_end_in_a_problem_or_in_an_answer(void **state)
{
    (void)state;
    static const struct {
        const char *before, *middle, *after;
        size_t count;
        bool is_good;
    } cases[] = {
        {"(", "reads", ")", EXPRESSION_NESTING_MAX - 1, true},
        {"(", "reads", ")", EXPRESSION_NESTING_MAX, false},
        {"(", "reads", ")", 4000, false},
        {"(", "", "", 8000, false},
        {"not ", "reads", "", EXPRESSION_NESTING_MAX - 1, true},
        {"not ", "reads", "", 3000, false},
        {"reads or ", "reads", "", EXPRESSION_TESTS_MAX - 1, true},
        {"reads or ", "reads", "", EXPRESSION_TESTS_MAX, false},
        {"big and ", "reads", "", 2000, false},
        {"a", "", "", 16000, false},
        {"a", "", "", EXPRESSION_TEXT_MAX + 1, false},
        {"user.name in [", "a", ",a", 1, false},
        {"", "user.name in [a", ",b", 0, false},
        {"((reads) and ", "reads", ")", 300, false},
    };
    char *text = malloc(65536);
    assert_non_null(text);
    struct transaction t = sample();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct compiled c;
        repeat(text, cases[i].before, cases[i].count, cases[i].middle, cases[i].after);
        compile(&c, text);
        assert_int_equal(c.is_good, cases[i].is_good);
        assert_int_equal(problems.count == 0, cases[i].is_good);
        if (c.is_good)
            (void)expression_holds(&c.expression, &t);
        release(&c);
    }
    free(text);
}

static void a_list_in_an_expression_is_bounded(void **state)
{
    (void)state;
    static const struct {
        size_t count;
        bool is_good;
    } cases[] = {{EXPRESSION_LIST_MAX, true}, {EXPRESSION_LIST_MAX + 1, false}};
    char text[2048];
    for (size_t i = 0; i < 2; i++) {
        struct compiled c;
        char *at = text + sprintf(text, "user.name in [");
        for (size_t k = 0; k < cases[i].count; k++)
            at += sprintf(at, "a,");
        (void)sprintf(at, "]");
        compile(&c, text);
        assert_int_equal(c.is_good, cases[i].is_good);
        release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_told_at_its_place),
        cmocka_unit_test(several_mistakes_of_one_expression_are_told_at_once),
        cmocka_unit_test(macros_that_stand_for_themselves_are_refused),
        cmocka_unit_test(a_mistake_in_a_macro_is_told_once_where_it_is),
        cmocka_unit_test(names_of_lists_and_macros_are_checked),
        cmocka_unit_test(macros_cannot_grow_without_bound),
        cmocka_unit_test(hostile_expressions_end_in_a_problem_or_in_an_answer),
        cmocka_unit_test(a_list_in_an_expression_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
