/*
 * The ring of open requests.  Its places hold pointers, so that a request stays where it is while
 * the ring grows.  What was handed on serves the next request of any connection: a quiet connection
 * holds none.
 */
#include "analyzers/pairing.h"

#include "analyzers/analyzer.h"
#include "subjects/world.h"

#include <stdlib.h>

enum { SQUEEZE_MIN = 16 };

static struct request **place(const struct pairing *p, size_t n)
{
    return &p->ring[(p->first + n) & (p->ring_size - 1)];
}

struct request *pairing_at(const struct exchange *x, size_t n)
{
    return n < x->pairing.count ? *place(&x->pairing, n) : NULL;
}

struct request *pairing_first(const struct exchange *x)
{
    for (size_t n = 0; n < x->pairing.count; n++) {
        struct request *r = *place(&x->pairing, n);
        if (!r->is_finished && !r->is_dropped)
            return r;
    }
    return NULL;
}

struct request *pairing_last(const struct exchange *x)
{
    return x->pairing.count ? *place(&x->pairing, x->pairing.count - 1) : NULL;
}

static bool ring_grow(struct pairing *p)
{
    if (p->ring_size == 0) {
        p->ring = &p->only;
        p->only = NULL;
        p->ring_size = 1;
        return true;
    }
    struct request **ring = p->ring == &p->only ? NULL : p->ring;
    size_t old_size = ring ? p->ring_size * sizeof(*ring) : 0, size = p->ring_size * (size_t)2;
    if (size > PAIRING_REQUESTS_MAX ||
        !budget_resize(p->owner->budget, &ring, old_size, size * sizeof(*ring)))
        return false;
    if (p->ring == &p->only)
        ring[0] = p->only;
    p->ring = ring;
    /* what had wrapped around goes behind the old end */
    for (size_t i = 0; i < p->ring_size; i++) {
        p->ring[p->ring_size + i] = i < p->first ? p->ring[i] : NULL;
        if (i < p->first)
            p->ring[i] = NULL;
    }
    p->ring_size = (uint16_t)size;
    return true;
}

static void hand_on(struct exchange *x, struct request *r)
{
    for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        if (x->pairing.receiving[side] == r)
            x->pairing.receiving[side] = NULL;
    }
    if (x->pairing.passing == r)
        x->pairing.passing = NULL;
    if (!r->is_dropped)
        x->pairing.owner->emit(x, r);
    r->is_dropped = true; /* gone, until its place comes to the front */
}

/* A request that is of no more use: it waits for another one, of any connection. */
static void request_free(struct pairing_owner *o, struct request *r)
{
    size_t size = sizeof(*r) + (r->notes ? PAIRING_NOTES_MAX : 0);
    if (r->subjects)
        world_drop(o->subjects, &r->subjects);
    if (o->spare_count < PAIRING_SPARES_MAX) {
        budget_refund(o->budget, size);
        r->next_spare = o->spare;
        o->spare = r;
        o->spare_count++;
        return;
    }
    if (r->notes)
        budget_free(o->budget, &r->notes, PAIRING_NOTES_MAX);
    budget_free(o->budget, &r, sizeof(*r));
}

/* An empty request; NULL without memory. */
static struct request *request_new(struct pairing_owner *o)
{
    struct request *r = o->spare;
    if (!r) {
        if (!budget_resize(o->budget, &r, 0, sizeof(*r)))
            return NULL;
        *r = (struct request){0};
    } else {
        if (!budget_charge(o->budget, sizeof(*r) + (r->notes ? PAIRING_NOTES_MAX : 0)))
            return NULL;
        o->spare = r->next_spare;
        o->spare_count--;
        *r = (struct request){.notes = r->notes};
    }
    r->tx.action = ACTION_OTHER;
    r->tx.outcome = OUTCOME_UNKNOWN;
    return r;
}

/* Takes the oldest off the ring. */
static void take_off(struct pairing *p)
{
    *place(p, 0) = NULL;
    p->first = (uint16_t)((p->first + 1) & (p->ring_size - 1));
    p->count--;
}

static void pop(struct pairing *p)
{
    request_free(p->owner, *place(p, 0));
    take_off(p);
}

/* By id, what was handed on makes room for what is asked next, though an older one is open. */
static void squeeze(struct pairing *p)
{
    size_t left = 0;
    for (size_t n = 0; n < p->count; n++) {
        struct request *r = *place(p, n);
        bool is_receiving = p->receiving[SIDE_CLIENT] == r || p->receiving[SIDE_SERVER] == r;
        if (r->is_dropped && r->id != 0 && !is_receiving)
            request_free(p->owner, r);
        else
            *place(p, left++) = r;
    }
    for (size_t n = left; n < p->count; n++)
        *place(p, n) = NULL;
    p->count = left;
}

/* Pushes out the oldest. */
static void overflow(struct exchange *x)
{
    x->pairing.owner->overflows++;
    hand_on(x, *place(&x->pairing, 0));
    pop(&x->pairing);
    x->pairing.is_due = true;
}

/* A full ring is squeezed, and grows where that made little room; false where it stays full. */
static bool make_place(struct pairing *p)
{
    if (p->count >= SQUEEZE_MIN && (*place(p, 0))->id != 0)
        squeeze(p);
    bool has_grown = p->count >= p->ring_size / 2 && ring_grow(p);
    return has_grown || p->count < p->ring_size;
}

/* A place at the end of the ring with an empty request in it; NULL without memory. */
static struct request *place_add(struct exchange *x)
{
    struct pairing *p = &x->pairing;
    while (p->count >= PAIRING_SOME && budget_is_tight(p->owner->budget))
        overflow(x);
    if (p->count == p->ring_size && !make_place(p)) {
        if (p->count == 0) {
            p->owner->overflows++;
            return NULL;
        }
        overflow(x);
    }
    struct request *r = request_new(p->owner);
    if (!r) {
        p->owner->overflows++;
        return NULL;
    }
    r->of = p;
    *place(p, p->count++) = r;
    return r;
}

static struct request *request_add(struct exchange *x)
{
    struct pairing *p = &x->pairing;
    struct request *r = place_add(x);
    if (!r)
        return NULL;
    r->tx.start_ns = p->waiting_bytes[SIDE_CLIENT] > 0 ? p->waiting_ns : x->start_ns;
    r->tx.client_bytes = p->waiting_bytes[SIDE_CLIENT];
    r->tx.lost_bytes = p->waiting_lost[SIDE_CLIENT];
    r->tx.request_seen = true;
    p->waiting_bytes[SIDE_CLIENT] = p->waiting_lost[SIDE_CLIENT] = 0;
    p->receiving[SIDE_CLIENT] = r;
    return r;
}

struct request *pairing_open(struct exchange *x)
{
    struct pairing *p = &x->pairing;
    if (p->count > 0 && p->is_stale && !p->is_pipelined)
        pairing_flush(x);
    p->is_stale = p->is_stale && p->count > 0;
    if (pairing_first(x) && !p->is_stale)
        p->is_pipelined = true;
    return request_add(x);
}

struct request *pairing_join(struct exchange *x)
{
    return request_add(x);
}

/* As place_add, before all that are open. */
static struct request *place_add_first(struct exchange *x)
{
    struct pairing *p = &x->pairing;
    struct request *r = place_add(x);
    if (!r)
        return NULL;
    struct request **last = place(p, p->count - 1);
    p->first = (uint16_t)((p->first - 1) & (p->ring_size - 1));
    *last = *place(p, 0);
    size_t n = 0;
    for (; n + 1 < p->count; n++) {
        struct request *next = *place(p, n + 1);
        if (!next->is_finished && !next->is_dropped)
            break;
        *place(p, n) = next;
    }
    *place(p, n) = r;
    return r;
}

static struct request *answered(struct exchange *x, struct request *r)
{
    struct pairing *p = &x->pairing;
    if (!r) {
        r = place_add_first(x);
        if (!r)
            return NULL;
        r->tx.start_ns = x->start_ns;
        r->tx.partial = true;
        /* what the client lost is most likely the request to this */
        r->tx.lost_bytes = p->waiting_lost[SIDE_CLIENT];
        p->waiting_lost[SIDE_CLIENT] = 0;
        transaction_mark(&r->tx, FIELD_CAPTURE_PARTIAL);
    }
    r->tx.reply_seen = true;
    r->tx.server_bytes += p->waiting_bytes[SIDE_SERVER];
    r->tx.lost_bytes += p->waiting_lost[SIDE_SERVER];
    p->waiting_bytes[SIDE_SERVER] = p->waiting_lost[SIDE_SERVER] = 0;
    p->receiving[SIDE_SERVER] = r;
    return r;
}

struct request *pairing_reply(struct exchange *x)
{
    return answered(x, pairing_first(x));
}

struct request *pairing_reply_alone(struct exchange *x)
{
    return answered(x, NULL);
}

struct request *pairing_find(const struct exchange *x, uint64_t id)
{
    /* the newest first: it is what most is said of */
    for (size_t n = x->pairing.count; n-- > 0;) {
        struct request *r = *place(&x->pairing, n);
        if (r->id == id && !r->is_finished && !r->is_dropped)
            return r;
    }
    return NULL;
}

struct request *pairing_reply_of(struct exchange *x, struct request *r)
{
    return answered(x, r);
}

struct request *pairing_reply_to(struct exchange *x, uint64_t id)
{
    struct request *open = pairing_find(x, id);
    if (open)
        return answered(x, open);
    struct request *r = answered(x, NULL);
    if (r)
        r->id = id;
    return r;
}

struct request *pairing_marked(const struct exchange *x, unsigned mark)
{
    size_t count = x->pairing.count;
    for (size_t n = 0; n < count; n++) {
        /* the last, then from the first on */
        struct request *r = pairing_at(x, n == 0 ? count - 1 : n - 1);
        if (r->mark == mark && !r->is_dropped)
            return r;
    }
    return NULL;
}

void pairing_receive(struct exchange *x, enum side side, struct request *r)
{
    if (r)
        x->pairing.receiving[side] = r;
}

void pairing_finish(struct request *r)
{
    r->is_finished = true;
    r->of->is_due = true;
}

void pairing_drop(struct request *r)
{
    r->is_dropped = true;
    r->of->is_due = true;
}

static bool has_notes(struct exchange *x, struct request *r)
{
    return r->notes || budget_resize(x->pairing.owner->budget, &r->notes, 0, PAIRING_NOTES_MAX);
}

void *pairing_room(struct exchange *x, struct request *r, size_t size)
{
    const size_t align = sizeof(max_align_t);
    if (!has_notes(x, r))
        return NULL;
    size_t at = (r->notes_len + align - 1) / align * align;
    if (at > PAIRING_NOTES_MAX || size > PAIRING_NOTES_MAX - at)
        return NULL;
    r->notes_len = at + size;
    return memset(r->notes + at, 0, size);
}

struct bytes pairing_note(struct exchange *x, struct request *r, struct bytes text)
{
    struct bytes none = {NULL, 0};
    if (!has_notes(x, r))
        return none;
    text = bytes_first(text, PAIRING_NOTES_MAX - r->notes_len);
    if (text.len == 0)
        return none;
    char *copy = r->notes + r->notes_len;
    memcpy(copy, text.data, text.len);
    r->notes_len += text.len;
    return (struct bytes){(const uint8_t *)copy, text.len};
}

/* Replies of any length are told of some twelve times for each doubling. */
static void tell_of(struct pairing *p, struct request *r)
{
    uint64_t step = r->tx.server_bytes / PAIRING_TELL_PART;
    r->tell_at = r->tx.server_bytes + (step > PAIRING_TELL_FIRST ? step : PAIRING_TELL_FIRST);
    p->passing = r;
}

void pairing_count(struct exchange *x, enum side side, uint64_t bytes, bool skipped)
{
    struct pairing *p = &x->pairing;
    struct request *r = p->receiving[side];
    if (!r) {
        if (side == SIDE_CLIENT && p->waiting_bytes[side] == 0)
            p->waiting_ns = x->start_ns;
        p->waiting_bytes[side] += bytes;
        return;
    }
    *(side == SIDE_CLIENT ? &r->tx.client_bytes : &r->tx.server_bytes) += bytes;
    if (r->tx.server_bytes >= PAIRING_TELL_FIRST && r->tx.server_bytes >= r->tell_at)
        tell_of(p, r);
    if (skipped && r->skipped_into[side])
        *r->skipped_into[side] += bytes;
}

void pairing_lose(struct exchange *x, enum side side, uint64_t lost, bool skipped)
{
    struct pairing *p = &x->pairing;
    struct request *r = p->receiving[side];
    if (!skipped) {
        /* what is missing of the server is mostly the reply to what is asked */
        p->is_stale = p->is_stale || (side == SIDE_SERVER && p->count > 0);
        r = r || side == SIDE_CLIENT ? r : pairing_first(x);
    } else if (r && r->skipped_into[side]) {
        *r->skipped_into[side] += lost;
    }
    if (r)
        r->tx.lost_bytes += lost;
    else
        p->waiting_lost[side] += lost;
}

void pairing_settle(struct exchange *x, enum side side)
{
    struct pairing *p = &x->pairing;
    if (p->receiving[side])
        p->receiving[side]->skipped_into[side] = NULL;
    p->receiving[side] = NULL;
    pairing_pass(x);
}

/* Whether nothing can be handed on yet: in order, what is behind an open request waits. */
static bool is_front_open(const struct pairing *p)
{
    if (p->count == 0)
        return true;
    const struct request *r = *place(p, 0);
    return !r->is_finished && !r->is_dropped && r->id == 0;
}

void pairing_pass(struct exchange *x)
{
    struct pairing *p = &x->pairing;
    bool at_front = true;
    if (is_front_open(p) || (!p->is_due && (*place(p, 0))->id != 0))
        return;
    p->is_due = false;
    for (size_t n = 0; n < p->count;) {
        struct request *r = *place(p, n);
        bool is_receiving = p->receiving[SIDE_CLIENT] == r || p->receiving[SIDE_SERVER] == r;
        p->is_due = p->is_due || (is_receiving && (r->is_finished || r->is_dropped));
        if (r->is_finished && !r->is_dropped && !is_receiving)
            hand_on(x, r);
        if (at_front && r->is_dropped && !is_receiving) {
            pop(p);
            continue;
        }
        at_front = false;
        /* in order, what is behind an open request waits; by id it does not */
        if (r->id == 0)
            break;
        n++;
    }
}

void pairing_flush(struct exchange *x)
{
    while (x->pairing.count > 0) {
        struct request *r = *place(&x->pairing, 0);
        hand_on(x, r);
        if (r == x->origin)
            take_off(&x->pairing);
        else
            pop(&x->pairing);
    }
    x->pairing.is_stale = false;
}

void pairing_release(struct pairing *p, struct request *r)
{
    request_free(p->owner, r);
}

void pairing_clear(struct pairing *p)
{
    while (p->count > 0)
        pop(p);
    if (p->ring && p->ring != &p->only)
        budget_free(p->owner->budget, &p->ring, p->ring_size * sizeof(*p->ring));
    p->ring = NULL;
    p->ring_size = p->first = 0;
}

void pairing_owner_clear(struct pairing_owner *o)
{
    while (o->spare) {
        struct request *r = o->spare;
        o->spare = r->next_spare;
        free(r->notes);
        free(r);
    }
    o->spare_count = 0;
}
