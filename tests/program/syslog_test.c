#include "tests/cmocka.h"

#include "syslog.h"

#include "notice_sample.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct syslog_sender sender = {10, "monitor-1", 4711};

static void a_message_has_the_rule_and_the_key_as_data(void **state)
{
    (void)state;
    const struct rule rule = sample_rule("customers-day", SEVERITY_HIGH);
    const struct alert a = sample_alert(&rule, "a0123");
    const struct notice n = sample_notice(&a, "One account read many rows: \xc3\xa5.");
    char message[SYSLOG_MESSAGE_MAX];
    size_t len = syslog_write(&sender, &n, message);
    assert_int_equal(len, strlen(message));
    assert_string_equal(message, "<83>1 2026-01-05T14:03:22.123456Z monitor-1 seepwatch 4711 alert "
                                 "[seepwatch@32473 rule.id=\"customers-day\" "
                                 "rule.name=\"One account read many rows\" rule.severity=\"high\" "
                                 "network.name=\"stockholm-2\" user.name=\"a0123\"] "
                                 "One account read many rows: \xc3\xa5.");
}

static void every_severity_and_facility_has_its_priority(void **state)
{
    (void)state;
    static const struct {
        enum severity severity;
        unsigned facility;
        const char *priority;
    } cases[] = {{SEVERITY_INFO, 1, "<14>1 "},
                 {SEVERITY_LOW, 4, "<37>1 "},
                 {SEVERITY_MEDIUM, 10, "<84>1 "},
                 {SEVERITY_HIGH, 16, "<131>1 "},
                 {SEVERITY_CRITICAL, 23, "<186>1 "}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct syslog_sender s = sender;
        s.facility = cases[i].facility;
        const struct rule rule = sample_rule("r", cases[i].severity);
        const struct alert a = sample_alert(&rule, "u");
        const struct notice n = sample_notice(&a, "m");
        char message[SYSLOG_MESSAGE_MAX];
        (void)syslog_write(&s, &n, message);
        assert_memory_equal(message, cases[i].priority, strlen(cases[i].priority));
    }
}

static void a_key_cannot_break_out_of_its_quotes(void **state)
{
    (void)state;
    const struct rule rule = sample_rule("r", SEVERITY_LOW);
    struct alert a = sample_alert(&rule, "");
    a.key.user_name = (struct bytes){(const uint8_t *)"a\"b]c\\d\ne\0f\xff", 12};
    const struct notice n = sample_notice(&a, "m\n<0>1 more");
    char message[SYSLOG_MESSAGE_MAX];
    size_t len = syslog_write(&sender, &n, message);
    assert_int_equal(len, strlen(message));
    assert_non_null(strstr(message, " user.name=\"a\\\"b\\]c\\\\d?e?f?\""));
    assert_null(strchr(message, '\n'));
    assert_non_null(strstr(message, "] m?<0>1 more"));
}

static void the_longest_message_is_cut_behind_its_data(void **state)
{
    (void)state;
    char id[RULE_ID_MAX + 1] = "", name[RULE_NAME_MAX + 1] = "", user[65] = "";
    char text[4000];
    memset(id, 'i', RULE_ID_MAX);
    memset(name, '"', RULE_NAME_MAX);
    memset(user, ']', 64);
    memset(text, 'x', sizeof(text));
    struct rule rule = sample_rule(id, SEVERITY_LOW);
    rule.name = name;
    rule.by[2] = FIELD_CLIENT_GEO_CITY_NAME;
    rule.by[3] = FIELD_CLIENT_AS_ORGANIZATION_NAME;
    rule.by_count = 4;
    struct alert a = sample_alert(&rule, user);
    a.key.network_name = bytes_of(user);
    struct notice n = sample_notice(&a, "");
    n.message = (struct bytes){(const uint8_t *)text, sizeof(text)};
    struct syslog_sender s = sender;
    memset(s.host, 'h', SYSLOG_HOST_MAX);
    char message[SYSLOG_MESSAGE_MAX];
    assert_int_equal(syslog_write(&s, &n, message), SYSLOG_MESSAGE_MAX - 1);
    assert_non_null(strstr(message, "\"] xxx"));
}

static void every_field_can_be_a_name_of_data(void **state)
{
    (void)state;
    for (unsigned f = 0; f < FIELDS_COUNT; f++)
        assert_true(strlen(FIELDS[f].name) <= 32);
}

static void the_sender_is_this_host_and_process(void **state)
{
    (void)state;
    struct syslog_sender s;
    syslog_sender_init(&s, 3);
    assert_int_equal(s.process, getpid());
    assert_true(s.host[0] != '\0' && !strchr(s.host, ' '));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_has_the_rule_and_the_key_as_data),
        cmocka_unit_test(every_severity_and_facility_has_its_priority),
        cmocka_unit_test(a_key_cannot_break_out_of_its_quotes),
        cmocka_unit_test(the_longest_message_is_cut_behind_its_data),
        cmocka_unit_test(every_field_can_be_a_name_of_data),
        cmocka_unit_test(the_sender_is_this_host_and_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
