/*
 * The first lines of HTTP messages (RFC 9112, sections 3 and 4), read with more patience than the
 * RFC asks of a server, as what servers do accept is to be seen.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_LINE_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_LINE_H

#include "analyzers/analyzer.h"

enum { HTTP_METHOD_MAX = 32 /* bytes */ };

struct http_method {
    const char *name;
    enum action action;
};

/* http_method_find finds a known method, without case; NULL where there is none. */
const struct http_method *http_method_find(struct bytes name);

/*
 * http_request_line takes a line apart.  The version may be missing after a known method and a path
 * (HTTP/0.9 and clients that forget it), and in a line that was cut.
 */
bool http_request_line(struct bytes line, bool is_cut, struct bytes *method, struct bytes *target);

/* http_status_line gives the status code, 0 where it is no status line. */
unsigned http_status_line(struct bytes line);

/* The first lines as found among other bytes, for struct analyzer's starts_here. */
enum start http_request_start(struct bytes b);
enum start http_status_start(struct bytes b);

/* http_chunk_size reads the size of a chunk, before its extensions (RFC 9112, section 7.1). */
bool http_chunk_size(struct bytes line, uint64_t *size);

/* http_chunk_start tells whether a chunk's end and the next one's size stand here; *len becomes
 * their length with the chunk. */
enum start http_chunk_start(struct bytes b, uint64_t *len);

#endif
