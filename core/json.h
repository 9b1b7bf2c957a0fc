/*
 * JSON text (RFC 8259), written into one growing buffer.  The writer puts the commas; the caller
 * opens and closes. Text that is not UTF-8 is written with U+FFFD in place of each wrong byte.
 */
#ifndef SEEPWATCH_CORE_JSON_H
#define SEEPWATCH_CORE_JSON_H

#include "core/bytes.h"

enum { JSON_DEPTH_MAX = 16 };

struct json {
    char *text; /* len bytes, no terminating zero; owned by the writer, good until the next call */
    size_t len, size;
    bool wants_comma;
    bool failed; /* no memory: the text is cut */
};

/* json_clear frees the buffer; a zeroed struct is an empty writer. */
void json_clear(struct json *j);
/* json_restart empties the writer and keeps its buffer. */
void json_restart(struct json *j);

void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_name(struct json *j, struct bytes name);
void json_text(struct json *j, struct bytes text);
void json_unsigned(struct json *j, uint64_t value);
/* json_real writes up to 9 significant digits; what is not finite becomes null. */
void json_real(struct json *j, double value);
void json_boolean(struct json *j, bool value);
/* json_counter writes a named number. */
void json_counter(struct json *j, const char *name, uint64_t value);
/* json_line ends the text with a line feed. */
void json_line(struct json *j);

#endif
