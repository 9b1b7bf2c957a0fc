#include "tests/cmocka.h"

#include "core/clock.h"
#include "digest.h"
#include "rules/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOUR (3600 * CLOCK_SECOND_NS)

enum { TEXT_MAX = 8192, PATH_LEN_MAX = 64 };

static const int64_t monday = INT64_C(1767571200) * CLOCK_SECOND_NS; /* 2026-01-05T00:00:00Z */

static const char two_rules[] = "rules:\n"
                                "  - {id: many, name: Many, severity: high, by: user.name,\n"
                                "     measure: count, over: 1h, above: 2, quiet: 6h,\n"
                                "     except: [{when: user.name == \"etl\", reason: 'a job'},\n"
                                "              {when: user.name == \"rep\", reason: reports}]}\n"
                                "  - {id: any, name: Any, severity: low, by: user.name,\n"
                                "     measure: count, over: 1h, above: 0, quiet: 0}\n";

/* A rule is as before, one has gone. */
static const char one_rule[] = "rules:\n"
                               "  - {id: many, name: Many, severity: high, by: user.name,\n"
                               "     measure: count, over: 1h, above: 2, quiet: 6h,\n"
                               "     except: [{when: user.name == \"rep\", reason: reports}]}\n";

struct fixture {
    struct rules *rules;
    struct engine *engine;
    struct digest *digest;
    struct zone *zone;
    int64_t begin_ns;    /* of the last one's day */
    char text[TEXT_MAX]; /* all lines of the digest */
    char folder[PATH_LEN_MAX], path[PATH_LEN_MAX];
    struct state *state; /* of that path; NULL: nothing lasts */
};

static void on_alert(void *context, const struct alert *a)
{
    (void)context;
    (void)a;
}

static void on_digest(void *context, const struct digest_rule *r)
{
    struct fixture *t = context;
    char line[DIGEST_TEXT_MAX];
    size_t len = digest_write_line(r, line), at = strlen(t->text);
    assert_true(at + len < TEXT_MAX);
    t->begin_ns = r->begin_ns;
    memcpy(t->text + at, line, len);
    t->text[at + len] = '\0';
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

static struct fixture *begin(const char *zone)
{
    struct fixture *t = calloc(1, sizeof(*t));
    struct error error;
    assert_non_null(t);
    assert_true(!zone || zone_open(&t->zone, bytes_of(zone), &error));
    t->rules = read_rules(two_rules);
    t->engine = engine_open(t->rules, &(struct engine_config){.alert = on_alert});
    t->digest =
        digest_open(&(struct digest_config){.zone = t->zone, .write = on_digest, .context = t});
    assert_true(t->engine && t->digest);
    return t;
}

static void open_state(struct fixture *t)
{
    const struct state_config config = {.path = t->path, .waiting_max = 1 << 20};
    struct error error;
    if (!state_open(&t->state, &config, &error))
        fail_msg("%s", error.text);
    digest_restore(t->digest, t->state);
    assert_true(state_settle(t->state, &error));
}

static struct fixture *begin_lasting(void)
{
    struct fixture *t = begin(NULL);
    (void)snprintf(t->folder, sizeof(t->folder), "/tmp/seepwatch-digest-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    (void)snprintf(t->path, sizeof(t->path), "%.48s/state", t->folder);
    open_state(t);
    return t;
}

/* A snapshot, as at that time. */
static void save(struct fixture *t, int64_t now_ns)
{
    struct error error;
    bool is_whole;
    assert_true(state_begin(t->state, &(struct state_moment){now_ns, 1}, &is_whole));
    digest_save(t->digest, t->engine, t->state, is_whole);
    state_commit(t->state);
    assert_true(state_wait(t->state, &error));
}

/* The program was killed, and begins again. */
static void restart(struct fixture *t)
{
    state_close(t->state);
    digest_close(t->digest);
    engine_close(t->engine);
    t->engine = engine_open(t->rules, &(struct engine_config){.alert = on_alert});
    t->digest =
        digest_open(&(struct digest_config){.zone = t->zone, .write = on_digest, .context = t});
    assert_true(t->engine && t->digest);
    open_state(t);
}

static void end(struct fixture *t)
{
    if (t->state) {
        char command[2 * PATH_LEN_MAX];
        state_close(t->state);
        (void)snprintf(command, sizeof(command), "rm -r %s", t->folder);
        assert_int_equal(system(command), 0);
    }
    digest_close(t->digest);
    engine_close(t->engine);
    rules_close(t->rules);
    zone_close(t->zone);
    free(t);
}

static void count(struct fixture *t, const char *user, int64_t ns)
{
    struct transaction tx = {.start_ns = ns, .user_name = bytes_of(user)};
    transaction_mark(&tx, FIELD_TIMESTAMP);
    transaction_mark(&tx, FIELD_USER_NAME);
    digest_transaction(t->digest, t->engine, engine_time_of(&tx));
    engine_transaction(t->engine, &tx);
}

static void swap(struct fixture *t, const char *text)
{
    struct rules *rules = read_rules(text);
    size_t kept;
    digest_before_swap(t->digest, t->engine);
    assert_true(engine_swap(t->engine, rules, &kept));
    digest_after_swap(t->digest, t->engine);
    rules_close(t->rules);
    t->rules = rules;
}

static void expect(struct fixture *t, const char *text)
{
    assert_string_equal(t->text, text);
    t->text[0] = '\0';
}

static void a_day_ends_with_the_first_transaction_of_the_next(void **state)
{
    (void)state;
    struct fixture *t = begin(NULL);
    for (int i = 0; i < 5; i++)
        count(t, "per", monday + 10 * HOUR + i);
    count(t, "etl", monday + 11 * HOUR);
    count(t, "etl", monday + 11 * HOUR);
    count(t, "rep", monday + 24 * HOUR - 1);
    expect(t, "");
    count(t, "per", monday + 24 * HOUR);
    expect(t, "2026-01-06 00:00:00Z  DIGEST  many  2026-01-05: 1 alert, 2 repeats folded, 3 "
              "transactions excepted: 2 (a job), 1 (reports)\n"
              "2026-01-06 00:00:00Z  DIGEST  any  2026-01-05: 8 alerts, 0 repeats folded, 0 "
              "transactions excepted\n");
    assert_int_equal(t->begin_ns, monday + 10 * HOUR); /* what was seen of it */
    /* what comes late counts in the day in which it comes, and a quiet day has no lines */
    count(t, "per", monday + 24 * HOUR - 2);
    count(t, "per", monday + 100 * HOUR);
    expect(t, "2026-01-07 00:00:00Z  DIGEST  any  2026-01-06: 2 alerts, 0 repeats folded, 0 "
              "transactions excepted\n");
    assert_int_equal(t->begin_ns, monday + 24 * HOUR);
    end(t);
}

static void midnight_is_that_of_the_zone(void **state)
{
    (void)state;
    struct fixture *t = begin("Europe/Stockholm");
    const int64_t summer = INT64_C(1782864000) * CLOCK_SECOND_NS; /* 2026-07-01T00:00:00Z */
    count(t, "per", monday + 23 * HOUR - 1);
    count(t, "per", monday + 23 * HOUR);
    expect(t, "2026-01-05 23:00:00Z  DIGEST  any  2026-01-05: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n");
    count(t, "per", summer + 22 * HOUR - 1);
    expect(t, "2026-01-06 23:00:00Z  DIGEST  any  2026-01-06: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n");
    count(t, "per", summer + 22 * HOUR);
    expect(t, "2026-07-01 22:00:00Z  DIGEST  any  2026-07-01: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n");
    end(t);
}

static void a_day_of_another_length_is_one_day(void **state)
{
    (void)state;
    struct fixture *t = begin("Europe/Stockholm");
    /* summer time begins on 2026-03-29: 23 hours from 23:00Z to 22:00Z */
    const int64_t day = INT64_C(1774738800) * CLOCK_SECOND_NS;
    count(t, "per", day);
    count(t, "per", day + 23 * HOUR - 1);
    expect(t, "");
    count(t, "per", day + 23 * HOUR);
    expect(t, "2026-03-29 22:00:00Z  DIGEST  any  2026-03-29: 2 alerts, 0 repeats folded, 0 "
              "transactions excepted\n");
    end(t);
}

static void a_quiet_midnight_is_told_a_minute_later(void **state)
{
    (void)state;
    struct fixture *t = begin(NULL);
    digest_tick(t->digest, t->engine, monday);
    count(t, "per", monday + 10 * HOUR);
    digest_tick(t->digest, t->engine, monday + 24 * HOUR + 59 * CLOCK_SECOND_NS);
    expect(t, "");
    digest_tick(t->digest, t->engine, monday + 24 * HOUR + 60 * CLOCK_SECOND_NS);
    expect(t, "2026-01-06 00:00:00Z  DIGEST  any  2026-01-05: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n");
    digest_tick(t->digest, t->engine, INT64_MAX);
    expect(t, "");
    end(t);
}

static void a_reload_loses_nothing_of_the_day(void **state)
{
    (void)state;
    struct fixture *t = begin(NULL);
    for (int i = 0; i < 4; i++)
        count(t, "per", monday + 10 * HOUR + i);
    count(t, "etl", monday + 10 * HOUR);
    count(t, "rep", monday + 10 * HOUR);
    swap(t, one_rule);
    count(t, "per", monday + 10 * HOUR + 5);
    count(t, "rep", monday + 10 * HOUR + 6);
    swap(t, two_rules);
    count(t, "per", monday + 10 * HOUR + 7);
    digest_tick(t->digest, t->engine, monday + 25 * HOUR);
    expect(t, "2026-01-06 00:00:00Z  DIGEST  many  2026-01-05: 1 alert, 3 repeats folded, 3 "
              "transactions excepted: 1 (a job), 2 (reports)\n"
              "2026-01-06 00:00:00Z  DIGEST  any  2026-01-05: 7 alerts, 0 repeats folded, 0 "
              "transactions excepted\n");
    end(t);
}

static void the_rest_is_told_at_the_end_of_more_than_a_day(void **state)
{
    (void)state;
    struct fixture *t = begin(NULL);
    count(t, "per", monday + 10 * HOUR);
    digest_finish(t->digest, t->engine, false);
    expect(t, "");
    count(t, "per", monday + 24 * HOUR);
    t->text[0] = '\0';
    count(t, "per", monday + 30 * HOUR);
    digest_finish(t->digest, t->engine, false);
    expect(t, "2026-01-06 06:00:00Z  DIGEST  any  2026-01-06: 2 alerts, 0 repeats folded, 0 "
              "transactions excepted\n");
    end(t);
}

static void a_watch_tells_what_it_has_at_its_end(void **state)
{
    (void)state;
    struct fixture *t = begin(NULL);
    digest_finish(t->digest, t->engine, true);
    expect(t, "");
    count(t, "per", monday + 10 * HOUR);
    digest_finish(t->digest, t->engine, true);
    expect(t, "2026-01-05 10:00:00Z  DIGEST  any  2026-01-05: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n");
    end(t);
}

static void a_restart_loses_nothing_of_the_day(void **state)
{
    (void)state;
    struct fixture *t = begin_lasting();
    for (int i = 0; i < 4; i++)
        count(t, "per", monday + 10 * HOUR + i);
    count(t, "etl", monday + 10 * HOUR + 4);
    save(t, monday + 10 * HOUR + 4);
    count(t, "rep", monday + 10 * HOUR + 5); /* after the last snapshot: it is gone */
    restart(t);
    for (int i = 0; i < 4; i++)
        count(t, "bo", monday + 12 * HOUR + i);
    count(t, "etl", monday + 12 * HOUR + 4);
    count(t, "rep", monday + 12 * HOUR + 5);
    save(t, monday + 12 * HOUR + 5);
    restart(t); /* twice, and nothing came in between */
    save(t, monday + 12 * HOUR + 5);
    restart(t);
    expect(t, "");
    count(t, "per", monday + 25 * HOUR);
    expect(t, "2026-01-06 00:00:00Z  DIGEST  many  2026-01-05: 2 alerts, 2 repeats folded, 3 "
              "transactions excepted: 2 (a job), 1 (reports)\n"
              "2026-01-06 00:00:00Z  DIGEST  any  2026-01-05: 11 alerts, 0 repeats folded, 0 "
              "transactions excepted\n");
    assert_int_equal(t->begin_ns, monday + 10 * HOUR);
    end(t);
}

static void a_day_that_ended_while_nothing_ran_is_told_then(void **state)
{
    (void)state;
    struct fixture *t = begin_lasting();
    for (int i = 0; i < 3; i++)
        count(t, "per", monday + 10 * HOUR + i);
    save(t, monday + 10 * HOUR + 2);
    restart(t);
    digest_tick(t->digest, t->engine, monday + 50 * HOUR);
    expect(t, "2026-01-06 00:00:00Z  DIGEST  many  2026-01-05: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n"
              "2026-01-06 00:00:00Z  DIGEST  any  2026-01-05: 3 alerts, 0 repeats folded, 0 "
              "transactions excepted\n");
    /* and that day's figures are not the next one's */
    count(t, "per", monday + 51 * HOUR);
    save(t, monday + 51 * HOUR);
    restart(t);
    count(t, "per", monday + 80 * HOUR);
    expect(t, "2026-01-08 00:00:00Z  DIGEST  any  2026-01-07: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n");
    end(t);
}

static void a_day_beyond_a_clock_that_was_put_back_is_forgotten(void **state)
{
    (void)state;
    struct fixture *t = begin_lasting();
    count(t, "per", monday + 9999 * HOUR);
    save(t, monday + 9999 * HOUR);
    restart(t);
    digest_set_back(t->digest, monday + HOUR);
    count(t, "per", monday + HOUR);
    count(t, "per", monday + 25 * HOUR);
    expect(t, "2026-01-06 00:00:00Z  DIGEST  any  2026-01-05: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n");
    digest_set_back(t->digest, monday + 25 * HOUR); /* what is known of before stays */
    digest_finish(t->digest, t->engine, true);
    expect(t, "2026-01-06 01:00:00Z  DIGEST  any  2026-01-06: 1 alert, 0 repeats folded, 0 "
              "transactions excepted\n");
    end(t);
}

static void the_json_has_the_same_figures(void **state)
{
    (void)state;
    char reason[] = "a \"job\"";
    const struct digest_rule r = {.id = "many",
                                  .name = "Many",
                                  .severity = SEVERITY_HIGH,
                                  .alerts = 3,
                                  .folded = 1200,
                                  .exceptions = {{reason, 40}},
                                  .exceptions_count = 1,
                                  .begin_ns = monday,
                                  .end_ns = monday + 24 * HOUR,
                                  .day = "2026-01-05"};
    struct json j = {0};
    digest_write_json(&j, &r);
    char text[2048];
    (void)snprintf(text, sizeof(text), "%.*s", (int)j.len, j.text);
    json_clear(&j);
    assert_string_equal(
        text,
        "{\"@timestamp\":\"2026-01-06T00:00:00.000000000Z\",\"event\":{\"kind\":\"metric\","
        "\"dataset\":\"seepwatch.digest\",\"start\":\"2026-01-05T00:00:00.000000000Z\","
        "\"end\":\"2026-01-06T00:00:00.000000000Z\"},\"rule\":{\"id\":\"many\",\"name\":\"Many\","
        "\"severity\":\"high\"},\"message\":\"Many: the digest of 2026-01-05: 3 alerts, 1,200 "
        "repeats folded, 40 transactions excepted: 40 (a \\\"job\\\").\",\"digest\":{\"day\":"
        "\"2026-01-05\",\"alerts\":3,\"folded\":1200,\"excepted\":40,\"exceptions\":[{\"reason\":"
        "\"a \\\"job\\\"\",\"count\":40}]}}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_ends_with_the_first_transaction_of_the_next),
        cmocka_unit_test(midnight_is_that_of_the_zone),
        cmocka_unit_test(a_day_of_another_length_is_one_day),
        cmocka_unit_test(a_quiet_midnight_is_told_a_minute_later),
        cmocka_unit_test(a_reload_loses_nothing_of_the_day),
        cmocka_unit_test(the_rest_is_told_at_the_end_of_more_than_a_day),
        cmocka_unit_test(a_watch_tells_what_it_has_at_its_end),
        cmocka_unit_test(a_restart_loses_nothing_of_the_day),
        cmocka_unit_test(a_day_that_ended_while_nothing_ran_is_told_then),
        cmocka_unit_test(a_day_beyond_a_clock_that_was_put_back_is_forgotten),
        cmocka_unit_test(the_json_has_the_same_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
