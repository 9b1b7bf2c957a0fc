/*
 * The stages in their order.  Capture gives bytes of flows, a flow's link holds its connection; a
 * transaction gets its network and place before it leaves.
 */
#include "worker.h"

#include "capture/servers.h"
#include "clarity.h"
#include "core/hash.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    RESERVE_PARTS = 8, /* one part of so many is kept free */
    EVICTIONS_MAX = 8, /* for one packet */
    ORIGINS_COUNT = 1024,
};

/* What is known of a client's address; the newest of those that share a place are kept. */
struct origin {
    struct address ip;
    bool is_known;
    const struct network *network;
    struct geo_place place;
};

/* A flow and its connection. */
struct link {
    struct connection *connection;
    uint64_t number; /* unlike that of any other connection of any worker; never 0 */
    struct flow_view *flow;
    const char *name; /* nDPI's, of the names that `others` keeps; NULL: unknown */
    int64_t last_ns;  /* of the newest data */
    struct clarity clarity;
    bool is_placed; /* its server and protocol are known */
};

struct worker {
    struct worker_config config;
    struct settings settings; /* the configuration's, with this worker's part of the memory */
    struct capture_ports ports;
    struct worker_events events;
    void *context;
    struct capture *capture;
    struct analysis *analysis;
    struct geo *geo;                      /* NULL: places are unknown */
    struct origin origins[ORIGINS_COUNT]; /* each in the place that its address's hash gives */
    struct budget budget;                 /* of the links */
    struct others others;
    uint64_t links;
    atomic_bool wants_community_id;
    uint64_t community_id_of; /* number of the link that it is of */
    char community_id[COMMUNITY_ID_MAX];
    size_t community_id_len; /* bytes */
    int64_t first_ns;        /* packet time of the first packet */
    int64_t interval_ns;     /* the beginning of the interval that is counted */
    int64_t interval_end_ns; /* INT64_MIN: none has begun */
};

static const struct origin *look_up(struct worker *w, const struct address *ip)
{
    uint64_t hash = hash_bytes((struct bytes){ip->octets, sizeof(ip->octets)}, 0);
    struct origin *o = &w->origins[hash % ORIGINS_COUNT];
    if (o->is_known && address_equal(&o->ip, ip))
        return o;
    *o = (struct origin){.ip = *ip, .is_known = true};
    o->network = network_find(w->config.config->networks, ip);
    if (w->geo)
        geo_find(w->geo, ip, &o->place);
    return o;
}

static void add_text(struct transaction *tx, struct bytes *member, enum field f, struct bytes text)
{
    if (text.len == 0)
        return;
    *member = text;
    transaction_mark(tx, f);
}

static void add_origin(struct transaction *tx, const struct origin *o)
{
    const struct geo_place *place = &o->place;
    if (o->network) {
        add_text(tx, &tx->network_name, FIELD_NETWORK_NAME, o->network->name);
        tx->network_countries = o->network->countries;
        if (o->network->countries.count > 0)
            transaction_mark(tx, FIELD_NETWORK_COUNTRIES);
    }
    add_text(tx, &tx->country, FIELD_CLIENT_GEO_COUNTRY_ISO_CODE, place->country);
    add_text(tx, &tx->city, FIELD_CLIENT_GEO_CITY_NAME, place->city);
    add_text(tx, &tx->as_organization, FIELD_CLIENT_AS_ORGANIZATION_NAME, place->as_organization);
    if (place->has_location) {
        tx->location = place->location;
        transaction_mark(tx, FIELD_CLIENT_GEO_LOCATION);
    }
    if (place->has_as_number) {
        tx->as_number = place->as_number;
        transaction_mark(tx, FIELD_CLIENT_AS_NUMBER);
    }
}

/* Computed once for a run of transactions of one connection. */
static void add_community_id(struct worker *w, const struct link *l, struct transaction *tx)
{
    if (w->community_id_of != l->number)
        w->community_id_len = capture_community_id(l->flow, w->community_id);
    w->community_id_of = l->number;
    add_text(tx, &tx->community_id, FIELD_NETWORK_COMMUNITY_ID,
             (struct bytes){(const uint8_t *)w->community_id, w->community_id_len});
}

/* Completes a transaction; returns the number of its database connection, 0 of an HTTP stay. */
static uint64_t complete(struct worker *w, const struct link *l, struct transaction *tx)
{
    add_origin(tx, look_up(w, &tx->client_ip));
    if (atomic_load_explicit(&w->wants_community_id, memory_order_relaxed))
        add_community_id(w, l, tx);
    return transaction_has(tx, FIELD_DB_SYSTEM_NAME) ? l->number : 0;
}

static void on_transaction(void *context, void *owner, struct transaction *tx)
{
    struct worker *w = context;
    w->events.transaction(w->context, tx, complete(w, owner, tx));
}

static void on_passing(void *context, void *owner, struct transaction *tx)
{
    struct worker *w = context;
    w->events.passing(w->context, tx, complete(w, owner, tx));
}

/* The flow's link, made at its first bytes; NULL without memory: the flow is then not decoded. */
static struct link *link_of(struct worker *w, struct flow_view *flow)
{
    if (flow->user)
        return flow->user;
    struct link *l = NULL;
    if (!budget_resize(&w->budget, &l, 0, sizeof(*l)))
        return NULL;
    *l = (struct link){.flow = flow,
                       .number = w->config.index + (uint64_t)w->config.count * ++w->links};
    struct connection_facts facts = {.ip = {flow->ip[0], flow->ip[1]},
                                     .port = {flow->port[0], flow->port[1]},
                                     .is_midstream = flow->is_midstream,
                                     .roles_sure = flow->roles_sure};
    l->connection = connection_open(w->analysis, &facts, l);
    if (!l->connection) {
        budget_free(&w->budget, &l, sizeof(*l));
        return NULL;
    }
    flow->user = l;
    return l;
}

/* The analyzer knows better than the ports who the server is. */
static void place(struct worker *w, struct link *l, struct flow_view *flow)
{
    if (!connection_has_parsed(l->connection))
        return;
    const struct connection_facts *facts = connection_facts(l->connection);
    bool is_turned = facts->port[SIDE_SERVER] != flow->port[1] ||
                     !address_equal(&facts->ip[SIDE_SERVER], &flow->ip[1]);
    if (is_turned)
        capture_turn(w->capture, flow);
    flow->server->protocol = connection_analyzer(l->connection)->name;
    l->is_placed = true;
}

static void on_data(void *context, struct flow_view *flow, unsigned direction, struct bytes data,
                    int64_t ns)
{
    struct link *l = link_of(context, flow);
    if (!l) {
        flow->server->counters.payload_bytes += data.len;
        flow->server->counters.undecoded_bytes += data.len;
        return;
    }
    l->last_ns = ns;
    connection_data(l->connection, direction, data, ns);
    if (!l->is_placed)
        place(context, l, flow);
    clarity_data(&l->clarity, l->connection, data, &flow->server->counters);
    flow->wants_name = !l->name && connection_kind(l->connection) == CONNECTION_UNKNOWN;
}

static void on_gap(void *context, struct flow_view *flow, unsigned direction, uint64_t lost,
                   int64_t ns)
{
    struct link *l = link_of(context, flow);
    if (flow->server)
        flow->server->counters.lost_bytes += lost;
    if (l)
        connection_gap(l->connection, direction, lost, ns);
}

static void on_end(void *context, struct flow_view *flow, unsigned direction, int64_t ns)
{
    struct link *l = flow->user;
    (void)context;
    if (l)
        connection_end(l->connection, direction, ns);
}

static void on_named(void *context, struct flow_view *flow, const char *name)
{
    struct worker *w = context;
    struct link *l = flow->user;
    if (!l)
        return;
    l->name = others_name(&w->others, name);
    clarity_named(&l->clarity, name, &flow->server->counters);
    if (!flow->server->protocol && strcmp(name, "unknown") != 0)
        flow->server->protocol = l->name;
    (void)connection_hint(l->connection, bytes_of(name));
}

static void mark_all(struct transaction *tx, const enum field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        transaction_mark(tx, fields[i]);
}

/* Whether it goes out of a configured network to a server that speaks nothing of ours: that a
 * database's connections turned encrypted is for clarity.h to tell. */
static bool is_outbound(struct worker *w, const struct link *l, enum connection_kind kind)
{
    const struct connection_facts *facts = connection_facts(l->connection);
    const char *protocol = l->flow->server ? l->flow->server->protocol : NULL;
    bool is_open = kind == CONNECTION_UNDECIDED && /* its port may tell when it closes */
                   capture_ports_have(&w->ports, facts->port[SIDE_SERVER]);
    if (is_open || facts->is_midstream || connection_bytes(l->connection, SIDE_CLIENT) == 0 ||
        (protocol && analyzer_find(bytes_of(protocol)) < ANALYZERS_COUNT))
        return false;
    return look_up(w, &facts->ip[SIDE_CLIENT])->network &&
           !look_up(w, &facts->ip[SIDE_SERVER])->network;
}

/* A connection that nobody decoded is one transaction: that it was there, when, and how much. */
static void tell_outbound(struct worker *w, const struct link *l)
{
    static const enum field fields[] = {
        FIELD_TIMESTAMP,        FIELD_EVENT_ACTION,      FIELD_EVENT_DURATION, FIELD_EVENT_OUTCOME,
        FIELD_NETWORK_PROTOCOL, FIELD_NETWORK_TRANSPORT, FIELD_CLIENT_BYTES,   FIELD_CLIENT_IP,
        FIELD_CLIENT_PORT,      FIELD_SOURCE_IP,         FIELD_SOURCE_PORT,    FIELD_SERVER_BYTES,
        FIELD_SERVER_IP,        FIELD_SERVER_PORT};
    const struct connection_facts *facts = connection_facts(l->connection);
    int64_t length_ns = l->last_ns - l->flow->start_ns;
    struct transaction tx = {
        .start_ns = l->flow->start_ns,
        .duration_ns = length_ns > 0 ? (uint64_t)length_ns : 0,
        .action = ACTION_OTHER,
        .outcome = OUTCOME_UNKNOWN,
        .is_apart = true,
        .protocol = bytes_of(l->name ? l->name : "unknown"),
        .transport = bytes_of("tcp"),
        .client_ip = facts->ip[SIDE_CLIENT],
        .source_ip = facts->ip[SIDE_CLIENT],
        .server_ip = facts->ip[SIDE_SERVER],
        .client_port = facts->port[SIDE_CLIENT],
        .source_port = facts->port[SIDE_CLIENT],
        .server_port = facts->port[SIDE_SERVER],
        .client_bytes = connection_bytes(l->connection, SIDE_CLIENT),
        .server_bytes = connection_bytes(l->connection, SIDE_SERVER),
    };
    mark_all(&tx, fields, sizeof(fields) / sizeof(fields[0]));
    (void)complete(w, l, &tx);
    w->events.transaction(w->context, &tx, l->number);
}

static void on_close(void *context, struct flow_view *flow, int64_t ns)
{
    struct worker *w = context;
    struct link *l = flow->user;
    (void)ns;
    enum connection_kind kind = connection_kind(l->connection);
    if (kind == CONNECTION_UNDECIDED || kind == CONNECTION_UNKNOWN) {
        others_count(&w->others, l->name, connection_bytes(l->connection, SIDE_CLIENT),
                     connection_bytes(l->connection, SIDE_SERVER));
        if (is_outbound(w, l, kind))
            tell_outbound(w, l);
    }
    clarity_close(&l->clarity, l->connection, &flow->server->counters);
    connection_close(l->connection);
    w->events.session_end(w->context, l->number);
    budget_free(&w->budget, &l, sizeof(*l));
    flow->user = NULL;
}

/* The configured ports, and those that the analyzers know. */
static void learn_ports(struct worker *w)
{
    for (size_t i = 0; i < w->settings.ports_count; i++)
        capture_ports_add(&w->ports, w->settings.ports[i].port);
    for (size_t n = 0; n < ANALYZERS_COUNT; n++) {
        for (size_t i = 0; i < ANALYZER_PORTS_MAX && ANALYZERS[n]->ports[i]; i++)
            capture_ports_add(&w->ports, ANALYZERS[n]->ports[i]);
    }
}

bool worker_open(struct worker **worker, const struct worker_config *config,
                 const struct worker_events *events, void *context, struct error *error)
{
    static const struct capture_events capture_events = {
        .data = on_data, .gap = on_gap, .end = on_end, .named = on_named, .close = on_close};
    const struct analysis_events analysis_events = {.transaction = on_transaction,
                                                    .passing = events->passing ? on_passing : NULL};
    const struct config *c = config->config;
    struct worker *w = calloc(1, sizeof(*w));
    *worker = w;
    if (!w)
        return error_set(error, ERROR_WORK, "no memory");
    w->config = *config;
    atomic_init(&w->wants_community_id, config->wants_community_id);
    w->events = *events;
    w->context = context;
    w->interval_end_ns = INT64_MIN;
    /* the limits are for all workers together */
    struct capture_config capture = c->capture;
    capture.flows_max = (capture.flows_max + config->count - 1) / config->count;
    capture.memory_max /= config->count;
    capture.flows_bytes_max /= config->count;
    capture.past_bytes_max /= config->count;
    capture.servers_bytes_max /= config->count;
    capture.naming_bytes_max /= config->count;
    w->settings = c->settings;
    w->settings.memory_max /= config->count;
    w->settings.statements_bytes_max /= config->count;
    w->settings.prepared_bytes_max /= config->count;
    w->settings.http.accounts_bytes_max /= config->count;
    w->settings.subjects_bytes_max /= config->count;
    w->budget.bytes_max = c->shares.bytes[SHARE_LINKS] / config->count;
    learn_ports(w);
    capture.ports = &w->ports;
    capture.share = config->index;
    capture.shares = config->is_shared ? config->count : 0;
    w->capture = capture_open(&capture, &capture_events, w);
    w->analysis = analysis_open(&w->settings, &analysis_events, w);
    if (!w->capture || !w->analysis)
        return error_set(error, ERROR_WORK, "no memory");
    return c->geo_count == 0 || geo_open(&w->geo, c->geo_paths, c->geo_count, error);
}

void worker_close(struct worker *w)
{
    if (!w)
        return;
    capture_close(w->capture);
    analysis_close(w->analysis);
    geo_close(w->geo);
    free(w);
}

static bool is_short(const struct budget *b)
{
    return b->used > b->bytes_max - b->bytes_max / RESERVE_PARTS;
}

/* Keeps memory in reserve for the next packet: the connections that can be missed go. */
static void make_room(struct worker *w)
{
    unsigned tries = 0;
    while ((is_short(&w->budget) || is_short(analysis_budget(w->analysis))) &&
           tries++ < EVICTIONS_MAX && capture_evict(w->capture))
        ;
}

static bool on_mirror(void *context, const struct mirror_part *part)
{
    struct worker *w = context;
    return w->events.mirror(w->context, part);
}

static void end_interval(struct worker *w)
{
    if (w->interval_end_ns != INT64_MIN)
        capture_mirror(w->capture, w->interval_ns, on_mirror, w);
}

/* Goes on to the interval of that time. */
static void pass_interval(struct worker *w, int64_t ns)
{
    int64_t length_ns = w->config.config->mirror_interval_ns;
    end_interval(w);
    w->interval_ns = ns > 0 ? ns - ns % length_ns : 0;
    w->interval_end_ns =
        w->interval_ns > INT64_MAX - length_ns ? INT64_MAX : w->interval_ns + length_ns;
}

void worker_take(void *worker, const struct packet *packet)
{
    struct worker *w = worker;
    if (packet->ns >= w->interval_end_ns)
        pass_interval(w, packet->ns);
    if (w->first_ns == 0)
        w->first_ns = packet->ns;
    capture_packet(w->capture, packet);
    make_room(w);
}

void worker_tick(struct worker *w, int64_t ns)
{
    if (ns > 0 && ns >= w->interval_end_ns)
        pass_interval(w, ns);
    capture_tick(w->capture, ns);
}

void worker_finish(struct worker *w)
{
    capture_flush(w->capture);
    end_interval(w);
}

void worker_jump(struct worker *w, int64_t jump_ns)
{
    capture_jump(w->capture, jump_ns);
}

void worker_want_community_id(struct worker *w)
{
    atomic_store_explicit(&w->wants_community_id, true, memory_order_relaxed);
}

int64_t worker_now(const struct worker *w)
{
    return capture_now(w->capture);
}

/* Counters are structs of uint64_t alone. */
static void add(void *sum, const void *part, size_t size)
{
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t a, b;
        memcpy(&a, (const char *)sum + at, sizeof(a));
        memcpy(&b, (const char *)part + at, sizeof(b));
        a += b;
        memcpy((char *)sum + at, &a, sizeof(a));
    }
}

static void add_budget(struct worker_counters *sum, const struct budget *b)
{
    sum->memory_denied += b->denied;
    sum->memory_peak += b->peak;
}

void worker_count(const struct worker *w, struct worker_counters *sum)
{
    struct capture_counters capture = capture_counters(w->capture);
    struct analysis_counters analysis = analysis_counters(w->analysis);
    add(&sum->capture, &capture, sizeof(capture));
    add(&sum->analysis, &analysis, sizeof(analysis));
    for (size_t n = 0; n < ANALYZERS_COUNT; n++)
        add(&sum->protocols[n], analysis_protocol(w->analysis, n), sizeof(sum->protocols[n]));
    others_add(&sum->others, &w->others);
    tunnels_add(&sum->tunnels, capture_tunnels(w->capture));
    sum->geo_misreads += w->geo ? geo_misreads(w->geo) : 0;
    add_budget(sum, capture_budget(w->capture));
    add_budget(sum, analysis_budget(w->analysis));
    if (analysis_subjects_budget(w->analysis))
        add_budget(sum, analysis_subjects_budget(w->analysis));
    add_budget(sum, &w->budget);
    int64_t last_ns = capture_now(w->capture);
    if (w->first_ns != 0 && (sum->first_ns == 0 || w->first_ns < sum->first_ns))
        sum->first_ns = w->first_ns;
    if (last_ns > sum->last_ns)
        sum->last_ns = last_ns;
}
