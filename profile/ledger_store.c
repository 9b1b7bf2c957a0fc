/*
 * Rows are added to where they are: an hour may come in several snapshots.  The number of customers
 * stands beside their sketch, so that a query needs no sketches.
 */
#include "profile/ledger_store.h"

#include <stdlib.h>

enum {
    CUSTOMERS_BYTES_MAX = 1 << 20, /* for the sketches of one row */
    HOUR_S = 3600,
};

#define HOUR_NS (HOUR_S * INT64_C(1000000000))

enum statement_kind { SEEN, PUT, SHAPE, PRUNE, PRUNE_SHAPES, OLDEST, STATEMENTS_COUNT };

#define LEDGER_KEY "hour, user, source, server, port, shape, action"

/* What an older program did not write down counts as 0 until then. */
static const char *const statements[STATEMENTS_COUNT] = {
    [SEEN] = "SELECT customers_seen FROM ledger_entry WHERE hour = ? AND user = ? AND source = ? "
             "AND server = ? AND port = ? AND shape = ? AND action = ?",
    [PUT] =
        "INSERT INTO ledger_entry(" LEDGER_KEY ", network, requests, failures, lost_bytes,"
        " requests_with_records, requests_with_customers, records, client_bytes, server_bytes,"
        " customers_shown, records_most, client_bytes_most, server_bytes_most, customers_most,"
        " marks, customers, customers_seen, protocol, system)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT(" LEDGER_KEY ") DO UPDATE SET requests = requests + excluded.requests,"
        " failures = failures + excluded.failures, lost_bytes = lost_bytes + excluded.lost_bytes,"
        " requests_with_records = ifnull(requests_with_records, 0) +"
        " excluded.requests_with_records,"
        " requests_with_customers = ifnull(requests_with_customers, 0) +"
        " excluded.requests_with_customers,"
        " records = records + excluded.records,"
        " client_bytes = client_bytes + excluded.client_bytes,"
        " server_bytes = server_bytes + excluded.server_bytes,"
        " customers_shown = ifnull(customers_shown, 0) + excluded.customers_shown,"
        " records_most = max(ifnull(records_most, 0), excluded.records_most),"
        " client_bytes_most = max(ifnull(client_bytes_most, 0), excluded.client_bytes_most),"
        " server_bytes_most = max(ifnull(server_bytes_most, 0), excluded.server_bytes_most),"
        " customers_most = max(ifnull(customers_most, 0), excluded.customers_most),"
        " marks = ifnull(marks, 0) | excluded.marks, customers = excluded.customers,"
        " customers_seen = excluded.customers_seen, protocol = excluded.protocol,"
        " system = excluded.system",
    [SHAPE] = "INSERT INTO ledger_shape(id, hour, protocol, text) VALUES (?, ?, ?, ?)"
              " ON CONFLICT(id) DO UPDATE SET hour = max(hour, excluded.hour)",
    [PRUNE] = "DELETE FROM ledger_entry WHERE hour < ?",
    [PRUNE_SHAPES] = "DELETE FROM ledger_shape WHERE hour < ?",
    [OLDEST] = "SELECT min(hour) FROM ledger_entry",
};

struct ledger_store {
    struct database *db;
    struct ledger_limits limits;
    int64_t now_ns;
    struct statement *statements[STATEMENTS_COUNT];
};

/* A row in its texts, as it goes into the tables. */
struct row {
    struct ledger_key key;
    struct ledger_sums sums;
    struct sketch customers;
    char source[ADDRESS_TEXT_MAX], server[ADDRESS_TEXT_MAX];
};

void ledger_row_save(struct pack *p, const struct ledger_key *key, const struct ledger_sums *sums,
                     const struct sketch *customers)
{
    const struct bytes texts[] = {key->user,   key->network, key->protocol,
                                  key->system, key->action,  key->shape};
    const uint64_t numbers[] = {sums->requests,     sums->failures,       sums->lost_bytes,
                                sums->with_records, sums->with_customers, sums->marks};
    pack_signed(p, key->hour);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        pack_string(p, texts[i]);
    pack_bytes(p, (struct bytes){key->source.octets, sizeof(key->source.octets)});
    pack_bytes(p, (struct bytes){key->server.octets, sizeof(key->server.octets)});
    pack_number(p, key->port);
    pack_u64(p, key->shape_id);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        pack_number(p, numbers[i]);
    for (size_t i = 0; i < LEDGER_AMOUNTS_COUNT; i++) {
        pack_number(p, sums->sum[i]);
        pack_number(p, sums->most[i]);
    }
    sketch_save(customers, p);
}

static void load_address(struct address *a, struct cursor *c)
{
    struct bytes octets = cursor_take(c, sizeof(a->octets));
    if (octets.len > 0)
        memcpy(a->octets, octets.data, octets.len);
}

/* SQLite's numbers have a sign. */
static uint64_t load_sum(struct cursor *c)
{
    uint64_t sum = unpack_number(c);
    return sum < INT64_MAX / 2 ? sum : INT64_MAX / 2;
}

static bool row_load(struct row *r, struct budget *b, struct cursor *c)
{
    struct ledger_key *k = &r->key;
    struct ledger_sums *s = &r->sums;
    k->hour = unpack_signed(c);
    k->user = unpack_string(c, LEDGER_NAME_MAX);
    k->network = unpack_string(c, LEDGER_NAME_MAX);
    k->protocol = unpack_string(c, LEDGER_WORD_MAX);
    k->system = unpack_string(c, LEDGER_WORD_MAX);
    k->action = unpack_string(c, LEDGER_WORD_MAX);
    k->shape = unpack_string(c, LEDGER_SHAPE_MAX);
    load_address(&k->source, c);
    load_address(&k->server, c);
    k->port = unpack_number(c);
    k->shape_id = unpack_u64(c);
    s->requests = load_sum(c);
    s->failures = load_sum(c);
    s->lost_bytes = load_sum(c);
    s->with_records = load_sum(c);
    s->with_customers = load_sum(c);
    s->marks = load_sum(c);
    for (size_t i = 0; i < LEDGER_AMOUNTS_COUNT; i++) {
        s->sum[i] = load_sum(c);
        s->most[i] = load_sum(c);
    }
    return sketch_load(&r->customers, b, c) && unpack_done(c);
}

static bool is_older(struct database *db)
{
    return database_number(db,
                           "SELECT count(*) FROM pragma_table_info('ledger_entry')"
                           " WHERE name = 'marks'",
                           0) == 0;
}

/* Columns that the first programs did not have; their rows have nothing there. */
static const char added[] =
    "BEGIN;"
    "ALTER TABLE ledger_entry ADD COLUMN protocol TEXT;"
    "ALTER TABLE ledger_entry ADD COLUMN system TEXT;"
    "ALTER TABLE ledger_entry ADD COLUMN marks INTEGER;"
    "ALTER TABLE ledger_entry ADD COLUMN requests_with_records INTEGER;"
    "ALTER TABLE ledger_entry ADD COLUMN requests_with_customers INTEGER;"
    "ALTER TABLE ledger_entry ADD COLUMN customers_shown INTEGER;"
    "ALTER TABLE ledger_entry ADD COLUMN customers_most INTEGER;"
    "ALTER TABLE ledger_entry ADD COLUMN records_most INTEGER;"
    "ALTER TABLE ledger_entry ADD COLUMN client_bytes_most INTEGER;"
    "ALTER TABLE ledger_entry ADD COLUMN server_bytes_most INTEGER;"
    "DROP VIEW IF EXISTS ledger;"
    "CREATE VIEW ledger AS SELECT datetime(e.hour * 3600, 'unixepoch') AS time, e.user, e.network,"
    " e.source, e.server, e.port, ifnull(e.protocol, s.protocol) AS protocol, e.action,"
    " s.text AS shape, e.requests, e.failures, e.requests_with_records, e.records, e.records_most,"
    " e.client_bytes, e.client_bytes_most, e.server_bytes, e.server_bytes_most, e.lost_bytes,"
    " e.customers, e.requests_with_customers, e.customers_shown, e.customers_most"
    " FROM ledger_entry e LEFT JOIN ledger_shape s ON s.id = e.shape;"
    "COMMIT";

/* A program of the first ones goes on with what that makes of its tables. */
static bool add_columns(struct database *db)
{
    if (!is_older(db) || database_run(db, added))
        return true;
    (void)database_run(db, "ROLLBACK");
    return false;
}

struct ledger_store *ledger_store_open(struct database *db, const struct ledger_limits *limits)
{
    struct ledger_store *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    l->db = db;
    l->limits = *limits;
    if (!add_columns(db)) {
        free(l);
        return NULL;
    }
    for (size_t i = 0; i < STATEMENTS_COUNT; i++) {
        l->statements[i] = database_prepare(db, statements[i]);
        if (!l->statements[i]) {
            ledger_store_close(l);
            return NULL;
        }
    }
    return l;
}

void ledger_store_close(struct ledger_store *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < STATEMENTS_COUNT; i++)
        statement_close(l->statements[i]);
    free(l);
}

void ledger_store_begin(struct ledger_store *l, int64_t now_ns)
{
    l->now_ns = now_ns;
}

static struct bytes address_text(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
    static const struct address unknown;
    size_t len = address_equal(a, &unknown) ? 0 : address_print(a, text);
    return (struct bytes){(const uint8_t *)text, len};
}

static void bind_key(struct statement *s, struct row *r)
{
    statement_set_number(s, 1, r->key.hour);
    statement_set_text(s, 2, r->key.user);
    statement_set_text(s, 3, address_text(&r->key.source, r->source));
    statement_set_text(s, 4, address_text(&r->key.server, r->server));
    statement_set_number(s, 5, (int64_t)r->key.port);
    statement_set_number(s, 6, (int64_t)r->key.shape_id);
    statement_set_text(s, 7, r->key.action);
}

/* Adds the customers that the tables have of this row already. */
static bool add_seen(struct ledger_store *l, struct row *r, struct budget *b)
{
    struct statement *seen = l->statements[SEEN];
    struct sketch before = {0};
    bind_key(seen, r);
    enum database_status status = statement_step(seen);
    if (status == DATABASE_ROW) {
        struct cursor c = cursor_over(statement_bytes(seen, 0));
        /* one that cannot be read counts for nothing */
        if (sketch_load(&before, b, &c) && !sketch_merge(&r->customers, b, &before))
            status = DATABASE_FAILED;
        sketch_clear(&before, b);
    }
    statement_reset(seen);
    return status == DATABASE_ROW || status == DATABASE_DONE;
}

static bool run(struct statement *s)
{
    bool is_good = statement_step(s) == DATABASE_DONE;
    statement_reset(s);
    return is_good;
}

static bool put_shape(struct ledger_store *l, const struct row *r)
{
    struct statement *s = l->statements[SHAPE];
    statement_set_number(s, 1, (int64_t)r->key.shape_id);
    statement_set_number(s, 2, r->key.hour);
    statement_set_text(s, 3, r->key.protocol);
    statement_set_text(s, 4, r->key.shape);
    return run(s);
}

static bool put_row(struct ledger_store *l, struct row *r)
{
    struct pack customers = {0};
    struct statement *s = l->statements[PUT];
    const uint64_t numbers[] = {r->sums.requests, r->sums.failures, r->sums.lost_bytes,
                                r->sums.with_records, r->sums.with_customers};
    int at = 8;
    sketch_save(&r->customers, &customers);
    bind_key(s, r);
    statement_set_text(s, at++, r->key.network);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        statement_set_number(s, at++, (int64_t)numbers[i]);
    for (size_t i = 0; i < LEDGER_AMOUNTS_COUNT; i++)
        statement_set_number(s, at++, (int64_t)r->sums.sum[i]);
    for (size_t i = 0; i < LEDGER_AMOUNTS_COUNT; i++)
        statement_set_number(s, at++, (int64_t)r->sums.most[i]);
    statement_set_number(s, at++, (int64_t)r->sums.marks);
    statement_set_number(s, at++, (int64_t)sketch_count(&r->customers));
    statement_set_bytes(s, at++, pack_view(&customers));
    statement_set_text(s, at++, r->key.protocol);
    statement_set_text(s, at, r->key.system);
    bool is_put = !customers.has_failed && run(s);
    pack_clear(&customers);
    return is_put;
}

bool ledger_store_put(struct ledger_store *l, struct cursor *row, struct ledger_written *written)
{
    struct budget budget = {.bytes_max = CUSTOMERS_BYTES_MAX};
    struct row r = {.key = {.hour = 0}};
    bool is_put = row_load(&r, &budget, row) && add_seen(l, &r, &budget) && put_shape(l, &r) &&
                  put_row(l, &r);
    sketch_clear(&r.customers, &budget);
    written->rows += is_put;
    return is_put;
}

static int64_t oldest_hour(struct ledger_store *l)
{
    struct statement *s = l->statements[OLDEST];
    int64_t hour = statement_step(s) == DATABASE_ROW ? statement_number(s, 0) : 0;
    statement_reset(s);
    return hour;
}

static bool prune_before(struct ledger_store *l, int64_t hour, struct ledger_written *written)
{
    statement_set_number(l->statements[PRUNE], 1, hour);
    statement_set_number(l->statements[PRUNE_SHAPES], 1, hour);
    bool is_pruned = run(l->statements[PRUNE]);
    written->pruned += is_pruned ? database_changes(l->db) : 0;
    return is_pruned && run(l->statements[PRUNE_SHAPES]);
}

/* Bytes in use; pages that are free are taken again. */
static uint64_t size_of(struct ledger_store *l)
{
    int64_t pages = database_number(l->db, "PRAGMA page_count", 0) -
                    database_number(l->db, "PRAGMA freelist_count", 0);
    return (uint64_t)(pages * database_number(l->db, "PRAGMA page_size", 0));
}

bool ledger_store_prune(struct ledger_store *l, struct ledger_written *written)
{
    bool is_good = true;
    int64_t now = l->now_ns / HOUR_NS, oldest = oldest_hour(l);
    int64_t age = l->limits.age_ns / HOUR_NS;
    if (age > 0 && oldest > 0 && oldest < now - age)
        is_good = prune_before(l, now - age, written);
    for (int i = 0; is_good && l->limits.bytes_max > 0 && i < LEDGER_PRUNE_HOURS_MAX &&
                    size_of(l) > l->limits.bytes_max && (oldest = oldest_hour(l)) > 0;
         i++)
        is_good = prune_before(l, oldest + 1, written);
    return is_good;
}

struct ledger_cursor {
    struct statement *all;
};

/* The columns of a cursor. */
enum column {
    HOUR,
    USER,
    SOURCE,
    SERVER,
    PORT,
    SHAPE_ID,
    ACTION,
    NETWORK,
    REQUESTS,
    FAILURES,
    LOST_BYTES,
    SEEN_CUSTOMERS,
    TEXT,
    PROTOCOL,
    SYSTEM,
    MARKS,
    WITH_RECORDS,
    WITH_CUSTOMERS,
    SUMS,
    MOSTS = SUMS + LEDGER_AMOUNTS_COUNT
};

#define SELECT_ROWS(added)                                                                         \
    "SELECT e.hour, e.user, e.source, e.server, e.port, e.shape, e.action, e.network, e.requests," \
    " e.failures, e.lost_bytes, e.customers_seen, s.text, " added                                  \
    " FROM ledger_entry e LEFT JOIN ledger_shape s ON s.id = e.shape ORDER BY e.hour"

static const char rows[] =
    SELECT_ROWS("ifnull(e.protocol, s.protocol), e.system, e.marks, e.requests_with_records,"
                " e.requests_with_customers, e.records, e.client_bytes, e.server_bytes,"
                " e.customers_shown, e.records_most, e.client_bytes_most, e.server_bytes_most,"
                " e.customers_most");
static const char older_rows[] =
    SELECT_ROWS("s.protocol, NULL, 0, 0, 0, e.records, e.client_bytes, e.server_bytes, 0, 0, 0, 0,"
                " 0");

struct ledger_cursor *ledger_cursor_open(struct database *db)
{
    struct ledger_cursor *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->all = database_prepare(db, is_older(db) ? older_rows : rows);
    if (c->all)
        return c;
    free(c);
    return NULL;
}

void ledger_cursor_close(struct ledger_cursor *c)
{
    if (!c)
        return;
    statement_close(c->all);
    free(c);
}

static uint64_t sum_at(struct statement *s, int column)
{
    int64_t sum = statement_number(s, column);
    return sum > 0 ? (uint64_t)sum : 0;
}

enum database_status ledger_cursor_next(struct ledger_cursor *c, struct ledger_key *key,
                                        struct ledger_sums *sums, struct sketch *customers,
                                        struct budget *budget)
{
    struct statement *s = c->all;
    enum database_status status = statement_step(s);
    if (status != DATABASE_ROW)
        return status;
    *key = (struct ledger_key){.hour = statement_number(s, HOUR),
                               .user = statement_bytes(s, USER),
                               .network = statement_bytes(s, NETWORK),
                               .protocol = statement_bytes(s, PROTOCOL),
                               .system = statement_bytes(s, SYSTEM),
                               .action = statement_bytes(s, ACTION),
                               .shape = statement_bytes(s, TEXT),
                               .port = (uint64_t)statement_number(s, PORT),
                               .shape_id = (uint64_t)statement_number(s, SHAPE_ID)};
    (void)address_parse(&key->source, statement_bytes(s, SOURCE));
    (void)address_parse(&key->server, statement_bytes(s, SERVER));
    *sums = (struct ledger_sums){.requests = sum_at(s, REQUESTS),
                                 .failures = sum_at(s, FAILURES),
                                 .lost_bytes = sum_at(s, LOST_BYTES),
                                 .with_records = sum_at(s, WITH_RECORDS),
                                 .with_customers = sum_at(s, WITH_CUSTOMERS),
                                 .marks = sum_at(s, MARKS)};
    for (int i = 0; i < LEDGER_AMOUNTS_COUNT; i++) {
        sums->sum[i] = sum_at(s, SUMS + i);
        sums->most[i] = sum_at(s, MOSTS + i);
    }
    struct cursor seen = cursor_over(statement_bytes(s, SEEN_CUSTOMERS));
    if (!sketch_load(customers, budget, &seen))
        sketch_clear(customers, budget);
    return DATABASE_ROW;
}
