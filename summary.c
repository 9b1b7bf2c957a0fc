/*
 * The summary's names are a contract (DESIGN): they change for no reason.
 */
#include "summary.h"

#include "core/clock.h"

static void write_capture(const struct summary *s, struct json *j)
{
    const struct capture_counters *c = &s->workers.capture;
    json_name(j, bytes_of("capture"));
    json_open(j, '{');
    json_counter(j, "packets", c->packets);
    json_counter(j, "bytes", c->bytes);
    json_counter(j, "dropped", s->dropped);
    json_counter(j, "duplicates", c->duplicates);
    json_counter(j, "truncated", c->truncated);
    json_counter(j, "undecoded", c->undecoded);
    json_counter(j, "fragments_dropped", c->fragments_dropped);
    json_counter(j, "retransmitted_bytes", c->retransmitted_bytes);
    json_counter(j, "reordered", c->reordered);
    json_counter(j, "checksums", c->checksums);
    json_counter(j, "bad_checksums", c->bad_checksums);
    json_counter(j, "clock_jumps", c->clock_jumps);
    json_close(j, '}');
    json_name(j, bytes_of("flows"));
    json_open(j, '{');
    json_counter(j, "tcp", c->flows_tcp);
    json_counter(j, "udp", c->flows_udp);
    json_counter(j, "midstream", c->flows_midstream);
    json_counter(j, "one_sided", c->flows_one_sided);
    json_counter(j, "evicted", c->flows_evicted);
    json_close(j, '}');
}

static void write_address(struct json *j, const char *name, const struct address *a)
{
    char text[ADDRESS_TEXT_MAX];
    json_name(j, bytes_of(name));
    json_open(j, '{');
    json_name(j, bytes_of("ip"));
    json_text(j, (struct bytes){(const uint8_t *)text, address_print(a, text)});
    json_close(j, '}');
}

static void write_tunnel(const struct tunnel_traffic *t, struct json *j)
{
    json_open(j, '{');
    json_name(j, bytes_of("type"));
    json_text(j, bytes_of(hop_name(&t->hop)));
    write_address(j, "source", &t->hop.source);
    write_address(j, "destination", &t->hop.destination);
    if (t->hop.has_id)
        json_counter(j, "id", t->hop.id);
    json_counter(j, "packets", t->packets);
    json_counter(j, "bytes", t->bytes);
    json_close(j, '}');
}

/* Those that found no place are one without ends. */
static void write_tunnels(const struct tunnels *t, struct json *j)
{
    json_name(j, bytes_of("tunnels"));
    json_open(j, '[');
    for (size_t i = 0; i < t->count; i++)
        write_tunnel(&t->items[i], j);
    if (t->rest.packets > 0) {
        json_open(j, '{');
        json_name(j, bytes_of("type"));
        json_text(j, bytes_of("other"));
        json_counter(j, "packets", t->rest.packets);
        json_counter(j, "bytes", t->rest.bytes);
        json_close(j, '}');
    }
    json_close(j, ']');
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

static void write_analysis(const struct summary *s, struct json *j)
{
    const struct analysis_counters *c = &s->workers.analysis;
    json_name(j, bytes_of("streams"));
    json_open(j, '{');
    json_counter(j, "gaps", c->gaps);
    json_counter(j, "lost_bytes", c->lost_bytes);
    json_counter(j, "resyncs", c->resyncs);
    json_counter(j, "given_up", c->given_up);
    json_counter(j, "unread", c->unread);
    json_counter(j, "rows_disagreed", c->disagreed);
    json_close(j, '}');
    json_name(j, bytes_of("protocols"));
    json_open(j, '{');
    for (size_t n = 0; n < ANALYZERS_COUNT; n++)
        write_protocol(&s->workers.protocols[n], ANALYZERS[n]->name, j);
    json_close(j, '}');
    json_name(j, bytes_of("subjects"));
    json_open(j, '{');
    json_counter(j, "identifiers", c->identifiers);
    json_counter(j, "scanned_bytes", c->subjects_scanned);
    json_counter(j, "unscanned_bytes", c->subjects_unscanned);
    json_counter(j, "denied", c->subjects_denied);
    json_close(j, '}');
    json_name(j, bytes_of("others"));
    others_write(&s->workers.others, j);
}

/* A field under the last part of its name: "mirror.lost_share" is "lost_share". */
static void write_figure(struct json *j, const struct transaction *record, enum field f)
{
    struct bytes name = bytes_of(FIELDS[f].name);
    if (!transaction_has(record, f))
        return;
    json_name(j, bytes_from(name, bytes_index(name, '.') + 1));
    field_write(j, record, f);
}

static void write_mirror_server(struct json *j, const struct mirror_total *server)
{
    static const enum field fields[] = {FIELD_SERVER_IP,
                                        FIELD_SERVER_PORT,
                                        FIELD_NETWORK_PROTOCOL,
                                        FIELD_MIRROR_PACKETS,
                                        FIELD_MIRROR_BYTES,
                                        FIELD_MIRROR_LOST_SHARE,
                                        FIELD_MIRROR_ONE_SIDED_SHARE,
                                        FIELD_MIRROR_DUPLICATED_SHARE,
                                        FIELD_MIRROR_ENCRYPTED_SHARE,
                                        FIELD_MIRROR_UNDECODED_SHARE};
    struct transaction record = {.server_ip = server->ip, .server_port = server->port};
    record.present = mirror_figures(&record.mirror, &server->counters, false);
    transaction_mark(&record, FIELD_SERVER_IP);
    transaction_mark(&record, FIELD_SERVER_PORT);
    if (server->protocol) {
        record.protocol = bytes_of(server->protocol);
        transaction_mark(&record, FIELD_NETWORK_PROTOCOL);
    }
    json_open(j, '{');
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        write_figure(j, &record, fields[i]);
    json_close(j, '}');
}

/* How good the mirror was, and of which servers. */
static void write_mirror(const struct mirror_totals *m, struct json *j)
{
    struct transaction record = {0};
    record.present = mirror_figures(&record.mirror, &m->whole, true);
    record.mirror.clock_jump_ns = (uint64_t)m->clock_jump_ns;
    transaction_mark(&record, FIELD_MIRROR_CLOCK_JUMP);
    json_name(j, bytes_of("mirror"));
    json_open(j, '{');
    for (unsigned f = 0; f < FIELDS_COUNT; f++)
        write_figure(j, &record, (enum field)f);
    json_name(j, bytes_of("servers"));
    json_open(j, '[');
    for (size_t i = 0; i < m->shown_count; i++)
        write_mirror_server(j, &m->shown[i]);
    json_close(j, ']');
    json_counter(j, "servers_not_shown", m->servers - m->shown_count);
    json_close(j, '}');
}

/* What bounds made the program forget. */
static void write_limits(const struct summary *s, struct json *j)
{
    const struct analysis_counters *c = &s->workers.analysis;
    json_name(j, bytes_of("limits"));
    json_open(j, '{');
    json_counter(j, "requests_pushed_out", c->pairing_overflows);
    json_counter(j, "messages_denied", c->denied);
    json_counter(j, "packed_broken", c->packed_broken);
    json_counter(j, "packed_refused", c->packed_refused);
    json_counter(j, "bodies_broken", c->bodies_broken);
    json_counter(j, "bodies_refused", c->bodies_refused);
    json_counter(j, "bodies_denied", c->bodies_denied);
    json_counter(j, "statements_forgotten", c->statements_evicted);
    json_counter(j, "prepared_forgotten", c->prepared_evicted);
    json_counter(j, "http_accounts_forgotten", c->http_accounts_evicted);
    json_counter(j, "templates_merged", c->templates_merged);
    json_counter(j, "header_tables_lost", c->tables_lost);
    json_counter(j, "header_blocks_denied", c->tables_denied);
    json_counter(j, "proxy_headers_not_believed", c->proxies_unknown);
    json_counter(j, "sessions_forgotten", s->watcher.sessions.evicted);
    json_counter(j, "session_customers_denied", s->watcher.sessions.customers_denied);
    json_counter(j, "rule_keys_forgotten", s->watcher.engine.keys_evicted);
    json_counter(j, "rule_counts_denied", s->watcher.engine.denied);
    json_counter(j, "rule_patterns_undecided", s->watcher.engine.undecided);
    json_counter(j, "rule_counts_late", s->watcher.engine.late);
    json_counter(j, "mirror_servers_forgotten", s->mirror.servers_forgotten);
    json_counter(j, "mirror_parts_late", s->mirror.late);
    json_counter(j, "servers_forgotten", s->workers.capture.servers_forgotten);
    json_counter(j, "naming_refused", s->workers.capture.naming_refused);
    json_counter(j, "geo_misreads", s->workers.geo_misreads);
    json_counter(j, "details_dropped", s->details_dropped);
    json_counter(j, "transactions_dropped", s->transactions_dropped);
    json_counter(j, "memory_denied", s->workers.memory_denied);
    json_counter(j, "memory_peak", s->workers.memory_peak);
    json_close(j, '}');
}

/* The logs of transactions that were read. */
static void write_logs(const struct log_counters *c, struct json *j)
{
    json_name(j, bytes_of("logs"));
    json_open(j, '{');
    json_counter(j, "transactions", c->transactions);
    json_counter(j, "mirror", c->mirror);
    json_counter(j, "others", c->others);
    json_counter(j, "bad", c->bad);
    json_close(j, '}');
}

/* What each output for alerts took. */
static void write_outputs(const struct alert_outputs *outputs, struct json *j)
{
    struct alert_output_counters c;
    json_name(j, bytes_of("outputs"));
    json_open(j, '[');
    for (size_t i = 0; alert_outputs_counters(outputs, i, &c); i++) {
        json_open(j, '{');
        json_name(j, bytes_of("to"));
        json_text(j, bytes_of(c.name));
        json_counter(j, "alerts", c.sent);
        json_counter(j, "folded", c.folded);
        json_counter(j, "lost", c.lost);
        json_counter(j, "returns", c.returns);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_state(const struct snapshots_counters *c, struct json *j)
{
    json_name(j, bytes_of("state"));
    json_open(j, '{');
    json_counter(j, "restored_rules", c->restored_rules);
    json_counter(j, "restored_keys", c->restored_keys);
    json_counter(j, "repeated", c->repeated);
    json_counter(j, "damaged", c->state.damaged);
    json_counter(j, "set_aside", c->state.set_aside);
    json_counter(j, "snapshots", c->state.snapshots);
    json_counter(j, "snapshots_failed", c->state.failures);
    json_counter(j, "rows", c->state.rows);
    json_counter(j, "rows_skipped", c->state.skipped);
    json_counter(j, "ledger_rows", c->state.ledger_rows);
    json_counter(j, "ledger_pruned", c->state.ledger_pruned);
    json_counter(j, "ledger_lost", c->ledger_lost);
    json_counter(j, "ledger_short", c->ledger_short);
    json_close(j, '}');
}

void summary_write(struct json *j, const struct summary *s)
{
    int64_t traffic_ns = s->workers.first_ns ? s->workers.last_ns - s->workers.first_ns : 0;
    json_open(j, '{');
    write_capture(s, j);
    write_tunnels(&s->workers.tunnels, j);
    write_analysis(s, j);
    write_mirror(&s->mirror, j);
    write_limits(s, j);
    if (s->has_logs)
        write_logs(&s->logs, j);
    json_counter(j, "transactions", s->watcher.transactions);
    json_counter(j, "sessions", s->watcher.sessions.seen);
    json_counter(j, "alerts", s->watcher.engine.alerts);
    json_counter(j, "alerts_folded", s->watcher.engine.folded);
    json_counter(j, "transactions_excepted", s->watcher.engine.excepted);
    if (s->watcher.has_state)
        write_state(&s->watcher.state, j);
    write_outputs(s->outputs, j);
    json_name(j, bytes_of("seconds"));
    json_open(j, '{');
    json_name(j, bytes_of("cpu"));
    json_real(j, s->cpu_seconds);
    json_name(j, bytes_of("wall"));
    json_real(j, s->wall_seconds);
    json_name(j, bytes_of("traffic"));
    json_real(j, (double)traffic_ns / (double)CLOCK_SECOND_NS);
    json_close(j, '}');
    json_close(j, '}');
    json_line(j);
}
