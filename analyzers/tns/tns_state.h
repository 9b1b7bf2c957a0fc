/*
 * What is remembered of an Oracle connection, between its two sides and its two layers: the packets
 * (TNS), whose contents follow one another as one stream, and the messages (TTC) in that.
 */
#ifndef SEEPWATCH_ANALYZERS_TNS_TNS_STATE_H
#define SEEPWATCH_ANALYZERS_TNS_TNS_STATE_H

#include "analyzers/analyzer.h"
#include "analyzers/sql/columns.h"
#include "analyzers/subject.h"
#include "analyzers/tns/tns_walk.h"

enum {
    TNS_HEADER_LEN = 8,
    TNS_DATA_HEADER_LEN = 10, /* with the flags of a data packet */
    TNS_PACKET_MAX = 1 << 21, /* bytes; the largest session data unit */
    TNS_VERSION_LARGE = 315,  /* of TNS: packet lengths have four bytes */
    TNS_NAME_MAX = 128,       /* bytes; Oracle's bound on a user's name; a longer one is cut */
    TNS_SHAPES_MAX = 12,      /* cursors whose columns are known; the oldest is forgotten */
    TNS_RUNS_MAX = 20,        /* of columns that are sent alike; a result with more is unknown */
    TNS_COLUMNS_MAX = 1000,   /* Oracle's bound */
    TNS_TAIL_LEN = 512,       /* bytes of a packet's end where the end of a call is looked for */
};

enum tns_packet {
    TNS_CONNECT = 1,
    TNS_ACCEPT = 2,
    TNS_ACKNOWLEDGE = 3,
    TNS_REFUSE = 4,
    TNS_REDIRECT = 5,
    TNS_DATA = 6,
    TNS_NULL = 7,
    TNS_ABORT = 9,
    TNS_RESEND = 11,
    TNS_MARKER = 12,
    TNS_ATTENTION = 13,
    TNS_CONTROL = 14,
    TNS_DESCRIPTOR = 15,
};

/* Flags of a data packet. */
enum {
    TNS_END_OF_FILE = 0x0040,
    TNS_COMPRESSED = 0x0400,
    TNS_END_OF_REQUEST = 0x0800,
    TNS_BEGIN_PIPELINE = 0x1000,
    TNS_END_OF_RESPONSE = 0x2000,
};

/* Types of TTC messages. */
enum tns_message {
    TTC_PROTOCOL = 1,
    TTC_DATA_TYPES = 2,
    TTC_FUNCTION = 3,
    TTC_ERROR = 4, /* the end of a call, with its error or without */
    TTC_ROW_HEADER = 6,
    TTC_ROW_DATA = 7,
    TTC_PARAMETER = 8,
    TTC_STATUS = 9,
    TTC_IO_VECTOR = 11,
    TTC_LOB_DATA = 14,
    TTC_WARNING = 15,
    TTC_DESCRIBE = 16,
    TTC_PIGGYBACK = 17,
    TTC_FLUSH_OUT_BINDS = 19,
    TTC_BIT_VECTOR = 21,
    TTC_SERVER_PIGGYBACK = 23,
    TTC_ONE_WAY = 26,
    TTC_IMPLICIT_RESULTS = 27,
    TTC_RENEGOTIATE = 28,
    TTC_END_OF_RESPONSE = 29,
    TTC_TOKEN = 33,
    TTC_FAST_AUTHENTICATION = 34,
};

/* Functions that the client calls. */
enum tns_function {
    TTC_REEXECUTE = 4,
    TTC_FETCH = 5,
    TTC_LOGOFF = 9,
    TTC_COMMIT = 14,
    TTC_ROLLBACK = 15,
    TTC_REEXECUTE_AND_FETCH = 78,
    TTC_EXECUTE = 94,
    TTC_LOB = 96,
    TTC_AUTHENTICATE = 115, /* with the proof */
    TTC_AUTHENTICATE_FIRST = 118,
    TTC_PIPELINE_END = 200,
};

/* Marks of a request; the lowest 8 bits are its function. */
enum {
    TNS_FUNCTION_MASK = 0xff,
    TNS_LOGIN = 0x100,       /* the negotiation and all of the login */
    TNS_IS_QUERY = 0x200,    /* rows are returned */
    TNS_IS_CHANGE = 0x400,   /* rows are changed */
    TNS_IS_BLOCK = 0x800,    /* PL/SQL: the count of the status is none of rows */
    TNS_COUNTS = 0x1000,     /* a count for each execution of an array comes back */
    TNS_LOB_AMOUNT = 0x2000, /* what comes back of a LOB's operation */
    TNS_LOB_CREATED = 0x4000,
    TNS_LOB_ANSWER = 0x8000,
    TNS_ANSWERED = 0x10000, /* the status was seen */
    TNS_HOLED = 0x20000,    /* a part of the reply was not understood, or lost */
};

enum tns_encoding { TNS_ENCODING_UNKNOWN, TNS_UNIVERSAL, TNS_NATIVE };

/* How a column's values are sent. */
enum tns_class {
    TNS_VALUE_TEXT, /* a length and so many bytes: most types */
    TNS_VALUE_NONE, /* nothing */
    TNS_VALUE_LONG, /* with an indicator and a return code */
    TNS_VALUE_ROWID,
    TNS_VALUE_UROWID,
    TNS_VALUE_LOB,
    TNS_VALUE_BFILE,
    TNS_VALUE_DOCUMENT, /* JSON, vectors */
    TNS_VALUE_CURSOR,
    TNS_VALUE_OBJECT,
    TNS_VALUES,
};

/* Columns of one class that follow one another. */
struct tns_run {
    uint8_t class; /* enum tns_class */
    uint16_t count;
};

/* The columns of a cursor. */
struct tns_shape {
    uint32_t cursor; /* 0: none */
    uint16_t columns;
    uint8_t runs_count;
    bool is_known;    /* the columns were described, and are not too many runs */
    bool is_counted;  /* `fetched` is known */
    uint64_t fetched; /* rows since it was executed, as the server counts them */
    uint64_t used;    /* when, by tns.uses */
    struct tns_run runs[TNS_RUNS_MAX];
    struct columns_kept customers; /* that may hold identifiers */
};

struct tns_name {
    uint8_t len;
    char text[TNS_NAME_MAX];
};

/* Where a row is. */
struct tns_row {
    bool is_open;
    uint16_t column, left; /* the one at work; of its run, with it */
    uint8_t run;
    uint8_t next; /* of the columns that are looked at */
};

/* A value that may be an identifier, until the next row. */
struct tns_last {
    uint16_t column; /* its place and 1; 0: none */
    uint8_t len;
    uint8_t text[SUBJECT_VALUE_MAX];
};

struct tns {
    struct tns_name user, service, software;
    struct tns_terms terms;
    struct tns_walk walk; /* over the server's messages */
    struct tns_shape shapes[TNS_SHAPES_MAX];
    struct tns_shape described; /* by the reply at work */
    struct tns_row row;
    struct columns customers; /* of the reply at work */
    struct tns_last last[COLUMNS_MAX];
    uint32_t last_of;       /* the cursor that these are of */
    uint64_t uses;          /* of shapes */
    int64_t left[2];        /* bytes of the packets whose headers were seen that no message took; by
                               enum side */
    uint64_t unsettled;     /* rows of replies whose status and cursor were not seen */
    uint64_t token;         /* of the client's call; 0: none */
    uint32_t unit_len;      /* bytes of a full packet; 0: unknown */
    uint8_t encoding;       /* enum tns_encoding */
    uint8_t message;        /* type of the server's message at work */
    uint8_t client_zone;    /* the client asked for the database's time zone */
    uint8_t client_version; /* of the fields; 0: not seen */
    uint8_t server_version;
    uint8_t turn;      /* who sent data last: 1 + enum side; 0: nobody */
    bool is_agreed;    /* `unit_len` was agreed on; else it is of the longest packet seen */
    bool is_large;     /* packet lengths have four bytes */
    bool has_end;      /* replies end with a message of their own */
    bool is_pipelined; /* requests follow one another without their replies */
    bool is_over[2];   /* the last packet of that side ended what it said */
    bool is_begun[2];  /* the request, or the reply, of that side has begun */
    bool is_lost[2];   /* what comes cannot be walked, until that side begins anew */
    bool awaits_connect_data;
    bool has_rows;      /* of a reply: a row header was seen */
    bool has_shape;     /* of a reply: `described` holds for its rows */
    bool was_described; /* by this reply */
    bool has_out_binds; /* of a reply: rows are values that the call gives back */
    bool ends_reply;    /* the server's packet tells that it is the last of its reply */
};

/* tns_keep copies a name to where it lives as long as the connection. */
struct bytes tns_keep(struct tns_name *n, struct bytes text);

/* tns_login gives the login that is open, opened where there is none; NULL without memory. */
struct request *tns_login(struct exchange *x);

/* tns_shape_find gives the columns of a cursor; NULL where they were forgotten. */
struct tns_shape *tns_shape_find(struct tns *s, uint32_t cursor);
/* tns_shape_make gives a place for them, the oldest where all are taken. */
struct tns_shape *tns_shape_make(struct tns *s, uint32_t cursor);
/* tns_class_of gives the class of a type; TNS_VALUES where it is unknown. */
uint8_t tns_class_of(uint64_t type, uint64_t size);
/* tns_shape_add adds a column. */
void tns_shape_add(struct tns_shape *shape, uint64_t type, uint64_t size);

/* An execution, as its header says. */
struct tns_execution {
    uint64_t options, cursor, statement_len, fetches, defines, binds;
    bool has_statement, is_array;
};

/*
 * tns_execution_read reads an execution up to its statement.  Where it is not known what was agreed
 * on, the fields are those with which a text with its length stands behind them; false where there
 * are none such.
 */
bool tns_execution_read(const struct tns *s, struct cursor *in, struct tns_execution *e);

/*
 * tns_text_read reads a statement's text: its length and itself, or in pieces, which are put
 * together in `whole` as far as there is room, or, of old clients, itself alone.
 */
struct bytes tns_text_read(const struct tns_terms *terms, struct cursor *in, uint64_t told_len,
                           uint8_t *whole, size_t whole_size);

/* tns_agree says what both ends agreed on, as far as both were seen. */
void tns_agree(struct tns *s);

/* The two sides of TTC; in is a cursor over what came out of the packets. */
struct step tns_client_parse(struct exchange *x, struct cursor *in);
struct step tns_server_parse(struct exchange *x, struct cursor *in);

/* tns_server_begin says that the server's next message begins a reply. */
void tns_server_begin(struct tns *s);

/* tns_client_protocol and tns_client_types read what the client says of itself, behind the type's
 * byte. */
void tns_client_protocol(struct cursor *in);
void tns_client_types(struct tns *s, struct cursor *in);

/* tns_server_protocol and tns_server_types likewise; false where more bytes are needed. */
bool tns_server_protocol(struct tns *s, struct cursor *in);
bool tns_server_types(const struct tns *s, struct cursor *in);

/* tns_status applies the status that ends a call, by the places of the walk. */
void tns_status(struct exchange *x, struct request *r, const struct tns_walk *w);

/* tns_settle keeps count of the rows of a reply whose status was not seen. */
void tns_settle(struct tns *s, const struct request *r);

/* tns_find_status looks for the status that ends a call, at the end of bytes that were not
 * understood. */
bool tns_find_status(struct tns *s, struct bytes tail, struct tns_walk *w);

/* tns_find_error looks for the text of an Oracle error; 0 where there is none. */
uint64_t tns_find_error(struct bytes text);

/* tns_native_user and tns_native_statement find them in a request of a client that sends numbers as
 * its machine has them; empty where they are not. */
struct bytes tns_native_user(struct bytes request);
struct bytes tns_native_statement(struct bytes request);

/* tns_set_error sets the request's error, "ORA-01017". */
void tns_set_error(struct exchange *x, struct request *r, uint64_t number);

/* tns_packet_header reads a packet's header; false where it is none. *len becomes its whole length.
 */
bool tns_packet_header(const struct tns *s, struct cursor *in, uint8_t *type, uint32_t *len);

/* tns_ano reads the server's answer to the negotiation of native services; true where what follows
 * is encrypted or sealed. */
bool tns_ano(struct cursor in);

/* tns_connect_data reads what the client tells of itself and of what it wants. */
void tns_connect_data(struct exchange *x, struct bytes text);

enum start tns_starts_here(const struct exchange *x, enum side side, struct cursor in,
                           uint64_t *message_len);

/* The tables of TTC messages (analyzers/tns/tns_messages.c). */
extern const struct tns_field TNS_STATUS_FIELDS[]; /* TTC_ERROR */
extern const struct tns_field TNS_VALUE_FIELDS[TNS_VALUES][16];
extern const struct tns_field TNS_CURSOR_FIELDS[]; /* a value that is a cursor */
extern const struct tns_field TNS_DEFINE_FIELDS[]; /* a column as a client wants it */

/* tns_message_fields gives the table of a server's message; NULL where it is unknown. */
const struct tns_field *tns_message_fields(uint8_t type, const struct request *r);
/* tns_piggyback_fields gives the table of what a client sends before its call, behind the header;
 * NULL where it is unknown. */
const struct tns_field *tns_piggyback_fields(uint8_t function);

#endif
