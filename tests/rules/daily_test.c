/*
 * `unusual` and `drift` at work: days of made-up accounts, through the engine.
 */
#include "tests/cmocka.h"

#include "core/clock.h"
#include "core/hash.h"
#include "rules/daily_tally.h"
#include "rules/describe.h"
#include "rules/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR (3600 * CLOCK_SECOND_NS)
#define DAY (24 * HOUR)

static const int64_t start = INT64_C(1767571200) * CLOCK_SECOND_NS; /* Monday 2026-01-05 00:00 */

enum { SEEN_MAX = 512, TEXT = 1024, AGENTS = 24, SHOP_OF = 4 };

static struct {
    size_t count;
    struct seen {
        char user[32], network[32], message[TEXT];
        int64_t time_ns;
        uint64_t value, usual, peers;
        double score;
    } items[SEEN_MAX];
} seen;

static char newest_json[8192]; /* of the newest alert */
static struct rules *rules;
static struct engine *engine;
static uint64_t customers; /* handed out so far */

static void keep(char *copy, size_t size, struct bytes text)
{
    (void)snprintf(copy, size, "%.*s", (int)text.len, text.len ? (const char *)text.data : "");
}

static void on_alert(void *context, const struct alert *a)
{
    (void)context;
    assert_true(seen.count < SEEN_MAX);
    struct seen *s = &seen.items[seen.count++];
    *s = (struct seen){.time_ns = a->time_ns,
                       .value = a->value,
                       .usual = a->usual,
                       .peers = a->peers,
                       .score = a->score};
    if (transaction_has(&a->key, FIELD_USER_NAME))
        keep(s->user, sizeof(s->user), a->key.user_name);
    if (transaction_has(&a->key, FIELD_NETWORK_NAME))
        keep(s->network, sizeof(s->network), a->key.network_name);
    (void)alert_write_message(a, s->message);
    struct json j = {0};
    alert_write_json(&j, a);
    keep(newest_json, sizeof(newest_json), (struct bytes){(const uint8_t *)j.text, j.len});
    json_clear(&j);
}

/* A rule with those lines. */
static void begin(const char *lines)
{
    static struct problems problems;
    char text[2048];
    (void)snprintf(text, sizeof(text), "rules:\n  - id: odd\n    name: Odd\n    severity: high\n%s",
                   lines);
    problems = (struct problems){0};
    rules = rules_load_text("test.yaml", bytes_of(text), &problems);
    for (size_t i = 0; i < problems.kept; i++)
        print_error("%s\n", problems.items[i]);
    assert_non_null(rules);
    const struct engine_config config = {.alert = on_alert, .seed = 5};
    engine = engine_open(rules, &config);
    assert_non_null(engine);
    seen.count = 0;
    customers = 0;
}

static void end(void)
{
    engine_close(engine);
    rules_close(rules);
}

static uint64_t customer(uint64_t number)
{
    return hash_mix(number + 1, UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xbf58476d1ce4e5b9);
}

static void send(unsigned agent, int64_t time_ns, enum action action, uint64_t id,
                 enum outcome outcome)
{
    char user[32], network[32];
    (void)snprintf(user, sizeof(user), "agent%u", agent);
    (void)snprintf(network, sizeof(network), "shop%u", agent / SHOP_OF);
    struct transaction t = {.start_ns = time_ns,
                            .action = action,
                            .outcome = outcome,
                            .user_name = bytes_of(user),
                            .network_name = bytes_of(network),
                            .subject_count = 1,
                            .subject_ids = {&id, 1, NULL}};
    static const enum field fields[] = {FIELD_TIMESTAMP,  FIELD_EVENT_ACTION, FIELD_EVENT_OUTCOME,
                                        FIELD_USER_NAME,  FIELD_NETWORK_NAME, FIELD_SUBJECT_COUNT,
                                        FIELD_SUBJECT_IDS};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&t, fields[i]);
    engine_transaction(engine, &t);
}

/* One agent's day: so many customers from nine to five, of whom a part gets a note. */
static void work(unsigned agent, int day, unsigned reads, unsigned notes)
{
    int64_t from = start + day * DAY + 9 * HOUR, gap = 8 * HOUR / (reads + 1);
    for (unsigned i = 0; i < reads; i++) {
        uint64_t id = customer(customers++);
        int64_t time_ns = from + gap * i + (int64_t)agent * CLOCK_SECOND_NS;
        send(agent, time_ns, ACTION_READ, id, OUTCOME_SUCCESS);
        if (i < notes)
            send(agent, time_ns + 60 * CLOCK_SECOND_NS, ACTION_WRITE, id, OUTCOME_SUCCESS);
    }
}

/* All agents' day; the transactions of an hour come agent by agent, which is near enough. */
static void all_work(int day, double busy, unsigned but)
{
    for (unsigned a = 0; a < AGENTS; a++) {
        unsigned reads = (unsigned)(busy * (16 + (a * 7 + (unsigned)day * 5) % 9));
        if (a != but)
            work(a, day, reads, reads * 3 / 5);
    }
}

static void weeks(int days)
{
    for (int day = 0; day < days; day++)
        all_work(day, 1, AGENTS);
}

#define OF_CUSTOMERS                                                                               \
    "    when: event.action == \"read\"\n"                                                         \
    "    by: user.name\n"                                                                          \
    "    peers: network.name\n"                                                                    \
    "    measure: distinct(subject.ids)\n"                                                         \
    "    each: 1d\n"

static void a_day_far_above_usual_is_told_on_the_way(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unusual: {score: 3.8, at least: 20}\n");
    weeks(20);
    assert_int_equal(seen.count, 0);
    work(3, 20, 300, 0);
    assert_int_equal(seen.count, 1);
    const struct seen *s = &seen.items[0];
    assert_string_equal(s->user, "agent3");
    assert_true(s->time_ns < start + 20 * DAY + 11 * HOUR);
    assert_in_range(s->value, 20, 60);
    assert_in_range(s->usual, 15, 25);
    assert_true(s->score > 3.8 && s->score < 4);
    assert_non_null(strstr(s->message, "Odd: account agent3, "));
    assert_non_null(strstr(s->message, "customers today, the limit by now is "));
    work(3, 21, 300, 0); /* told again the next day, when its quiet time is over */
    assert_int_equal(seen.count, 2);
    end();
}

static void what_moves_everybody_accuses_nobody(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unusual: {score: 3.8, at least: 20}\n");
    weeks(20);
    for (unsigned i = 0; i < 80; i++) { /* a launch: four times the work, all at the same time */
        for (unsigned a = 0; a < AGENTS; a++)
            send(a, start + 20 * DAY + 9 * HOUR + i * 300 * CLOCK_SECOND_NS, ACTION_READ,
                 customer(customers++), OUTCOME_SUCCESS);
    }
    all_work(21, 0.1, AGENTS);
    all_work(22, 1, AGENTS);
    for (unsigned i = 0; i < 50; i++) { /* one shop's campaign */
        for (unsigned a = 0; a < SHOP_OF; a++)
            send(a, start + 23 * DAY + 9 * HOUR + i * 500 * CLOCK_SECOND_NS, ACTION_READ,
                 customer(customers++), OUTCOME_SUCCESS);
    }
    assert_int_equal(seen.count, 0);
    end();
}

static void a_theft_that_runs_from_the_first_day_is_found_by_the_seventh(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unusual: {score: 3.8, at least: 20}\n");
    for (int day = 0; day < 7; day++) {
        all_work(day, 1, 9);
        work(9, day, 200, 10);
    }
    assert_true(seen.count >= 1);
    for (size_t i = 0; i < seen.count; i++)
        assert_string_equal(seen.items[i].user, "agent9");
    assert_true(seen.items[0].time_ns >= start + 4 * DAY);
    assert_non_null(strstr(seen.items[0].message, "peers have"));
    end();
}

static void small_excesses_add_up_and_begin_anew_after_an_alert(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    drift: {of: volume, slack: 0.5, limit: 5}\n"
                       "    quiet: 0\n");
    weeks(25);
    assert_int_equal(seen.count, 0);
    int day = 25;
    for (; day < 45 && seen.count == 0; day++) {
        all_work(day, 1, 6);
        work(6, day, 45, 20);
    }
    assert_int_equal(seen.count, 1);
    assert_in_range(day, 27, 36);
    assert_string_equal(seen.items[0].user, "agent6");
    assert_non_null(strstr(seen.items[0].message, "more than usual"));
    for (int more = 0; more < 2; more++) {
        all_work(day + more, 1, 6);
        work(6, day + more, 45, 20);
    }
    assert_int_equal(seen.count, 1);
    end();
}

static void customers_for_whom_nothing_is_done_add_up(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unless followed by: event.action == \"write\"\n"
                       "    drift: {of: [volume, share], limit: 6}\n");
    weeks(25);
    assert_int_equal(seen.count, 0);
    for (int day = 25; day < 33; day++) {
        all_work(day, 1, 6);
        work(6, day, 38, 12); /* a theft of 18 a day */
        if (day < 28)         /* as much work, and all of it real */
            work(200, day, 38, 23);
    }
    assert_true(seen.count >= 1);
    for (size_t i = 0; i < seen.count; i++)
        assert_string_equal(seen.items[i].user, "agent6");
    assert_non_null(strstr(seen.items[0].message, " customers that nothing followed today"));
    end();
}

static void what_follows_in_time_explains_and_what_is_too_late_does_too(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unless followed by: {when: event.action == \"write\", within: 10m}\n"
                       "    unusual: {of: part, score: 3, at least: 15}\n");
    weeks(20);
    int64_t at = start + 20 * DAY + 9 * HOUR;
    for (unsigned i = 0; i < 60; i++) {
        send(2, at, ACTION_READ, customer(900000 + i), OUTCOME_SUCCESS);
        send(2, at + 8 * 60 * CLOCK_SECOND_NS, ACTION_WRITE, customer(900000 + i), OUTCOME_SUCCESS);
        at += 9 * 60 * CLOCK_SECOND_NS;
    }
    assert_int_equal(seen.count, 0);
    at = start + 21 * DAY + 9 * HOUR;
    for (unsigned i = 0; i < 60; i++)
        send(2, at + i * 60 * CLOCK_SECOND_NS, ACTION_READ, customer(800000 + i), OUTCOME_SUCCESS);
    assert_true(seen.count == 1);
    assert_true(seen.items[0].time_ns >= at + 10 * 60 * CLOCK_SECOND_NS);
    end();
}

static void only_strangers_to_the_agency_count_as_new(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    new to: network.name\n"
                       "    unusual: {score: 3.5, at least: 10}\n");
    weeks(20);
    int64_t at = start + 20 * DAY + 9 * HOUR;
    for (unsigned i = 0; i < 200; i++) /* those that agent 1, of the same shop, has met */
        send(0, at + i * CLOCK_SECOND_NS, ACTION_READ, customer(20 + i % 15), OUTCOME_SUCCESS);
    assert_int_equal(seen.count, 0);
    for (unsigned i = 0; i < 200; i++)
        send(0, at + (300 + i) * CLOCK_SECOND_NS, ACTION_READ, customer(700000 + i),
             OUTCOME_SUCCESS);
    assert_int_equal(seen.count, 1);
    assert_non_null(strstr(seen.items[0].message, "new to the network"));
    end();
}

static void the_share_of_failures_of_an_hour_stands_out(void **state)
{
    (void)state;
    begin("    when: event.action == \"login\"\n"
          "    measure: share(event.outcome == \"failure\")\n"
          "    each: 1h\n"
          "    drift: {of: share, slack: 0.7, limit: 5}\n");
    for (int hour = 0; hour < 20 * 24; hour++) {
        for (unsigned i = 0; i < 40; i++)
            send(i % 7, start + hour * HOUR + i * 80 * CLOCK_SECOND_NS, ACTION_LOGIN, 1,
                 (i + (unsigned)hour) % 10 == 0 ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
    }
    assert_int_equal(seen.count, 0);
    for (unsigned i = 0; i < 80; i++)
        send(i % 7, start + 480 * HOUR + i * 40 * CLOCK_SECOND_NS, ACTION_LOGIN, 1,
             i % 2 ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
    for (unsigned i = 0; i < 80; i++)
        send(i % 7, start + 481 * HOUR + i * 40 * CLOCK_SECOND_NS, ACTION_LOGIN, 1,
             i % 2 ? OUTCOME_FAILURE : OUTCOME_SUCCESS);
    assert_int_equal(seen.count, 1);
    assert_true(seen.items[0].time_ns < start + 482 * HOUR);
    assert_non_null(strstr(seen.items[0].message, "this hour"));
    assert_string_not_equal(seen.items[0].user, ""); /* where to look */
    end();
}

static void a_network_is_held_against_itself_and_the_others(void **state)
{
    (void)state;
    begin("    when: event.action == \"read\"\n"
          "    by: network.name\n"
          "    measure: distinct(subject.ids)\n"
          "    each: 1d\n"
          "    unless followed by: event.action == \"write\"\n"
          "    drift: {of: [volume, share], limit: 6}\n");
    weeks(25);
    assert_int_equal(seen.count, 0);
    for (int day = 25; day < 35; day++) {
        for (unsigned a = 0; a < AGENTS; a++) /* seven more for each of one shop */
            work(a, day, a / SHOP_OF == 2 ? 32 : 20, 12);
    }
    assert_true(seen.count >= 1);
    for (size_t i = 0; i < seen.count; i++)
        assert_string_equal(seen.items[i].network, "shop2");
    end();
}

static void days_end_at_midnight_of_the_zone(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unusual: {score: 3.8, at least: 20}\n");
    const struct rule *rule = rules_at(rules, 0);
    assert_null(rule->daily.zone); /* UTC: what the zone does is rules/zone.h's */
    weeks(20);
    int64_t midnight = start + 21 * DAY;
    for (unsigned i = 0; i < 60; i++) /* 30 before and 30 after: neither day is odd */
        send(5, midnight + ((int)i - 30) * CLOCK_SECOND_NS, ACTION_READ, customer(600000 + i),
             OUTCOME_SUCCESS);
    assert_int_equal(seen.count, 0);
    send(5, midnight - 2 * DAY, ACTION_READ, customer(1), OUTCOME_SUCCESS);
    assert_int_equal(engine_counters(engine).late, 1);
    end();
}

static void a_time_far_ahead_does_not_silence_a_rule(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unusual: {score: 3.8, at least: 20}\n");
    weeks(20);
    send(1, start + 7000 * DAY, ACTION_READ, customer(1), OUTCOME_SUCCESS);
    weeks(26); /* late, all of the first weeks of them */
    assert_int_equal(engine_counters(engine).late, 9999);
    for (int day = 26; day < 32; day++)
        all_work(day, 1, AGENTS);
    assert_int_equal(seen.count, 0);
    work(3, 32, 300, 0);
    assert_int_equal(seen.count, 1);
    end();
}

static void a_key_takes_little_memory(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unless followed by: event.action == \"write\"\n"
                       "    drift: {of: [volume, share], limit: 6}\n");
    weeks(3);
    assert_true(sizeof(struct daily) <= 160);
    assert_true(engine_counters(engine).bytes <= AGENTS * 40 * sizeof(uint32_t));
    end();
    begin(OF_CUSTOMERS "    unusual: {score: 3.8}\n");
    work(1, 0, 20000, 0);
    assert_true(engine_counters(engine).bytes <= 512 * sizeof(uint32_t));
    end();
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

static void an_alert_explains_itself(void **state)
{
    (void)state;
    begin(OF_CUSTOMERS "    unusual: {score: 3.8, at least: 20}\n");
    weeks(20);
    all_work(20, 1, 3);
    work(3, 20, 300, 0);
    assert_int_equal(seen.count, 1);
    has(newest_json, "\"measure\":\"distinct(subject.ids)\"");
    has(newest_json, "\"usual\":");
    has(newest_json, "\"peers\":");
    has(newest_json, "\"limit\":");
    has(newest_json, "\"score\":3.");
    has(newest_json, "\"score_limit\":3.8");
    has(newest_json, "\"window\":\"1d\"");
    has(newest_json, "unusual: {than: [own, peers], of: [volume], score: ");
    has(newest_json, "except: user.name == ");
    has(seen.items[0].message, " and the peers have ");
    end();
    begin(OF_CUSTOMERS "    unless followed by: event.action == \"write\"\n"
                       "    drift: {of: part, limit: 3}\n");
    weeks(20);
    for (int day = 20; day < 25; day++) {
        all_work(day, 1, 3);
        work(3, day, 60, 5);
    }
    assert_true(seen.count > 0);
    has(newest_json, "\"of\":");
    has(newest_json, "\"intervals\":");
    has(newest_json, "\"extra\":");
    has(newest_json, "drift: {than: [own, peers], of: [part], slack: 0.5, cap: 4, limit: ");
    end();
}

static void a_rule_is_told_in_words(void **state)
{
    (void)state;
    char words[4096];
    struct text t = text_over(words, sizeof(words));
    begin(OF_CUSTOMERS "    new to: network.name\n"
                       "    unless followed by: {when: event.action == \"write\", within: 10m}\n"
                       "    drift: [{of: [part, share], limit: 6.5}, {of: volume, slack: 0.25, "
                       "limit: 12}]\n");
    describe_rule(&t, rules_at(rules, 0));
    has(words, "distinct(subject.ids) of a day, of those new to network.name, unless followed "
               "within 10 minutes by event.action == \"write\", is more than usual and than the "
               "peers (same network.name): the score of part and share, less 0.5 and at most 4, "
               "adds up to over 6.5, or the score of volume, less 0.25 and at most 4, adds up to "
               "over 12; silent for the first 4 days");
    has(words, "folded for 7 days");
    end();
    t = text_over(words, sizeof(words));
    begin(OF_CUSTOMERS "    unless followed by: event.action == \"write\"\n"
                       "    unusual: {of: volume, score: 3}\n");
    describe_rule(&t, rules_at(rules, 0));
    has(words, "distinct(subject.ids) of a day is more than usual and than the peers");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_far_above_usual_is_told_on_the_way),
        cmocka_unit_test(what_moves_everybody_accuses_nobody),
        cmocka_unit_test(a_theft_that_runs_from_the_first_day_is_found_by_the_seventh),
        cmocka_unit_test(small_excesses_add_up_and_begin_anew_after_an_alert),
        cmocka_unit_test(customers_for_whom_nothing_is_done_add_up),
        cmocka_unit_test(what_follows_in_time_explains_and_what_is_too_late_does_too),
        cmocka_unit_test(only_strangers_to_the_agency_count_as_new),
        cmocka_unit_test(the_share_of_failures_of_an_hour_stands_out),
        cmocka_unit_test(a_network_is_held_against_itself_and_the_others),
        cmocka_unit_test(days_end_at_midnight_of_the_zone),
        cmocka_unit_test(a_time_far_ahead_does_not_silence_a_rule),
        cmocka_unit_test(a_key_takes_little_memory),
        cmocka_unit_test(an_alert_explains_itself),
        cmocka_unit_test(a_rule_is_told_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
