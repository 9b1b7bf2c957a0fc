/*
 * `matches`, `hour` and `weekday`: what holds, what does not, what is refused, and how much work it
 * is.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/rule.h"

#include <stdio.h>
#include <string.h>

static struct problems problems;

static struct rules *load(const char *when)
{
    char text[2048];
    problems = (struct problems){0};
    (void)snprintf(text, sizeof(text),
                   "rules:\n- id: a\n  name: n\n  severity: low\n  by: user.name\n"
                   "  measure: count\n  over: 1h\n  above: 1\n  when: >\n    %s\n",
                   when);
    return rules_load_text("f", bytes_of(text), &problems);
}

static struct transaction sample(struct bytes user, int64_t ns)
{
    struct transaction t = {.start_ns = ns, .user_name = user};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_USER_NAME);
    return t;
}

static void conditions_hold_as_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *when, *user;
        bool holds;
    } cases[] = {
        /* 2026-01-05T08:00:00Z is a Monday */
        {"user.name matches \"^a[0-9]+$\"", "a123", true},
        {"user.name matches \"^a[0-9]+$\"", "ab", false},
        {"user.name matches \"nn\"", "anna", true},
        {"user.name matches \"(?i)ANNA|bo\"", "anna", true},
        {"user.name matches \"^(ab|b)$\"", "b", true},
        {"user.name matches \"^bo$\"", "a\nbo", false},
        {"user.name matches \"\\\\d{3}\"", "x123", true},
        {"user.name matches \"^.ke$\"", "\303\245ke", true}, /* one character, two bytes */
        {"user.name matches \"\"", "", true},
        {"not user.name matches \"a\"", "b", true},
        {"client.ip exists and user.name matches \"a\"", "a", false},
        {"hour == 8", "a", true},
        {"hour != 8", "a", false},
        {"hour >= 8 and hour < 9", "a", true},
        {"hour > 8 or hour <= 7", "a", false},
        {"hour in [0, 8]", "a", true},
        {"hour not in [0, 8]", "a", false},
        {"hour not in [0, 23]", "a", true},
        {"weekday == \"mon\"", "a", true},
        {"weekday in [sat, sun]", "a", false},
        {"weekday not in [sat, sun]", "a", true},
        {"not weekday in [mon, tue] or hour == 23", "a", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *r = load(cases[i].when);
        if (!r)
            fail_msg("%s: %s", cases[i].when, problems.items[0]);
        struct transaction t =
            sample(bytes_of(cases[i].user), INT64_C(1767600000) * CLOCK_SECOND_NS);
        if (expression_holds(&rules_at(r, 0)->when, &t) != cases[i].holds)
            fail_msg("%s of '%s'", cases[i].when, cases[i].user);
        rules_close(r);
    }
}

static void mistakes_are_told_at_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *when, *problem;
    } cases[] = {
        {"user.name matches \"(a\"",
         "f:10:23: this is no regular expression: missing closing parenthesis, at character 3"},
        {"user.name matches \"a)(b\"", "f:10:23: this is no regular expression: unmatched closing "
                                       "parenthesis, at character 2"},
        {"user.name matches \"(*LIMIT_MATCH=9)a\"",
         "f:10:23: this is no regular expression: longer than 1024 bytes, or begins with (*, at "
         "character 1"},
        {"user.name matches abc", "f:10:23: user.name is a text: write \"abc\", with quotes"},
        {"client.port matches \"1\"",
         "f:10:17: 'matches' does not go with client.port, which is a number: use ==, !=, <, <=, "
         ">, >=, in, not in, exists"},
        {"hour == 24", "f:10:13: '24' is no hour: use 0 to 23"},
        {"hour in [1, x]", "f:10:17: 'x' is no hour: use 0 to 23"},
        {"hour exists", "f:10:10: hour takes ==, !=, <, <=, >, >= and a number, or in, not in and "
                        "a list such as [0, 1, 2]"},
        {"hour in 5", "f:10:10: hour takes ==, !=, <, <=, >, >= and a number, or in, not in and a "
                      "list such as [0, 1, 2]"},
        {"weekday == \"monday\"", "f:10:16: 'monday' is no day of the week: use mon, tue, wed, "
                                  "thu, fri, sat, sun"},
        {"weekday > \"mon\"", "f:10:13: weekday takes == or != and a day, or in, not in and a list "
                              "such as [sat, sun]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *r = load(cases[i].when);
        assert_null(r);
        assert_string_equal(problems.items[0], cases[i].problem);
    }
}

/* Without bounds this takes 2 to the power of 60 steps. */
static void the_work_for_one_text_is_bounded(void **state)
{
    (void)state;
    static uint8_t text[1 << 20];
    memset(text, 'a', sizeof(text));
    struct rules *r = load("user.name matches \"^(a+)+$\"");
    assert_non_null(r);
    text[60] = 'b';
    struct transaction t = sample((struct bytes){text, 61}, 0);
    for (int i = 0; i < 20; i++)
        assert_false(expression_holds(&rules_at(r, 0)->when, &t));
    assert_int_equal(rules_undecided(r), 20);
    rules_close(r);
    r = load("user.name matches \"b$\"");
    t.user_name = (struct bytes){text, sizeof(text)};
    for (int i = 0; i < 1000; i++)
        assert_false(expression_holds(&rules_at(r, 0)->when, &t));
    rules_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_hold_as_they_say),
        cmocka_unit_test(mistakes_are_told_at_their_place),
        cmocka_unit_test(the_work_for_one_text_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
