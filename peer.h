/*
 * Another program that takes messages by a socket: a syslog daemon, the journal.  Nothing here ever
 * waits for it: a message that it does not take at once stands in a queue of fixed size, and where
 * that is full the caller is told.  A peer that is gone is tried again until it is back.
 *
 * On TCP each message goes behind its length (RFC 6587, section 3.4.1); elsewhere it is one
 * datagram.  What the kernel had taken when a TCP connection broke may be lost: plain syslog has no
 * receipts.
 */
#ifndef SEEPWATCH_PEER_H
#define SEEPWATCH_PEER_H

#include "core/address.h"
#include "core/bytes.h"
#include "core/error.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

enum {
    PEER_QUEUE_MAX = 256 << 10, /* bytes that wait */
    PEER_NAME_MAX = 160,
};

enum peer_kind { PEER_UNIX /* datagrams to a path */, PEER_UDP, PEER_TCP };

struct peer_address {
    enum peer_kind kind;
    union {
        struct sockaddr any;
        struct sockaddr_un path;
        struct sockaddr_in6 internet; /* IPv4 has the type and the length of sockaddr_in */
        struct sockaddr_storage room;
    };
    socklen_t len;
};

/* peer_address_of_path fills the address of a socket in the file system; false where the path is
 * too long. */
bool peer_address_of_path(struct peer_address *a, struct bytes path);
/* peer_address_parse reads "10.0.0.9:514" or "[fd00::9]:514", of PEER_UDP or PEER_TCP. */
bool peer_address_parse(struct peer_address *a, struct bytes text, enum peer_kind kind);
/* peer_address_print writes it as people read it: "/dev/log", "udp 10.0.0.9:514". */
void peer_address_print(const struct peer_address *a, char name[PEER_NAME_MAX]);
/* peer_address_port gives the port; 0 of a path. */
uint16_t peer_address_port(const struct peer_address *a);

enum peer_news { PEER_AS_BEFORE, PEER_IS_LOST, PEER_IS_BACK };

struct peer_counters {
    uint64_t sent;
    uint64_t lost;    /* taken, and not sent: refused, too long, or left at the end */
    uint64_t returns; /* connected again after a loss */
};

struct peer;

/* peer_open connects where that is possible at once; NULL without memory. */
struct peer *peer_open(const struct peer_address *a);
/* peer_close gives up what waits. */
void peer_close(struct peer *p);

/* peer_send takes one message; false, and nothing was taken, where the queue has no room. */
bool peer_send(struct peer *p, struct bytes message);
/* peer_is_idle tells that nothing waits and that the peer is not known to be gone. */
bool peer_is_idle(const struct peer *p);

/* peer_tick sends what waits as far as the peer takes it, and connects again.  now_ns: of a clock
 * that is never set.  *why is the errno of a loss. */
enum peer_news peer_tick(struct peer *p, int64_t now_ns, int *why);

/* peer_finish gives the peer two more seconds for what waits, then counts the rest as lost; false
 * where there was some. */
bool peer_finish(struct peer *p);

struct peer_counters peer_counters(const struct peer *p);

#endif
