/*
 * What is remembered of a PostgreSQL connection, between its two sides.
 */
#ifndef SEEPWATCH_ANALYZERS_POSTGRESQL_POSTGRESQL_STATE_H
#define SEEPWATCH_ANALYZERS_POSTGRESQL_POSTGRESQL_STATE_H

#include "analyzers/postgresql/postgresql_start.h"
#include "analyzers/sql/pieces.h"
#include "analyzers/sql/prepared.h"

enum {
    POSTGRESQL_NAME_MAX = 64,     /* NAMEDATALEN; a longer name is cut */
    POSTGRESQL_DESCRIBED_MAX = 8, /* Describes without an answer that are remembered */
};

/* Marks of a request. */
enum {
    POSTGRESQL_COPY_OUT = 1,
    POSTGRESQL_LOGIN = 2,
    POSTGRESQL_EARLY = 4, /* failed before an Execute of its batch was seen */
    POSTGRESQL_COPY_IN = 8,
    POSTGRESQL_DONE = 16, /* all but the ReadyForQuery of its batch was seen */
};

struct postgresql_name {
    uint8_t len;
    char text[POSTGRESQL_NAME_MAX];
};

/* What passes of the server and is looked at. */
enum postgresql_passing {
    POSTGRESQL_PASSING_NOTHING,
    POSTGRESQL_PASSING_FIELDS, /* a RowDescription */
    POSTGRESQL_PASSING_ROW,
    POSTGRESQL_PASSING_COPY, /* a row of a COPY */
};

/* The columns of the result that passes, and where in a message of it the server is. */
struct postgresql_rows {
    struct columns columns;
    struct pieces pieces;
    uint32_t left;     /* bytes of the message that passes */
    uint32_t rest_len; /* of a row, behind the item that was read last */
    uint16_t count;    /* of the row's columns */
    uint16_t at;       /* column that comes next */
    uint8_t next;      /* of the columns that are looked at */
    uint8_t passing;   /* enum postgresql_passing */
    bool has_count;    /* the number of columns was read */
    bool is_copy;      /* rows are text, the fields apart by the delimiter */
    bool has_header;   /* the next of them names the columns */
    bool in_field;     /* a field is passed over, between quotes or not */
    bool is_quoted;
    uint8_t delimiter;
};

/* A Describe that is to be answered. */
struct postgresql_described {
    uint64_t key; /* of the statement's name */
    uint64_t batch;
    bool is_statement; /* rows do not follow the answer */
};

/* A batch is a Query, a FunctionCall, or what ends with a Sync; each is answered by one
 * ReadyForQuery. */
struct postgresql {
    struct postgresql_name user, database, software;
    uint64_t unnamed_statement; /* hash of its shape; 0: unknown */
    struct prepared_entry unnamed_portal;
    uint64_t batches_sent, batches_answered;
    uint64_t failed_batch; /* what is left of it is not executed */
    uint64_t early_batch;  /* has a request marked POSTGRESQL_EARLY */
    uint64_t cut_batch;    /* it may have more statements than were read */
    uint64_t apart_batch;  /* a command of the replication protocol: no statement */
    uint64_t rows_before;  /* of the request that was answered when bytes were lost last */
    uint64_t unkept;       /* statements asked behind those that the pairing has room for */
    struct postgresql_rows rows;
    struct postgresql_described described[POSTGRESQL_DESCRIBED_MAX];
    uint64_t held_statement; /* key of the statement, and of the portal, whose values are held */
    uint64_t held_portal;    /* until it is executed; 0: none */
    uint8_t described_count;
    unsigned asked;  /* requests for encryption without an answer */
    bool batch_open; /* messages of the extended protocol, and no Sync yet */
    bool has_synced; /* a Sync ended the last batch */
    bool client_started;
    bool is_replication; /* commands of the replication protocol are understood */
    bool is_unsure;      /* something was lost: the batches may not be told apart */
    bool is_whole;       /* of the server, all since the last end of a result was seen */
    bool is_suspended;   /* the last answer was a portion of a portal's rows */
};

/* postgresql_is_prepare tells of a command tag, or of a statement without its names, that it only
 * prepares, or forgets, a statement: no request, as Parse and Close are none. */
bool postgresql_is_prepare(struct bytes text);

/* postgresql_own says of a request that a reply made that the client asked for it after all. */
void postgresql_own(struct request *r);

/* The client's messages that name statements and portals.  What is described is remembered until it
 * is answered: that tells the columns of the statement's result. */
void postgresql_parse(struct exchange *x, struct cursor *body);
void postgresql_bind(struct exchange *x, struct cursor *body);
void postgresql_describe(struct exchange *x, struct cursor *body);
void postgresql_close(struct exchange *x, struct cursor *body);

/* What a value may be, other than text as it stands. */
enum postgresql_form {
    POSTGRESQL_FORM_TEXT,
    POSTGRESQL_FORM_INTEGER, /* or one in binary form */
    POSTGRESQL_FORM_NUMERIC,
    POSTGRESQL_FORM_BINARY, /* of a binary format: text, an integer, a numeric */
};

enum { POSTGRESQL_TEXT_MAX = 32 }; /* bytes of a number as text */

/* postgresql_value reads a value: true where *number is one of a binary format, else *text is the
 * value, in `room` where it is not the view itself. */
bool postgresql_value(struct bytes value, enum postgresql_form form, uint64_t *number,
                      struct bytes *text, uint8_t room[POSTGRESQL_TEXT_MAX]);

/* postgresql_row_begin tells whether the rows of r have to be looked at. */
bool postgresql_row_begin(struct exchange *x, const struct request *r);
/* postgresql_row_whole looks at a row whose body is there. */
void postgresql_row_whole(struct exchange *x, struct request *r, struct cursor body);
/* postgresql_rows_pass takes the step over the rest of a row, or over a RowDescription. */
struct step postgresql_rows_pass(struct exchange *x, enum postgresql_passing passing,
                                 uint32_t body_len);
/* postgresql_rows_end says that a result is over, postgresql_rows_lose that bytes are missing, and
 * postgresql_no_rows that what was described has none. */
void postgresql_rows_end(struct postgresql *s);
void postgresql_rows_lose(struct exchange *x);
void postgresql_no_rows(struct postgresql *s);

/* postgresql_copy_begin begins what COPY .. TO STDOUT gives for r, by its CopyOutResponse;
 * postgresql_is_copied tells whether its rows have to be looked at, postgresql_copy_field reads the
 * next field of one as an item of analyzers/sql/pieces.h. */
void postgresql_copy_begin(struct exchange *x, const struct request *r, struct cursor body);
bool postgresql_is_copied(const struct postgresql *s);
size_t postgresql_copy_field(struct exchange *x, struct request *r, struct cursor *in);

/* postgresql_watch is the analyzer's watch. */
void postgresql_watch(struct exchange *x, enum side side, struct bytes seen, uint64_t lost);

/* postgresql_server_parse is the analyzer's parse of the server's side. */
struct step postgresql_server_parse(struct exchange *x, struct cursor *in);

#endif
