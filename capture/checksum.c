/*
 * Sums of 16-bit words with the carry added to the end (RFC 1071).  They come out the same in
 * either byte order, so words are added as they lie in memory, two at a time; a sum of what holds
 * its own checksum is all ones.
 */
#include "capture/checksum.h"

#include "core/cursor.h"

enum { ALL_ONES = 0xffff, MAPPED_LEN = 12 };

static uint64_t sum_of(struct bytes b)
{
    uint64_t sum = 0;
    size_t at = 0;
    uint32_t word;
    for (; b.len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, b.data + at, sizeof(word));
        sum += word;
    }
    word = 0;
    if (at < b.len)
        memcpy(&word, b.data + at, b.len - at);
    return sum + word;
}

static uint16_t fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)((sum >> 16) + (sum & 0xffff));
}

static uint64_t sum_of_number(uint16_t number)
{
    const uint8_t octets[] = {(uint8_t)(number >> 8), (uint8_t)number};
    return sum_of((struct bytes){octets, sizeof(octets)});
}

/* The ends and the protocol of the pseudo header; of IPv4 and IPv6 the same words (RFC 8200,
 * section 8.1), the length apart. */
static uint64_t sum_of_ends(const struct datagram *d)
{
    size_t from = address_is_ipv4(&d->source) ? MAPPED_LEN : 0;
    struct bytes source = {d->source.octets, sizeof(d->source.octets)};
    struct bytes destination = {d->destination.octets, sizeof(d->destination.octets)};
    return sum_of(bytes_from(source, from)) + sum_of(bytes_from(destination, from)) +
           sum_of_number(d->protocol);
}

/* The header of a datagram that was put together has no checksum, like that of an offloading host.
 */
static bool header_is_wrong(const struct datagram *d)
{
    struct cursor c = cursor_over(d->ip);
    uint8_t head = cursor_u8(&c);
    cursor_skip(&c, 9);
    bool has_checksum = cursor_be16(&c) != 0;
    struct bytes header = bytes_first(d->ip, (size_t)(head & 0x0f) * 4);
    return head >> 4 == 4 && has_checksum && fold(sum_of(header)) != ALL_ONES;
}

enum checksum checksum_of(const struct datagram *d, uint16_t tcp_checksum)
{
    if (d->payload.len < d->payload_len || d->ip.len > CHECKSUM_LEN_MAX)
        return CHECKSUM_UNKNOWN;
    uint64_t ends = sum_of_ends(d), len = sum_of_number((uint16_t)d->payload_len);
    uint16_t shown = fold(sum_of_number(tcp_checksum));
    /* Linux leaves the length out of the frames that the card is to cut */
    if (shown == fold(ends + len) || shown == fold(ends))
        return CHECKSUM_UNKNOWN;
    bool is_right = fold(ends + len + sum_of(d->payload)) == ALL_ONES && !header_is_wrong(d);
    return is_right ? CHECKSUM_RIGHT : CHECKSUM_WRONG;
}
