/*
 * The header fields of HTTP messages that say how long a body is, who asks, and for what.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_FIELDS_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_FIELDS_H

#include "analyzers/analyzer.h"

enum {
    HTTP_DOMAIN_MAX = 255, /* bytes */
    HTTP_AGENT_MAX = 256,  /* bytes */
    HTTP_USER_MAX = 128,   /* bytes */
};

/* Where the client behind a proxy was told of. */
enum http_told { HTTP_TOLD_NOT, HTTP_TOLD_BY_FORWARDED, HTTP_TOLD_BY_X_FORWARDED_FOR };

/* What a server says that the connection goes on with. */
enum http_upgrade { HTTP_UPGRADE_OTHER, HTTP_UPGRADE_HTTP2, HTTP_UPGRADE_WEBSOCKET };

/* What the fields of one head have said. */
struct http_head {
    uint64_t length; /* of Content-Length */
    bool has_length;
    bool is_ambiguous;       /* Content-Length is no number, or several */
    bool is_chunked;         /* Transfer-Encoding has "chunked" */
    bool has_coding;         /* Transfer-Encoding has another coding */
    bool expects_continue;   /* Expect: 100-continue */
    bool has_unknown_client; /* a proxy named a client that is no address */
    bool has_unknown_codec;  /* Content-Encoding is none that can be taken off */
    uint8_t codec;           /* enum codec, of the body */
    uint8_t type;            /* enum http_type, likewise */
    uint8_t told;            /* enum http_told */
    uint8_t field;   /* of the last line, for lines that go on with it; 0: none of interest */
    uint8_t upgrade; /* enum http_upgrade */
};

/* http_method fills http.request.method and what follows from it. */
void http_method(struct exchange *x, struct request *r, struct bytes method);

/* http_status fills http.response.status_code, of a final response, and the outcome. */
void http_status(struct request *r, unsigned status);

/* http_target fills url.* from the target of a request. */
void http_target(struct exchange *x, struct request *r, struct bytes method, struct bytes target);

/* http_authority fills url.domain, http_path the rest of url.*. */
void http_authority(struct exchange *x, struct request *r, struct bytes authority);
void http_path(struct exchange *x, struct request *r, struct bytes path);

/* http_field reads one line of a head; r is NULL where the request is not known. */
void http_field(struct exchange *x, enum side side, struct http_head *head, struct request *r,
                struct bytes line);

/* http_named_field is http_field of a field that is no line. */
void http_named_field(struct exchange *x, enum side side, struct http_head *head, struct request *r,
                      struct bytes name, struct bytes value);

#endif
