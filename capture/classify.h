/*
 * nDPI's opinion of flows that nobody else could name.  The one file around nDPI.
 */
#ifndef SEEPWATCH_CAPTURE_CLASSIFY_H
#define SEEPWATCH_CAPTURE_CLASSIFY_H

#include "core/bytes.h"

enum {
    CLASSIFY_FLOWS_MAX = 1024, /* looked at at once; nDPI holds about 2.7 KB for each */
    CLASSIFY_PACKETS_MAX = 16, /* of a flow; then nDPI has to guess or give up */
    CLASSIFY_NAME_MAX = 32,
};

struct classify;

/* classify_open returns NULL without memory; nDPI itself is started with the first packet.
 * bytes_max: for the flows looked at; 0: what CLASSIFY_FLOWS_MAX take. */
struct classify *classify_open(size_t bytes_max);
void classify_close(struct classify *c);

/*
 * classify_packet shows nDPI an IP packet of a flow.  *slot is the flow's place in the pool (-1:
 * none yet), kept by the caller.  Returns the name in lower case, good until the next call, once
 * nDPI has made up its mind or given up
 * ("unknown"); the place is then free and *slot is -1.  NULL while it has not, or where the pool is
 * full (which is counted).
 */
const char *classify_packet(struct classify *c, int32_t *slot, struct bytes ip, int64_t ns);

/* classify_forget gives a place back whose flow has ended. */
void classify_forget(struct classify *c, int32_t *slot);

uint64_t classify_refused(const struct classify *c);

#endif
