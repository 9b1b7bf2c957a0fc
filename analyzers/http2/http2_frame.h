/*
 * Frames of HTTP/2 (RFC 9113, sections 4 and 6): their headers, and how they are told from other
 * bytes.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP2_HTTP2_FRAME_H
#define SEEPWATCH_ANALYZERS_HTTP2_HTTP2_FRAME_H

#include "analyzers/analyzer.h"

enum {
    HTTP2_PREFACE_LEN = 24,
    HTTP2_FRAME_LEN = 9, /* bytes of a frame's header */
};

enum http2_type {
    HTTP2_DATA,
    HTTP2_HEADERS,
    HTTP2_PRIORITY,
    HTTP2_RST_STREAM,
    HTTP2_SETTINGS,
    HTTP2_PUSH_PROMISE,
    HTTP2_PING,
    HTTP2_GOAWAY,
    HTTP2_WINDOW_UPDATE,
    HTTP2_CONTINUATION,
};

enum http2_flag {
    HTTP2_END_STREAM = 0x01, /* of DATA and HEADERS */
    HTTP2_ACK = 0x01,        /* of SETTINGS and PING */
    HTTP2_END_HEADERS = 0x04,
    HTTP2_PADDED = 0x08,
    HTTP2_HAS_PRIORITY = 0x20,
};

struct http2_frame {
    uint32_t len; /* bytes behind the header */
    uint8_t type; /* enum http2_type, or one that is not known */
    uint8_t flags;
    uint32_t stream; /* 0: the connection's */
};

/* http2_frame_read reads a frame's header; false where no frame can have it. */
bool http2_frame_read(struct cursor *in, struct http2_frame *f);

/* http2_preface tells whether the client's first bytes are those of HTTP/2. */
enum start http2_preface(struct bytes b);

/* http2_start is struct analyzer's starts_here. */
enum start http2_start(enum side side, struct bytes b, uint64_t *message_len);

#endif
