#include "tests/cmocka.h"

#include "config_alerts.h"
#include "core/clock.h"
#include "tests/program/config_bench.h"

static void outputs_are_read_with_all_their_keys(void **state)
{
    struct fixture *t = *state;
    load_good(t, "alerts:\n"
                 "  - {to: file, path: high.jsonl, severity: high}\n"
                 "  - {to: file, path: /var/log/alerts, format: lines, rate: 60/1m}\n"
                 "  - {to: stdout}\n"
                 "  - {to: stdout, format: json}\n"
                 "  - {to: syslog}\n"
                 "  - {to: syslog, address: 10.0.0.9:514, facility: local4, severity: low}\n"
                 "  - {to: syslog, address: '[fd00::9]:601', transport: tcp, rate: 5/2h}\n"
                 "  - {to: syslog, address: /run/other}\n"
                 "  - {to: journal, severity: critical}\n");
    const struct alert_setting *s = t->config.alerts->items;
    char path[80];
    assert_int_equal(t->config.alerts->count, 9);
    (void)snprintf(path, sizeof(path), "%s/high.jsonl", t->folder);
    assert_int_equal(s[0].to, ALERT_TO_FILE);
    assert_string_equal(s[0].path, path);
    assert_int_equal(s[0].form, ALERT_AS_JSON);
    assert_int_equal(s[0].severity, SEVERITY_HIGH);
    assert_int_equal(s[0].limit.alerts, 0);
    assert_string_equal(s[1].path, "/var/log/alerts");
    assert_int_equal(s[1].form, ALERT_AS_LINES);
    assert_int_equal(s[1].severity, SEVERITY_INFO);
    assert_int_equal(s[1].limit.alerts, 60);
    assert_int_equal(s[1].limit.within_ns, 60 * CLOCK_SECOND_NS);
    assert_string_equal(s[2].path, "-");
    assert_int_equal(s[2].form, ALERT_AS_LINES);
    assert_int_equal(s[3].form, ALERT_AS_JSON);
    static const struct {
        size_t number;
        enum alert_to to;
        const char *name;
        unsigned facility;
    } peers[] = {{4, ALERT_TO_SYSLOG, "/dev/log", 10},
                 {5, ALERT_TO_SYSLOG, "udp 10.0.0.9:514", 20},
                 {6, ALERT_TO_SYSLOG, "tcp [fd00::9]:601", 10},
                 {7, ALERT_TO_SYSLOG, "/run/other", 10},
                 {8, ALERT_TO_JOURNAL, "/run/systemd/journal/socket", 0}};
    for (size_t i = 0; i < sizeof(peers) / sizeof(peers[0]); i++) {
        char name[PEER_NAME_MAX];
        peer_address_print(&s[peers[i].number].address, name);
        assert_string_equal(name, peers[i].name);
        assert_int_equal(s[peers[i].number].to, peers[i].to);
        assert_int_equal(s[peers[i].number].facility, peers[i].facility);
    }
    assert_int_equal(s[8].severity, SEVERITY_CRITICAL);
}

static void mistakes_are_told_with_their_place(void **state)
{
    static const struct config_mistake cases[] = {
        {"alerts: syslog", "1:9: alerts must be a list"},
        {"alerts: [syslog]", "1:10: an output must be a mapping"},
        {"alerts:\n  - {severity: low}",
         "2:5: an output needs 'to': file, stdout, syslog or journal"},
        {"alerts:\n  - {to: jurnal}", "2:10: unknown output 'jurnal'; did you mean 'journal'?"},
        {"alerts:\n  - {to: [a]}", "2:10: output must be one value"},
        {"alerts:\n  - {to: syslog, adress: 10.0.0.1:514}",
         "2:18: unknown key 'adress' in an output to syslog; did you mean 'address'?"},
        {"alerts:\n  - {to: journal, facility: user}",
         "2:19: unknown key 'facility' in an output to the journal"},
        {"alerts:\n  - {to: file}", "2:5: an output to a file needs a path"},
        {"alerts:\n  - {to: file, path: ''}", "2:23: not a file name"},
        {"alerts:\n  - {to: stdout, format: jsn}",
         "2:26: unknown format 'jsn'; did you mean 'json'?"},
        {"alerts:\n  - {to: journal, severity: hgh}",
         "2:29: unknown severity 'hgh'; did you mean 'high'?"},
        {"alerts:\n  - {to: journal, rate: 60}",
         "2:25: not a rate: write the alerts and the time, such as 60/1m"},
        {"alerts:\n  - {to: journal, rate: 0/1m}", "2:25: not a rate: "},
        {"alerts:\n  - {to: journal, rate: 60/0s}", "2:25: not a rate: "},
        {"alerts:\n  - {to: journal, rate: [60]}", "2:25: not a rate: "},
        {"alerts:\n  - {to: syslog, facility: lokal4}",
         "2:28: unknown facility 'lokal4'; did you mean 'local4'?"},
        {"alerts:\n  - {to: syslog, address: collector:514}",
         "2:27: not an address: write 10.0.0.9:514, [fd00::9]:514, or a socket such as /dev/log; "
         "names are not looked up"},
        {"alerts:\n  - {to: syslog, address: 10.0.0.9:514, transport: tpc}",
         "2:52: unknown transport 'tpc'; did you mean 'tcp'?"},
        {"alerts:\n  - {to: syslog, transport: tcp}",
         "2:29: a transport goes with an address such as 10.0.0.9:514"},
        {"alerts:\n  - {to: syslog, address: [a]}", "2:27: not an address: "},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        config_bench_expect(*state, &cases[i]);
}

static void the_mistakes_of_one_output_are_told_together(void **state)
{
    struct fixture *t = *state;
    assert_false(load(t, "alerts: [{to: syslog, address: x, facility: y, severity: z, rate: r}]"));
    assert_int_equal(t->problems.count, 4);
    assert_int_equal(t->config.alerts->count, 0);
}

static void there_is_a_limit_to_outputs(void **state)
{
    struct fixture *t = *state;
    char text[1024] = "alerts:\n";
    for (int i = 0; i <= ALERT_OUTPUTS_MAX; i++)
        (void)strcat(text, "  - {to: journal}\n");
    assert_false(load(t, text));
    assert_int_equal(t->problems.count, 1);
    assert_non_null(strstr(t->problems.items[0], ":18:5: more than 16 outputs"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(outputs_are_read_with_all_their_keys),
        TEST(mistakes_are_told_with_their_place),
        TEST(the_mistakes_of_one_output_are_told_together),
        TEST(there_is_a_limit_to_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
