/*
 * URL paths without their identifiers: /customers/4711 becomes /customers/{id}.  What is shown of a
 * path is only that, because identifiers of customers stand in paths as often as in queries.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_TEMPLATE_H
#define SEEPWATCH_ANALYZERS_HTTP_TEMPLATE_H

#include "core/bytes.h"

enum {
    TEMPLATE_MAX = 512,        /* bytes; a longer template ends after the last whole segment */
    TEMPLATE_SEGMENT_MAX = 40, /* bytes; a longer segment is an identifier */
};

/*
 * template_write writes the template of a path (RFC 3986, section 3.3) and returns its length.  The
 * query, the fragment and the parameters of segments (";jsessionid=..") are left out.  A segment is
 * an identifier where it has digits and no letters, at least four digits and no more letters than
 * those, an '@', a blank or a letter beyond ASCII (a name), or is a UUID, a hexadecimal or a mixed
 * random-looking string, or too long; percent signs are decoded first.  Of "name=value" and
 * "name(value)" the value is one.
 */
size_t template_write(struct bytes path, char out[TEMPLATE_MAX]);

/* template_is_identifier tells whether a segment is one. */
bool template_is_identifier(struct bytes segment);

#endif
