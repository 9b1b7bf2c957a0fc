/*
 * A small protocol for tests of what stands around an analyzer, and an exchange that speaks it.
 * A message is a letter, the length of its body (16 bits, big-endian) and the body:
 *
 *   S  is read as a whole            P  its body is passed over
 *   E  goes on to the side's end     H  hands the connection over
 *   U  is read as a whole; by itself the sign of a message
 *   B  looks like one that is unmistakable, and is none
 *
 * The client's messages are requests, the server's finish them.  The state counts the work.
 */
#ifndef SEEPWATCH_TESTS_ANALYZERS_FAKE_H
#define SEEPWATCH_TESTS_ANALYZERS_FAKE_H

#include "analyzers/feed.h"

#include <stdlib.h>

enum { FAKE_HEADER_LEN = 3, FAKE_MESSAGE_MAX = 2000 };

struct fake {
    uint64_t parses, starts, messages, gaps, gap_bytes;
    uint64_t passed; /* bytes that the last request's body was passed over */
};

static inline struct step fake_parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct fake *fake = x->state;
    struct cursor peek = *in;
    uint8_t type = cursor_u8(&peek);
    uint16_t len = cursor_be16(&peek);
    bool is_whole = type == 'S' || type == 'U';
    fake->parses++;
    if (cursor_is_short(&peek))
        return step_needs(FAKE_HEADER_LEN);
    if (!strchr("SPEHU", type))
        return step_bad();
    if (is_whole && peek.left < len)
        return step_needs(FAKE_HEADER_LEN + (uint64_t)len);
    *in = peek;
    fake->messages++;
    struct request *r = side == SIDE_CLIENT ? pairing_open(x) : pairing_reply(x);
    if (r && side == SIDE_SERVER)
        pairing_finish(r);
    if (r)
        r->skipped_into[side] = &fake->passed;
    if (is_whole)
        cursor_skip(in, len);
    return type == 'H' ? step_hand_over()
                       : step_taken(type == 'E' ? STEP_TO_END
                                    : is_whole  ? 0
                                                : len);
}

static inline void fake_gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct fake *fake = x->state;
    (void)side;
    fake->gaps++;
    fake->gap_bytes += lost;
}

/* The work is counted where the state is to be had: x is const, its state is not. */
static inline enum start fake_starts_here(const struct exchange *x, enum side side,
                                          struct cursor in, uint64_t *message_len)
{
    uint8_t type = cursor_u8(&in);
    uint16_t len = cursor_be16(&in);
    (void)side;
    if (x)
        ((struct fake *)x->state)->starts++;
    *message_len = 0;
    if (type == 0 || !strchr("SPUB", type))
        return START_NO;
    if (type == 'U' || type == 'B')
        return START_SURE;
    if (cursor_is_short(&in))
        return START_SHORT;
    *message_len = FAKE_HEADER_LEN + (uint64_t)len;
    return START_LIKELY;
}

static const struct analyzer FAKE_ANALYZER = {
    .name = "fake",
    .state_size = sizeof(struct fake),
    .message_max = FAKE_MESSAGE_MAX,
    .parse = fake_parse,
    .gap = fake_gap,
    .starts_here = fake_starts_here,
};

/* Both sides of a connection that speaks it, and what was handed on. */
struct fake_exchange {
    struct exchange x; /* first: emit is given this */
    struct fake fake;
    struct budget budget;
    struct pairing_owner pairing_owner;
    struct feed_owner feed_owner;
    struct feed feed[2];
    struct transaction last; /* the newest one handed on */
    size_t transactions;
    uint64_t client_bytes, server_bytes, lost_bytes; /* of all of them */
};

static inline void fake_emit(struct exchange *x, struct request *r)
{
    struct fake_exchange *e = (struct fake_exchange *)(void *)x;
    e->last = r->tx;
    e->transactions++;
    e->client_bytes += r->tx.client_bytes;
    e->server_bytes += r->tx.server_bytes;
    e->lost_bytes += r->tx.lost_bytes;
}

static inline struct fake_exchange *fake_open(size_t memory_max)
{
    struct fake_exchange *e = calloc(1, sizeof(*e));
    assert_non_null(e);
    e->budget.bytes_max = memory_max;
    e->pairing_owner = (struct pairing_owner){.budget = &e->budget, .emit = fake_emit};
    e->feed_owner = (struct feed_owner){.budget = &e->budget};
    e->x.state = &e->fake;
    e->x.pairing.owner = &e->pairing_owner;
    for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++)
        e->feed[side] = (struct feed){.owner = &e->feed_owner,
                                      .analyzer = &FAKE_ANALYZER,
                                      .x = &e->x,
                                      .side = (enum side)side};
    return e;
}

/* Hands the open requests on; nothing is left then. */
static inline void fake_flush(struct fake_exchange *e)
{
    pairing_flush(&e->x);
    feed_clear(&e->feed[SIDE_CLIENT]);
    feed_clear(&e->feed[SIDE_SERVER]);
    pairing_clear(&e->x.pairing);
    assert_int_equal(e->budget.used, 0);
}

static inline void fake_close(struct fake_exchange *e)
{
    fake_flush(e);
    pairing_owner_clear(&e->pairing_owner);
    free(e);
}

/* Gives bytes in pieces of that many, each in memory of its own size. */
static inline void fake_give(struct fake_exchange *e, enum side side, struct bytes data,
                             size_t piece)
{
    while (data.len > 0) {
        struct bytes part = bytes_first(data, piece), rest;
        uint8_t *exact = malloc(part.len);
        assert_non_null(exact);
        memcpy(exact, part.data, part.len);
        assert_true(feed_take(&e->feed[side], (struct bytes){exact, part.len}, 1, &rest));
        free(exact);
        data = bytes_from(data, part.len);
    }
}

/* A text of messages that grows. */
struct fake_text {
    uint8_t data[400000];
    size_t len;
};

static inline void fake_add_header(struct fake_text *t, char type, size_t body_len)
{
    assert_true(t->len + FAKE_HEADER_LEN <= sizeof(t->data));
    t->data[t->len++] = (uint8_t)type;
    t->data[t->len++] = (uint8_t)(body_len >> 8);
    t->data[t->len++] = (uint8_t)body_len;
}

static inline void fake_add_filling(struct fake_text *t, char byte, size_t len)
{
    assert_true(t->len + len <= sizeof(t->data));
    memset(t->data + t->len, byte, len);
    t->len += len;
}

static inline void fake_add(struct fake_text *t, char type, size_t body_len)
{
    fake_add_header(t, type, body_len);
    fake_add_filling(t, '.', body_len);
}

static inline struct bytes fake_bytes(const struct fake_text *t)
{
    return (struct bytes){t->data, t->len};
}

#endif
