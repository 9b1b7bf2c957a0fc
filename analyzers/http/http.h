/*
 * HTTP/1.0 and HTTP/1.1 (RFC 9110, RFC 9112).
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_H

#include "analyzers/analyzer.h"

enum {
    HTTP_LINE_MAX = 16384, /* bytes; of a longer line only these are read */
};

extern const struct analyzer HTTP_ANALYZER;

#endif
