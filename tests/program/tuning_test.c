/*
 * tuning.h: figures of several limits over one pass.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/problems.h"
#include "tuning.h"

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

static void limits_are_bounded_and_some_rules_have_none(void **state)
{
    struct rules *rules = load_rules();
    struct tuning *t = tuning_open();
    enum quantity_unit unit;
    uint64_t limit;
    (void)state;
    assert_true(rule_limit(rules_at(rules, 0), &limit, &unit));
    assert_int_equal(limit, 100);
    assert_false(rule_limit(rules_at(rules, 1), &limit, &unit));
    for (limit = 0; limit < TUNING_LIMITS_MAX; limit++)
        assert_true(tuning_add(t, rules_at(rules, 0), &limit));
    assert_false(tuning_add(t, rules_at(rules, 0), &limit));
    tuning_close(t);
    rules_close(rules);
}

static void rules_about_events_have_limits_too(void **state)
{
    static const struct {
        const char *keys;
        uint64_t limit;
    } cases[] = {
        {"back after: 2d", UINT64_C(172800000000000)},
        {"enumerates: subject.near, at least: 7", 7},
        {"follows: {when: user.name exists, by: client.ip}, score: 12", 12},
        {"rhythm: subject.ids, score: 8", 8},
        {"off hours: 4", 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        static struct problems problems;
        char text[256];
        enum quantity_unit unit;
        uint64_t limit = 0;
        problems = (struct problems){0};
        (void)snprintf(text, sizeof(text),
                       "rules: [{id: r, name: n, severity: low, by: user.name, %s}]",
                       cases[i].keys);
        struct rules *rules = rules_load_text("f", bytes_of(text), &problems);
        assert_non_null(rules);
        assert_true(rule_limit(rules_at(rules, 0), &limit, &unit));
        assert_int_equal(limit, cases[i].limit);
        rules_close(rules);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_limit_counts_for_itself),
        cmocka_unit_test(people_are_masked_and_told_apart),
        cmocka_unit_test(what_a_version_adds_is_told_by_key_and_day),
        cmocka_unit_test(limits_are_bounded_and_some_rules_have_none),
        cmocka_unit_test(rules_about_events_have_limits_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
