/*
 * Capture files of the usual kind (pcap, little-endian: draft-ietf-opsawg-pcap), read in large
 * pieces and looked at where they lie: libpcap makes two calls and a copy for each frame.  What is
 * not as usual is left to libpcap, which goes on where this stops.
 */
#ifndef SEEPWATCH_CAPTURE_SAVEFILE_H
#define SEEPWATCH_CAPTURE_SAVEFILE_H

#include "core/bytes.h"

#include <stdio.h>

struct savefile;

/* A frame as it was saved; data is good until the next one. */
struct savefile_frame {
    int64_t ns;
    struct bytes data;
    uint32_t wire_len; /* bytes on the wire */
};

/*
 * savefile_open looks at a file whose header was read; frames longer than snap_len are unusual. The
 * stream stays the caller's.  NULL without memory or where it is another kind of file, or none that
 * can be wound back; the stream then stands where it did.
 */
struct savefile *savefile_open(FILE *stream, size_t snap_len);

/*
 * savefile_next gives the next frame.  False at the end and before what is not a whole, usual
 * frame: the stream then stands there, and there is nothing more to be had.
 */
bool savefile_next(struct savefile *f, struct savefile_frame *frame);

void savefile_close(struct savefile *f);

#endif
