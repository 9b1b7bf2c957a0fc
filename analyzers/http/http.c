/*
 * HTTP/1.0 and HTTP/1.1, line by line: a head is never needed as a whole, and a line that is not
 * yet there is searched for its end only once.  Bodies are passed over (RFC 9112, section 6).
 */
#include "analyzers/http/http.h"

#include "analyzers/http/http_fields.h"
#include "analyzers/http/http_line.h"
#include "analyzers/http/http_plan.h"
#include "analyzers/http/http_visit.h"
#include "analyzers/http2/http2_frame.h"

enum part {
    PART_START,      /* a first line comes, or empty lines before it */
    PART_FIELDS,     /* header fields */
    PART_EXPECTED,   /* a body after Expect: 100-continue, or the next request without it */
    PART_UNASKED,    /* a body, or none: the request was not seen and may have been a HEAD */
    PART_CHUNK,      /* the size of a chunk */
    PART_CHUNK_END,  /* the empty line behind one */
    PART_CHUNK_LOST, /* between chunks after a gap, or at the next message */
    PART_TRAILER,    /* fields behind the last chunk */
};

struct http_side {
    uint8_t part;           /* enum part */
    bool in_long_line;      /* the rest of a line is passed over */
    uint16_t scanned;       /* bytes of the line's beginning that have no line feed */
    uint16_t status;        /* of the response */
    unsigned mark;          /* of the request that the message is, or answers; 0: none */
    unsigned read_mark;     /* likewise, of the body that is read */
    struct http_body *read; /* NULL: none */
    uint64_t read_left;     /* bytes of it, or of its chunk, that are still to pass */
    struct http_head head;
};

_Static_assert(HTTP_LINE_MAX <= UINT16_MAX, "a line's beginning is counted in 16 bits");

struct http {
    struct http_side side[2]; /* by enum side */
    unsigned marks;           /* given to requests so far */
    unsigned answered;        /* mark of the request whose final status line was read last */
    unsigned done; /* mark of the request whose response was whole before it was itself */
};

static unsigned mark_next(struct http *h)
{
    h->marks += h->marks + 1 == 0 ? 2 : 1;
    return h->marks;
}

/* The request of the message that is being read, where it is still open. */
static struct request *request_of(const struct exchange *x, const struct http_side *s)
{
    return s->mark ? pairing_marked(x, s->mark) : NULL;
}

static void request_set(struct http *h, struct http_side *s, struct request *r)
{
    if (r && r->mark == 0)
        r->mark = mark_next(h);
    s->mark = r ? r->mark : 0;
}

/*
 * Takes a line without what ends it; false where its end is not there.  Of a line that is too long
 * the front is taken as a line and the rest as one more, which is passed over.
 */
static bool line_take(struct http_side *s, struct cursor *in, struct bytes *line)
{
    struct bytes rest = cursor_rest(in);
    size_t len = s->scanned + bytes_index(bytes_from(rest, s->scanned), '\n');
    bool is_whole = len < rest.len;
    if (!is_whole && len < HTTP_LINE_MAX) {
        s->scanned = (uint16_t)len;
        return false;
    }
    s->scanned = 0;
    if (len >= HTTP_LINE_MAX && !s->in_long_line) {
        s->in_long_line = true;
        *line = cursor_take(in, HTTP_LINE_MAX);
        return true;
    }
    *line = cursor_take(in, len);
    if (is_whole) {
        cursor_skip(in, 1);
        s->in_long_line = false;
    }
    while (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

static struct step bad(struct http_side *s)
{
    s->part = PART_START;
    s->scanned = 0;
    s->in_long_line = false;
    return step_bad();
}

/* The body that was read is at its end, or given up. */
static void read_end(struct exchange *x, enum side side)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    if (!s->read)
        return;
    http_body_end(s->read);
    http_visit_body(x, side, pairing_marked(x, s->read_mark), s->read);
    http_body_close(s->read);
    s->read = NULL;
}

/* Where something is wanted of the body that begins, it is read as it passes. */
static void read_begin(struct exchange *x, enum side side)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    struct request *r = request_of(x, s);
    read_end(x, side);
    if (s->head.has_unknown_codec)
        return;
    struct http_body_plan plan =
        http_plan(x, side, r, (enum http_type)s->head.type, (enum codec)s->head.codec);
    s->read = http_body_open(&x->http->bodies, &plan);
    s->read_mark = s->mark;
}

static void watch(struct exchange *x, enum side side, struct bytes seen, uint64_t lost)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    if (!s->read)
        return;
    if (lost > 0)
        http_body_lose(s->read);
    else
        http_body_take(s->read, seen);
    if (s->read_left != STEP_TO_END)
        s->read_left -= lost > 0 ? lost : seen.len;
    if (s->read_left == 0 && !s->head.is_chunked)
        read_end(x, side);
}

/* Passes over n bytes of a body, which count as such. */
static struct step body(struct exchange *x, enum side side, uint64_t n)
{
    struct http *h = x->state;
    struct request *r = request_of(x, &h->side[side]);
    if (r)
        r->skipped_into[side] =
            side == SIDE_CLIENT ? &r->tx.request_body_bytes : &r->tx.response_body_bytes;
    h->side[side].read_left = n;
    return h->side[side].read ? step_watched(n) : step_taken(n);
}

/* The message is at its end.  A request is over when its own end and that of its response are. */
static void message_end(struct exchange *x, enum side side)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side], *client = &h->side[SIDE_CLIENT];
    struct request *r = request_of(x, s);
    s->part = PART_START;
    if (s->head.is_chunked)
        read_end(x, side);
    if (!r)
        return;
    if (side == SIDE_CLIENT && h->done == r->mark)
        pairing_finish(r);
    if (side == SIDE_CLIENT)
        return;
    if (request_of(x, client) == r && client->part != PART_START)
        h->done = r->mark;
    else
        pairing_finish(r);
}

static bool request_line(struct exchange *x, struct bytes line)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[SIDE_CLIENT];
    struct bytes method, target;
    if (!http_request_line(line, s->in_long_line, &method, &target))
        return false;
    struct request *r = request_of(x, s);
    if (r && r->mark == h->done)
        pairing_finish(r);
    r = pairing_open(x);
    request_set(h, s, r);
    s->head = (struct http_head){0};
    s->part = PART_FIELDS;
    if (!r)
        return true;
    http_method(x, r, method);
    http_target(x, r, r->tx.http_method, target);
    return true;
}

/* The request that a final response answers, after one whose response broke off. */
static struct request *answer(struct exchange *x)
{
    struct http *h = x->state;
    struct request *first = pairing_first(x);
    if (first && first->mark != 0 && first->mark == h->answered) {
        /* what came since was its own */
        pairing_reply(x);
        pairing_finish(first);
    }
    return pairing_reply(x);
}

static bool status_line(struct exchange *x, struct bytes line)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[SIDE_SERVER];
    unsigned status = http_status_line(line);
    if (status == 0)
        return false;
    bool is_interim = status < 200 && status != 101;
    struct request *r = is_interim ? pairing_first(x) : answer(x);
    request_set(h, s, r);
    s->status = (uint16_t)status;
    s->head = (struct http_head){0};
    s->part = PART_FIELDS;
    pairing_receive(x, SIDE_SERVER, r);
    if (!r || is_interim)
        return true;
    h->answered = r->mark;
    http_status(r, status);
    return true;
}

/*
 * RFC 9112, section 6.3.  Where the length is not clear, a response goes on to the end, and a
 * request has the first length that was given, or no body.
 */
static uint64_t body_length(const struct http_head *head, enum side side)
{
    bool is_clear = head->has_length && !head->is_ambiguous && !head->has_coding;
    if (head->is_chunked || (side == SIDE_SERVER && !is_clear))
        return STEP_TO_END;
    return head->length;
}

/* The head is at its end, and a body may follow. */
static struct step body_begin(struct exchange *x, enum side side)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    uint64_t length = body_length(&s->head, side);
    if (length > 0)
        read_begin(x, side);
    if (s->head.is_chunked) {
        s->part = PART_CHUNK;
        return step_taken(0);
    }
    message_end(x, side);
    return length > 0 ? body(x, side, length) : step_taken(0);
}

static struct step request_head_end(struct exchange *x)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[SIDE_CLIENT];
    struct request *r = request_of(x, s);
    if (r)
        transaction_mark(&r->tx, FIELD_HTTP_REQUEST_BODY_BYTES);
    if (s->head.expects_continue && body_length(&s->head, SIDE_CLIENT) > 0) {
        s->part = PART_EXPECTED;
        return step_taken(0);
    }
    return body_begin(x, SIDE_CLIENT);
}

/* Behind this response another protocol is spoken. */
static struct step change_protocol(struct exchange *x, struct request *r)
{
    static const char *const names[] = {
        [HTTP_UPGRADE_HTTP2] = "http2", [HTTP_UPGRADE_WEBSOCKET] = "websocket"};
    struct http *h = x->state;
    struct http_side *s = &h->side[SIDE_SERVER];
    x->next = s->status == 101 ? names[s->head.upgrade] : NULL;
    x->origin = x->next ? r : NULL;
    if (!x->next)
        message_end(x, SIDE_SERVER);
    return step_hand_over();
}

static struct step response_head_end(struct exchange *x)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[SIDE_SERVER];
    struct request *r = request_of(x, s);
    unsigned status = s->status;
    struct bytes method = r ? r->tx.http_method : (struct bytes){NULL, 0};
    if (status < 200 && status != 101) {
        s->part = PART_START;
        return step_taken(0);
    }
    if (r)
        transaction_mark(&r->tx, FIELD_HTTP_RESPONSE_BODY_BYTES);
    if (status == 101 || (status < 300 && bytes_are(method, "CONNECT")))
        return change_protocol(x, r);
    if (bytes_are(method, "HEAD") || status == 204 || status == 304) {
        message_end(x, SIDE_SERVER);
        return step_taken(0);
    }
    if (r && !r->tx.request_seen && body_length(&s->head, SIDE_SERVER) > 0) {
        s->part = PART_UNASKED;
        return step_taken(0);
    }
    return body_begin(x, SIDE_SERVER);
}

/* At the first byte behind a head with Expect: the body, unless it was refused and is not sent. */
static bool is_body_refused(struct exchange *x, struct bytes rest, bool *is_short)
{
    struct http *h = x->state;
    bool is_answered = h->answered == h->side[SIDE_CLIENT].mark;
    enum start start = is_answered ? http_request_start(rest) : START_NO;
    if (start == START_SURE && !http_method_find(bytes_first(rest, bytes_index(rest, ' '))))
        start = START_NO;
    *is_short = start == START_SHORT;
    return start == START_SURE;
}

/* A body that may not be there; whether it is, its first bytes tell.  False: go on with the part.
 */
static bool parse_doubtful(struct exchange *x, enum side side, struct cursor *in, struct step *step)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    struct bytes rest = cursor_rest(in);
    bool is_short, is_absent;
    if (side == SIDE_CLIENT) {
        is_absent = is_body_refused(x, rest, &is_short);
    } else {
        enum start start = http_status_start(rest);
        is_absent = start == START_SURE;
        is_short = start == START_SHORT;
    }
    if (is_short && rest.len < body_length(&s->head, side) && rest.len < HTTP_LINE_MAX) {
        *step = step_needs(rest.len + 1);
        return true;
    }
    if (is_absent) {
        message_end(x, side);
        return false;
    }
    pairing_receive(x, side, request_of(x, s));
    *step = body_begin(x, side);
    return s->part != PART_CHUNK;
}

/* After a gap between chunks: the next chunk's size, or another message. */
static void find_part(struct exchange *x, enum side side, struct cursor *in)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    struct bytes rest = cursor_rest(in);
    uint64_t len;
    bool goes_on = request_of(x, s) && http_chunk_start(rest, &len) != START_NO;
    s->part = goes_on ? PART_CHUNK_END : PART_START;
    /* the bytes in between were its own */
    if (goes_on && side == SIDE_SERVER && pairing_first(x) == request_of(x, s))
        pairing_reply(x);
}

static bool chunk_line(struct exchange *x, enum side side, struct bytes line, struct step *step)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    uint64_t size;
    if (!http_chunk_size(line, &size)) {
        *step = bad(s);
        return true;
    }
    s->part = size > 0 ? PART_CHUNK_END : PART_TRAILER;
    if (size > 0)
        *step = body(x, side, size);
    return size > 0;
}

/* A line of the part that is read; true where the message, or its head, ends with *step. */
static bool parse_line(struct exchange *x, enum side side, struct bytes line, struct step *step)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    switch (s->part) {
    case PART_START:
        if (line.len > 0 && (side == SIDE_CLIENT ? request_line(x, line) : status_line(x, line)))
            return false;
        /* an empty line before a message is by itself, so that its bytes are told alike however
           they come */
        *step = line.len > 0 ? bad(s) : step_taken(0);
        return true;
    case PART_FIELDS:
        if (line.len > 0) {
            http_field(x, side, &s->head, request_of(x, s), line);
            return false;
        }
        *step = side == SIDE_CLIENT ? request_head_end(x) : response_head_end(x);
        return true;
    case PART_CHUNK:
        return chunk_line(x, side, line, step);
    case PART_CHUNK_END:
        if (line.len > 0) {
            *step = bad(s);
            return true;
        }
        /* by itself, so that its bytes are told alike where no size follows */
        s->part = PART_CHUNK;
        *step = step_taken(0);
        return true;
    default: /* PART_TRAILER: the others are left before a line is taken */
        if (line.len > 0)
            return false;
        message_end(x, side);
        *step = step_taken(0);
        return true;
    }
}

/* Of an old connection to a port of HTTP nobody knows the version until a message is found. */
static enum start http2_starts(const struct exchange *x, enum side side, struct bytes b,
                               uint64_t *message_len)
{
    const struct http *h = x->state;
    bool is_open = x->is_midstream && h->marks == 0 && h->side[side].part == PART_START;
    return is_open ? http2_start(side, b, message_len) : START_NO;
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    size_t before = cursor_left(in);
    struct bytes line;
    struct step step;
    uint64_t frame_len;
    if (http2_starts(x, side, cursor_rest(in), &frame_len) > START_SHORT) {
        x->next = "http2";
        return step_hand_over();
    }
    if (s->part == PART_CHUNK_LOST)
        find_part(x, side, in);
    if ((s->part == PART_EXPECTED || s->part == PART_UNASKED) && parse_doubtful(x, side, in, &step))
        return step;
    if (s->part != PART_START)
        pairing_receive(x, side, request_of(x, s));
    for (;;) {
        bool is_rest = s->in_long_line;
        if (!line_take(s, in, &line))
            break;
        if (!is_rest && parse_line(x, side, line, &step))
            return step;
    }
    return cursor_left(in) < before ? step_taken(0) : step_needs(before + 1);
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct http *h = x->state;
    struct http_side *s = &h->side[side];
    (void)lost;
    s->scanned = 0;
    s->in_long_line = false;
    if (s->read)
        http_body_lose(s->read);
    bool is_between_chunks =
        s->part == PART_CHUNK || s->part == PART_CHUNK_END || s->part == PART_CHUNK_LOST;
    s->part = is_between_chunks ? PART_CHUNK_LOST : PART_START;
}

static enum start starts_here(const struct exchange *x, enum side side, struct cursor in,
                              uint64_t *message_len)
{
    struct bytes rest = cursor_rest(&in);
    const struct http *h = x ? x->state : NULL;
    *message_len = 0;
    if (h && h->side[side].part == PART_CHUNK_LOST) {
        enum start start = http_chunk_start(rest, message_len);
        if (start != START_NO)
            return start;
    }
    enum start start = side == SIDE_CLIENT ? http_request_start(rest) : http_status_start(rest);
    return h && start == START_NO ? http2_starts(x, side, rest, message_len) : start;
}

static void finish(struct exchange *x, struct request *r)
{
    struct http *h = x->state;
    for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        if (h->side[side].read && h->side[side].read_mark == r->mark)
            read_end(x, (enum side)side);
    }
    http_visit_finish(x, r);
}

static void glance(struct exchange *x, const struct request *r, struct transaction *t)
{
    const struct http *h = x->state;
    const struct http_side *s = &h->side[SIDE_SERVER];
    bool is_read = s->read && s->read_mark == r->mark;
    if (is_read && http_body_records(s->read, &t->response_records))
        transaction_mark(t, FIELD_HTTP_RESPONSE_RECORDS);
    if (is_read)
        http_body_glance(s->read, t);
    http_visit_glance(x, r, t);
}

static void close(struct exchange *x)
{
    struct http *h = x->state;
    http_body_close(h->side[SIDE_CLIENT].read);
    http_body_close(h->side[SIDE_SERVER].read);
}

const struct analyzer HTTP_ANALYZER = {
    .name = "http",
    .state_size = sizeof(struct http),
    .message_max = HTTP_LINE_MAX,
    .ports = {80, 8080, 8000, 8008},
    .parse = parse,
    .gap = gap,
    .starts_here = starts_here,
    .watch = watch,
    .finish = finish,
    .glance = glance,
    .close = close,
};
