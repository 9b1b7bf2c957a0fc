/*
 * The stages in their order.  Capture gives bytes of flows, a flow's link holds its connection; a
 * transaction gets its network, place and session, then the rules see it, then it is written.
 */
#include "pipeline.h"

#include "analyzers/connection.h"
#include "analyzers/registry.h"
#include "core/clock.h"
#include "profile/session.h"
#include "rules/alert.h"
#include "rules/engine.h"
#include "summary.h"

#include <stdlib.h>

/* What is known of a client's address, looked up once for a run of transactions. */
struct origin {
    struct address ip;
    bool is_known;
    const struct network *network;
    struct geo_place place;
};

/* A flow and its connection. */
struct link {
    struct pipeline *pipeline;
    struct connection *connection;
    uint64_t number; /* from 1 */
    struct flow_view *flow;
    struct origin origin;
    const char *name; /* nDPI's, of the names that the pipeline keeps; NULL: unknown */
    char community_id[COMMUNITY_ID_MAX];
    size_t community_id_len;
};

struct pipeline {
    struct pipeline_config config;
    struct capture *capture;
    struct analysis *analysis;
    struct sessions *sessions;
    struct engine *engine;
    struct budget budget; /* of the links */
    struct summary summary;
    struct json json;
    struct sessions_counters sessions_counted; /* when they were ended */
    uint64_t links, transactions;
    int64_t first_ns; /* packet time of the first packet */
    bool wants_community_id;
};

static void look_up(struct pipeline *p, struct origin *o, const struct address *ip)
{
    if (o->is_known && address_equal(&o->ip, ip))
        return;
    *o = (struct origin){.ip = *ip, .is_known = true};
    o->network = network_find(p->config.config->networks, ip);
    if (p->config.geo)
        geo_find(p->config.geo, ip, &o->place);
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

static void add_community_id(struct link *l, struct transaction *tx)
{
    if (l->community_id_len == 0)
        l->community_id_len = capture_community_id(l->flow, l->community_id);
    add_text(tx, &tx->community_id, FIELD_NETWORK_COMMUNITY_ID,
             (struct bytes){(const uint8_t *)l->community_id, l->community_id_len});
}

static void on_transaction(void *context, void *owner, struct transaction *tx)
{
    struct pipeline *p = context;
    struct link *l = owner;
    look_up(p, &l->origin, &tx->client_ip);
    add_origin(tx, &l->origin);
    if (p->wants_community_id)
        add_community_id(l, tx);
    bool is_database = transaction_has(tx, FIELD_DB_SYSTEM_NAME);
    sessions_count(p->sessions, tx, is_database ? l->number : 0, capture_now(p->capture));
    p->transactions++;
    engine_transaction(p->engine, tx);
    if (!output_is_on(&p->config.outputs->transactions))
        return;
    json_restart(&p->json);
    transaction_write(&p->json, tx);
    output_line(&p->config.outputs->transactions,
                (struct bytes){(const uint8_t *)p->json.text, p->json.len});
}

static void on_session(void *context, const struct session *s, bool is_final)
{
    struct pipeline *p = context;
    if (!output_is_on(&p->config.outputs->sessions))
        return;
    json_restart(&p->json);
    session_write_json(&p->json, s, is_final);
    output_line(&p->config.outputs->sessions,
                (struct bytes){(const uint8_t *)p->json.text, p->json.len});
}

static void on_alert(void *context, const struct alert *a)
{
    struct pipeline *p = context;
    struct pipeline_outputs *o = p->config.outputs;
    if (output_is_on(&o->alerts)) {
        json_restart(&p->json);
        alert_write_json(&p->json, a);
        output_line(&o->alerts, (struct bytes){(const uint8_t *)p->json.text, p->json.len});
        output_flush(&o->alerts);
    }
    if (output_is_on(&o->lines)) {
        char line[ALERT_LINE_MAX + 1];
        size_t len = alert_write_line(a, line);
        line[len++] = '\n';
        output_line(&o->lines, (struct bytes){(const uint8_t *)line, len});
        output_flush(&o->lines);
    }
}

/* The flow's link, made at its first bytes; NULL without memory: the flow is then not decoded. */
static struct link *link_of(struct pipeline *p, struct flow_view *flow)
{
    if (flow->user)
        return flow->user;
    struct link *l = NULL;
    if (!budget_resize(&p->budget, &l, 0, sizeof(*l)))
        return NULL;
    *l = (struct link){.pipeline = p, .flow = flow, .number = ++p->links};
    struct connection_facts facts = {.ip = {flow->ip[0], flow->ip[1]},
                                     .port = {flow->port[0], flow->port[1]},
                                     .is_midstream = flow->is_midstream,
                                     .roles_sure = flow->roles_sure};
    l->connection = connection_open(p->analysis, &facts, l);
    if (!l->connection) {
        budget_free(&p->budget, &l, sizeof(*l));
        return NULL;
    }
    flow->user = l;
    return l;
}

static void on_data(void *context, struct flow_view *flow, unsigned direction, struct bytes data,
                    int64_t ns)
{
    struct link *l = link_of(context, flow);
    if (!l)
        return;
    connection_data(l->connection, direction, data, ns);
    flow->wants_name = !l->name && connection_kind(l->connection) == CONNECTION_UNKNOWN;
}

static void on_gap(void *context, struct flow_view *flow, unsigned direction, uint64_t lost,
                   int64_t ns)
{
    struct link *l = link_of(context, flow);
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
    struct pipeline *p = context;
    struct link *l = flow->user;
    if (!l)
        return;
    l->name = summary_name(&p->summary, name);
    (void)connection_hint(l->connection, bytes_of(name));
}

static void on_close(void *context, struct flow_view *flow, int64_t ns)
{
    struct pipeline *p = context;
    struct link *l = flow->user;
    (void)ns;
    enum connection_kind kind = connection_kind(l->connection);
    if (kind == CONNECTION_UNDECIDED || kind == CONNECTION_UNKNOWN)
        summary_count_other(&p->summary, l->name, connection_bytes(l->connection, SIDE_CLIENT),
                            connection_bytes(l->connection, SIDE_SERVER));
    connection_close(l->connection);
    sessions_end(p->sessions, l->number);
    budget_free(&p->budget, &l, sizeof(*l));
    flow->user = NULL;
}

/* The one field that costs too much to be computed for nobody. */
static bool uses_community_id(const struct rules *rules)
{
    for (size_t i = 0; i < rules_count(rules); i++) {
        const struct expression *when = &rules_at(rules, i)->when;
        if (when->required >> FIELD_NETWORK_COMMUNITY_ID & 1)
            return true;
        for (unsigned t = 0; t < when->count; t++) {
            if (when->tests[t].field == FIELD_NETWORK_COMMUNITY_ID)
                return true;
        }
    }
    return false;
}

struct pipeline *pipeline_open(const struct pipeline_config *config)
{
    static const struct capture_events capture_events = {
        .data = on_data, .gap = on_gap, .end = on_end, .named = on_named, .close = on_close};
    static const struct analysis_events analysis_events = {.transaction = on_transaction};
    const struct config *c = config->config;
    struct pipeline *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->config = *config;
    p->budget.bytes_max = c->capture.flows_max * sizeof(struct link);
    p->wants_community_id =
        output_is_on(&config->outputs->transactions) || uses_community_id(config->rules);
    p->capture = capture_open(&c->capture, &capture_events, p);
    p->analysis = analysis_open(&c->settings, &analysis_events, p);
    p->sessions = sessions_open(&(struct sessions_config){.sessions_max = c->sessions_max,
                                                          .idle_ns = c->session_idle_ns,
                                                          .interval_ns = c->session_interval_ns,
                                                          .write = on_session,
                                                          .context = p});
    p->engine =
        engine_open(config->rules, &(struct engine_config){.alert = on_alert, .context = p});
    if (!p->capture || !p->analysis || !p->sessions || !p->engine) {
        pipeline_close(p);
        return NULL;
    }
    return p;
}

void pipeline_take(void *pipeline, const struct packet *packet)
{
    struct pipeline *p = pipeline;
    if (p->first_ns == 0)
        p->first_ns = packet->ns;
    capture_packet(p->capture, packet);
}

void pipeline_tick(struct pipeline *p, int64_t ns)
{
    if (ns > 0)
        capture_tick(p->capture, ns);
    sessions_tick(p->sessions, capture_now(p->capture));
    engine_tick(p->engine, capture_now(p->capture));
    output_flush(&p->config.outputs->transactions);
    output_flush(&p->config.outputs->sessions);
}

void pipeline_finish(struct pipeline *p)
{
    capture_flush(p->capture);
    p->sessions_counted = sessions_counters(p->sessions);
    sessions_close(p->sessions);
    p->sessions = NULL;
    output_flush(&p->config.outputs->transactions);
    output_flush(&p->config.outputs->sessions);
}

static void write_capture(const struct pipeline *p, const struct source_drops *drops,
                          struct json *j)
{
    struct capture_counters c = capture_counters(p->capture);
    json_name(j, bytes_of("capture"));
    json_open(j, '{');
    json_counter(j, "packets", c.packets);
    json_counter(j, "bytes", c.bytes);
    json_counter(j, "dropped", drops->kernel + drops->interface);
    json_counter(j, "duplicates", c.duplicates);
    json_counter(j, "truncated", c.truncated);
    json_counter(j, "undecoded", c.undecoded);
    json_counter(j, "fragments_dropped", c.fragments_dropped);
    json_counter(j, "retransmitted_bytes", c.retransmitted_bytes);
    json_close(j, '}');
    json_name(j, bytes_of("flows"));
    json_open(j, '{');
    json_counter(j, "tcp", c.flows_tcp);
    json_counter(j, "udp", c.flows_udp);
    json_counter(j, "midstream", c.flows_midstream);
    json_counter(j, "one_sided", c.flows_one_sided);
    json_counter(j, "evicted", c.flows_evicted);
    json_close(j, '}');
}

static void write_protocol(const struct protocol_counters *c, const char *name, struct json *j)
{
    if (c->connections == 0)
        return;
    json_name(j, bytes_of(name));
    json_open(j, '{');
    json_counter(j, "connections", c->connections);
    json_counter(j, "requests", c->requests);
    json_counter(j, "responses", c->responses);
    json_counter(j, "returned_rows", c->returned_rows);
    json_counter(j, "affected_rows", c->affected_rows);
    json_counter(j, "failures", c->failures);
    json_counter(j, "client_bytes", c->client_bytes);
    json_counter(j, "server_bytes", c->server_bytes);
    json_counter(j, "lost_bytes", c->lost_bytes);
    json_counter(j, "encrypted", c->encrypted);
    json_close(j, '}');
}

static void write_analysis(const struct pipeline *p, struct json *j)
{
    struct analysis_counters c = analysis_counters(p->analysis);
    json_name(j, bytes_of("streams"));
    json_open(j, '{');
    json_counter(j, "gaps", c.gaps);
    json_counter(j, "lost_bytes", c.lost_bytes);
    json_counter(j, "resyncs", c.resyncs);
    json_counter(j, "given_up", c.given_up);
    json_close(j, '}');
    json_name(j, bytes_of("protocols"));
    json_open(j, '{');
    for (size_t n = 0; n < ANALYZERS_COUNT; n++)
        write_protocol(analysis_protocol(p->analysis, n), ANALYZERS[n]->name, j);
    json_close(j, '}');
    json_name(j, bytes_of("others"));
    summary_write_others(&p->summary, j);
    json_name(j, bytes_of("limits"));
    json_open(j, '{');
    json_counter(j, "requests_pushed_out", c.pairing_overflows);
    json_counter(j, "messages_denied", c.denied);
    json_counter(j, "statements_forgotten", c.statements_evicted);
    json_counter(j, "prepared_forgotten", c.prepared_evicted);
    json_counter(j, "sessions_forgotten", p->sessions_counted.evicted);
    json_counter(j, "rule_keys_forgotten", engine_counters(p->engine).keys_evicted);
    json_counter(j, "capture_memory_denied", capture_budget(p->capture)->denied);
    json_counter(j, "capture_memory_peak", capture_budget(p->capture)->peak);
    json_counter(j, "analysis_memory_denied", analysis_budget(p->analysis)->denied);
    json_counter(j, "analysis_memory_peak", analysis_budget(p->analysis)->peak);
    json_close(j, '}');
}

void pipeline_summary(struct pipeline *p, const struct pipeline_run *run, struct json *j)
{
    json_open(j, '{');
    write_capture(p, &run->drops, j);
    write_analysis(p, j);
    json_counter(j, "transactions", p->transactions);
    json_counter(j, "sessions", p->sessions_counted.seen);
    json_counter(j, "alerts", engine_counters(p->engine).alerts);
    json_name(j, bytes_of("seconds"));
    json_open(j, '{');
    json_name(j, bytes_of("cpu"));
    json_real(j, run->cpu_seconds);
    json_name(j, bytes_of("wall"));
    json_real(j, run->wall_seconds);
    json_name(j, bytes_of("traffic"));
    json_real(j, p->first_ns
                     ? (double)(capture_now(p->capture) - p->first_ns) / (double)CLOCK_SECOND_NS
                     : 0);
    json_close(j, '}');
    json_close(j, '}');
    json_line(j);
}

uint64_t pipeline_alerts(const struct pipeline *p)
{
    return engine_counters(p->engine).alerts;
}

uint64_t pipeline_transactions(const struct pipeline *p)
{
    return p->transactions;
}

void pipeline_close(struct pipeline *p)
{
    if (!p)
        return;
    capture_close(p->capture);
    sessions_close(p->sessions);
    analysis_close(p->analysis);
    engine_close(p->engine);
    json_clear(&p->json);
    free(p);
}
