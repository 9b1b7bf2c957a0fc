#include "tests/cmocka.h"

#include "core/clock.h"
#include "core/mirror.h"
#include "rules/engine.h"

#include <stdio.h>
#include <stdlib.h>

static const int64_t start = INT64_C(1767600000) * CLOCK_SECOND_NS;

static struct problems problems;

static struct rules *load(const char *keys)
{
    char text[1024];
    problems = (struct problems){0};
    (void)snprintf(text, sizeof(text),
                   "rules:\n  - id: a\n    name: n\n    severity: low\n    over: 15m\n%s", keys);
    return rules_load_text("f", bytes_of(text), &problems);
}

#define ADVICE                                                                                     \
    " is of transactions, and this rule counts the mirror's records: beside mirror.* they have "   \
    "@timestamp, event.duration, server.ip, server.port and network.protocol"

static void a_rule_of_the_mirror_names_only_what_its_records_have(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        const char *problem; /* NULL: there is none */
    } cases[] = {
        {"    measure: max(mirror.lost_share)\n    above: 1%\n", NULL},
        {"    by: [server.ip, server.port]\n    measure: max(mirror.lost_share)\n    above: 0.5%\n",
         NULL},
        {"    measure: sum(mirror.dropped)\n    above: 1000\n", NULL},
        {"    measure: max(mirror.silence)\n    above: 10m\n", NULL},
        {"    measure: max(mirror.silence_ratio)\n    above: 3\n", NULL},
        {"    by: server.ip\n    when: mirror.turned_encrypted == true\n    measure: count\n"
         "    above: 0\n",
         NULL},
        {"    by: server.ip\n    when: mirror.encrypted_share < 5% and server.port in [5432]\n"
         "      and network.protocol == \"tls\" and event.duration >= 1m\n"
         "    measure: distinct(server.port)\n    above: 0\n",
         NULL},
        {"    by: server.ip\n    when: user.name == \"a\" and mirror.lost_share > 5%\n"
         "    measure: count\n    above: 0\n",
         "f:7:11: user.name" ADVICE},
        {"    by: [server.ip, client.ip]\n    measure: max(mirror.lost_share)\n    above: 1%\n",
         "f:6:21: client.ip" ADVICE},
        {"    by: server.ip\n    when: not (mirror.lost_share exists)\n"
         "    measure: sum(server.bytes)\n    above: 1\n",
         "f:8:18: server.bytes" ADVICE},
        {"    by: server.ip\n    when: m and mirror.packets > 5\n    measure: count\n    above: 0\n"
         "macros:\n  m: db.namespace exists\n",
         "f:7:11: db.namespace" ADVICE},
        {"    by: server.ip\n    measure: sum(mirror.dropped)\n    above: 0\n",
         "f:7:18: mirror.dropped is known of the whole mirror alone: leave out 'by'"},
        {"    when: server.port == 5432\n    measure: max(mirror.lost_share)\n    above: 1%\n",
         "f:6:11: server.port is a server's, and without 'by' the whole mirror is counted: add "
         "by: [server.ip, server.port]"},
        {"    measure: count\n    above: 0\n",
         "f:2:5: this rule has no 'by': for whom is it counted? for example by: user.name"},
        {"    measure: sum(mirror.lost_share)\n    above: 1%\n",
         "f:6:18: mirror.lost_share is a share, and shares do not add up: take max"},
        {"    measure: max(mirror.lost_share)\n    above: 0.05\n",
         "f:7:12: 'above' does not fit max(mirror.lost_share): write a share in percent, such as "
         "5% or 0.5%"},
        {"    by: server.ip\n    when: mirror.lost_share > 5\n    measure: count\n    above: 0\n",
         "f:7:31: '5' does not fit: mirror.lost_share is a share; write a share in percent, such "
         "as 5% or 0.5%"},
    };
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rules *r = load(cases[i].keys);
        bool is_right = cases[i].problem ? !r && problems.count == 1 &&
                                               strcmp(problems.items[0], cases[i].problem) == 0
                                         : r != NULL;
        if (!is_right)
            print_error("%s%zu problems: %s\n", cases[i].keys, problems.count, problems.items[0]);
        wrong += !is_right;
        rules_close(r);
    }
    assert_int_equal(wrong, 0);
}

static void the_fields_of_the_mirror_stand_together(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FIELDS_COUNT; f++)
        assert_int_equal((MIRROR_FIELDS >> f & 1) != 0,
                         bytes_start(bytes_of(FIELDS[f].name), "mirror."));
}

static struct {
    size_t count;
    char line[ALERT_LINE_MAX], message[ALERT_MESSAGE_MAX];
    char json[8192];
} raised;

static void on_alert(void *context, const struct alert *a)
{
    struct json j = {0};
    (void)context;
    raised.count++;
    (void)alert_write_line(a, raised.line);
    (void)alert_write_message(a, raised.message);
    alert_write_json(&j, a);
    (void)snprintf(raised.json, sizeof(raised.json), "%.*s", (int)j.len, j.text);
    json_clear(&j);
}

static struct transaction transaction_at(int64_t second)
{
    struct transaction t = {.start_ns = start + second * CLOCK_SECOND_NS,
                            .server_ip = address_from_ipv4((const uint8_t[]){10, 0, 0, 5}),
                            .server_port = 5432,
                            .db_query_text = bytes_of("never read as figures")};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_SERVER_IP);
    transaction_mark(&t, FIELD_SERVER_PORT);
    transaction_mark(&t, FIELD_DB_QUERY_TEXT);
    return t;
}

/* A record of a server, or of the whole mirror. */
static struct transaction record_at(int64_t second, bool is_whole)
{
    const struct mirror_counters counters = {.packets = 9970,
                                             .bytes = 1 << 20,
                                             .payload_bytes = 958000,
                                             .lost_bytes = 42000,
                                             .dropped = is_whole ? 30 : 0};
    struct transaction t = transaction_at(second);
    t.duration_ns = 60 * (uint64_t)CLOCK_SECOND_NS;
    field_set ends = FIELD_BIT(FIELD_SERVER_IP) | FIELD_BIT(FIELD_SERVER_PORT);
    t.present = mirror_figures(&t.mirror, &counters, is_whole) | FIELD_BIT(FIELD_TIMESTAMP) |
                FIELD_BIT(FIELD_EVENT_DURATION) | (is_whole ? 0 : ends);
    return t;
}

/* Three transactions, two records of the server and one of the whole mirror. */
static void run(const char *keys)
{
    struct rules *r = load(keys);
    if (!r)
        fail_msg("%s: %s", keys, problems.items[0]);
    raised.count = 0;
    struct engine *e = engine_open(r, &(struct engine_config){.alert = on_alert});
    assert_non_null(e);
    for (int64_t i = 0; i < 3; i++) {
        struct transaction t = transaction_at(i), record = record_at(i * 60, i == 2);
        engine_transaction(e, &t);
        engine_transaction(e, &record);
    }
    engine_close(e);
    rules_close(r);
}

static void each_rule_counts_its_own_records(void **state)
{
    (void)state;
    static const struct {
        const char *keys;
        size_t alerts;
    } cases[] = {
        {"    by: server.ip\n    measure: count\n    above: 2\n", 1},
        {"    by: server.ip\n    measure: count\n    above: 3\n", 0},
        {"    by: server.ip\n    when: mirror.packets > 0\n    measure: count\n    above: 1\n", 1},
        {"    by: server.ip\n    when: mirror.packets > 0\n    measure: count\n    above: 2\n", 0},
        {"    by: server.ip\n    when: not mirror.silence exists\n    measure: count\n"
         "    above: 2\n",
         0},
        {"    when: mirror.packets > 0\n    measure: count\n    above: 0\n", 1},
        {"    when: mirror.packets > 0\n    measure: count\n    above: 1\n", 0},
        {"    measure: sum(mirror.dropped)\n    above: 29\n", 1},
        {"    measure: sum(mirror.dropped)\n    above: 30\n", 0},
        {"    measure: sum(mirror.packets)\n    above: 9970\n", 0},
        {"    by: server.port\n    measure: max(mirror.lost_share)\n    above: 4.1999%\n", 1},
        {"    by: server.port\n    measure: max(mirror.lost_share)\n    above: 4.2%\n", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(cases[i].keys);
        if (raised.count != cases[i].alerts)
            fail_msg("%s: %zu alerts", cases[i].keys, raised.count);
    }
}

static void alerts_of_the_mirror_read_well(void **state)
{
    (void)state;
    static const struct {
        const char *keys, *line, *message;
    } cases[] = {
        {"    by: [server.ip, server.port]\n    measure: max(mirror.lost_share)\n    above: 1%\n",
         "a  server.ip=10.0.0.5 server.port=5432: up to 4.2 % of the bytes were lost in 15m, limit "
         "1 %",
         "n: server 10.0.0.5, port 5432, up to 4.2 % of the bytes were lost within 15 minutes, the "
         "limit is 1 %."},
        {"    measure: sum(mirror.dropped)\n    above: 10\n",
         "a  the mirror: 30 packets were dropped in 15m, limit 10",
         "n: the mirror, 30 packets were dropped within 15 minutes, the limit is 10."},
        {"    measure: max(mirror.dropped_share)\n    above: 0.05%\n",
         "a  the mirror: up to 0.3 % of the packets were dropped in 15m, limit 0.05 %",
         "n: the mirror, up to 0.3 % of the packets were dropped within 15 minutes, the limit is "
         "0.05 %."},
        {"    by: server.ip\n    when: mirror.lost_share > 1%\n    measure: count\n    above: 1\n",
         "a  server.ip=10.0.0.5: 2 intervals in 15m, limit 1",
         "n: server 10.0.0.5, 2 intervals within 15 minutes, the limit is 1."},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run(cases[i].keys);
        assert_int_equal(raised.count, 1);
        assert_string_equal(raised.line + strlen("2026-01-05 08:01:00Z  LOW  "), cases[i].line);
        assert_string_equal(raised.message, cases[i].message);
    }
}

static void an_alert_shows_shares_as_numbers_and_the_records_behind_it(void **state)
{
    (void)state;
    run("    by: server.ip\n    measure: max(mirror.lost_share)\n    above: 1%\n");
    assert_non_null(strstr(raised.json, "\"measure\":\"max(mirror.lost_share)\",\"value\":0.042,"
                                        "\"at_least\":0.042,\"limit\":0.01,\"window\":\"15m\","));
    assert_non_null(strstr(raised.json,
                           "\"evidence\":[{\"@timestamp\":\"2026-01-05T08:00:00.000000000Z\","
                           "\"mirror\":{\"bytes\":1048576,\"duplicated_share\":0,"));
    assert_non_null(strstr(raised.json, "\"lost_share\":0.042,\"packets\":9970,"));
    assert_null(strstr(raised.json, "query"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_of_the_mirror_names_only_what_its_records_have),
        cmocka_unit_test(the_fields_of_the_mirror_stand_together),
        cmocka_unit_test(each_rule_counts_its_own_records),
        cmocka_unit_test(alerts_of_the_mirror_read_well),
        cmocka_unit_test(an_alert_shows_shares_as_numbers_and_the_records_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
