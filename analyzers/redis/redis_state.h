/*
 * What is remembered of a Redis connection, between its two sides.
 */
#ifndef SEEPWATCH_ANALYZERS_REDIS_REDIS_STATE_H
#define SEEPWATCH_ANALYZERS_REDIS_REDIS_STATE_H

#include "analyzers/redis/redis_command.h"
#include "analyzers/redis/redis_reply.h"

enum {
    REDIS_NAME_MAX = 64,   /* bytes of an account's or a client's name; a longer one is cut */
    REDIS_KEY_MAX = 256,   /* bytes of a key, a field or a value that is looked at */
    REDIS_FIELDS_MAX = 32, /* fields of a hash asked for by one command, that are told apart */
};

/* Marks of a request. */
enum {
    REDIS_MARK_COMMAND = 0x3ff,  /* its place in the table of commands */
    REDIS_MARK_PAIRS = 0x400,    /* asked for values with their scores: rows are pairs */
    REDIS_MARK_ALONE = 0x800,    /* made by the server's message */
    REDIS_MARK_QUEUED = 0x1000,  /* waits for EXEC */
    REDIS_MARK_UNPAIRS = 0x2000, /* asked for fields without their values: rows are no pairs */
    REDIS_MARK_DOUBT = 0x4000,   /* the reply may be another request's: its rows are not told */
    REDIS_MARK_ANSWERS = 0x10000 /* times the answers that it still gets */
};

enum { REDIS_ANSWERS_MAX = 0xffff };

enum { REDIS_RUNS_MAX = 32 };

/* Commands of one kind, asked one after the other behind those that the pairing has room for. */
struct redis_run {
    uint16_t mark;
    uint32_t count;
};

struct redis_name {
    uint8_t len;
    char text[REDIS_NAME_MAX];
};

/* What the values of a reply are: of fields that the command named.  In the request's notes, as its
 * visit. */
struct redis_fields {
    uint8_t count;
    uint8_t kinds[REDIS_FIELDS_MAX]; /* enum subject_kind */
};

struct redis {
    struct redis_name user, library, version, software, database;
    struct redis_reply reply;
    uint64_t opened;   /* number of the last request; the first is 1 */
    uint64_t answered; /* of the last that was answered, even if only to be queued */
    uint64_t unkept;   /* requests asked behind those that the pairing has room for */
    struct redis_run runs[REDIS_RUNS_MAX]; /* what those are; the last may be of many kinds */
    unsigned runs_first, runs_count;
    uint64_t opened_before[2]; /* number of the last request when bytes of a side were lost last */
    uint16_t command_before;   /* place of the last command then, where they were the client's */
    bool has_lost[2];          /* bytes of a side, since pairing was sure */
    int64_t spoke_ns;          /* when the server spoke last */
    uint64_t arguments;        /* of the command that is being read, still to come */
    uint64_t argument;         /* the one that comes next; the command's name is 0 */
    uint8_t field_kind;        /* enum subject_kind: of the field of a hash that was named last */
    bool tells_customers;      /* a reply may hold values of fields of customers */
    uint64_t request;          /* number of that command; 0: it is not kept */
    uint16_t command;          /* its place in the table */
    bool in_line[2];           /* the rest of a line is passed over */
    bool is_late;              /* the server spoke after a break */
    bool has_spoken;           /* the server, since the last command was read */
    bool is_eager;             /* the client asks on while it is being answered */
    bool is_unsure;            /* something was lost: a reply may be another request's */
    bool has_replied;          /* the server, since something of it was lost */
    bool ends_with_line;       /* the reply, with the line whose rest is passed over */
    bool is_unanswered;        /* no answer comes to the command that is being read */
    bool is_resp3;             /* values that RESP2 does not have were seen */
    bool is_muted;             /* CLIENT REPLY OFF */
    bool is_skipping;          /* CLIENT REPLY SKIP */
    bool is_asking_multi;      /* the client sent MULTI, and neither EXEC nor DISCARD yet */
    bool in_multi;             /* likewise, as the server answered */
    bool is_subscribed;
    bool was_inline; /* inline commands were seen */
};

/* redis_current gives the request that the server answers next; NULL where all are answered. */
struct request *redis_current(const struct exchange *x, struct redis *s);

/* redis_numbered gives the open request of that number; NULL where it is gone. */
struct request *redis_numbered(const struct exchange *x, uint64_t number);

/* redis_can_answer tells whether a command can be answered so; redis_is_queued, whether the token
 * says that it waits for EXEC. */
bool redis_can_answer(const struct request *r, const struct redis_token *t);
bool redis_is_queued(const struct redis_token *t);

/*
 * redis_find_answered gives the command that a reply is to after a loss: the first that can be
 * answered so, from `next` on and before the number `end`; NULL where there is none.  Those that it
 * passes over were answered by what was lost.
 */
struct request *redis_find_answered(const struct exchange *x, struct redis *s, struct request *next,
                                    uint64_t end, const struct redis_token *t);

/* redis_is_doubtful tells whether a reply that was found so may as well be of a command of another
 * kind. */
bool redis_is_doubtful(const struct exchange *x, const struct redis *s, const struct request *r,
                       const struct redis_token *t);

/* redis_unkeep remembers the kind of a request that is not kept, redis_unkept gives that of the
 * oldest. */
void redis_unkeep(struct redis *s, unsigned mark);
unsigned redis_unkept(struct redis *s);

void redis_mark_partial(struct request *r);
/* redis_set_whole says of a request that the server's message made that nothing of it is missing.
 */
void redis_set_whole(struct request *r);

/* redis_begin_message tells whether the token begins a message that is no reply, and opens a
 * request for it.  *is_short: what follows the token is needed, too. */
bool redis_begin_message(struct exchange *x, struct redis *s, const struct redis_token *t,
                         struct cursor after, bool *is_short);

/* redis_queue says that a command waits for EXEC. */
void redis_queue(struct redis *s, struct request *r);
/* redis_end_transaction is over with what was queued and has no result. */
void redis_end_transaction(const struct exchange *x, struct redis *s);

/* redis_settle_doubt hands on what is open, where the client now tells by asking that it is over.
 */
void redis_settle_doubt(struct exchange *x, struct redis *s);

/* redis_lose_requests says that what comes next of the server may answer what was lost of the
 * client: a reply whose end would be told by the client's asking on is over. */
void redis_lose_requests(const struct exchange *x, struct redis *s);

/* redis_looks_at tells whether the command's next argument may name a customer, or a field; then
 * redis_ask takes it, for the request r (NULL: it is not kept). */
bool redis_looks_at(const struct exchange *x, const struct redis *s);
void redis_ask(struct exchange *x, struct redis *s, struct request *r, struct bytes argument);

/* redis_tells tells whether the reply of r may hold values of customers, and redis_tell takes one:
 * the n-th value of the reply. */
bool redis_tells(const struct exchange *x, const struct request *r);
void redis_tell(struct exchange *x, struct redis *s, struct request *r, uint64_t n,
                struct bytes value);

/* redis_name_keep copies a name, cut where it is too long, and views the copy. */
struct bytes redis_name_keep(struct redis_name *n, struct bytes text);

struct step redis_server_parse(struct exchange *x, struct cursor *in);
void redis_server_gap(struct exchange *x);

static inline const struct redis_command *redis_command_of(const struct request *r)
{
    return redis_command(r->mark & REDIS_MARK_COMMAND);
}

#endif
