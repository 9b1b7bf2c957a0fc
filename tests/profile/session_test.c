#include "tests/cmocka.h"

#include "profile/session.h"

#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>

enum { WRITTEN_MAX = 64 };

#define MINUTE_NS (60 * CLOCK_SECOND_NS)
#define DAY_NS (1440 * MINUTE_NS)

static const int64_t nine_ns = INT64_C(1767603600) * CLOCK_SECOND_NS; /* 2026-01-05T09:00:00Z */

struct fixture {
    struct sessions *all;
    struct session written[WRITTEN_MAX];
    bool is_final[WRITTEN_MAX];
    size_t count; /* may pass WRITTEN_MAX */
};

static void keep(void *context, const struct session *s, bool is_final)
{
    struct fixture *f = context;
    if (f->count < WRITTEN_MAX) {
        f->written[f->count] = *s;
        f->is_final[f->count] = is_final;
    }
    f->count++;
}

static void open_with(struct fixture *f, size_t sessions_max)
{
    *f = (struct fixture){0};
    struct sessions_config config = {.sessions_max = sessions_max,
                                     .idle_ns = 30 * MINUTE_NS,
                                     .interval_ns = 5 * MINUTE_NS,
                                     .write = keep,
                                     .context = f};
    f->all = sessions_open(&config);
    assert_non_null(f->all);
}

static void address_of(struct address *a, const char *text)
{
    assert_true(address_parse(a, bytes_of(text)));
}

static struct transaction request_at(int64_t ns, const char *client, const char *user)
{
    struct transaction tx = {.start_ns = ns,
                             .duration_ns = 1000,
                             .protocol = bytes_of("http"),
                             .url_domain = bytes_of("crm.example"),
                             .outcome = OUTCOME_SUCCESS,
                             .client_port = 40000,
                             .server_port = 80,
                             .client_bytes = 100,
                             .server_bytes = 1000};
    address_of(&tx.client_ip, client);
    address_of(&tx.server_ip, "10.0.0.1");
    static const enum field fields[] = {
        FIELD_TIMESTAMP,        FIELD_EVENT_DURATION, FIELD_EVENT_OUTCOME, FIELD_URL_DOMAIN,
        FIELD_NETWORK_PROTOCOL, FIELD_CLIENT_IP,      FIELD_CLIENT_PORT,   FIELD_SERVER_IP,
        FIELD_SERVER_PORT,      FIELD_CLIENT_BYTES,   FIELD_SERVER_BYTES};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&tx, fields[i]);
    if (user) {
        tx.user_name = bytes_of(user);
        transaction_mark(&tx, FIELD_USER_NAME);
    }
    return tx;
}

static void count(struct fixture *f, struct transaction tx, uint64_t connection)
{
    sessions_count(f->all, &tx, connection, tx.start_ns + 1000);
    assert_true(transaction_has(&tx, FIELD_SESSION_ID));
    assert_int_equal(tx.session_id.len, SESSION_ID_LEN);
}

static void totals_of_a_connection_are_written_at_its_end(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 10);
    struct transaction login = request_at(nine_ns, "10.1.2.3", "anna");
    login.is_apart = true;
    login.outcome = OUTCOME_FAILURE;
    count(&f, login, 7);
    struct transaction read = request_at(nine_ns + 5000, "10.1.2.3", "anna");
    read.returned_rows = 20;
    read.affected_rows = 3;
    read.lost_bytes = 50;
    transaction_mark(&read, FIELD_DB_RESPONSE_RETURNED_ROWS);
    transaction_mark(&read, FIELD_DB_RESPONSE_AFFECTED_ROWS);
    transaction_mark(&read, FIELD_CAPTURE_LOST_BYTES);
    count(&f, read, 7);
    count(&f, read, 7);
    assert_int_equal(f.count, 0);
    sessions_end(f.all, 7);
    sessions_end(f.all, 7);
    assert_int_equal(f.count, 1);
    const struct session *s = &f.written[0];
    assert_true(f.is_final[0]);
    assert_int_equal(s->requests, 2);
    assert_int_equal(s->failures, 1);
    assert_int_equal(s->returned_rows, 40);
    assert_int_equal(s->affected_rows, 6);
    assert_int_equal(s->client_bytes, 300);
    assert_int_equal(s->server_bytes, 3000);
    assert_int_equal(s->lost_bytes, 100);
    assert_int_equal(s->start_ns, nine_ns);
    assert_int_equal(s->last_ns, nine_ns + 6000);
    assert_int_equal(s->client_port, 40000);
    sessions_close(f.all);
    assert_int_equal(f.count, 1);
}

static void what_a_transaction_does_not_know_is_not_counted(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 10);
    struct transaction tx = request_at(nine_ns, "10.1.2.3", NULL);
    tx.present &= ~(FIELD_BIT(FIELD_EVENT_OUTCOME) | FIELD_BIT(FIELD_SERVER_BYTES));
    tx.outcome = OUTCOME_FAILURE;
    tx.returned_rows = 9;
    count(&f, tx, 1);
    sessions_close(f.all);
    assert_int_equal(f.count, 1);
    assert_int_equal(f.written[0].failures, 0);
    assert_int_equal(f.written[0].returned_rows, 0);
    assert_int_equal(f.written[0].server_bytes, 0);
    assert_int_equal(session_text(&f.written[0], SESSION_TEXT_USER).len, 0);
}

static void stays_are_told_apart_by_client_account_and_domain(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 10);
    count(&f, request_at(nine_ns, "10.1.2.3", "anna"), 0);
    count(&f, request_at(nine_ns + 1, "10.1.2.3", "anna"), 0);
    count(&f, request_at(nine_ns + 2, "10.1.2.4", "anna"), 0);
    count(&f, request_at(nine_ns + 3, "10.1.2.3", "bo"), 0);
    count(&f, request_at(nine_ns + 4, "10.1.2.3", NULL), 0);
    struct transaction elsewhere = request_at(nine_ns + 5, "10.1.2.3", "anna");
    elsewhere.url_domain = bytes_of("mail.example");
    count(&f, elsewhere, 0);
    assert_int_equal(sessions_counters(f.all).seen, 5);
    assert_int_equal(sessions_counters(f.all).open, 5);
    sessions_close(f.all);
    assert_int_equal(f.count, 5);
    assert_int_equal(f.written[0].requests, 2);
}

static void a_cookie_or_token_makes_one_session_wherever_it_comes_from(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 10);
    struct transaction tx = request_at(nine_ns, "10.1.2.3", NULL);
    tx.session_hash = UINT64_C(0x0123456789abcdef);
    count(&f, tx, 0);
    struct transaction later = request_at(nine_ns + 1, "10.1.2.4", "anna");
    later.session_hash = tx.session_hash;
    count(&f, later, 0);
    later.session_hash++;
    count(&f, later, 0);
    assert_int_equal(sessions_counters(f.all).seen, 2);
    sessions_close(f.all);
    assert_int_equal(f.written[0].requests, 2);
    assert_memory_equal(f.written[0].id, "0123456789abcdef", SESSION_ID_LEN);
    assert_true(bytes_are(session_text(&f.written[0], SESSION_TEXT_USER), "anna"));
}

static void half_an_hour_of_quiet_ends_a_stay_and_no_connection(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 10);
    count(&f, request_at(nine_ns, "10.1.2.3", "anna"), 0);
    count(&f, request_at(nine_ns, "10.1.2.3", "anna"), 8);
    sessions_tick(f.all, nine_ns);
    sessions_tick(f.all, nine_ns + 30 * MINUTE_NS + 1000);
    assert_int_equal(sessions_counters(f.all).open, 2);
    f.count = 0; /* what the interval wrote */
    sessions_tick(f.all, nine_ns + 30 * MINUTE_NS + 1001);
    assert_int_equal(f.count, 1);
    assert_true(f.is_final[0]);
    assert_int_equal(sessions_counters(f.all).open, 1);
    sessions_close(f.all);
}

static void a_request_after_the_quiet_begins_a_new_stay_without_a_tick(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 10);
    struct transaction first = request_at(nine_ns, "10.1.2.3", "anna");
    struct transaction second = request_at(nine_ns + 31 * MINUTE_NS, "10.1.2.3", "anna");
    char id[SESSION_ID_LEN];
    sessions_count(f.all, &first, 0, first.start_ns);
    memcpy(id, first.session_id.data, sizeof(id));
    sessions_count(f.all, &second, 0, second.start_ns);
    assert_memory_not_equal(id, second.session_id.data, sizeof(id));
    assert_int_equal(f.count, 1);
    assert_int_equal(f.written[0].requests, 1);
    assert_int_equal(sessions_counters(f.all).seen, 2);
    sessions_close(f.all);
    assert_int_equal(f.count, 2);
}

static void what_changed_is_written_each_interval_and_what_did_not_is_not(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 10);
    count(&f, request_at(nine_ns, "10.1.2.3", "anna"), 1);
    count(&f, request_at(nine_ns, "10.1.2.4", "bo"), 2);
    sessions_tick(f.all, nine_ns);
    sessions_tick(f.all, nine_ns + 5 * MINUTE_NS - 1);
    assert_int_equal(f.count, 0);
    sessions_tick(f.all, nine_ns + 5 * MINUTE_NS);
    assert_int_equal(f.count, 2);
    assert_false(f.is_final[0]);
    count(&f, request_at(nine_ns + 6 * MINUTE_NS, "10.1.2.4", "bo"), 2);
    sessions_tick(f.all, nine_ns + 10 * MINUTE_NS);
    assert_int_equal(f.count, 3);
    assert_true(bytes_are(session_text(&f.written[2], SESSION_TEXT_USER), "bo"));
    assert_int_equal(f.written[2].requests, 2);
    sessions_close(f.all);
    assert_int_equal(f.count, 5);
}

static void the_same_traffic_gives_the_same_ids(void **state)
{
    (void)state;
    char ids[2][4][SESSION_ID_LEN];
    for (size_t round = 0; round < 2; round++) {
        struct fixture f;
        open_with(&f, 10);
        for (size_t i = 0; i < 4; i++) {
            struct transaction tx = request_at(nine_ns + (int64_t)i, "10.1.2.3", "anna");
            tx.client_port = 40000 + i / 2;
            sessions_count(f.all, &tx, (round + 1) * 100 * (i / 2) + i % 2 * i, nine_ns);
            memcpy(ids[round][i], tx.session_id.data, SESSION_ID_LEN);
        }
        sessions_close(f.all);
    }
    assert_memory_equal(ids[0], ids[1], sizeof(ids[0]));
    assert_memory_not_equal(ids[0][0], ids[0][2], SESSION_ID_LEN);
}

static void too_many_sessions_write_and_forget_the_quietest(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 3);
    for (uint64_t connection = 1; connection <= 3; connection++)
        count(&f, request_at(nine_ns, "10.1.2.3", "anna"), connection);
    count(&f, request_at(nine_ns, "10.1.2.3", "bo"), 1);
    count(&f, request_at(nine_ns, "10.1.2.3", "anna"), 4);
    assert_int_equal(f.count, 1);
    assert_true(f.is_final[0]);
    struct sessions_counters counters = sessions_counters(f.all);
    assert_int_equal(counters.seen, 4);
    assert_int_equal(counters.open, 3);
    assert_int_equal(counters.evicted, 1);
    sessions_end(f.all, 2); /* it was the one */
    assert_int_equal(f.count, 1);
    for (int i = 0; i < 1000; i++) {
        char client[ADDRESS_TEXT_MAX];
        (void)snprintf(client, sizeof(client), "10.9.%d.%d", i / 250, i % 250);
        count(&f, request_at(nine_ns, client, NULL), 0);
    }
    counters = sessions_counters(f.all);
    assert_int_equal(counters.open, 6);
    assert_int_equal(counters.evicted, 1 + 997);
    sessions_close(f.all);
    assert_int_equal(f.count, 1004);
}

static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 3);
    char user[200], agent[300];
    for (size_t i = 0; i + 1 < sizeof(user); i += 2)
        memcpy(user + i, "\xc3\xa5", 2);
    memset(agent, 'a', sizeof(agent));
    struct transaction tx = request_at(nine_ns, "10.1.2.3", NULL);
    tx.user_name = (struct bytes){(const uint8_t *)user, 199};
    tx.user_agent = tx.network_name = tx.db_namespace =
        (struct bytes){(const uint8_t *)agent, sizeof(agent)};
    transaction_mark(&tx, FIELD_USER_NAME);
    transaction_mark(&tx, FIELD_NETWORK_NAME);
    transaction_mark(&tx, FIELD_USER_AGENT_ORIGINAL);
    transaction_mark(&tx, FIELD_DB_NAMESPACE);
    count(&f, tx, 1);
    sessions_close(f.all);
    const struct session *s = &f.written[0];
    assert_int_equal(session_text(s, SESSION_TEXT_USER).len, SESSION_TEXT_MAX);
    assert_int_equal(session_text(s, SESSION_TEXT_NETWORK).len, SESSION_TEXT_MAX);
    size_t sum = 0;
    for (unsigned i = 0; i < SESSION_TEXTS_COUNT; i++)
        sum += session_text(s, i).len;
    assert_int_equal(sum, SESSION_TEXTS_MAX);
    assert_int_equal(session_text(s, SESSION_TEXT_AGENT).len, 0);
    struct json j = {0};
    session_write_json(&j, s, true);
    struct bytes text = {(const uint8_t *)j.text, j.len};
    assert_int_equal(bytes_find(text, bytes_of("user_agent")), text.len);
    json_clear(&j);
}

static void a_cut_never_splits_a_character(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 3);
    char user[SESSION_TEXT_MAX + 8];
    user[0] = 'x';
    for (size_t i = 1; i + 1 < sizeof(user); i += 2)
        memcpy(user + i, "\xc3\xa5", 2);
    struct transaction tx = request_at(nine_ns, "10.1.2.3", NULL);
    tx.user_name = (struct bytes){(const uint8_t *)user, sizeof(user) - 1};
    transaction_mark(&tx, FIELD_USER_NAME);
    count(&f, tx, 1);
    sessions_close(f.all);
    assert_int_equal(session_text(&f.written[0], SESSION_TEXT_USER).len, SESSION_TEXT_MAX - 1);
}

static void times_that_jump_end_nothing_badly(void **state)
{
    (void)state;
    static const int64_t jumps[] = {0, INT64_MAX, INT64_MIN, INT64_MIN + 1, -1, DAY_NS};
    struct fixture f;
    open_with(&f, 10);
    for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
        struct transaction tx = request_at(jumps[i], "10.1.2.3", "anna");
        tx.duration_ns = UINT64_MAX;
        for (size_t k = 0; k < sizeof(jumps) / sizeof(jumps[0]); k++) {
            struct transaction again = tx;
            sessions_count(f.all, &again, k % 2, jumps[k]);
            sessions_tick(f.all, jumps[k]);
        }
    }
    sessions_close(f.all);
    assert_true(f.count > 0);
}

static void a_session_without_a_writer_is_only_counted(void **state)
{
    (void)state;
    struct sessions_config config = {.sessions_max = 1, .idle_ns = 1, .interval_ns = 1};
    struct sessions *all = sessions_open(&config);
    for (uint64_t i = 0; i < 4; i++) {
        struct transaction tx = request_at(nine_ns, "10.1.2.3", "anna");
        sessions_count(all, &tx, i, nine_ns);
        sessions_tick(all, nine_ns + (int64_t)i);
    }
    assert_int_equal(sessions_counters(all).evicted, 2);
    sessions_close(all);
    sessions_close(NULL);
}

static void json_has_the_names_of_transactions(void **state)
{
    (void)state;
    struct fixture f;
    open_with(&f, 3);
    struct transaction tx = request_at(nine_ns, "10.1.2.3", "anna");
    tx.db_namespace = bytes_of("crm");
    tx.network_name = bytes_of("stockholm-2");
    tx.country = bytes_of("SE");
    tx.user_agent = bytes_of("psql");
    transaction_mark(&tx, FIELD_DB_NAMESPACE);
    transaction_mark(&tx, FIELD_NETWORK_NAME);
    transaction_mark(&tx, FIELD_CLIENT_GEO_COUNTRY_ISO_CODE);
    transaction_mark(&tx, FIELD_USER_AGENT_ORIGINAL);
    count(&f, tx, 1);
    sessions_close(f.all);
    memcpy(f.written[0].id, "0123456789abcdef", SESSION_ID_LEN);
    struct json j = {0};
    session_write_json(&j, &f.written[0], true);
    static const char expected[] =
        "{\"@timestamp\":\"2026-01-05T09:00:00.000001000Z\","
        "\"event\":{\"kind\":\"event\",\"dataset\":\"seepwatch.session\","
        "\"start\":\"2026-01-05T09:00:00.000000000Z\","
        "\"end\":\"2026-01-05T09:00:00.000001000Z\",\"duration\":1000},"
        "\"network\":{\"name\":\"stockholm-2\",\"protocol\":\"http\"},"
        "\"client\":{\"bytes\":100,\"geo\":{\"country_iso_code\":\"SE\"},"
        "\"ip\":\"10.1.2.3\",\"port\":40000},"
        "\"server\":{\"bytes\":1000,\"ip\":\"10.0.0.1\",\"port\":80},"
        "\"user\":{\"name\":\"anna\"},\"user_agent\":{\"original\":\"psql\"},"
        "\"db\":{\"namespace\":\"crm\"},\"url\":{\"domain\":\"crm.example\"},"
        "\"capture\":{\"lost_bytes\":0},"
        "\"session\":{\"id\":\"0123456789abcdef\",\"requests\":1,\"failures\":0,"
        "\"returned_rows\":0,\"affected_rows\":0}}\n";
    assert_int_equal(j.len, strlen(expected));
    assert_memory_equal(j.text, expected, j.len);
    json_restart(&j);
    session_write_json(&j, &f.written[0], false);
    struct bytes text = {(const uint8_t *)j.text, j.len};
    assert_int_equal(bytes_find(text, bytes_of("\"end\"")), text.len);
    json_clear(&j);
}

static struct transaction reading(const uint64_t *ids, size_t ids_count, const uint8_t *registers)
{
    struct transaction tx = request_at(nine_ns, "10.1.2.3", "anna");
    tx.subject_ids = (struct hashes){ids, ids_count, registers};
    transaction_mark_ids(&tx);
    return tx;
}

static void customers_of_a_session_are_counted_once_each(void **state)
{
    (void)state;
    struct fixture f;
    struct budget budget = {.bytes_max = 1 << 20};
    struct sketch many = {0};
    static const uint64_t some[] = {1, 2, 3}, others[] = {3, 4};
    open_with(&f, 3);
    count(&f, reading(some, 3, NULL), 1);
    count(&f, reading(others, 2, NULL), 1);
    sessions_tick(f.all, nine_ns);
    sessions_tick(f.all, nine_ns + 6 * MINUTE_NS);
    assert_int_equal(f.written[0].customers.count, 4);
    for (uint64_t i = 1; i <= 100000; i++)
        assert_true(sketch_add(&many, &budget, i * UINT64_C(0x9e3779b97f4a7c15), NULL));
    count(&f, reading(NULL, 0, many.registers), 1);
    assert_int_equal(sessions_counters(f.all).customers_denied, 0);
    sessions_close(f.all);
    assert_int_equal(f.count, 2);
    sketch_clear(&many, &budget);
}

static void customers_beyond_the_memory_are_told(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct sessions_config config = {
        .sessions_max = 2, .bytes_max = 64 << 10, .write = keep, .context = &f};
    struct sessions *all = sessions_open(&config);
    uint64_t ids[SUBJECT_IDS_MAX];
    for (size_t i = 0; i < SUBJECT_IDS_MAX; i++)
        ids[i] = i;
    struct transaction tx = reading(ids, SUBJECT_IDS_MAX, NULL);
    sessions_count(all, &tx, 1, nine_ns);
    assert_int_equal(sessions_counters(all).customers_denied, 0);
    sessions_count(all, &tx, 2, nine_ns);
    assert_int_equal(sessions_counters(all).customers_denied, 1);
    sessions_close(all);
    config.write = NULL; /* nobody is told, and no memory is taken */
    all = sessions_open(&config);
    for (uint64_t i = 1; i < 4; i++)
        sessions_count(all, &tx, i, nine_ns);
    assert_int_equal(sessions_counters(all).customers_denied, 0);
    sessions_close(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_of_a_connection_are_written_at_its_end),
        cmocka_unit_test(what_a_transaction_does_not_know_is_not_counted),
        cmocka_unit_test(stays_are_told_apart_by_client_account_and_domain),
        cmocka_unit_test(a_cookie_or_token_makes_one_session_wherever_it_comes_from),
        cmocka_unit_test(half_an_hour_of_quiet_ends_a_stay_and_no_connection),
        cmocka_unit_test(a_request_after_the_quiet_begins_a_new_stay_without_a_tick),
        cmocka_unit_test(what_changed_is_written_each_interval_and_what_did_not_is_not),
        cmocka_unit_test(the_same_traffic_gives_the_same_ids),
        cmocka_unit_test(too_many_sessions_write_and_forget_the_quietest),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(a_cut_never_splits_a_character),
        cmocka_unit_test(times_that_jump_end_nothing_badly),
        cmocka_unit_test(a_session_without_a_writer_is_only_counted),
        cmocka_unit_test(customers_of_a_session_are_counted_once_each),
        cmocka_unit_test(customers_beyond_the_memory_are_told),
        cmocka_unit_test(json_has_the_names_of_transactions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
