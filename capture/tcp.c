/*
 * The order of TCP (RFC 9293, section 3.4 for the arithmetic of sequence numbers).  A segment that
 * comes in its turn is given on as it lies in the frame; only one that has to wait is copied.
 */
#include "capture/tcp.h"

#include "core/clock.h"
#include "core/cursor.h"

#define MS_NS INT64_C(1000000)

struct segment {
    struct segment *newer; /* the next by sequence number */
    int64_t ns;
    uint32_t sequence, len;  /* bytes that were captured */
    uint32_t acknowledgment; /* 0 with has_ack unset */
    bool has_ack, has_fin;
    uint8_t data[];
};

/* A segment that is looked at; its bytes are the frame's or a waiting segment's. */
struct piece {
    uint32_t sequence, acknowledgment;
    struct bytes data;
    bool has_ack, has_fin;
    int64_t ns;
};

bool tcp_header_read(const struct datagram *d, struct tcp_header *h)
{
    struct cursor in = cursor_over(d->payload);
    h->source_port = cursor_be16(&in);
    h->destination_port = cursor_be16(&in);
    h->sequence = cursor_be32(&in);
    h->acknowledgment = cursor_be32(&in);
    uint32_t len = (uint32_t)(cursor_u8(&in) >> 4) * 4;
    h->flags = cursor_u8(&in);
    h->window = cursor_be16(&in);
    h->checksum = cursor_be16(&in);
    cursor_skip(&in, 2);
    if (cursor_is_short(&in) || len < 20 || len > d->payload_len)
        return false;
    h->options = cursor_take(&in, len - 20 < in.left ? len - 20 : in.left);
    h->payload = cursor_rest(&in);
    h->payload_len = d->payload_len - len;
    return true;
}

/* a - b, as numbers that wrap around */
static int32_t distance(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static void timer_stop(struct tcp *t, struct flow *flow)
{
    if (flow->deadline_ns == 0)
        return;
    *(flow->timer_older ? &flow->timer_older->timer_newer : &t->timer_oldest) = flow->timer_newer;
    *(flow->timer_newer ? &flow->timer_newer->timer_older : &t->timer_newest) = flow->timer_older;
    flow->timer_older = flow->timer_newer = NULL;
    flow->deadline_ns = 0;
}

/* All deadlines are as far away, so the list is in their order. */
static void timer_start(struct tcp *t, struct flow *flow)
{
    if (flow->deadline_ns != 0)
        return;
    flow->deadline_ns = t->now_ns + TCP_HOLE_MS * MS_NS;
    flow->timer_older = t->timer_newest;
    *(t->timer_newest ? &t->timer_newest->timer_newer : &t->timer_oldest) = flow;
    t->timer_newest = flow;
}

struct flow *tcp_due(const struct tcp *t)
{
    return t->timer_oldest && t->timer_oldest->deadline_ns <= t->now_ns ? t->timer_oldest : NULL;
}

static void waiting_free(struct tcp *t, struct half *half)
{
    struct segment *s = half->queue;
    half->queue = s->newer;
    if (!half->queue)
        half->queue_last = NULL;
    half->queue_bytes -= s->len;
    half->queue_count--;
    budget_free(t->budget, &s, sizeof(*s) + s->len);
}

/* Keeps a copy, in the order of sequence numbers; false where the bounds or the budget forbid it.
 */
static bool waiting_add(struct tcp *t, struct half *half, const struct piece *p)
{
    struct segment *s = NULL;
    size_t small_max = TCP_WAITING_SMALL_MAX + half->queue_bytes / TCP_WAITING_SMALL_LEN;
    if (half->queue_count >= TCP_WAITING_SEGMENTS_MAX || half->queue_count >= small_max ||
        half->queue_bytes + p->data.len > TCP_WAITING_BYTES_MAX)
        return false;
    if (half->queue_count >= TCP_WAITING_SOME && budget_is_tight(t->budget))
        return false;
    if (!budget_resize(t->budget, &s, 0, sizeof(*s) + p->data.len))
        return false;
    *s = (struct segment){.ns = p->ns,
                          .sequence = p->sequence,
                          .len = (uint32_t)p->data.len,
                          .acknowledgment = p->acknowledgment,
                          .has_ack = p->has_ack,
                          .has_fin = p->has_fin};
    if (p->data.len > 0)
        memcpy(s->data, p->data.data, p->data.len);
    struct segment **at = &half->queue, *older = NULL;
    if (half->queue_last && distance(s->sequence, half->queue_last->sequence) >= 0) {
        older = half->queue_last;
        at = &older->newer;
    }
    for (; *at && distance(s->sequence, (*at)->sequence) >= 0; at = &older->newer)
        older = *at;
    s->newer = *at;
    *at = s;
    bool is_repeat = older && distance(older->sequence + older->len, s->sequence + s->len) >= 0;
    t->reordered += s->newer && s->len > 0 && !is_repeat;
    if (!s->newer)
        half->queue_last = s;
    half->queue_bytes += s->len;
    half->queue_count++;
    return true;
}

/* Whether what the sender acknowledges of the other direction was given on: an answer waits for its
 * question. */
static bool is_in_turn(const struct flow *flow, unsigned direction, uint32_t acknowledgment,
                       bool has_ack)
{
    const struct half *other = &flow->half[direction ^ 1];
    if (!has_ack || other->is_absent)
        return true;
    if (!other->is_known)
        return !other->queue;
    int32_t ahead = distance(acknowledgment, other->next);
    return ahead <= 0 || (ahead == 1 && other->fin_seen && other->fin == other->next);
}

static void end_if_complete(struct tcp *t, struct flow *flow, unsigned direction)
{
    struct half *half = &flow->half[direction];
    if (half->is_ended || !half->fin_seen || half->fin != half->next)
        return;
    half->is_ended = true;
    t->events->end(t->context, &flow->view, direction, t->now_ns);
}

/* Gives on what is new of a piece that starts at or before the byte that is next. */
static void give(struct tcp *t, struct flow *flow, unsigned direction, const struct piece *p)
{
    struct half *half = &flow->half[direction];
    uint32_t old = half->next - p->sequence;
    if (old < p->data.len) {
        struct bytes fresh = bytes_from(p->data, old);
        half->next += (uint32_t)fresh.len;
        half->hole_ns = 0;
        t->events->data(t->context, &flow->view, direction, fresh, p->ns);
    }
    t->retransmitted_bytes += old < p->data.len ? old : p->data.len;
    end_if_complete(t, flow, direction);
}

static struct piece piece_of(const struct segment *s)
{
    return (struct piece){.sequence = s->sequence,
                          .acknowledgment = s->acknowledgment,
                          .data = {s->data, s->len},
                          .has_ack = s->has_ack,
                          .has_fin = s->has_fin,
                          .ns = s->ns};
}

/* Gives on the first of what waits, if it is its turn; is_forced: even before what it acknowledges.
 */
static bool give_waiting(struct tcp *t, struct flow *flow, unsigned direction, bool is_forced)
{
    struct half *half = &flow->half[direction];
    if (!half->queue || !half->is_known)
        return false;
    struct piece p = piece_of(half->queue);
    if (distance(p.sequence, half->next) > 0)
        return false;
    if (!is_forced && !is_in_turn(flow, direction, p.acknowledgment, p.has_ack))
        return false;
    give(t, flow, direction, &p);
    waiting_free(t, half);
    return true;
}

static void give_all_waiting(struct tcp *t, struct flow *flow)
{
    while (give_waiting(t, flow, 0, false) || give_waiting(t, flow, 1, false))
        ;
}

/* Where the hole at `next` ends: at what waits, or at what is known to have been sent; a FIN's own
 * number is no byte. */
static uint32_t hole_end(const struct half *half)
{
    if (half->queue)
        return half->queue->sequence;
    uint32_t end = distance(half->acked, half->seen) > 0 ? half->acked : half->seen;
    bool is_behind_fin =
        half->fin_seen && distance(half->fin, half->next) >= 0 && distance(end, half->fin) > 0;
    return is_behind_fin ? half->fin : end;
}

static bool has_hole(const struct half *half)
{
    return half->is_known && !half->is_absent && distance(hole_end(half), half->next) > 0;
}

/*
 * The hole's bytes are lost.  What is missing at the end can be a FIN, or end in one: alone it is
 * one byte, and where the other end said goodbye too there was one.
 */
static void declare_lost(struct tcp *t, struct flow *flow, unsigned direction)
{
    struct half *half = &flow->half[direction];
    uint32_t lost = hole_end(half) - half->next;
    bool has_fin =
        !half->queue && !half->fin_seen && (lost == 1 || flow->half[direction ^ 1].fin_seen);
    if (has_fin) {
        lost--;
        half->fin_seen = true;
        half->fin = half->next + lost;
    }
    half->next += lost;
    half->hole_ns = 0;
    if (lost > 0)
        t->events->gap(t->context, &flow->view, direction, lost, t->now_ns);
    end_if_complete(t, flow, direction);
}

/* Whether the hole's time has come. */
static bool is_hole_due(const struct tcp *t, const struct flow *flow, unsigned direction)
{
    const struct half *half = &flow->half[direction];
    bool nobody_acks = !flow->half[direction ^ 1].has_packets;
    bool is_acked = distance(half->acked, hole_end(half)) >= 0;
    int64_t bound_ms = is_acked || nobody_acks ? TCP_HOLE_MS : TCP_HOLE_UNACKED_MS;
    return half->hole_ns != 0 && t->now_ns - half->hole_ns >= bound_ms * MS_NS;
}

/* Notices holes and what waits in vain, and sets the clock for them. */
static void watch_holes(struct tcp *t, struct flow *flow)
{
    bool waits = flow->is_over;
    for (unsigned direction = 0; direction < 2; direction++) {
        struct half *half = &flow->half[direction];
        bool has_no_beginning = half->queue && !half->is_known;
        if (!has_hole(half) && !has_no_beginning) {
            half->hole_ns = 0;
            waits = waits || half->queue;
            continue;
        }
        if (half->hole_ns == 0)
            half->hole_ns = half->queue ? half->queue->ns : t->now_ns;
        waits = true;
    }
    if (waits)
        timer_start(t, flow);
    else
        timer_stop(t, flow);
}

static bool is_closed(const struct flow *flow)
{
    const struct half *a = &flow->half[0], *b = &flow->half[1];
    return a->is_ended && b->is_ended;
}

static void half_begin(struct half *half, uint32_t first)
{
    half->is_known = true;
    half->start = half->next = half->acked = half->seen = first;
}

/* What the segments tell that came before the beginning was known. */
static void learn_waiting(struct half *half)
{
    for (const struct segment *s = half->queue; s; s = s->newer) {
        half->seen = s->sequence + s->len;
        if (s->has_fin) {
            half->fin_seen = true;
            half->fin = half->seen;
        }
    }
    half->hole_ns = 0;
}

/* The directions begin at the lowest number that came: their SYN did not. */
static void begin_in_the_middle(struct flow *flow)
{
    for (unsigned direction = 0; direction < 2; direction++) {
        struct half *half = &flow->half[direction];
        if (half->is_known || !half->queue)
            continue;
        half_begin(half, half->queue->sequence);
        learn_waiting(half);
    }
}

bool tcp_expire(struct tcp *t, struct flow *flow)
{
    int64_t deadline_ns = flow->deadline_ns;
    timer_stop(t, flow);
    for (unsigned direction = 0; direction < 2; direction++) {
        struct half *half = &flow->half[direction];
        half->is_absent = !half->has_packets;
        if (!half->is_known && half->hole_ns != 0 &&
            t->now_ns - half->hole_ns >= TCP_HOLE_MS * MS_NS)
            begin_in_the_middle(flow);
    }
    give_all_waiting(t, flow);
    for (unsigned direction = 0; direction < 2; direction++) {
        while (has_hole(&flow->half[direction]) && is_hole_due(t, flow, direction)) {
            declare_lost(t, flow, direction);
            give_all_waiting(t, flow);
        }
    }
    /* no hole, and still something waits for what will not come: acknowledgments that make no sense
     */
    for (unsigned direction = 0; direction < 2; direction++) {
        const struct half *half = &flow->half[direction], *other = &flow->half[direction ^ 1];
        while (half->queue && !has_hole(half) && !has_hole(other) &&
               give_waiting(t, flow, direction, true))
            give_all_waiting(t, flow);
    }
    if (is_closed(flow) || (flow->is_over && t->now_ns >= deadline_ns))
        return true;
    watch_holes(t, flow);
    return false;
}

void tcp_finish(struct tcp *t, struct flow *flow)
{
    timer_stop(t, flow);
    for (unsigned direction = 0; direction < 2; direction++)
        flow->half[direction].is_absent = !flow->half[direction].has_packets;
    begin_in_the_middle(flow);
    give_all_waiting(t, flow);
    while (flow->half[0].queue || flow->half[1].queue || has_hole(&flow->half[0]) ||
           has_hole(&flow->half[1])) {
        /* the hole that was noticed first is the one that the other direction waits for */
        bool holes[2] = {has_hole(&flow->half[0]), has_hole(&flow->half[1])};
        unsigned first = holes[1] && (!holes[0] || flow->half[1].hole_ns < flow->half[0].hole_ns);
        if (holes[first])
            declare_lost(t, flow, first);
        else if (!give_waiting(t, flow, 0, true))
            (void)give_waiting(t, flow, 1, true);
        give_all_waiting(t, flow);
    }
}

/* The numbers of both directions from SYN and SYN-ACK; from a first segment where those were lost.
 */
static void learn_numbers(struct flow *flow, unsigned direction, const struct tcp_header *h)
{
    struct half *half = &flow->half[direction], *other = &flow->half[direction ^ 1];
    if (h->flags & TCP_SYN) {
        if (!half->is_known) {
            half_begin(half, h->sequence + 1);
            learn_waiting(half);
        }
        if (h->flags & TCP_ACK && !other->is_known) {
            half_begin(other, h->acknowledgment);
            learn_waiting(other);
        }
        return;
    }
    /* the client's first word after its SYN, the answer to that being lost: all that it
     * acknowledges is a SYN */
    if (half->is_known && !other->is_known && !flow->view.is_midstream && h->flags & TCP_ACK &&
        h->sequence == half->start && !other->queue)
        half_begin(other, h->acknowledgment);
}

static void learn_ack(struct half *other, const struct tcp_header *h)
{
    if (!(h->flags & TCP_ACK) || h->flags & TCP_RST || !other->is_known)
        return;
    int32_t ahead = distance(h->acknowledgment, other->acked);
    if (ahead > 0 && ahead < FLOW_WINDOW_MAX)
        other->acked = h->acknowledgment;
}

/* What the packet tells of its sender's bytes; false where its number is not of this connection. */
static bool learn_end(struct half *half, const struct piece *p, uint32_t wire_len)
{
    if (!half->is_known)
        return true;
    int32_t ahead = distance(p->sequence, half->next);
    if (ahead > FLOW_WINDOW_MAX || ahead < -FLOW_WINDOW_MAX)
        return false;
    uint32_t end = p->sequence + wire_len;
    if (distance(end, half->seen) > 0)
        half->seen = end;
    if (p->has_fin && !half->fin_seen) {
        half->fin_seen = true;
        half->fin = end;
    } else if (wire_len > 0 && half->fin_seen && distance(end, half->fin) > 0) {
        half->fin_seen = half->is_ended = false; /* it was none: bytes follow */
    }
    return true;
}

/* Keeps the piece; where there is no room for more, the oldest hole is lost at once. */
static void wait_for_turn(struct tcp *t, struct flow *flow, unsigned direction,
                          const struct piece *p)
{
    struct half *half = &flow->half[direction];
    while (!waiting_add(t, half, p)) {
        unsigned lossy = has_hole(half) ? direction : direction ^ 1;
        struct half *waited_for = &flow->half[lossy];
        if (has_hole(waited_for) && waited_for->has_packets)
            declare_lost(t, flow, lossy);
        else if (has_hole(waited_for))
            waited_for->is_absent = true;
        else if (!give_waiting(t, flow, direction, true))
            return; /* no memory for even one */
        give_all_waiting(t, flow);
        if (distance(p->sequence, half->next) <= 0 && !half->queue) {
            give(t, flow, direction, p);
            return;
        }
    }
}

static void take_piece(struct tcp *t, struct flow *flow, unsigned direction, const struct piece *p)
{
    struct half *half = &flow->half[direction], *other = &flow->half[direction ^ 1];
    if (!half->is_known) {
        if ((p->data.len == 0 && !p->has_fin) || waiting_add(t, half, p))
            return;
        /* no room to wait for the SYN any longer */
        begin_in_the_middle(flow);
        give_all_waiting(t, flow);
        if (!half->is_known)
            half_begin(half, p->sequence);
    }
    bool is_next = distance(p->sequence, half->next) <= 0 && !half->queue;
    if (is_next && is_in_turn(flow, direction, p->acknowledgment, p->has_ack)) {
        give(t, flow, direction, p);
        if (other->queue)
            give_all_waiting(t, flow);
        return;
    }
    /* all of it is old */
    if (distance(p->sequence + (uint32_t)p->data.len, half->next) <= 0) {
        t->retransmitted_bytes += p->data.len;
        end_if_complete(t, flow, direction);
        return;
    }
    if (p->data.len > 0)
        wait_for_turn(t, flow, direction, p);
    give_all_waiting(t, flow);
}

bool tcp_take(struct tcp *t, struct flow *flow, unsigned direction, const struct tcp_header *h)
{
    struct half *half = &flow->half[direction], *other = &flow->half[direction ^ 1];
    half->has_packets = true;
    if (half->is_absent)
        half->is_absent = half->is_known = false; /* here it is: it begins anew */
    learn_numbers(flow, direction, h);
    learn_ack(other, h);
    if (h->flags & TCP_RST)
        flow->is_over = true;
    struct piece p = {.sequence = h->sequence + (h->flags & TCP_SYN ? 1 : 0),
                      .acknowledgment = h->acknowledgment,
                      .data = bytes_first(h->payload, h->payload_len),
                      .has_ack = h->flags & TCP_ACK,
                      .has_fin = h->flags & TCP_FIN,
                      .ns = t->now_ns};
    if (!(h->flags & TCP_RST) && learn_end(half, &p, h->payload_len))
        take_piece(t, flow, direction, &p);
    if (h->flags & TCP_SYN)
        give_all_waiting(t, flow);
    if (half->is_ended && !other->has_packets)
        flow->is_over = true; /* nobody will end the direction that is not mirrored */
    if (is_closed(flow))
        return true;
    if (flow->deadline_ns != 0 || half->queue || other->queue || flow->is_over || has_hole(half) ||
        has_hole(other))
        watch_holes(t, flow);
    return false;
}
