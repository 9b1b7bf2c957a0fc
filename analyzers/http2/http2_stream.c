#include "analyzers/http2/http2_stream.h"

#include "analyzers/http/http_visit.h"

struct http2_stream *http2_stream_open(struct exchange *x, struct request *r)
{
    r->stream = pairing_room(x, r, sizeof(struct http2_stream));
    return r->stream;
}

static void take_path(struct exchange *x, struct request *r, struct bytes path)
{
    struct http2_stream *s = r->stream;
    http_path(x, r, path);
    if (grpc_is_call(path) && !bytes_equal(path, r->tx.url_path))
        s->call = pairing_note(x, r, path);
}

/* RFC 9113, section 8.3. */
static void take_pseudo(struct exchange *x, enum side side, struct request *r, struct bytes name,
                        struct bytes value)
{
    uint64_t status;
    if (side == SIDE_SERVER) {
        if (bytes_are(name, ":status") && bytes_number(value, &status) && status < 1000)
            http_status(r, (unsigned)status);
        return;
    }
    if (bytes_are(name, ":method"))
        http_method(x, r, value);
    else if (bytes_are(name, ":path") && value.len > 0)
        take_path(x, r, value);
    else if (bytes_are(name, ":authority"))
        http_authority(x, r, value);
}

static void take_grpc_status(struct request *r, struct bytes value)
{
    struct http2_stream *s = r->stream;
    uint64_t status;
    if (!bytes_number(value, &status))
        return;
    s->has_grpc_status = true;
    r->tx.outcome = status == 0 ? OUTCOME_SUCCESS : OUTCOME_FAILURE;
}

void http2_stream_field(struct exchange *x, enum side side, struct request *r, bool is_trailer,
                        struct bytes name, struct bytes value)
{
    struct http2_stream *s = r->stream;
    if (!s || name.len == 0)
        return;
    if (side == SIDE_SERVER && bytes_are(name, "grpc-status")) {
        take_grpc_status(r, value);
        return;
    }
    if (is_trailer)
        return;
    if (name.data[0] == ':') {
        take_pseudo(x, side, r, name, value);
        return;
    }
    if (bytes_are(name, "content-type") && grpc_is(value))
        s->is_grpc = true;
    http_named_field(x, side, &s->head[side], r, name, value);
}

static void body_begin(struct exchange *x, enum side side, struct request *r)
{
    struct http2_stream *s = r->stream;
    const struct http_head *head = &s->head[side];
    if (s->is_grpc || head->has_unknown_codec || s->read[side])
        return;
    struct http_body_plan plan =
        http_plan(x, side, r, (enum http_type)head->type, (enum codec)head->codec);
    s->read[side] = http_body_open(&x->http->bodies, &plan);
}

static void body_end(struct exchange *x, enum side side, struct request *r)
{
    struct http2_stream *s = r->stream;
    if (!s->read[side])
        return;
    http_body_end(s->read[side]);
    http_visit_body(x, side, r, s->read[side]);
    http_body_close(s->read[side]);
    s->read[side] = NULL;
}

/* A call is shown as it is, and reads where its name says so: all are POSTs. */
static void name_call(struct request *r)
{
    const struct http2_stream *s = r->stream;
    if (s->call.len > 0)
        r->tx.url_path = r->tx.url_template = s->call;
    struct bytes method = bytes_from(r->tx.url_path, 1);
    method = bytes_from(method, bytes_index(method, '/') + 1);
    r->tx.action = http_visit_reads(method) ? ACTION_READ : ACTION_WRITE;
}

void http2_stream_head(struct exchange *x, enum side side, struct request *r, bool has_body)
{
    struct http2_stream *s = r->stream;
    if (!s)
        return;
    if (side == SIDE_SERVER) {
        s->has_answer = true;
        transaction_mark(&r->tx, FIELD_HTTP_RESPONSE_BODY_BYTES);
    } else {
        transaction_mark(&r->tx, FIELD_HTTP_REQUEST_BODY_BYTES);
        if (s->is_grpc && transaction_has(&r->tx, FIELD_URL_PATH))
            name_call(r);
    }
    if (has_body)
        body_begin(x, side, r);
}

bool http2_stream_is_read(const struct request *r, enum side side)
{
    const struct http2_stream *s = r->stream;
    return s && (s->is_grpc || s->read[side]);
}

void http2_stream_data(struct request *r, enum side side, struct bytes piece, uint64_t lost)
{
    struct http2_stream *s = r->stream;
    if (s->is_grpc && lost > 0)
        grpc_lose(&s->messages[side], lost);
    else if (s->is_grpc)
        grpc_take(&s->messages[side], piece);
    if (s->read[side] && lost > 0)
        http_body_lose(s->read[side]);
    else if (s->read[side])
        http_body_take(s->read[side], piece);
}

void http2_stream_lose(struct request *r, enum side side)
{
    struct http2_stream *s = r->stream;
    if (!s || s->has_ended[side])
        return;
    s->messages[side].is_cut = true;
    if (s->read[side])
        http_body_lose(s->read[side]);
}

void http2_stream_end(struct exchange *x, enum side side, struct request *r)
{
    struct http2_stream *s = r->stream;
    if (s) {
        s->has_ended[side] = true;
        body_end(x, side, r);
        if (s->is_early && side == SIDE_SERVER)
            r->end_ns = x->now_ns;
    }
    if (s ? s->has_ended[side ^ 1] : side == SIDE_SERVER)
        pairing_finish(r);
}

/* Without its status a call did not go well, whatever HTTP says. */
static void conclude_call(struct request *r)
{
    const struct http2_stream *s = r->stream;
    const struct grpc_messages *answers = &s->messages[SIDE_SERVER];
    if (!s->has_grpc_status && r->tx.outcome == OUTCOME_SUCCESS)
        r->tx.outcome = OUTCOME_UNKNOWN;
    const struct grpc_messages *asked = &s->messages[SIDE_CLIENT];
    if (r->tx.request_seen) {
        r->tx.request_records = asked->count;
        transaction_mark(&r->tx, FIELD_HTTP_REQUEST_RECORDS);
    }
    if (s->has_answer || answers->count > 0) {
        r->tx.response_records = answers->count;
        transaction_mark(&r->tx, FIELD_HTTP_RESPONSE_RECORDS);
    }
    if (answers->is_cut || (asked->is_cut && r->tx.request_seen)) {
        r->tx.partial = true;
        transaction_mark(&r->tx, FIELD_CAPTURE_PARTIAL);
    }
}

void http2_stream_finish(struct exchange *x, struct request *r)
{
    const struct http2_stream *s = r->stream;
    if (s) {
        body_end(x, SIDE_CLIENT, r);
        body_end(x, SIDE_SERVER, r);
        if (s->is_grpc)
            conclude_call(r);
        if (s->is_refused)
            r->tx.outcome = OUTCOME_FAILURE;
    }
    http_visit_finish(x, r);
}

void http2_stream_glance(struct exchange *x, const struct request *r, struct transaction *t)
{
    const struct http2_stream *s = r->stream;
    uint64_t records = 0;
    bool has_records = s && s->is_grpc;
    if (has_records)
        records = s->messages[SIDE_SERVER].count;
    else if (s && s->read[SIDE_SERVER])
        has_records = http_body_records(s->read[SIDE_SERVER], &records);
    if (has_records) {
        t->response_records = records;
        transaction_mark(t, FIELD_HTTP_RESPONSE_RECORDS);
    }
    if (s && s->read[SIDE_SERVER])
        http_body_glance(s->read[SIDE_SERVER], t);
    http_visit_glance(x, r, t);
}

void http2_stream_close(struct request *r)
{
    struct http2_stream *s = r->stream;
    if (!s)
        return;
    for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        http_body_close(s->read[side]);
        s->read[side] = NULL;
    }
}
