/*
 * Who asks: what the heads and bodies of one request and its answer say of the account, and what
 * comes of it when both are there: a login or a logout and how it went, the account of a session,
 * the operation of an API.  Cookies and tokens become keyed hashes where they are read.
 *
 * For any version of HTTP: fields of heads go in by name, bodies through http_body.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_VISIT_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_VISIT_H

#include "analyzers/analyzer.h"
#include "analyzers/http/http_world.h"

enum {
    VISIT_COOKIES_MAX = 8, /* of a request */
    VISIT_SET_MAX = 4,     /* of an answer */
};

/* A cookie, known by hashes. */
struct visit_cookie {
    uint64_t value; /* keyed, of name and value */
    uint32_t name;
    bool is_session; /* by its name, or its value where it was set */
};

/* Where an answer leads. */
enum visit_way { WAY_NOWHERE, WAY_ON, WAY_BACK /* to the login, or to an error */ };

struct http_visit {
    struct http_facts asked; /* what the request's body said */
    struct visit_cookie cookies[VISIT_COOKIES_MAX], set[VISIT_SET_MAX];
    uint8_t cookies_count, set_count;
    uint8_t way;          /* enum visit_way */
    bool has_basic;       /* credentials were in the request's head */
    bool is_told_failed;  /* the answer's body, or where it leads, says so */
    bool is_html;         /* the answer is a page */
    uint64_t bearer;      /* keyed hash of a token in the request's head; 0: none */
    uint64_t token;       /* likewise, given in the answer's body */
    struct bytes claimed; /* account of a JSON Web Token, a note */
};

/* http_visit_of gives the visit of r, made where there is none yet; NULL without memory, or where r
 * is NULL. */
struct http_visit *http_visit_of(struct exchange *x, struct request *r);

/* Fields of a head: Cookie, Set-Cookie, Location, Authorization other than Basic (or a field that
 * is a token by itself), SOAPAction. */
void http_visit_cookie(struct exchange *x, struct request *r, struct bytes value);
void http_visit_set_cookie(struct exchange *x, struct request *r, struct bytes value);
void http_visit_location(struct exchange *x, struct request *r, struct bytes value);
void http_visit_token(struct exchange *x, struct request *r, struct bytes token);
void http_visit_soap_action(struct exchange *x, struct request *r, struct bytes value);

/* http_visit_body takes over what a body has said so far. */
void http_visit_body(struct exchange *x, enum side side, struct request *r, struct http_body *body);

/* http_visit_reads tells whether an operation of that name reads. */
bool http_visit_reads(struct bytes name);

/* http_visit_glance completes t, a copy of r's transaction, by whose it is as far as that is known
 * while the reply passes. */
void http_visit_glance(struct exchange *x, const struct request *r, struct transaction *t);

/* http_visit_finish draws the conclusions; for struct analyzer's finish. */
void http_visit_finish(struct exchange *x, struct request *r);

#endif
