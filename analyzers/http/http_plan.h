/*
 * What is wanted of a body, by what its head says: records of lists that were answered, fields of
 * what was sent.  Bodies of which nothing is wanted are passed over.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_PLAN_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_PLAN_H

#include "analyzers/analyzer.h"
#include "analyzers/http/http_body.h"

/* The media types that are read (RFC 9110, section 8.3.1). */
enum http_type {
    HTTP_TYPE_OTHER,
    HTTP_TYPE_JSON,
    HTTP_TYPE_LINES,
    HTTP_TYPE_CSV,
    HTTP_TYPE_HTML,
    HTTP_TYPE_XML,
    HTTP_TYPE_FORM,
    HTTP_TYPE_MULTIPART,
    HTTP_TYPE_TEXT,
    HTTP_TYPES_COUNT
};

/* http_type_of reads a Content-Type. */
enum http_type http_type_of(struct bytes value);

/* http_codec_of reads a Content-Encoding; false where it is none that can be taken off. */
bool http_codec_of(struct bytes value, enum codec *codec);

/* http_plan tells what is wanted of the body of that side whose head was read; r may be NULL.  Its
 * method, path and status are known then. */
struct http_body_plan http_plan(struct exchange *x, enum side side, struct request *r,
                                enum http_type type, enum codec codec);

#endif
