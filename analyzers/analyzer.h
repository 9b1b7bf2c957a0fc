/*
 * The contract of a protocol analyzer: ordered bytes of both sides in, requests and replies out.
 *
 * An analyzer is one `struct analyzer`: three functions over a state that belongs to one
 * connection.  It never allocates, logs, reads a clock or keeps globals.  The feed
 * (analyzers/feed.h) owns the buffering, the connection (analyzers/connection.h) the order of
 * things, the pairing (analyzers/pairing.h) what is asked and not yet answered.
 *
 * To add a protocol: write one file with its struct, name it in analyzers/registry.c, add a folder
 * of tests.
 */
#ifndef SEEPWATCH_ANALYZERS_ANALYZER_H
#define SEEPWATCH_ANALYZERS_ANALYZER_H

#include "analyzers/packed/codec.h"
#include "analyzers/pairing.h"
#include "core/cursor.h"
#include "core/transaction.h"

struct connection_facts;
struct http_world;
struct prepared;
struct settings;
struct statements;
struct subject_world;

enum { ANALYZER_PORTS_MAX = 4, IDENTITY_MAX = 256 };

/* What parse says of the bytes at the cursor. */
enum verdict {
    VERDICT_TAKEN, /* a message, or a part of one, is read: the cursor stands behind it; `amount`
                      bytes more follow that need not be parsed (STEP_TO_END: until this side
                      ends); with is_watched they are shown as they pass */
    VERDICT_NEEDS, /* too little: call again once `amount` bytes, counted from where the cursor
                      stood, are there */
    VERDICT_BAD,   /* no message of this protocol starts here: find the next */
    VERDICT_HAND_OVER, /* the rest of the connection is another protocol's: x->next names it, or is
                          NULL (unknown) */
    VERDICT_UNPACK, /* the cursor stands behind a header; the `amount` bytes that follow are packed,
                       and what they unpack to is parsed */
};

/*
 * Packed bytes (VERDICT_UNPACK) are unpacked as they come, however many; parse, gap and starts_here
 * get what they were as a second stream of that side, with x->is_unpacked set.  Bytes stay those of
 * the wire: a packed run, with its header, belongs to the request that is receiving when it ends.
 * A byte lost of it loses the rest of the run; then that stream, too, finds its next message.
 */
enum seam {
    SEAM_APART,  /* a stream of its own: it begins with a message, and what it does not end is lost
                  */
    SEAM_BEHIND, /* what comes out continues what came out of the packed bytes before, which were
                    packed apart */
    SEAM_INSIDE, /* likewise, and they are one packed stream, cut */
};

struct step {
    uint8_t verdict;       /* enum verdict */
    uint8_t codec;         /* enum codec, of packed bytes */
    uint8_t seam;          /* enum seam, likewise */
    bool is_watched;       /* what is passed over goes to `watch` */
    uint32_t unpacked_len; /* bytes that the packed ones are told to become; 0: not told */
    uint64_t amount;       /* bytes */
};

#define STEP_TO_END UINT64_MAX

static inline struct step step_taken(uint64_t skip)
{
    return (struct step){.verdict = VERDICT_TAKEN, .amount = skip};
}

static inline struct step step_watched(uint64_t skip)
{
    return (struct step){.verdict = VERDICT_TAKEN, .is_watched = true, .amount = skip};
}

static inline struct step step_needs(uint64_t len)
{
    return (struct step){.verdict = VERDICT_NEEDS, .amount = len};
}

static inline struct step step_bad(void)
{
    return (struct step){.verdict = VERDICT_BAD};
}

static inline struct step step_hand_over(void)
{
    return (struct step){.verdict = VERDICT_HAND_OVER};
}

static inline struct step step_unpack(enum codec codec, enum seam seam, uint64_t packed_len,
                                      uint32_t unpacked_len)
{
    return (struct step){.verdict = VERDICT_UNPACK,
                         .codec = (uint8_t)codec,
                         .seam = (uint8_t)seam,
                         .unpacked_len = unpacked_len,
                         .amount = packed_len};
}

/* What starts_here says. */
enum start {
    START_NO,
    START_SHORT,  /* cannot be told from these bytes: more of them could tell */
    START_LIKELY, /* could be one: three in a chain make sure */
    START_SURE,   /* unmistakable by itself */
};

/* A connection as its analyzer sees it. */
struct exchange {
    void *state;                   /* state_size bytes, zero at first, aligned for anything */
    struct pairing pairing;        /* requests that wait for their replies */
    struct statements *statements; /* the SQL statements of all connections, by shape */
    struct prepared *prepared; /* the names that clients gave to statements, of all connections */
    struct http_world *http;   /* what the HTTP of all connections shares */
    struct subject_world *subjects; /* customers (analyzers/subject.h); NULL: not looked for */
    struct gathering *held;         /* customers asked for before their request; NULL: none */
    uint64_t connection;            /* number of this connection, unlike that of any other */
    const struct settings *settings;
    const struct connection_facts *facts;
    const struct connection_end *peer; /* the client as far as the connection tells: the facts', or
                                          as a proxy told it before the first byte */
    int64_t start_ns;     /* packet time of the first byte of the message that is parsed */
    int64_t now_ns;       /* packet time of the newest byte */
    uint64_t position[2]; /* by enum side: bytes of the stream before the message that is parsed */
    bool is_midstream;    /* the connection began before the capture, or a part of the beginning was
                             lost */
    bool is_unpacked;     /* what is looked at came out of packed bytes (VERDICT_UNPACK) */
    bool is_encrypted;    /* set by the analyzer: from here on there is nothing to decode, only to
                             count */
    const char
        *next; /* set with VERDICT_HAND_OVER: name of the analyzer that takes over; NULL: none */
    struct request *origin; /* set by the analyzer, with VERDICT_HAND_OVER: the request that led to
                               what is spoken next, and stays to be looked at; NULL: none */
    struct bytes user;      /* account of the connection, a view of the state; empty: unknown */
    struct bytes software;  /* the client's software, likewise */
    struct bytes db_namespace; /* database, likewise */
};

struct analyzer {
    const char *name;      /* network.protocol */
    const char *db_system; /* db.system.name; NULL where it is no database */
    size_t state_size;     /* bytes */
    size_t message_max;    /* bytes; the most that parse may need at once: more is VERDICT_BAD */
    uint16_t ports[ANALYZER_PORTS_MAX]; /* the server's usual ports; 0 ends the list */

    /* Reads one message of that side, or as much of one as decides how to go on. */
    struct step (*parse)(struct exchange *x, enum side side, struct cursor *in);

    /* `lost` bytes of that side are missing, right behind what was parsed or skipped last, other
       than inside a skip. Messages follow at a place found by starts_here. */
    void (*gap)(struct exchange *x, enum side side, uint64_t lost);

    /* Can a message of that side start at these bytes?  *message_len becomes its whole length where
       that can be told, else 0.  x is NULL while nothing is known of the connection; what the state
       excludes is no start. */
    enum start (*starts_here)(const struct exchange *x, enum side side, struct cursor in,
                              uint64_t *message_len);

    /* The next bytes of what is passed over after step_watched; or none, and `lost` are missing
       there.  NULL where nothing is watched. */
    void (*watch)(struct exchange *x, enum side side, struct bytes seen, uint64_t lost);

    /* The request is about to be handed on: the last that can be said of it.  May be NULL. */
    void (*finish)(struct exchange *x, struct request *r);

    /* The request's reply still passes: completes t, a copy of r->tx, by what can be said by now.
       May be NULL. */
    void (*glance)(struct exchange *x, const struct request *r, struct transaction *t);

    /* The state goes: what it holds beside itself is given back.  May be NULL. */
    void (*close)(struct exchange *x);
};

#endif
