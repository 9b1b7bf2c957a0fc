/*
 * One set of rules in the place of another while an engine counts.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/engine.h"

#include <stdio.h>
#include <string.h>

enum { ALERTS_MAX = 64 };

#define HOUR (3600 * CLOCK_SECOND_NS)

static const int64_t start = INT64_C(1767600000) * CLOCK_SECOND_NS;

struct run {
    struct rules *rules;
    struct engine *engine;
    size_t count;
    struct {
        char id[16], severity[16];
        uint64_t value, repeats;
        size_t evidence_count, known_count;
    } alerts[ALERTS_MAX];
};

static void on_alert(void *context, const struct alert *a)
{
    struct run *t = context;
    assert_true(t->count < ALERTS_MAX);
    size_t n = t->count++;
    (void)snprintf(t->alerts[n].id, sizeof(t->alerts[n].id), "%s", a->rule->id);
    (void)snprintf(t->alerts[n].severity, sizeof(t->alerts[n].severity), "%s",
                   SEVERITY_NAMES[a->rule->severity]);
    t->alerts[n].value = a->value;
    t->alerts[n].repeats = a->repeats;
    t->alerts[n].evidence_count = a->evidence_count;
    t->alerts[n].known_count = a->known_count;
}

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

static void begin(struct run *t, const char *rules, size_t keys_bytes_max)
{
    *t = (struct run){.rules = read_rules(rules)};
    t->engine = engine_open(
        t->rules,
        &(struct engine_config){.alert = on_alert, .keys_bytes_max = keys_bytes_max, .context = t});
    assert_non_null(t->engine);
}

/* The old rules are gone before the next transaction, so that a sanitizer sees who still looks. */
static size_t swap(struct run *t, const char *text)
{
    struct rules *rules = read_rules(text);
    size_t kept;
    assert_true(engine_swap(t->engine, rules, &kept));
    rules_close(t->rules);
    t->rules = rules;
    return kept;
}

static void end(struct run *t)
{
    engine_close(t->engine);
    rules_close(t->rules);
}

static void count(struct run *t, const char *user, const char *agent, int64_t ns)
{
    struct transaction tx = {.start_ns = ns,
                             .user_name = bytes_of(user),
                             .user_agent = bytes_of(agent),
                             .returned_rows = 1};
    transaction_mark(&tx, FIELD_TIMESTAMP);
    transaction_mark(&tx, FIELD_USER_NAME);
    transaction_mark(&tx, FIELD_USER_AGENT_ORIGINAL);
    transaction_mark(&tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
    engine_transaction(t->engine, &tx);
}

#define COUNT(id, severity, over, above, quiet)                                                    \
    "- {id: " id ", name: N, severity: " severity ", by: user.name, measure: count, over: " over   \
    ", above: " above ", quiet: " quiet "}\n"

static void counters_go_on_where_the_meaning_stays(void **state)
{
    struct run t;
    (void)state;
    begin(&t, "rules:\n" COUNT("same", "low", "1h", "4", "0") COUNT("other", "low", "1h", "4", "0"),
          0);
    for (int i = 0; i < 4; i++)
        count(&t, "ann", "x", start + i);
    assert_int_equal(t.count, 0);
    /* in another order, with another limit, severity and window */
    assert_int_equal(swap(&t, "rules:\n" COUNT("new", "low", "1h", "4", "0")
                                  COUNT("other", "low", "2h", "4", "0")
                                      COUNT("same", "high", "1h", "5", "0")),
                     1);
    count(&t, "ann", "x", start + 4);
    assert_int_equal(t.count, 0);
    count(&t, "ann", "x", start + 5);
    assert_int_equal(t.count, 1);
    assert_string_equal(t.alerts[0].id, "same");
    assert_string_equal(t.alerts[0].severity, "high");
    assert_int_equal(t.alerts[0].value, 6);
    assert_int_equal(t.alerts[0].evidence_count, 4); /* gathered before and after */
    /* what began anew comes to its limit as late as that */
    for (int i = 6; i < 9; i++)
        count(&t, "ann", "x", start + i);
    assert_int_equal(t.count, 1 + 3 + 2);
    end(&t);
}

static void folded_repeats_go_on(void **state)
{
    struct run t;
    (void)state;
    begin(&t, "rules:\n" COUNT("r", "low", "1d", "1", "2h"), 0);
    for (int i = 0; i < 4; i++)
        count(&t, "ann", "x", start + i);
    assert_int_equal(t.count, 1);
    assert_int_equal(swap(&t, "rules:\n" COUNT("r", "low", "1d", "1", "3h")), 1);
    count(&t, "ann", "x", start + 2 * HOUR + 5); /* quiet for longer now */
    assert_int_equal(t.count, 1);
    count(&t, "ann", "x", start + 3 * HOUR + 5);
    assert_int_equal(t.count, 2);
    assert_int_equal(t.alerts[1].repeats, 3);
    end(&t);
}

static void known_values_go_on(void **state)
{
    static const char rules[] = "rules:\n- {id: r, name: N, severity: low, by: user.name, "
                                "first: user_agent.original, learn: 1h}\n",
                      sooner[] = "rules:\n- {id: r, name: N, severity: low, by: user.name, "
                                 "first: user_agent.original, learn: 1m}\n";
    struct run t;
    (void)state;
    begin(&t, rules, 0);
    count(&t, "ann", "x", start);
    assert_int_equal(swap(&t, sooner), 1);
    count(&t, "ann", "y", start + HOUR / 2);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.alerts[0].known_count, 1);
    count(&t, "ann", "x", start + HOUR);
    assert_int_equal(t.count, 1);
    end(&t);
}

static void what_is_off_for_a_while_begins_anew(void **state)
{
    static const char off[] = "rules:\n- {id: r, name: N, severity: low, by: user.name, "
                              "measure: count, over: 1h, above: 1, enabled: false}\n";
    struct run t;
    (void)state;
    begin(&t, "rules:\n" COUNT("r", "low", "1h", "1", "0"), 0);
    count(&t, "ann", "x", start);
    assert_int_equal(swap(&t, off), 0);
    count(&t, "ann", "x", start + 1);
    assert_int_equal(engine_counters(t.engine).keys, 0);
    assert_int_equal(engine_counters(t.engine).bytes, 0); /* nothing is left of it */
    assert_int_equal(swap(&t, "rules:\n" COUNT("r", "low", "1h", "1", "0")), 0);
    count(&t, "ann", "x", start + 2);
    assert_int_equal(t.count, 0);
    count(&t, "ann", "x", start + 3);
    assert_int_equal(t.count, 1);
    end(&t);
}

/* With more rules each has room for fewer keys: the newest stay, the others are counted. */
static void a_smaller_part_keeps_the_newest_keys(void **state)
{
    enum { KEYS = 1024 };
    static char many[8192] = "rules:\n" COUNT("r", "low", "1h", "1", "0");
    struct run t;
    char user[16];
    (void)state;
    begin(&t, "rules:\n" COUNT("r", "low", "1h", "1", "0"), KEYS * 256);
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(user, sizeof(user), "u%d", i);
        count(&t, user, "x", start + i);
    }
    struct engine_counters before = engine_counters(t.engine);
    assert_in_range(before.keys, 512, KEYS);
    assert_int_equal(before.keys + before.keys_evicted, KEYS);
    for (int i = 0; i < 2; i++) {
        size_t len = strlen(many);
        (void)snprintf(many + len, sizeof(many) - len,
                       "- {id: s%d, name: N, severity: low, when: server.port == 9, by: user.name, "
                       "measure: count, over: 1h, above: 1}\n",
                       i);
    }
    assert_int_equal(swap(&t, many), 1);
    struct engine_counters after = engine_counters(t.engine);
    assert_in_range(after.keys, 256, before.keys - 1);
    assert_int_equal(after.keys + after.keys_evicted, KEYS);
    (void)snprintf(user, sizeof(user), "u%d", KEYS - 1);
    count(&t, user, "x", start + KEYS);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.alerts[0].value, 2);
    count(&t, "u0", "x", start + KEYS);
    assert_int_equal(t.count, 1);
    /* and back: nothing more is lost */
    assert_int_equal(swap(&t, "rules:\n" COUNT("r", "low", "1h", "1", "0")), 1);
    assert_int_equal(engine_counters(t.engine).keys + engine_counters(t.engine).keys_evicted,
                     KEYS + 1);
    count(&t, user, "x", start + KEYS + 1);
    assert_int_equal(t.alerts[1].value, 3);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_go_on_where_the_meaning_stays),
        cmocka_unit_test(folded_repeats_go_on),
        cmocka_unit_test(known_values_go_on),
        cmocka_unit_test(what_is_off_for_a_while_begins_anew),
        cmocka_unit_test(a_smaller_part_keeps_the_newest_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
