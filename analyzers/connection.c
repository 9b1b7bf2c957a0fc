/*
 * Until it is decided what a connection speaks (analyzers/decision.h), its bytes are kept; then the
 * feeds take them, and what they finish goes to the receiver with all that the connection knows.
 */
#include "analyzers/connection.h"

#include "analyzers/decision.h"
#include "analyzers/http/http_world.h"
#include "analyzers/sql/prepared.h"
#include "analyzers/sql/statement.h"
#include "analyzers/subject.h"
#include "subjects/world.h"

#include <stdlib.h>

enum {
    FRUITLESS_MAX = 1 << 20, /* bytes without a message, then the port is not believed */
};

static enum side side_of(const struct connection *c, unsigned direction)
{
    return (enum side)(direction ^ (unsigned)c->is_flipped);
}

/* What the connection knows of a transaction and the analyzer did not say. */
static void fill(const struct connection *c, struct transaction *tx)
{
    const struct exchange *x = &c->x;
    tx->protocol = bytes_of(c->analyzer->name);
    tx->transport = bytes_of("tcp");
    transaction_mark(tx, FIELD_TIMESTAMP);
    transaction_mark(tx, FIELD_EVENT_ACTION);
    transaction_mark(tx, FIELD_EVENT_OUTCOME);
    transaction_mark(tx, FIELD_NETWORK_PROTOCOL);
    transaction_mark(tx, FIELD_NETWORK_TRANSPORT);
    transaction_mark(tx, FIELD_CLIENT_BYTES);
    transaction_mark(tx, FIELD_SERVER_BYTES);
    if (!transaction_has(tx, FIELD_CLIENT_IP)) {
        tx->client_ip = c->peer.ip;
        tx->client_port = c->peer.port;
        transaction_mark(tx, FIELD_CLIENT_IP);
        transaction_mark(tx, FIELD_CLIENT_PORT);
    }
    if (c->is_proxied) {
        tx->source_ip = c->facts.ip[SIDE_CLIENT];
        tx->source_port = c->facts.port[SIDE_CLIENT];
        transaction_mark(tx, FIELD_SOURCE_IP);
        transaction_mark(tx, FIELD_SOURCE_PORT);
    }
    tx->server_ip = c->facts.ip[SIDE_SERVER];
    tx->server_port = c->facts.port[SIDE_SERVER];
    transaction_mark(tx, FIELD_SERVER_IP);
    transaction_mark(tx, FIELD_SERVER_PORT);
    struct bytes user = x->user.len > 0 ? x->user : c->account;
    if (!transaction_has(tx, FIELD_USER_NAME) && user.len > 0) {
        tx->user_name = user;
        transaction_mark(tx, FIELD_USER_NAME);
    }
    if (!transaction_has(tx, FIELD_USER_AGENT_ORIGINAL) && x->software.len > 0) {
        tx->user_agent = x->software;
        transaction_mark(tx, FIELD_USER_AGENT_ORIGINAL);
    }
    if (x->db_namespace.len > 0) {
        tx->db_namespace = x->db_namespace;
        transaction_mark(tx, FIELD_DB_NAMESPACE);
    }
    if (c->analyzer->db_system) {
        tx->db_system = bytes_of(c->analyzer->db_system);
        transaction_mark(tx, FIELD_DB_SYSTEM_NAME);
    }
    if (tx->lost_bytes > 0)
        transaction_mark(tx, FIELD_CAPTURE_LOST_BYTES);
}

/* The statement's text, operation and tables, by its hash. */
static void fill_statement(const struct connection *c, struct transaction *tx)
{
    if (!transaction_has(tx, FIELD_DB_QUERY_HASH))
        return;
    const struct statement *s = statements_find(c->owner->statements, tx->db_query_hash);
    if (!s)
        return;
    tx->db_query_text = s->text;
    transaction_mark(tx, FIELD_DB_QUERY_TEXT);
    if (s->operation.len > 0 && !transaction_has(tx, FIELD_DB_OPERATION_NAME)) {
        tx->db_operation = s->operation;
        transaction_mark(tx, FIELD_DB_OPERATION_NAME);
    }
    tx->db_collections = (struct texts){s->tables, s->tables_count};
    if (s->tables_count > 0)
        transaction_mark(tx, FIELD_DB_COLLECTION_NAME);
}

static void count(struct protocol_counters *p, const struct transaction *tx)
{
    p->requests += tx->request_seen && !tx->is_apart;
    p->responses += tx->reply_seen && !tx->is_apart;
    p->failures += tx->outcome == OUTCOME_FAILURE;
    p->lost_bytes += tx->lost_bytes;
    if (transaction_has(tx, FIELD_DB_RESPONSE_RETURNED_ROWS))
        p->returned_rows += tx->returned_rows;
    if (transaction_has(tx, FIELD_DB_RESPONSE_AFFECTED_ROWS))
        p->affected_rows += tx->affected_rows;
}

/* Of a database connection whose login was not seen, the settings may know the account. */
static void find_account(struct connection *c)
{
    const struct connection_facts *f = &c->facts;
    c->has_account = true;
    if (c->analyzer->db_system)
        c->account = settings_user(c->owner->settings, &f->ip[SIDE_SERVER], f->port[SIDE_SERVER],
                                   &f->ip[SIDE_CLIENT]);
}

static void complete(struct connection *c, struct transaction *tx)
{
    if (c->x.is_midstream && c->x.user.len == 0 && !c->has_account)
        find_account(c);
    fill(c, tx);
    fill_statement(c, tx);
}

static void hand_on(struct connection *c, struct transaction *tx)
{
    complete(c, tx);
    count(c->protocol, tx);
    c->has_told = true;
    c->owner->events.transaction(c->owner->context, c->user, tx);
}

static struct connection *connection_of(struct exchange *x)
{
    return (struct connection *)(void *)((char *)x - offsetof(struct connection, x));
}

static void emit(struct exchange *x, struct request *r)
{
    const struct analyzer *analyzer = connection_of(x)->analyzer;
    if (analyzer->finish)
        analyzer->finish(x, r);
    int64_t end_ns = r->end_ns ? r->end_ns : x->now_ns;
    if (r->tx.reply_seen && end_ns >= r->tx.start_ns) {
        r->tx.duration_ns = (uint64_t)(end_ns - r->tx.start_ns);
        transaction_mark(&r->tx, FIELD_EVENT_DURATION);
    }
    subject_fill(x, r, &r->tx);
    hand_on(connection_of(x), &r->tx);
}

struct analysis *analysis_open(const struct settings *settings,
                               const struct analysis_events *events, void *context)
{
    struct analysis *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->settings = settings;
    a->events = *events;
    a->context = context;
    a->budget.bytes_max = settings->memory_max;
    a->pairing = (struct pairing_owner){.budget = &a->budget, .emit = emit};
    a->feed = (struct feed_owner){.budget = &a->budget, .codecs = {.budget = &a->budget}};
    a->statements = statements_open(STATEMENTS_MAX, settings->statements_bytes_max);
    a->prepared = prepared_open(PREPARED_MAX, settings->prepared_bytes_max);
    a->http = http_world_open(&settings->http, &a->feed.codecs);
    if (settings->subjects)
        a->subjects = world_open(settings->subjects, settings->subjects_bytes_max);
    a->pairing.subjects = a->subjects;
    if (!a->statements || !a->prepared || !a->http || (settings->subjects && !a->subjects)) {
        analysis_close(a);
        return NULL;
    }
    return a;
}

void analysis_close(struct analysis *a)
{
    if (!a)
        return;
    statements_close(a->statements);
    prepared_close(a->prepared);
    http_world_close(a->http);
    pairing_owner_clear(&a->pairing);
    codecs_clear(&a->feed.codecs);
    world_close(a->subjects);
    free(a);
}

struct analysis_counters analysis_counters(const struct analysis *a)
{
    struct analysis_counters counters = a->counters;
    counters.resyncs = a->feed.resyncs;
    counters.pairing_overflows = a->pairing.overflows;
    counters.unread = a->pairing.unread;
    counters.disagreed = a->pairing.disagreed;
    counters.denied = a->feed.denied;
    counters.packed_broken = a->feed.broken;
    counters.packed_refused = a->feed.refused;
    counters.bodies_broken = a->http->bodies.broken;
    counters.bodies_refused = a->http->bodies.refused;
    counters.bodies_denied = a->http->bodies.denied;
    counters.http_accounts_evicted = http_accounts_evictions(a->http->accounts);
    counters.templates_merged = a->http->merged;
    if (a->subjects) {
        counters.identifiers = a->subjects->identifiers;
        counters.subjects_scanned = a->subjects->scanned;
        counters.subjects_unscanned = a->subjects->unscanned;
        counters.subjects_denied = a->subjects->denied;
    }
    counters.tables_lost = a->http->tables_lost;
    counters.tables_denied = a->http->tables_denied;
    counters.statements_evicted = statements_evictions(a->statements);
    counters.prepared_evicted = prepared_evictions(a->prepared);
    return counters;
}

const struct protocol_counters *analysis_protocol(const struct analysis *a, size_t n)
{
    return &a->protocols[n];
}

const struct budget *analysis_budget(const struct analysis *a)
{
    return &a->budget;
}

const struct budget *analysis_subjects_budget(const struct analysis *a)
{
    return a->subjects ? &a->subjects->budget : NULL;
}

struct connection *connection_open(struct analysis *a, const struct connection_facts *facts,
                                   void *owner)
{
    struct connection *c = NULL;
    if (!budget_resize(&a->budget, &c, 0, sizeof(*c)))
        return NULL;
    *c = (struct connection){.owner = a, .user = owner, .facts = *facts};
    c->x.pairing.owner = &a->pairing;
    c->x.statements = a->statements;
    c->x.prepared = a->prepared;
    c->x.http = a->http;
    c->x.subjects = a->subjects;
    c->x.settings = a->settings;
    c->x.facts = &c->facts;
    c->peer = (struct connection_end){facts->ip[SIDE_CLIENT], facts->port[SIDE_CLIENT]};
    c->x.peer = &c->peer;
    c->x.is_midstream = facts->is_midstream;
    c->x.connection = ++a->connections;
    for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
        c->feed[side] = (struct feed){.owner = &a->feed, .x = &c->x, .side = (enum side)side};
    return c;
}

void connection_forget_kept(struct connection *c)
{
    feed_clear(&c->feed[SIDE_CLIENT]);
    feed_clear(&c->feed[SIDE_SERVER]);
}

static void state_free(struct connection *c)
{
    if (c->analyzer->close)
        c->analyzer->close(&c->x);
    budget_free(&c->owner->budget, &c->x.state, c->analyzer->state_size);
}

/* The bytes that the other analyzer left are the next one's; so is the connection, from now on. */
static void count_hand_over(struct connection *c, const struct analyzer *next, enum side side,
                            size_t rest_len)
{
    uint64_t left[2];
    for (int i = SIDE_CLIENT; i <= SIDE_SERVER; i++)
        left[i] = c->feed[i].buffer_len + (i == (int)side ? rest_len : 0);
    if (c->is_counted) {
        c->protocol->client_bytes -= left[SIDE_CLIENT];
        c->protocol->server_bytes -= left[SIDE_SERVER];
    }
    c->is_counted = true;
    c->protocol = &c->owner->protocols[analyzer_find(bytes_of(next->name))];
    c->protocol->connections++;
    c->protocol->client_bytes += left[SIDE_CLIENT];
    c->protocol->server_bytes += left[SIDE_SERVER];
}

/* Another analyzer goes on with what the one that handed over left.  False without memory. */
static bool go_on(struct connection *c, const struct analyzer *next, enum side side,
                  struct bytes rest, int64_t ns)
{
    void *state = NULL;
    if (!budget_resize(&c->owner->budget, &state, 0, next->state_size))
        return false;
    memset(state, 0, next->state_size);
    pairing_flush(&c->x);
    state_free(c);
    c->x.state = state;
    count_hand_over(c, next, side, rest.len);
    c->analyzer = next;
    bool is_other_lost = c->feed[side ^ 1].is_lost && c->x.is_midstream;
    feed_hand_over(&c->feed[side], next);
    feed_hand_over(&c->feed[side ^ 1], next);
    c->feed[side ^ 1].is_lost = is_other_lost;
    /* what is kept of the other side came before */
    connection_take(c, side ^ 1, (struct bytes){NULL, 0}, ns);
    if (c->kind == CONNECTION_DECODED)
        connection_take(c, side, rest, ns);
    return true;
}

/* From here on another analyzer goes on with the bytes, or they are only counted. */
static void hand_over(struct connection *c, enum side side, struct bytes rest, int64_t ns)
{
    size_t n = c->x.next ? analyzer_find(bytes_of(c->x.next)) : ANALYZERS_COUNT;
    c->x.next = NULL;
    if (n < ANALYZERS_COUNT && go_on(c, ANALYZERS[n], side, rest, ns))
        return;
    bool is_encrypted = c->x.is_encrypted;
    c->kind = is_encrypted ? CONNECTION_ENCRYPTED : CONNECTION_OPAQUE;
    c->protocol->encrypted += is_encrypted;
    pairing_flush(&c->x);
    c->rest_start_ns = ns;
    c->rest[side] += rest.len;
    for (int i = SIDE_CLIENT; i <= SIDE_SERVER; i++) {
        c->rest[i] += c->feed[i].buffer_len;
        c->rest[i] += c->x.pairing.waiting_bytes[i];
        c->rest_lost += c->x.pairing.waiting_lost[i];
    }
    connection_forget_kept(c);
}

/* Nothing of what the port promised came. */
static void give_up(struct connection *c)
{
    c->owner->counters.given_up++;
    state_free(c);
    pairing_clear(&c->x.pairing);
    c->analyzer = NULL;
    c->protocol = NULL;
    c->kind = CONNECTION_UNKNOWN;
    connection_forget_kept(c);
}

/* The connection's bytes, now and from now on, are that protocol's. */
static void count_connection(struct connection *c)
{
    c->is_counted = true;
    c->protocol->connections++;
    c->protocol->client_bytes += c->bytes[SIDE_CLIENT];
    c->protocol->server_bytes += c->bytes[SIDE_SERVER];
}

/* A long reply is told of while it passes, so that no rule has to wait for its end. */
static void tell_passing(struct connection *c)
{
    const struct request *r = c->x.pairing.passing;
    struct transaction tx = r->tx;
    c->x.pairing.passing = NULL;
    subject_fill(&c->x, r, &tx);
    if (c->analyzer->glance)
        c->analyzer->glance(&c->x, r, &tx);
    if (c->x.now_ns >= tx.start_ns) {
        tx.duration_ns = (uint64_t)(c->x.now_ns - tx.start_ns);
        transaction_mark(&tx, FIELD_EVENT_DURATION);
    }
    complete(c, &tx);
    transaction_unmark(&tx, FIELD_EVENT_OUTCOME);
    if (c->owner->events.passing)
        c->owner->events.passing(c->owner->context, c->user, &tx);
}

void connection_take(struct connection *c, enum side side, struct bytes data, int64_t ns)
{
    struct bytes rest = {NULL, 0};
    struct feed *f = &c->feed[side];
    bool goes_on = feed_take(f, data, ns, &rest);
    if (!c->is_counted && f->has_parsed)
        count_connection(c);
    if (!goes_on)
        hand_over(c, side, rest, ns);
    else if (c->x.pairing.passing)
        tell_passing(c);
    else if (!c->is_counted && c->bytes[SIDE_CLIENT] + c->bytes[SIDE_SERVER] > FRUITLESS_MAX)
        give_up(c);
}

void connection_data(struct connection *c, unsigned direction, struct bytes data, int64_t ns)
{
    enum side side = side_of(c, direction);
    c->last_ns = ns;
    c->bytes[side] += data.len;
    if (c->is_counted)
        *(side == SIDE_CLIENT ? &c->protocol->client_bytes : &c->protocol->server_bytes) +=
            data.len;
    switch (c->kind) {
    case CONNECTION_UNDECIDED:
        decision_data(c, side, data, ns);
        break;
    case CONNECTION_UNKNOWN:
        decision_late_start(c, side, data, ns);
        break;
    case CONNECTION_DECODED:
        connection_take(c, side, data, ns);
        break;
    case CONNECTION_ENCRYPTED:
    case CONNECTION_OPAQUE:
        c->rest[side] += data.len;
        break;
    }
}

void connection_gap(struct connection *c, unsigned direction, uint64_t lost, int64_t ns)
{
    enum side side = side_of(c, direction);
    c->last_ns = ns;
    c->owner->counters.gaps++;
    c->owner->counters.lost_bytes += lost;
    switch (c->kind) {
    case CONNECTION_UNDECIDED:
        /* what comes next is no beginning any more */
        c->facts.is_midstream = c->x.is_midstream = true;
        c->x.pairing.waiting_lost[side] += lost;
        feed_clear(&c->feed[side]);
        break;
    case CONNECTION_DECODED:
        if (feed_gap(&c->feed[side], lost, ns))
            c->x.is_midstream = true;
        break;
    case CONNECTION_UNKNOWN:
    case CONNECTION_ENCRYPTED:
    case CONNECTION_OPAQUE:
        c->rest_lost += lost;
        break;
    }
}

void connection_end(struct connection *c, unsigned direction, int64_t ns)
{
    c->last_ns = ns;
    if (c->kind != CONNECTION_DECODED)
        return;
    c->x.now_ns = ns;
    feed_end(&c->feed[side_of(c, direction)]);
}

bool connection_hint(struct connection *c, struct bytes protocol)
{
    size_t n = analyzer_find(protocol);
    if (n == ANALYZERS_COUNT || c->kind != CONNECTION_UNKNOWN)
        return false;
    c->x.is_midstream = true;
    decision_believe(c, ANALYZERS[n], c->last_ns);
    return c->kind == CONNECTION_DECODED;
}

/* What passed after the decoding ended counts for the account all the same. */
static void hand_on_rest(struct connection *c)
{
    struct transaction tx = {.start_ns = c->rest_start_ns,
                             .duration_ns = (uint64_t)(c->last_ns - c->rest_start_ns),
                             .action = ACTION_OTHER,
                             .outcome = OUTCOME_UNKNOWN,
                             .is_apart = true,
                             .client_bytes = c->rest[SIDE_CLIENT],
                             .server_bytes = c->rest[SIDE_SERVER],
                             .lost_bytes = c->rest_lost};
    transaction_mark(&tx, FIELD_EVENT_DURATION);
    hand_on(c, &tx);
}

/* Bytes that were lost behind the last transaction, or are of none because the beginning is missing
 * and nothing else was found, are told by one more. */
static void hand_on_leftover(struct connection *c)
{
    const struct pairing *p = &c->x.pairing;
    struct transaction tx = {.start_ns = c->last_ns,
                             .action = ACTION_OTHER,
                             .outcome = OUTCOME_UNKNOWN,
                             .is_apart = true,
                             .partial = true,
                             .client_bytes = p->waiting_bytes[SIDE_CLIENT],
                             .server_bytes = p->waiting_bytes[SIDE_SERVER],
                             .lost_bytes =
                                 p->waiting_lost[SIDE_CLIENT] + p->waiting_lost[SIDE_SERVER]};
    transaction_mark(&tx, FIELD_CAPTURE_PARTIAL);
    if (tx.lost_bytes > 0 || (c->x.is_midstream && !c->has_told && tx.server_bytes > 0))
        hand_on(c, &tx);
}

void connection_close(struct connection *c)
{
    if (!c)
        return;
    if (c->kind == CONNECTION_UNDECIDED)
        (void)decision_by_port(c, c->last_ns);
    if (c->kind == CONNECTION_DECODED) {
        feed_end(&c->feed[SIDE_CLIENT]);
        feed_end(&c->feed[SIDE_SERVER]);
        pairing_flush(&c->x);
        hand_on_leftover(c);
    }
    if ((c->kind == CONNECTION_ENCRYPTED || c->kind == CONNECTION_OPAQUE) &&
        c->rest[0] + c->rest[1] > 0)
        hand_on_rest(c);
    feed_clear(&c->feed[SIDE_CLIENT]);
    feed_clear(&c->feed[SIDE_SERVER]);
    if (c->x.state)
        state_free(c);
    pairing_clear(&c->x.pairing);
    if (c->x.origin)
        pairing_release(&c->x.pairing, c->x.origin);
    subject_release(&c->x);
    struct analysis *owner = c->owner;
    budget_free(&owner->budget, &c, sizeof(*c));
}

enum connection_kind connection_kind(const struct connection *c)
{
    return c->kind;
}

const struct connection_facts *connection_facts(const struct connection *c)
{
    return &c->facts;
}

bool connection_has_parsed(const struct connection *c)
{
    return c->is_counted;
}

const struct analyzer *connection_analyzer(const struct connection *c)
{
    return c->analyzer;
}

uint64_t connection_bytes(const struct connection *c, enum side side)
{
    return c->bytes[side];
}
