/*
 * HTTP/2 in clear text (RFC 9113): begun with its preface, or behind an Upgrade of HTTP/1.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP2_HTTP2_H
#define SEEPWATCH_ANALYZERS_HTTP2_HTTP2_H

#include "analyzers/analyzer.h"

extern const struct analyzer HTTP2_ANALYZER;

#endif
