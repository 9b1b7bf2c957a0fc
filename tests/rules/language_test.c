/*
 * Each construct that came to the language: what fires, and what does not.
 */
#include "tests/rules/bench.h"

#define MINUTE (60 * CLOCK_SECOND_NS)
#define HOUR (60 * MINUTE)

static struct bench open_rule(const char *keys)
{
    char text[2048];
    (void)snprintf(text, sizeof(text), "  by: user.name\n%s", keys);
    return bench_rule(text);
}

static struct transaction from(const char *user, int64_t ns)
{
    struct transaction t = {.start_ns = ns, .user_name = bytes_of(user)};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_EVENT_ACTION);
    transaction_mark(&t, FIELD_EVENT_OUTCOME);
    transaction_mark(&t, FIELD_USER_NAME);
    return t;
}

static void send_action(struct bench *b, const char *user, int64_t ns, enum action action,
                        uint64_t bytes)
{
    struct transaction t = from(user, ns);
    t.action = action;
    t.client_bytes = bytes;
    transaction_mark(&t, FIELD_CLIENT_BYTES);
    t.client_ip = address_from_ipv4((const uint8_t[]){10, 0, 0, (uint8_t)user[0]});
    transaction_mark(&t, FIELD_CLIENT_IP);
    engine_transaction(b->engine, &t);
}

static void send_outcome(struct bench *b, int64_t ns, enum outcome outcome)
{
    struct transaction t = from("ann", ns);
    t.outcome = outcome;
    engine_transaction(b->engine, &t);
}

static void send_place(struct bench *b, int64_t ns, const char *country, double latitude,
                       double longitude)
{
    struct transaction t = from("ann", ns);
    t.location = (struct place){latitude, longitude};
    t.country = bytes_of(country);
    transaction_mark(&t, FIELD_CLIENT_GEO_LOCATION);
    transaction_mark(&t, FIELD_CLIENT_GEO_COUNTRY_ISO_CODE);
    engine_transaction(b->engine, &t);
}

static void a_share_fires_above_its_limit_of_enough_transactions(void **state)
{
    (void)state;
    struct bench b = open_rule("  measure: share(event.outcome == \"failure\")\n  over: 1h\n"
                               "  above: 50%\n  at least: 4\n");
    send_outcome(&b, start, OUTCOME_FAILURE);
    send_outcome(&b, start, OUTCOME_FAILURE);
    send_outcome(&b, start, OUTCOME_SUCCESS);
    assert_int_equal(seen.count, 0); /* too few */
    send_outcome(&b, start, OUTCOME_SUCCESS);
    assert_int_equal(seen.count, 0); /* just the limit */
    send_outcome(&b, start, OUTCOME_FAILURE);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.value, 600000);
    assert_string_equal(seen.line, "2026-01-05 08:00:00Z  LOW  r  user.name=ann: 60 % in "
                                   "share(event.outcome == \"failure\") in 1h, limit 50 %");
    assert_true(json_has("\"value\":0.6,"));
    close_bench(&b);
}

static void several_values_at_once_are_together(void **state)
{
    (void)state;
    struct bench b = open_rule("  together: 2\n  of: client.geo.country_iso_code\n  over: 30m\n");
    send_place(&b, start, "SE", 59, 18);
    send_place(&b, start + 31 * MINUTE, "NO", 60, 10);
    send_place(&b, start + 61 * MINUTE, "NO", 60, 10);
    send_place(&b, start + 62 * MINUTE, "NO", 60, 10);
    assert_int_equal(seen.count, 0);
    send_place(&b, start + 91 * MINUTE, "SE", 59, 18);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.message, "n: account ann was active with 2 different countries "
                                      "within 30 minutes: SE, NO.");
    assert_true(json_has("\"values\":[\"SE\",\"NO\"]"));
    close_bench(&b);
}

static void nobody_travels_faster_than_an_aeroplane(void **state)
{
    (void)state;
    static const struct {
        int64_t after_ns;
        double latitude, longitude;
        size_t alerts;
    } cases[] = {
        {HOUR, 6.5, 3.4, 1},     /* Stockholm to Lagos, 6,100 km */
        {7 * HOUR, 6.5, 3.4, 0}, /* by aeroplane */
        {MINUTE, 59.9, 17.6, 0}, /* Uppsala is near */
        {0, 6.5, 3.4, 1},        /* at once */
        {-HOUR, 6.5, 3.4, 1},    /* told late */
        {HOUR, 59.3, 18.1, 0},   /* there still */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bench b = open_rule("  travel: {faster than: 900km/h, farther than: 500km}\n");
        send_place(&b, start, "SE", 59.3, 18.1);
        send_place(&b, start + cases[i].after_ns, "NG", cases[i].latitude, cases[i].longitude);
        if (seen.count != cases[i].alerts)
            print_error("case %zu: %zu alerts\n", i, seen.count);
        assert_int_equal(seen.count, cases[i].alerts);
        if (i == 0)
            assert_string_equal(seen.line,
                                "2026-01-05 09:00:00Z  LOW  r  user.name=ann: SE to NG, 6,002 km "
                                "in 1 h, 6,002 km/h");
        close_bench(&b);
    }
}

static const char relay[] = "  steps:\n"
                            "  - {when: event.action == \"read\", above: 2}\n"
                            "  - when: event.action == \"write\"\n"
                            "    measure: sum(client.bytes)\n"
                            "    above: 100 * steps[1].value\n"
                            "  within: 30m\n";

static void steps_fire_in_their_order(void **state)
{
    (void)state;
    struct bench b = open_rule(relay);
    send_action(&b, "ann", start, ACTION_WRITE, 1000); /* before the reading */
    for (int i = 0; i < 3; i++)
        send_action(&b, "ann", start + MINUTE, ACTION_READ, 1);
    send_action(&b, "ann", start + 2 * MINUTE, ACTION_WRITE, 300); /* no more than 100 x 3 */
    assert_int_equal(seen.count, 0);
    send_action(&b, "ann", start + 3 * MINUTE, ACTION_WRITE, 1);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.line, "2026-01-05 08:03:00Z  LOW  r  user.name=ann: 2 steps, each in "
                                   "30m: 3 requests, then 301 bytes of requests");
    assert_true(json_has("\"steps\":[{\"measure\":\"count\",\"value\":3},"));
    close_bench(&b);
}

static void a_step_too_late_or_of_another_key_is_none(void **state)
{
    (void)state;
    struct bench b = open_rule(relay);
    for (int i = 0; i < 3; i++)
        send_action(&b, "ann", start, ACTION_READ, 1);
    send_action(&b, "bob", start + MINUTE, ACTION_WRITE, 5000);
    send_action(&b, "ann", start + 31 * MINUTE, ACTION_WRITE, 5000);
    send_action(&b, "cid", start, ACTION_READ, 1);
    send_action(&b, "cid", start + MINUTE, ACTION_WRITE, 5000); /* two readings are missing */
    send_action(&b, "cid", start + MINUTE, ACTION_LOGIN, 5000);
    assert_int_equal(seen.count, 0);
    assert_int_equal(engine_counters(b.engine).keys, 3);
    assert_int_equal(engine_counters(b.engine).counted, 7); /* no step of the login */
    close_bench(&b);
}

static void what_a_login_preceded_does_not_fire(void **state)
{
    (void)state;
    struct bench b = open_rule("  when: event.action == \"read\"\n"
                               "  unless before: {when: 'event.action == \"login\"', by: "
                               "client.ip, within: 2h}\n");
    send_action(&b, "ann", start, ACTION_READ, 1); /* who logged in before is not known yet */
    send_action(&b, "ann", start + HOUR, ACTION_LOGIN, 1);
    send_action(&b, "ann", start + 2 * HOUR, ACTION_READ, 1);
    send_action(&b, "ann", start + 3 * HOUR, ACTION_READ, 1);
    assert_int_equal(seen.count, 0);
    send_action(&b, "ann", start + 3 * HOUR + 1, ACTION_READ, 1);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.message, "n: account ann sent what nothing preceded within 2 hours "
                                      "by: event.action == \"login\".");
    send_action(&b, "bob", start + 4 * HOUR, ACTION_READ, 1);
    assert_int_equal(seen.count, 2);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_fires_above_its_limit_of_enough_transactions),
        cmocka_unit_test(several_values_at_once_are_together),
        cmocka_unit_test(nobody_travels_faster_than_an_aeroplane),
        cmocka_unit_test(steps_fire_in_their_order),
        cmocka_unit_test(a_step_too_late_or_of_another_key_is_none),
        cmocka_unit_test(what_a_login_preceded_does_not_fire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
