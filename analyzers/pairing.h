/*
 * Requests and their replies, bounded.  An analyzer opens a request when it reads one, asks for it
 * when it reads the reply, and finishes it; the connection adds the bytes and hands the finished
 * transaction on.  In order, or by id.
 *
 * A reply without a request opens one that is marked partial: what left is counted all the same.  A
 * request that the bound pushes out, or that a lost reply leaves behind, is handed on as it is,
 * partial.
 */
#ifndef SEEPWATCH_ANALYZERS_PAIRING_H
#define SEEPWATCH_ANALYZERS_PAIRING_H

#include "core/budget.h"
#include "core/transaction.h"

struct exchange;
struct gathering;
struct subject_world;

enum {
    PAIRING_REQUESTS_MAX = 1024, /* open requests of one connection; a power of two */
    PAIRING_NOTES_MAX = 2048,    /* bytes of text kept for one request */
    PAIRING_SOME = 8,            /* likewise, while the memory for all connections is scarce */
    PAIRING_SPARES_MAX = 256,    /* requests kept for reuse */
    PAIRING_TELL_FIRST = 32768,  /* bytes of a reply, then each PAIRING_TELL_PART-th more of it, at
                                    which it is told of while it passes */
    PAIRING_TELL_PART = 16,
};

struct request {
    struct transaction tx;
    uint64_t id;      /* of protocols that pair by id; else 0 */
    uint64_t batch;   /* the analyzer's own: which of the client's batches it is part of */
    unsigned mark;    /* the analyzer's own */
    uint64_t tell_at; /* bytes of the reply; 0: PAIRING_TELL_FIRST */
    /* By enum side: counts the bytes that the step being taken passes over, lost ones too; NULL:
     * nobody. */
    uint64_t *skipped_into[2];
    uint64_t
        prepared;   /* the analyzer's own: key of the statement's name (analyzers/sql/prepared.h) */
    void *visit;    /* the analyzer's own, in the notes; NULL: none yet */
    void *stream;   /* likewise, of a request among others at once */
    int64_t end_ns; /* packet time of the reply's end, where it is handed on later; else 0 */
    struct gathering *subjects; /* its customers (analyzers/subject.h); NULL: none so far */
    bool is_finished;           /* to be handed on when the message that is parsed has ended */
    bool is_dropped;            /* to be forgotten: it was never executed */
    /* PAIRING_NOTES_MAX bytes, allocated at the first note, kept for the next request. */
    char *notes;
    struct request *next_spare;
    struct pairing *of; /* where it is open */
    size_t notes_len;   /* bytes */
};

struct pairing {
    struct request **ring; /* ring_size places, a power of two; a request does not move */
    struct request *only;  /* the ring of most connections, which never have two requests */
    size_t count;
    uint16_t ring_size, first;
    bool is_pipelined;       /* the client was seen to ask before it was answered */
    struct request *passing; /* its reply is long, and is to be told of now; NULL: none */
    bool is_due;             /* one may be to be handed on */
    bool is_stale;           /* a part of a reply was lost: what is open may never be answered */
    struct request *receiving[2]; /* by enum side: who gets the bytes of the message that is parsed;
                                     NULL: the next */
    uint64_t waiting_bytes[2];    /* bytes of messages of no request, for the next one */
    uint64_t waiting_lost[2];     /* lost bytes, likewise */
    int64_t waiting_ns;           /* packet time of the first of the client's waiting bytes */
    struct pairing_owner *owner;
};

/* What the pairings of all connections share. */
struct pairing_owner {
    struct budget *budget;
    struct subject_world *subjects; /* what requests gathered is its; NULL: nothing is gathered */
    struct request *spare; /* requests that were handed on, for the next ones; outside the budget */
    size_t spare_count;    /* at most PAIRING_SPARES_MAX */
    uint64_t overflows;    /* requests pushed out by the bound, or not kept for want of memory */
    uint64_t unread;       /* messages that an analyzer did not understand and passed over */
    uint64_t disagreed;    /* results of which the server told another number of rows than passed */
    void (*emit)(struct exchange *x, struct request *r);
};

/*
 * pairing_open begins a request at the message of the client that is parsed.  NULL only without
 * memory; the analyzer then goes on without.
 */
struct request *pairing_open(struct exchange *x);

/* pairing_join is pairing_open for a request that the client sent together with the one before, not
   expecting a reply between them. */
struct request *pairing_join(struct exchange *x);

/*
 * pairing_reply gives the oldest open request, as the one that the message of the server belongs
 * to; where none is open it makes one that is partial.  NULL only without memory.
 */
struct request *pairing_reply(struct exchange *x);

/* pairing_reply_to is pairing_reply by id. */
struct request *pairing_reply_to(struct exchange *x, uint64_t id);

/* pairing_find gives the open request of that id, NULL where there is none. */
struct request *pairing_find(const struct exchange *x, uint64_t id);
/* pairing_reply_of is pairing_reply by the request, which is open. */
struct request *pairing_reply_of(struct exchange *x, struct request *r);

/* pairing_reply_alone makes a partial request, before all open ones, for a reply that belongs to
 * none of them.  NULL only without memory. */
struct request *pairing_reply_alone(struct exchange *x);

/* pairing_first gives the oldest open request without taking it as being answered; NULL where none
 * is open. */
struct request *pairing_first(const struct exchange *x);
/* pairing_last gives the newest open request, finished or not; NULL where none is open. */
struct request *pairing_last(const struct exchange *x);
/* pairing_at gives the n-th open request, 0 being the oldest; NULL past the newest. */
struct request *pairing_at(const struct exchange *x, size_t n);

/* pairing_marked gives the open request with that mark, NULL where it is gone; the newest and the
 * oldest are looked at first. */
struct request *pairing_marked(const struct exchange *x, unsigned mark);

/* pairing_receive says that the message of that side that is parsed belongs to r; NULL does
 * nothing. */
void pairing_receive(struct exchange *x, enum side side, struct request *r);

/* pairing_finish hands r on when the message that is parsed, with what it skips, has ended. */
void pairing_finish(struct request *r);
/* pairing_drop forgets r likewise: it was asked and never executed. */
void pairing_drop(struct request *r);

/*
 * pairing_note copies text to where it lives as long as the request, cut where PAIRING_NOTES_MAX is
 * reached, and returns the copy; empty without memory.
 */
struct bytes pairing_note(struct exchange *x, struct request *r, struct bytes text);

/* pairing_room takes room for an object of that size among the notes, all zero; NULL where there is
 * none. */
void *pairing_room(struct exchange *x, struct request *r, size_t size);

/* What follows is for the connection. */

/* pairing_count adds bytes of the message of that side that is parsed; skipped: by a step's amount.
 */
void pairing_count(struct exchange *x, enum side side, uint64_t bytes, bool skipped);
/* pairing_lose adds lost bytes; inside a skip, or where nobody knows what they were. */
void pairing_lose(struct exchange *x, enum side side, uint64_t lost, bool skipped);
/* pairing_settle ends a message of that side: finished requests are handed on. */
void pairing_settle(struct exchange *x, enum side side);
/* pairing_pass hands finished requests on, other than those that are receiving. */
void pairing_pass(struct exchange *x);
/* pairing_flush hands everything open on, as it is; x->origin, where it is among them, is not freed
 * but the caller's from then on. */
void pairing_flush(struct exchange *x);
/* pairing_release frees a request that pairing_flush left. */
void pairing_release(struct pairing *p, struct request *r);
void pairing_clear(struct pairing *p);
/* pairing_owner_clear frees the spare requests. */
void pairing_owner_clear(struct pairing_owner *o);

#endif
