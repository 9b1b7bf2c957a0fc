/*
 * Internet addresses and prefixes.  An IPv4 address is kept as the last four bytes of an
 * IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2), so that one comparison and one hash serve
 * both.
 */
#ifndef SEEPWATCH_CORE_ADDRESS_H
#define SEEPWATCH_CORE_ADDRESS_H

#include "core/bytes.h"

enum { ADDRESS_TEXT_MAX = 46 };

struct address {
    uint8_t octets[16]; /* network order */
};

struct prefix {
    struct address address; /* host bits are zero */
    uint8_t bits;           /* 0 to 128, of the mapped form */
};

struct address address_from_ipv4(const uint8_t octets[4]);
struct address address_from_ipv6(const uint8_t octets[16]);
bool address_is_ipv4(const struct address *a);

/* address_parse reads dotted or colon form, alone in text; false where it is neither. */
bool address_parse(struct address *a, struct bytes text);

/* address_print writes the address as people write it and returns its length without the final
 * zero. */
size_t address_print(const struct address *a, char text[ADDRESS_TEXT_MAX]);

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

/* prefix_parse reads "10.1.0.0/16", "2001:db8::/32" or a lone address; host bits must be zero. */
bool prefix_parse(struct prefix *p, struct bytes text);

bool prefix_has(const struct prefix *p, const struct address *a);

#endif
