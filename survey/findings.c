/*
 * One table a kind; different clients and accounts are counted by sketches.
 */
#include "survey/findings.h"

#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

struct server_key {
    struct address ip;
    uint16_t port;
};

struct findings {
    struct table *servers, *networks, *accounts;
    struct budget budget; /* of the sketches */
    struct found_totals totals;
};

static void server_forgotten(void *context, void *value)
{
    struct findings *f = context;
    struct found_server *s = value;
    sketch_clear(&s->accounts, &f->budget);
    sketch_clear(&s->clients, &f->budget);
    sketch_clear(&s->sources, &f->budget);
}

static void network_forgotten(void *context, void *value)
{
    struct findings *f = context;
    struct found_network *n = value;
    sketch_clear(&n->accounts, &f->budget);
    sketch_clear(&n->clients, &f->budget);
}

static void account_forgotten(void *context, void *value)
{
    struct findings *f = context;
    struct found_account *a = value;
    sketch_clear(&a->clients, &f->budget);
}

struct findings *findings_open(void)
{
    struct findings *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->budget.bytes_max = FINDINGS_BYTES_MAX;
    f->servers = table_open(&(struct table_config){.entries_max = FINDINGS_SERVERS_MAX,
                                                   .key_size = sizeof(struct server_key),
                                                   .value_size = sizeof(struct found_server),
                                                   .evicted = server_forgotten,
                                                   .context = f});
    f->networks = table_open(&(struct table_config){.entries_max = FINDINGS_NETWORKS_MAX,
                                                    .key_size = FINDINGS_NAME_MAX,
                                                    .value_size = sizeof(struct found_network),
                                                    .evicted = network_forgotten,
                                                    .context = f});
    f->accounts = table_open(&(struct table_config){.entries_max = FINDINGS_ACCOUNTS_MAX,
                                                    .key_size = FINDINGS_NAME_MAX,
                                                    .value_size = sizeof(struct found_account),
                                                    .evicted = account_forgotten,
                                                    .context = f});
    if (f->servers && f->networks && f->accounts)
        return f;
    findings_close(f);
    return NULL;
}

void findings_close(struct findings *f)
{
    if (!f)
        return;
    table_close(f->servers);
    table_close(f->networks);
    table_close(f->accounts);
    free(f);
}

static void name_keep(char name[FINDINGS_NAME_MAX], struct bytes text)
{
    text = bytes_first(text, FINDINGS_NAME_MAX - 1);
    memset(name, 0, FINDINGS_NAME_MAX);
    if (text.len > 0)
        memcpy(name, text.data, text.len);
}

static void count_different(struct findings *f, struct sketch *s, struct bytes value)
{
    if (!sketch_add(s, &f->budget, hash_bytes(value, 0), NULL))
        f->totals.forgotten++;
}

static struct bytes view_address(const struct address *a)
{
    return (struct bytes){a->octets, sizeof(a->octets)};
}

static void volume_add(struct found_volume *v, const struct transaction *tx)
{
    v->questions += !tx->is_apart && tx->request_seen;
    v->answers += !tx->is_apart && tx->reply_seen;
    v->failures += transaction_has(tx, FIELD_EVENT_OUTCOME) && tx->outcome == OUTCOME_FAILURE;
    if (transaction_has(tx, FIELD_DB_RESPONSE_RETURNED_ROWS))
        v->returned_rows += tx->returned_rows;
    if (transaction_has(tx, FIELD_CLIENT_BYTES))
        v->client_bytes += tx->client_bytes;
    if (transaction_has(tx, FIELD_SERVER_BYTES))
        v->server_bytes += tx->server_bytes;
}

static struct found_server *server_of(struct findings *f, const struct address *ip, uint16_t port)
{
    struct server_key key;
    bool is_new;
    memset(&key, 0, sizeof(key)); /* padding is compared too */
    key.ip = *ip;
    key.port = port;
    struct found_server *s = table_touch(f->servers, &key, &is_new);
    if (!s || !is_new)
        return s;
    s->ip = *ip;
    s->port = port;
    return s;
}

static void server_count(struct findings *f, const struct transaction *tx)
{
    if (!transaction_has(tx, FIELD_SERVER_IP))
        return;
    struct found_server *s = server_of(f, &tx->server_ip, (uint16_t)tx->server_port);
    if (!s)
        return;
    if (transaction_has(tx, FIELD_NETWORK_PROTOCOL))
        name_keep(s->protocol, tx->protocol);
    volume_add(&s->volume, tx);
    bool is_forwarded = transaction_has(tx, FIELD_SOURCE_IP);
    s->forwarded += is_forwarded && !tx->is_apart;
    if (transaction_has(tx, FIELD_USER_NAME))
        count_different(f, &s->accounts, tx->user_name);
    else
        s->nameless += !tx->is_apart;
    if (!transaction_has(tx, FIELD_CLIENT_IP))
        return;
    count_different(f, &s->clients, view_address(&tx->client_ip));
    count_different(f, &s->sources, view_address(is_forwarded ? &tx->source_ip : &tx->client_ip));
}

/* The client's network: the configured one, else the prefix that it most likely shares. */
static bool network_name(char name[FINDINGS_NAME_MAX], const struct transaction *tx)
{
    if (transaction_has(tx, FIELD_NETWORK_NAME)) {
        name_keep(name, tx->network_name);
        return true;
    }
    struct address a = tx->client_ip;
    bool is_ipv4 = address_is_ipv4(&a);
    size_t kept = is_ipv4 ? 15 : 8;
    char text[FINDINGS_NAME_MAX] = "";
    memset(a.octets + kept, 0, sizeof(a.octets) - kept);
    size_t len = address_print(&a, text);
    memcpy(text + len, is_ipv4 ? "/24" : "/64", sizeof("/24"));
    name_keep(name, bytes_of(text));
    return false;
}

static void network_count(struct findings *f, const struct transaction *tx)
{
    char name[FINDINGS_NAME_MAX];
    bool is_new;
    if (!transaction_has(tx, FIELD_CLIENT_IP))
        return;
    bool is_configured = network_name(name, tx);
    struct found_network *n = table_touch(f->networks, name, &is_new);
    if (!n)
        return;
    if (is_new)
        memcpy(n->name, name, sizeof(n->name));
    n->is_configured = is_configured;
    volume_add(&n->volume, tx);
    count_different(f, &n->clients, view_address(&tx->client_ip));
    if (transaction_has(tx, FIELD_USER_NAME))
        count_different(f, &n->accounts, tx->user_name);
}

static void account_count(struct findings *f, const struct transaction *tx)
{
    char name[FINDINGS_NAME_MAX];
    bool is_new;
    if (!transaction_has(tx, FIELD_USER_NAME))
        return;
    name_keep(name, tx->user_name);
    struct found_account *a = table_touch(f->accounts, name, &is_new);
    if (!a)
        return;
    if (is_new) {
        memcpy(a->name, name, sizeof(a->name));
        a->first_ns = tx->start_ns;
    }
    a->last_ns = tx->start_ns > a->last_ns ? tx->start_ns : a->last_ns;
    volume_add(&a->volume, tx);
    a->logins += tx->action == ACTION_LOGIN && transaction_has(tx, FIELD_EVENT_ACTION);
    if (!a->software[0] && transaction_has(tx, FIELD_USER_AGENT_ORIGINAL))
        name_keep(a->software, tx->user_agent);
    if (transaction_has(tx, FIELD_CLIENT_IP))
        count_different(f, &a->clients, view_address(&tx->client_ip));
}

void findings_begin(struct findings *f, int64_t ns)
{
    if (f->totals.first_ns == 0 || ns < f->totals.first_ns)
        f->totals.first_ns = ns;
}

void findings_transaction(struct findings *f, const struct transaction *tx)
{
    findings_begin(f, tx->start_ns);
    volume_add(&f->totals.volume, tx);
    server_count(f, tx);
    network_count(f, tx);
    account_count(f, tx);
}

void findings_mirror(struct findings *f, const struct mirror_part *part)
{
    struct found_totals *t = &f->totals;
    if (part->is_whole) {
        mirror_add(&t->mirror, &part->counters);
        if (part->last_ns > t->last_ns)
            t->last_ns = part->last_ns;
        if (part->clock_jump_ns > t->clock_jump_ns)
            t->clock_jump_ns = part->clock_jump_ns;
        return;
    }
    struct found_server *s = server_of(f, &part->ip, part->port);
    if (!s)
        return;
    mirror_add(&s->mirror, &part->counters);
    if (part->protocol && !s->protocol[0])
        name_keep(s->protocol, bytes_of(part->protocol));
}

struct found_totals findings_totals(const struct findings *f)
{
    struct found_totals t = f->totals;
    t.servers = table_count(f->servers) + table_evictions(f->servers);
    t.networks = table_count(f->networks) + table_evictions(f->networks);
    t.accounts = table_count(f->accounts) + table_evictions(f->accounts);
    t.forgotten +=
        table_evictions(f->servers) + table_evictions(f->networks) + table_evictions(f->accounts);
    return t;
}

static uint64_t server_bytes(const void *item)
{
    const struct found_server *s = item;
    return s->mirror.bytes > 0 ? s->mirror.bytes : s->volume.client_bytes + s->volume.server_bytes;
}

static uint64_t network_bytes(const void *item)
{
    return ((const struct found_network *)item)->volume.server_bytes;
}

static uint64_t account_bytes(const void *item)
{
    return ((const struct found_account *)item)->volume.server_bytes;
}

/* The item takes its place among the largest; there are some thousands at the most. */
static void list_place(struct found_list *l, uint64_t bytes[FINDINGS_LIST_MAX], const void *item,
                       uint64_t item_bytes)
{
    size_t at = l->count;
    if (at == FINDINGS_LIST_MAX && bytes[--at] >= item_bytes)
        return;
    for (; at > 0 && bytes[at - 1] < item_bytes; at--) {
        l->items[at] = l->items[at - 1];
        bytes[at] = bytes[at - 1];
    }
    l->items[at] = item;
    bytes[at] = item_bytes;
    l->count += l->count < FINDINGS_LIST_MAX;
}

static struct found_list largest(const struct table *t, uint64_t (*bytes_of_item)(const void *item))
{
    struct found_list l = {.count = 0};
    uint64_t bytes[FINDINGS_LIST_MAX];
    for (const void *item = table_oldest(t); item; item = table_next(t, item))
        list_place(&l, bytes, item, bytes_of_item(item));
    return l;
}

struct found_list findings_servers(const struct findings *f)
{
    return largest(f->servers, server_bytes);
}

struct found_list findings_networks(const struct findings *f)
{
    return largest(f->networks, network_bytes);
}

struct found_list findings_accounts(const struct findings *f)
{
    return largest(f->accounts, account_bytes);
}
