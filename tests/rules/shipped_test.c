/*
 * The rule files that are shipped: they load, and each fires on what it is for and not on work.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "core/mirror.h"
#include "rules/engine.h"
#include "rules/records.h"

#include <stdio.h>

#define DAY (86400 * CLOCK_SECOND_NS)

static const int64_t start = INT64_C(1767600000) * CLOCK_SECOND_NS;

enum { FIRED_MAX = 32 };

static struct {
    char ids[FIRED_MAX][RULE_ID_MAX + 1];
    size_t count;
} fired;

static struct rules *rules;
static struct engine *engine;

static void on_alert(void *context, const struct alert *a)
{
    (void)context;
    assert_true(fired.count < FIRED_MAX);
    (void)snprintf(fired.ids[fired.count++], RULE_ID_MAX + 1, "%s", a->rule->id);
}

static bool has_fired(const char *id)
{
    for (size_t i = 0; i < fired.count; i++) {
        if (strcmp(fired.ids[i], id) == 0)
            return true;
    }
    return false;
}

static int setup(void **state)
{
    (void)state;
    static struct problems problems;
    static const char *const paths[] = {TESTS_FOLDER "/../../rules"};
    problems = (struct problems){0};
    fired.count = 0;
    rules = rules_load(paths, 1, &problems);
    for (size_t i = 0; i < problems.kept; i++)
        print_error("%s\n", problems.items[i]);
    if (!rules)
        return -1;
    const struct engine_config config = {.alert = on_alert};
    engine = engine_open(rules, &config);
    return engine ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    engine_close(engine);
    rules_close(rules);
    return 0;
}

static void send(struct transaction *t, const enum field *fields, size_t count)
{
    transaction_mark(t, FIELD_TIMESTAMP);
    transaction_mark(t, FIELD_EVENT_ACTION);
    transaction_mark(t, FIELD_EVENT_OUTCOME);
    for (size_t i = 0; i < count; i++)
        transaction_mark(t, fields[i]);
    engine_transaction(engine, t);
}

static void send_query(const char *user, int64_t ns, uint64_t rows)
{
    static const enum field fields[] = {FIELD_USER_NAME,      FIELD_SESSION_ID,
                                        FIELD_DB_SYSTEM_NAME, FIELD_DB_RESPONSE_RETURNED_ROWS,
                                        FIELD_SERVER_BYTES,   FIELD_CLIENT_IP};
    struct transaction t = {.start_ns = ns,
                            .action = ACTION_READ,
                            .user_name = bytes_of(user),
                            .session_id = bytes_of("s"),
                            .db_system = bytes_of("postgresql"),
                            .returned_rows = rows,
                            .server_bytes = rows * 200};
    send(&t, fields, sizeof(fields) / sizeof(fields[0]));
}

static void send_login(const char *user, uint8_t host, int64_t ns, bool is_good)
{
    static const enum field fields[] = {FIELD_USER_NAME, FIELD_CLIENT_IP};
    struct transaction t = {.start_ns = ns,
                            .action = ACTION_LOGIN,
                            .outcome = is_good ? OUTCOME_SUCCESS : OUTCOME_FAILURE,
                            .user_name = bytes_of(user),
                            .client_ip = address_from_ipv4((const uint8_t[]){10, 0, 0, host})};
    send(&t, fields, 2);
}

static void send_from(const char *user, int64_t ns, const char *country)
{
    static struct bytes home[1];
    home[0] = bytes_of("SE");
    static const enum field fields[] = {FIELD_USER_NAME, FIELD_CLIENT_GEO_COUNTRY_ISO_CODE,
                                        FIELD_NETWORK_COUNTRIES, FIELD_NETWORK_NAME};
    struct transaction t = {.start_ns = ns,
                            .action = ACTION_READ,
                            .user_name = bytes_of(user),
                            .country = bytes_of(country),
                            .network_name = bytes_of("stockholm"),
                            .network_countries = {home, 1}};
    send(&t, fields, 4);
}

/* A bad mirror is nobody's technique. */
static void every_shipped_rule_has_a_note_and_a_technique(void **state)
{
    (void)state;
    assert_true(rules_count(rules) >= 24);
    for (size_t i = 0; i < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        assert_non_null(rule->note);
        assert_int_equal(rule->technique == NULL, records_are_mirrors(rule));
        assert_true(rule->is_enabled);
    }
}

/* docs/rules.md names every field, every key and every shipped rule. */
static void the_reference_is_complete(void **state)
{
    (void)state;
    static char text[65536];
    static const char *const keys[] = {"id",    "name",    "severity", "technique", "when",
                                       "by",    "measure", "over",     "above",     "quiet",
                                       "first", "learn",   "forget",   "note",      "enabled"};
    FILE *file = fopen(TESTS_FOLDER "/../../docs/rules.md", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    size_t missing = 0, count = rules_count(rules);
    for (size_t i = 0; i < FIELDS_COUNT + sizeof(keys) / sizeof(keys[0]) + count; i++) {
        size_t key = i - FIELDS_COUNT, rule = key - sizeof(keys) / sizeof(keys[0]);
        const char *word = i < FIELDS_COUNT                       ? FIELDS[i].name
                           : key < sizeof(keys) / sizeof(keys[0]) ? keys[key]
                                                                  : rules_at(rules, rule)->id;
        char quoted[RULE_ID_MAX + 3];
        (void)snprintf(quoted, sizeof(quoted), "`%s`", word);
        if (!strstr(text, quoted))
            print_error("%s is not in docs/rules.md\n", word);
        missing += !strstr(text, quoted);
    }
    assert_int_equal(missing, 0);
}

/* A busy desk: 200 customers, each of 30 rows. */
static void a_day_of_work_is_silent(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 200; i++) {
        send_query("ann", start + i * 144 * CLOCK_SECOND_NS, 30);
        send_from("ann", start + i * 144 * CLOCK_SECOND_NS, "SE");
    }
    for (int64_t i = 0; i < 5; i++)
        send_login("ann", 1, start + i, i == 4);
    assert_int_equal(fired.count, 0);
}

static void one_large_answer_is_bulk(void **state)
{
    (void)state;
    send_query("ann", start, 3001);
    assert_true(has_fired("bulk-answer"));
    assert_true(has_fired("account-rows-hour"));
    assert_int_equal(fired.count, 2);
}

static void many_small_answers_add_up(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 1100; i++)
        send_query("ann", start + i * 60 * CLOCK_SECOND_NS, 10);
    assert_true(has_fired("account-rows-day"));
    assert_int_equal(fired.count, 1);
}

static void volume_counts_without_rows(void **state)
{
    (void)state;
    static const enum field fields[] = {FIELD_USER_NAME, FIELD_SESSION_ID, FIELD_SERVER_BYTES};
    for (int64_t i = 0; i < 300; i++) {
        struct transaction t = {.start_ns = start + i * CLOCK_SECOND_NS,
                                .user_name = bytes_of("ann"),
                                .session_id = bytes_of("s"),
                                .server_bytes = 1 << 20};
        send(&t, fields, 3);
    }
    assert_true(has_fired("session-volume"));
    assert_true(has_fired("account-volume-day"));
    assert_int_equal(fired.count, 2);
}

static void a_session_without_a_name_counts_too(void **state)
{
    (void)state;
    static const enum field fields[] = {FIELD_SESSION_ID, FIELD_SERVER_BYTES};
    struct transaction t = {
        .start_ns = start, .session_id = bytes_of("s"), .server_bytes = 200 << 20};
    send(&t, fields, 2);
    assert_true(has_fired("session-volume"));
    assert_int_equal(fired.count, 1);
}

static void a_country_new_to_the_account_or_strange_to_its_network(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 15; day++)
        send_from("ann", start + day * DAY, "SE");
    assert_int_equal(fired.count, 0);
    send_from("ann", start + 15 * DAY, "RU");
    assert_true(has_fired("first-country"));
    assert_true(has_fired("unexpected-country"));
    assert_int_equal(fired.count, 2);
}

static void an_account_in_two_countries_at_once(void **state)
{
    (void)state;
    send_from("ann", start, "SE");
    send_from("ann", start + 9 * CLOCK_SECOND_NS * 3600, "NO");
    assert_false(has_fired("two-countries"));
    send_from("ann", start + 10 * CLOCK_SECOND_NS * 3600, "SE");
    assert_true(has_fired("two-countries"));
}

static const struct rule *rule_of(const struct rules *all, const char *id)
{
    for (size_t i = 0; i < rules_count(all); i++) {
        if (strcmp(rules_at(all, i)->id, id) == 0)
            return rules_at(all, i);
    }
    fail_msg("no rule %s", id);
    return NULL;
}

/* Every change finds its rule, and is stricter than what is shipped. */
static void the_strict_sample_changes_the_shipped_rules(void **state)
{
    (void)state;
    static struct problems problems;
    static const char *const paths[] = {TESTS_FOLDER "/../../rules",
                                        TESTS_FOLDER "/../../samples/strict.yaml"};
    problems = (struct problems){0};
    struct rules *strict = rules_load(paths, 2, &problems);
    assert_int_equal(problems.count, 0);
    assert_non_null(strict);
    assert_false(rule_of(strict, "first-country")->is_enabled);
    assert_true(rule_of(strict, "customers-day")->score > rule_of(rules, "customers-day")->score);
    assert_true(rule_of(strict, "bulk-list")->above > rule_of(rules, "bulk-list")->above);
    static const char *const drifts[] = {"customers-slow", "unexplained-reading",
                                         "unexplained-strangers", "lookups-in-vain"};
    for (size_t i = 0; i < sizeof(drifts) / sizeof(drifts[0]); i++) {
        const struct rule_daily *shipped = &rule_of(rules, drifts[i])->daily;
        const struct rule_daily *own = &rule_of(strict, drifts[i])->daily;
        assert_int_equal(own->drifts_count, shipped->drifts_count);
        for (size_t k = 0; k < own->drifts_count; k++)
            assert_true(own->drifts[k].limit >= shipped->drifts[k].limit);
        size_t last = own->drifts_count - 1;
        assert_true(own->drifts[last].limit > shipped->drifts[last].limit);
    }
    rules_close(strict);
}

static void passwords_tried_at_one_account_from_one_address(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 30; i++)
        send_login("ann", 1, start + i * CLOCK_SECOND_NS, false);
    assert_true(has_fired("failed-logins-source"));
    assert_true(has_fired("failed-logins-account"));
    assert_int_equal(fired.count, 2);
}

static void passwords_tried_at_one_account_from_many_addresses(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 30; i++)
        send_login("ann", (uint8_t)i, start + i * CLOCK_SECOND_NS, false);
    assert_true(has_fired("failed-logins-account"));
    assert_int_equal(fired.count, 1);
}

static void one_password_tried_at_many_accounts(void **state)
{
    (void)state;
    for (int64_t i = 0; i < 9; i++) {
        char user[8];
        (void)snprintf(user, sizeof(user), "u%d", (int)i);
        send_login(user, 1, start + i * 3600 * CLOCK_SECOND_NS, false);
    }
    assert_true(has_fired("password-spraying"));
    assert_int_equal(fired.count, 1);
}

/* The records of one server and of the whole mirror for an interval of 10,000 packets. */
static void send_mirror(const struct mirror_counters *damage, struct mirror_figures more,
                        field_set more_fields)
{
    static const struct mirror_counters good = {.packets = 10000,
                                                .bytes = 5000000,
                                                .checksums = 9000,
                                                .data_packets = 6000,
                                                .payload_bytes = 4000000,
                                                .clear = 5};
    static const field_set server = FIELD_BIT(FIELD_SERVER_IP) | FIELD_BIT(FIELD_SERVER_PORT);
    struct mirror_counters counters = good;
    mirror_add(&counters, damage);
    for (unsigned is_whole = 0; is_whole < 2; is_whole++) {
        struct transaction t = {.start_ns = start, .server_port = 5432, .mirror = more};
        t.present = mirror_figures(&t.mirror, &counters, is_whole) | FIELD_BIT(FIELD_TIMESTAMP) |
                    more_fields | (is_whole ? 0 : server);
        engine_transaction(engine, &t);
    }
}

static void a_good_mirror_is_silent(void **state)
{
    static const struct mirror_counters usual = {.duplicates = 2,
                                                 .reordered = 200,
                                                 .truncated = 20,
                                                 .bad_checksums = 4,
                                                 .one_sided = 100,
                                                 .lost_bytes = 20000,
                                                 .undecoded_bytes = 100000,
                                                 .encrypted_bytes = 3900000,
                                                 .encrypted = 3,
                                                 .dropped = 5};
    const struct mirror_figures quiet = {.silence_ns = 50 * 60 * (uint64_t)CLOCK_SECOND_NS,
                                         .silence_ratio = 4,
                                         .clock_jump_ns = 3 * CLOCK_SECOND_NS};
    (void)state;
    send_mirror(&usual, quiet,
                FIELD_BIT(FIELD_MIRROR_SILENCE) | FIELD_BIT(FIELD_MIRROR_SILENCE_RATIO) |
                    FIELD_BIT(FIELD_MIRROR_CLOCK_JUMP) | FIELD_BIT(FIELD_MIRROR_TURNED_ENCRYPTED));
    assert_int_equal(fired.count, 0);
}

static void each_damage_of_the_mirror_has_its_rule(void **state)
{
    static const struct {
        const char *rule;
        struct mirror_counters damage;
    } cases[] = {
        {"mirror-dropped", {.dropped = 11}},
        {"mirror-lost", {.lost_bytes = 50000}},
        {"mirror-one-sided", {.one_sided = 3001}},
        {"mirror-truncated", {.truncated = 101}},
        {"mirror-doubled", {.duplicates = 4001}},
        {"mirror-reordered", {.reordered = 301}},
        {"mirror-undecoded", {.undecoded_bytes = 2100000}},
        {"mirror-checksums", {.bad_checksums = 451}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fired.count = 0;
        send_mirror(&cases[i].damage, (struct mirror_figures){0}, 0);
        if (fired.count != 1 || !has_fired(cases[i].rule))
            fail_msg("%s: %zu alerts, %s", cases[i].rule, fired.count, fired.ids[0]);
    }
}

static void silence_encryption_and_clock_have_theirs(void **state)
{
    static const struct mirror_counters none;
    const struct mirror_figures silent = {.silence_ns = 16 * 60 * (uint64_t)CLOCK_SECOND_NS,
                                          .silence_ratio = 10};
    (void)state;
    send_mirror(&none, silent,
                FIELD_BIT(FIELD_MIRROR_SILENCE) | FIELD_BIT(FIELD_MIRROR_SILENCE_RATIO));
    assert_true(has_fired("mirror-silent"));
    assert_true(has_fired("mirror-server-silent"));
    send_mirror(&none, (struct mirror_figures){.turned_encrypted = true},
                FIELD_BIT(FIELD_MIRROR_TURNED_ENCRYPTED));
    assert_true(has_fired("mirror-turned-encrypted"));
    send_mirror(&none, (struct mirror_figures){.clock_jump_ns = 11 * CLOCK_SECOND_NS},
                FIELD_BIT(FIELD_MIRROR_CLOCK_JUMP));
    assert_true(has_fired("mirror-clock"));
    assert_int_equal(fired.count, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_shipped_rule_has_a_note_and_a_technique, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_reference_is_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(a_day_of_work_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(one_large_answer_is_bulk, setup, teardown),
        cmocka_unit_test_setup_teardown(many_small_answers_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(volume_counts_without_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_without_a_name_counts_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_country_new_to_the_account_or_strange_to_its_network,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_account_in_two_countries_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(the_strict_sample_changes_the_shipped_rules, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(passwords_tried_at_one_account_from_one_address, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(passwords_tried_at_one_account_from_many_addresses, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_password_tried_at_many_accounts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_good_mirror_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(each_damage_of_the_mirror_has_its_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_encryption_and_clock_have_theirs, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
