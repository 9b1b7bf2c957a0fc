/*
 * What is remembered of a MySQL connection, between its two sides.
 */
#ifndef SEEPWATCH_ANALYZERS_MYSQL_MYSQL_STATE_H
#define SEEPWATCH_ANALYZERS_MYSQL_MYSQL_STATE_H

#include "analyzers/analyzer.h"
#include "analyzers/mysql/mysql_packet.h"
#include "analyzers/sql/pieces.h"
#include "analyzers/sql/prepared.h"

enum { MYSQL_NAME_MAX = 128 }; /* bytes; MariaDB's bound on a user's name; a longer name is cut */

/* How a command is answered; the lowest bits of a request's mark. */
enum mysql_reply {
    MYSQL_REPLY_ANY,    /* the command was not seen */
    MYSQL_REPLY_RESULT, /* OK, or rows */
    MYSQL_REPLY_PREPARE,
    MYSQL_REPLY_ROWS,   /* more of them */
    MYSQL_REPLY_FIELDS, /* definitions */
    MYSQL_REPLY_ONE,    /* one packet */
    MYSQL_REPLY_LOGIN,  /* as many as it takes up to OK or an error */
    MYSQL_REPLY_STREAM, /* a stream without end */
    MYSQL_REPLY_NONE,
};

enum {
    MYSQL_REPLY_MASK = 15,
    MYSQL_BINARY = 16,  /* rows are of the binary protocol */
    MYSQL_USE = 32,     /* the request's note is the database that it changes to */
    MYSQL_MANY = 64,    /* a procedure: several results, until an OK */
    MYSQL_BEGUN = 128,  /* a part of the reply was seen */
    MYSQL_MAYBE = 256,  /* the reply is at its end, unless the server goes on */
    MYSQL_INFILE = 512, /* the client sends a file */
};

/* Where the server is in its reply. */
enum mysql_phase {
    MYSQL_FIRST,       /* before the first packet of a reply, or of one more result */
    MYSQL_DEFINITIONS, /* `definitions` of columns are to come */
    MYSQL_DEFINED,     /* behind them: EOF perhaps, then rows */
    MYSQL_ROWS,
    MYSQL_MIDDLE, /* something was lost: each packet tells what it is */
};

enum mysql_framing { MYSQL_UNKNOWN, MYSQL_PLAIN, MYSQL_PACKED };

struct mysql_name {
    uint8_t len;
    char text[MYSQL_NAME_MAX];
};

/* What passes of the server and is looked at. */
enum mysql_passing { MYSQL_PASSING_NOTHING, MYSQL_PASSING_DEFINITION, MYSQL_PASSING_ROW };

/* The columns of the result that passes, and where in a packet of it the server is. */
struct mysql_rows {
    struct columns columns;
    struct pieces pieces;
    uint64_t key;       /* of the statement whose columns are defined; 0: of a result */
    uint64_t nulls;     /* a bit per column, of a binary row */
    uint32_t len, left; /* bytes of the packet that passes: all, and still to come */
    uint32_t taken;     /* of a definition, up to the item that comes next */
    uint16_t at;        /* column that comes next, or is defined */
    uint16_t ignored;   /* definitions of parameters, which come before those of columns */
    uint8_t next;       /* of the columns that are looked at */
    uint8_t part;       /* of a definition */
    uint8_t kind;       /* enum subject_kind of the column that is defined, by its name */
    uint8_t passing;    /* enum mysql_passing */
    bool is_binary;     /* the row */
    bool has_nulls;     /* they were read */
    bool has_types;     /* those of the columns are known */
    uint8_t types[PREPARED_TYPES_MAX]; /* of the first columns */
};

struct mysql {
    struct mysql_rows rows;
    struct lookups lookups; /* of the statement that was prepared last */
    uint64_t lookups_batch; /* that command; 0: none */
    struct mysql_name user, database, software;
    uint64_t prepared_last;   /* hash of the statement that the client prepared last; 0: unknown */
    uint64_t batches;         /* commands asked; the statements of one share its number */
    uint64_t cut_batch;       /* it may have more statements than were read */
    uint64_t batch;           /* being answered */
    uint32_t capabilities[2]; /* by enum side; 0: not seen */
    uint32_t definitions;     /* to come in this group; more_definitions in the next */
    uint32_t more_definitions;
    uint16_t columns;     /* of the result; 0: unknown */
    uint16_t status;      /* of the server's last OK or EOF, where has_status */
    uint8_t number[2];    /* of the last packet, by enum side */
    uint8_t phase;        /* enum mysql_phase */
    uint8_t framing;      /* enum mysql_framing */
    uint8_t codec;        /* enum codec that was agreed on; CODEC_STORED: none */
    bool is_continued[2]; /* the last packet goes on in the next, by enum side */
    bool has_status;      /* no byte of the server was lost since it was told */
    bool is_numbered;     /* the number of the server's last packet is known */
    bool is_in;           /* a login, or what comes after it, was answered */
    bool is_stream;       /* what follows of the server is a stream without end */
    bool has_asked;       /* a packet of the client was seen */
    bool is_inside;       /* one more result of the batch is to come */
    bool is_unsure;       /* something was lost, and no reply has begun since */
};

/* A value of the binary protocol. */
struct mysql_value {
    bool is_number, is_text; /* or neither: no identifier */
    uint64_t number;
    struct bytes text;
};

/* mysql_value reads a value of that type; what is not there leaves the cursor short. */
struct mysql_value mysql_value(struct cursor *in, uint8_t type);

/* mysql_ask counts the customers that the values of a COM_STMT_EXECUTE, or with is_bulk of a
 * COM_STMT_BULK_EXECUTE, look for; the cursor stands behind the statement's id. */
void mysql_ask(struct exchange *x, struct request *r, bool is_bulk, struct cursor in);

/* mysql_has_long_data says that a parameter of that statement came apart. */
void mysql_has_long_data(struct exchange *x, struct bytes id);

/* mysql_define says that definitions of a result's columns follow, or of those of the statement of
 * that key, behind `ignored` of its parameters. */
void mysql_define(struct mysql *s, uint64_t key, uint32_t ignored);
/* mysql_look says that the packet that is parsed is a definition, or a row of r. */
void mysql_look(struct exchange *x, const struct request *r, enum mysql_passing passing);
/* mysql_pass takes the step over the rest of a packet whose first bytes are there. */
struct step mysql_pass(struct exchange *x, struct bytes first, uint32_t rest_len);
/* mysql_row_whole looks at a row of r whose body is there; false where rows need not be looked at.
 */
bool mysql_row_whole(struct exchange *x, struct request *r, struct bytes body);
/* mysql_rows_lose says that bytes of a result are missing. */
void mysql_rows_lose(struct exchange *x, bool is_same_result);

/* mysql_watch is the analyzer's watch. */
void mysql_watch(struct exchange *x, enum side side, struct bytes seen, uint64_t lost);

/* mysql_keep copies a name to where it lives as long as the connection. */
struct bytes mysql_keep(struct mysql_name *n, struct bytes text);

/* mysql_agree begins the compressed protocol, where that was agreed on. */
void mysql_agree(struct mysql *s);

/* mysql_reply_of tells how the request is answered. */
enum mysql_reply mysql_reply_of(const struct request *r);

/* mysql_own says of a request that a reply made that the client asked for it after all. */
void mysql_own(struct request *r);

/* mysql_greeting reads the server's first packet, of which so much is there. */
void mysql_greeting(struct exchange *x, struct cursor body);

/* mysql_response reads the client's answer to it; true where encryption follows. */
bool mysql_response(struct exchange *x, uint32_t len, struct cursor body);

/* mysql_change_user reads a COM_CHANGE_USER behind its first byte. */
void mysql_change_user(struct exchange *x, struct cursor body);

/* mysql_changed_user says that the server agreed to it. */
void mysql_changed_user(struct exchange *x, const struct request *r);

/* mysql_server_parse is the analyzer's parse of the server's side. */
struct step mysql_server_parse(struct exchange *x, struct cursor *in);

/* mysql_lose_reply says that bytes of the server are missing. */
void mysql_lose_reply(struct exchange *x);

/* mysql_pass_reply says that the client asks on.  Where the end of the reply was lost, what was not
 * answered of its batch may not have been executed. */
void mysql_pass_reply(struct exchange *x);

/*
 * mysql_frame finds out, where the framing is unknown, whether the compressed protocol is
 * spoken.  False where more bytes would tell: *step says how many.
 */
bool mysql_frame(const struct exchange *x, struct cursor in, struct step *step);

enum start mysql_starts_here(const struct exchange *x, enum side side, struct cursor in,
                             uint64_t *message_len);

#endif
