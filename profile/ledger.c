/*
 * A row in memory has the sums since it was saved last.  Texts are kept as long as the tables take
 * them.  Rows that wait, and those on their way into the file, are packed one behind the other.
 */
#include "profile/ledger.h"

#include "core/hash.h"
#include "core/table.h"
#include "profile/ledger_store.h"

#include <stdlib.h>

enum { CUSTOMERS_PART = 2 /* the sketches have one of so many parts of the bytes */ };

#define HOUR_NS (3600 * INT64_C(1000000000))

/* Of the ids of shapes without one of their own: the same for good. */
static const uint64_t shape_seed = UINT64_C(0x736861706573);

struct entry_key {
    uint64_t user, shape, port, action;
    struct address source, server;
};

struct entry {
    int64_t hour;
    struct ledger_sums sums;
    struct sketch customers;
    bool is_changed;
    uint8_t user_len, network_len, protocol_len, system_len, action_len, shape_len;
    uint8_t user[LEDGER_NAME_MAX], network[LEDGER_NAME_MAX];
    uint8_t protocol[LEDGER_WORD_MAX], system[LEDGER_WORD_MAX], action[LEDGER_WORD_MAX];
    uint8_t shape[LEDGER_SHAPE_MAX];
};

struct ledger {
    struct table *table; /* of struct entry by struct entry_key */
    struct budget budget;
    struct pack waiting; /* rows that have no place in the table any more */
    struct pack sent;    /* rows of the snapshot that is being written */
    struct pack row;
    uint64_t lost;
    uint64_t short_of_memory; /* transactions not all of whose customers count */
};

static struct bytes view(const uint8_t *text, uint8_t len)
{
    return (struct bytes){text, len};
}

static void pack_entry(struct ledger *l, const struct entry *e)
{
    const struct entry_key *key = table_key(l->table, e);
    const struct ledger_key row = {.hour = e->hour,
                                   .user = view(e->user, e->user_len),
                                   .network = view(e->network, e->network_len),
                                   .protocol = view(e->protocol, e->protocol_len),
                                   .system = view(e->system, e->system_len),
                                   .action = view(e->action, e->action_len),
                                   .shape = view(e->shape, e->shape_len),
                                   .source = key->source,
                                   .server = key->server,
                                   .port = key->port,
                                   .shape_id = key->shape};
    pack_restart(&l->row);
    ledger_row_save(&l->row, &row, &e->sums, &e->customers);
}

static void restart(struct ledger *l, struct entry *e)
{
    sketch_clear(&e->customers, &l->budget);
    e->sums = (struct ledger_sums){0};
    e->is_changed = false;
}

/* What the row has goes among those that wait. */
static void set_apart(struct ledger *l, struct entry *e)
{
    if (!e->is_changed)
        return;
    pack_entry(l, e);
    restart(l, e);
    if (l->row.has_failed || l->waiting.len + l->row.len > LEDGER_WAITING_MAX) {
        l->lost++;
        return;
    }
    pack_string(&l->waiting, pack_view(&l->row));
}

static void entry_evicted(void *context, void *value)
{
    struct ledger *l = context;
    struct entry *e = value;
    set_apart(l, e);
    sketch_clear(&e->customers, &l->budget);
}

struct ledger *ledger_open(const struct ledger_config *config)
{
    struct ledger *l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    size_t customers = config->bytes_max / CUSTOMERS_PART;
    l->budget.bytes_max = customers > 0 ? customers : SIZE_MAX / 2;
    l->table = table_open(&(struct table_config){.entries_max = LEDGER_ROWS_MAX,
                                                 .bytes_max = config->bytes_max - customers,
                                                 .key_size = sizeof(struct entry_key),
                                                 .value_size = sizeof(struct entry),
                                                 .seed = config->seed,
                                                 .evicted = entry_evicted,
                                                 .context = l});
    if (l->table)
        return l;
    free(l);
    return NULL;
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    table_close(l->table);
    pack_clear(&l->waiting);
    pack_clear(&l->sent);
    pack_clear(&l->row);
    free(l);
}

static struct bytes text_of(const struct transaction *t, enum field f)
{
    return transaction_has(t, f) ? *(const struct bytes *)transaction_value(t, f)
                                 : (struct bytes){NULL, 0};
}

static struct bytes action_of(const struct transaction *t)
{
    return transaction_has(t, FIELD_EVENT_ACTION)
               ? bytes_of(FIELDS[FIELD_EVENT_ACTION].choices[t->action])
               : (struct bytes){NULL, 0};
}

static enum field shape_field(const struct transaction *t)
{
    return transaction_has(t, FIELD_DB_QUERY_TEXT) ? FIELD_DB_QUERY_TEXT : FIELD_URL_TEMPLATE;
}

static struct entry_key key_of(const struct transaction *t)
{
    struct bytes shape = text_of(t, shape_field(t));
    struct entry_key key = {.user = hash_bytes(text_of(t, FIELD_USER_NAME), shape_seed),
                            .action = t->action};
    if (transaction_has(t, FIELD_DB_QUERY_HASH))
        key.shape = t->db_query_hash;
    else /* without a shape, those of a protocol are one */
        key.shape =
            hash_bytes(shape.len > 0 ? shape : text_of(t, FIELD_NETWORK_PROTOCOL), shape_seed);
    if (transaction_has(t, FIELD_CLIENT_IP))
        key.source = t->client_ip;
    if (transaction_has(t, FIELD_SERVER_IP))
        key.server = t->server_ip;
    if (transaction_has(t, FIELD_SERVER_PORT))
        key.port = t->server_port;
    return key;
}

/* Cuts inside no character of UTF-8. */
static uint8_t keep(uint8_t *copy, size_t max, struct bytes text)
{
    size_t len = text.len < max ? text.len : max;
    while (len > 0 && len < text.len && (text.data[len] & 0xc0) == 0x80)
        len--;
    if (len > 0)
        memcpy(copy, text.data, len);
    return (uint8_t)len;
}

static void keep_texts(struct entry *e, const struct transaction *t)
{
    e->user_len = keep(e->user, LEDGER_NAME_MAX, text_of(t, FIELD_USER_NAME));
    e->network_len = keep(e->network, LEDGER_NAME_MAX, text_of(t, FIELD_NETWORK_NAME));
    e->protocol_len = keep(e->protocol, LEDGER_WORD_MAX, text_of(t, FIELD_NETWORK_PROTOCOL));
    e->system_len = keep(e->system, LEDGER_WORD_MAX, text_of(t, FIELD_DB_SYSTEM_NAME));
    e->action_len = keep(e->action, LEDGER_WORD_MAX, action_of(t));
    e->shape_len = keep(e->shape, LEDGER_SHAPE_MAX, text_of(t, shape_field(t)));
}

static uint64_t number_of(const struct transaction *t, enum field f)
{
    return transaction_has(t, f) ? *(const uint64_t *)transaction_value(t, f) : 0;
}

/* Where there is no memory for all customers their number is too small. */
static void add_customers(struct ledger *l, struct entry *e, const struct hashes *ids)
{
    bool has_memory = true;
    for (size_t i = 0; i < ids->count && has_memory; i++)
        has_memory = sketch_add(&e->customers, &l->budget, ids->items[i], NULL);
    if (ids->registers && has_memory)
        has_memory = sketch_merge_registers(&e->customers, &l->budget, ids->registers);
    l->short_of_memory += !has_memory;
}

static uint64_t marks_of(const struct transaction *t)
{
    static const struct {
        enum field field;
        enum ledger_mark mark;
    } marks[] = {{FIELD_DB_RESPONSE_RETURNED_ROWS, LEDGER_HAS_ROWS},
                 {FIELD_HTTP_RESPONSE_RECORDS, LEDGER_HAS_RECORDS},
                 {FIELD_DB_QUERY_HASH, LEDGER_HAS_HASH}};
    uint64_t all = LEDGER_HAS_ALL;
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        all |= transaction_has(t, marks[i].field) ? marks[i].mark : 0;
    bool has_template =
        shape_field(t) == FIELD_URL_TEMPLATE && transaction_has(t, FIELD_URL_TEMPLATE);
    return all | (has_template ? LEDGER_HAS_TEMPLATE : 0);
}

static void add(struct ledger_sums *s, const struct transaction *t)
{
    bool has_rows = transaction_has(t, FIELD_DB_RESPONSE_RETURNED_ROWS);
    const uint64_t amounts[LEDGER_AMOUNTS_COUNT] = {
        [LEDGER_RECORDS] =
            number_of(t, has_rows ? FIELD_DB_RESPONSE_RETURNED_ROWS : FIELD_HTTP_RESPONSE_RECORDS),
        [LEDGER_CLIENT_BYTES] = number_of(t, FIELD_CLIENT_BYTES),
        [LEDGER_SERVER_BYTES] = number_of(t, FIELD_SERVER_BYTES),
        [LEDGER_CUSTOMERS] = number_of(t, FIELD_SUBJECT_COUNT)};
    s->requests++;
    s->failures += transaction_has(t, FIELD_EVENT_OUTCOME) && t->outcome == OUTCOME_FAILURE;
    s->lost_bytes += number_of(t, FIELD_CAPTURE_LOST_BYTES);
    s->with_records += amounts[LEDGER_RECORDS] > 0;
    s->with_customers += amounts[LEDGER_CUSTOMERS] > 0;
    s->marks |= marks_of(t);
    for (size_t i = 0; i < LEDGER_AMOUNTS_COUNT; i++) {
        s->sum[i] += amounts[i];
        s->most[i] = amounts[i] > s->most[i] ? amounts[i] : s->most[i];
    }
}

void ledger_count(struct ledger *l, const struct transaction *t, int64_t time_ns)
{
    const struct entry_key key = key_of(t);
    int64_t hour = time_ns / HOUR_NS;
    bool is_new;
    struct entry *e = table_touch(l->table, &key, &is_new);
    if (!e) {
        l->lost++;
        return;
    }
    if (is_new)
        keep_texts(e, t);
    if (e->hour != hour)
        set_apart(l, e);
    e->hour = hour;
    e->is_changed = true;
    add(&e->sums, t);
    if (transaction_has(t, FIELD_SUBJECT_IDS))
        add_customers(l, e, &t->subject_ids);
}

void ledger_save(struct ledger *l, struct state *s)
{
    struct pack empty = l->sent;
    pack_restart(&empty);
    l->sent = l->waiting;
    l->waiting = empty;
    for (void *at = table_oldest(l->table); at; at = table_next(l->table, at)) {
        struct entry *e = at;
        if (!e->is_changed)
            continue;
        pack_entry(l, e);
        restart(l, e);
        pack_string(&l->sent, pack_view(&l->row));
    }
    for (struct cursor c = cursor_over(pack_view(&l->sent)); cursor_left(&c) > 0;) {
        pack_bytes(state_ledger_row(s), unpack_string(&c, SIZE_MAX));
        state_row_end(s);
    }
}

void ledger_saved(struct ledger *l, bool is_written)
{
    if (!is_written && !l->sent.has_failed && l->sent.len + l->waiting.len <= LEDGER_WAITING_MAX)
        pack_bytes(&l->waiting, pack_view(&l->sent));
    else if (!is_written)
        l->lost++;
    pack_restart(&l->sent);
}

bool ledger_is_pressed(const struct ledger *l)
{
    return l->waiting.len > LEDGER_WAITING_MAX / 2;
}

uint64_t ledger_lost(const struct ledger *l)
{
    return l->lost;
}

uint64_t ledger_short(const struct ledger *l)
{
    return l->short_of_memory;
}
