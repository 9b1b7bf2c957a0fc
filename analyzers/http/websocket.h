/*
 * WebSocket (RFC 6455), behind an Upgrade of HTTP/1.  Messages and bytes are counted both ways;
 * what is in them is not looked at.
 *
 * A message of the client begins a transaction, and what the server sends until the next one
 * answers it: http.response.records are the server's messages, the bodies' bytes those of their
 * payloads.  What the server sends before the client has said anything, or long after, is a
 * transaction without a request.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_WEBSOCKET_H
#define SEEPWATCH_ANALYZERS_HTTP_WEBSOCKET_H

#include "analyzers/analyzer.h"

enum {
    WEBSOCKET_MESSAGES_MAX = 1000, /* of the server in one transaction */
    WEBSOCKET_BYTES_MAX = 1 << 20, /* likewise; a message is never cut */
    WEBSOCKET_SECONDS_MAX = 60,    /* after which what the server sends is told apart */
    WEBSOCKET_CHAIN = 5,           /* frames that must land on one another after a gap */
};

extern const struct analyzer WEBSOCKET_ANALYZER;

#endif
