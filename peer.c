/*
 * A queue of messages, each behind its length, and a socket that never blocks.  A datagram socket
 * of UDP is connected once and stays; the others are opened anew after a loss, which is all that a
 * confined run has to be allowed (commands/confine.c).
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include "peer.h"

#include "core/clock.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    LINGERS_MAX = 20, /* looks at what waits, at the end */
    LINGER_MS = 100,
    STALL_MS = 120000, /* TCP that acknowledges nothing for so long is lost */
    LENGTH_TEXT_MAX = 16,
};

#define RETRY_NS CLOCK_SECOND_NS /* after a loss, twice as long each time */
#define RETRY_NS_MAX (32 * CLOCK_SECOND_NS)
#define CONNECT_NS (10 * CLOCK_SECOND_NS) /* given to a connection that is being made */
#define PROVEN_NS CLOCK_SECOND_NS         /* without trouble, until it counts as back */

enum state { STATE_DOWN, STATE_CONNECTING, STATE_UP };

struct peer {
    struct peer_address address;
    int fd;
    enum state state;
    bool is_told;    /* that it is lost */
    bool was_proven; /* something was sent since it is up, or it answered the connection */
    int why;         /* errno of the last loss */
    int64_t now_ns, since_ns, retry_ns, wait_ns;
    struct peer_counters counters;
    size_t begin, end; /* of the queue */
    size_t part;       /* bytes of the first message that are sent */
    uint8_t queue[PEER_QUEUE_MAX];
};

bool peer_address_of_path(struct peer_address *a, struct bytes path)
{
    *a = (struct peer_address){.kind = PEER_UNIX, .len = sizeof(a->path)};
    a->path.sun_family = AF_UNIX;
    if (path.len == 0 || path.len >= sizeof(a->path.sun_path))
        return false;
    memcpy(a->path.sun_path, path.data, path.len);
    return true;
}

/* A port in network order. */
static in_port_t wire_port(uint16_t port)
{
    const uint8_t octets[2] = {(uint8_t)(port >> 8), (uint8_t)port};
    in_port_t wire;
    memcpy(&wire, octets, sizeof(wire));
    return wire;
}

static void fill_ipv4(struct peer_address *a, const struct address *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = wire_port(port)};
    memcpy(&in.sin_addr, address->octets + 12, sizeof(in.sin_addr));
    memcpy(&a->room, &in, sizeof(in));
    a->len = sizeof(in);
}

static void fill_ipv6(struct peer_address *a, const struct address *address, uint16_t port)
{
    a->internet = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = wire_port(port)};
    memcpy(&a->internet.sin6_addr, address->octets, sizeof(address->octets));
    a->len = sizeof(a->internet);
}

bool peer_address_parse(struct peer_address *a, struct bytes text, enum peer_kind kind)
{
    size_t bracket = bytes_index(text, ']'), at = 0;
    bool is_bracketed = bytes_start(text, "[") && bracket < text.len;
    struct bytes host = text, port = {NULL, 0};
    struct address address;
    uint64_t number = 0;
    if (is_bracketed) {
        host = bytes_from(bytes_first(text, bracket), 1);
        port = bytes_from(text, bracket + 1);
    } else {
        at = bytes_index(text, ':');
        host = bytes_first(text, at);
        port = bytes_from(text, at);
    }
    *a = (struct peer_address){.kind = kind};
    if (!bytes_start(port, ":") || !bytes_number(bytes_from(port, 1), &number) || number < 1 ||
        number > 65535 || !address_parse(&address, host))
        return false;
    if (address_is_ipv4(&address) != !is_bracketed)
        return false;
    (is_bracketed ? fill_ipv6 : fill_ipv4)(a, &address, (uint16_t)number);
    return true;
}

uint16_t peer_address_port(const struct peer_address *a)
{
    uint8_t octets[2]; /* at the same place in both forms */
    memcpy(octets, &a->internet.sin6_port, sizeof(octets));
    return a->kind == PEER_UNIX ? 0 : (uint16_t)(octets[0] << 8 | octets[1]);
}

void peer_address_print(const struct peer_address *a, char name[PEER_NAME_MAX])
{
    char host[ADDRESS_TEXT_MAX];
    struct address address;
    bool is_ipv6 = a->any.sa_family == AF_INET6;
    if (a->kind == PEER_UNIX) {
        (void)snprintf(name, PEER_NAME_MAX, "%s", a->path.sun_path);
        return;
    }
    if (is_ipv6) {
        address = address_from_ipv6(a->internet.sin6_addr.s6_addr);
    } else {
        struct sockaddr_in in;
        memcpy(&in, &a->room, sizeof(in));
        uint8_t octets[4];
        memcpy(octets, &in.sin_addr, sizeof(octets));
        address = address_from_ipv4(octets);
    }
    (void)address_print(&address, host);
    (void)snprintf(name, PEER_NAME_MAX, "%s %s%s%s:%u", a->kind == PEER_UDP ? "udp" : "tcp",
                   is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", (unsigned)peer_address_port(a));
}

static void peer_lose(struct peer *p, int why)
{
    p->why = why;
    p->state = STATE_DOWN;
    p->part = 0; /* the half of a message is sent again as a whole */
    p->wait_ns = p->wait_ns == 0 ? RETRY_NS : p->wait_ns * 2;
    if (p->wait_ns > RETRY_NS_MAX)
        p->wait_ns = RETRY_NS_MAX;
    p->retry_ns = p->now_ns + p->wait_ns;
    if (p->address.kind == PEER_UDP && p->fd >= 0)
        return;
    if (p->fd >= 0)
        (void)close(p->fd);
    p->fd = -1;
}

/* A connection that hangs is noticed although nobody answers. */
static void watch_connection(int fd)
{
    const int stall_ms = STALL_MS, on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stall_ms, sizeof(stall_ms));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void peer_rise(struct peer *p)
{
    p->state = STATE_UP;
    p->since_ns = p->now_ns;
    p->was_proven = p->address.kind != PEER_UDP;
}

static void peer_connect(struct peer *p)
{
    int type = p->address.kind == PEER_TCP ? SOCK_STREAM : SOCK_DGRAM;
    if (p->fd >= 0) { /* UDP */
        peer_rise(p);
        return;
    }
    p->fd = socket(p->address.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0) {
        peer_lose(p, errno);
        return;
    }
    if (p->address.kind == PEER_TCP)
        watch_connection(p->fd);
    if (connect(p->fd, &p->address.any, p->address.len) == 0) {
        peer_rise(p);
    } else if (errno == EINPROGRESS) {
        p->state = STATE_CONNECTING;
        p->since_ns = p->now_ns;
    } else {
        peer_lose(p, errno);
    }
}

/* errno of what happened to the socket since the last call; 0: nothing. */
static int socket_trouble(int fd)
{
    int trouble = 0;
    socklen_t len = sizeof(trouble);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &trouble, &len) == 0 ? trouble : errno;
}

static void peer_wait_for_connection(struct peer *p)
{
    struct pollfd poll_fd = {.fd = p->fd, .events = POLLOUT};
    if (poll(&poll_fd, 1, 0) == 1) {
        int trouble = socket_trouble(p->fd);
        if (trouble == 0)
            peer_rise(p);
        else
            peer_lose(p, trouble);
    } else if (p->now_ns - p->since_ns > CONNECT_NS) {
        peer_lose(p, ETIMEDOUT);
    }
}

/* Whether the peer has gone since; a message to it would vanish. */
static void peer_look(struct peer *p)
{
    struct pollfd poll_fd = {.fd = p->fd, .events = POLLRDHUP};
    if (p->address.kind == PEER_UNIX || poll(&poll_fd, 1, 0) != 1 ||
        !(poll_fd.revents & (POLLRDHUP | POLLHUP | POLLERR)))
        return;
    int trouble = socket_trouble(p->fd);
    p->counters.lost += p->address.kind == PEER_UDP; /* the last datagram was refused */
    peer_lose(p, trouble != 0 ? trouble : ECONNRESET);
}

static size_t first_len(const struct peer *p)
{
    uint32_t len;
    memcpy(&len, p->queue + p->begin, sizeof(len));
    return len;
}

static void drop_first(struct peer *p)
{
    p->begin += sizeof(uint32_t) + first_len(p);
    p->part = 0;
    if (p->begin == p->end)
        p->begin = p->end = 0;
}

/* Sends of the first message what the socket takes; false where it takes no more now. */
static bool send_first(struct peer *p)
{
    size_t len = first_len(p);
    const uint8_t *message = p->queue + p->begin + sizeof(uint32_t);
    ssize_t sent = send(p->fd, message + p->part, len - p->part, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR)
        return true;
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return false;
    if (sent < 0 && errno == EMSGSIZE) {
        p->counters.lost++;
        drop_first(p);
        return true;
    }
    if (sent < 0) {
        p->counters.lost += p->address.kind == PEER_UDP && errno == ECONNREFUSED;
        peer_lose(p, errno);
        return false;
    }
    if (!p->was_proven)
        p->since_ns = p->now_ns;
    p->part += (size_t)sent;
    if (p->part == len) {
        p->counters.sent++;
        p->was_proven = true;
        drop_first(p);
    }
    return true;
}

static void peer_drain(struct peer *p)
{
    if (p->state == STATE_UP)
        peer_look(p);
    while (p->state == STATE_UP && p->begin < p->end && send_first(p)) {
    }
}

struct peer *peer_open(const struct peer_address *a)
{
    struct peer *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->address = *a;
    p->fd = -1;
    peer_connect(p);
    return p;
}

void peer_close(struct peer *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        (void)close(p->fd);
    free(p);
}

bool peer_send(struct peer *p, struct bytes message)
{
    char length[LENGTH_TEXT_MAX] = "";
    if (p->address.kind == PEER_TCP)
        (void)snprintf(length, sizeof(length), "%zu ", message.len);
    uint32_t len = (uint32_t)(strlen(length) + message.len);
    size_t wanted = sizeof(len) + len;
    if (wanted > sizeof(p->queue) - (p->end - p->begin))
        return false;
    if (wanted > sizeof(p->queue) - p->end) {
        memmove(p->queue, p->queue + p->begin, p->end - p->begin);
        p->end -= p->begin;
        p->begin = 0;
    }
    memcpy(p->queue + p->end, &len, sizeof(len));
    memcpy(p->queue + p->end + sizeof(len), length, strlen(length));
    memcpy(p->queue + p->end + wanted - message.len, message.data, message.len);
    p->end += wanted;
    peer_drain(p);
    return true;
}

bool peer_is_idle(const struct peer *p)
{
    return p->state == STATE_UP && p->begin == p->end;
}

/* What is new to tell.  A peer is back once nothing has gone wrong for a while. */
static enum peer_news news(struct peer *p)
{
    if (p->state == STATE_DOWN && !p->is_told) {
        p->is_told = true;
        return PEER_IS_LOST;
    }
    if (p->state != STATE_UP || !p->was_proven || p->now_ns - p->since_ns < PROVEN_NS)
        return PEER_AS_BEFORE;
    p->wait_ns = 0;
    if (!p->is_told)
        return PEER_AS_BEFORE;
    p->is_told = false;
    p->counters.returns++;
    return PEER_IS_BACK;
}

enum peer_news peer_tick(struct peer *p, int64_t now_ns, int *why)
{
    p->now_ns = now_ns;
    if (p->state == STATE_DOWN && now_ns >= p->retry_ns)
        peer_connect(p);
    if (p->state == STATE_CONNECTING)
        peer_wait_for_connection(p);
    peer_drain(p);
    *why = p->why;
    return news(p);
}

bool peer_finish(struct peer *p)
{
    const struct timespec wait = {.tv_nsec = LINGER_MS * 1000000L};
    if (p->state == STATE_DOWN && p->begin < p->end)
        peer_connect(p);
    for (int i = 0; i < LINGERS_MAX && p->begin < p->end && p->state != STATE_DOWN; i++) {
        if (p->state == STATE_CONNECTING)
            peer_wait_for_connection(p);
        peer_drain(p);
        if (p->begin < p->end && p->state != STATE_DOWN)
            (void)nanosleep(&wait, NULL);
    }
    bool is_sent = p->begin == p->end;
    for (; p->begin < p->end; p->counters.lost++)
        drop_first(p);
    return is_sent;
}

struct peer_counters peer_counters(const struct peer *p)
{
    return p->counters;
}
