/*
 * An hour's rows are in memory at once, with what of each comes when.
 *
 * What the requests of a row had goes to its transactions by a rank that each has: the largest
 * values to the first, the failures and those that had nothing to the last.  Ranks are mixed evenly
 * over the hour, so that those who have something do not stand together.
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
    uint8_t texts[2 * LEDGER_NAME_MAX + 3 * LEDGER_WORD_MAX + LEDGER_SHAPE_MAX];
    uint64_t count;     /* of its transactions */
    uint64_t rank_step; /* from one's rank to the next one's; has no divisor with count */
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
    uint64_t cut, older;
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

uint64_t ledger_reader_older(const struct ledger_reader *r)
{
    return r->older;
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

enum { TEXTS = 6 };

static void list_texts(struct ledger_key *k, struct bytes *list[TEXTS])
{
    struct bytes *const all[TEXTS] = {&k->user,   &k->network, &k->protocol,
                                      &k->system, &k->action,  &k->shape};
    memcpy(list, all, sizeof(all));
}

/* Copies the texts of a key into the row. */
static void keep_texts(struct row *row)
{
    static const size_t most[TEXTS] = {LEDGER_NAME_MAX, LEDGER_NAME_MAX, LEDGER_WORD_MAX,
                                       LEDGER_WORD_MAX, LEDGER_WORD_MAX, LEDGER_SHAPE_MAX};
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

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b > 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The golden section mixes best; the next number that goes through all ranks. */
static uint64_t rank_step(uint64_t count)
{
    uint64_t step = (uint64_t)(0.618 * (double)count) + 1;
    while (common_divisor(step, count) > 1)
        step++;
    return step;
}

/* What the requests of an older program's row had, by their protocol. */
static uint64_t marks_guessed(const struct ledger_key *k)
{
    if (bytes_start(k->protocol, "http") || bytes_are(k->protocol, "websocket"))
        return LEDGER_HAS_RECORDS | LEDGER_HAS_TEMPLATE;
    return LEDGER_HAS_ROWS | (k->shape_id != 0 ? LEDGER_HAS_HASH : 0);
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
    row->rank_step = rank_step(row->count);
    if (row->sums.marks & LEDGER_HAS_ALL)
        return true;
    r->older++;
    row->sums.marks = marks_guessed(&row->key);
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

/* How a sum is divided: one part is the largest, the others are equal, and the first `rest` of them
 * have one more. */
struct division {
    uint64_t count; /* of the parts that are more than 0 */
    uint64_t most, each, rest;
};

static struct division divide(const struct row *row, enum ledger_amount amount)
{
    const struct ledger_sums *s = &row->sums;
    const bool is_known = s->marks & LEDGER_HAS_ALL;
    uint64_t sum = s->sum[amount], most = s->most[amount], count = row->count;
    if (is_known && amount == LEDGER_RECORDS && s->with_records < count)
        count = s->with_records;
    if (is_known && amount == LEDGER_CUSTOMERS && s->with_customers < count)
        count = s->with_customers;
    if (count == 0 || sum == 0)
        return (struct division){0, 0, 0, 0};
    if (most == 0 || most > sum) /* not known */
        most = sum / count + (sum % count > 0);
    if (count == 1)
        return (struct division){1, sum, 0, 0};
    return (struct division){count, most, (sum - most) / (count - 1), (sum - most) % (count - 1)};
}

static uint64_t part(const struct division *d, uint64_t rank)
{
    if (rank >= d->count)
        return 0;
    return rank == 0 ? d->most : d->each + (rank - 1 < d->rest);
}

/* All parts of lower ranks. */
static uint64_t parts_before(const struct division *d, uint64_t rank)
{
    if (rank == 0)
        return 0;
    return d->most + (rank - 1) * d->each + (rank - 1 < d->rest ? rank - 1 : d->rest);
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

static void set_shape(struct transaction *t, const struct row *row)
{
    const struct ledger_key *k = &row->key;
    if (row->sums.marks & LEDGER_HAS_TEMPLATE) {
        set_text(t, FIELD_URL_TEMPLATE, &t->url_template, k->shape);
        return;
    }
    set_text(t, FIELD_DB_QUERY_TEXT, &t->db_query_text, k->shape);
    set_text(t, FIELD_DB_SYSTEM_NAME, &t->db_system, k->system);
    if (!(row->sums.marks & LEDGER_HAS_HASH))
        return;
    t->db_query_hash = k->shape_id;
    transaction_mark(t, FIELD_DB_QUERY_HASH);
}

static void set_records(struct transaction *t, const struct row *row, uint64_t rank)
{
    const struct division d = divide(row, LEDGER_RECORDS);
    uint64_t records = part(&d, rank);
    if (row->sums.marks & LEDGER_HAS_ROWS) {
        t->returned_rows = records;
        transaction_mark(t, FIELD_DB_RESPONSE_RETURNED_ROWS);
    } else if (row->sums.marks & LEDGER_HAS_RECORDS) {
        t->response_records = records;
        transaction_mark(t, FIELD_HTTP_RESPONSE_RECORDS);
    }
}

static void set_sums(struct transaction *t, const struct row *row, uint64_t rank)
{
    const struct ledger_sums *s = &row->sums;
    const struct division client = divide(row, LEDGER_CLIENT_BYTES);
    const struct division server = divide(row, LEDGER_SERVER_BYTES);
    uint64_t failures = s->failures < row->count ? s->failures : row->count;
    t->outcome = rank >= row->count - failures ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
    t->client_bytes = part(&client, rank);
    t->server_bytes = part(&server, rank);
    t->lost_bytes = s->lost_bytes / row->count + (rank < s->lost_bytes % row->count);
    transaction_mark(t, FIELD_EVENT_OUTCOME);
    transaction_mark(t, FIELD_CLIENT_BYTES);
    transaction_mark(t, FIELD_SERVER_BYTES);
    if (s->lost_bytes > 0)
        transaction_mark(t, FIELD_CAPTURE_LOST_BYTES);
}

/* Each customer at least once, as many in a transaction as it has; those of a sketch with the
 * first one. */
static void set_customers(struct transaction *t, const struct row *row, uint64_t rank)
{
    const struct sketch *s = &row->customers;
    const struct division d = divide(row, LEDGER_CUSTOMERS);
    uint64_t count = part(&d, rank), from = s->count > 0 ? parts_before(&d, rank) % s->count : 0;
    if (count > 0) {
        t->subject_count = count;
        transaction_mark(t, FIELD_SUBJECT_COUNT);
    }
    if (row->sums.sum[LEDGER_CUSTOMERS] < s->count) { /* of an older program */
        from = rank * s->count / row->count;
        count = (rank + 1) * s->count / row->count - from;
    }
    if (s->registers && rank == 0)
        t->subject_ids.registers = s->registers;
    else if (!s->registers && s->count > 0) {
        count = count < s->count ? count : s->count;
        from = from + count > s->count ? s->count - count : from;
        t->subject_ids = (struct hashes){.items = s->hashes + from, .count = (size_t)count};
    }
    if (count > 0 || t->subject_ids.registers)
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
    const uint64_t rank = e->number * row->rank_step % row->count;
    struct transaction *t = &r->transaction;
    *t = (struct transaction){.start_ns = e->time_ns, .request_seen = true, .reply_seen = true};
    transaction_mark(t, FIELD_TIMESTAMP);
    set_ends(t, &row->key);
    set_action(t, row->key.action);
    set_shape(t, row);
    set_sums(t, row, rank);
    set_records(t, row, rank);
    set_customers(t, row, rank);
    return t;
}
