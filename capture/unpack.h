/*
 * A stream that may be compressed, as a stream of plain bytes: gzip and zstd are known by their
 * first bytes, anything else passes as it is.  The one file around zlib and libzstd here.
 */
#ifndef SEEPWATCH_CAPTURE_UNPACK_H
#define SEEPWATCH_CAPTURE_UNPACK_H

#include <stdbool.h>
#include <stdio.h>

struct unpack;

/*
 * unpack_open reads the first bytes of raw and takes raw over; it is closed with the stream (unless
 * it is stdin).  NULL without memory or where raw cannot be read (errno says why); raw is then
 * still the caller's.
 */
struct unpack *unpack_open(FILE *raw);

/* unpack_stream is what to read from: a stream of its own, or raw where that needs nothing done. */
FILE *unpack_stream(const struct unpack *u);

/* unpack_close frees the struct unpack; its stream is closed before. */
void unpack_close(struct unpack *u);

/* unpack_problem says what is wrong with the compressed data; NULL where nothing is. */
const char *unpack_problem(const struct unpack *u);

#endif
