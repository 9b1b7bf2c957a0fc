/*
 * Frames built in memory, from the inside out: begin with a payload, then wrap header after header
 * around it.  Bytes of headers are written as hex text; blanks in it are for the reader.
 */
#ifndef SEEPWATCH_TESTS_CAPTURE_PACKETS_H
#define SEEPWATCH_TESTS_CAPTURE_PACKETS_H

#include "core/bytes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAME_MAX = 80000 };

struct frame {
    size_t len;
    uint8_t data[FRAME_MAX];
};

/* What a TCP header says; the rest of it is zero. */
struct tcp_of {
    uint16_t source, destination;
    uint32_t seq, ack;
    uint8_t flags;
};

enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };

static inline void frame_payload(struct frame *f, const void *data, size_t len)
{
    assert(len <= FRAME_MAX);
    memcpy(f->data, data, len);
    f->len = len;
}

static inline void frame_wrap(struct frame *f, const void *header, size_t len)
{
    assert(f->len + len <= FRAME_MAX);
    memmove(f->data + len, f->data, f->len);
    memcpy(f->data, header, len);
    f->len += len;
}

/* Bytes from hex; returns their number. */
static inline size_t hex_read(const char *hex, uint8_t *out, size_t out_max)
{
    size_t len = 0;
    unsigned byte;
    int used = 0;
    while (len < out_max && sscanf(hex, " %2x%n", &byte, &used) == 1) {
        out[len++] = (uint8_t)byte;
        hex += used;
    }
    return len;
}

static inline void frame_wrap_hex(struct frame *f, const char *hex)
{
    uint8_t header[256];
    frame_wrap(f, header, hex_read(hex, header, sizeof(header)));
}

static inline void frame_append_hex(struct frame *f, const char *hex)
{
    f->len += hex_read(hex, f->data + f->len, FRAME_MAX - f->len);
}

static inline void put16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static inline void frame_wrap_tcp(struct frame *f, struct tcp_of tcp)
{
    uint8_t h[20] = {[12] = 0x50, [13] = tcp.flags, [14] = 0xff};
    put16(h, tcp.source);
    put16(h + 2, tcp.destination);
    put32(h + 4, tcp.seq);
    put32(h + 8, tcp.ack);
    frame_wrap(f, h, sizeof(h));
}

static inline void frame_wrap_udp(struct frame *f, uint16_t source, uint16_t destination)
{
    uint8_t h[8] = {0};
    put16(h, source);
    put16(h + 2, destination);
    put16(h + 4, f->len + sizeof(h));
    frame_wrap(f, h, sizeof(h));
}

/* From 10.NET.0.1 to 10.NET.0.2; id and the fragment field as given. */
static inline void frame_wrap_ipv4_part(struct frame *f, uint8_t protocol, uint8_t net, uint16_t id,
                                        uint16_t fragment)
{
    uint8_t h[20] = {0x45, [8] = 64, [9] = protocol, [12] = 10, net, 0, 1, 10, net, 0, 2};
    put16(h + 2, f->len + sizeof(h));
    put16(h + 4, id);
    put16(h + 6, fragment);
    frame_wrap(f, h, sizeof(h));
}

static inline void frame_wrap_ipv4(struct frame *f, uint8_t protocol, uint8_t net)
{
    frame_wrap_ipv4_part(f, protocol, net, 7, 0);
}

/* From fd00:NET::1 to fd00:NET::2. */
static inline void frame_wrap_ipv6(struct frame *f, uint8_t next, uint8_t net)
{
    uint8_t h[40] = {0x60,     [6] = next,  [7] = 64,   [8] = 0xfd, [11] = net,
                     [23] = 1, [24] = 0xfd, [27] = net, [39] = 2};
    put16(h + 4, f->len);
    frame_wrap(f, h, sizeof(h));
}

static inline void frame_wrap_ethernet(struct frame *f, uint16_t type)
{
    uint8_t h[14] = {2, [6] = 2, [11] = 1};
    put16(h + 12, type);
    frame_wrap(f, h, sizeof(h));
}

/* A copy in a block of exactly its size, so that the sanitizer sees a read past its end. */
static inline uint8_t *bytes_copy(const void *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    assert(copy);
    memcpy(copy, data, len);
    return copy;
}

#endif
