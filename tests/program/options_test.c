#include "tests/cmocka.h"

#include "commands/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 300 };

struct line {
    char text[4096];
    char *words[WORDS_MAX + 1]; /* as argv */
    int count;
};

/* A command line in one text, words between single blanks, as argv. */
static void cut(struct line *l, const char *text)
{
    (void)snprintf(l->text, sizeof(l->text), "seepwatch %s", text);
    l->count = 0;
    for (char *at = l->text; at && *at; l->count++) {
        assert_true(l->count < WORDS_MAX);
        l->words[l->count] = at;
        at = strchr(at, ' ');
        if (at)
            *at++ = '\0';
    }
    l->words[l->count] = NULL;
}

static bool read_line(struct options *o, struct line *l, const char *text, struct error *error)
{
    cut(l, text);
    optind = 0; /* GNU: begins anew, whatever was left of another line */
    return options_read(o, l->count, l->words, error);
}

static void commands_and_what_they_need(void **state)
{
    static const struct {
        const char *line;
        enum command command;
    } cases[] = {
        {"watch -i eth0", COMMAND_WATCH},
        {"-i eth0 watch", COMMAND_WATCH},
        {"replay a.pcap", COMMAND_REPLAY},
        {"replay -", COMMAND_REPLAY},
        {"replay -- -a.pcap", COMMAND_REPLAY},
        {"check", COMMAND_CHECK},
        {"check -c x.yaml", COMMAND_CHECK},
        {"help", COMMAND_HELP},
        {"--help", COMMAND_HELP},
        {"-h", COMMAND_HELP},
        {"replay --help", COMMAND_HELP},
        {"--version", COMMAND_VERSION},
        {"-V", COMMAND_VERSION},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct options o;
        struct line l;
        struct error error = {0};
        if (!read_line(&o, &l, cases[i].line, &error))
            fail_msg("'%s': %s", cases[i].line, error.text);
        assert_int_equal(o.command, cases[i].command);
    }
}

static void a_watch_lasts_and_a_replay_does_not_unless_told(void **state)
{
    static const struct {
        const char *line, *wanted;
    } cases[] = {{"watch -i eth0", OPTIONS_STATE},       {"watch -i eth0 -s none", NULL},
                 {"watch -i eth0 -s a.db", "a.db"},      {"replay a.pcap", NULL},
                 {"replay a.pcap --state a.db", "a.db"}, {"check -s none", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct options o;
        struct line l;
        struct error error;
        assert_true(read_line(&o, &l, cases[i].line, &error));
        assert_true(!o.state == !cases[i].wanted);
        if (o.state)
            assert_string_equal(o.state, cases[i].wanted);
    }
}

static void every_option_reaches_its_place(void **state)
{
    struct options o;
    struct line l;
    struct error error;
    (void)state;
    assert_true(
        read_line(&o, &l,
                  "watch -i eth0 --interface eth1 -c conf.yaml -r a.yaml --rules=b -g x.mmdb "
                  "--geo y.mmdb -f tcp -s none --alerts al --transactions - --sessions se "
                  "--mirror mi --summary su",
                  &error));
    assert_int_equal(o.interfaces.count, 2);
    assert_string_equal(o.interfaces.items[0], "eth0");
    assert_string_equal(o.interfaces.items[1], "eth1");
    assert_string_equal(o.config, "conf.yaml");
    assert_int_equal(o.rules.count, 2);
    assert_string_equal(o.rules.items[1], "b");
    assert_int_equal(o.geo.count, 2);
    assert_string_equal(o.geo.items[1], "y.mmdb");
    assert_string_equal(o.filter, "tcp");
    assert_string_equal(o.alerts, "al");
    assert_string_equal(o.transactions, "-");
    assert_string_equal(o.sessions, "se");
    assert_string_equal(o.mirror, "mi");
    assert_string_equal(o.summary, "su");
    assert_int_equal(o.files.count, 0);
    assert_int_equal(o.workers, 1);
    assert_null(o.user);
    assert_false(o.is_unconfined);
    assert_true(read_line(&o, &l, "watch -i eth0 --user joe", &error));
    assert_string_equal(o.user, "joe");
    assert_true(read_line(&o, &l, "replay a.pcap --unconfined", &error));
    assert_true(o.is_unconfined);
    assert_true(read_line(&o, &l, "survey -i eth0 --user joe --for 90s --write-config w", &error));
    assert_string_equal(o.user, "joe");
    assert_int_equal(o.for_ns, INT64_C(90000000000));
    assert_string_equal(o.starter, "w");
    assert_true(read_line(&o, &l, "watch -i eth0 --workers 2 --pin 0,0", &error));
    assert_int_equal(o.workers, 2);
    assert_int_equal(o.processors_count, 2);
    assert_true(read_line(&o, &l, "replay --config c a.pcap --filter udp b.pcap -- -c", &error));
    assert_string_equal(o.config, "c");
    assert_string_equal(o.filter, "udp");
    assert_int_equal(o.files.count, 3);
    assert_string_equal(o.files.items[0], "a.pcap");
    assert_string_equal(o.files.items[1], "b.pcap");
    assert_string_equal(o.files.items[2], "-c");
    assert_null(o.alerts);
    assert_null(o.summary);
}

static void every_mistake_is_told(void **state)
{
    static const struct {
        const char *line, *told;
    } cases[] = {
        {"", "say watch, replay, survey, check or tune"},
        {"-c x.yaml", "say watch, replay, survey, check or tune"},
        {"wtach -i eth0", "unknown command 'wtach'"},
        {"replay", "name a capture file"},
        {"watch", "name an interface with -i"},
        {"watch -i eth0 a.pcap", "'a.pcap' is one word too many"},
        {"check a.yaml", "'a.yaml' is one word too many"},
        {"replay -i eth0 a.pcap", "-i is watch's"},
        {"replay a.pcap --colour", "unknown option --colour"},
        {"replay a.pcap -x", "unknown option -x"},
        {"replay a.pcap -c", "-c needs a value"},
        {"replay a.pcap --alerts", "--alerts needs a value"},
        {"replay a.pcap -w 0", "--workers 0: a number from 1 to 64"},
        {"replay a.pcap -w 65", "--workers 65: a number from 1 to 64"},
        {"replay a.pcap -w two", "--workers two: a number from 1 to 64"},
        {"replay - -w 2", "standard input can be read by one worker only"},
        {"replay a.pcap --pin 0", "--pin names one processor for each of several workers"},
        {"replay a.pcap -w 2 --pin 0", "--pin names one processor for each of several workers"},
        {"replay a.pcap -w 2 --pin 0,x", "--pin 0,x: numbers of processors"},
        {"replay a.pcap -w 2 --pin 0,1000", "--pin 0,1000: there is no processor 1000"},
        {"survey a.pcap -s state.db", "--state is watch's and replay's"},
        {"tune rule a.jsonl -s state.db", "--state is watch's and replay's"},
        {"replay a.pcap --state=", "--state: name a file, or none"},
        {"replay a.pcap --user joe", "--user: is watch's"},
        {"watch -i eth0 --user joe --unconfined", "--user: --unconfined stays who it is"},
        {"survey", "name interfaces with -i, or capture files"},
        {"survey -i eth0 a.pcap", "name interfaces with -i, or capture files"},
        {"survey -i eth0 --alerts a", "survey has no rules and logs"},
        {"survey -i eth0 -r a.yaml", "survey has no rules and logs"},
        {"survey -i eth0 --for 5", "--for 5: write 30s, 5m or 1h"},
        {"watch -i eth0 --for 5m", "--for and --write-config are survey's"},
        {"replay a.pcap --write-config a", "--for and --write-config are survey's"},
        {"tune", "tune: name a rule, and logs"},
        {"tune rule", "tune: name a rule, and logs"},
        {"tune --from a.jsonl", "tune: name a rule, and logs"},
        {"tune rule a.jsonl --alerts b", "tune reads logs of transactions"},
        {"tune rule a.jsonl -f tcp", "tune reads logs of transactions"},
        {"tune rule a.jsonl --budget 0", "--budget 0: a number of alerts"},
        {"tune rule a.jsonl --change b --limits 1", "--change goes without --limits"},
        {"replay a.pcap --limits 1", "are tune's"},
        {"replay a.pcap --from a.jsonl", "are tune's"},
        {"replay a.pcap --help=yes", "unknown option --help=yes"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct options o;
        struct line l;
        struct error error = {0};
        if (read_line(&o, &l, cases[i].line, &error))
            fail_msg("'%s' is taken", cases[i].line);
        assert_int_equal(error.kind, ERROR_USAGE);
        if (!strstr(error.text, cases[i].told))
            fail_msg("'%s': %s", cases[i].line, error.text);
    }
}

static void more_files_than_the_bound_are_refused(void **state)
{
    struct options o;
    struct error error = {0};
    char *words[OPTIONS_LIST_MAX + 4] = {(char[]){"seepwatch"}, (char[]){"replay"}};
    char file[] = "a.pcap";
    (void)state;
    for (int i = 0; i <= OPTIONS_LIST_MAX; i++)
        words[2 + i] = file;
    optind = 0; /* GNU: begins anew, whatever was left of another line */
    assert_true(options_read(&o, 2 + OPTIONS_LIST_MAX, words, &error));
    assert_int_equal(o.files.count, OPTIONS_LIST_MAX);
    optind = 0; /* GNU: begins anew, whatever was left of another line */
    assert_false(options_read(&o, 3 + OPTIONS_LIST_MAX, words, &error));
    assert_int_equal(error.kind, ERROR_USAGE);
    assert_string_equal(error.text, "a.pcap: more than 256 of a kind");
}

/* Each long option that is taken is in the help, and the help names no other. */
static void the_help_names_every_option(void **state)
{
    static const char *const names[] = {
        "--interface", "--config", "--rules",        "--geo",        "--filter",  "--state",
        "--alerts",    "--help",   "--transactions", "--sessions",   "--summary", "--version",
        "--workers",   "--pin",    "--user",         "--unconfined", "--outputs"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(strstr(options_help(), names[i]));
    for (const char *at = options_help(); (at = strstr(at, " --")); at += 3) {
        struct options o;
        struct line l;
        struct error error = {0};
        char line[64] = "check ";
        size_t len = strcspn(at + 1, " \n");
        assert_true(len < 40);
        (void)snprintf(line, sizeof(line), "check %.*s", (int)len, at + 1);
        if (!read_line(&o, &l, line, &error) && !strstr(error.text, "needs a value") &&
            !strstr(error.text, " is replay's "))
            fail_msg("%s: %s", line, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_and_what_they_need),
        cmocka_unit_test(a_watch_lasts_and_a_replay_does_not_unless_told),
        cmocka_unit_test(every_option_reaches_its_place),
        cmocka_unit_test(every_mistake_is_told),
        cmocka_unit_test(more_files_than_the_bound_are_refused),
        cmocka_unit_test(the_help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
