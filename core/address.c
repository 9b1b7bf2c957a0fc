/*
 * Addresses and prefixes as text and back (RFC 4291, RFC 5952 through the C library).
 */
#include "core/address.h"

#include <arpa/inet.h>
#include <stdio.h>

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

struct address address_from_ipv4(const uint8_t octets[4])
{
    struct address a;
    memcpy(a.octets, mapped, sizeof(mapped));
    memcpy(a.octets + sizeof(mapped), octets, 4);
    return a;
}

struct address address_from_ipv6(const uint8_t octets[16])
{
    struct address a;
    memcpy(a.octets, octets, 16);
    return a;
}

bool address_is_ipv4(const struct address *a)
{
    return memcmp(a->octets, mapped, sizeof(mapped)) == 0;
}

/* Four numbers without leading zeros; the C library's takes four times as long. */
static bool parse_ipv4(uint8_t octets[4], struct bytes text)
{
    size_t at = 0;
    for (size_t i = 0; i < 4; i++) {
        unsigned value = 0;
        size_t begin = at;
        while (at < text.len && at - begin < 3 && text.data[at] >= '0' && text.data[at] <= '9')
            value = value * 10 + (unsigned)(text.data[at++] - '0');
        bool is_padded = at - begin > 1 && text.data[begin] == '0';
        bool has_dot = i < 3 && at < text.len && text.data[at] == '.';
        if (at == begin || is_padded || value > 255 || (i < 3 && !has_dot))
            return false;
        at += has_dot;
        octets[i] = (uint8_t)value;
    }
    return at == text.len;
}

bool address_parse(struct address *a, struct bytes text)
{
    char copy[ADDRESS_TEXT_MAX];
    uint8_t octets[16];
    if (parse_ipv4(octets, text)) {
        *a = address_from_ipv4(octets);
        return true;
    }
    if (text.len == 0 || text.len >= sizeof(copy) || bytes_index(text, 0) < text.len)
        return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET6, copy, octets) == 1) {
        *a = address_from_ipv6(octets);
        return true;
    }
    return false;
}

static size_t print_number(char *at, unsigned value)
{
    size_t len = 0;
    if (value >= 100)
        at[len++] = (char)('0' + value / 100);
    if (value >= 10)
        at[len++] = (char)('0' + value / 10 % 10);
    at[len++] = (char)('0' + value % 10);
    return len;
}

size_t address_print(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
    if (!address_is_ipv4(a)) {
        (void)inet_ntop(AF_INET6, a->octets, text, ADDRESS_TEXT_MAX);
        return strlen(text);
    }
    size_t len = 0;
    for (size_t i = 12; i < 16; i++) {
        len += print_number(text + len, a->octets[i]);
        text[len++] = '.';
    }
    text[--len] = '\0';
    return len;
}

bool prefix_parse(struct prefix *p, struct bytes text)
{
    size_t slash = bytes_index(text, '/');
    if (!address_parse(&p->address, bytes_first(text, slash)))
        return false;
    unsigned base = address_is_ipv4(&p->address) && bytes_index(text, ':') == text.len ? 96 : 0;
    uint64_t bits = 128 - base;
    if (slash < text.len &&
        (!bytes_number(bytes_from(text, slash + 1), &bits) || bits > 128 - base))
        return false;
    p->bits = (uint8_t)(bits + base);
    for (unsigned bit = p->bits; bit < 128; bit++) {
        if (p->address.octets[bit / 8] & (0x80u >> bit % 8))
            return false;
    }
    return true;
}

bool prefix_has(const struct prefix *p, const struct address *a)
{
    size_t whole = p->bits / 8, rest = p->bits % 8;
    if (memcmp(p->address.octets, a->octets, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    return ((p->address.octets[whole] ^ a->octets[whole]) & (uint8_t)(0xff00u >> rest)) == 0;
}
