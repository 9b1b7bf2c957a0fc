/*
 * What the fields of a body say of who logs in and what is called: names of forms' and JSON's
 * members with their values go in, one by one; an account's name, whether there was a password, the
 * hash of a token and an operation's name come out.  Passwords are never kept.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_FACTS_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_FACTS_H

#include "core/bytes.h"

enum {
    FACTS_NAME_MAX = 64,      /* bytes of a field's name that are looked at */
    FACTS_VALUE_MAX = 128,    /* bytes of a value likewise */
    FACTS_USER_MAX = 128,     /* bytes */
    FACTS_OPERATION_MAX = 64, /* bytes */
};

enum facts_operation { OPERATION_NONE, OPERATION_READ, OPERATION_WRITE, OPERATION_OTHER };

struct http_facts {
    bool has_password;
    bool is_change;    /* of a password: no login */
    bool has_error;    /* an answer that says that it failed */
    uint8_t user_rank; /* how surely the field was an account's name; 0: none */
    uint8_t user_len;  /* bytes */
    uint8_t operation; /* enum facts_operation */
    uint8_t operation_len;
    bool is_rpc;    /* JSON-RPC was said */
    bool is_method; /* the operation is what a field `method` says: only of JSON-RPC is it one */
    uint64_t token; /* keyed hash of what the answer gave to be known by; 0: none */
    char user[FACTS_USER_MAX];
    char operation_name[FACTS_OPERATION_MAX];
};

/* A field as it was read. */
struct facts_field {
    struct bytes name, value; /* their first bytes, decoded */
    bool is_text;             /* a string, not a number, true, false or null */
    uint64_t hash;            /* keyed, of the whole value */
};

/* What operators call the fields; empty where their names are found by shape. */
struct facts_names {
    struct bytes user, password;
};

void facts_take(struct http_facts *f, const struct facts_names *names,
                const struct facts_field *field);

/* facts_operation_set takes a name where it is one: letters, digits, '_', '.', '-' and ':'. */
void facts_operation_set(struct http_facts *f, struct bytes name, enum facts_operation kind);

/* facts_graphql reads the beginning of a document (GraphQL, October 2021, section 2.3). */
void facts_graphql(struct http_facts *f, struct bytes text);

#endif
