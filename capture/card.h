/*
 * What an interface loses before the kernel hands its frames out: the network card's own counters,
 * which the kernel shows as files.
 */
#ifndef SEEPWATCH_CAPTURE_CARD_H
#define SEEPWATCH_CAPTURE_CARD_H

#include <stdint.h>

enum { CARD_COUNTERS = 3 };

struct card {
    int fds[CARD_COUNTERS]; /* -1: there is no such counter */
    uint64_t last[CARD_COUNTERS];
};

/* card_init makes a card that has no counters. */
void card_init(struct card *c);

/* card_open opens an interface's counters and begins to count; without /sys there are none.  The
 * files stay open, so that they can be read when no other can be opened. */
void card_open(struct card *c, const char *interface);

/* card_lost tells how many frames were lost since the last call: no room in the card (missed, fifo)
 * or none in the driver and the kernel's backlog (dropped). */
uint64_t card_lost(struct card *c);

void card_close(struct card *c);

#endif
