/*
 * What a message of the PostgreSQL protocol looks like from outside: its header, and whether one
 * can start at some bytes.
 */
#ifndef SEEPWATCH_ANALYZERS_POSTGRESQL_POSTGRESQL_START_H
#define SEEPWATCH_ANALYZERS_POSTGRESQL_POSTGRESQL_START_H

#include "analyzers/analyzer.h"

enum {
    POSTGRESQL_HEADER_LEN = 5,        /* type, length */
    POSTGRESQL_LONG_MAX = 0x3fffffff, /* bytes; the server's own bound on a message */
    POSTGRESQL_CANCEL_REQUEST = 80877102,
    POSTGRESQL_SSL_REQUEST = 80877103,
    POSTGRESQL_GSSENC_REQUEST = 80877104,
    POSTGRESQL_TLS_HANDSHAKE = 0x16,
};

struct postgresql_header {
    uint8_t type;
    uint32_t body_len; /* bytes after the header; UINT32_MAX where the length is none */
};

/* postgresql_header reads a header; ask the cursor whether it was there. */
static inline struct postgresql_header postgresql_header(struct cursor *in)
{
    struct cursor header = cursor_inner(in, POSTGRESQL_HEADER_LEN);
    uint8_t type = cursor_u8(&header);
    uint32_t len = cursor_be32(&header);
    return (struct postgresql_header){type, len >= 4 ? len - 4 : UINT32_MAX};
}

/* Whether type and length go together. */
bool postgresql_is_client_header(const struct postgresql_header *h);
bool postgresql_is_server_header(const struct postgresql_header *h);

/* postgresql_is_startup tells whether these are the length and the code of a message without a
 * type. */
bool postgresql_is_startup(uint32_t len, uint32_t code);

enum start postgresql_starts_here(const struct exchange *x, enum side side, struct cursor in,
                                  uint64_t *message_len);

#endif
