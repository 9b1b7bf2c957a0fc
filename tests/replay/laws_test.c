/*
 * The laws of counting, on real connections: those of the capture named on the command line, one by
 * one.  However the mirror cuts, doubles and shuffles the segments, the transactions are the same;
 * a connection picked up after its login gives the same totals; and with any one segment removed
 * every row is counted but those that the segment held.
 */
#include "tests/cmocka.h"

#include "analyzers/connection.h"
#include "capture/decode.h"
#include "capture/source.h"
#include "capture/tcp.h"
#include "core/clock.h"
#include "tests/replay/laws_rows.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    FRAMES_MAX = 200000,
    FLOWS_MAX = 40,
    FLOW_FRAMES_MAX = 120,
    TEXT_MAX = 1 << 20,
    PIECES_MAX = 200000
};

struct frame {
    struct packet packet; /* data is owned */
    struct datagram datagram;
    struct tcp_header tcp; /* its views are the frame's */
};

/* The frames of one connection, as places in the capture. */
struct conversation {
    size_t frames[FLOW_FRAMES_MAX];
    size_t count;
    bool is_too_long;
    uint16_t client_port, server_port;
};

struct capture_file {
    struct frame *frames;
    size_t count;
    struct decoder *decoder;
    struct conversation flows[FLOWS_MAX];
    size_t flows_count;
};

/* What the analyzers said of one run. */
struct said {
    char *text; /* the transactions, without their times */
    size_t text_len;
    uint64_t requests, responses, rows, failures, lost_bytes, told_lost, transactions;
    uint64_t position[2];
};

static struct capture_file file;
static const char *file_path;

static void keep_frame(void *context, const struct packet *packet)
{
    (void)context;
    struct frame *f = &file.frames[file.count];
    if (file.count == FRAMES_MAX)
        return;
    uint8_t *copy = malloc(packet->data.len);
    assert_non_null(copy);
    memcpy(copy, packet->data.data, packet->data.len);
    f->packet = *packet;
    f->packet.data.data = copy;
    if (decode_frame(file.decoder, &f->packet, &f->datagram) == DECODED_DATAGRAM &&
        f->datagram.protocol == PROTOCOL_TCP && tcp_header_read(&f->datagram, &f->tcp))
        file.count++;
    else
        free(copy);
}

/* Connections that begin with their SYN and are short enough to be tried a hundred times. */
static void sort_frame(size_t place)
{
    const struct frame *f = &file.frames[place];
    uint16_t from = f->tcp.source_port, to = f->tcp.destination_port;
    for (size_t i = 0; i < file.flows_count; i++) {
        struct conversation *c = &file.flows[i];
        bool is_mine = (c->client_port == from && c->server_port == to) ||
                       (c->client_port == to && c->server_port == from);
        if (!is_mine)
            continue;
        if (c->count < FLOW_FRAMES_MAX)
            c->frames[c->count++] = place;
        else
            c->is_too_long = true;
        return;
    }
    if (file.flows_count == FLOWS_MAX || (f->tcp.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
        return;
    file.flows[file.flows_count++] = (struct conversation){
        .frames = {place}, .count = 1, .client_port = from, .server_port = to};
}

static int open_file(void **state)
{
    struct source *source;
    struct error error;
    char *path = strdup(file_path);
    enum source_status status = SOURCE_PACKETS;
    (void)state;
    file.frames = calloc(FRAMES_MAX, sizeof(*file.frames));
    static struct budget budget = {.bytes_max = 1 << 20};
    file.decoder = decoder_open(&budget);
    assert_non_null(path);
    if (!file.frames || !file.decoder || !source_open_files(&source, &path, 1, NULL, &error))
        return -1;
    while (status == SOURCE_PACKETS)
        status = source_read(source, keep_frame, NULL, &error);
    source_close(source);
    free(path);
    for (size_t i = 0; i < file.count; i++)
        sort_frame(i);
    return status == SOURCE_DONE ? 0 : -1;
}

static int close_file(void **state)
{
    (void)state;
    for (size_t i = 0; i < file.count; i++)
        free((void *)(uintptr_t)file.frames[i].packet.data.data);
    free(file.frames);
    decoder_close(file.decoder);
    return 0;
}

struct run {
    struct said *said;
    struct analysis *analysis;
    struct json json;
};

static void on_transaction(void *context, void *owner, struct transaction *tx)
{
    struct run *r = context;
    struct said *s = r->said;
    (void)owner;
    s->transactions++;
    s->requests += tx->request_seen && !tx->is_apart;
    s->responses += tx->reply_seen && !tx->is_apart;
    s->rows += transaction_has(tx, FIELD_DB_RESPONSE_RETURNED_ROWS) ? tx->returned_rows : 0;
    s->failures += tx->outcome == OUTCOME_FAILURE;
    s->told_lost += tx->lost_bytes;
    tx->present &= ~(FIELD_BIT(FIELD_TIMESTAMP) | FIELD_BIT(FIELD_EVENT_DURATION));
    enum field fields[FIELDS_COUNT];
    for (unsigned f = 0; f < FIELDS_COUNT; f++)
        fields[f] = (enum field)f;
    json_restart(&r->json);
    json_open(&r->json, '{');
    transaction_write_fields(&r->json, tx, fields, FIELDS_COUNT);
    json_close(&r->json, '}');
    json_line(&r->json);
    assert_true(s->text_len + r->json.len < TEXT_MAX);
    memcpy(s->text + s->text_len, r->json.text, r->json.len);
    s->text_len += r->json.len;
    s->text[s->text_len] = '\0';
}

static struct connection *connection_of(struct run *r, struct flow_view *flow)
{
    if (flow->user)
        return flow->user;
    struct connection_facts facts = {.ip = {flow->ip[0], flow->ip[1]},
                                     .port = {flow->port[0], flow->port[1]},
                                     .is_midstream = flow->is_midstream,
                                     .roles_sure = flow->roles_sure};
    flow->user = connection_open(r->analysis, &facts, NULL);
    assert_non_null(flow->user);
    return flow->user;
}

static void on_data(void *context, struct flow_view *flow, unsigned direction, struct bytes data,
                    int64_t ns)
{
    connection_data(connection_of(context, flow), direction, data, ns);
}

static void on_gap(void *context, struct flow_view *flow, unsigned direction, uint64_t lost,
                   int64_t ns)
{
    connection_gap(connection_of(context, flow), direction, lost, ns);
}

static void on_end(void *context, struct flow_view *flow, unsigned direction, int64_t ns)
{
    (void)context;
    if (flow->user)
        connection_end(flow->user, direction, ns);
}

static void on_named(void *context, struct flow_view *flow, const char *name)
{
    (void)context;
    (void)flow;
    (void)name;
}

static void on_close(void *context, struct flow_view *flow, int64_t ns)
{
    (void)context;
    (void)ns;
    connection_close(flow->user);
    flow->user = NULL;
}

static const struct settings settings = {.memory_max = 64 << 20};

static void listen_to(const struct packet *packets, size_t count, struct said *said)
{
    static const struct capture_events capture_events = {
        .data = on_data, .gap = on_gap, .end = on_end, .named = on_named, .close = on_close};
    static const struct analysis_events analysis_events = {.transaction = on_transaction};
    struct run r = {.said = said};
    char *text = said->text;
    *said = (struct said){.text = text};
    text[0] = '\0';
    r.analysis = analysis_open(&settings, &analysis_events, &r);
    struct capture *capture = capture_open(
        &(struct capture_config){.flows_max = 1000, .memory_max = 16 << 20}, &capture_events, &r);
    assert_non_null(r.analysis);
    assert_non_null(capture);
    for (size_t i = 0; i < count; i++)
        capture_packet(capture, &packets[i]);
    capture_flush(capture);
    said->lost_bytes = analysis_counters(r.analysis).lost_bytes;
    assert_int_equal(analysis_budget(r.analysis)->used, 0); /* nothing is left after the close */
    assert_int_equal(capture_budget(capture)->used, 0);
    capture_close(capture);
    analysis_close(r.analysis);
    json_clear(&r.json);
}

struct workspace {
    struct packet packets[PIECES_MAX];
    size_t count;
    uint8_t *copies; /* of frames that are made anew */
    size_t copies_len, copies_size;
    struct said whole, other;
};

static struct workspace *workspace_open(void)
{
    struct workspace *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->copies_size = 64 << 20;
    w->copies = malloc(w->copies_size);
    w->whole.text = malloc(TEXT_MAX);
    w->other.text = malloc(TEXT_MAX);
    assert_true(w->copies && w->whole.text && w->other.text);
    return w;
}

static void workspace_close(struct workspace *w)
{
    free(w->copies);
    free(w->whole.text);
    free(w->other.text);
    free(w);
}

static void add(struct workspace *w, const struct packet *packet)
{
    assert_true(w->count < PIECES_MAX);
    w->packets[w->count++] = *packet;
}

static void add_all(struct workspace *w, const struct conversation *c)
{
    w->count = w->copies_len = 0;
    for (size_t i = 0; i < c->count; i++)
        add(w, &file.frames[c->frames[i]].packet);
}

static const struct frame *frame_of(const struct conversation *c, size_t i)
{
    return &file.frames[c->frames[i]];
}

/* The line that holds the byte at `at`. */
static int line_of(const char *text, size_t at, const char **line)
{
    while (at > 0 && text[at - 1] != '\n')
        at--;
    *line = text + at;
    return (int)strcspn(*line, "\n");
}

static void assert_same(const struct workspace *w, const char *what, const struct conversation *c)
{
    const char *a, *b;
    size_t at = 0;
    while (w->whole.text[at] && w->whole.text[at] == w->other.text[at])
        at++;
    if (w->whole.text[at] == w->other.text[at])
        return;
    int a_len = line_of(w->whole.text, at, &a), b_len = line_of(w->other.text, at, &b);
    (void)fprintf(stderr,
                  "%s: port %u gives another transaction:\n%.*s\n--- instead of ---\n%.*s\n", what,
                  c->client_port, b_len, b, a_len, a);
    fail();
}

static void put(uint8_t *at, unsigned bytes, uint32_t value)
{
    for (unsigned b = 0; b < bytes; b++)
        at[b] = (uint8_t)(value >> (8 * (bytes - 1 - b)));
}

/* One payload byte a frame: Ethernet, IP and TCP headers as they were, lengths and numbers made
 * right. */
static void add_in_bytes(struct workspace *w, const struct frame *f)
{
    struct bytes data = f->packet.data;
    size_t head = data.len - f->tcp.payload.len, ip = (size_t)(f->datagram.ip.data - data.data);
    bool is_ipv4 = data.data[ip] >> 4 == 4;
    size_t tcp = ip + (is_ipv4 ? (size_t)(data.data[ip] & 15) * 4 : 40);
    for (uint32_t i = 0; i < f->tcp.payload_len; i++) {
        uint8_t *copy = w->copies + w->copies_len;
        assert_true(w->copies_len + head + 1 <= w->copies_size);
        memcpy(copy, data.data, head);
        copy[head] = f->tcp.payload.data[i];
        put(copy + ip + (is_ipv4 ? 2 : 4), 2, (uint32_t)(head + 1 - ip - (is_ipv4 ? 0 : 40)));
        put(copy + tcp + 4, 4, f->tcp.sequence + i);
        if (i + 1 < f->tcp.payload_len)
            copy[tcp + 13] &= (uint8_t)~TCP_FIN;
        w->copies_len += head + 1;
        struct packet packet = f->packet;
        packet.data = (struct bytes){copy, head + 1};
        packet.wire_len = (uint32_t)head + 1;
        add(w, &packet);
    }
    if (f->tcp.payload_len == 0)
        add(w, &f->packet);
}

static void in_single_bytes_the_same_transactions(void **state)
{
    struct workspace *w = workspace_open();
    (void)state;
    for (size_t n = 0; n < file.flows_count; n++) {
        const struct conversation *c = &file.flows[n];
        if (c->is_too_long)
            continue;
        add_all(w, c);
        listen_to(w->packets, w->count, &w->whole);
        w->count = 0;
        for (size_t i = 0; i < c->count; i++)
            add_in_bytes(w, frame_of(c, i));
        listen_to(w->packets, w->count, &w->other);
        assert_same(w, "in single bytes", c);
    }
    workspace_close(w);
}

static void doubled_and_shuffled_the_same_transactions(void **state)
{
    struct workspace *w = workspace_open();
    uint32_t random = 7;
    (void)state;
    for (size_t n = 0; n < file.flows_count; n++) {
        const struct conversation *c = &file.flows[n];
        if (c->is_too_long)
            continue;
        add_all(w, c);
        listen_to(w->packets, w->count, &w->whole);
        for (int round = 0; round < 10; round++) {
            add_all(w, c);
            for (size_t i = 4; i < w->count; i++) {
                random = random * 1664525 + 1013904223;
                size_t back = random >> 16 & 3, to = i >= back + 4 ? i - back : 4;
                struct packet moved = w->packets[i];
                memmove(&w->packets[to + 1], &w->packets[to], (i - to) * sizeof(moved));
                w->packets[to] = moved;
            }
            size_t count = w->count;
            /* a mirror shuffles within microseconds */
            for (size_t i = 0; i < count; i++)
                w->packets[i].ns = frame_of(c, 0)->packet.ns + (int64_t)i * 10000;
            /* and some of them once more */
            for (size_t i = count; i-- > 3;) {
                random = random * 1664525 + 1013904223;
                if (random >> 31)
                    continue;
                struct packet twice = w->packets[i];
                memmove(&w->packets[i + 1], &w->packets[i], (w->count - i) * sizeof(twice));
                w->count++;
            }
            listen_to(w->packets, w->count, &w->other);
            assert_same(w, "doubled and shuffled", c);
        }
    }
    workspace_close(w);
}

enum { POSTGRESQL = 5432, MYSQL = 3306 };

static bool is_database(const struct conversation *c)
{
    return c->server_port == POSTGRESQL || c->server_port == MYSQL;
}

/* Without the handshake and the first message of either side: no login is seen, every statement is.
 */
static void without_the_login_the_same_totals(void **state)
{
    struct workspace *w = workspace_open();
    size_t tried = 0;
    (void)state;
    for (size_t n = 0; n < file.flows_count; n++) {
        const struct conversation *c = &file.flows[n];
        if (c->is_too_long || !is_database(c))
            continue;
        add_all(w, c);
        listen_to(w->packets, w->count, &w->whole);
        bool has_spoken[2] = {false, false};
        w->count = 0;
        for (size_t i = 0; i < c->count; i++) {
            const struct frame *f = frame_of(c, i);
            bool *spoken = &has_spoken[f->tcp.source_port == c->server_port];
            if (*spoken)
                add(w, &f->packet);
            *spoken = *spoken || f->tcp.payload_len > 0;
        }
        listen_to(w->packets, w->count, &w->other);
        if (w->other.rows != w->whole.rows || w->other.requests != w->whole.requests)
            (void)fprintf(stderr, "port %u without its login:\n%s--- whole:\n%s", c->client_port,
                          w->other.text, w->whole.text);
        assert_int_equal(w->other.rows, w->whole.rows);
        assert_int_equal(w->other.requests, w->whole.requests);
        assert_int_equal(w->other.responses, w->whole.responses);
        tried++;
    }
    assert_true(tried > 0);
    workspace_close(w);
}

/* Whether mysql_rows can tell: not in the compressed protocol, and not of rows that are fetched. */
static bool has_plain_rows(const struct conversation *c)
{
    bool is_first = true;
    for (size_t i = 0; i < c->count; i++) {
        const struct frame *f = frame_of(c, i);
        if (f->tcp.source_port == c->server_port || f->tcp.payload_len < 5)
            continue;
        if (is_first ? f->tcp.payload.data[4] & 0x20 : f->tcp.payload.data[4] == 0x1c)
            return false;
        is_first = false;
    }
    return true;
}

/* How many rows of the server's stream have a byte in the part, at most. */
static uint64_t rows_within(const struct conversation *c, uint32_t first, struct part part)
{
    if (c->server_port == MYSQL && !has_plain_rows(c))
        return UINT32_MAX;
    uint8_t *stream = calloc(1, 4 << 20);
    uint32_t len = 0;
    assert_non_null(stream);
    for (size_t i = 0; i < c->count; i++) {
        const struct frame *f = frame_of(c, i);
        uint32_t at = f->tcp.sequence - first;
        if (f->tcp.source_port != c->server_port || f->tcp.payload_len == 0)
            continue;
        assert_true(at + f->tcp.payload_len < 4 << 20);
        memcpy(stream + at, f->tcp.payload.data, f->tcp.payload.len);
        len = at + f->tcp.payload_len > len ? at + f->tcp.payload_len : len;
    }
    struct bytes all = {stream, len};
    uint64_t rows = c->server_port == MYSQL ? mysql_rows(all, part) : postgresql_rows(all, part);
    free(stream);
    return rows;
}

static uint32_t server_first(const struct conversation *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (frame_of(c, i)->tcp.source_port == c->server_port &&
            frame_of(c, i)->tcp.flags & TCP_SYN)
            return frame_of(c, i)->tcp.sequence + 1;
    }
    fail_msg("port %u: no SYN-ACK", c->client_port);
    return 0;
}

static void try_without(struct workspace *w, const struct conversation *c, size_t removed)
{
    const struct frame *lost = frame_of(c, removed);
    bool is_server = lost->tcp.source_port == c->server_port;
    uint32_t first = server_first(c), from = lost->tcp.sequence - first;
    struct part part = {from, from + lost->tcp.payload_len};
    uint64_t rows =
        is_database(c) && is_server && lost->tcp.payload_len > 0 ? rows_within(c, first, part) : 0;
    w->count = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (i != removed)
            add(w, &frame_of(c, i)->packet);
    }
    listen_to(w->packets, w->count, &w->other);
    const struct said *a = &w->whole, *b = &w->other;
    bool is_good = b->rows <= a->rows && b->rows + rows >= a->rows &&
                   b->lost_bytes == lost->tcp.payload_len &&
                   b->told_lost <= lost->tcp.payload_len && b->requests <= a->requests;
    /* a request is lost with its first bytes only, a reply as well */
    if (lost->tcp.payload_len == 0)
        is_good = is_good && b->requests == a->requests && b->responses == a->responses &&
                  b->rows == a->rows;
    if (lost->tcp.payload_len > 0 && b->transactions > 0 && b->told_lost == 0)
        is_good = false;
    if (is_good)
        return;
    (void)fprintf(stderr,
                  "port %u without frame %zu (%u bytes of the %s, %llu rows in them): rows %llu of "
                  "%llu, requests %llu "
                  "of %llu, responses %llu of %llu, lost %llu, told %llu\n%s--- whole:\n%s",
                  c->client_port, removed, lost->tcp.payload_len, is_server ? "server" : "client",
                  (unsigned long long)rows, (unsigned long long)b->rows,
                  (unsigned long long)a->rows, (unsigned long long)b->requests,
                  (unsigned long long)a->requests, (unsigned long long)b->responses,
                  (unsigned long long)a->responses, (unsigned long long)b->lost_bytes,
                  (unsigned long long)b->told_lost, b->text, a->text);
    fail();
}

static void any_segment_lost_costs_no_more_than_its_rows(void **state)
{
    struct workspace *w = workspace_open();
    (void)state;
    for (size_t n = 0; n < file.flows_count; n++) {
        const struct conversation *c = &file.flows[n];
        if (c->is_too_long)
            continue;
        add_all(w, c);
        listen_to(w->packets, w->count, &w->whole);
        for (size_t removed = 0; removed < c->count; removed++)
            try_without(w, c, removed);
    }
    workspace_close(w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_single_bytes_the_same_transactions),
        cmocka_unit_test(doubled_and_shuffled_the_same_transactions),
        cmocka_unit_test(without_the_login_the_same_totals),
        cmocka_unit_test(any_segment_lost_costs_no_more_than_its_rows),
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: laws_test CAPTURE\n");
        return 2;
    }
    file_path = argv[1];
    return cmocka_run_group_tests(tests, open_file, close_file);
}
