/*
 * The networks that the configuration names: agencies, shops, call centres, by the prefixes that
 * their people come from.  The longest prefix that holds an address decides, so a network may lie
 * inside another one.  IPv4 and IPv6 are apart: ::/0 holds no IPv4 address.
 */
#ifndef SEEPWATCH_PROFILE_NETWORK_H
#define SEEPWATCH_PROFILE_NETWORK_H

#include "core/address.h"
#include "core/error.h"
#include "core/transaction.h"

enum {
    NETWORKS_MAX = 4096,
    NETWORK_PREFIXES_MAX = 65536, /* of all networks together */
    NETWORK_COUNTRIES_MAX = 64,   /* of one network */
    NETWORK_NAME_MAX = 64,        /* bytes */
};

struct networks;

struct network {
    struct bytes name;
    struct texts countries; /* where its people are expected, ISO 3166-1; none: not told */
};

/* networks_open returns NULL without memory. */
struct networks *networks_open(void);
void networks_close(struct networks *n);

/*
 * network_add makes a network and gives its number, which counts from 0.  The texts are copied.
 * False where the name is empty, too long or taken, a country is not two capital letters, or a
 * bound is reached.
 */
bool network_add(struct networks *n, struct bytes name, struct texts countries, size_t *number,
                 struct error *error);

/* network_add_prefix gives the network of that number a prefix; false where it is one's already. */
bool network_add_prefix(struct networks *n, size_t number, const struct prefix *prefix,
                        struct error *error);

/* network_find gives the network of an address, NULL where it is in none.  Good until the next
 * network_add. */
const struct network *network_find(const struct networks *n, const struct address *a);

/* network_at gives the network of that number, NULL behind the last. */
const struct network *network_at(const struct networks *n, size_t number);

/* A prefix inside a prefix of another network: no mistake, but worth telling. */
struct network_nesting {
    struct prefix inner, outer;
    const struct network *inner_network, *outer_network;
};

/* network_nestings gives one after another; *at starts at 0; false where there is no more. */
bool network_nestings(const struct networks *n, size_t *at, struct network_nesting *nesting);

enum { PREFIX_TEXT_MAX = ADDRESS_TEXT_MAX + 4 };

/* prefix_print writes "10.1.0.0/16" or "2001:db8::/32"; returns the length. */
size_t prefix_print(const struct prefix *p, char text[PREFIX_TEXT_MAX]);

#endif
