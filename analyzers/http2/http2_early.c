#include "analyzers/http2/http2_state.h"
#include "analyzers/http2/http2_stream.h"
#include "core/clock.h"

bool http2_early_begin(struct exchange *x, struct request *r)
{
    struct http2 *h = x->state;
    struct http2_stream *s = r->stream;
    bool is_heard = h->has_preface || x->position[SIDE_CLIENT] > 0;
    if (!is_heard || r->id % 2 == 0 || r->id <= h->last_stream || h->early_count == HTTP2_EARLY_MAX)
        return false;
    s->is_early = true;
    h->early_count++;
    return true;
}

void http2_early_end(struct exchange *x, const struct request *r)
{
    struct http2 *h = x->state;
    struct http2_stream *s = r->stream;
    if (!s || !s->is_early)
        return;
    s->is_early = false;
    h->early_count--;
}

bool http2_early_take(struct exchange *x, struct request *r)
{
    struct http2 *h = x->state;
    const struct http2_stream *s = r->stream;
    if (!s || !s->is_early)
        return false;
    http2_early_end(x, r);
    h->last_stream = (uint32_t)r->id;
    pairing_receive(x, SIDE_CLIENT, r);
    r->tx.request_seen = true;
    r->tx.start_ns = x->start_ns;
    r->tx.partial = false;
    transaction_unmark(&r->tx, FIELD_CAPTURE_PARTIAL);
    return true;
}

void http2_early_release(struct exchange *x, uint32_t stream)
{
    for (size_t n = 0; n < x->pairing.count; n++) {
        struct request *r = pairing_at(x, n);
        const struct http2_stream *s = r->stream;
        if (r->is_dropped || !s || !s->is_early)
            continue;
        bool is_old = r->end_ns != 0 && x->now_ns - r->end_ns > CLOCK_SECOND_NS;
        if (r->id >= stream && !is_old)
            continue;
        http2_early_end(x, r);
        http2_stream_end(x, SIDE_CLIENT, r);
    }
}
