/*
 * Local changes of rules, and exceptions with their reasons, dates and counts.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/engine.h"

#include <string.h>

static const int64_t start = INT64_C(1767600000) * CLOCK_SECOND_NS; /* 2026-01-05T08:00:00Z */

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

static struct engine *open_engine(const struct rules *rules)
{
    return engine_open(rules, &(struct engine_config){.alert = NULL});
}

static void send(struct engine *e, const char *user, int64_t ns)
{
    struct transaction t = {.start_ns = ns, .user_name = bytes_of(user)};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_USER_NAME);
    engine_transaction(e, &t);
}

#define RULE(rest)                                                                                 \
    "rules:\n- {id: r, name: N, severity: low, by: user.name, measure: count, over: 1h, above: "   \
    "1000" rest "}\n"

static void a_change_takes_the_place_of_keys(void **state)
{
    (void)state;
    struct rules *rules =
        read_rules(RULE("") "change:\n"
                            "- {id: r, above: 5, name: M, when: user.name exists}\n"
                            "- {id: r, above: 6, enabled: false}\n");
    const struct rule *r = rules_at(rules, 0);
    assert_int_equal(rules_count(rules), 1);
    assert_int_equal(r->above, 6);
    assert_string_equal(r->name, "M");
    assert_int_equal(r->severity, SEVERITY_LOW);
    assert_int_equal(r->when.count, 1);
    assert_false(r->is_enabled);
    assert_int_equal(r->defined.line, 2);
    assert_int_equal(r->changes_count, 2);
    assert_int_equal(r->changed[0].line, 4);
    assert_int_equal(r->changed[1].line, 5);
    assert_string_equal(r->changed[1].file, "f");
    rules_close(rules);
}

static void a_change_adds_its_exceptions(void **state)
{
    (void)state;
    struct rules *rules =
        read_rules(RULE(", except: [{when: 'user.name == \"a\"', reason: one}]") //
                   "change:\n"
                   "- {id: r, except: [{when: 'user.name == \"b\"', reason: two}]}\n"
                   "- {id: r, except: [{when: 'user.name == \"c\"', reason: three, until: "
                   "2026-01-05}]}\n");
    const struct rule *r = rules_at(rules, 0);
    assert_int_equal(r->exceptions_count, 3);
    assert_string_equal(r->exceptions[0].reason, "one");
    assert_string_equal(r->exceptions[1].reason, "two");
    assert_string_equal(r->exceptions[2].text, "user.name == \"c\"");
    assert_int_equal(r->exceptions[0].until_ns, INT64_MAX);
    assert_int_equal(r->exceptions[2].until_ns, start + 16 * 3600 * CLOCK_SECOND_NS);
    rules_close(rules);
}

static void what_is_excepted_is_not_counted_but_told_by_exception(void **state)
{
    (void)state;
    struct rules *rules =
        read_rules(RULE(", except: [{when: 'user.name == \"a\"', reason: one}, {when: 'user.name "
                        "in [a, b]', reason: two, until: 2026-01-05}]"));
    struct engine *e = open_engine(rules);
    const int64_t tomorrow = start + 16 * 3600 * CLOCK_SECOND_NS;
    send(e, "a", start);
    send(e, "b", start);
    send(e, "b", tomorrow - 1);
    send(e, "b", tomorrow); /* the day is over */
    send(e, "c", start);
    struct rule_counters c;
    assert_true(engine_rule(e, 0, &c));
    assert_int_equal(c.excepted[0], 1);
    assert_int_equal(c.excepted[1], 2);
    assert_false(engine_rule(e, 1, &c));
    struct engine_counters all = engine_counters(e);
    assert_int_equal(all.excepted, 3);
    assert_int_equal(all.counted, 2);
    engine_close(e);
    rules_close(rules);
}

static void a_reload_keeps_the_counts_of_exceptions_by_their_reason(void **state)
{
    (void)state;
    struct rules *before =
        read_rules(RULE(", except: [{when: 'user.name == \"a\"', reason: one}, {when: 'user.name "
                        "== \"b\"', reason: two}]"));
    struct rules *after = read_rules(
        RULE(", except: [{when: 'user.name == \"c\"', reason: new}, {when: 'user.name in [b, d]', "
             "reason: two}]"));
    struct engine *e = open_engine(before);
    size_t kept;
    send(e, "a", start);
    send(e, "b", start);
    send(e, "b", start);
    send(e, "x", start);
    assert_true(engine_swap(e, after, &kept));
    assert_int_equal(kept, 1);
    send(e, "d", start);
    struct rule_counters c;
    assert_true(engine_rule(e, 0, &c));
    assert_int_equal(c.excepted[0], 0);
    assert_int_equal(c.excepted[1], 3);
    assert_int_equal(engine_counters(e).keys, 1);
    engine_close(e);
    rules_close(before);
    rules_close(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_takes_the_place_of_keys),
        cmocka_unit_test(a_change_adds_its_exceptions),
        cmocka_unit_test(what_is_excepted_is_not_counted_but_told_by_exception),
        cmocka_unit_test(a_reload_keeps_the_counts_of_exceptions_by_their_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
