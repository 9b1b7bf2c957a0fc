/*
 * Tunnels: IP datagrams that carry other frames.
 */
#ifndef SEEPWATCH_CAPTURE_TUNNEL_H
#define SEEPWATCH_CAPTURE_TUNNEL_H

#include "capture/decode.h"
#include "capture/link.h"

/*
 * tunnel_open looks whether the datagram is one of a known tunnel and sets *inner to what it
 * carries; false where it is none, or its header is broken.  UDP tunnels go by their port alone, so
 * the inner frame may still turn out to be something else.
 */
bool tunnel_open(struct layer *inner, const struct datagram *outer);

#endif
