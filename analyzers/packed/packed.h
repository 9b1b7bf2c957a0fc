/*
 * Packed bytes of a side as they pass: decoded piece by piece into a feed of their own, never kept.
 * What comes out is bounded by what was told, and over all of a side by PACKED_FREE bytes and
 * PACKED_RATIO_MAX bytes for each packed one.
 */
#ifndef SEEPWATCH_ANALYZERS_PACKED_PACKED_H
#define SEEPWATCH_ANALYZERS_PACKED_PACKED_H

#include "analyzers/feed.h"

enum {
    PACKED_FREE = 32 << 20,  /* two of MySQL's longest packets, however well they pack */
    PACKED_RATIO_MAX = 1100, /* zlib can reach 1,032 */
};

struct unpacking {
    struct feed inner;
    struct unpacker *unpacker; /* at work; NULL: none */
    enum codec codec;          /* of the run that passes */
    bool is_cut;               /* a part of the packed stream is missing: what is behind it in that
                                  stream cannot be unpacked */
    uint32_t told_len;         /* bytes that the run becomes; 0: not told */
    uint64_t made_len;         /* bytes that came out of it */
    uint64_t wire_len;         /* bytes of it that are not yet counted */
    uint64_t packed_total, unpacked_total; /* bytes of all runs */
};

/* packed_begin begins a run behind its header; false where it cannot be unpacked: it is only passed
 * over then. */
bool packed_begin(struct feed *f, const struct step *step, size_t header_len);

/* packed_take takes packed bytes of the run.  COURSE_WAITS: it goes on; COURSE_LOST: the rest of it
 * cannot be unpacked; COURSE_OVER: the analyzer handed the connection over. */
enum course packed_take(struct feed *f, struct bytes packed);

/*
 * packed_lose says that packed bytes of the run are missing: the rest of it cannot be unpacked,
 * unless it was stored as it is (*goes_on).  True where what was in them matters.
 */
bool packed_lose(struct feed *f, uint64_t lost_len, bool *goes_on);

/* packed_end ends a run: its bytes go to the request that is receiving. */
void packed_end(struct feed *f);

/* packed_gap says that bytes outside of a run are missing. */
void packed_gap(struct feed *f);

/* packed_flush counts what passed of a run: no more of it may come. */
void packed_flush(struct feed *f);

void packed_clear(struct feed *f);

#endif
