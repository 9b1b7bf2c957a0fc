/*
 * What the parts of the client's side share.
 */
#ifndef SEEPWATCH_ANALYZERS_TDS_TDS_CLIENT_H
#define SEEPWATCH_ANALYZERS_TDS_TDS_CLIENT_H

#include "analyzers/sql/lookups.h"
#include "analyzers/tds/tds_state.h"
#include "analyzers/tds/tds_text.h"

enum {
    TDS_TYPE_TABLE = 0xf3,
    TDS_DECLARED_MAX = 512, /* bytes of the names of a statement's parameters; further ones are not
                               known by their place */
};

/* What the parameters of a call look for; the visit of its request. */
struct tds_call {
    struct lookups lookups;
    uint16_t declared_len;
    char declared[TDS_DECLARED_MAX]; /* names in the order of the values, each with a blank */
};

/*
 * tds_client_text tells what a text of a message says; the work and the room are bounded.  q: whose
 * the literals in it are, NULL: nobody's; lookups become what is looked for by placeholders, NULL:
 * nobody wants to know.
 */
struct tds_meaning tds_client_text(struct tds_reading *r, struct bytes utf16, struct request *q,
                                   struct lookups *lookups);

/* What is known of a request; q may be NULL. */
void tds_client_mean(struct request *q, const struct tds_meaning *m);
void tds_client_hash(struct request *q, uint64_t hash);
void tds_client_operation(struct request *q, const char *operation);

/* Calls, and their parameters. */
enum tds_pass tds_call_pass(struct tds_reading *r, struct cursor *in, size_t *needs);
/* tds_call_end_parameter goes on behind a parameter. */
void tds_call_end_parameter(struct tds_reading *r);

/* Tables as parameters. */
enum tds_pass tds_table_pass(struct tds_reading *r, struct cursor *in, size_t *needs);

#endif
