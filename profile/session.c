/*
 * Sessions in two tables, because only stays end by themselves: the one touched longest ago comes
 * first there, so that a tick looks at no more stays than it ends.
 */
#include "profile/session.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

/* A stay's key.  Accounts and domains are compared by hash: two that collide share a session.
 * Where there is a cookie or token that the session is known by, that is all of it. */
struct stay_key {
    struct address client;
    uint64_t user, domain, session;
};

struct sessions {
    struct sessions_config config;
    struct table *connections; /* of struct session by uint64_t */
    struct table *stays;       /* of struct session by struct stay_key */
    struct budget budget;      /* of their customers */
    uint64_t customers_denied;
    int64_t written_ns; /* when what changed was written last */
    bool has_written;
    uint64_t seen;
};

/* Which field of a transaction each text is. */
static const enum field text_fields[SESSION_TEXTS_COUNT] = {
    [SESSION_TEXT_USER] = FIELD_USER_NAME,
    [SESSION_TEXT_NETWORK] = FIELD_NETWORK_NAME,
    [SESSION_TEXT_PROTOCOL] = FIELD_NETWORK_PROTOCOL,
    [SESSION_TEXT_COUNTRY] = FIELD_CLIENT_GEO_COUNTRY_ISO_CODE,
    [SESSION_TEXT_NAMESPACE] = FIELD_DB_NAMESPACE,
    [SESSION_TEXT_DOMAIN] = FIELD_URL_DOMAIN,
    [SESSION_TEXT_AGENT] = FIELD_USER_AGENT_ORIGINAL,
};

static const field_set learned_fields =
    FIELD_BIT(FIELD_CLIENT_IP) | FIELD_BIT(FIELD_CLIENT_PORT) | FIELD_BIT(FIELD_SERVER_IP) |
    FIELD_BIT(FIELD_SERVER_PORT) | FIELD_BIT(FIELD_USER_NAME) | FIELD_BIT(FIELD_NETWORK_NAME) |
    FIELD_BIT(FIELD_NETWORK_PROTOCOL) | FIELD_BIT(FIELD_CLIENT_GEO_COUNTRY_ISO_CODE) |
    FIELD_BIT(FIELD_DB_NAMESPACE) | FIELD_BIT(FIELD_URL_DOMAIN) |
    FIELD_BIT(FIELD_USER_AGENT_ORIGINAL);

/* What a connection's key and a stay's id are hashed with: the same in every replay. */
static const uint64_t id_seed = UINT64_C(0x7365657077617463);

static void session_ended(void *context, void *value)
{
    struct sessions *all = context;
    struct session *s = value;
    if (all->config.write)
        all->config.write(all->config.context, s, true);
    sketch_clear(&s->customers, &all->budget);
}

struct sessions *sessions_open(const struct sessions_config *config)
{
    struct sessions *all = calloc(1, sizeof(*all));
    struct hash_key seed = {0};
    if (!all)
        return NULL;
    (void)hash_key_random(&seed); /* without, keys could be made to collide: slower, not wrong */
    all->config = *config;
    all->budget.bytes_max = config->bytes_max > 0 ? config->bytes_max / 4 : SIZE_MAX;
    struct table_config table = {.entries_max = config->sessions_max,
                                 .bytes_max = config->bytes_max / 8 * 3,
                                 .key_size = sizeof(uint64_t),
                                 .value_size = sizeof(struct session),
                                 .seed = seed.low,
                                 .evicted = session_ended,
                                 .context = all};
    all->connections = table_open(&table);
    table.key_size = sizeof(struct stay_key);
    all->stays = table_open(&table);
    if (all->connections && all->stays)
        return all;
    table_close(all->connections);
    table_close(all->stays);
    free(all);
    return NULL;
}

void sessions_close(struct sessions *all)
{
    if (!all)
        return;
    table_close(all->connections);
    table_close(all->stays);
    free(all);
}

/* The span from an earlier to a later time, 0 where they are the other way round. */
static uint64_t span_ns(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (uint64_t)to_ns - (uint64_t)from_ns : 0;
}

static uint64_t text_hash(const struct transaction *tx, enum field f, struct bytes text)
{
    return transaction_has(tx, f) ? hash_bytes(text, id_seed) : 0;
}

static struct stay_key stay_key_of(const struct transaction *tx)
{
    if (tx->session_hash)
        return (struct stay_key){.session = tx->session_hash};
    return (struct stay_key){tx->client_ip, text_hash(tx, FIELD_USER_NAME, tx->user_name),
                             text_hash(tx, FIELD_URL_DOMAIN, tx->url_domain), 0};
}

static void session_name(struct session *s, const struct transaction *tx, bool is_connection)
{
    static const char digits[] = "0123456789abcdef";
    struct stay_key key = stay_key_of(tx);
    struct {
        struct address client;
        uint64_t user, domain;
        struct address server;
        uint64_t ports, start;
    } ends = {key.client, key.user, key.domain, {{0}}, 0, (uint64_t)tx->start_ns};
    if (is_connection) { /* its account may be learned later, and is not what makes it one */
        ends.user = ends.domain = 0;
        ends.server = tx->server_ip;
        ends.ports = tx->client_port << 16 | tx->server_port;
    }
    uint64_t id = hash_bytes((struct bytes){(const uint8_t *)&ends, sizeof(ends)}, id_seed);
    if (tx->session_hash)
        id = tx->session_hash;
    for (size_t i = SESSION_ID_LEN; i-- > 0; id >>= 4)
        s->id[i] = digits[id & 15];
}

static void session_begin(struct session *s, const struct transaction *tx, bool is_connection)
{
    session_name(s, tx, is_connection);
    s->start_ns = s->last_ns = tx->start_ns;
}

/* Cuts inside no character of UTF-8. */
static struct bytes text_cut(struct bytes text, size_t len_max)
{
    size_t len = text.len < len_max ? text.len : len_max;
    while (len > 0 && len < text.len && (text.data[len] & 0xc0) == 0x80)
        len--;
    return bytes_first(text, len);
}

static void text_keep(struct session *s, enum session_text which, struct bytes text)
{
    size_t left = SESSION_TEXTS_MAX - s->texts_len;
    text = text_cut(text, left < SESSION_TEXT_MAX ? left : SESSION_TEXT_MAX);
    if (text.len == 0)
        return;
    memcpy(s->texts + s->texts_len, text.data, text.len);
    s->text_at[which] = (uint8_t)s->texts_len;
    s->text_len[which] = (uint8_t)text.len;
    s->texts_len = (uint16_t)(s->texts_len + text.len);
}

/* Keeps those fields that the transaction has and no one before it had. */
static void session_learn(struct session *s, const struct transaction *tx, field_set fields)
{
    s->present |= fields;
    if (fields & FIELD_BIT(FIELD_CLIENT_IP))
        s->client_ip = tx->client_ip;
    if (fields & FIELD_BIT(FIELD_CLIENT_PORT))
        s->client_port = (uint16_t)tx->client_port;
    if (fields & FIELD_BIT(FIELD_SERVER_IP))
        s->server_ip = tx->server_ip;
    if (fields & FIELD_BIT(FIELD_SERVER_PORT))
        s->server_port = (uint16_t)tx->server_port;
    for (unsigned i = 0; i < SESSION_TEXTS_COUNT; i++) {
        if (fields & FIELD_BIT(text_fields[i]))
            text_keep(s, i, *(const struct bytes *)transaction_value(tx, text_fields[i]));
    }
}

static uint64_t known(const struct transaction *tx, enum field f, uint64_t value)
{
    return transaction_has(tx, f) ? value : 0;
}

static void session_add(struct session *s, const struct transaction *tx, bool is_connection)
{
    field_set wanted =
        is_connection ? learned_fields : learned_fields & ~FIELD_BIT(FIELD_CLIENT_PORT);
    field_set fields = tx->present & wanted & ~s->present;
    if (fields)
        session_learn(s, tx, fields);
    s->requests += !tx->is_apart;
    s->failures += transaction_has(tx, FIELD_EVENT_OUTCOME) && tx->outcome == OUTCOME_FAILURE;
    s->returned_rows += known(tx, FIELD_DB_RESPONSE_RETURNED_ROWS, tx->returned_rows);
    s->affected_rows += known(tx, FIELD_DB_RESPONSE_AFFECTED_ROWS, tx->affected_rows);
    s->client_bytes += known(tx, FIELD_CLIENT_BYTES, tx->client_bytes);
    s->server_bytes += known(tx, FIELD_SERVER_BYTES, tx->server_bytes);
    s->lost_bytes += known(tx, FIELD_CAPTURE_LOST_BYTES, tx->lost_bytes);
    s->is_changed = true;
}

static bool add_ids(struct sketch *s, struct budget *b, const struct hashes *ids)
{
    if (ids->registers)
        return sketch_merge_registers(s, b, ids->registers);
    for (size_t i = 0; i < ids->count; i++) {
        if (!sketch_add(s, b, ids->items[i], NULL))
            return false;
    }
    return true;
}

/* The end of a transaction; no later than now, whatever its duration claims. */
static int64_t end_of(const struct transaction *tx, int64_t now_ns)
{
    uint64_t left = span_ns(tx->start_ns, now_ns);
    uint64_t duration = known(tx, FIELD_EVENT_DURATION, tx->duration_ns);
    return (int64_t)((uint64_t)tx->start_ns + (duration < left ? duration : left));
}

static struct session *stay_touch(struct sessions *all, const struct transaction *tx, bool *is_new)
{
    struct stay_key key = stay_key_of(tx);
    struct session *s = table_touch(all->stays, &key, is_new);
    if (!s || *is_new || span_ns(s->last_ns, tx->start_ns) <= (uint64_t)all->config.idle_ns)
        return s;
    table_remove(all->stays, s);
    return table_touch(all->stays, &key, is_new);
}

/* The transaction's session, made where there is none, and named in it; NULL without memory for the
 * first one. */
static struct session *session_of(struct sessions *all, struct transaction *tx, uint64_t connection)
{
    bool is_connection = connection != 0, is_new = false;
    struct session *s = is_connection ? table_touch(all->connections, &connection, &is_new)
                                      : stay_touch(all, tx, &is_new);
    if (!s)
        return NULL;
    if (is_new) {
        session_begin(s, tx, is_connection);
        all->seen++;
    }
    tx->session_id = (struct bytes){(const uint8_t *)s->id, SESSION_ID_LEN};
    transaction_mark(tx, FIELD_SESSION_ID);
    return s;
}

void sessions_count(struct sessions *all, struct transaction *tx, uint64_t connection,
                    int64_t now_ns)
{
    struct session *s = session_of(all, tx, connection);
    if (!s)
        return;
    if (all->config.write) {
        session_add(s, tx, connection != 0);
        if (transaction_has(tx, FIELD_SUBJECT_IDS))
            all->customers_denied += !add_ids(&s->customers, &all->budget, &tx->subject_ids);
    }
    int64_t end_ns = end_of(tx, now_ns);
    s->last_ns = end_ns > s->last_ns ? end_ns : s->last_ns;
}

void sessions_name(struct sessions *all, struct transaction *tx, uint64_t connection)
{
    (void)session_of(all, tx, connection);
}

void sessions_end(struct sessions *all, uint64_t connection)
{
    struct session *s = table_find(all->connections, &connection);
    if (s)
        table_remove(all->connections, s);
}

static void write_changed(struct sessions *all, const struct table *table)
{
    for (void *at = table_oldest(table); at; at = table_next(table, at)) {
        struct session *s = at;
        if (s->is_changed)
            all->config.write(all->config.context, s, false);
        s->is_changed = false;
    }
}

void sessions_tick(struct sessions *all, int64_t now_ns)
{
    struct session *s = table_oldest(all->stays);
    for (; s && span_ns(s->last_ns, now_ns) > (uint64_t)all->config.idle_ns;
         s = table_oldest(all->stays))
        table_remove(all->stays, s);
    if (!all->has_written) {
        all->has_written = true;
        all->written_ns = now_ns;
    }
    if (!all->config.write || span_ns(all->written_ns, now_ns) < (uint64_t)all->config.interval_ns)
        return;
    all->written_ns = now_ns;
    write_changed(all, all->connections);
    write_changed(all, all->stays);
}

struct sessions_counters sessions_counters(const struct sessions *all)
{
    return (struct sessions_counters){
        .seen = all->seen,
        .open = table_count(all->connections) + table_count(all->stays),
        .evicted = table_evictions(all->connections) + table_evictions(all->stays),
        .customers_denied = all->customers_denied};
}

struct bytes session_text(const struct session *s, enum session_text which)
{
    return (struct bytes){(const uint8_t *)s->texts + s->text_at[which], s->text_len[which]};
}

static void write_time(struct json *j, const char *name, int64_t ns)
{
    char text[CLOCK_TEXT_MAX];
    size_t len = clock_print(ns, text);
    json_name(j, bytes_of(name));
    json_text(j, (struct bytes){(const uint8_t *)text, len});
}

static void write_number(struct json *j, const char *name, uint64_t value)
{
    json_name(j, bytes_of(name));
    json_unsigned(j, value);
}

static void write_event(struct json *j, const struct session *s, bool is_final)
{
    json_name(j, bytes_of("event"));
    json_open(j, '{');
    json_name(j, bytes_of("kind"));
    json_text(j, bytes_of("event"));
    json_name(j, bytes_of("dataset"));
    json_text(j, bytes_of("seepwatch.session"));
    write_time(j, "start", s->start_ns);
    if (is_final)
        write_time(j, "end", s->last_ns);
    write_number(j, "duration", span_ns(s->start_ns, s->last_ns));
    json_close(j, '}');
}

static void write_totals(struct json *j, const struct session *s)
{
    json_name(j, bytes_of("session"));
    json_open(j, '{');
    json_name(j, bytes_of("id"));
    json_text(j, (struct bytes){(const uint8_t *)s->id, SESSION_ID_LEN});
    write_number(j, "requests", s->requests);
    write_number(j, "failures", s->failures);
    write_number(j, "returned_rows", s->returned_rows);
    write_number(j, "affected_rows", s->affected_rows);
    json_close(j, '}');
}

/* What a session shares with its transactions is written as they write it. */
static void write_ends(struct json *j, const struct session *s)
{
    static const enum field fields[] = {
        FIELD_NETWORK_NAME,        FIELD_NETWORK_PROTOCOL,
        FIELD_CLIENT_BYTES,        FIELD_CLIENT_GEO_COUNTRY_ISO_CODE,
        FIELD_CLIENT_IP,           FIELD_CLIENT_PORT,
        FIELD_SERVER_BYTES,        FIELD_SERVER_IP,
        FIELD_SERVER_PORT,         FIELD_USER_NAME,
        FIELD_USER_AGENT_ORIGINAL, FIELD_DB_NAMESPACE,
        FIELD_URL_DOMAIN,          FIELD_SUBJECT_COUNT,
        FIELD_CAPTURE_LOST_BYTES};
    field_set present = s->present;
    uint64_t customers = sketch_count(&s->customers);
    if (customers > 0)
        present |= FIELD_BIT(FIELD_SUBJECT_COUNT);
    for (unsigned i = 0; i < SESSION_TEXTS_COUNT; i++) {
        if (s->text_len[i] == 0) /* there was no room */
            present &= ~FIELD_BIT(text_fields[i]);
    }
    struct transaction tx = {.present = present | FIELD_BIT(FIELD_CLIENT_BYTES) |
                                        FIELD_BIT(FIELD_SERVER_BYTES) |
                                        FIELD_BIT(FIELD_CAPTURE_LOST_BYTES),
                             .client_ip = s->client_ip,
                             .client_port = s->client_port,
                             .client_bytes = s->client_bytes,
                             .server_ip = s->server_ip,
                             .server_port = s->server_port,
                             .server_bytes = s->server_bytes,
                             .lost_bytes = s->lost_bytes,
                             .subject_count = customers,
                             .user_name = session_text(s, SESSION_TEXT_USER),
                             .network_name = session_text(s, SESSION_TEXT_NETWORK),
                             .protocol = session_text(s, SESSION_TEXT_PROTOCOL),
                             .country = session_text(s, SESSION_TEXT_COUNTRY),
                             .db_namespace = session_text(s, SESSION_TEXT_NAMESPACE),
                             .url_domain = session_text(s, SESSION_TEXT_DOMAIN),
                             .user_agent = session_text(s, SESSION_TEXT_AGENT)};
    transaction_write_fields(j, &tx, fields, sizeof(fields) / sizeof(fields[0]));
}

void session_write_json(struct json *j, const struct session *s, bool is_final)
{
    json_open(j, '{');
    write_time(j, FIELDS[FIELD_TIMESTAMP].name, s->last_ns);
    write_event(j, s, is_final);
    write_ends(j, s);
    write_totals(j, s);
    json_close(j, '}');
    json_line(j);
}
