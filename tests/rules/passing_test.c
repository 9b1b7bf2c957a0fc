/*
 * rules/engine.h: a reply that still passes is looked at, and counts once.
 */
#include "tests/rules/bench.h"

static struct bench open_rule(const char *keys)
{
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "rules: [{id: r, name: n, severity: low, by: user.name, %s}]", keys);
    return bench_open(text);
}

/* A query that began at that second, after so many milliseconds and rows. */
static struct transaction query(int64_t second, uint64_t ms, uint64_t rows)
{
    static const uint64_t ids[] = {1, 2, 3};
    struct transaction t = {.start_ns = start + second * CLOCK_SECOND_NS,
                            .duration_ns = ms * 1000000,
                            .user_name = bytes_of("a"),
                            .returned_rows = rows,
                            .subject_ids = {ids, 3, NULL},
                            .subject_count = 3,
                            .action = ACTION_READ};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_EVENT_ACTION);
    transaction_mark(&t, FIELD_EVENT_DURATION);
    transaction_mark(&t, FIELD_USER_NAME);
    transaction_mark(&t, FIELD_DB_RESPONSE_RETURNED_ROWS);
    transaction_mark(&t, FIELD_SUBJECT_COUNT);
    transaction_mark_ids(&t);
    return t;
}

static void passes(struct bench *b, struct transaction t)
{
    engine_passing(b->engine, &t);
}

static void ends(struct bench *b, struct transaction t)
{
    engine_transaction(b->engine, &t);
}

static void a_long_reply_is_alerted_of_while_it_passes_and_not_again_at_its_end(void **state)
{
    (void)state;
    static const char *const measures[] = {"sum", "max"};
    for (size_t i = 0; i < 2; i++) {
        char keys[200];
        (void)snprintf(keys, sizeof(keys),
                       "measure: %s(db.response.returned_rows), over: 1d, above: 3000, quiet: 12h",
                       measures[i]);
        struct bench b = open_rule(keys);
        ends(&b, query(-60, 1, 500));
        passes(&b, query(0, 100, 2000));
        assert_int_equal(seen.count, 0);
        passes(&b, query(0, 200, 3100));
        assert_int_equal(seen.count, 1);
        assert_true(seen.is_passing);
        assert_int_equal(seen.value, i == 0 ? 3600 : 3100);
        assert_non_null(strstr(seen.message, "so far"));
        passes(&b, query(0, 300, 100000));
        ends(&b, query(0, 400, 200000));
        assert_int_equal(seen.count, 1);
        assert_int_equal(engine_counters(b.engine).folded, 0);
        ends(&b, query(10, 1, 5000)); /* counts on from all that passed */
        assert_int_equal(engine_counters(b.engine).folded, 1);
        ends(&b, query(13 * 3600, 1, i == 0 ? 1 : 4000));
        assert_int_equal(seen.count, 2);
        assert_false(seen.is_passing);
        assert_int_equal(seen.value, i == 0 ? 205501 : 200000);
        assert_int_equal(seen.repeats, 1);
        close_bench(&b);
    }
}

static void what_passes_counts_nothing(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: count, over: 1h, above: 2");
    for (int64_t i = 0; i < 5; i++)
        passes(&b, query(0, (uint64_t)i, 5));
    ends(&b, query(0, 10, 5));
    ends(&b, query(1, 10, 5));
    assert_int_equal(seen.count, 0);
    assert_int_equal(engine_counters(b.engine).transactions, 2);
    passes(&b, query(2, 10, 5)); /* it is the third, whatever becomes of it */
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

/* The window may have them already: only more than it has can be new. */
static void different_customers_are_at_least_its_own(void **state)
{
    (void)state;
    struct bench b = open_rule("measure: distinct(subject.ids), over: 1h, above: 2");
    passes(&b, query(0, 10, 5));
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.value, 3);
    close_bench(&b);
    b = open_rule("measure: distinct(subject.ids), over: 1h, above: 3");
    ends(&b, query(0, 10, 5));
    passes(&b, query(5, 10, 5));
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

static void exceptions_and_what_came_before_hold_for_it_too(void **state)
{
    (void)state;
    struct bench b =
        open_rule("measure: sum(db.response.returned_rows), over: 1d, above: 10, "
                  "except: [{when: user.name == \"a\", reason: audit, until: 2099-01-01}]");
    passes(&b, query(0, 10, 500));
    assert_int_equal(seen.count, 0);
    close_bench(&b);
    b = open_rule("unless before: {when: event.action == \"login\", by: user.name, within: 1h}");
    ends(&b, query(-7200, 10, 1));
    size_t before = seen.count;
    passes(&b, query(0, 10, 500));
    assert_int_equal(seen.count, before + 1);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_reply_is_alerted_of_while_it_passes_and_not_again_at_its_end),
        cmocka_unit_test(what_passes_counts_nothing),
        cmocka_unit_test(different_customers_are_at_least_its_own),
        cmocka_unit_test(exceptions_and_what_came_before_hold_for_it_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
