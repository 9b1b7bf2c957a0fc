/*
 * What is remembered of a MySQL connection, between its two sides.
 */
#ifndef SEEPWATCH_ANALYZERS_MYSQL_STATE_H
#define SEEPWATCH_ANALYZERS_MYSQL_STATE_H

#include "analyzers/analyzer.h"
#include "analyzers/mysql_packet.h"

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

struct mysql {
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
