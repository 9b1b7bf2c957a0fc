/*
 * Tests inside rule files, and rules in words.
 */
#include "tests/cmocka.h"

#include "rules/describe.h"
#include "rules/trial.h"

#include <stdio.h>
#include <string.h>

static struct problems problems;
static char told[8192];

static struct rules *load(const char *text)
{
    problems = (struct problems){0};
    return rules_load_text("f", bytes_of(text), &problems);
}

static void tell(void *context, const char *line)
{
    size_t len = strlen(told);
    (void)context;
    (void)snprintf(told + len, sizeof(told) - len, "%s\n", line);
}

#define RULES                                                                                      \
    "rules:\n"                                                                                     \
    "- {id: rows, name: N, severity: low, by: user.name, measure: "                                \
    "sum(db.response.returned_rows), over: 1h, above: 100}\n"                                      \
    "- {id: users, name: N, severity: low, by: client.ip, measure: distinct(user.name), over: "    \
    "1h, above: 3}\n"

/* Runs the only test; what it told is in `told`. */
static bool run(const char *test)
{
    char text[4096];
    size_t count;
    (void)snprintf(text, sizeof(text), RULES "tests:\n%s", test);
    struct rules *rules = load(text);
    if (!rules)
        print_error("%s\n", problems.items[0]);
    assert_non_null(rules);
    struct trial *const *trials = rules_trials(rules, &count);
    assert_int_equal(count, 1);
    told[0] = '\0';
    bool is_good = trial_run(trials[0], rules, tell, NULL);
    rules_close(rules);
    return is_good;
}

static void what_a_test_expects_is_compared_with_what_is_raised(void **state)
{
    (void)state;
    static const struct {
        const char *test, *told;
    } cases[] = {
        {"- name: raised\n"
         "  transactions: [{user.name: ann, db.response.returned_rows: 101}]\n"
         "  raises: [{rule: rows, user.name: ann}]\n",
         ""},
        {"- name: not raised\n"
         "  transactions: [{user.name: ann, db.response.returned_rows: 100}]\n"
         "  raises: [{rule: rows, user.name: ann}]\n",
         "f:5:3: the test 'not raised' failed\n  - rows user.name=ann: was not raised\n"},
        {"- name: too late\n"
         "  transactions:\n"
         "  - {at: 3h, user.name: ann, db.response.returned_rows: 60}\n"
         "  - {at: 10m, user.name: ann, db.response.returned_rows: 60}\n"
         "  silent: [rows]\n",
         ""},
        {"- name: repeated\n"
         "  transactions: [{user.name: ann, db.response.returned_rows: 60, repeat: 2, every: 1m}]\n"
         "  silent: [rows]\n",
         "f:5:3: the test 'repeated' failed\n"
         "  + 2026-01-05 08:01:00Z  LOW  rows  user.name=ann: 120 rows returned in 1h, limit "
         "100\n"},
        {"- name: another key\n"
         "  transactions: [{user.name: bob, db.response.returned_rows: 200}]\n"
         "  raises: [{rule: rows, user.name: ann}]\n",
         "f:5:3: the test 'another key' failed\n"
         "  + 2026-01-05 08:00:00Z  LOW  rows  user.name=bob: 200 rows returned in 1h, limit "
         "100\n"
         "  - rows user.name=ann: was not raised\n"},
        {"- name: numbered\n"
         "  transactions: [{user.name: 'a{n}', client.ip: 192.0.2.7, repeat: 4}]\n"
         "  raises: [{rule: users, client.ip: 192.0.2.7, times: 1}]\n",
         ""},
        {"- name: how often\n"
         "  transactions: [{user.name: ann, db.response.returned_rows: 200, repeat: 3, every: "
         "2h}]\n"
         "  raises: [{rule: rows, times: 2}]\n",
         "f:5:3: the test 'how often' failed\n  - rows: 2 times, not 3\n"},
        {"- name: of no concern\n"
         "  transactions: [{user.name: ann, db.response.returned_rows: 200}]\n"
         "  silent: [users]\n",
         ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool is_good = run(cases[i].test);
        if (strcmp(told, cases[i].told) != 0)
            print_error("%s\n%s\n", cases[i].test, told);
        assert_string_equal(told, cases[i].told);
        assert_int_equal(is_good, cases[i].told[0] == '\0');
    }
}

static void mistakes_in_tests_are_told_at_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *test, *problem;
    } cases[] = {
        {"- x", "f:5:3: a test must be a mapping of keys to values"},
        {"- {transactions: [], silent: []}", "f:5:3: this test has no 'name'"},
        {"- {name: n, silent: []}", "f:5:3: this test has no 'transactions'"},
        {"- {name: n, transactions: []}",
         "f:5:3: this test has neither 'raises' nor 'silent': what does it expect?"},
        {"- {name: n, transactions: [], silnet: [], silent: []}",
         "f:5:31: unknown key 'silnet' in a test; did you mean 'silent'?"},
        {"- {name: n, transactions: [], silent: [row]}",
         "f:5:40: no rule has the id 'row'; did you mean 'rows'?"},
        {"- {name: n, transactions: [], raises: [{rule: rows, usr.name: x}]}",
         "f:5:53: no field is called 'usr.name'; did you mean 'user.name'?"},
        {"- {name: n, transactions: [{usr.name: x}], silent: []}",
         "f:5:29: no field is called 'usr.name'; did you mean 'user.name'?"},
        {"- {name: n, transactions: [{client.ip: x}], silent: []}",
         "f:5:40: this is no value of client.ip: write it as 192.0.2.7 or 2001:db8::1"},
        {"- {name: n, transactions: [{server.bytes: x}], silent: []}",
         "f:5:43: this is no value of server.bytes: write a whole number of bytes, such as 20MiB, "
         "5KB or 4096"},
        {"- {name: n, transactions: [{event.action: reed}], silent: []}",
         "f:5:43: 'reed' is none of event.action's words (login, logout, read, write, define, "
         "other); did you mean 'read'?"},
        {"- {name: n, transactions: [{client.geo.location: here}], silent: []}",
         "f:5:50: this is no value of client.geo.location: write [latitude, longitude] in degrees, "
         "such as [59.3, 18.1]"},
        {"- {name: n, transactions: [{at: noon}], silent: []}",
         "f:5:33: 'at' is a time after the beginning, such as 90m, or a time as in "
         "2026-01-05T09:30:00Z"},
        {"- {name: n, transactions: [{repeat: 0}], silent: []}",
         "f:5:37: 'repeat' must be a whole number from 1 to 1000000"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[4096];
        (void)snprintf(text, sizeof(text), RULES "tests:\n%s\n", cases[i].test);
        struct rules *rules = load(text);
        assert_null(rules);
        if (problems.count != 1 || strcmp(problems.items[0], cases[i].problem) != 0)
            print_error("%s: %zu\n", cases[i].test, problems.count);
        assert_string_equal(problems.items[0], cases[i].problem);
        assert_int_equal(problems.count, 1);
    }
}

static void a_rule_is_told_in_words(void **state)
{
    (void)state;
    static const char text[] =
        "macros: {reads: 'event.action == \"read\" and user.name exists'}\n"
        "rules:\n"
        "- id: r\n"
        "  name: Much reading\n"
        "  severity: high\n"
        "  when: >\n"
        "    reads\n"
        "    and client.bytes > 5\n"
        "  by: [user.name, client.ip]\n"
        "  measure: sum(server.bytes)\n"
        "  over: 1d\n"
        "  above: 20MiB\n"
        "  unless before: {when: 'event.action == \"login\"', by: client.ip}\n"
        "- {id: s, name: Steps, severity: low, by: user.name, within: 30m, quiet: 0s,\n"
        "   steps: [{when: client.bytes > 1}, {when: client.bytes > 2, measure: max(client.bytes), "
        "above: '0.5 * steps[1].value'}]}\n"
        "change:\n"
        "- {id: r, enabled: false, except: [{when: reads, reason: because, until: 2026-12-31}]}\n";
    static char words[DESCRIPTION_MAX];
    struct rules *rules = load(text);
    if (!rules)
        print_error("%s\n", problems.items[0]);
    assert_non_null(rules);
    struct text t = text_over(words, sizeof(words));
    describe_rule(&t, rules_at(rules, 0));
    assert_string_equal(
        words, "r (high, off): Much reading\n"
               "  counts      transactions where (event.action == \"read\" and user.name exists) "
               "and client.bytes > 5\n"
               "  for each    client.ip, user.name\n"
               "  unless      within 12 hours before, with the same client.ip, there was "
               "event.action == \"login\"\n"
               "  fires when  sum(server.bytes) within 1 day is above 20 MiB\n"
               "  repeats     folded for 1 day\n"
               "  except      (event.action == \"read\" and user.name exists) (because, until "
               "2027-01-01T00:00Z)\n"
               "  defined     f:3, changed f:17\n");
    t = text_over(words, sizeof(words));
    describe_rule(&t, rules_at(rules, 1));
    assert_string_equal(words,
                        "s (low): Steps\n"
                        "  counts      transactions\n"
                        "  for each    user.name\n"
                        "  fires when  count of client.bytes > 1 is above 0\n"
                        "  then within 30 minutes: max(client.bytes) of client.bytes > 2 is above "
                        "0.5 times the value of step 1\n"
                        "  repeats     all told\n"
                        "  defined     f:14\n");
    rules_close(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_test_expects_is_compared_with_what_is_raised),
        cmocka_unit_test(mistakes_in_tests_are_told_at_their_place),
        cmocka_unit_test(a_rule_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
