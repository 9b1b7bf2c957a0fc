/*
 * HTTP/2, frame by frame: blocks of fields and bodies are shown as they pass, never kept, so that a
 * part lost of them costs no more than that part.  Flow control and priorities are passed over.
 *
 * RFC 9113; behind an Upgrade of HTTP/1 (RFC 7540, section 3.2), stream 1 answers what was asked
 * there.
 */
#include "analyzers/http2/http2.h"

#include "analyzers/http/http_origin.h"
#include "analyzers/http2/http2_state.h"
#include "analyzers/http2/http2_stream.h"

enum {
    MESSAGE_MAX = 64, /* bytes that are needed at once: the preface, or a frame's fixed part */
    WORD_LEN = 4,     /* bytes of a stream's number or an error's */
    PRIORITY_LEN = 5,
    STREAM_MASK = 0x7fffffff,
};

/* Stream 1 of an upgraded connection was asked for in HTTP/1. */
static void begin(struct exchange *x)
{
    struct http2 *h = x->state;
    if (h->has_begun)
        return;
    h->has_begun = true;
    if (!x->origin)
        return;
    h->has_preface = true;
    h->side[SIDE_CLIENT].is_known = h->side[SIDE_SERVER].is_known = true;
    h->last_stream = 1;
    struct request *r = pairing_join(x);
    struct http2_stream *stream = r ? http2_stream_open(x, r) : NULL;
    if (!r)
        return;
    http_origin_tell(x, r);
    r->id = 1;
    r->visit = x->origin->visit;
    r->tx.http_method = x->origin->tx.http_method;
    r->tx.action = x->origin->tx.action;
    r->tx.start_ns = x->origin->tx.start_ns;
    r->tx.present |= x->origin->tx.present & FIELD_BIT(FIELD_HTTP_REQUEST_METHOD);
    r->tx.request_seen = false; /* it counts as HTTP/1's */
    if (stream)
        stream->has_ended[SIDE_CLIENT] = true;
}

static void reset_keep(struct http2 *h, uint32_t stream)
{
    h->resets[h->resets_at] = stream;
    h->resets_at = (uint8_t)((h->resets_at + 1u) % HTTP2_RESETS_KEPT);
}

/* Whether what the server sends of a stream that is not open answers a request that was not seen.
 */
static bool may_answer(const struct exchange *x, const struct http2 *h, uint32_t stream)
{
    for (size_t i = 0; i < HTTP2_RESETS_KEPT; i++) {
        if (h->resets[i] == stream)
            return false;
    }
    return stream > h->last_stream || x->is_midstream || !h->has_preface;
}

/* The request of a frame of a stream, to whom its bytes go; NULL: nobody's any more. */
static struct request *request_of(struct exchange *x, enum side side, uint32_t stream)
{
    struct http2 *h = x->state;
    struct request *r = pairing_find(x, stream);
    if (side == SIDE_CLIENT) {
        pairing_receive(x, side, r);
        return r;
    }
    if (r)
        return pairing_reply_of(x, r);
    if (!may_answer(x, h, stream))
        return NULL;
    r = pairing_reply_to(x, stream);
    struct http2_stream *s = r ? http2_stream_open(x, r) : NULL;
    if (s)
        s->has_ended[SIDE_CLIENT] = !http2_early_begin(x, r);
    return r;
}

static void request_open(struct exchange *x, uint32_t stream)
{
    struct http2 *h = x->state;
    struct request *r = pairing_join(x);
    h->last_stream = stream;
    if (!r)
        return;
    r->id = stream;
    r->tx.start_ns = x->start_ns; /* frames of the connection may have come long before */
    (void)http2_stream_open(x, r);
}

static void side_end(struct exchange *x, enum side side, struct request *r)
{
    struct http2 *h = x->state;
    h->side[side].ends = false;
    if (r)
        http2_stream_end(x, side, r);
}

/* A block is at its end, or what is left of it is lost. */
static void block_end(struct exchange *x, enum side side, struct request *r)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    s->is_block_open = false;
    if (!r || s->block == HTTP2_BLOCK_UNREAD)
        return;
    if (s->has_unknown) {
        r->tx.partial = true;
        transaction_mark(&r->tx, FIELD_CAPTURE_PARTIAL);
    }
    bool is_nothing = !transaction_has(&r->tx, FIELD_HTTP_REQUEST_METHOD) &&
                      !transaction_has(&r->tx, FIELD_URL_PATH);
    bool may_be_late = x->is_midstream || !h->has_preface;
    if (s->block == HTTP2_BLOCK_REQUEST && is_nothing && may_be_late) {
        pairing_drop(r); /* trailers of what began before */
        return;
    }
    bool is_interim =
        s->block == HTTP2_BLOCK_RESPONSE && r->tx.http_status >= 100 && r->tx.http_status < 200;
    if (is_interim) {
        transaction_unmark(&r->tx, FIELD_HTTP_RESPONSE_STATUS_CODE);
        r->tx.http_status = 0;
        r->tx.outcome = OUTCOME_UNKNOWN;
        r->tx.reply_seen = false;
    } else if (s->block != HTTP2_BLOCK_TRAILER) {
        bool is_promise = s->block == HTTP2_BLOCK_REQUEST && side == SIDE_SERVER;
        http2_stream_head(x, is_promise ? SIDE_CLIENT : side, r, !s->ends && !is_promise);
    }
    if (s->ends && s->pad_left == 0)
        side_end(x, side, r);
}

/* The next bytes of a block, or so many are lost. */
static void block_pass(struct exchange *x, enum side side, struct bytes piece, uint64_t lost)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    struct request *r = x->pairing.receiving[side];
    bool is_last = s->is_block_last && s->left == 0;
    if (lost > 0)
        http2_block_lose(x, side);
    else
        http2_block_take(x, side, r, piece, is_last);
    if (is_last)
        block_end(x, side, r);
}

static void watch(struct exchange *x, enum side side, struct bytes seen, uint64_t lost)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    struct request *r = x->pairing.receiving[side];
    uint64_t len = lost > 0 ? lost : seen.len;
    s->left -= len < s->left ? (uint32_t)len : s->left;
    if (s->is_block_frame) {
        block_pass(x, side, seen, lost);
        return;
    }
    if (r && r->stream)
        http2_stream_data(r, side, seen, lost);
    if (s->left == 0 && s->ends && s->pad_left == 0)
        side_end(x, side, r);
}

/* A frame that is none, or at a place where none may be: what the blocks held is not known. */
static struct step bad(struct exchange *x, enum side side)
{
    struct http2 *h = x->state;
    http2_block_lose(x, side);
    h->side[side].is_block_open = false;
    h->side[side].pad_left = 0;
    return step_bad();
}

/* The fixed part before a frame's content: the length of the padding, a priority or a promise. */
static bool take_fixed(struct http2_side *s, struct http2_frame *f, struct cursor *in, size_t more)
{
    bool is_padded = f->flags & HTTP2_PADDED;
    s->pad_left = is_padded ? cursor_u8(in) : 0;
    size_t used = is_padded + more;
    if (used + s->pad_left > f->len)
        return false;
    f->len -= (uint32_t)used + s->pad_left;
    return true;
}

static struct step data(struct exchange *x, enum side side, struct http2_frame *f,
                        struct cursor *in)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    if (!take_fixed(s, f, in, 0))
        return bad(x, side);
    struct request *r = request_of(x, side, f->stream);
    s->stream = f->stream;
    s->left = f->len;
    s->is_block_frame = false;
    s->ends = r && f->flags & HTTP2_END_STREAM;
    if (r && f->len > 0) {
        bool is_asked = side == SIDE_CLIENT;
        r->skipped_into[side] = is_asked ? &r->tx.request_body_bytes : &r->tx.response_body_bytes;
        transaction_mark(&r->tx,
                         is_asked ? FIELD_HTTP_REQUEST_BODY_BYTES : FIELD_HTTP_RESPONSE_BODY_BYTES);
    }
    if (r && f->len > 0 && http2_stream_is_read(r, side))
        return step_watched(f->len);
    if (s->ends && s->pad_left == 0)
        side_end(x, side, r);
    return step_taken(f->len);
}

/* What a block of the client's is. */
static enum http2_block clients_block(struct exchange *x, uint32_t stream)
{
    const struct http2 *h = x->state;
    struct request *r = pairing_find(x, stream);
    bool is_new = stream > h->last_stream && stream % 2 == 1;
    if (is_new && h->early_count > 0)
        http2_early_release(x, stream);
    if (!r && !is_new)
        return HTTP2_BLOCK_UNREAD;
    if (!r) {
        request_open(x, stream);
        return HTTP2_BLOCK_REQUEST;
    }
    if (http2_early_take(x, r))
        return HTTP2_BLOCK_REQUEST;
    pairing_receive(x, SIDE_CLIENT, r);
    return HTTP2_BLOCK_TRAILER;
}

/* What one of the server's is. */
static enum http2_block servers_block(struct exchange *x, uint32_t stream)
{
    const struct http2 *h = x->state;
    if (h->early_count > 0)
        http2_early_release(x, 0);
    struct request *r = request_of(x, SIDE_SERVER, stream);
    const struct http2_stream *s = r ? r->stream : NULL;
    if (!s)
        return HTTP2_BLOCK_UNREAD;
    return s->has_answer ? HTTP2_BLOCK_TRAILER : HTTP2_BLOCK_RESPONSE;
}

/* A part of a block passes; the first, or one that goes on with it. */
static struct step block(struct exchange *x, enum side side, const struct http2_frame *f)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    s->left = f->len;
    s->is_block_frame = s->is_block_open = true;
    s->is_block_last = f->flags & HTTP2_END_HEADERS;
    if (f->len > 0)
        return step_watched(f->len);
    block_pass(x, side, (struct bytes){NULL, 0}, 0);
    return step_taken(0);
}

static struct step headers(struct exchange *x, enum side side, struct http2_frame *f,
                           struct cursor *in)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    size_t priority_len = f->flags & HTTP2_HAS_PRIORITY ? PRIORITY_LEN : 0;
    if (!take_fixed(s, f, in, priority_len))
        return bad(x, side);
    cursor_skip(in, priority_len);
    s->stream = f->stream;
    s->ends = f->flags & HTTP2_END_STREAM;
    http2_block_begin(s, side == SIDE_CLIENT ? clients_block(x, f->stream)
                                             : servers_block(x, f->stream));
    return block(x, side, f);
}

/* A request that the server makes by itself, to answer it (RFC 9113, section 8.4). */
static struct step push_promise(struct exchange *x, enum side side, struct http2_frame *f,
                                struct cursor *in)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    if (side == SIDE_CLIENT || !take_fixed(s, f, in, WORD_LEN))
        return bad(x, side);
    s->stream = cursor_be32(in) & STREAM_MASK;
    s->ends = false;
    struct request *r = pairing_find(x, s->stream) ? NULL : pairing_reply_alone(x);
    struct http2_stream *stream = r ? http2_stream_open(x, r) : NULL;
    http2_block_begin(s, stream ? HTTP2_BLOCK_REQUEST : HTTP2_BLOCK_UNREAD);
    if (stream)
        stream->has_ended[SIDE_CLIENT] = true;
    if (r) {
        r->id = s->stream;
        r->tx.request_seen = true;
        r->tx.reply_seen = r->tx.partial = false;
        transaction_unmark(&r->tx, FIELD_CAPTURE_PARTIAL);
    }
    return block(x, side, f);
}

static struct step continuation(struct exchange *x, enum side side, const struct http2_frame *f)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    if (!s->is_block_open) {
        http2_block_begin(s, HTTP2_BLOCK_UNREAD);
        http2_block_lose(x, side);
    }
    s->stream = f->stream;
    pairing_receive(x, side, pairing_find(x, f->stream));
    return block(x, side, f);
}

static struct step rst_stream(struct exchange *x, enum side side, const struct http2_frame *f,
                              struct cursor *in)
{
    uint32_t error = cursor_be32(in);
    struct request *r = pairing_find(x, f->stream);
    struct http2_stream *stream = r ? r->stream : NULL;
    reset_keep(x->state, f->stream);
    if (!r)
        return step_taken(0);
    pairing_receive(x, side, r);
    if (stream && side == SIDE_SERVER && error != 0 && !stream->has_ended[SIDE_SERVER])
        stream->is_refused = true;
    pairing_finish(r);
    return step_taken(0);
}

/* What the server says that it will not answer. */
static struct step goaway(struct exchange *x, enum side side, const struct http2_frame *f,
                          struct cursor *in)
{
    uint32_t last = cursor_be32(in) & STREAM_MASK;
    pairing_receive(x, side, pairing_first(x));
    for (size_t n = 0; side == SIDE_SERVER && n < x->pairing.count; n++) {
        struct request *r = pairing_at(x, n);
        if (r->id > last && r->id % 2 == 1 && !r->tx.reply_seen)
            pairing_finish(r);
    }
    return step_taken(f->len - WORD_LEN);
}

static struct step padding(struct exchange *x, enum side side)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    struct request *r = pairing_find(x, s->stream);
    unsigned len = s->pad_left;
    s->pad_left = 0;
    pairing_receive(x, side, r);
    if (s->ends && !s->is_block_open)
        side_end(x, side, r);
    return step_taken(len);
}

/* Bytes that stand before what a frame carries. */
static size_t fixed_len(const struct http2_frame *f)
{
    size_t pad_len = f->flags & HTTP2_PADDED ? 1 : 0;
    switch (f->type) {
    case HTTP2_DATA:
        return pad_len;
    case HTTP2_HEADERS:
        return f->flags & HTTP2_HAS_PRIORITY ? pad_len + PRIORITY_LEN : pad_len;
    case HTTP2_PUSH_PROMISE:
        return pad_len + WORD_LEN;
    case HTTP2_RST_STREAM:
    case HTTP2_GOAWAY:
        return WORD_LEN;
    default:
        return 0;
    }
}

/* What says nothing of a request goes with one that is open, as far as bytes go. */
static struct step pass(struct exchange *x, enum side side, const struct http2_frame *f)
{
    struct request *r = f->stream ? pairing_find(x, f->stream) : pairing_first(x);
    pairing_receive(x, side, r);
    return step_taken(f->len);
}

static struct step frame(struct exchange *x, enum side side, struct http2_frame *f,
                         struct cursor *in)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    switch (f->type) {
    case HTTP2_DATA:
        return data(x, side, f, in);
    case HTTP2_HEADERS:
        return headers(x, side, f, in);
    case HTTP2_PUSH_PROMISE:
        return push_promise(x, side, f, in);
    case HTTP2_CONTINUATION:
        return continuation(x, side, f);
    case HTTP2_RST_STREAM:
        return rst_stream(x, side, f, in);
    case HTTP2_GOAWAY:
        return goaway(x, side, f, in);
    case HTTP2_SETTINGS:
        /* a server begins with them, before any block */
        if (side == SIDE_SERVER && !(f->flags & HTTP2_ACK) && !s->table && s->tables_lost == 0)
            s->is_known = true;
        return pass(x, side, f);
    default:
        return pass(x, side, f);
    }
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    struct http2_frame f;
    begin(x);
    if (s->pad_left > 0)
        return padding(x, side);
    enum start preface = side == SIDE_CLIENT ? http2_preface(cursor_rest(in)) : START_NO;
    if (preface == START_SHORT)
        return step_needs(HTTP2_PREFACE_LEN);
    if (preface == START_SURE) {
        cursor_skip(in, HTTP2_PREFACE_LEN);
        s->is_known = s->is_known || !s->table;
        h->has_preface = true;
        return step_taken(0);
    }
    bool is_frame = http2_frame_read(in, &f);
    if (cursor_is_short(in))
        return step_needs(HTTP2_FRAME_LEN);
    if (!is_frame || fixed_len(&f) > f.len)
        return bad(x, side);
    if (cursor_left(in) < fixed_len(&f))
        return step_needs(HTTP2_FRAME_LEN + fixed_len(&f));
    bool goes_on = f.type == HTTP2_CONTINUATION && f.stream == s->stream;
    if (s->is_block_open && !goes_on) {
        /* never, unless the rest of the block was lost */
        http2_block_lose(x, side);
        block_end(x, side, pairing_find(x, s->stream));
    }
    return frame(x, side, &f, in);
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    (void)lost;
    http2_block_lose(x, side);
    if (s->is_block_open)
        block_end(x, side, pairing_find(x, s->stream));
    s->pad_left = 0;
    if (s->ends)
        side_end(x, side, pairing_find(x, s->stream));
    for (size_t n = 0; n < x->pairing.count; n++) {
        struct request *r = pairing_at(x, n);
        http2_stream_lose(r, side);
        /* whether the client has said all is not known any more: the server's end will do */
        if (side == SIDE_CLIENT && !r->is_finished && !r->is_dropped)
            http2_stream_end(x, side, r);
    }
}

static enum start starts_here(const struct exchange *x, enum side side, struct cursor in,
                              uint64_t *message_len)
{
    (void)x;
    return http2_start(side, cursor_rest(&in), message_len);
}

static void finish(struct exchange *x, struct request *r)
{
    http2_early_end(x, r);
    http2_stream_finish(x, r);
}

static void close(struct exchange *x)
{
    struct http2 *h = x->state;
    for (size_t n = 0; n < x->pairing.count; n++)
        http2_stream_close(pairing_at(x, n));
    hpack_close(h->side[SIDE_CLIENT].table);
    hpack_close(h->side[SIDE_SERVER].table);
}

const struct analyzer HTTP2_ANALYZER = {
    .name = "http2",
    .state_size = sizeof(struct http2),
    .message_max = MESSAGE_MAX,
    .ports = {0},
    .parse = parse,
    .gap = gap,
    .starts_here = starts_here,
    .watch = watch,
    .finish = finish,
    .glance = http2_stream_glance,
    .close = close,
};
