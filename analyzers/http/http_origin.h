/*
 * What a request of HTTP/1 said goes on to be true of the protocol that it led to (Upgrade): who
 * asked, and for what.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_ORIGIN_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_ORIGIN_H

#include "analyzers/analyzer.h"

/* http_origin_tell fills what x->origin knew: url.*, the client, its software and its account.  The
 * views are good as long as the connection. */
void http_origin_tell(const struct exchange *x, struct request *r);

#endif
