/*
 * The keys of rules: told apart, bounded, shared among rules with the same `by`, and forgotten.
 */
#include "tests/rules/engine_bench.h"

#include "rules/distinct.h"

static void keys_of_several_fields_are_told_apart(void **state)
{
    (void)state;
    struct bench b = open_with("rules: [{id: r, name: n, severity: low, by: [user.name, "
                               "network.name], measure: count, over: 1h, above: 1}]",
                               0, 0);
    static const struct {
        const char *user, *network;
    } pairs[] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"", "abc"}};
    for (size_t i = 0; i < 4; i++) {
        struct transaction t = query(pairs[i].user, start, 1);
        t.network_name = bytes_of(pairs[i].network);
        transaction_mark(&t, FIELD_NETWORK_NAME);
        engine_transaction(b.engine, &t);
    }
    assert_int_equal(engine_counters(b.engine).keys, 4);
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

static void at_the_bound_the_oldest_key_goes(void **state)
{
    (void)state;
    struct bench b = open_with("rules: [{id: r, name: n, severity: low, by: user.name, "
                               "measure: count, over: 1h, above: 1}]",
                               100, 0);
    char user[16];
    for (int i = 0; i < 150; i++) {
        (void)snprintf(user, sizeof(user), "u%d", i);
        send_rows(&b, user, start, 1);
    }
    assert_int_equal(engine_counters(b.engine).keys, 100);
    assert_int_equal(engine_counters(b.engine).keys_evicted, 50);
    send_rows(&b, "u149", start, 1); /* kept: the second */
    assert_int_equal(seen.count, 1);
    send_rows(&b, "u0", start, 1); /* forgotten: the first again */
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

/* Many accounts that one rule counts do not push out the few that another one does. */
static void the_keys_of_a_rule_with_few_are_spared(void **state)
{
    (void)state;
    struct bench b =
        open_with("rules: [{id: many, name: n, severity: low, by: user.name, measure: count, "
                  "over: 1d, above: 1000}, {id: few, name: n, severity: low, by: user.name, when: "
                  "db.response.returned_rows > 5, measure: count, over: 1d, above: 1}]",
                  100, 0);
    char user[16];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(user, sizeof(user), "few%d", i);
        send_rows(&b, user, start, 9);
    }
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(user, sizeof(user), "u%d", i);
        send_rows(&b, user, start + i, 1);
    }
    for (int i = 0; i < 20; i++) {
        (void)snprintf(user, sizeof(user), "few%d", i);
        send_rows(&b, user, start + HOUR, 9);
    }
    assert_int_equal(seen.count, 20);
    close_bench(&b);
}

static void without_budget_the_oldest_keys_make_room(void **state)
{
    enum { KEY_BYTES = sizeof(struct distinct) + 4 * sizeof(struct distinct_value) };
    (void)state;
    struct bench b = open_with("rules: [{id: r, name: n, severity: low, by: user.name, measure: "
                               "distinct(client.geo.country_iso_code), over: 1h, above: 1}]",
                               0, 100 * KEY_BYTES);
    char user[16];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(user, sizeof(user), "u%d", i);
        send_country(&b, user, start + i, "SE");
    }
    struct engine_counters c = engine_counters(b.engine);
    assert_int_equal(c.denied, 0);
    assert_int_equal(c.keys, 100);
    assert_int_equal(c.keys_evicted, 900);
    assert_true(c.bytes_peak <= 100 * KEY_BYTES);
    send_country(&b, "u999", start + 1000, "NO");
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

static void a_budget_of_nothing_counts_nothing_and_says_so(void **state)
{
    (void)state;
    struct bench b = open_with("rules: [{id: r, name: n, severity: low, by: user.name, measure: "
                               "distinct(client.geo.country_iso_code), over: 1h, above: 0}]",
                               0, 1);
    send_country(&b, "ann", start, "SE");
    assert_int_equal(seen.count, 0);
    assert_int_equal(engine_counters(b.engine).denied, 1);
    close_bench(&b);
}

static void idle_keys_are_forgotten_by_the_tick_and_only_they(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 1, quiet: 3h");
    send_rows(&b, "ann", start, 1);
    send_rows(&b, "bob", start + 2 * HOUR, 1);
    engine_tick(b.engine, start + 3 * HOUR);
    assert_int_equal(engine_counters(b.engine).keys, 2);
    engine_tick(b.engine, start + 3 * HOUR + 1);
    assert_int_equal(engine_counters(b.engine).keys, 1);
    engine_tick(b.engine, start + 9 * HOUR);
    assert_int_equal(engine_counters(b.engine).keys, 0);
    assert_int_equal(engine_counters(b.engine).bytes, 0);
    assert_int_equal(engine_counters(b.engine).keys_evicted, 0);
    close_bench(&b);
}

/* Another rule knows the key for longer, and no tick came by. */
static void what_is_idle_is_forgotten_for_each_rule(void **state)
{
    (void)state;
    struct bench b =
        open_with("rules: [{id: long, name: n, severity: low, by: user.name, measure: count, "
                  "over: 30d, above: 1000}, {id: short, name: n, severity: low, by: user.name, "
                  "measure: count, over: 1h, above: 1, quiet: 1h}]",
                  0, 0);
    for (int64_t i = 0; i < 4; i++)
        send_rows(&b, "ann", start + i, 1);
    send_rows(&b, "ann", start + 5 * HOUR, 1);
    send_rows(&b, "ann", start + 5 * HOUR + 1, 1);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.items[1].value, 2);
    assert_int_equal(seen.items[1].repeats, 0);
    assert_int_equal(engine_counters(b.engine).keys_evicted, 0);
    close_bench(&b);
}

static void a_key_that_goes_on_is_not_forgotten(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 4");
    for (int64_t i = 0; i < 5; i++)
        send_rows(&b, "ann", start + i * HOUR, 1);
    engine_tick(b.engine, start + 4 * HOUR + 1);
    assert_int_equal(engine_counters(b.engine).keys, 1);
    close_bench(&b);
}

static void quiet_outlives_a_tick(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1m, above: 0, quiet: 3h");
    send_rows(&b, "ann", start, 1);
    engine_tick(b.engine, start + HOUR);
    send_rows(&b, "ann", start + HOUR, 1);
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

static void a_long_name_is_cut_but_tells_keys_apart(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 0");
    char name[202];
    memset(name, 'a', 201);
    name[201] = '\0';
    for (char c = 'x'; c <= 'z'; c++) {
        name[200] = c;
        send_rows(&b, name, start, 1);
    }
    assert_int_equal(seen.count, 3);
    assert_int_equal(strlen(seen.items[0].user), KEY_TEXT_MAX);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_several_fields_are_told_apart),
        cmocka_unit_test(at_the_bound_the_oldest_key_goes),
        cmocka_unit_test(the_keys_of_a_rule_with_few_are_spared),
        cmocka_unit_test(without_budget_the_oldest_keys_make_room),
        cmocka_unit_test(a_budget_of_nothing_counts_nothing_and_says_so),
        cmocka_unit_test(idle_keys_are_forgotten_by_the_tick_and_only_they),
        cmocka_unit_test(what_is_idle_is_forgotten_for_each_rule),
        cmocka_unit_test(a_key_that_goes_on_is_not_forgotten),
        cmocka_unit_test(quiet_outlives_a_tick),
        cmocka_unit_test(a_long_name_is_cut_but_tells_keys_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
