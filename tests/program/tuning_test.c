/*
 * tuning.h: figures of several limits over one pass.
 */
#include "tests/cmocka.h"

#include "commands/tune_limits.h"
#include "core/clock.h"
#include "rules/problems.h"
#include "rules/text.h"
#include "tuning.h"
#include "tuning_number.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t day_ns = 86400 * CLOCK_SECOND_NS, start_ns = 20000 * 86400 * CLOCK_SECOND_NS;

static const char rule_text[] = "rules:\n"
                                "  - id: rows\n"
                                "    name: rows\n"
                                "    severity: high\n"
                                "    by: user.name\n"
                                "    measure: sum(db.response.returned_rows)\n"
                                "    over: 1h\n"
                                "    above: 100\n"
                                "    quiet: 12h\n"
                                "  - id: new\n"
                                "    name: new\n"
                                "    severity: high\n"
                                "    by: user.name\n"
                                "    first: client.geo.country_iso_code\n"
                                "    learn: 1d\n";

static struct rules *load_rules(void)
{
    struct problems *problems = calloc(1, sizeof(*problems));
    struct rules *rules = rules_load_text("test", bytes_of(rule_text), problems);
    assert_int_equal(problems->count, 0);
    free(problems);
    return rules;
}

static void read_rows(struct tuning *t, const char *user, int64_t ns, uint64_t rows)
{
    struct transaction tx = {.start_ns = start_ns + ns,
                             .user_name = bytes_of(user),
                             .protocol = bytes_of("postgresql"),
                             .returned_rows = rows};
    transaction_mark(&tx, FIELD_TIMESTAMP);
    transaction_mark(&tx, FIELD_USER_NAME);
    transaction_mark(&tx, FIELD_NETWORK_PROTOCOL);
    transaction_mark(&tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
    tuning_transaction(t, &tx, tx.start_ns);
}

/* Anna reads 150 rows on two days and goes on for a while; Bo reads 60 on one. */
static struct tuning *tune(const struct rules *rules, const uint64_t *limits, size_t count)
{
    struct tuning *t = tuning_open();
    for (size_t i = 0; i < count; i++)
        assert_true(tuning_add(t, rules_at(rules, 0), &limits[i]));
    for (int64_t day = 0; day < 3; day += 2) {
        read_rows(t, "anna", day * day_ns, 90);
        read_rows(t, "anna", day * day_ns + 1, 60);
        read_rows(t, "anna", day * day_ns + 2, 0);
    }
    read_rows(t, "bo", 2 * day_ns + 3, 60);
    tuning_finish(t);
    return t;
}

static void each_limit_counts_for_itself(void **state)
{
    static const uint64_t limits[] = {50, 100, 200};
    static const struct {
        uint64_t alerts, folded, keys, days;
    } expected[] = {{3, 4, 2, 2}, {2, 2, 1, 2}, {0, 0, 0, 0}};
    struct rules *rules = load_rules();
    struct tuning *t = tune(rules, limits, 3);
    int64_t first_day;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const struct tuned_limit *l = tuning_at(t, i);
        assert_int_equal(l->limit, limits[i]);
        assert_int_equal(l->alerts, expected[i].alerts);
        assert_int_equal(l->folded, expected[i].folded);
        assert_int_equal(l->keys, expected[i].keys);
        assert_int_equal(l->days_with_alerts, expected[i].days);
    }
    assert_int_equal(tuning_at(t, 0)->by_day[0], 1);
    assert_int_equal(tuning_at(t, 0)->by_day[1], 0);
    assert_int_equal(tuning_at(t, 0)->by_day[2], 2);
    assert_int_equal(tuning_days(t, &first_day), 3);
    assert_int_equal(first_day, 20000);
    assert_int_equal(tuning_agent_days(t), 3);
    tuning_close(t);
    rules_close(rules);
}

static void people_are_masked_and_told_apart(void **state)
{
    static const uint64_t limits[] = {50};
    struct rules *rules = load_rules();
    struct tuning *t = tune(rules, limits, 1);
    struct tuned_key keys[4];
    (void)state;
    assert_int_equal(tuning_keys(t, 0, keys, 4), 2);
    assert_int_equal(keys[0].alerts, 2);
    assert_memory_equal(keys[0].label, "user.name=an*", 13);
    assert_null(strstr(keys[0].label, "anna"));
    assert_string_not_equal(keys[0].label, keys[1].label);
    assert_int_equal(tuning_keys(t, 0, keys, 1), 1);
    assert_int_equal(keys[0].alerts, 2);
    tuning_close(t);
    rules_close(rules);
}

static void what_a_version_adds_is_told_by_key_and_day(void **state)
{
    static const uint64_t limits[] = {50, 100};
    struct rules *rules = load_rules();
    struct tuning *t = tune(rules, limits, 2);
    struct tuned_key keys[4];
    size_t count;
    (void)state;
    assert_int_equal(tuning_only(t, 0, 1, keys, 4, &count), 1); /* Bo's */
    assert_int_equal(count, 1);
    assert_memory_equal(keys[0].label, "user.name=bo*", 13);
    assert_int_equal(tuning_only(t, 1, 0, keys, 4, &count), 0);
    assert_int_equal(count, 0);
    tuning_close(t);
    rules_close(rules);
}

static void limits_are_bounded(void **state)
{
    struct rules *rules = load_rules();
    struct tuning *t = tuning_open();
    uint64_t limit;
    (void)state;
    for (limit = 0; limit < TUNING_LIMITS_MAX; limit++)
        assert_true(tuning_add(t, rules_at(rules, 0), &limit));
    assert_false(tuning_add(t, rules_at(rules, 0), &limit));
    tuning_close(t);
    rules_close(rules);
}

/* A rule of those keys. */
static struct rules *load_keys(const char *keys)
{
    static struct problems problems;
    char text[1024];
    problems = (struct problems){0};
    (void)snprintf(text, sizeof(text),
                   "rules: [{id: r, name: n, severity: low, by: user.name, %s}]", keys);
    struct rules *rules = rules_load_text("f", bytes_of(text), &problems);
    for (size_t i = 0; i < problems.kept; i++)
        print_error("%s\n", problems.items[i]);
    assert_non_null(rules);
    return rules;
}

static void each_kind_of_rule_has_its_number(void **state)
{
    static const struct {
        const char *keys, *key;
        uint64_t value;
    } cases[] = {
        {"measure: count, over: 1h, above: 9", "above", 9},
        {"back after: 2d", "back after", UINT64_C(172800000000000)},
        {"enumerates: subject.near, at least: 7", "at least", 7},
        {"follows: {when: user.name exists, by: client.ip}, score: 12.5", "score", 12500000},
        {"rhythm: subject.ids, score: 8", "score", 8000000},
        {"off hours: 4", "off hours", 4},
        {"first: client.ip, rare: 3", "rare", 3},
        {"first: client.ip, learn: 2h", "learn", UINT64_C(7200000000000)},
        {"together: 5, of: client.ip, over: 1h", "together", 5},
        {"travel: {faster than: 800km/h}", "faster than", 800},
        {"unless before: {when: user.name exists, by: client.ip, within: 1h}",
         "within of unless before", UINT64_C(3600000000000)},
        {"within: 1h, steps: [{when: user.name exists, measure: count, above: 1}, {when: user.name "
         "exists, measure: sum(server.bytes), above: 20KB}]",
         "above of the last step", 20000},
        {"within: 1h, steps: [{when: user.name exists, measure: count, above: 1}, {when: user.name "
         "exists, measure: count, above: '0.5 * steps[1].value'}]",
         "above of the last step", 500000},
        {"measure: count, each: 1d, unusual: {than: own, score: 3.3}", "score of unusual", 3300000},
        {"measure: count, each: 1d, drift: [{limit: 8.9}, {limit: 4}]", "limit of drift", 8900000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *rules = load_keys(cases[i].keys);
        struct rule copy = *rules_at(rules, 0);
        struct rule_step steps[RULE_STEPS_MAX];
        struct tuning_number n;
        assert_true(tuning_number(&copy, &n));
        assert_string_equal(n.key, cases[i].key);
        assert_int_equal(n.value, cases[i].value);
        assert_true(n.least <= n.value && n.value <= n.most);
        tuning_number_set(&copy, steps, cases[i].value * 2);
        assert_true(tuning_number(&copy, &n));
        assert_int_equal(n.value, cases[i].value * 2);
        if (copy.trigger == TRIGGER_DRIFT)
            assert_int_equal(copy.daily.drifts[1].limit, 8000000);
        assert_true(tuning_number(rules_at(rules, 0), &n));
        assert_int_equal(n.value, cases[i].value); /* the rule itself is as it was */
        rules_close(rules);
    }
}

static void every_shipped_rule_can_be_tuned_but_for_planted_customers(void **state)
{
    static const char *const paths[] = {TESTS_FOLDER "/../../rules"};
    static struct problems problems;
    struct rules *rules = rules_load(paths, 1, &problems);
    (void)state;
    assert_non_null(rules);
    for (size_t i = 0; i < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        struct tuning_number n;
        assert_int_equal(tuning_number(rule, &n), rule->trigger != TRIGGER_HONEY);
        if (rule->trigger == TRIGGER_HONEY)
            continue;
        uint64_t other = n.value + 1 <= n.most ? n.value + 1 : n.value - 1;
        struct tuning *t = tuning_open();
        assert_true(tuning_add(t, rule, NULL) && tuning_add(t, rule, &other));
        assert_int_equal(tuning_at(t, 0)->limit, n.value);
        assert_int_equal(tuning_at(t, 1)->limit, other);
        tuning_close(t);
    }
    rules_close(rules);
}

/* Ten accounts read 20 to 29 rows a day for three weeks, and then one of them 60 for a week. */
static void scores_decide_what_is_unusual(void **state)
{
    static const struct {
        const char *keys;
        uint64_t limits[3];
    } cases[] = {
        {"measure: sum(db.response.returned_rows), each: 1d, quiet: 12h, unusual: {than: own, "
         "score: 3.3}",
         {500000, 3300000, 900000000}},
        {"measure: sum(db.response.returned_rows), each: 1d, quiet: 12h, drift: {than: own, limit: "
         "8.9}",
         {2000000, 8900000, 900000000}},
    };
    (void)state;
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        struct rules *rules = load_keys(cases[c].keys);
        struct tuning *t = tuning_open();
        for (size_t i = 0; i < 3; i++)
            assert_true(tuning_add(t, rules_at(rules, 0), &cases[c].limits[i]));
        for (int64_t hour = 0; hour < 28 * 24; hour += 8) {
            for (int user = 0; user < 10; user++) {
                char name[] = {'a', (char)('a' + user), '\0'};
                uint64_t rows =
                    user == 3 && hour >= 21 * 24 ? 20 : 7 + (uint64_t)(hour / 8 * 7 + user * 5) % 3;
                read_rows(t, name, hour * 3600 * CLOCK_SECOND_NS + user, rows);
            }
        }
        tuning_finish(t);
        assert_true(tuning_at(t, 0)->alerts > tuning_at(t, 1)->alerts);
        assert_true(tuning_at(t, 1)->alerts > 0);
        assert_int_equal(tuning_at(t, 1)->keys, 1);
        assert_int_equal(tuning_at(t, 2)->alerts, 0);
        tuning_close(t);
        rules_close(rules);
    }
}

/* The limits that are tried, as `tune` finds them. */
static void limits_are_spread_around_the_rules_own(void **state)
{
    static const struct {
        const char *keys, *text, *wanted;
    } cases[] = {
        {"measure: count, over: 1h, above: 100", NULL,
         "12 18 25 35 50 71 100 140 200 280 400 570 800"},
        {"measure: count, over: 1h, above: 100", "50,200,50", "50 100 200"},
        {"measure: count, over: 1h, above: 100", "100..200",
         "100 110 120 130 140 150 160 170 180 190 200"},
        {"first: client.ip, rare: 3", NULL, "0 1 2 3 4 6 8 12 14"},
        {"together: 2, of: client.ip, over: 1h", NULL, "2 3 4 6 8 11 16"},
        {"measure: count, each: 1d, unusual: {than: own, score: 4.4}", "3.3, 5", "3.3 4.4 5"},
        {"back after: 4d", "36h, 1w", "1.5 d 4 d 7 d"},
        {"measure: share(event.action == \"read\"), over: 1h, above: 40%", "50%..100%",
         "40 % 50 % 53 % 56 % 59 % 63 % 67 % 71 % 75 % 79 % 84 % 89 % 94 % 100 %"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *rules = load_keys(cases[i].keys);
        uint64_t limits[TUNING_LIMITS_MAX];
        size_t count;
        struct tuning_number n;
        struct error error;
        char found[512];
        struct text text = text_over(found, sizeof(found));
        assert_true(tuning_number(rules_at(rules, 0), &n));
        assert_true(tune_limits(limits, &count, &n, cases[i].text, &error));
        for (size_t k = 0; k < count; k++) {
            text_add(&text, "%s", k > 0 ? " " : "");
            quantity_print(&text, limits[k], n.unit);
        }
        assert_string_equal(found, cases[i].wanted);
        rules_close(rules);
    }
}

static void limits_that_a_rule_cannot_have_are_refused(void **state)
{
    static const struct {
        const char *keys, *text, *said;
    } cases[] = {
        {"first: client.ip, rare: 3", "20", "'rare' may be from 0 to 14"},
        {"first: client.ip, rare: 3", "2..20", "'rare' may be from 0 to 14"},
        {"back after: 4d", "4", "'back after' may be from 1 h to"},
        {"rhythm: subject.ids", "0..5", "'score' may be from 0.0001 to 1000"},
        {"rhythm: subject.ids", "5..3", "write 100..1000"},
        {"off hours: 4", "1,x", "write up to 31 of them as 100,200,500"},
        {"off hours: 4",
         "1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,"
         "34",
         "write up to 31"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *rules = load_keys(cases[i].keys);
        uint64_t limits[TUNING_LIMITS_MAX];
        size_t count;
        struct tuning_number n;
        struct error error;
        assert_true(tuning_number(rules_at(rules, 0), &n));
        assert_false(tune_limits(limits, &count, &n, cases[i].text, &error));
        assert_non_null(strstr(error.text, cases[i].said));
        rules_close(rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_counts_for_itself),
        cmocka_unit_test(people_are_masked_and_told_apart),
        cmocka_unit_test(what_a_version_adds_is_told_by_key_and_day),
        cmocka_unit_test(limits_are_bounded),
        cmocka_unit_test(each_kind_of_rule_has_its_number),
        cmocka_unit_test(every_shipped_rule_can_be_tuned_but_for_planted_customers),
        cmocka_unit_test(scores_decide_what_is_unusual),
        cmocka_unit_test(limits_are_spread_around_the_rules_own),
        cmocka_unit_test(limits_that_a_rule_cannot_have_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
