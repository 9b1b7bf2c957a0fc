#include "tests/cmocka.h"

#include "profile/mirror.h"

#include <stdio.h>
#include <stdlib.h>

enum { RECORDS_MAX = 4096, SERVERS_MAX = 8 };

#define MINUTE_NS (60 * INT64_C(1000000000))

/* Interval numbers in the tests count from here. */
static const int64_t base = INT64_C(1767600000) / 60;

struct fixture {
    struct mirror *m;
    struct transaction records[RECORDS_MAX]; /* the last one is overwritten where there are more */
    size_t count;
};

static void keep(void *context, struct transaction *record)
{
    struct fixture *f = context;
    f->records[f->count < RECORDS_MAX ? f->count : RECORDS_MAX - 1] = *record;
    f->count++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->m = mirror_open(&(struct mirror_config){
        .servers_max = SERVERS_MAX, .interval_ns = MINUTE_NS, .record = keep, .context = f});
    assert_non_null(f->m);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mirror_close(f->m);
    free(f);
    return 0;
}

static int64_t minute(int64_t number)
{
    return (base + number) * MINUTE_NS;
}

static struct mirror_part part_of(uint8_t host, int64_t number, struct mirror_counters counters)
{
    return (struct mirror_part){.ip = address_from_ipv4((const uint8_t[]){10, 0, 0, host}),
                                .port = 5432,
                                .is_whole = host == 0,
                                .protocol = host == 0 ? NULL : "postgresql",
                                .start_ns = minute(number),
                                .last_ns = counters.packets > 0 ? minute(number + 1) - 1 : 0,
                                .counters = counters};
}

/* Host 0 is the whole mirror. */
static void count(struct fixture *f, uint8_t host, int64_t number, struct mirror_counters counters)
{
    const struct mirror_part part = part_of(host, number, counters);
    mirror_count(f->m, &part);
}

static const struct mirror_counters some = {
    .packets = 10, .bytes = 1000, .data_packets = 5, .payload_bytes = 500};

/* A server that works from one minute to another; everything before is settled then. */
static void work(struct fixture *f, uint8_t host, int64_t from, int64_t to)
{
    for (int64_t number = from; number < to; number++)
        count(f, host, number, some);
}

/* The newest record of a host, in the interval of that number; NULL where there is none. */
static const struct transaction *find(const struct fixture *f, uint8_t host, int64_t number)
{
    struct address ip = address_from_ipv4((const uint8_t[]){10, 0, 0, host});
    for (size_t i = f->count < RECORDS_MAX ? f->count : RECORDS_MAX; i-- > 0;) {
        const struct transaction *t = &f->records[i];
        bool is_whole = !transaction_has(t, FIELD_SERVER_IP);
        if (t->start_ns == minute(number) &&
            (host == 0 ? is_whole : !is_whole && address_equal(&t->server_ip, &ip)))
            return t;
    }
    return NULL;
}

static const struct transaction *must_find(const struct fixture *f, uint8_t host, int64_t number)
{
    const struct transaction *t = find(f, host, number);
    assert_non_null(t);
    return t;
}

static void a_record_is_made_of_the_parts_of_all_workers(void **state)
{
    struct fixture *f = *state;
    const struct mirror_counters damaged = {.packets = 90,
                                            .bytes = 9000,
                                            .duplicates = 10,
                                            .reordered = 2,
                                            .truncated = 5,
                                            .bad_checksums = 1,
                                            .checksums = 4,
                                            .data_packets = 35,
                                            .one_sided = 20,
                                            .payload_bytes = 1500,
                                            .lost_bytes = 500,
                                            .encrypted_bytes = 200,
                                            .undecoded_bytes = 1000};
    count(f, 1, 0, some);
    count(f, 1, 0, damaged);
    mirror_tick(f->m, minute(2));
    assert_int_equal(f->count, 1);
    const struct transaction *t = must_find(f, 1, 0);
    assert_int_equal(t->duration_ns, MINUTE_NS);
    assert_int_equal(t->server_port, 5432);
    assert_true(bytes_are(t->protocol, "postgresql"));
    assert_int_equal(t->mirror.packets, 100);
    assert_int_equal(t->mirror.bytes, 10000);
    assert_int_equal(t->mirror.lost_bytes, 500);
    assert_int_equal(t->mirror.lost_share, 200000);
    assert_int_equal(t->mirror.duplicated_share, 100000);
    assert_int_equal(t->mirror.reordered_share, 50000);
    assert_int_equal(t->mirror.truncated_share, 50000);
    assert_int_equal(t->mirror.bad_checksum_share, 250000);
    assert_int_equal(t->mirror.one_sided_share, 500000);
    assert_int_equal(t->mirror.encrypted_share, 100000);
    assert_int_equal(t->mirror.undecoded_share, 500000);
}

static void what_is_not_known_is_not_there(void **state)
{
    struct fixture *f = *state;
    static const enum field never[] = {FIELD_MIRROR_DROPPED,          FIELD_MIRROR_DROPPED_SHARE,
                                       FIELD_MIRROR_CLOCK_JUMP,       FIELD_MIRROR_LOST_SHARE,
                                       FIELD_MIRROR_SILENCE,          FIELD_MIRROR_SILENCE_RATIO,
                                       FIELD_MIRROR_TURNED_ENCRYPTED, FIELD_NETWORK_PROTOCOL};
    struct mirror_part part = part_of(1, 0, (struct mirror_counters){.packets = 3});
    part.protocol = NULL;
    mirror_count(f->m, &part);
    mirror_tick(f->m, minute(2));
    const struct transaction *t = must_find(f, 1, 0);
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        assert_false(transaction_has(t, never[i]));
    assert_true(transaction_has(t, FIELD_MIRROR_TRUNCATED_SHARE));
}

static void the_whole_mirror_has_a_record_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct mirror_part part =
        part_of(0, 0, (struct mirror_counters){.packets = 99, .dropped = 1, .clear = 1});
    part.clock_jump_ns = 7;
    mirror_count(f->m, &part);
    part.clock_jump_ns = 5;
    mirror_count(f->m, &part);
    mirror_tick(f->m, minute(2));
    const struct transaction *t = must_find(f, 0, 0);
    assert_int_equal(t->mirror.dropped, 2);
    assert_int_equal(t->mirror.dropped_share, 10000);
    assert_int_equal(t->mirror.clock_jump_ns, 7);
    assert_true(transaction_has(t, FIELD_MIRROR_CLOCK_JUMP));
    assert_false(transaction_has(t, FIELD_SERVER_IP));
    assert_false(transaction_has(t, FIELD_SERVER_PORT));
    assert_false(transaction_has(t, FIELD_MIRROR_TURNED_ENCRYPTED));
}

static void an_interval_waits_one_more_for_what_is_late(void **state)
{
    struct fixture *f = *state;
    struct mirror_totals totals;
    count(f, 1, 5, some);
    count(f, 1, 4, some); /* of a worker that began earlier */
    mirror_tick(f->m, minute(6) - 1);
    assert_int_equal(f->count, 0);
    mirror_tick(f->m, minute(7) - 1);
    assert_int_equal(f->count, 1);
    count(f, 1, 5, some);
    mirror_tick(f->m, minute(7));
    assert_int_equal(f->count, 2);
    assert_int_equal(must_find(f, 1, 4)->mirror.packets, 10);
    assert_int_equal(must_find(f, 1, 5)->mirror.packets, 20);
    count(f, 1, 5, some);
    mirror_totals(f->m, &totals);
    assert_int_equal(totals.late, 1);
    mirror_tick(f->m, minute(9));
    assert_int_equal(f->count, 2);
}

static void a_worker_far_ahead_settles_what_it_has_left(void **state)
{
    struct fixture *f = *state;
    struct mirror_totals totals;
    count(f, 1, 0, some);
    count(f, 1, MIRROR_OPEN_MAX, some);
    assert_non_null(find(f, 1, 0));
    assert_null(find(f, 1, MIRROR_OPEN_MAX));
    count(f, 1, 0, some);
    mirror_totals(f->m, &totals);
    assert_int_equal(totals.late, 1);
    mirror_tick(f->m, minute(MIRROR_OPEN_MAX + 2));
    assert_int_equal(f->count, 2);
}

static void a_silence_is_told_while_it_lasts(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t number;
        uint64_t silence, ratio; /* minutes; whole times */
    } cases[] = {{20, 1, 0}, {21, 2, 0}, {23, 4, 1}, {27, 8, 1}, {28, 9, 2}};
    work(f, 1, 0, 6);
    work(f, 1, 10, 20); /* four minutes of silence between them */
    mirror_tick(f->m, minute(30));
    assert_null(find(f, 1, 7)); /* with six intervals it was not known yet */
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct transaction *t = must_find(f, 1, cases[i].number);
        assert_true(transaction_has(t, FIELD_MIRROR_PACKETS));
        assert_int_equal(t->mirror.packets, 0);
        assert_false(transaction_has(t, FIELD_MIRROR_TRUNCATED_SHARE));
        assert_int_equal(t->mirror.silence_ns / MINUTE_NS, cases[i].silence);
        assert_int_equal(t->mirror.silence_ratio, cases[i].ratio);
    }
    count(f, 1, 30, some);
    mirror_tick(f->m, minute(32));
    assert_false(transaction_has(must_find(f, 1, 30), FIELD_MIRROR_SILENCE));
    /* ten minutes of silence are nothing new from now on */
    mirror_tick(f->m, minute(42));
    assert_int_equal(must_find(f, 1, 39)->mirror.silence_ratio, 0);
    assert_int_equal(must_find(f, 1, 40)->mirror.silence_ratio, 1);
}

static void the_whole_mirror_falls_silent_too(void **state)
{
    struct fixture *f = *state;
    work(f, 0, 0, 12);
    mirror_tick(f->m, minute(20));
    const struct transaction *t = must_find(f, 0, 18);
    assert_int_equal(t->mirror.packets, 0);
    assert_int_equal(t->mirror.silence_ratio, 7);
    assert_false(transaction_has(t, FIELD_MIRROR_CLOCK_JUMP));
}

/* Live, workers give a part of the whole mirror for every interval. */
static void parts_without_packets_are_silence(void **state)
{
    struct fixture *f = *state;
    work(f, 0, 0, 12);
    for (int64_t number = 12; number < 20; number++)
        count(f, 0, number, (struct mirror_counters){.dropped = 1});
    mirror_tick(f->m, minute(20));
    const struct transaction *t = must_find(f, 0, 18);
    assert_int_equal(t->mirror.silence_ratio, 7);
    assert_int_equal(t->mirror.dropped_share, SHARE_ONE);
}

static void a_silence_is_told_for_a_day_and_remembered(void **state)
{
    struct fixture *f = *state;
    work(f, 1, 0, 12);
    mirror_tick(f->m, minute(12 + 3 * 1440));
    assert_int_equal(f->count, 12 + 1439);
    mirror_tick(f->m, INT64_MAX);
    assert_int_equal(f->count, 12 + 1439);
}

/* It would take years to go through them. */
static void intervals_in_which_nobody_has_anything_to_tell_are_passed_over(void **state)
{
    struct fixture *f = *state;
    struct mirror *m =
        mirror_open(&(struct mirror_config){.interval_ns = 1, .record = keep, .context = f});
    assert_non_null(m);
    const struct mirror_part part = part_of(1, 0, some);
    mirror_count(m, &part);
    mirror_tick(m, INT64_MAX);
    assert_int_equal(f->count, 1);
    mirror_close(m);
}

static void a_day_without_packets_is_passed_over(void **state)
{
    struct fixture *f = *state;
    work(f, 1, 0, 12);
    work(f, 1, 20000, 20003);
    mirror_tick(f->m, minute(20006));
    assert_int_equal(f->count, 12 + 1439 + 3 + 2 /* 20003, 20004 */);
    assert_int_equal(must_find(f, 1, 20003)->mirror.silence_ratio, 0);
}

/* What the connections of each interval were found to be: a digit each, 0 none, 1 clear, 2
 * encrypted, 3 both; '-' stands for an interval without packets. */
static void a_server_that_turns_encrypted_is_told_and_one_with_both_is_not(void **state)
{
    (void)state;
    static const struct {
        const char *intervals;
        const char *told; /* 't' where mirror.turned_encrypted is true */
    } cases[] = {
        {"1111111111112222", "............tttt"},
        {"1000000000002000", "............tttt"},   /* a pool: few connections, all is known */
        {"100000000000200-0", "............ttt.t"}, /* until clear ones come again */
        {"10000000000020010020", "............ttt....."}, /* which makes it one with both */
        {"2222222222222222", "................"},
        {"3333333333333323", "................"},
        {"1213111131112222222222222222", "............................"},
        {"1122112222222222222222222222", "............................"},
        {"1000000000033030000000000000", "........................tttt"}, /* one after another */
        {"0000000000000000", "................"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *own;
        assert_int_equal(setup(&own), 0);
        struct fixture *f = own;
        size_t length = strlen(cases[i].intervals);
        for (size_t at = 0; at < length; at++) {
            char c = cases[i].intervals[at];
            struct mirror_counters counters = some;
            counters.clear = c == '1' || c == '3';
            counters.encrypted = c == '2' || c == '3';
            if (c != '-')
                count(f, 1, (int64_t)at, counters);
        }
        mirror_tick(f->m, minute((int64_t)length + 1));
        for (size_t at = 0; at < length; at++) {
            const struct transaction *t = find(f, 1, (int64_t)at);
            bool is_told = t && transaction_has(t, FIELD_MIRROR_TURNED_ENCRYPTED) &&
                           t->mirror.turned_encrypted && t->mirror.packets > 0;
            if (is_told != (cases[i].told[at] == 't'))
                fail_msg("%s: interval %zu", cases[i].intervals, at);
        }
        assert_int_equal(teardown(&own), 0);
    }
}

static void a_change_that_never_ends_is_a_server_with_both(void **state)
{
    struct fixture *f = *state;
    struct mirror_counters both = some;
    both.clear = both.encrypted = 1;
    count(f, 1, 0, (struct mirror_counters){.clear = 1});
    work(f, 1, 0, 12);
    for (int64_t number = 12; number < 12 + MIRROR_TURNING_MAX + 2; number++)
        count(f, 1, number, both);
    struct mirror_counters encrypted = some;
    encrypted.encrypted = 1;
    for (int64_t number = 80; number < 100; number++)
        count(f, 1, number, encrypted);
    mirror_tick(f->m, minute(101));
    assert_false(must_find(f, 1, 99)->mirror.turned_encrypted);
}

static void the_end_settles_the_last_interval_and_calls_nobody_silent(void **state)
{
    struct fixture *f = *state;
    for (int64_t number = 0; number < 13; number++) {
        work(f, 1, number, number < 12 ? number + 1 : number);
        work(f, 2, number, number + 1);
    }
    mirror_finish(f->m);
    assert_int_equal(f->count, 25);
    assert_null(find(f, 1, 12));
    assert_non_null(find(f, 2, 12));
}

static void too_many_servers_push_out_the_oldest_and_are_counted(void **state)
{
    struct fixture *f = *state;
    struct mirror_totals totals;
    for (uint8_t host = 1; host <= SERVERS_MAX + 3; host++)
        count(f, host, 0, some);
    mirror_totals(f->m, &totals);
    assert_int_equal(totals.servers, SERVERS_MAX);
    assert_int_equal(totals.servers_forgotten, 3);
    mirror_tick(f->m, minute(2));
    assert_int_equal(f->count, SERVERS_MAX);
    assert_null(find(f, 3, 0));
}

static void the_totals_show_the_servers_with_the_most_bytes(void **state)
{
    (void)state;
    static struct mirror_totals totals;
    struct mirror *m =
        mirror_open(&(struct mirror_config){.interval_ns = MINUTE_NS, .record = keep});
    assert_non_null(m);
    for (unsigned i = 0; i < 100; i++) {
        uint8_t host = (uint8_t)(1 + i * 37 % 100);
        const struct mirror_part part =
            part_of(host, 0, (struct mirror_counters){.packets = 1, .bytes = host / 2});
        mirror_count(m, &part);
    }
    const struct mirror_part whole =
        part_of(0, 0, (struct mirror_counters){.packets = 100, .bytes = 5000, .dropped = 3});
    mirror_count(m, &whole);
    mirror_totals(m, &totals);
    assert_int_equal(totals.servers, 100);
    assert_int_equal(totals.shown_count, MIRROR_SHOWN_MAX);
    assert_int_equal(totals.whole.dropped, 3);
    assert_int_equal(totals.shown[0].ip.octets[15], 100);
    for (size_t i = 1; i < MIRROR_SHOWN_MAX; i++) { /* of equals the lower address comes first */
        assert_int_equal(totals.shown[i].counters.bytes, (99 - (i - 1) / 2 * 2) / 2);
        assert_int_equal(totals.shown[i].ip.octets[15], 98 - (i - 1) / 2 * 2 + (i - 1) % 2);
    }
    mirror_close(m);
}

static void a_record_is_written_as_json_of_its_own_dataset(void **state)
{
    struct fixture *f = *state;
    struct json j = {0};
    count(f, 1, 0, (struct mirror_counters){.packets = 4, .bytes = 400, .truncated = 1});
    mirror_tick(f->m, minute(2));
    transaction_write(&j, must_find(f, 1, 0));
    char text[1024];
    (void)snprintf(text, sizeof(text), "%.*s", (int)j.len, j.text);
    assert_string_equal(
        text, "{\"@timestamp\":\"2026-01-05T08:00:00.000000000Z\",\"event\":{\"kind\":\"metric\","
              "\"dataset\":\"seepwatch.mirror\",\"duration\":60000000000},"
              "\"network\":{\"protocol\":\"postgresql\"},"
              "\"server\":{\"ip\":\"10.0.0.1\",\"port\":5432},"
              "\"mirror\":{\"bytes\":400,\"duplicated_share\":0,\"lost_bytes\":0,\"packets\":4,"
              "\"truncated_share\":0.25}}\n");
    json_clear(&j);
}

static struct state *open_state(const char *path)
{
    struct state *s;
    struct error error;
    const struct state_config config = {.path = path, .waiting_max = 1 << 20};
    if (!state_open(&s, &config, &error))
        fail_msg("%s", error.text);
    return s;
}

/* Saves the mirror as it is at that minute, and gives one that goes on from there. */
static void restart(struct fixture *f, const char *path, int64_t number)
{
    struct error error;
    bool is_whole;
    struct state *s = open_state(path);
    mirror_restore(f->m, s);
    assert_true(state_settle(s, &error));
    assert_true(state_begin(s, &(struct state_moment){minute(number), 1}, &is_whole));
    mirror_save_begin(f->m, s, is_whole);
    while (mirror_save_step(f->m, 1))
        ;
    state_commit(s);
    assert_true(state_wait(s, &error));
    state_close(s);
    mirror_close(f->m);
    s = open_state(path);
    f->m = mirror_open(&(struct mirror_config){
        .servers_max = SERVERS_MAX, .interval_ns = MINUTE_NS, .record = keep, .context = f});
    assert_non_null(f->m);
    mirror_restore(f->m, s);
    state_close(s);
    f->count = 0;
}

/* Nobody was silent while nobody listened; who falls silent after that is told by what was before.
 */
static void a_restart_is_nobodys_silence(void **state)
{
    struct fixture *f = *state;
    char folder[] = "/tmp/seepwatch-mirror-XXXXXX", path[64], command[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/state", folder);
    for (int64_t number = 0; number < 30; number++) {
        count(f, 0, number, some);
        if (number < 20 || number >= 23) /* was silent for three minutes */
            count(f, 1, number, some);
        if (number < 20) /* falls silent for good */
            count(f, 2, number, some);
    }
    mirror_finish(f->m);
    restart(f, path, 30);
    for (int64_t number = 500; number < 512; number++) {
        count(f, 0, number, some);
        count(f, 1, number, some);
    }
    mirror_tick(f->m, minute(513));
    assert_false(transaction_has(must_find(f, 1, 500), FIELD_MIRROR_SILENCE));
    assert_int_equal(must_find(f, 1, 505)->protocol.len, strlen("postgresql"));
    const struct transaction *quiet = must_find(f, 2, 501); /* ten minutes before, two since */
    assert_true(transaction_has(quiet, FIELD_MIRROR_SILENCE));
    assert_int_equal(quiet->mirror.silence_ns / (uint64_t)MINUTE_NS, 12);
    const struct transaction *other = must_find(f, 2, 503);
    assert_int_equal(other->mirror.silence_ratio, 14);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_made_of_the_parts_of_all_workers),
        TEST(what_is_not_known_is_not_there),
        TEST(the_whole_mirror_has_a_record_of_its_own),
        TEST(an_interval_waits_one_more_for_what_is_late),
        TEST(a_worker_far_ahead_settles_what_it_has_left),
        TEST(a_silence_is_told_while_it_lasts),
        TEST(the_whole_mirror_falls_silent_too),
        TEST(parts_without_packets_are_silence),
        TEST(a_silence_is_told_for_a_day_and_remembered),
        TEST(intervals_in_which_nobody_has_anything_to_tell_are_passed_over),
        TEST(a_day_without_packets_is_passed_over),
        cmocka_unit_test(a_server_that_turns_encrypted_is_told_and_one_with_both_is_not),
        TEST(a_change_that_never_ends_is_a_server_with_both),
        TEST(the_end_settles_the_last_interval_and_calls_nobody_silent),
        TEST(a_restart_is_nobodys_silence),
        TEST(too_many_servers_push_out_the_oldest_and_are_counted),
        cmocka_unit_test(the_totals_show_the_servers_with_the_most_bytes),
        TEST(a_record_is_written_as_json_of_its_own_dataset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
