#include "tests/cmocka.h"

#include "alert_outputs.h"

#include "notice_sample.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND CLOCK_SECOND_NS

enum { TEXT_MAX = 1 << 20 };

struct fixture {
    char folder[40], path[64], socket[64];
    int server;
    struct alert_outputs *outputs;
    int64_t clock_ns;
    size_t notes;
    char note[512]; /* the last one */
    char text[TEXT_MAX];
};

static void on_note(void *context, const char *text)
{
    struct fixture *t = context;
    t->notes++;
    (void)snprintf(t->note, sizeof(t->note), "%s", text);
}

static int set_up(void **state)
{
    struct fixture *t = calloc(1, sizeof(*t));
    (void)snprintf(t->folder, sizeof(t->folder), "/tmp/alert_outputs_test.XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->path, sizeof(t->path), "%s/alerts", t->folder);
    (void)snprintf(t->socket, sizeof(t->socket), "%s/log", t->folder);
    t->server = -1;
    t->clock_ns = 100 * SECOND;
    t->outputs = alert_outputs_open(&(struct alert_outputs_notes){.context = t, .note = on_note});
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *t = *state;
    alert_outputs_close(t->outputs);
    if (t->server >= 0)
        (void)close(t->server);
    (void)unlink(t->path);
    (void)unlink(t->socket);
    assert_int_equal(rmdir(t->folder), 0);
    free(t);
    return 0;
}

static void add(struct fixture *t, const struct alert_setting *s)
{
    struct error error;
    assert_true(alert_outputs_add(t->outputs, s, true, &error));
}

static void add_file(struct fixture *t, struct alert_setting s)
{
    s.path = t->path;
    add(t, &s);
}

static struct alert_setting to_socket(struct fixture *t, enum alert_to to)
{
    struct alert_setting s = {.to = to};
    assert_true(peer_address_of_path(&s.address, bytes_of(t->socket)));
    return s;
}

static void serve(struct fixture *t)
{
    const struct alert_setting s = to_socket(t, ALERT_TO_SYSLOG);
    t->server = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(t->server, &s.address.any, s.address.len), 0);
}

static const char *receive(struct fixture *t)
{
    ssize_t len = recv(t->server, t->text, TEXT_MAX - 1, 0);
    t->text[len > 0 ? len : 0] = '\0';
    return len < 0 ? NULL : t->text;
}

static void raise(struct fixture *t, const char *id, enum severity severity, int64_t seconds)
{
    const struct rule rule = sample_rule(id, severity);
    struct alert a = sample_alert(&rule, "a0123");
    a.time_ns = sample_ns + seconds * SECOND;
    alert_outputs_alert(t->outputs, &a);
}

static void tick(struct fixture *t, int64_t seconds)
{
    t->clock_ns += SECOND;
    alert_outputs_tick(t->outputs, sample_ns + seconds * SECOND, t->clock_ns);
}

static const char *file_text(struct fixture *t)
{
    FILE *file = fopen(t->path, "r");
    assert_non_null(file);
    t->text[fread(t->text, 1, TEXT_MAX - 1, file)] = '\0';
    (void)fclose(file);
    return t->text;
}

static size_t count_of(const char *text, const char *word)
{
    size_t count = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        count++;
    return count;
}

static void each_output_has_its_lowest_severity(void **state)
{
    struct fixture *t = *state;
    serve(t);
    struct alert_setting high = to_socket(t, ALERT_TO_SYSLOG);
    high.severity = SEVERITY_HIGH;
    add(t, &high);
    add_file(t, (struct alert_setting){.form = ALERT_AS_LINES, .severity = SEVERITY_LOW});
    for (int s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++)
        raise(t, SEVERITY_NAMES[s], (enum severity)s, 0);
    static const char *const wanted[] = {"rule.id=\"high\"", "rule.id=\"critical\""};
    for (size_t i = 0; i < 2; i++)
        assert_non_null(strstr(receive(t), wanted[i]));
    assert_null(receive(t));
    const char *lines = file_text(t);
    assert_int_equal(count_of(lines, "\n"), 4);
    assert_null(strstr(lines, "  INFO  "));
    struct alert_output_counters c;
    assert_true(alert_outputs_counters(t->outputs, 0, &c));
    assert_int_equal(c.sent, 2);
    assert_true(alert_outputs_counters(t->outputs, 1, &c));
    assert_int_equal(c.sent, 4);
    assert_false(alert_outputs_counters(t->outputs, 2, &c));
}

static void the_journal_and_syslog_have_forms_of_their_own(void **state)
{
    struct fixture *t = *state;
    serve(t);
    const struct alert_setting journal = to_socket(t, ALERT_TO_JOURNAL),
                               syslog = to_socket(t, ALERT_TO_SYSLOG);
    add(t, &journal);
    add(t, &syslog);
    raise(t, "r", SEVERITY_HIGH, 0);
    assert_memory_equal(receive(t), "MESSAGE\n", 8);
    assert_memory_equal(receive(t), "<3>1 2026-01-05T14:03:22.123456Z ", 33);
}

static void what_is_beyond_a_limit_is_told_when_it_lets_go(void **state)
{
    struct fixture *t = *state;
    struct error error;
    add_file(t, (struct alert_setting){.form = ALERT_AS_JSON, .limit = {2, 60 * SECOND}});
    for (int i = 0; i < 5; i++)
        raise(t, "a", SEVERITY_LOW, i);
    raise(t, "b", SEVERITY_HIGH, 59);
    tick(t, 59);
    assert_int_equal(count_of(file_text(t), "\n"), 2);
    tick(t, 60);
    const char *text = file_text(t);
    assert_int_equal(count_of(text, "seepwatch.alert\""), 2);
    assert_int_equal(count_of(text, "\"folded\":{\"beyond_limit\":3,\"not_sent\":0}"), 1);
    assert_int_equal(count_of(text, "\"folded\":{\"beyond_limit\":1,\"not_sent\":0}"), 1);
    tick(t, 200);
    /* an alert lets it go as well, and the end does */
    for (int i = 0; i < 3; i++)
        raise(t, "a", SEVERITY_LOW, 300);
    raise(t, "a", SEVERITY_LOW, 360);
    assert_int_equal(count_of(file_text(t), "seepwatch.folded\""), 3);
    raise(t, "a", SEVERITY_LOW, 361);
    raise(t, "a", SEVERITY_LOW, 362);
    assert_true(alert_outputs_end(t->outputs, &error));
    assert_int_equal(count_of(file_text(t), "seepwatch.folded\""), 4);
    struct alert_output_counters c;
    assert_true(alert_outputs_counters(t->outputs, 0, &c));
    assert_int_equal(c.sent, 6);
    assert_int_equal(c.folded, 6);
}

static void what_a_peer_does_not_take_is_told_once_it_does(void **state)
{
    struct fixture *t = *state;
    enum { ALERTS = 2000 };
    size_t got = 0, records = 0;
    char told[128] = "", wanted[128];
    const struct alert_setting s = to_socket(t, ALERT_TO_SYSLOG);
    add(t, &s);
    for (int i = 0; i < ALERTS; i++)
        raise(t, "flood", SEVERITY_LOW, i);
    tick(t, ALERTS);
    assert_int_equal(t->notes, 1);
    assert_non_null(strstr(t->note, "cannot be reached: No such file or directory; alerts wait"));
    serve(t);
    for (int i = 0; i < 40; i++) { /* slowly at first, while more come */
        raise(t, "flood", SEVERITY_LOW, ALERTS + i);
        raise(t, "flood", SEVERITY_LOW, ALERTS + i);
        tick(t, ALERTS + i);
        got += receive(t) != NULL;
    }
    for (int i = 0; i < 200; i++) {
        for (const char *m; (m = receive(t));) {
            bool is_folded = strstr(m, " folded [") != NULL;
            got += !is_folded;
            records += is_folded;
            if (is_folded)
                (void)snprintf(told, sizeof(told), "%s", strstr(m, "folded: "));
        }
        tick(t, ALERTS + i);
    }
    struct alert_output_counters c;
    assert_true(alert_outputs_counters(t->outputs, 0, &c));
    assert_in_range(got, 300, ALERTS - 300);
    assert_int_equal(records, 1);
    assert_int_equal(c.sent, got);
    assert_int_equal(c.folded, ALERTS + 80 - got);
    assert_int_equal(c.lost, 0);
    assert_int_equal(c.returns, 1);
    assert_int_equal(t->notes, 2);
    assert_non_null(strstr(t->note, "is reached again; "));
    (void)snprintf(wanted, sizeof(wanted), "folded: %zu,%03zu that could not be sent.",
                   (ALERTS + 80 - got) / 1000, (ALERTS + 80 - got) % 1000);
    assert_string_equal(told, wanted);
}

static void at_the_end_what_a_peer_did_not_get_is_told(void **state)
{
    struct fixture *t = *state;
    struct error error;
    const struct alert_setting s = to_socket(t, ALERT_TO_JOURNAL);
    add(t, &s);
    for (int i = 0; i < 3; i++)
        raise(t, "r", SEVERITY_LOW, i);
    assert_true(alert_outputs_end(t->outputs, &error));
    assert_int_equal(t->notes, 1);
    assert_non_null(strstr(t->note, ": 3 alerts were lost"));
    struct alert_output_counters c;
    assert_true(alert_outputs_counters(t->outputs, 0, &c));
    assert_int_equal(c.lost, 3);
}

static void the_digest_has_the_severity_info(void **state)
{
    struct fixture *t = *state;
    serve(t);
    struct alert_setting s = to_socket(t, ALERT_TO_SYSLOG);
    add(t, &s);
    s.severity = SEVERITY_LOW;
    add(t, &s);
    add_file(t, (struct alert_setting){.form = ALERT_AS_LINES});
    const struct digest_rule r = {.id = "many",
                                  .name = "Many",
                                  .severity = SEVERITY_CRITICAL,
                                  .alerts = 3,
                                  .end_ns = sample_ns,
                                  .day = "2026-01-05"};
    alert_outputs_digest(t->outputs, &r);
    assert_non_null(strstr(receive(t), " digest [seepwatch@32473 rule.id=\"many\""));
    assert_memory_equal(t->text, "<6>1 ", 5);
    assert_null(receive(t));
    assert_string_equal(file_text(t), "2026-01-05 14:03:22Z  DIGEST  many  2026-01-05: 3 alerts, "
                                      "0 repeats folded, 0 transactions excepted\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(each_output_has_its_lowest_severity),
        TEST(the_journal_and_syslog_have_forms_of_their_own),
        TEST(what_is_beyond_a_limit_is_told_when_it_lets_go),
        TEST(what_a_peer_does_not_take_is_told_once_it_does),
        TEST(at_the_end_what_a_peer_did_not_get_is_told),
        TEST(the_digest_has_the_severity_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
