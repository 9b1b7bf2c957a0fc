/*
 * The steps from a frame to a datagram: link layer, IP (RFC 791, RFC 8200), fragments, and the same
 * again inside tunnels.  A total length of 0 is what hosts show of frames that their network card
 * will cut (offload), and of jumbograms (RFC 2675): the rest of the frame.
 */
#include "capture/decode.h"

#include "capture/fragment.h"
#include "capture/link.h"
#include "capture/tunnel.h"

#include <stdlib.h>

enum {
    TUNNEL_DEPTH_MAX = 8,
    EXTENSIONS_MAX = 16, /* headers of one IPv6 datagram */
    MORE_FRAGMENTS = 0x2000,
    OFFSET_MASK = 0x1fff,
};

/* Next header values (IANA). */
enum {
    NEXT_HOP_BY_HOP = 0,
    NEXT_ROUTING = 43,
    NEXT_FRAGMENT = 44,
    NEXT_AUTHENTICATION = 51,
    NEXT_OPTIONS = 60,
};

struct decoder {
    struct fragments *fragments;
    struct hop hops[TUNNEL_DEPTH_MAX]; /* of the frame that is decoded */
    size_t hops_count;
};

struct decoder *decoder_open(struct budget *budget)
{
    struct decoder *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->fragments = fragments_open(budget);
    if (!d->fragments) {
        free(d);
        return NULL;
    }
    return d;
}

void decoder_close(struct decoder *d)
{
    if (!d)
        return;
    fragments_close(d->fragments);
    free(d);
}

const struct hop *decoder_hops(const struct decoder *d, size_t *count)
{
    *count = d->hops_count;
    return d->hops_count > 0 ? d->hops : NULL;
}

uint64_t decoder_fragments_dropped(const struct decoder *d)
{
    return fragments_dropped(d->fragments);
}

/*
 * Takes off the headers between IP and the payload: those of IPv6, and the authentication header of
 * both.  Stops at a fragment header.  False where they are cut or too many.
 */
static bool extensions_skip(struct datagram *out)
{
    struct cursor c = cursor_over(out->payload);
    size_t len;
    for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
        switch (out->protocol) {
        case NEXT_HOP_BY_HOP:
        case NEXT_ROUTING:
        case NEXT_OPTIONS:
            out->protocol = cursor_u8(&c);
            len = (size_t)cursor_u8(&c) * 8 + 6;
            break;
        case NEXT_AUTHENTICATION:
            out->protocol = cursor_u8(&c);
            len = (size_t)cursor_u8(&c) * 4 + 6;
            break;
        default:
            out->payload_len -= (uint32_t)(out->payload.len - cursor_left(&c));
            out->payload = cursor_rest(&c);
            return true;
        }
        cursor_skip(&c, len);
        if (cursor_is_short(&c))
            return false;
    }
    return false;
}

/* Hands a fragment on; *out holds the datagram that it is part of. */
static enum decoded fragment_add(struct decoder *d, struct datagram *out, struct fragment *part)
{
    struct whole whole;
    if (out->payload.len < out->payload_len) {
        fragments_refuse(d->fragments);
        return DECODED_FRAGMENT;
    }
    part->source = out->source;
    part->destination = out->destination;
    part->data = out->payload;
    part->protocol = out->protocol;
    if (!fragments_add(d->fragments, &whole, part))
        return DECODED_FRAGMENT;
    out->ip = whole.ip;
    out->payload = whole.payload;
    out->payload_len = (uint32_t)whole.payload.len;
    out->protocol = whole.protocol;
    return DECODED_DATAGRAM;
}

static enum decoded ipv4_rest(struct decoder *d, struct datagram *out, uint16_t fragment,
                              int64_t ns)
{
    if (fragment & (MORE_FRAGMENTS | OFFSET_MASK)) {
        struct fragment part = {
            .id = out->id,
            .is_last = !(fragment & MORE_FRAGMENTS),
            .offset = (size_t)(fragment & OFFSET_MASK) * 8,
            .header = bytes_first(out->ip, FRAGMENT_HEADER_IPV4),
            .ns = ns,
        };
        enum decoded decoded = fragment_add(d, out, &part);
        if (decoded != DECODED_DATAGRAM)
            return decoded;
    }
    if (out->protocol == NEXT_AUTHENTICATION && !extensions_skip(out))
        return DECODED_UNKNOWN;
    return DECODED_DATAGRAM;
}

static enum decoded ipv4_decode(struct decoder *d, const struct layer *l, struct datagram *out,
                                int64_t ns)
{
    struct bytes frame = cursor_rest(&l->rest);
    struct cursor c = l->rest;
    uint8_t head = cursor_u8(&c);
    cursor_skip(&c, 1);
    size_t total = cursor_be16(&c);
    out->id = cursor_be16(&c);
    uint16_t fragment = cursor_be16(&c);
    cursor_skip(&c, 1);
    out->protocol = cursor_u8(&c);
    cursor_skip(&c, 2);
    struct bytes source = cursor_take(&c, 4), destination = cursor_take(&c, 4);
    size_t header_len = (size_t)(head & 0x0f) * 4;
    if (total == 0)
        total = frame.len + l->cut;
    if (cursor_is_short(&c) || head >> 4 != 4 || header_len < FRAGMENT_HEADER_IPV4 ||
        header_len > frame.len || header_len > total)
        return DECODED_UNKNOWN;
    out->source = address_from_ipv4(source.data);
    out->destination = address_from_ipv4(destination.data);
    out->vlan = l->vlan;
    out->ip = bytes_first(frame, total);
    out->payload = bytes_from(out->ip, header_len);
    out->payload_len = (uint32_t)(total - header_len);
    if ((fragment & (MORE_FRAGMENTS | OFFSET_MASK)) == 0 && out->protocol == PROTOCOL_TCP)
        return DECODED_DATAGRAM;
    return ipv4_rest(d, out, fragment, ns);
}

/* A fragment header that stands for the whole datagram (RFC 6946) is only taken off. */
static enum decoded ipv6_fragment(struct decoder *d, struct datagram *out, int64_t ns)
{
    enum { MORE = 1, RESERVED = 6 };
    struct cursor c = cursor_over(out->payload);
    uint8_t next = cursor_u8(&c);
    cursor_skip(&c, 1);
    uint16_t place = cursor_be16(&c) & (uint16_t)~RESERVED;
    struct fragment part = {
        .id = cursor_be32(&c),
        .is_last = !(place & MORE),
        .offset = place & (uint16_t)~MORE,
        .header = bytes_first(out->ip, FRAGMENT_HEADER_IPV6),
        .ns = ns,
    };
    if (cursor_is_short(&c))
        return DECODED_UNKNOWN;
    out->protocol = next;
    out->payload_len -= (uint32_t)(out->payload.len - cursor_left(&c));
    out->payload = cursor_rest(&c);
    if (place != 0) {
        enum decoded decoded = fragment_add(d, out, &part);
        if (decoded != DECODED_DATAGRAM)
            return decoded;
    }
    bool is_done = extensions_skip(out) && out->protocol != NEXT_FRAGMENT;
    return is_done ? DECODED_DATAGRAM : DECODED_UNKNOWN;
}

static enum decoded ipv6_decode(struct decoder *d, const struct layer *l, struct datagram *out,
                                int64_t ns)
{
    struct bytes frame = cursor_rest(&l->rest);
    struct cursor c = l->rest;
    uint32_t head = cursor_be32(&c);
    size_t len = cursor_be16(&c);
    out->protocol = cursor_u8(&c);
    cursor_skip(&c, 1);
    struct bytes source = cursor_take(&c, 16), destination = cursor_take(&c, 16);
    if (cursor_is_short(&c) || head >> 28 != 6)
        return DECODED_UNKNOWN;
    if (len == 0)
        len = cursor_left(&c) + l->cut;
    out->source = address_from_ipv6(source.data);
    out->destination = address_from_ipv6(destination.data);
    out->id = 0;
    out->vlan = l->vlan;
    out->ip = bytes_first(frame, FRAGMENT_HEADER_IPV6 + len);
    out->payload = bytes_from(out->ip, FRAGMENT_HEADER_IPV6);
    out->payload_len = (uint32_t)len;
    if (out->protocol == PROTOCOL_TCP)
        return DECODED_DATAGRAM;
    if (!extensions_skip(out))
        return DECODED_UNKNOWN;
    return out->protocol == NEXT_FRAGMENT ? ipv6_fragment(d, out, ns) : DECODED_DATAGRAM;
}

static enum decoded layer_decode(struct decoder *d, struct layer *l, struct datagram *out,
                                 int64_t ns)
{
    if (l->type != LAYER_IPV4)
        link_walk(l);
    switch (l->type) {
    case LAYER_IPV4:
        return ipv4_decode(d, l, out, ns);
    case LAYER_IPV6:
        return ipv6_decode(d, l, out, ns);
    case LAYER_OTHER:
        return DECODED_OTHER;
    default:
        return DECODED_UNKNOWN;
    }
}

/*
 * The datagram inside, as long as it is one: where what looked like a tunnel carries nothing that
 * decodes, the outer datagram is what counts.
 */
static enum decoded tunnels_decode(struct decoder *d, struct datagram *out, int64_t ns)
{
    struct layer inner_layer;
    struct datagram inner;
    for (unsigned depth = 0; depth < TUNNEL_DEPTH_MAX; depth++) {
        if (!tunnel_open(&inner_layer, out))
            return DECODED_DATAGRAM;
        enum decoded decoded = layer_decode(d, &inner_layer, &inner, ns);
        if (decoded == DECODED_FRAGMENT)
            return DECODED_FRAGMENT;
        if (decoded != DECODED_DATAGRAM)
            return DECODED_DATAGRAM;
        d->hops[d->hops_count++] = (struct hop){.source = out->source,
                                                .destination = out->destination,
                                                .id = inner_layer.tunnel_id,
                                                .has_id = inner_layer.has_tunnel_id,
                                                .kind = inner_layer.tunnel};
        *out = inner;
    }
    return DECODED_DATAGRAM;
}

enum decoded decode_frame(struct decoder *d, const struct packet *packet, struct datagram *out)
{
    struct bytes data = packet->data;
    struct layer layer = {
        .rest = cursor_over(data),
        .cut = packet->wire_len > data.len ? packet->wire_len - data.len : 0,
    };
    d->hops_count = 0;
    link_open(&layer, packet->link);
    enum decoded decoded = layer_decode(d, &layer, out, packet->ns);
    if (decoded == DECODED_DATAGRAM && out->protocol != PROTOCOL_TCP)
        return tunnels_decode(d, out, packet->ns);
    return decoded;
}
