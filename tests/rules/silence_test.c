/*
 * rules/silence.h: what it writes is taken by the rules, and silences.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/engine.h"
#include "rules/problems.h"
#include "rules/silence.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 2048 };

struct told {
    uint64_t alerts;
    char silence[SILENCE_MAX];
};

static void on_alert(void *context, const struct alert *a)
{
    struct told *told = context;
    if (told->alerts++ > 0)
        return;
    size_t len = silence_write(a, told->silence);
    assert_int_equal(len, strlen(told->silence));
}

/* Counts one transaction for the rule of those keys. */
static struct told raise(const char *keys, const char *change, const struct transaction *t)
{
    char text[TEXT_MAX];
    struct told told = {0};
    struct problems *problems = calloc(1, sizeof(*problems));
    (void)snprintf(text, sizeof(text),
                   "rules:\n  - id: r\n    name: r\n    severity: low\n%s\n%s%s\n", keys,
                   change[0] ? "change:\n  - id: r\n    " : "", change);
    struct rules *rules = rules_load_text("test", bytes_of(text), problems);
    if (!rules)
        fail_msg("%s: %s", text, problems->items[0]);
    const struct engine_config config = {.alert = on_alert, .context = &told};
    struct engine *e = engine_open(rules, &config);
    engine_transaction(e, t);
    engine_close(e);
    rules_close(rules);
    free(problems);
    return told;
}

static struct transaction read_of(const char *user)
{
    struct transaction t = {.start_ns = INT64_C(1767600000) * CLOCK_SECOND_NS,
                            .user_name = bytes_of(user),
                            .protocol = bytes_of("postgresql"),
                            .returned_rows = 5312,
                            .server_port = 5432};
    assert_true(address_parse(&t.client_ip, bytes_of("2001:db8::1")));
    static const enum field fields[] = {FIELD_TIMESTAMP,        FIELD_USER_NAME,
                                        FIELD_NETWORK_PROTOCOL, FIELD_CLIENT_IP,
                                        FIELD_SERVER_PORT,      FIELD_DB_RESPONSE_RETURNED_ROWS};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&t, fields[i]);
    return t;
}

#define SUM "    measure: sum(db.response.returned_rows)\n    over: 1h\n    above: 1000\n    by: "

static void both_ways_are_taken_and_silence(void **state)
{
    static const char long_name[] =
        "a-name-that-is-longer-than-what-is-kept-of-a-key-of-a-rule-in-its-table";
    static const struct {
        const char *user, *by, *limit, *except;
    } cases[] = {
        {"anna", "user.name", "above: 5312", "user.name == \"anna\""},
        {"a\"n\\a", "[user.name, client.ip]", "above: 5312",
         "client.ip == \"2001:db8::1\" and user.name == \"a\\\"n\\\\a\""},
        {"anna", "[server.port, network.protocol]", "above: 5312",
         "network.protocol == \"postgresql\" and server.port == 5432"},
        {long_name, "user.name", "above: 5312",
         "user.name starts with "
         "\"a-name-that-is-longer-than-what-is-kept-of-a-key-of-a-rule-in-it\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct transaction t = read_of(cases[i].user);
        char keys[TEXT_MAX], silence[TEXT_MAX], change[TEXT_MAX];
        (void)snprintf(keys, sizeof(keys), SUM "%s", cases[i].by);
        struct told told = raise(keys, "", &t);
        assert_int_equal(told.alerts, 1);
        (void)snprintf(silence, sizeof(silence), "%s, or except: %s", cases[i].limit,
                       cases[i].except);
        assert_string_equal(told.silence, silence);
        assert_int_equal(raise(keys, cases[i].limit, &t).alerts, 0);
        (void)snprintf(change, sizeof(change),
                       "except:\n      - when: >-\n          %s\n        reason: known",
                       cases[i].except);
        assert_int_equal(raise(keys, change, &t).alerts, 0);
    }
}

static void a_rule_over_all_has_its_limit_alone(void **state)
{
    struct transaction t = read_of("anna");
    char keys[] = SUM "user.name";
    struct told told = raise(keys, "", &t);
    struct rule rule = {.trigger = TRIGGER_EACH, .by_count = 0};
    const struct alert a = {.rule = &rule};
    (void)state;
    assert_int_equal(told.alerts, 1);
    assert_int_equal(silence_write(&a, told.silence), 0);
    assert_string_equal(told.silence, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_are_taken_and_silence),
        cmocka_unit_test(a_rule_over_all_has_its_limit_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
