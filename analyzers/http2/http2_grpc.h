/*
 * gRPC over HTTP/2 (gRPC's PROTOCOL-HTTP2.md): messages in a body, counted by their prefixes.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP2_HTTP2_GRPC_H
#define SEEPWATCH_ANALYZERS_HTTP2_HTTP2_GRPC_H

#include "core/bytes.h"

enum { GRPC_PREFIX_LEN = 5 /* bytes: a flag, and the length of the message, big-endian */ };

struct grpc_messages {
    uint64_t left;  /* bytes of the message that are still to pass */
    uint64_t count; /* messages that began */
    bool is_cut;    /* where the next one begins is not known: what was counted is a lower bound */
    uint8_t prefix_len;
    uint8_t prefix[GRPC_PREFIX_LEN];
};

/* grpc_is reads a Content-Type. */
bool grpc_is(struct bytes content_type);

/* grpc_is_call tells whether a path is "/service/method", names that programs have. */
bool grpc_is_call(struct bytes path);

/* grpc_take takes the next bytes of a body, grpc_lose says that so many are missing. */
void grpc_take(struct grpc_messages *m, struct bytes piece);
void grpc_lose(struct grpc_messages *m, uint64_t lost);

#endif
