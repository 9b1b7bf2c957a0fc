/*
 * The claims of a JSON Web Token (RFC 7519) in its compact form, as it is told: nobody here can
 * tell whether the signature is good, but a server that answers with success could.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_JWT_H
#define SEEPWATCH_ANALYZERS_HTTP_JWT_H

#include "core/bytes.h"

enum {
    JWT_CLAIMS_MAX = 4,     /* names that are looked for */
    JWT_PAYLOAD_MAX = 4096, /* bytes of a token's claims that are read */
};

/* jwt_account writes the first of those claims that the token has, and gives its length: 0 where
 * it is no token, or has none of them.  Longer accounts than out_max are none. */
size_t jwt_account(struct bytes token, const struct bytes *claims, size_t claims_count, char *out,
                   size_t out_max);

#endif
