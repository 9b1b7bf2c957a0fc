/*
 * Frames of both sides: only the client's are masked (RFC 6455, section 5).  A compressed message
 * (RFC 7692) is one with a bit set: its frames are as any.
 */
#include "analyzers/http/websocket.h"

#include "analyzers/http/http_origin.h"
#include "core/clock.h"

enum {
    FIN = 0x80,
    COMPRESSED = 0x40, /* or what another extension means by it */
    RESERVED = 0x30,   /* no extension in use has a meaning for them */
    MASKED = 0x80,
    LEN_MASK = 0x7f,
    LEN_16 = 126,
    LEN_64 = 127,
    MASK_LEN = 4,
    FRAME_LEN_MIN = 2,
    FRAME_LEN_MAX = 14, /* bytes of a frame's header */
    CONTROL_LEN_MAX = 125,
};

enum opcode { CONTINUES, TEXT, BINARY, CLOSE = 8, PING, PONG };

struct frame {
    uint8_t opcode; /* enum opcode */
    bool is_last, is_masked;
    unsigned header_len;
    uint64_t len; /* bytes of the payload */
};

struct websocket {
    bool in_message[2]; /* by enum side: a message goes on in the next frame */
};

static bool is_control(const struct frame *f)
{
    return f->opcode >= CLOSE;
}

static unsigned header_len(uint8_t second)
{
    unsigned len = second & LEN_MASK;
    unsigned more = len == LEN_16 ? 2 : len == LEN_64 ? 8 : 0;
    return FRAME_LEN_MIN + more + (second & MASKED ? MASK_LEN : 0);
}

/* START_SHORT: the header is not there as a whole. */
static enum start frame_read(struct cursor in, enum side side, struct frame *f)
{
    uint8_t first = cursor_u8(&in), second = cursor_u8(&in);
    f->opcode = first & 0x0f;
    f->is_last = first & FIN;
    f->is_masked = second & MASKED;
    f->header_len = header_len(second);
    f->len = second & LEN_MASK;
    bool is_long = f->len >= LEN_16;
    bool is_shortest = true;
    if (f->len == LEN_16) {
        f->len = cursor_be16(&in);
        is_shortest = f->len >= LEN_16;
    } else if (f->len == LEN_64) {
        f->len = cursor_be64(&in);
        is_shortest = f->len > UINT16_MAX;
    }
    bool is_known = f->opcode <= BINARY || (f->opcode >= CLOSE && f->opcode <= PONG);
    bool is_control_whole = !is_control(f) || (f->is_last && !is_long && !(first & COMPRESSED));
    if (first & RESERVED || !is_known || !is_control_whole)
        return START_NO;
    cursor_skip(&in, f->is_masked ? MASK_LEN : 0);
    if (cursor_is_short(&in))
        return START_SHORT;
    bool is_own = f->is_masked == (side == SIDE_CLIENT);
    return is_own && is_shortest && f->len <= INT64_MAX ? START_LIKELY : START_NO;
}

/* A request, or what the server sends by itself. */
static void tell(struct exchange *x, struct request *r)
{
    http_origin_tell(x, r);
    r->tx.action = ACTION_OTHER;
    transaction_mark(&r->tx, FIELD_HTTP_REQUEST_BODY_BYTES);
    transaction_mark(&r->tx, FIELD_HTTP_RESPONSE_BODY_BYTES);
    transaction_mark(&r->tx, FIELD_HTTP_RESPONSE_RECORDS);
}

/* The request of a message of the client that begins. */
static struct request *ask(struct exchange *x)
{
    struct request *open = pairing_first(x);
    if (open)
        pairing_finish(open);
    struct request *r = pairing_join(x);
    if (!r)
        return NULL;
    r->tx.start_ns = x->start_ns; /* frames of control may have come long before */
    tell(x, r);
    r->tx.request_records = 1;
    transaction_mark(&r->tx, FIELD_HTTP_REQUEST_RECORDS);
    return r;
}

/* Whether what the server sends now is too much, or too late, to be told with what it sent. */
static bool is_full(const struct exchange *x, const struct request *r)
{
    return r->tx.response_records >= WEBSOCKET_MESSAGES_MAX ||
           r->tx.response_body_bytes >= WEBSOCKET_BYTES_MAX ||
           x->now_ns - r->tx.start_ns >= WEBSOCKET_SECONDS_MAX * CLOCK_SECOND_NS;
}

/* The request of a message of the server that begins. */
static struct request *answer(struct exchange *x)
{
    struct request *open = pairing_first(x);
    if (open && open->tx.reply_seen && is_full(x, open)) {
        pairing_finish(open);
        open = NULL;
    }
    struct request *r = pairing_reply(x);
    if (!r)
        return NULL;
    if (!open) {
        tell(x, r);
        r->tx.partial = false; /* nobody asked */
        transaction_unmark(&r->tx, FIELD_CAPTURE_PARTIAL);
    }
    r->tx.outcome = OUTCOME_SUCCESS;
    r->tx.response_records++;
    return r;
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct websocket *w = x->state;
    struct frame f;
    enum start start = frame_read(*in, side, &f);
    if (start == START_SHORT)
        return step_needs(cursor_left(in) < FRAME_LEN_MIN ? FRAME_LEN_MIN : f.header_len);
    if (start == START_NO)
        return step_bad();
    cursor_skip(in, f.header_len);
    if (is_control(&f)) {
        pairing_receive(x, side, pairing_first(x));
        return step_taken(f.len);
    }
    bool begins = !w->in_message[side];
    w->in_message[side] = !f.is_last;
    struct request *r = begins ? (side == SIDE_CLIENT ? ask(x) : answer(x)) : pairing_first(x);
    pairing_receive(x, side, r);
    if (r)
        r->skipped_into[side] =
            side == SIDE_CLIENT ? &r->tx.request_body_bytes : &r->tx.response_body_bytes;
    return step_taken(f.len);
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct websocket *w = x->state;
    (void)lost;
    w->in_message[side] = false;
    struct request *open = pairing_first(x);
    if (!open)
        return;
    /* messages may have been lost: what is counted is a lower bound */
    open->tx.partial = true;
    transaction_mark(&open->tx, FIELD_CAPTURE_PARTIAL);
}

/* A header of two bytes says little: a start is where several land on one another. */
static enum start starts_here(const struct exchange *x, enum side side, struct cursor in,
                              uint64_t *message_len)
{
    struct bytes rest = cursor_rest(&in);
    *message_len = 0;
    if (!x)
        return START_NO;
    for (int links = 0; links < WEBSOCKET_CHAIN; links++) {
        struct frame f;
        enum start start = frame_read(cursor_over(rest), side, &f);
        if (start != START_LIKELY)
            return start;
        if (f.header_len + f.len > rest.len)
            return START_SHORT;
        rest = bytes_from(rest, f.header_len + (size_t)f.len);
    }
    return START_SURE;
}

const struct analyzer WEBSOCKET_ANALYZER = {
    .name = "websocket",
    .state_size = sizeof(struct websocket),
    .message_max = FRAME_LEN_MAX,
    .ports = {0},
    .parse = parse,
    .gap = gap,
    .starts_here = starts_here,
};
