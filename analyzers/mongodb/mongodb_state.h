/*
 * What is remembered of a MongoDB connection: of each side the message that passes, of the client
 * what the command being read asks for, of the server what the reply being read tells.
 */
#ifndef SEEPWATCH_ANALYZERS_MONGODB_MONGODB_STATE_H
#define SEEPWATCH_ANALYZERS_MONGODB_MONGODB_STATE_H

#include "analyzers/analyzer.h"
#include "analyzers/mongodb/mongodb_bson.h"
#include "analyzers/mongodb/mongodb_command.h"
#include "analyzers/mongodb/mongodb_message.h"
#include "analyzers/sql/pieces.h"

enum {
    MONGODB_DATABASE_MAX = 64, /* MongoDB's own limit is 63 bytes; a longer name is cut */
    MONGODB_USER_MAX = 128,    /* bytes; a longer name is cut */
    MONGODB_SOFTWARE_MAX = 192,
    MONGODB_MECHANISM_MAX = 24,
    MONGODB_PART_MAX = 64, /* bytes of the name and version of a driver and an application */
    MONGODB_TABLES_MAX = 4,
    MONGODB_VALUE_MAX = 1024,     /* bytes of a value that is read; a longer one is passed over */
    MONGODB_CUSTOMERS_DEPTH = 12, /* documents in one another that are looked at for customers */
};

/* Marks of a request. */
enum {
    MONGODB_LOGIN = 1, /* goes on until its conversation is over */
    MONGODB_QUERY = 2, /* OP_QUERY and OP_GET_MORE: the reply has documents, not what a command
                          tells */
    MONGODB_AFTER_WRITE = 4,   /* of an old opcode, which has no reply of its own */
    MONGODB_COMMAND_SHIFT = 8, /* above it, the command's place in the table */
};

/* What a frame of the walk is.  Of requests: */
enum mongodb_frame {
    FRAME_OTHER,
    FRAME_COMMAND,   /* the command's own document */
    FRAME_QUERY,     /* OP_QUERY's document, in which the filter is one of several members */
    FRAME_WRITES,    /* the updates or deletes of a command: an array of them */
    FRAME_WRITE,     /* one of them */
    FRAME_PIPELINE,  /* of an aggregation: an array of stages */
    FRAME_STAGE,     /* one of them */
    FRAME_JOIN,      /* what a stage takes from, or gives to, another collection */
    FRAME_FILTER,    /* field: value or operators */
    FRAME_OPERATORS, /* $operator: value */
    FRAME_FILTERS,   /* an array of filters */
    FRAME_CLIENT,    /* of hello: who asks */
    FRAME_APPLICATION,
    FRAME_DRIVER,
    FRAME_SASL, /* of hello: a saslStart in advance */
    /* and of replies: */
    FRAME_REPLY,
    FRAME_CURSOR,
    FRAME_BATCH,      /* an array of documents that are counted */
    FRAME_UPSERTED,   /* an array of documents that were inserted by an update */
    FRAME_ERRORS,     /* an array of errors */
    FRAME_ERROR,      /* one of them */
    FRAME_LAST_ERROR, /* what findAndModify changed */
    FRAME_TRAILER,    /* what is around an array of documents whose beginning was lost */
};

enum mongodb_phase {
    PHASE_NONE,     /* a message comes next */
    PHASE_BODY,     /* what was packed of the message comes next */
    PHASE_SECTIONS, /* a section of an OP_MSG comes next */
    PHASE_WALK,     /* in a document */
    PHASE_LOST,     /* a part of the message is missing */
};

/* The message that passes, of one side. */
struct mongodb_message {
    struct mongodb_header header;
    uint64_t position;                  /* of the body in the side's stream; not of a packed one */
    uint32_t body_len;                  /* bytes, as they were before they were packed */
    uint32_t sections_end, section_end; /* places in the body, of an OP_MSG */
    uint32_t flags;                     /* likewise */
    uint8_t phase;                      /* enum mongodb_phase */
    bool is_packed;
    bool has_body; /* the section with the command, or with what it tells, was read */
    bool is_open;  /* it began, and it is not known how it ended */
    struct bson_walk walk;
};

/* A count that may be told. */
struct mongodb_count {
    uint64_t value;
    bool is_told;
};

/* The shape of a request: its text lies in the request's notes. */
struct mongodb_shape {
    uint16_t at, len; /* bytes of the notes; 0: none yet */
    uint16_t operation_len;
    uint16_t plain_len; /* without the filter */
    uint8_t tables_count;
    bool has_filter; /* one was read, or is read */
    bool is_full;
    uint64_t hash, plain_hash;
    struct {
        uint16_t at, len;
    } tables[MONGODB_TABLES_MAX];
};

/* What the request that is read asks for. */
struct mongodb_asked {
    struct request *request; /* while the message that is parsed is read; NULL: none */
    uint8_t command;         /* its place in the table */
    bool has_name;
    uint8_t database_len;
    char database[MONGODB_DATABASE_MAX];
    uint64_t cursor; /* of getMore; 0: unknown */
    struct mongodb_shape shape;
};

/* What the reply that is read tells. */
struct mongodb_told {
    uint64_t rows;   /* of the arrays of documents that have passed */
    uint64_t handed; /* of these, told with a request that is gone */
    bool has_rows;
    bool has_value, is_document; /* findAndModify's document, or that there was none */
    bool has_unsure_rows; /* a reply to an unknown request: a document, or what a command tells */
    struct mongodb_count n, modified, inserted, deleted, upserted, last_error_n;
    uint64_t cursor;
    bool has_cursor;
    bool has_ok, is_ok, has_error, has_done, is_done;
    int64_t code;
};

/* What a reply continues that the server sends without being asked again. */
struct mongodb_exhaust {
    uint64_t id;    /* as a request's; 0: nothing */
    bool is_unsure; /* a reply may have been lost */
    uint64_t hash, cursor;
    uint8_t command, name_len, database_len;
    char name[MONGODB_PART_MAX], database[MONGODB_DATABASE_MAX];
};

struct mongodb_login {
    bool is_open; /* there may be a request for it */
    uint8_t mechanism_len, user_len;
    char mechanism[MONGODB_MECHANISM_MAX];
    char user[MONGODB_USER_MAX];
};

struct mongodb_software {
    uint8_t driver_len, version_len, application_len;
    char driver[MONGODB_PART_MAX], version[MONGODB_PART_MAX], application[MONGODB_PART_MAX];
};

/* The walk of mongodb_customers.c over a message of one side. */
struct mongodb_customers {
    struct pieces pieces;
    uint32_t len, left;   /* bytes of the message: all, and still to be looked at */
    uint64_t at;          /* bytes of it before the item that comes next */
    uint64_t section_end; /* place behind a section of several documents */
    uint64_t record_end;  /* place behind the document that is a record */
    uint16_t arrays;      /* a bit per level */
    uint8_t phase, depth;
    uint8_t record;   /* depth of the document that is a record; 0: none */
    uint8_t sequence; /* level of a section's documents */
    uint8_t levels[MONGODB_CUSTOMERS_DEPTH];
    uint8_t kinds[MONGODB_CUSTOMERS_DEPTH]; /* enum subject_kind, of the field that it is in */
};

struct mongodb {
    struct mongodb_customers customers[2]; /* by enum side */
    struct mongodb_message message[2];     /* by enum side */
    struct mongodb_asked asked;
    struct mongodb_told told;
    struct mongodb_exhaust exhaust;
    struct mongodb_login login;
    struct mongodb_software parts;
    char user[MONGODB_USER_MAX], software[MONGODB_SOFTWARE_MAX];
    struct request *replied; /* while the reply that is parsed is read; NULL: none */
    bool has_written;        /* the last request was a write of an old opcode */
    bool is_array_known;     /* the array of documents that was cut: where it ends is known */
    bool is_unproven;        /* documents are counted that may be an inner array's */
    bool has_cursor_id;      /* behind the array there is a cursor's number, */
    bool is_top;             /* what is there is of the reply's own document, */
    bool is_proof;           /* and what is there proves it a reply's, */
    bool is_refuted;         /* or an inner one */
    uint32_t floor;          /* documents that inner arrays were seen to have */
    uint32_t proven;         /* documents of the array that surely are its own */
};

/* mongodb_id makes a number of the wire one that pairs. */
static inline uint64_t mongodb_id(uint32_t id)
{
    return (uint64_t)id + 1;
}

/* mongodb_keep copies a text into a member that has size bytes for it, and returns its length. */
static inline uint8_t mongodb_keep(char *to, size_t size, struct bytes text)
{
    text = bytes_first(text, size);
    if (text.len > 0)
        memcpy(to, text.data, text.len);
    return (uint8_t)text.len;
}

/* How far a part of a message was taken. */
struct mongodb_progress {
    size_t need;    /* bytes from the cursor on, before it goes on; 0: it went on */
    uint64_t skip;  /* bytes behind the cursor that need not be seen */
    bool is_broken; /* the message is not what its header says */
};

/*
 * mongodb_client_open reads the beginning of a body of the client's, as much of it as tells whose
 * request it is, and opens that; the cursor stands behind what was read.  The message's phase is
 * PHASE_NONE where there is nothing more to be read.
 */
struct mongodb_progress mongodb_client_open(struct exchange *x, struct cursor *in);

/* mongodb_client_resume finds the request that the client's message belongs to. */
void mongodb_client_resume(struct exchange *x);

/* mongodb_client_end ends the client's message; is_cut: a part of it is missing. */
void mongodb_client_end(struct exchange *x, bool is_cut);

/* mongodb_server_begin begins a reply, whose header is read. */
void mongodb_server_begin(struct exchange *x);

/* mongodb_server_open is mongodb_client_open for a reply. */
struct mongodb_progress mongodb_server_open(struct exchange *x, struct cursor *in);
void mongodb_server_resume(struct exchange *x);
void mongodb_server_end(struct exchange *x, bool is_cut);

/* mongodb_server_request is mongodb_server_resume for a reply that is over: it makes no request. */
void mongodb_server_request(struct exchange *x);

/* mongodb_server_count says how many documents of a reply passed up to here. */
void mongodb_server_count(struct exchange *x);

/* mongodb_server_cut says that bytes of the reply that passes are missing. */
void mongodb_server_cut(struct exchange *x);

/* mongodb_server_find goes on in the middle of an array of documents, behind missing bytes; false
 * where none goes on at the cursor. */
bool mongodb_server_find(struct exchange *x, struct cursor in);

/* mongodb_server_trailer looks at what is behind an array of documents of which it is not proven
 * that it is a reply's, and gives the frame that it would be of; mongodb_server_prove is asked
 * after each step then: false where it is none.
 */
uint8_t mongodb_server_trailer(struct exchange *x, const struct bson_walk *w,
                               const struct bson_element *e);
bool mongodb_server_prove(struct exchange *x, struct bson_walk *w);

/* mongodb_server_refute takes back what was not proven. */
void mongodb_server_refute(struct exchange *x);

/* mongodb_customers_begin begins to look at a message's body, mongodb_customers_wanted tells
 * whether more of it is to be looked at, mongodb_customers_lose that no more of it is;
 * mongodb_watch, which is the analyzer's watch, takes its next bytes. */
void mongodb_customers_begin(struct exchange *x, enum side side);
bool mongodb_customers_wanted(const struct exchange *x, enum side side);
void mongodb_customers_lose(struct exchange *x, enum side side);
void mongodb_watch(struct exchange *x, enum side side, struct bytes seen, uint64_t lost);

/* mongodb_starts_here is the analyzer's starts_here. */
enum start mongodb_starts_here(const struct exchange *x, enum side side, struct cursor in,
                               uint64_t *message_len);

/* mongodb_walk goes on in the document that a message of that side is in; the message's phase
 * changes at its end. */
struct mongodb_progress mongodb_walk(struct exchange *x, enum side side, struct cursor *in);

/* Members of documents that are read; the value is empty where it is a document or too long. */
void mongodb_read_database(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_collection(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_first(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_table(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_driver(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_version(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_application(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_mechanism(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_payload(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_user(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_ok(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_code(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_error(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_cursor(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_done(struct exchange *x, const struct bson_element *e, struct bytes value);
void mongodb_read_value(struct exchange *x, const struct bson_element *e, struct bytes value);

/* mongodb_command_name says which command the request is; nothing where it has a name already. */
void mongodb_command_name(struct exchange *x, struct bytes name);

/* mongodb_client_left says that the client's document of who asks is closed. */
void mongodb_client_left(struct exchange *x);
/* mongodb_server_left says that an array of a reply is closed. */
void mongodb_server_left(struct exchange *x, const struct bson_frame *frame);

/* The shape of a request: its operation, collection and filter without values, such as
 * "find customers {msisdn: ?}". */
void mongodb_shape_begin(struct exchange *x, const char *operation, struct bytes collection);
/* mongodb_shape_wants tells whether mongodb_shape_element needs so many bytes from the element's
 * beginning on. */
size_t mongodb_shape_wants(uint8_t kind, const struct bson_element *e);
/* mongodb_shape_element adds an element of a document that is part of the shape, and gives the
 * frame that it opens; FRAME_OTHER where it is passed over. */
uint8_t mongodb_shape_element(struct exchange *x, const struct bson_walk *w,
                              const struct bson_element *e, struct cursor in);
void mongodb_shape_open(struct exchange *x, uint8_t kind, uint8_t parent);
void mongodb_shape_close(struct exchange *x, uint8_t kind);
void mongodb_shape_table(struct exchange *x, struct bytes collection);
/* mongodb_shape_end gives the request its statement; is_cut: the filter is not known whole. */
void mongodb_shape_end(struct exchange *x, bool is_cut);

/* The login: mongodb_login_open gives the request that a step of one belongs to. */
struct request *mongodb_login_open(struct exchange *x, bool is_first);
/* mongodb_login_find gives the login that goes on; NULL: none. */
struct request *mongodb_login_find(const struct exchange *x);
/* mongodb_login_goes_on tells whether another step follows that reply. */
bool mongodb_login_goes_on(const struct mongodb_told *told);
/* mongodb_login_end ends the login with its outcome. */
void mongodb_login_end(struct exchange *x, const struct request *r);

#endif
