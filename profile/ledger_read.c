/*
 * An hour's rows are in memory at once, with what of each comes when.
 */
#include "profile/ledger_read.h"

#include "profile/ledger_store.h"

#include <stdio.h>
#include <stdlib.h>

enum { HOUR_ROWS_MIN = 64, CUSTOMERS_BYTES_MAX = 256 << 20 };

#define HOUR_NS (3600 * INT64_C(1000000000))

struct row {
    struct ledger_key key; /* its texts are in `texts` */
    struct ledger_sums sums;
    struct sketch customers;
    uint8_t texts[2 * LEDGER_NAME_MAX + 2 * LEDGER_WORD_MAX + LEDGER_SHAPE_MAX];
    uint64_t count; /* of its transactions */
};

/* The number-th transaction of a row. */
struct event {
    int64_t time_ns;
    uint32_t row, number;
};

struct ledger_reader {
    struct database *db;
    struct ledger_cursor *cursor;
    struct budget budget; /* of the customers' sketches */
    struct row *rows;     /* of the hour */
    size_t rows_count, rows_size;
    struct event *events;
    size_t events_count, events_size, next;
    struct row ahead; /* the first of the next hour */
    bool has_begun, has_ahead, has_failed;
    uint64_t cut;
    struct transaction transaction;
};

bool ledger_reader_is(const char *path)
{
    static const char magic[] = "SQLite format 3";
    char head[sizeof(magic)] = "";
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    bool is_read = fread(head, sizeof(head), 1, f) == 1;
    (void)fclose(f);
    return is_read && memcmp(head, magic, sizeof(magic)) == 0;
}

bool ledger_reader_open(struct ledger_reader **reader, const char *path, struct error *error)
{
    struct ledger_reader *r = *reader = calloc(1, sizeof(*r));
    if (!r)
        return error_set(error, ERROR_WORK, "no memory");
    r->budget.bytes_max = CUSTOMERS_BYTES_MAX;
    r->db = database_open(path, true);
    if (r->db && database_status(r->db) == DATABASE_DONE &&
        database_number(r->db, "PRAGMA application_id", 0) == DATABASE_ID)
        r->cursor = ledger_cursor_open(r->db);
    if (r->cursor)
        return true;
    (void)error_set(error, ERROR_WORK, "%s: is no state of seepwatch that can be read (%s)", path,
                    r->db ? database_why(r->db) : "no memory");
    ledger_reader_close(r);
    *reader = NULL;
    return false;
}

static void clear_rows(struct ledger_reader *r)
{
    for (size_t i = 0; i < r->rows_count; i++)
        sketch_clear(&r->rows[i].customers, &r->budget);
    r->rows_count = r->events_count = r->next = 0;
}

void ledger_reader_close(struct ledger_reader *r)
{
    if (!r)
        return;
    clear_rows(r);
    sketch_clear(&r->ahead.customers, &r->budget);
    ledger_cursor_close(r->cursor);
    database_close(r->db);
    free(r->rows);
    free(r->events);
    free(r);
}

bool ledger_reader_failed(const struct ledger_reader *r)
{
    return r->has_failed;
}

uint64_t ledger_reader_cut(const struct ledger_reader *r)
{
    return r->cut;
}

/* Room for one more of an array; false without memory. */
static bool make_room(void *array, size_t *size, size_t count, size_t one)
{
    void *old, *moved;
    if (count < *size)
        return true;
    memcpy(&old, array, sizeof(old));
    size_t wanted = *size ? *size * 2 : HOUR_ROWS_MIN;
    moved = realloc(old, wanted * one);
    if (!moved)
        return false;
    memcpy(array, &moved, sizeof(moved));
    *size = wanted;
    return true;
}

enum { TEXTS = 5 };

static void list_texts(struct ledger_key *k, struct bytes *list[TEXTS])
{
    struct bytes *const all[TEXTS] = {&k->user, &k->network, &k->protocol, &k->action, &k->shape};
    memcpy(list, all, sizeof(all));
}

/* Copies the texts of a key into the row. */
static void keep_texts(struct row *row)
{
    static const size_t most[TEXTS] = {LEDGER_NAME_MAX, LEDGER_NAME_MAX, LEDGER_WORD_MAX,
                                       LEDGER_WORD_MAX, LEDGER_SHAPE_MAX};
    struct bytes *list[TEXTS];
    uint8_t *to = row->texts;
    list_texts(&row->key, list);
    for (size_t i = 0; i < TEXTS; i++) {
        struct bytes text = bytes_first(*list[i], most[i]);
        if (text.len > 0)
            memcpy(to, text.data, text.len);
        *list[i] = (struct bytes){to, text.len};
        to += text.len;
    }
}

/* Finds them again in a row that has moved. */
static void find_texts(struct row *row)
{
    struct bytes *list[TEXTS];
    const uint8_t *at = row->texts;
    list_texts(&row->key, list);
    for (size_t i = 0; i < TEXTS; i++) {
        list[i]->data = at;
        at += list[i]->len;
    }
}

/* The next row of the tables, with its texts in it; false at the end. */
static bool read_ahead(struct ledger_reader *r)
{
    struct row *row = &r->ahead;
    *row = (struct row){.count = 0};
    enum database_status status =
        ledger_cursor_next(r->cursor, &row->key, &row->sums, &row->customers, &r->budget);
    r->has_failed = r->has_failed || (status != DATABASE_ROW && status != DATABASE_DONE);
    if (status != DATABASE_ROW)
        return false;
    keep_texts(row);
    row->count = row->sums.requests > 0 ? row->sums.requests : 1;
    r->cut += row->count > LEDGER_SPREAD_MAX;
    if (row->count > LEDGER_SPREAD_MAX)
        row->count = LEDGER_SPREAD_MAX;
    return true;
}

static int by_time(const void *a, const void *b)
{
    const struct event *one = a, *other = b;
    if (one->time_ns != other->time_ns)
        return one->time_ns < other->time_ns ? -1 : 1;
    return one->row != other->row ? (one->row < other->row ? -1 : 1) : 0;
}

static bool spread(struct ledger_reader *r)
{
    for (uint32_t row = 0; row < r->rows_count; row++) {
        const struct row *of = &r->rows[row];
        for (uint32_t i = 0; i < of->count; i++) {
            if (!make_room(&r->events, &r->events_size, r->events_count, sizeof(*r->events)))
                return false;
            int64_t since_ns = (int64_t)((2.0 * i + 1) / (2.0 * (double)of->count) * HOUR_NS);
            r->events[r->events_count++] =
                (struct event){of->key.hour * HOUR_NS + since_ns, row, i};
        }
    }
    if (r->events_count > 0)
        qsort(r->events, r->events_count, sizeof(*r->events), by_time);
    return true;
}

/* The rows of the next hour; false at the end. */
static bool load_hour(struct ledger_reader *r, int64_t until_ns)
{
    clear_rows(r);
    if (!r->has_begun)
        r->has_ahead = read_ahead(r);
    r->has_begun = true;
    if (!r->has_ahead || r->ahead.key.hour * HOUR_NS + HOUR_NS > until_ns)
        return false;
    int64_t hour = r->ahead.key.hour;
    while (r->has_ahead && r->ahead.key.hour == hour) {
        if (!make_room(&r->rows, &r->rows_size, r->rows_count, sizeof(*r->rows))) {
            r->has_failed = true;
            return false;
        }
        struct row *row = &r->rows[r->rows_count++];
        *row = r->ahead;
        r->ahead.customers = (struct sketch){0};
        r->has_ahead = read_ahead(r);
    }
    for (size_t i = 0; i < r->rows_count; i++)
        find_texts(&r->rows[i]);
    if (spread(r))
        return true;
    r->has_failed = true;
    return false;
}

/* A part of a sum, so that all parts together are the sum. */
static uint64_t part(uint64_t sum, uint64_t count, uint64_t i)
{
    return sum / count + (i < sum % count);
}

static void set_text(struct transaction *t, enum field f, struct bytes *to, struct bytes text)
{
    if (text.len == 0)
        return;
    *to = text;
    transaction_mark(t, f);
}

static void set_ends(struct transaction *t, const struct ledger_key *k)
{
    static const struct address unknown;
    if (!address_equal(&k->source, &unknown)) {
        t->client_ip = k->source;
        transaction_mark(t, FIELD_CLIENT_IP);
    }
    if (!address_equal(&k->server, &unknown)) {
        t->server_ip = k->server;
        transaction_mark(t, FIELD_SERVER_IP);
    }
    if (k->port > 0) {
        t->server_port = k->port;
        transaction_mark(t, FIELD_SERVER_PORT);
    }
    set_text(t, FIELD_USER_NAME, &t->user_name, k->user);
    set_text(t, FIELD_NETWORK_NAME, &t->network_name, k->network);
    set_text(t, FIELD_NETWORK_PROTOCOL, &t->protocol, k->protocol);
}

static void set_action(struct transaction *t, struct bytes action)
{
    const char *const *names = FIELDS[FIELD_EVENT_ACTION].choices;
    for (unsigned i = 0; names[i]; i++) {
        if (!bytes_are(action, names[i]))
            continue;
        t->action = i;
        transaction_mark(t, FIELD_EVENT_ACTION);
    }
}

static void set_shape(struct transaction *t, const struct ledger_key *k, bool is_http)
{
    if (is_http) {
        set_text(t, FIELD_URL_TEMPLATE, &t->url_template, k->shape);
        return;
    }
    set_text(t, FIELD_DB_QUERY_TEXT, &t->db_query_text, k->shape);
    if (k->shape_id == 0)
        return;
    t->db_query_hash = k->shape_id;
    transaction_mark(t, FIELD_DB_QUERY_HASH);
}

static void set_sums(struct transaction *t, const struct row *row, uint64_t i, bool is_http)
{
    const struct ledger_sums *s = &row->sums;
    uint64_t failures = s->failures < row->count ? s->failures : row->count;
    bool is_failure = (i + 1) * failures / row->count > i * failures / row->count;
    uint64_t records = part(s->records, row->count, i);
    t->outcome = is_failure ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
    t->client_bytes = part(s->client_bytes, row->count, i);
    t->server_bytes = part(s->server_bytes, row->count, i);
    t->lost_bytes = part(s->lost_bytes, row->count, i);
    *(is_http ? &t->response_records : &t->returned_rows) = records;
    transaction_mark(t, is_http ? FIELD_HTTP_RESPONSE_RECORDS : FIELD_DB_RESPONSE_RETURNED_ROWS);
    transaction_mark(t, FIELD_EVENT_OUTCOME);
    transaction_mark(t, FIELD_CLIENT_BYTES);
    transaction_mark(t, FIELD_SERVER_BYTES);
    if (s->lost_bytes > 0)
        transaction_mark(t, FIELD_CAPTURE_LOST_BYTES);
}

/* Each customer once, with one of the transactions; a sketch with the first. */
static void set_customers(struct transaction *t, const struct row *row, uint64_t i)
{
    const struct sketch *s = &row->customers;
    uint64_t from = i * s->count / row->count, to = (i + 1) * s->count / row->count;
    if (s->registers ? i > 0 : from == to)
        return;
    if (s->registers)
        t->subject_ids = (struct hashes){.registers = s->registers};
    else
        t->subject_ids = (struct hashes){.items = s->hashes + from, .count = (size_t)(to - from)};
    transaction_mark(t, FIELD_SUBJECT_IDS);
}

const struct transaction *ledger_reader_next(struct ledger_reader *r, int64_t until_ns)
{
    while (r->next == r->events_count) {
        if (!load_hour(r, until_ns))
            return NULL;
    }
    const struct event *e = &r->events[r->next++];
    const struct row *row = &r->rows[e->row];
    struct transaction *t = &r->transaction;
    bool is_http = bytes_start(row->key.protocol, "http");
    *t = (struct transaction){.start_ns = e->time_ns, .request_seen = true, .reply_seen = true};
    transaction_mark(t, FIELD_TIMESTAMP);
    set_ends(t, &row->key);
    set_action(t, row->key.action);
    set_shape(t, &row->key, is_http);
    set_sums(t, row, e->number, is_http);
    set_customers(t, row, e->number);
    return t;
}
