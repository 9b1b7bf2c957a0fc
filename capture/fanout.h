/*
 * How the kernel gives the frames of an interface to several sockets (packet(7), PACKET_FANOUT): a
 * program of classic BPF walks through tags and tunnels to the innermost IP addresses, and all
 * frames between two addresses, both directions, go to the same socket.
 *
 * The kernel's own hash stops at a VXLAN, GENEVE or GTP-U datagram, whose UDP ports differ by
 * direction.  The ports inside are left out on purpose: a fragment has none, so with them whoever
 * fragments his packets would keep his connection from being seen as one.  The price is that two
 * busy addresses are one worker's; many clients of one server spread evenly.
 */
#ifndef SEEPWATCH_CAPTURE_FANOUT_H
#define SEEPWATCH_CAPTURE_FANOUT_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

enum { FANOUT_CODE_MAX = BPF_MAXINSNS };

struct fanout_program {
    struct sock_filter code[FANOUT_CODE_MAX];
    size_t len;
    size_t walk; /* where the walk begins: the frame's EtherType is in M[FANOUT_TYPE], X is how far
                    off its data begins, M[FANOUT_SUM] is 0 */
};

enum { FANOUT_SUM = 0, FANOUT_TYPE = 1 };

/* fanout_write writes the program.  It returns a number for two addresses; the kernel takes the
 * rest of its division by the number of sockets.  What is no IP, or cut short, goes with 0. */
void fanout_write(struct fanout_program *p);

/*
 * fanout_join puts a packet socket into a group; *group is -1 for a new one, which then becomes
 * *group.  Fragments of outer IPv4 datagrams are put together before the program sees them.  False
 * where the kernel refuses; errno says why.
 */
bool fanout_join(int fd, int *group);

#endif
