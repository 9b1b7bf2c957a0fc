/*
 * Where frames come from: capture files (pcap, pcapng, also gzip or zstd; "-" is standard input;
 * several are merged by time) or live interfaces.  The one file around libpcap.
 */
#ifndef SEEPWATCH_CAPTURE_SOURCE_H
#define SEEPWATCH_CAPTURE_SOURCE_H

#include "capture/capture.h"
#include "core/error.h"

struct source;

struct source_drops {
    uint64_t kernel;    /* packets that the kernel dropped because we were too slow */
    uint64_t interface; /* frames that the network card or its driver had no room for */
};

/*
 * source_open_files opens all of them, and finds the wrong ones, before the first packet is read.
 * filter: BPF text, or NULL.  False with a one-line error: which file, what is wrong.
 */
bool source_open_files(struct source **s, char *const *paths, size_t count, const char *filter,
                       struct error *error);

/* source_open_live opens interfaces in promiscuous mode, with a ring of that size each. */
bool source_open_live(struct source **s, char *const *interfaces, size_t count, const char *filter,
                      size_t ring_bytes, struct error *error);

/*
 * source_share has each frame go to one of several live sources of the same interfaces, all frames
 * between two addresses to the same one (fanout.h).  What came before, when some had it twice, is
 * passed over: it is called before the first read.
 */
bool source_share(struct source *const *sources, size_t count, struct error *error);

/* source_ring_bytes adds up the rings of all interfaces, as the kernel gave them, which may be less
 * than was asked for; 0: unknown. */
size_t source_ring_bytes(const struct source *s);

enum source_status {
    SOURCE_PACKETS, /* some were given */
    SOURCE_QUIET,   /* live: none within the timeout of 100 ms */
    SOURCE_DONE,    /* the end of all files */
    SOURCE_CUT, /* likewise, and one of them ended inside a packet, as when its writer was killed:
                   the error tells which; what it had was given */
    SOURCE_FAILED, /* the error says why; what was read before it was given */
};

/*
 * source_read gives the next frames, some hundreds at the most, to `take`, in the order of their
 * time stamps; data is good during the call.
 */
enum source_status source_read(struct source *s,
                               void (*take)(void *context, const struct packet *packet),
                               void *context, struct error *error);

/*
 * source_drops adds up all interfaces since they were opened; zero for files.  It is for the thread
 * that reads, at any time; a look costs a few system calls an interface, and after a confinement it
 * opens no file that it needs.  Of sources that share, the first alone has `interface`.
 */
struct source_drops source_drops(struct source *s);
void source_close(struct source *s);

#endif
