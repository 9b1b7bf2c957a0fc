/*
 * What went into the ledger comes out of it: sums by hour, customers once, and no more than the
 * limits allow.
 */
#include "tests/cmocka.h"

#include "core/sketch.h"
#include "profile/database.h"
#include "profile/ledger.h"
#include "profile/ledger_read.h"
#include "profile/ledger_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HOUR_NS (3600 * INT64_C(1000000000))
#define START_NS (490000 * HOUR_NS)

enum { PATH_LEN_MAX = 64, IDS_MAX = 4000 };

struct world {
    char folder[PATH_LEN_MAX], path[PATH_LEN_MAX];
    struct state_config config;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    (void)snprintf(w->folder, sizeof(w->folder), "/tmp/seepwatch-ledger-XXXXXX");
    if (!mkdtemp(w->folder))
        return -1;
    (void)snprintf(w->path, sizeof(w->path), "%.48s/state", w->folder);
    w->config = (struct state_config){.path = w->path, .waiting_max = 1 << 20};
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[2 * PATH_LEN_MAX];
    (void)snprintf(command, sizeof(command), "rm -r %s", w->folder);
    int status = system(command);
    free(w);
    return status;
}

static struct transaction request(const char *user, uint64_t rows, const uint64_t *ids,
                                  size_t ids_count)
{
    const uint8_t client[] = {10, 0, 0, 1}, server[] = {10, 0, 0, 2};
    struct transaction t = {.action = ACTION_READ,
                            .outcome = rows == 0 ? OUTCOME_FAILURE : OUTCOME_SUCCESS,
                            .user_name = bytes_of(user),
                            .network_name = bytes_of("north"),
                            .protocol = bytes_of("postgresql"),
                            .client_ip = address_from_ipv4(client),
                            .server_ip = address_from_ipv4(server),
                            .server_port = 5432,
                            .client_bytes = 10,
                            .server_bytes = rows * 100,
                            .returned_rows = rows,
                            .db_query_text = bytes_of("SELECT ?"),
                            .db_query_hash = 77,
                            .subject_count = ids_count,
                            .subject_ids = {.items = ids, .count = ids_count}};
    static const enum field fields[] = {FIELD_EVENT_ACTION,
                                        FIELD_EVENT_OUTCOME,
                                        FIELD_USER_NAME,
                                        FIELD_NETWORK_NAME,
                                        FIELD_NETWORK_PROTOCOL,
                                        FIELD_CLIENT_IP,
                                        FIELD_SERVER_IP,
                                        FIELD_SERVER_PORT,
                                        FIELD_CLIENT_BYTES,
                                        FIELD_SERVER_BYTES,
                                        FIELD_DB_QUERY_TEXT,
                                        FIELD_DB_QUERY_HASH,
                                        FIELD_DB_RESPONSE_RETURNED_ROWS};
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        transaction_mark(&t, fields[i]);
    if (ids_count > 0)
        transaction_mark(&t, FIELD_SUBJECT_IDS);
    return t;
}

static struct state *open_state(struct world *w)
{
    struct state *s;
    struct error error;
    if (!state_open(&s, &w->config, &error) || !state_settle(s, &error))
        fail_msg("%s", error.text);
    return s;
}

static void save(struct ledger *l, struct state *s, int64_t now_ns, bool is_written)
{
    struct error error;
    bool is_whole;
    assert_true(state_begin(s, &(struct state_moment){now_ns, 1}, &is_whole));
    ledger_save(l, s);
    if (is_written)
        state_commit(s);
    else
        state_abandon(s);
    (void)state_wait(s, &error);
    ledger_saved(l, is_written);
}

static int64_t ask(struct world *w, const char *sql)
{
    struct database *db = database_open(w->path, true);
    int64_t number = database_number(db, sql, -1);
    database_close(db);
    return number;
}

static struct ledger *begin(void)
{
    struct ledger *l = ledger_open(&(struct ledger_config){.bytes_max = 16 << 20, .seed = 1});
    assert_non_null(l);
    return l;
}

static void an_hour_adds_up_over_snapshots(void **context)
{
    struct world *w = *context;
    struct state *s = open_state(w);
    struct ledger *l = begin();
    const uint64_t ids[] = {1, 2, 3, 4};
    for (int i = 0; i < 10; i++) {
        const struct transaction t = request("anna", (uint64_t)i, ids + i % 3, 2);
        ledger_count(l, &t, START_NS + i);
        if (i % 4 == 3)
            save(l, s, START_NS + i, i != 3); /* the first one was given up */
    }
    const struct transaction other = request("bo", 5, NULL, 0);
    ledger_count(l, &other, START_NS + HOUR_NS);
    save(l, s, START_NS + HOUR_NS, true);
    state_close(s);
    ledger_close(l);
    assert_int_equal(ask(w, "SELECT count(*) FROM ledger"), 2);
    assert_int_equal(ask(w, "SELECT requests FROM ledger WHERE user = 'anna'"), 10);
    assert_int_equal(ask(w, "SELECT failures FROM ledger WHERE user = 'anna'"), 1);
    assert_int_equal(ask(w, "SELECT records FROM ledger WHERE user = 'anna'"), 45);
    assert_int_equal(ask(w, "SELECT server_bytes FROM ledger WHERE user = 'anna'"), 4500);
    assert_int_equal(ask(w, "SELECT customers FROM ledger WHERE user = 'anna'"), 4);
    assert_int_equal(ask(w, "SELECT count(*) FROM ledger WHERE shape = 'SELECT ?' AND source = "
                            "'10.0.0.1' AND server = '10.0.0.2' AND port = 5432 AND action = 'read'"
                            " AND protocol = 'postgresql' AND network = 'north'"),
                     2);
    assert_int_equal(ask(w, "SELECT strftime('%s', time) / 3600 FROM ledger WHERE user = 'bo'"),
                     490001);
}

static void it_comes_back_as_transactions(void **context)
{
    struct world *w = *context;
    struct state *s = open_state(w);
    struct ledger *l = begin();
    static uint64_t ids[IDS_MAX];
    struct error error;
    for (size_t i = 0; i < IDS_MAX; i++)
        ids[i] = hash_bytes((struct bytes){(const uint8_t *)&i, sizeof(i)}, 1);
    for (size_t i = 0; i < 30; i++) {
        struct transaction few = request("anna", 7, ids + i, 2);
        struct transaction many = request("bo", i, ids + i * 100, 200);
        ledger_count(l, &few, START_NS + (int64_t)i % 2 * HOUR_NS);
        ledger_count(l, &many, START_NS);
    }
    save(l, s, START_NS, true);
    state_close(s);
    ledger_close(l);
    struct ledger_reader *r = NULL;
    if (!ledger_reader_is(w->path) || !ledger_reader_open(&r, w->path, &error))
        fail_msg("%s", error.text);
    uint64_t rows[2] = {0}, requests[2] = {0}, failures = 0;
    struct budget budget = {.bytes_max = 1 << 20};
    struct sketch seen[2] = {{0}};
    int64_t before_ns = 0;
    const struct transaction *t;
    while ((t = ledger_reader_next(r, INT64_MAX))) {
        size_t who = bytes_are(t->user_name, "bo");
        assert_true(t->start_ns >= before_ns && t->start_ns < START_NS + 2 * HOUR_NS);
        before_ns = t->start_ns;
        requests[who]++;
        rows[who] += t->returned_rows;
        failures += t->outcome == OUTCOME_FAILURE;
        for (size_t i = 0; transaction_has(t, FIELD_SUBJECT_IDS) && i < t->subject_ids.count; i++)
            assert_true(sketch_add(&seen[who], &budget, t->subject_ids.items[i], NULL));
        if (transaction_has(t, FIELD_SUBJECT_IDS) && t->subject_ids.registers)
            assert_true(sketch_merge_registers(&seen[who], &budget, t->subject_ids.registers));
    }
    assert_false(ledger_reader_failed(r));
    ledger_reader_close(r);
    assert_true(requests[0] == 30 && requests[1] == 30 && failures == 1);
    assert_true(rows[0] == 210 && rows[1] == 29 * 30 / 2);
    assert_int_equal(sketch_count(&seen[0]), 31);
    uint64_t many = sketch_count(&seen[1]);
    assert_true(many > 3100 * 97 / 100 && many < 3100 * 103 / 100);
    for (size_t i = 0; i < 2; i++)
        sketch_clear(&seen[i], &budget);
}

static struct ledger_reader *read_back(struct world *w)
{
    struct ledger_reader *r = NULL;
    struct error error;
    if (!ledger_reader_open(&r, w->path, &error))
        fail_msg("%s", error.text);
    return r;
}

/* 20 requests of Anna: 5 with 3 rows each and one with 500; one of 40 customers among those of one,
 * the others of nobody. */
static void the_largest_come_back_too(void **context)
{
    struct world *w = *context;
    struct state *s = open_state(w);
    struct ledger *l = begin();
    uint64_t ids[51], most_rows = 0, most_customers = 0, most_bytes = 0, rows = 0, customers = 0;
    size_t with_rows = 0, with_customers = 0, count = 0;
    for (size_t i = 0; i < 51; i++)
        ids[i] = i + 1;
    for (size_t i = 0; i < 20; i++) {
        size_t ids_count = i == 6 ? 40 : i < 9;
        struct transaction t = request("anna", i == 12 ? 500 : 3 * (i < 5), ids + i, ids_count);
        t.outcome = i > 16 ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
        if (ids_count > 0)
            transaction_mark(&t, FIELD_SUBJECT_COUNT);
        ledger_count(l, &t, START_NS + (int64_t)i);
        if (i == 9) /* what comes later is added to it */
            save(l, s, START_NS, true);
    }
    save(l, s, START_NS, true);
    state_close(s);
    ledger_close(l);
    assert_int_equal(ask(w, "SELECT records_most FROM ledger"), 500);
    assert_int_equal(ask(w, "SELECT customers_most FROM ledger"), 40);
    assert_int_equal(ask(w, "SELECT customers_shown FROM ledger"), 48);
    struct ledger_reader *r = read_back(w);
    struct budget budget = {.bytes_max = 1 << 20};
    struct sketch seen = {0};
    for (const struct transaction *t; (t = ledger_reader_next(r, INT64_MAX)); count++) {
        bool is_empty = t->returned_rows == 0 && !transaction_has(t, FIELD_SUBJECT_COUNT);
        assert_true(t->outcome == OUTCOME_SUCCESS || is_empty);
        most_rows = t->returned_rows > most_rows ? t->returned_rows : most_rows;
        most_bytes = t->server_bytes > most_bytes ? t->server_bytes : most_bytes;
        rows += t->returned_rows;
        with_rows += t->returned_rows > 0;
        assert_int_equal(t->db_query_hash, 77);
        if (!transaction_has(t, FIELD_SUBJECT_COUNT))
            continue;
        with_customers++;
        customers += t->subject_count;
        most_customers = t->subject_count > most_customers ? t->subject_count : most_customers;
        assert_int_equal(t->subject_ids.count, t->subject_count);
        for (size_t i = 0; i < t->subject_ids.count; i++)
            assert_true(sketch_add(&seen, &budget, t->subject_ids.items[i], NULL));
    }
    assert_true(count == 20 && rows == 515 && with_rows == 6);
    assert_true(customers == 48 && with_customers == 9);
    assert_true(most_rows == 500 && most_customers == 40 && most_bytes == 50000);
    assert_int_equal(sketch_count(&seen), 46);
    assert_int_equal(ledger_reader_older(r), 0);
    sketch_clear(&seen, &budget);
    ledger_reader_close(r);
}

/* By what each has, not by the protocol's name. */
static void records_come_back_as_what_they_were(void **context)
{
    static const field_set of_databases = FIELD_BIT(FIELD_DB_QUERY_TEXT) |
                                          FIELD_BIT(FIELD_DB_QUERY_HASH) |
                                          FIELD_BIT(FIELD_DB_RESPONSE_RETURNED_ROWS);
    struct world *w = *context;
    struct state *s = open_state(w);
    struct ledger *l = begin();
    struct transaction message = request("anna", 0, NULL, 0), login = request("anna", 1, NULL, 0);
    message.protocol = bytes_of("websocket");
    message.present &= ~of_databases;
    message.response_records = 9;
    transaction_mark(&message, FIELD_HTTP_RESPONSE_RECORDS);
    struct transaction call = message;
    call.protocol = bytes_of("http2");
    call.url_template = bytes_of("/shop.Customers/Get");
    transaction_mark(&call, FIELD_URL_TEMPLATE);
    login.present &= ~of_databases;
    login.db_system = bytes_of("postgresql");
    transaction_mark(&login, FIELD_DB_SYSTEM_NAME);
    ledger_count(l, &message, START_NS);
    ledger_count(l, &call, START_NS + HOUR_NS);
    ledger_count(l, &login, START_NS + 2 * HOUR_NS);
    save(l, s, START_NS, true);
    state_close(s);
    ledger_close(l);
    struct ledger_reader *r = read_back(w);
    const struct transaction *t = ledger_reader_next(r, INT64_MAX);
    assert_true(bytes_are(t->protocol, "websocket") && t->response_records == 9);
    assert_true((t->present & (of_databases | FIELD_BIT(FIELD_URL_TEMPLATE))) == 0);
    t = ledger_reader_next(r, INT64_MAX);
    assert_true(bytes_are(t->protocol, "http2") && t->response_records == 9);
    assert_true(bytes_are(t->url_template, "/shop.Customers/Get"));
    assert_true((t->present & of_databases) == 0);
    t = ledger_reader_next(r, INT64_MAX);
    assert_true(bytes_are(t->protocol, "postgresql") && bytes_are(t->db_system, "postgresql"));
    assert_true((t->present & (of_databases | FIELD_BIT(FIELD_HTTP_RESPONSE_RECORDS))) == 0);
    ledger_reader_close(r);
}

/* An hour of the first program's, and then of this one. */
static void an_older_ledger_is_read_and_goes_on(void **context)
{
    struct world *w = *context;
    struct database *db = database_open(w->path, false);
    assert_true(database_run(db,
                             "PRAGMA application_id = 1399154032; PRAGMA user_version = 1;"
                             "CREATE TABLE part(id INTEGER PRIMARY KEY, name TEXT NOT NULL"
                             " UNIQUE, seen INTEGER NOT NULL, head BLOB NOT NULL);"
                             "CREATE TABLE entry(id INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
                             " value BLOB NOT NULL);" LEDGER_SCHEMA
                             "CREATE VIEW ledger AS SELECT user FROM ledger_entry;"
                             "INSERT INTO ledger_shape VALUES (77, 490000, 'mysql', 'SELECT ?');"
                             "INSERT INTO ledger_entry VALUES (490000, 'anna', '10.0.0.1',"
                             " '10.0.0.2', 3306, 77, 'read', 'north', 4, 1, 40, 10, 4000, 0, 0,"
                             " x'')"));
    database_close(db);
    for (int round = 0; round < 2; round++) {
        struct ledger_reader *r = read_back(w);
        uint64_t rows = 0, count = 0;
        for (const struct transaction *t; count < 4 && (t = ledger_reader_next(r, INT64_MAX));
             count++) {
            assert_true(bytes_are(t->protocol, "mysql") && t->db_query_hash == 77);
            assert_int_equal(t->returned_rows, 10);
            rows += t->returned_rows;
        }
        assert_true(rows == 40 && count == 4);
        assert_int_equal(ledger_reader_older(r), 1);
        assert_int_equal(ledger_reader_next(r, INT64_MAX) != NULL, round == 1);
        ledger_reader_close(r);
        struct state *s = open_state(w);
        struct ledger *l = begin();
        const struct transaction t = request("bo", 5, NULL, 0);
        ledger_count(l, &t, START_NS + HOUR_NS);
        save(l, s, START_NS + HOUR_NS, true);
        state_close(s);
        ledger_close(l);
    }
    assert_int_equal(ask(w, "SELECT sum(requests) FROM ledger WHERE records_most = 5"), 2);
    assert_int_equal(ask(w, "SELECT records FROM ledger WHERE records_most IS NULL"), 40);
}

static void what_is_too_old_or_too_much_goes(void **context)
{
    struct world *w = *context;
    w->config.ledger_age_ns = 48 * HOUR_NS;
    struct state *s = open_state(w);
    struct ledger *l = begin();
    for (int64_t hour = 0; hour < 100; hour++) {
        const struct transaction t = request("anna", 1, NULL, 0);
        ledger_count(l, &t, START_NS + hour * HOUR_NS);
        save(l, s, START_NS + hour * HOUR_NS, true);
    }
    assert_int_equal(state_counters(s).ledger_rows, 100);
    assert_int_equal(state_counters(s).ledger_pruned, 51);
    state_close(s);
    assert_int_equal(ask(w, "SELECT count(*) FROM ledger"), 49);
    w->config.ledger_bytes_max = 1 << 20;
    s = open_state(w);
    for (int64_t hour = 100; hour < 120; hour++) {
        for (int i = 0; i < 1000; i++) {
            char user[32];
            (void)snprintf(user, sizeof(user), "user-%d", i);
            const struct transaction t = request(user, 1, NULL, 0);
            ledger_count(l, &t, START_NS + hour * HOUR_NS);
        }
        save(l, s, START_NS + hour * HOUR_NS, true);
    }
    state_close(s);
    ledger_close(l);
    assert_true(ask(w, "SELECT (SELECT page_count FROM pragma_page_count) * 4096") < 2 << 20);
    assert_true(ask(w, "SELECT min(hour) FROM ledger_entry") > 490100);
    assert_int_equal(ask(w, "SELECT max(hour) FROM ledger_entry"), 490119);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_hour_adds_up_over_snapshots),      TEST(it_comes_back_as_transactions),
        TEST(the_largest_come_back_too),           TEST(records_come_back_as_what_they_were),
        TEST(an_older_ledger_is_read_and_goes_on), TEST(what_is_too_old_or_too_much_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
