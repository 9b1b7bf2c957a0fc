/*
 * Rules about single events: what fires, and what does not.
 */
#include "rules/describe.h"
#include "tests/rules/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND CLOCK_SECOND_NS
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/* What `check --list` says the rule fires on. */
static void check_words(const struct bench *b, const char *expected)
{
    char text[2048];
    struct text t = text_over(text, sizeof(text));
    describe_rule(&t, rules_at(b->rules, 0));
    if (!strstr(text, expected))
        print_error("%s\n", text);
    assert_non_null(strstr(text, expected));
}

static struct address address(unsigned number)
{
    return address_from_ipv4((const uint8_t[]){10, 0, (uint8_t)(number >> 8), (uint8_t)number});
}

/* A read by an account at its own address. */
static struct transaction of(const char *user, int64_t ns)
{
    struct transaction t = {.start_ns = ns,
                            .user_name = bytes_of(user),
                            .action = ACTION_READ,
                            .client_ip = address((unsigned)user[0])};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_EVENT_ACTION);
    transaction_mark(&t, FIELD_EVENT_OUTCOME);
    transaction_mark(&t, FIELD_USER_NAME);
    transaction_mark(&t, FIELD_CLIENT_IP);
    return t;
}

static void set_text(struct transaction *t, enum field f, const char *text)
{
    *(struct bytes *)(void *)((char *)t + FIELDS[f].offset) = bytes_of(text);
    transaction_mark(t, f);
}

static void send(struct bench *b, const char *user, int64_t ns)
{
    struct transaction t = of(user, ns);
    engine_transaction(b->engine, &t);
}

static void send_rows(struct bench *b, const char *user, int64_t ns, uint64_t rows)
{
    struct transaction t = of(user, ns);
    t.returned_rows = rows;
    transaction_mark(&t, FIELD_DB_RESPONSE_RETURNED_ROWS);
    engine_transaction(b->engine, &t);
}

static void send_software(struct bench *b, const char *user, const char *network, int64_t ns,
                          const char *software)
{
    struct transaction t = of(user, ns);
    set_text(&t, FIELD_USER_AGENT_ORIGINAL, software);
    set_text(&t, FIELD_NETWORK_NAME, network);
    engine_transaction(b->engine, &t);
}

/* A look-up of the customer of that number, from an address of its own. */
static void look_up(struct bench *b, unsigned from, int64_t ns, uint64_t customer)
{
    char text[32];
    uint64_t near[2], id;
    struct transaction t = of("ann", ns);
    (void)snprintf(text, sizeof(text), "s%llu", (unsigned long long)customer);
    assert_true(subject_near_parse(near, bytes_of(text)));
    id = subject_id_parse(bytes_of(text));
    t.client_ip = address(from);
    t.subject_ids = (struct hashes){&id, 1, NULL};
    t.subject_near = (struct hashes){near, 2, NULL};
    t.subject_count = 1;
    transaction_mark(&t, FIELD_SUBJECT_COUNT);
    transaction_mark(&t, FIELD_SUBJECT_IDS);
    transaction_mark(&t, FIELD_SUBJECT_NEAR);
    engine_transaction(b->engine, &t);
}

static void own_largest_moves_the_limit(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  measure: max(db.response.returned_rows)\n"
                                "  over: 1h\n  above: 200\n  times own: 10\n  learn: 2d\n");
    check_words(&b, "is above 200 and 10 times its own largest before (while it is known for less "
                    "than 2 days, that many times the limit)");
    send_rows(&b, "ann", start, 2000); /* a key that nobody knows: ten times 200 */
    assert_int_equal(seen.count, 0);
    send_rows(&b, "bob", start, 10);
    send_rows(&b, "ann", start + 2 * HOUR, 19900); /* ten times its own, faded by two hours */
    assert_int_equal(seen.count, 0);
    send_rows(&b, "bob", start + 2 * DAY, 200);
    assert_int_equal(seen.count, 0);
    send_rows(&b, "bob", start + 2 * DAY + 2 * HOUR, 1971); /* likewise */
    assert_int_equal(seen.count, 0);
    send_rows(&b, "bob", start + 2 * DAY + 4 * HOUR, 19710);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.value, 19710);
    assert_string_equal(seen.message,
                        "n: account bob, 19,710 rows returned in one request within 1 hour, the "
                        "limit is 19,697, 10 times its own largest before, 1,969.");
    assert_true(json_has("\"limit\":19697,\"usual\":1969,"));
    assert_true(json_has("\"silence\":\"above: 19710, or except: user.name == \\\"bob\\\"\""));
    close_bench(&b);
}

static void a_limit_can_be_a_part_of_all(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  measure: count\n  over: 1d\n"
                                "  above: 0.5% of 1280\n");
    check_words(&b, "count within 1 day is above 6\n");
    close_bench(&b);
}

static void what_is_above_the_limit_teaches_no_more_than_it(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  measure: sum(db.response.returned_rows)\n"
                                "  over: 1d\n  above: 100\n  times own: 2\n  learn: 0s\n");
    send_rows(&b, "ann", start, 100000);
    assert_int_equal(seen.count, 1);
    send_rows(&b, "ann", start + 3 * DAY, 201);
    assert_int_equal(seen.count, 2);
    assert_true(json_has("\"limit\":195,")); /* twice what the limit was, three days ago */
    close_bench(&b);
}

static void a_window_that_slides_into_the_next_day_is_no_past(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  measure: sum(db.response.returned_rows)\n"
                                "  over: 1d\n  above: 100\n  times own: 2\n  learn: 0s\n");
    for (int64_t hour = 0; hour < 20; hour++) /* from eight in the morning on */
        send_rows(&b, "ann", start + hour * HOUR, 6);
    assert_int_equal(seen.count, 1);
    assert_true(json_has("\"value\":102,"));
    close_bench(&b);
}

static void a_share_fires_on_what_is_a_part_of_it(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: event.action\n  measure: share(event.outcome == "
                                "\"failure\")\n  over: 1h\n  above: 50%\n  quiet: 0s\n");
    static const enum outcome outcomes[] = {OUTCOME_FAILURE, OUTCOME_FAILURE, OUTCOME_SUCCESS};
    for (int64_t i = 0; i < 3; i++) {
        struct transaction t = of("ann", start + i);
        t.outcome = outcomes[i];
        engine_transaction(b.engine, &t);
    }
    assert_int_equal(seen.count, 2);
    /* nobody's key: the alert names who came last */
    assert_true(json_has("\"client\":{\"ip\":\"10.0.0.97\"},\"user\":{\"name\":\"ann\"}"));
    close_bench(&b);
}

static void rare_software_is_told_and_new_versions_are_not(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  first: user_agent.original\n  rare: 1\n"
                                "  ignore: versions\n  learn: 10d\n");
    check_words(&b, "but for its version, and that at most 1 others have; silent");
    const char *users[] = {"ann", "bob", "cid", "dan"};
    for (size_t i = 0; i < 4; i++)
        send_software(&b, users[i], "a", start, "Browser/100.0.1 (X)");
    for (size_t i = 0; i < 4; i++)
        send_software(&b, users[i], "a", start + 20 * DAY, "Browser/101.7_2.3 (X)");
    assert_int_equal(seen.count, 0);
    send_software(&b, "ann", "a", start + 20 * DAY, "tool/1.0");
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.message,
                        "n: account ann showed the software tool/1.0 for the first time (before: "
                        "\"Browser/100.0.1 (X)\"); nobody else has it.");
    send_software(&b, "bob", "a", start + 20 * DAY, "tool/2.0");
    assert_int_equal(seen.count, 2);
    assert_true(json_has("\"others\":1,"));
    assert_true(json_has("\"silence\":\"rare: 0, or except: "));
    send_software(&b, "cid", "a", start + 20 * DAY, "tool/2.0"); /* two have it */
    send_software(&b, "eve", "a", start + 20 * DAY, "other/1");  /* a new account is no news */
    assert_int_equal(seen.count, 2);
    close_bench(&b);
}

static void rarity_can_be_among_those_of_one_network(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  first: user_agent.original\n  rare: 0\n"
                                "  peers: network.name\n  learn: 1d\n");
    check_words(&b, "at most 0 others with the same network.name have");
    send_software(&b, "ann", "a", start, "x");
    send_software(&b, "bob", "b", start, "x");
    send_software(&b, "cid", "b", start, "y");
    send_software(&b, "ann", "a", start + 2 * DAY, "y"); /* only in the other network */
    assert_int_equal(seen.count, 1);
    assert_non_null(strstr(seen.message, "; nobody else of the same network has it."));
    send_software(&b, "bob", "b", start + 2 * DAY, "y");
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

static void a_key_is_none_of_the_others(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  first: user_agent.original\n  rare: 1\n"
                                "  learn: 1d\n  forget: 10d\n");
    for (int64_t day = 0; day < 20; day++) {
        send_software(&b, "ann", "a", start + day * DAY, "x");
        send_software(&b, "bob", "a", start + day * DAY, "x");
    }
    assert_int_equal(seen.count, 0);
    send_software(&b, "ann", "a", start + 5 * DAY, "tool");
    send_software(&b, "bob", "a", start + 8 * DAY, "tool");
    assert_int_equal(seen.count, 2);
    send_software(&b, "ann", "a", start + 16 * DAY, "tool"); /* new to ann again */
    assert_int_equal(seen.count, 3);
    assert_true(json_has("\"others\":1,"));
    close_bench(&b);
}

static void who_was_away_for_long_is_told_when_back(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  back after: 21d\n");
    check_words(&b, "there is one after 21 days or more without; forgotten after 365 days");
    send(&b, "ann", start);
    for (int64_t day = 0; day <= 22; day++)
        send(&b, "bob", start + day * DAY);
    send(&b, "ann", start + 21 * DAY - 1);
    assert_int_equal(seen.count, 0); /* and what is late is no return */
    send(&b, "cid", start);
    send(&b, "cid", start + 23 * DAY);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.message, "n: account cid is active again after 23 d without a sign of "
                                      "it; the limit is 21 days.");
    assert_string_equal(seen.line,
                        "2026-01-28 08:00:00Z  LOW  r  user.name=cid: back after 23 d, limit 21d");
    assert_true(json_has("\"silence\":\"back after: 24d, or "));
    close_bench(&b);
}

static void while_nobody_was_seen_nobody_was_away(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  back after: 21d\n");
    send(&b, "ann", start);
    send(&b, "bob", start);
    send(&b, "bob", start + 10 * DAY); /* the mirror was off for ten days */
    for (int64_t day = 11; day <= 31; day++)
        send(&b, "bob", start + day * DAY);
    send(&b, "ann", start + 31 * DAY - 1);
    assert_int_equal(seen.count, 0);
    send(&b, "cid", start + 32 * DAY);
    for (int64_t day = 33; day <= 53; day++)
        send(&b, "bob", start + day * DAY);
    send(&b, "cid", start + 53 * DAY);
    assert_int_equal(seen.count, 1);
    close_bench(&b);
}

static void neighbours_one_after_the_other_are_a_walk(void **state)
{
    (void)state;
    static const uint64_t walks[][6] = {
        {1000, 1001, 1002, 1003, 1004, 1005},
        {1005, 1004, 1003, 1002, 1001, 1000},
        {1000, 1002, 1004, 1006, 1008, 1010},
        {999, 1001, 1000, 1002, 1004, 1003},
    };
    for (size_t w = 0; w < 4; w++) {
        struct bench b = bench_rule("  by: client.ip\n  enumerates: subject.near\n");
        check_words(&b, "6 or more neighbouring identifiers (subject.near) are looked up within 1 "
                        "day, and more than chance explains");
        for (int64_t i = 0; i < 5; i++) {
            look_up(&b, 1, start + i * HOUR, walks[w][i]);
            look_up(&b, 1, start + i * HOUR, walks[w][i]); /* again is no step */
            look_up(&b, 1, start + i * HOUR, 5000 + 100 * (uint64_t)i);
        }
        assert_int_equal(seen.count, 0);
        look_up(&b, 1, start + 5 * HOUR, walks[w][5]);
        assert_int_equal(seen.count, 1);
        assert_int_equal(seen.value, 6);
        close_bench(&b);
    }
}

static void a_walk_from_many_addresses_is_seen_at_the_server(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: event.action\n  enumerates: subject.near\n  at least: 8\n");
    srand(1);
    for (int64_t i = 0; i < 20000 && seen.count == 0; i++) {
        look_up(&b, (unsigned)rand() % 1000, start + i * SECOND, (uint64_t)rand() % 100000000);
        if (i >= 15000 && i % 100 == 0)
            look_up(&b, (unsigned)i % 1000, start + i * SECOND, 500 + ((uint64_t)i - 15000) / 100);
    }
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.value, 8);
    assert_non_null(strstr(seen.message, " neighbouring identifiers, one after the other, within "
                                         "1 day; the limit is 7 (last by account ann, client 10."));
    assert_true(json_has("\"client\":{\"ip\":\"10."));
    assert_non_null(strstr(seen.line, " event.action=read: 8 neighbouring identifiers, one after "
                                      "the other, in 1d, limit 7 (last by account ann, client "));
    assert_true(json_has("\"silence\":\"at least: 9, or "));
    close_bench(&b);
}

static void neighbours_that_meet_by_chance_are_none(void **state)
{
    (void)state;
    /* so many of so few that every other look-up has a neighbour */
    struct bench b = bench_rule("  by: event.action\n  enumerates: subject.near\n");
    srand(2);
    for (int64_t i = 0; i < 30000; i++)
        look_up(&b, 1, start + i * SECOND, (uint64_t)rand() % 60000);
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

static void a_walk_too_slow_for_the_window_is_none(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: client.ip\n  enumerates: subject.near\n  over: 1h\n");
    for (int64_t i = 0; i < 20; i++)
        look_up(&b, 1, start + i * 61 * MINUTE, 1000 + (uint64_t)i);
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

static struct bench open_rhythm(void)
{
    return bench_rule("  by: user.name\n  rhythm: subject.ids\n  score: 6\n");
}

static void a_program_goes_from_one_to_the_next_evenly(void **state)
{
    (void)state;
    struct bench b = open_rhythm();
    check_words(&b, "within 1 day of at least 15 gaps between different values of subject.ids more "
                    "are alike than people's would be, by 6 standard deviations");
    srand(4);
    int64_t ns = start;
    for (uint64_t i = 0; i < 15; i++, ns += 150 * SECOND + rand() % 1000 * (10 * SECOND / 1000)) {
        look_up(&b, 1, ns, 7919 * i);
        look_up(&b, 1, ns + SECOND / 2, 7919 * i); /* its pages are no gap */
    }
    assert_int_equal(seen.count, 0);
    look_up(&b, 1, ns, 7919 * 15);
    assert_int_equal(seen.count, 1);
    assert_non_null(
        strstr(seen.message, "n: account ann went from one to the next like a program: "));
    assert_non_null(strstr(seen.line, " user.name=ann: 1"));
    assert_true(json_has("\"measure\":\"rhythm(subject.ids)\""));
    close_bench(&b);
}

static void people_do_not(void **state)
{
    (void)state;
    struct bench b = open_rhythm();
    struct transaction nobody = of("ann", start);
    transaction_mark(&nobody, FIELD_SUBJECT_IDS); /* an empty list */
    engine_transaction(b.engine, &nobody);
    srand(5);
    int64_t ns = start;
    for (uint64_t i = 0; i < 20000; i++) {
        double u = ((double)rand() + 1) / ((double)RAND_MAX + 2);
        double v = (double)rand() / (double)RAND_MAX;
        double normal = sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
        ns += (int64_t)(exp(4 + 0.9 * normal) * (double)SECOND);
        look_up(&b, 1, ns, 7919 * i);
    }
    assert_int_equal(seen.count, 0);
    close_bench(&b);
}

static void send_from(struct bench *b, const char *user, const char *network, int64_t ns)
{
    struct transaction t = of(user, ns);
    set_text(&t, FIELD_NETWORK_NAME, network);
    engine_transaction(b->engine, &t);
}

static void hours_at_which_nobody_ever_works_are_told(void **state)
{
    (void)state;
    struct bench b = bench_rule("  by: user.name\n  off hours: 2\n  peers: network.name\n"
                                "  learn: 14d\n");
    check_words(&b, "there are 2 in a day at hours of the week at which neither it nor any other "
                    "with the same network.name was active within the last weeks; silent for the "
                    "first 14 days");
    for (int64_t day = 0; day < 21; day++) {
        send_from(&b, "ann", "a", start + day * DAY);
        send_from(&b, "bob", "a", start + day * DAY + 6 * HOUR);
        send_from(&b, "cid", "b", start + day * DAY + 14 * HOUR);
    }
    send_from(&b, "ann", "a", start + 21 * DAY + 2 * HOUR); /* within two hours of its own */
    send_from(&b, "ann", "a", start + 21 * DAY + 2 * HOUR);
    send_from(&b, "ann", "a", start + 21 * DAY + 6 * HOUR); /* when a colleague works */
    send_from(&b, "ann", "a", start + 21 * DAY + 6 * HOUR);
    send_from(&b, "ann", "a", start + 21 * DAY + 14 * HOUR);
    assert_int_equal(seen.count, 0);
    send_from(&b, "ann", "a", start + 21 * DAY + 14 * HOUR);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.message,
                        "n: account ann was active 2 times on Monday about 22 o'clock, "
                        "when neither it nor its network ever is; the limit is 1 "
                        "(last by client 10.0.0.97, network a).");
    assert_non_null(strstr(seen.line, " user.name=ann: 2 times on Monday about 22 o'clock, when "
                                      "neither it nor its network ever is, limit 1 (last by "));
    assert_true(json_has("\"silence\":\"off hours: 3, or "));
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_largest_moves_the_limit),
        cmocka_unit_test(a_limit_can_be_a_part_of_all),
        cmocka_unit_test(what_is_above_the_limit_teaches_no_more_than_it),
        cmocka_unit_test(a_window_that_slides_into_the_next_day_is_no_past),
        cmocka_unit_test(a_share_fires_on_what_is_a_part_of_it),
        cmocka_unit_test(rare_software_is_told_and_new_versions_are_not),
        cmocka_unit_test(rarity_can_be_among_those_of_one_network),
        cmocka_unit_test(a_key_is_none_of_the_others),
        cmocka_unit_test(who_was_away_for_long_is_told_when_back),
        cmocka_unit_test(while_nobody_was_seen_nobody_was_away),
        cmocka_unit_test(neighbours_one_after_the_other_are_a_walk),
        cmocka_unit_test(a_walk_from_many_addresses_is_seen_at_the_server),
        cmocka_unit_test(neighbours_that_meet_by_chance_are_none),
        cmocka_unit_test(a_walk_too_slow_for_the_window_is_none),
        cmocka_unit_test(a_program_goes_from_one_to_the_next_evenly),
        cmocka_unit_test(people_do_not),
        cmocka_unit_test(hours_at_which_nobody_ever_works_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
