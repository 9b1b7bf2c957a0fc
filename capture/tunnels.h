/*
 * The tunnels that packets came through: their outer ends and numbers, and how much.  Bounded; what
 * finds no place is counted together.
 */
#ifndef SEEPWATCH_CAPTURE_TUNNELS_H
#define SEEPWATCH_CAPTURE_TUNNELS_H

#include "capture/hop.h"

enum { TUNNELS_MAX = 256, TUNNELS_PLACES = 1024 };

struct tunnel_traffic {
    struct hop hop;
    uint64_t packets, bytes; /* datagrams carried; bytes on the wire of the frames that had them */
};

/* A zeroed struct is empty. */
struct tunnels {
    struct tunnel_traffic items[TUNNELS_MAX]; /* in the order of their first packets */
    size_t count;
    struct tunnel_traffic rest;      /* of all others; its hop says nothing */
    uint16_t places[TUNNELS_PLACES]; /* by hash: the item's number from 1; 0: empty */
};

/* tunnels_count adds packets that came through that tunnel. */
void tunnels_count(struct tunnels *t, const struct hop *hop, uint64_t packets, uint64_t bytes);

/* tunnels_add adds what another one counted. */
void tunnels_add(struct tunnels *sum, const struct tunnels *part);

#endif
