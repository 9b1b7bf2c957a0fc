/*
 * What the parts of the server's side share.
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_REPLY_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_REPLY_H

#include "analyzers/tds/tds_state.h"

enum tds_token {
    TOKEN_OFFSET = 0x78,
    TOKEN_STATUS = 0x79,
    TOKEN_COLUMNS = 0x81,
    TOKEN_TOTALS = 0x88, /* columns of totals (COMPUTE BY) */
    TOKEN_LABELS = 0xa3,
    TOKEN_ERROR = 0xaa,
    TOKEN_INFO = 0xab,
    TOKEN_RETURNED = 0xac,
    TOKEN_LOGIN = 0xad,
    TOKEN_FEATURES = 0xae,
    TOKEN_ROW = 0xd1,
    TOKEN_NULLS_ROW = 0xd2,
    TOKEN_TOTAL = 0xd3,
    TOKEN_CHANGE = 0xe3,
    TOKEN_STATE = 0xe4,
    TOKEN_PROOF = 0xed, /* of a login: more of it is asked for */
    TOKEN_FEDAUTH = 0xee,
    TOKEN_DONE = 0xfd,
    TOKEN_DONE_PROC = 0xfe,
    TOKEN_DONE_IN_PROC = 0xff,
};

/* tds_is_long tells whether counts and types of users are long. */
static inline bool tds_is_long(const struct tds_reading *r)
{
    return r->s->era == TDS_ERA_72 || r->s->era == TDS_ERA_UNKNOWN;
}

/* tds_reply_apart says of a request that was not seen that it is none of the server's own count. */
void tds_reply_apart(struct request *q);
/* tds_reply_login likewise, and that it was a login. */
void tds_reply_login(struct request *q);
/* tds_reply_rows counts rows that passed; q may be NULL, as for all of these. */
void tds_reply_rows(struct request *q, uint64_t rows);
/* tds_reply_partial says that not all of the reply was understood. */
void tds_reply_partial(struct request *q);
/* tds_reply_hash gives the hash of the statement; 0: unknown. */
uint64_t tds_reply_hash(const struct request *q);

/* tds_done_pass takes DONE, DONEPROC and DONEINPROC. */
enum tds_pass tds_done_pass(struct tds_reading *r, struct cursor *in, size_t *needs);
/* tds_lost_pass goes to the end of a reply, of which a part is missing. */
enum tds_pass tds_lost_pass(struct tds_reading *r, size_t *needs);

/* The tokens that begin descriptions and rows; tds_result_pass goes on with them. */
enum tds_pass tds_columns_pass(struct tds_reading *r, struct cursor *in, size_t *needs);
enum tds_pass tds_totals_pass(struct tds_reading *r, struct cursor *in, size_t *needs);
enum tds_pass tds_row_pass(struct tds_reading *r, struct cursor *in);
enum tds_pass tds_total_pass(struct tds_reading *r, struct cursor *in, size_t *needs);
enum tds_pass tds_result_pass(struct tds_reading *r, struct cursor *in, size_t *needs);
/* tds_result_give_up leaves the number of rows to the server. */
enum tds_pass tds_result_give_up(struct tds_reading *r);

#endif
