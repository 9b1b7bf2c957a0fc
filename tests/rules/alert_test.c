#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/alert.h"

#include <stdio.h>

static struct rule sum_rule(void)
{
    return (struct rule){.id = "customers-day",
                         .name = "One account read many rows",
                         .technique = "T1213",
                         .note = "Check \"why\".",
                         .severity = SEVERITY_HIGH,
                         .by = {FIELD_NETWORK_NAME, FIELD_USER_NAME},
                         .by_count = 2,
                         .trigger = TRIGGER_ABOVE,
                         .measure = {MEASURE_SUM, FIELD_DB_RESPONSE_RETURNED_ROWS,
                                     "sum(db.response.returned_rows)", NULL},
                         .over_ns = 3600 * CLOCK_SECOND_NS,
                         .above = 1000};
}

static struct alert sum_alert(const struct rule *rule)
{
    struct alert a = {
        .rule = rule,
        .time_ns = INT64_C(1767621802000000001),
        .key = {.network_name = bytes_of("stockholm-2"), .user_name = bytes_of("a0123")},
        .value = 5312,
        .at_least = 5312};
    transaction_mark(&a.key, FIELD_NETWORK_NAME);
    transaction_mark(&a.key, FIELD_USER_NAME);
    return a;
}

static struct evidence sample_evidence(void)
{
    struct transaction t = {.start_ns = INT64_C(1767621800000000000),
                            .action = ACTION_READ,
                            .user_name = bytes_of("a0123"),
                            .session_id = bytes_of("5f3a"),
                            .db_query_text = bytes_of("SELECT * FROM customers WHERE id = ?"),
                            .url_template = bytes_of("/never"),
                            .url_path = bytes_of("/never/shown"),
                            .returned_rows = 5000,
                            .server_bytes = 123456};
    assert_true(address_parse(&t.client_ip, bytes_of("10.1.2.3")));
    static const enum field present[] = {
        FIELD_TIMESTAMP,    FIELD_EVENT_ACTION,  FIELD_USER_NAME,
        FIELD_SESSION_ID,   FIELD_DB_QUERY_TEXT, FIELD_DB_RESPONSE_RETURNED_ROWS,
        FIELD_SERVER_BYTES, FIELD_CLIENT_IP,     FIELD_URL_PATH};
    for (size_t i = 0; i < sizeof(present) / sizeof(present[0]); i++)
        transaction_mark(&t, present[i]);
    struct evidence_list l = {0};
    evidence_add(&l, &t, t.start_ns + 5, 5000);
    return l.items[0];
}

static void assert_json(const struct alert *a, const char *expected)
{
    struct json j = {0};
    alert_write_json(&j, a);
    assert_false(j.failed);
    char text[4096];
    assert_true(j.len < sizeof(text));
    (void)snprintf(text, sizeof(text), "%.*s", (int)j.len, j.text);
    assert_string_equal(text, expected);
    json_clear(&j);
}

static void the_json_of_a_limit_is_complete(void **state)
{
    (void)state;
    const struct rule rule = sum_rule();
    struct alert a = sum_alert(&rule);
    const struct evidence evidence = sample_evidence();
    a.evidence[a.evidence_count++] = &evidence;
    a.lost_share = 0.021;
    a.repeats = 1200;
    assert_json(
        &a,
        "{\"@timestamp\":\"2026-01-05T14:03:22.000000001Z\","
        "\"event\":{\"kind\":\"alert\",\"dataset\":\"seepwatch.alert\",\"severity\":73},"
        "\"rule\":{\"id\":\"customers-day\",\"name\":\"One account read many rows\","
        "\"severity\":\"high\",\"description\":\"Check \\\"why\\\".\"},"
        "\"threat\":{\"technique\":{\"id\":\"T1213\"}},"
        "\"message\":\"One account read many rows: network stockholm-2, account a0123, 5,312 rows "
        "returned within 1 hour, the limit is 1,000; 2.1 % of the bytes were lost, so it is at "
        "least that; 1,200 repeats since the last alert.\","
        "\"network\":{\"name\":\"stockholm-2\"},\"user\":{\"name\":\"a0123\"},"
        "\"alert\":{\"measure\":\"sum(db.response.returned_rows)\",\"value\":5312,\"at_least\":"
        "5312,"
        "\"limit\":1000,\"window\":\"1h\",\"lost_share\":0.021,\"repeats\":1200,"
        "\"silence\":\"above: 5312, or except: network.name == \\\"stockholm-2\\\" and "
        "user.name == \\\"a0123\\\"\",\"evidence\":["
        "{\"@timestamp\":\"2026-01-05T14:03:20.000000000Z\",\"event\":{\"action\":\"read\"},"
        "\"client\":{\"ip\":\"10.1.2.3\"},\"server\":{\"bytes\":123456},"
        "\"session\":{\"id\":\"5f3a\"},\"user\":{\"name\":\"a0123\"},"
        "\"db\":{\"query\":{\"text\":\"SELECT * FROM customers WHERE id = ?\"},"
        "\"response\":{\"returned_rows\":5000}}}]}}\n");
}

static void the_json_of_a_first_value_holds_it_beside_the_key(void **state)
{
    (void)state;
    const struct rule rule = {.id = "first-country",
                              .name = "New country",
                              .severity = SEVERITY_CRITICAL,
                              .by = {FIELD_USER_NAME},
                              .by_count = 1,
                              .trigger = TRIGGER_FIRST,
                              .first = FIELD_CLIENT_GEO_COUNTRY_ISO_CODE};
    struct alert a = {.rule = &rule,
                      .key = {.user_name = bytes_of("ann"), .country = bytes_of("RU")},
                      .first_value = bytes_of("RU"),
                      .known = {bytes_of("SE"), bytes_of("NO")},
                      .known_count = 2};
    transaction_mark(&a.key, FIELD_USER_NAME);
    transaction_mark(&a.key, FIELD_CLIENT_GEO_COUNTRY_ISO_CODE);
    assert_json(&a,
                "{\"@timestamp\":\"1970-01-01T00:00:00.000000000Z\","
                "\"event\":{\"kind\":\"alert\",\"dataset\":\"seepwatch.alert\","
                "\"severity\":99},\"rule\":{\"id\":\"first-country\",\"name\":\"New country\","
                "\"severity\":\"critical\"},\"message\":\"New country: account ann showed the "
                "country RU for the first time (before: SE, NO).\","
                "\"client\":{\"geo\":{\"country_iso_code\":\"RU\"}},\"user\":{\"name\":\"ann\"},"
                "\"alert\":{\"measure\":\"first(client.geo.country_iso_code)\","
                "\"known\":[\"SE\",\"NO\"],\"lost_share\":0,\"repeats\":0,"
                "\"silence\":\"except: user.name == \\\"ann\\\"\",\"evidence\":[]}}\n");
    char line[ALERT_LINE_MAX];
    size_t len = alert_write_line(&a, line);
    assert_int_equal(len, strlen(line));
    assert_string_equal(line, "1970-01-01 00:00:00Z  CRITICAL  first-country  user.name=ann: "
                              "client.geo.country_iso_code RU is new, before: SE, NO");
}

static void an_action_in_the_key_joins_the_event(void **state)
{
    (void)state;
    const struct rule rule = {.id = "a",
                              .name = "n",
                              .severity = SEVERITY_INFO,
                              .by = {FIELD_EVENT_ACTION},
                              .by_count = 1,
                              .measure = {MEASURE_COUNT, FIELDS_COUNT, "count", NULL},
                              .over_ns = CLOCK_SECOND_NS};
    struct alert a = {.rule = &rule, .key = {.action = ACTION_WRITE}, .value = 1, .at_least = 1};
    transaction_mark(&a.key, FIELD_EVENT_ACTION);
    assert_json(&a, "{\"@timestamp\":\"1970-01-01T00:00:00.000000000Z\","
                    "\"event\":{\"kind\":\"alert\",\"dataset\":\"seepwatch.alert\",\"severity\":1,"
                    "\"action\":\"write\"},\"rule\":{\"id\":\"a\",\"name\":\"n\","
                    "\"severity\":\"info\"},\"message\":\"n: event.action write, 1 request within "
                    "1 second, the limit is 0.\",\"alert\":{\"measure\":\"count\",\"value\":1,"
                    "\"at_least\":1,\"limit\":0,\"window\":\"1s\",\"lost_share\":0,\"repeats\":0,"
                    "\"silence\":\"above: 1, or except: event.action == \\\"write\\\"\","
                    "\"evidence\":[]}}\n");
}

static void lines_say_each_measure_in_words(void **state)
{
    (void)state;
    static const struct {
        struct measure measure;
        uint64_t value, above;
        bool is_estimate;
        const char *words;
    } cases[] = {
        {{MEASURE_COUNT, FIELDS_COUNT, "", NULL}, 31, 20, false, "31 requests in 1h, limit 20"},
        {{MEASURE_SUM, FIELD_SERVER_BYTES, "", NULL},
         21391000,
         20 << 20,
         false,
         "20.4 MiB of responses in 1h, limit 20 MiB"},
        {{MEASURE_MAX, FIELD_DB_RESPONSE_RETURNED_ROWS, "", NULL},
         200000,
         3000,
         false,
         "200,000 rows returned in one request in 1h, limit 3,000"},
        {{MEASURE_DISTINCT, FIELD_USER_NAME, "", NULL},
         9,
         8,
         false,
         "9 different accounts in 1h, limit 8"},
        {{MEASURE_DISTINCT, FIELD_DB_QUERY_HASH, "", NULL},
         2040,
         2000,
         true,
         "about 2,040 different values of db.query.hash in 1h, limit 2,000"},
        {{MEASURE_MAX, FIELD_EVENT_DURATION, "", NULL},
         1500000000,
         1000000000,
         false,
         "1.5 s of event.duration in one request in 1h, limit 1 s"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rule rule = sum_rule();
        rule.measure = cases[i].measure;
        rule.above = cases[i].above;
        struct alert a = sum_alert(&rule);
        a.value = cases[i].value;
        a.is_estimate = cases[i].is_estimate;
        char line[ALERT_LINE_MAX], expected[ALERT_LINE_MAX];
        (void)alert_write_line(&a, line);
        (void)snprintf(expected, sizeof(expected),
                       "2026-01-05 14:03:22Z  HIGH  customers-day  network.name=stockholm-2 "
                       "user.name=a0123: %s",
                       cases[i].words);
        assert_string_equal(line, expected);
    }
}

static void nothing_from_the_wire_can_disguise_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *user, *shown;
    } cases[] = {
        {"ann", "ann"},
        {"ann b", "\"ann b\""},
        {"", "\"\""},
        {"x: 1 rows\" y", "\"x: 1 rows' y\""},
        {"x\x1b[2J\ny", "\"x?[2J?y\""},
        {"a=b", "\"a=b\""},
        {"\xc3\xa5sa", "\xc3\xa5sa"},
        {"\xff", "?"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct rule rule = sum_rule();
        struct alert a = sum_alert(&rule);
        a.key.user_name = bytes_of(cases[i].user);
        char line[ALERT_LINE_MAX], expected[128];
        (void)alert_write_line(&a, line);
        (void)snprintf(expected, sizeof(expected), " user.name=%s: 5,312 rows", cases[i].shown);
        if (!strstr(line, expected))
            print_error("%s\n", line);
        assert_non_null(strstr(line, expected));
        for (const char *c = line; *c; c++)
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
}

static void a_line_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct rule rule = sum_rule();
    char name[3 * ALERT_MESSAGE_MAX];
    memset(name, 'n', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    rule.name = name;
    struct alert a = sum_alert(&rule);
    a.key.user_name = bytes_of(name);
    char line[ALERT_LINE_MAX], message[ALERT_MESSAGE_MAX];
    assert_int_equal(alert_write_line(&a, line), ALERT_LINE_MAX - 1);
    assert_int_equal(alert_write_message(&a, message), ALERT_MESSAGE_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_json_of_a_limit_is_complete),
        cmocka_unit_test(the_json_of_a_first_value_holds_it_beside_the_key),
        cmocka_unit_test(an_action_in_the_key_joins_the_event),
        cmocka_unit_test(lines_say_each_measure_in_words),
        cmocka_unit_test(nothing_from_the_wire_can_disguise_a_line),
        cmocka_unit_test(a_line_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
