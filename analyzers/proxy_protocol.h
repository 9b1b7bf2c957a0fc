/*
 * The PROXY protocol, versions 1 and 2 (HAProxy's proxy-protocol.txt): what a proxy puts before the
 * first byte of any protocol to tell whose connection it passes on.
 */
#ifndef SEEPWATCH_ANALYZERS_PROXY_PROTOCOL_H
#define SEEPWATCH_ANALYZERS_PROXY_PROTOCOL_H

#include "analyzers/analyzer.h"
#include "core/address.h"

enum {
    PROXY_LINE_MAX = 107,   /* bytes of version 1, with what ends it */
    PROXY_HEADER_MAX = 4096 /* bytes of version 2, with what proxies add: a longer one is none */
};

struct proxy_header {
    size_t len;      /* bytes */
    bool has_client; /* false: the proxy speaks for itself, or does not know */
    struct address ip;
    uint16_t port;
};

/* proxy_header_read tells whether a connection's first bytes are such a header; START_SURE: *h is
 * filled. */
enum start proxy_header_read(struct bytes first, struct proxy_header *h);

#endif
