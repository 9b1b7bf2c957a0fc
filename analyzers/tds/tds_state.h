/*
 * What is remembered of a TDS connection, between its two sides.  A connection without MARS is one
 * session.
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_STATE_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_STATE_H

#include "analyzers/analyzer.h"
#include "analyzers/sql/columns.h"
#include "analyzers/tds/tds_packet.h"
#include "analyzers/tds/tds_walk.h"

enum {
    TDS_NAME_MAX = 128,         /* bytes; a longer name is cut */
    TDS_SESSIONS_MAX = 8,       /* that are remembered; of others only bytes are counted */
    TDS_TEXT_MAX = 65536,       /* bytes of a request that are read; a longer statement's shape is
                                   cut */
    TDS_LOOK_MAX = 72 << 10,    /* bytes of the stream that are looked at for one request */
    TDS_LOOK_PACKETS_MAX = 128, /* likewise, packets */
};

/* What a request is; the lowest bits of its mark. */
enum tds_kind {
    TDS_KIND_UNKNOWN, /* it was not seen */
    TDS_KIND_BATCH,
    TDS_KIND_CALL,
    TDS_KIND_PRELOGIN,
    TDS_KIND_LOGIN,
    TDS_KIND_ATTENTION,
    TDS_KIND_BULK,
    TDS_KIND_TRANSACTION,
};

enum {
    TDS_KIND_MASK = 15,
    TDS_BEGUN = 16,       /* a part of the reply was seen */
    TDS_FAILED = 32,      /* the server told of an error */
    TDS_PROC_SHIFT = 8,   /* the number of the procedure that is called */
    TDS_PROC_MASK = 0xff, /* behind the shift */
};

/* Procedures that are called by their numbers. */
enum tds_proc {
    TDS_PROC_NAMED,
    TDS_CURSOR,
    TDS_CURSOR_OPEN,
    TDS_CURSOR_PREPARE,
    TDS_CURSOR_EXECUTE,
    TDS_CURSOR_PREPEXEC,
    TDS_CURSOR_UNPREPARE,
    TDS_CURSOR_FETCH,
    TDS_CURSOR_OPTION,
    TDS_CURSOR_CLOSE,
    TDS_EXECUTE_SQL,
    TDS_PREPARE,
    TDS_EXECUTE,
    TDS_PREPEXEC,
    TDS_PREPEXEC_RPC,
    TDS_UNPREPARE,
    TDS_PROCS_COUNT
};

/* How a version writes things. */
enum tds_era {
    TDS_ERA_UNKNOWN,
    TDS_ERA_70, /* no collations */
    TDS_ERA_71,
    TDS_ERA_72, /* longer counts and types of users, headers before requests; and all since */
};

/* What the two ends agree on. */
enum tds_encryption {
    TDS_ENCRYPTION_UNKNOWN,
    TDS_ENCRYPTION_NONE,
    TDS_ENCRYPTION_LOGIN, /* only the login is encrypted */
    TDS_ENCRYPTION_ALL,
};

struct tds_name {
    uint8_t len;
    char text[TDS_NAME_MAX];
};

/* One side of a session: the message that passes. */
struct tds_half {
    struct tds_walk walk;
    uint8_t type;   /* enum tds_type */
    uint8_t number; /* of its last packet */
    bool is_inside; /* it has more packets */
};

struct tds_session {
    struct tds_half half[2]; /* by enum side */
    uint64_t asking;         /* number of the client's message that passes, or was last */
    uint64_t batch;          /* likewise, of the one that is answered, or was last */
    uint64_t rows;           /* walked over in the result that passes */
    uint64_t unseen;         /* bytes of the reply that were lost, or not understood */
    uint16_t id;
    uint16_t age;           /* of the last use */
    uint8_t returned;       /* parameters that came back */
    uint8_t parameter;      /* of the call that passes */
    bool is_used;           /* the place is taken */
    bool has_opened;        /* the client's message is a request, or several */
    bool is_replying;       /* the reply has begun */
    bool has_done;          /* it told of an end */
    bool was_cancelled;     /* it told of an attention */
    bool in_result;         /* columns were described, and no end was told since */
    bool is_uncountable;    /* too many columns, or none that are known: rows cannot be walked */
    bool has_nulls;         /* the last row said which columns are NULL */
    uint64_t result_of;     /* hash of the statement whose columns are kept */
    struct columns columns; /* of the result, that may hold identifiers */
};

/* The packet of a side that passes. */
struct tds_frame {
    uint64_t next;   /* place in the stream of the next header */
    uint32_t left;   /* bytes of it to come */
    uint32_t unseen; /* bytes of it that were not read before something was lost */
    uint16_t size;   /* bytes of one that others of its message followed, with headers */
    uint16_t channel;
    uint8_t session; /* its place */
    bool is_last;    /* of its message */
    bool is_known;   /* a header was read */
    bool is_lost;    /* something is missing since */
    bool is_placed;  /* but what comes next is still of the packet */
};

struct tds {
    struct tds_name user, database, software;
    struct tds_name incoming; /* a text of the server that is being read */
    struct tds_columns columns;
    struct tds_session sessions[TDS_SESSIONS_MAX];
    struct tds_frame frame[2]; /* by enum side */
    uint64_t messages;         /* requests asked; calls of one message share its number */
    uint64_t bulk;             /* hash of the statement that announced a bulk load; 0: none */
    uint16_t age;              /* of the newest session */
    uint8_t era;               /* enum tds_era */
    uint8_t encryption;        /* enum tds_encryption */
    uint8_t records;           /* of TLS in no packets, that may be the login */
    uint8_t labels_version;    /* of data classification; 0: unknown */
    bool is_mars;              /* packets have sessions */
    bool has_keys;             /* columns may be encrypted: results begin with their keys */
    bool has_texts_in_quotes;  /* "..": a text, not a name */
};

/* A step through a message: where, and for whom. */
struct tds_reading {
    struct exchange *x;
    struct tds *s;
    enum side side;
    struct tds_frame *frame;
    struct tds_session *session;
    struct tds_half *half;
    struct tds_walk *walk;
    struct request *request; /* of the server's side, what is answered; else NULL */
    struct cursor in;        /* the stream, from the walk's place on */
};

/* tds_session_place gives a session's place in s->sessions. */
uint8_t tds_session_place(const struct tds *s, const struct tds_session *session);

/* tds_session_of gives the session of that number, in place of the one used longest ago where it is
 * new. */
struct tds_session *tds_session_of(struct tds *s, uint16_t id);

/* tds_session_find gives the session of that number; NULL where it is unknown. */
struct tds_session *tds_session_find(struct tds *s, uint16_t id);
void tds_session_forget(struct tds *s, struct tds_session *session);

/* tds_kind_of tells what a request is; NULL: unknown. */
enum tds_kind tds_kind_of(const struct request *r);
enum tds_proc tds_proc_of(const struct request *r);

/* tds_first gives the oldest open request of the session, tds_last the newest; NULL where none is.
 */
struct request *tds_first(const struct tds_reading *r);
struct request *tds_last(const struct tds_reading *r);

/*
 * tds_look views up to len bytes of the message from the walk's place on, in room (of len bytes)
 * where packets have to be put together.  False where more of the stream is needed: *needs bytes.
 */
bool tds_look(const struct tds_reading *r, size_t len, uint8_t *room, struct bytes *view,
              size_t *needs);

/* tds_keep copies a name to where it lives as long as the connection. */
struct bytes tds_keep(struct tds_name *n, struct bytes text);

/* tds_open begins a request at the client's message that is parsed; NULL without memory. */
struct request *tds_open(struct tds_reading *r, enum tds_kind kind);

/* tds_open_apart is tds_open for what is no request of the server's own count. */
struct request *tds_open_apart(struct tds_reading *r, enum tds_kind kind, const char *operation);

/* The two sides: what is at the walk's place. */
enum tds_pass tds_client_pass(struct tds_reading *r, struct cursor *in, size_t *needs);
enum tds_pass tds_server_pass(struct tds_reading *r, struct cursor *in, size_t *needs);

/* tds_client_begin and tds_server_begin say that a message begins. */
void tds_client_begin(struct tds_reading *r, uint8_t type);
void tds_server_begin(struct tds_reading *r);

/* tds_client_end says that nothing more of a message can be read: what was not opened is. */
void tds_client_end(struct tds_reading *r);

/* tds_server_receive takes the oldest request as being answered, once the reply has begun. */
void tds_server_receive(struct tds_reading *r);

/* tds_server_end says that the reply is over; was_lost: its end was not seen. */
void tds_server_end(struct tds_reading *r, bool was_lost);

/* The login: what is at the walk's place of the client's messages, and of the reply to the first.
 */
enum tds_pass tds_prelogin_pass(struct tds_reading *r, size_t *needs);
enum tds_pass tds_login_pass(struct tds_reading *r, size_t *needs);
enum tds_pass tds_proof_pass(struct tds_reading *r, size_t *needs);
enum tds_pass tds_prelogin_reply(struct tds_reading *r, size_t *needs);

/* tds_open_login begins a login. */
void tds_open_login(struct tds_reading *r, const char *operation);

/* tds_prelogin_end finishes what was open until the login began. */
void tds_prelogin_end(struct tds_reading *r);

enum start tds_starts_here(const struct exchange *x, enum side side, struct cursor in,
                           uint64_t *message_len);

/* tds_begins tells whether a message begins behind that header, as far as can be told. */
enum start tds_begins(enum side side, const struct tds_header *h, struct cursor payload);

#endif
