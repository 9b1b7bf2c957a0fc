/*
 * The checksums of TCP (RFC 9293, section 3.1) and of the IPv4 header (RFC 791) of what was
 * mirrored.  A host that leaves them to its network card shows what it handed to the card: no
 * checksum of the header, and of TCP the sum of the pseudo header alone (Linux: CHECKSUM_PARTIAL);
 * frames over the MTU were merged by the card or will be cut by it.  None of that is damage.
 */
#ifndef SEEPWATCH_CAPTURE_CHECKSUM_H
#define SEEPWATCH_CAPTURE_CHECKSUM_H

#include "capture/decode.h"

enum { CHECKSUM_LEN_MAX = 1500 }; /* bytes of a datagram; longer ones are left out */

enum checksum {
    CHECKSUM_RIGHT,
    CHECKSUM_WRONG,
    CHECKSUM_UNKNOWN, /* cut by the snap length, over the MTU, or left to the network card */
};

/* checksum_of looks at a datagram of TCP, whose header tells that checksum. */
enum checksum checksum_of(const struct datagram *d, uint16_t tcp_checksum);

#endif
