/*
 * How much memory a packet socket's ring has.  libpcap asks the kernel for less and less until it
 * gets it, and does not tell.
 */
#ifndef SEEPWATCH_CAPTURE_RING_H
#define SEEPWATCH_CAPTURE_RING_H

#include <stddef.h>

/* ring_measure adds up what is mapped of a socket here; 0 where that cannot be known: without
 * /proc. */
size_t ring_measure(int fd);

#endif
