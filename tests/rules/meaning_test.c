/*
 * Which changes of a rule let its counters go on.
 */
#include "tests/cmocka.h"

#include "rules/meaning.h"

#include <stdio.h>
#include <string.h>

static struct rules *read_rules(const char *text)
{
    static struct problems problems;
    problems = (struct problems){0};
    struct rules *rules = rules_load_text("f", bytes_of(text), &problems);
    if (!rules)
        print_error("%s\n", problems.items[0]);
    assert_non_null(rules);
    return rules;
}

#define HEAD                                                                                       \
    "lists: {staff: [a, b], nets: [10.0.0.0/8]}\nmacros: {reads: event.action == \"read\"}\n"
#define ABOVE(severity, when, by, measure, over, rest)                                             \
    HEAD "rules:\n- {id: r, name: N, severity: " severity ", when: '" when "', by: " by            \
         ", measure: " measure ", over: " over ", " rest "}\n"
#define FIRST(by, first, rest)                                                                     \
    HEAD "rules:\n- {id: r, name: N, severity: low, by: " by ", first: " first ", " rest "}\n"

#define WHEN "reads and user.name in staff and client.ip in nets and server.port in [1, 2]"

static const char usual[] =
    ABOVE("low", WHEN, "[user.name, client.ip]", "sum(server.bytes)", "1h", "above: 5");
static const char usual_first[] = FIRST("user.name", "client.ip", "learn: 1d");

static const struct {
    const char *name, *from, *to;
    bool is_same;
} cases[] = {
    {"nothing", usual, usual, true},
    {"severity", usual,
     ABOVE("high", WHEN, "[user.name, client.ip]", "sum(server.bytes)", "1h", "above: 5"), true},
    {"limit, note and quiet", usual,
     ABOVE("low", WHEN, "[user.name, client.ip]", "sum(server.bytes)", "1h",
           "above: 6, quiet: 2h, note: n"),
     true},
    {"the same said otherwise", usual,
     ABOVE("low",
           "event.action == \"read\" and (user.name in [b, a]) and client.ip in 10.0.0.0/8 and "
           "server.port in [2, 1]",
           "[client.ip, user.name]", "sum(server.bytes)", "60m", "above: 5"),
     true},
    {"a member", usual,
     ABOVE("low", "reads and user.name in [a, c] and client.ip in nets and server.port in [1, 2]",
           "[user.name, client.ip]", "sum(server.bytes)", "1h", "above: 5"),
     false},
    {"one member more", usual,
     ABOVE("low",
           "reads and user.name in [a, b, c] and client.ip in nets and server.port in [1, 2]",
           "[user.name, client.ip]", "sum(server.bytes)", "1h", "above: 5"),
     false},
    {"a network", usual,
     ABOVE("low",
           "reads and user.name in staff and client.ip in 10.0.0.0/9 and server.port in [1, 2]",
           "[user.name, client.ip]", "sum(server.bytes)", "1h", "above: 5"),
     false},
    {"a number", usual,
     ABOVE("low", "reads and user.name in staff and client.ip in nets and server.port in [1, 3]",
           "[user.name, client.ip]", "sum(server.bytes)", "1h", "above: 5"),
     false},
    {"a choice", ABOVE("low", "reads", "user.name", "count", "1h", "above: 5"),
     ABOVE("low", "event.action == \"write\"", "user.name", "count", "1h", "above: 5"), false},
    {"a text", ABOVE("low", "user.name == \"a\"", "user.name", "count", "1h", "above: 5"),
     ABOVE("low", "user.name == \"b\"", "user.name", "count", "1h", "above: 5"), false},
    {"a negation", ABOVE("low", "user.name == \"a\"", "user.name", "count", "1h", "above: 5"),
     ABOVE("low", "user.name != \"a\"", "user.name", "count", "1h", "above: 5"), false},
    {"a comparison", ABOVE("low", "server.port > 5", "user.name", "count", "1h", "above: 5"),
     ABOVE("low", "server.port > 6", "user.name", "count", "1h", "above: 5"), false},
    {"an address", ABOVE("low", "client.ip == 10.0.0.1", "user.name", "count", "1h", "above: 5"),
     ABOVE("low", "client.ip == 10.0.0.2", "user.name", "count", "1h", "above: 5"), false},
    {"and for or",
     ABOVE("low", "server.port == 1 and client.port == 2", "user.name", "count", "1h", "above: 5"),
     ABOVE("low", "server.port == 1 or client.port == 2", "user.name", "count", "1h", "above: 5"),
     false},
    {"another field there",
     ABOVE("low", "db.namespace exists", "user.name", "count", "1h", "above: 5"),
     ABOVE("low", "url.domain exists", "user.name", "count", "1h", "above: 5"), false},
    {"by", usual, ABOVE("low", WHEN, "user.name", "sum(server.bytes)", "1h", "above: 5"), false},
    {"another by", ABOVE("low", WHEN, "client.ip", "count", "1h", "above: 5"),
     ABOVE("low", WHEN, "user.name", "count", "1h", "above: 5"), false},
    {"measured field", usual,
     ABOVE("low", WHEN, "[user.name, client.ip]", "sum(client.bytes)", "1h", "above: 5"), false},
    {"measure", usual,
     ABOVE("low", WHEN, "[user.name, client.ip]", "max(server.bytes)", "1h", "above: 5"), false},
    {"over", usual,
     ABOVE("low", WHEN, "[user.name, client.ip]", "sum(server.bytes)", "2h", "above: 5"), false},
    {"trigger", usual, usual_first, false},
    {"learn", usual_first, FIRST("user.name", "client.ip", "learn: 2d"), true},
    {"forget", usual_first, FIRST("user.name", "client.ip", "learn: 1d, forget: 30d"), false},
    {"first", usual_first, FIRST("user.name", "server.ip", "learn: 1d"), false},
};

#define OTHER(rest) HEAD "rules:\n- {id: r, name: N, severity: low, by: user.name, " rest "}\n"
#define SHARE(part, above) OTHER("measure: 'share(" part ")', over: 1h, above: " above)
#define STEPS(when, above, within)                                                                 \
    OTHER("steps: [{when: '" when "', above: " above                                               \
          "}, {when: user.name exists}], within: " within)
#define BEFORE(when, by, within)                                                                   \
    OTHER("unless before: {when: '" when "', by: " by ", within: " within "}")
#define DRIFT(peers, followed, drift)                                                              \
    OTHER("measure: distinct(subject.ids), peers: " peers ", unless followed by: '" followed       \
          "', drift: " drift)
#define TOGETHER(count, of, over) OTHER("together: " count ", of: " of ", over: " over)

static const struct {
    const char *name, *from, *to;
    bool is_same;
} later[] = {
    {"the limit of a share", SHARE("reads", "5%"), SHARE("reads", "6%"), true},
    {"what is shared", SHARE("reads", "5%"), SHARE("not reads", "5%"), false},
    {"how many together", TOGETHER("2", "client.ip", "1h"), TOGETHER("3", "client.ip", "1h"), true},
    {"what together", TOGETHER("2", "client.ip", "1h"), TOGETHER("2", "server.ip", "1h"), false},
    {"how long together", TOGETHER("2", "client.ip", "1h"), TOGETHER("2", "client.ip", "2h"),
     false},
    {"travel", OTHER("travel: {faster than: 900km/h}"), OTHER("travel: {faster than: 90km/h}"),
     true},
    {"steps", STEPS("reads", "5", "1h"), STEPS("reads", "5", "60m"), true},
    {"a step", STEPS("reads", "5", "1h"), STEPS("not reads", "5", "1h"), false},
    {"a step's limit", STEPS("reads", "5", "1h"), STEPS("reads", "6", "1h"), false},
    {"the time of steps", STEPS("reads", "5", "1h"), STEPS("reads", "5", "2h"), false},
    {"how long before", BEFORE("reads", "client.ip", "1h"), BEFORE("reads", "client.ip", "2h"),
     true},
    {"what before", BEFORE("reads", "client.ip", "1h"), BEFORE("not reads", "client.ip", "1h"),
     false},
    {"for whom before", BEFORE("reads", "client.ip", "1h"), BEFORE("reads", "user.name", "1h"),
     false},
    {"an exception", SHARE("reads", "5%"), SHARE("reads", "5%, except: [{when: reads, reason: x}]"),
     true},
    {"a pattern", SHARE("user.name matches \"a\"", "5%"), SHARE("user.name matches \"b\"", "5%"),
     false},
    {"the limit of a drift", DRIFT("client.ip", "reads", "{limit: 3}"),
     DRIFT("client.ip", "reads", "{limit: 4}"), true},
    {"what a drift adds up", DRIFT("client.ip", "reads", "{limit: 3}"),
     DRIFT("client.ip", "reads", "{limit: 3, of: share}"), false},
    {"the slack of a drift", DRIFT("client.ip", "reads", "{limit: 3}"),
     DRIFT("client.ip", "reads", "{limit: 3, slack: 0.3}"), false},
    {"how many drifts", DRIFT("client.ip", "reads", "{limit: 3}"),
     DRIFT("client.ip", "reads", "[{limit: 3}, {limit: 5}]"), false},
    {"the peers of a drift", DRIFT("client.ip", "reads", "{limit: 3}"),
     DRIFT("server.ip", "reads", "{limit: 3}"), false},
    {"what follows", DRIFT("client.ip", "reads", "{limit: 3}"),
     DRIFT("client.ip", "not reads", "{limit: 3}"), false},
    {"the score of what is unusual", OTHER("measure: count, unusual: {score: 3}"),
     OTHER("measure: count, unusual: {score: 4}"), true},
    {"days and hours", OTHER("measure: count, unusual: {score: 3}"),
     OTHER("measure: count, each: 1h, unusual: {score: 3}"), false},
    {"than whom", OTHER("measure: count, unusual: {score: 3}"),
     OTHER("measure: count, unusual: {score: 3, than: own}"), false},
    {"an hour", SHARE("hour < 7", "5%"), SHARE("hour <= 7", "5%"), false},
    {"the same hours", SHARE("hour < 8", "5%"), SHARE("hour <= 7", "5%"), true},
};

static void later_triggers_have_their_meanings_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        struct rules *from = read_rules(later[i].from), *to = read_rules(later[i].to);
        if (rule_counts_as(rules_at(from, 0), rules_at(to, 0)) != later[i].is_same)
            fail_msg("%s: not %d", later[i].name, later[i].is_same);
        rules_close(from);
        rules_close(to);
    }
}

static void what_decides_the_counting_is_the_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *from = read_rules(cases[i].from), *to = read_rules(cases[i].to);
        bool there = rule_counts_as(rules_at(from, 0), rules_at(to, 0));
        bool back = rule_counts_as(rules_at(to, 0), rules_at(from, 0));
        if (there != cases[i].is_same || back != cases[i].is_same)
            fail_msg("%s: %d and %d, not %d", cases[i].name, there, back, cases[i].is_same);
        rules_close(from);
        rules_close(to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_triggers_have_their_meanings_too),
        cmocka_unit_test(what_decides_the_counting_is_the_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
