/*
 * A stream of HTTP/2: a request with its response, and what is read of both.  What fields and
 * bodies mean is the same as in HTTP/1 (analyzers/http/http_fields.h, http_plan.h, http_visit.h).
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP2_HTTP2_STREAM_H
#define SEEPWATCH_ANALYZERS_HTTP2_HTTP2_STREAM_H

#include "analyzers/http/http_fields.h"
#include "analyzers/http/http_plan.h"
#include "analyzers/http2/http2_grpc.h"

struct http2_stream {
    struct http_head head[2]; /* by enum side */
    struct http_body *read[2];
    struct grpc_messages messages[2];
    struct bytes call; /* the path of what may be a gRPC call, as it is; empty: as url.path */
    bool has_ended[2];
    bool has_answer; /* the head of the final response was read */
    bool is_grpc;
    bool has_grpc_status;
    bool is_refused; /* the server broke it off */
    bool is_early;   /* the answer came before what it answers, which may still come */
};

/* http2_stream_open makes the stream of a request that is new; NULL without memory. */
struct http2_stream *http2_stream_open(struct exchange *x, struct request *r);

/* http2_stream_field takes a field of a head of that side, or of trailers. */
void http2_stream_field(struct exchange *x, enum side side, struct request *r, bool is_trailer,
                        struct bytes name, struct bytes value);

/* http2_stream_head says that the head of that side is at its end; has_body: data may follow. */
void http2_stream_head(struct exchange *x, enum side side, struct request *r, bool has_body);

/* http2_stream_is_read tells whether somebody wants to see the body of that side. */
bool http2_stream_is_read(const struct request *r, enum side side);
/* http2_stream_data takes bytes of a body, or says that so many are lost. */
void http2_stream_data(struct request *r, enum side side, struct bytes piece, uint64_t lost);
/* http2_stream_lose says that bytes of that side are missing, who knows how many. */
void http2_stream_lose(struct request *r, enum side side);

/* http2_stream_end says that the side has ended; with both sides the request is over. */
void http2_stream_end(struct exchange *x, enum side side, struct request *r);

/* http2_stream_finish is struct analyzer's finish, http2_stream_glance its glance. */
void http2_stream_finish(struct exchange *x, struct request *r);
void http2_stream_glance(struct exchange *x, const struct request *r, struct transaction *t);

/* http2_stream_close frees what the stream holds beside the request. */
void http2_stream_close(struct request *r);

#endif
