/*
 * Version 1 is a line of text, version 2 has a length: neither says where it ends by closing.
 */
#include "analyzers/proxy_protocol.h"

enum {
    SIGNATURE_LEN = 12,
    FIXED_LEN = 16,   /* bytes of version 2 before its addresses */
    VERSION_2 = 0x20, /* with the command in the low bits */
    COMMAND_LOCAL = 0,
    COMMAND_PROXY = 1,
    FAMILY_IPV4 = 1,
    FAMILY_IPV6 = 2,
    IPV4_LEN = 4,
    IPV6_LEN = 16,
};

/* Whether b begins with `text`, as far as both go. */
static enum start begins(struct bytes b, struct bytes text)
{
    size_t len = b.len < text.len ? b.len : text.len;
    if (len > 0 && memcmp(b.data, text.data, len) != 0)
        return START_NO;
    return b.len < text.len ? START_SHORT : START_SURE;
}

static struct bytes word_take(struct bytes *line)
{
    size_t len = bytes_index(*line, ' ');
    struct bytes word = bytes_first(*line, len);
    *line = bytes_from(*line, len + 1);
    return word;
}

/* "PROXY TCP4 81.2.69.142 10.0.0.2 56324 443", "PROXY UNKNOWN ..." */
static enum start read_line(struct bytes first, struct proxy_header *h)
{
    static const uint8_t line_feed = '\n';
    struct bytes line = bytes_first(first, PROXY_LINE_MAX);
    size_t end = bytes_index(line, line_feed);
    uint64_t port;
    if (end == line.len)
        return line.len < PROXY_LINE_MAX ? START_SHORT : START_NO;
    if (line.data[end - 1] != '\r')
        return START_NO;
    *h = (struct proxy_header){.len = end + 1};
    line = bytes_first(line, end - 1);
    (void)word_take(&line);
    struct bytes family = word_take(&line);
    if (bytes_are(family, "UNKNOWN"))
        return START_SURE;
    struct bytes client = word_take(&line);
    (void)word_take(&line);
    bool is_family = bytes_are(family, "TCP4") || bytes_are(family, "TCP6");
    if (!is_family || !address_parse(&h->ip, client) || !bytes_number(word_take(&line), &port) ||
        port > UINT16_MAX)
        return START_NO;
    h->port = (uint16_t)port;
    h->has_client = true;
    return START_SURE;
}

static void read_addresses(struct cursor *in, unsigned family, struct proxy_header *h)
{
    bool is_ipv4 = family == FAMILY_IPV4;
    size_t ip_len = is_ipv4 ? IPV4_LEN : IPV6_LEN;
    struct bytes client = cursor_take(in, ip_len);
    cursor_skip(in, ip_len);
    h->port = cursor_be16(in);
    cursor_skip(in, sizeof(uint16_t));
    h->has_client = !cursor_is_short(in);
    if (h->has_client)
        h->ip = is_ipv4 ? address_from_ipv4(client.data) : address_from_ipv6(client.data);
}

static enum start read_binary(struct bytes first, struct proxy_header *h)
{
    struct cursor in = cursor_over(first);
    cursor_skip(&in, SIGNATURE_LEN);
    unsigned command = cursor_u8(&in), family = cursor_u8(&in) >> 4;
    size_t len = cursor_be16(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    if ((command & 0xf0) != VERSION_2 || (command & 0x0f) > COMMAND_PROXY ||
        FIXED_LEN + len > PROXY_HEADER_MAX)
        return START_NO;
    struct cursor rest = cursor_inner(&in, len);
    if (cursor_is_short(&in))
        return START_SHORT;
    *h = (struct proxy_header){.len = FIXED_LEN + len};
    bool is_known = family == FAMILY_IPV4 || family == FAMILY_IPV6;
    if ((command & 0x0f) != COMMAND_LOCAL && is_known)
        read_addresses(&rest, family, h);
    return START_SURE;
}

enum start proxy_header_read(struct bytes first, struct proxy_header *h)
{
    static const uint8_t signature[SIGNATURE_LEN] = "\r\n\r\n\0\r\nQUIT\n";
    enum start start = begins(first, bytes_of("PROXY "));
    if (start == START_SURE)
        return read_line(first, h);
    if (start == START_SHORT)
        return start;
    start = begins(first, (struct bytes){signature, SIGNATURE_LEN});
    return start == START_SURE ? read_binary(first, h) : start;
}
