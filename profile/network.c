/*
 * Prefixes in two path-compressed binary tries, one for IPv4 and one for IPv6: a node is a prefix,
 * a child is a longer one inside it, chosen by the bit behind the parent's.  Nodes name each other
 * by their place in one array.
 */
#include "profile/network.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROOT_IPV6, ROOT_IPV4, ROOTS_COUNT, IPV4_BITS = 96, NODES_MIN = 64, NETWORKS_MIN = 16 };

static const uint32_t none = UINT32_MAX;

struct node {
    struct prefix prefix;
    uint32_t network; /* none: only a fork */
    uint32_t parent;
    uint32_t child[2];
};

struct networks {
    struct network *networks;
    size_t count, size;
    struct node *nodes;
    size_t nodes_count, nodes_size;
    size_t prefixes_count;
};

/* Room for `more` items behind `count`. */
static bool grow(void *items, size_t *size, size_t count, size_t more, size_t item_size,
                 size_t size_min)
{
    void *old, *moved;
    size_t wider = *size ? *size : size_min;
    while (wider < count + more)
        wider *= 2;
    if (wider == *size)
        return true;
    memcpy(&old, items, sizeof(old));
    moved = realloc(old, wider * item_size);
    if (!moved)
        return false;
    memcpy(items, &moved, sizeof(moved));
    *size = wider;
    return true;
}

static uint32_t node_make(struct networks *n, const struct prefix *prefix, uint8_t bits,
                          uint32_t network, uint32_t parent)
{
    struct node *made = &n->nodes[n->nodes_count];
    *made = (struct node){
        .prefix.bits = bits, .network = network, .parent = parent, .child = {none, none}};
    for (unsigned i = 0; i < bits; i += 8) {
        uint8_t mask = bits - i >= 8 ? 0xff : (uint8_t)(0xff00u >> (bits - i));
        made->prefix.address.octets[i / 8] = prefix->address.octets[i / 8] & mask;
    }
    return (uint32_t)n->nodes_count++;
}

struct networks *networks_open(void)
{
    struct networks *n = calloc(1, sizeof(*n));
    if (!n || !grow(&n->nodes, &n->nodes_size, 0, ROOTS_COUNT, sizeof(*n->nodes), NODES_MIN)) {
        free(n);
        return NULL;
    }
    struct prefix all = {.bits = 0};
    struct prefix ipv4 = {address_from_ipv4((const uint8_t[4]){0, 0, 0, 0}), IPV4_BITS};
    node_make(n, &all, 0, none, none);
    node_make(n, &ipv4, IPV4_BITS, none, none);
    return n;
}

static uint8_t *network_memory(const struct network *network)
{
    return (uint8_t *)(uintptr_t)network->countries.items;
}

void networks_close(struct networks *n)
{
    if (!n)
        return;
    for (size_t i = 0; i < n->count; i++)
        free(network_memory(&n->networks[i]));
    free(n->networks);
    free(n->nodes);
    free(n);
}

static bool is_country(struct bytes text)
{
    return text.len == 2 && text.data[0] >= 'A' && text.data[0] <= 'Z' && text.data[1] >= 'A' &&
           text.data[1] <= 'Z';
}

static bool network_is_good(const struct networks *n, struct bytes name, struct texts countries,
                            struct error *error)
{
    if (n->count == NETWORKS_MAX)
        return error_set(error, ERROR_USAGE, "more than %d networks", NETWORKS_MAX);
    if (name.len == 0 || name.len > NETWORK_NAME_MAX)
        return error_set(error, ERROR_USAGE, "a network's name has 1 to %d bytes",
                         NETWORK_NAME_MAX);
    for (size_t i = 0; i < n->count; i++) {
        if (bytes_equal(n->networks[i].name, name))
            return error_set(error, ERROR_USAGE, "network %.*s is there twice", (int)name.len,
                             (const char *)name.data);
    }
    if (countries.count > NETWORK_COUNTRIES_MAX)
        return error_set(error, ERROR_USAGE, "network %.*s: more than %d countries", (int)name.len,
                         (const char *)name.data, NETWORK_COUNTRIES_MAX);
    for (size_t i = 0; i < countries.count; i++) {
        struct bytes country = countries.items[i];
        if (!is_country(country))
            return error_set(
                error, ERROR_USAGE, "network %.*s: country \"%.*s\" is not two capital letters",
                (int)name.len, (const char *)name.data,
                (int)bytes_first(country, NETWORK_NAME_MAX).len, (const char *)country.data);
    }
    return true;
}

static struct bytes text_copy(uint8_t **at, struct bytes text)
{
    struct bytes copy = {*at, text.len};
    memcpy(*at, text.data, text.len);
    *at += text.len;
    return copy;
}

bool network_add(struct networks *n, struct bytes name, struct texts countries, size_t *number,
                 struct error *error)
{
    if (!network_is_good(n, name, countries, error))
        return false;
    /* one block: the views of the countries, then all texts */
    struct bytes *items = malloc(countries.count * (sizeof(*items) + 2) + name.len);
    if (!items || !grow(&n->networks, &n->size, n->count, 1, sizeof(*n->networks), NETWORKS_MIN)) {
        free(items);
        return error_set(error, ERROR_WORK, "no memory for the networks");
    }
    uint8_t *at = (uint8_t *)(items + countries.count);
    for (size_t i = 0; i < countries.count; i++)
        items[i] = text_copy(&at, countries.items[i]);
    *number = n->count;
    n->networks[n->count++] = (struct network){text_copy(&at, name), {items, countries.count}};
    return true;
}

static unsigned bit_of(const struct address *a, unsigned bit)
{
    return a->octets[bit / 8] >> (7 - bit % 8) & 1;
}

/* How many leading bits two prefixes have in common. */
static uint8_t common_bits(const struct prefix *a, const struct prefix *b)
{
    unsigned bits = a->bits < b->bits ? a->bits : b->bits, same = 0;
    while (same + 8 <= bits && a->address.octets[same / 8] == b->address.octets[same / 8])
        same += 8;
    while (same < bits && bit_of(&a->address, same) == bit_of(&b->address, same))
        same++;
    return (uint8_t)same;
}

/* The node of the prefix, made where it is missing; there is room for two nodes. */
static struct node *node_for(struct networks *n, const struct prefix *prefix)
{
    bool is_ipv4 = prefix->bits >= IPV4_BITS && address_is_ipv4(&prefix->address);
    uint32_t at = is_ipv4 ? ROOT_IPV4 : ROOT_IPV6;
    while (n->nodes[at].prefix.bits < prefix->bits) {
        uint32_t *link = &n->nodes[at].child[bit_of(&prefix->address, n->nodes[at].prefix.bits)];
        uint32_t child = *link;
        if (child == none) {
            at = *link = node_make(n, prefix, prefix->bits, none, at);
            break;
        }
        uint8_t same = common_bits(&n->nodes[child].prefix, prefix);
        if (same < n->nodes[child].prefix.bits) { /* they part above the child: fork there */
            uint32_t fork = *link = node_make(n, prefix, same, none, at);
            n->nodes[fork].child[bit_of(&n->nodes[child].prefix.address, same)] = child;
            n->nodes[child].parent = fork;
            child = fork;
        }
        at = child;
    }
    return &n->nodes[at];
}

bool network_add_prefix(struct networks *n, size_t number, const struct prefix *prefix,
                        struct error *error)
{
    const struct bytes name = n->networks[number].name;
    if (n->prefixes_count == NETWORK_PREFIXES_MAX)
        return error_set(error, ERROR_USAGE, "the networks have more than %d prefixes",
                         NETWORK_PREFIXES_MAX);
    if (!grow(&n->nodes, &n->nodes_size, n->nodes_count, 2, sizeof(*n->nodes), NODES_MIN))
        return error_set(error, ERROR_WORK, "no memory for the networks");
    struct node *node = node_for(n, prefix);
    if (node->network != none) {
        struct bytes other = n->networks[node->network].name;
        char text[PREFIX_TEXT_MAX];
        (void)prefix_print(prefix, text);
        return error_set(error, ERROR_USAGE, "network %.*s: prefix %s is already network %.*s",
                         (int)name.len, (const char *)name.data, text, (int)other.len,
                         (const char *)other.data);
    }
    node->network = (uint32_t)number;
    n->prefixes_count++;
    return true;
}

const struct network *network_find(const struct networks *n, const struct address *a)
{
    uint32_t at = address_is_ipv4(a) ? ROOT_IPV4 : ROOT_IPV6, network = none;
    while (at != none && prefix_has(&n->nodes[at].prefix, a)) {
        const struct node *node = &n->nodes[at];
        if (node->network != none)
            network = node->network;
        at = node->prefix.bits < 128 ? node->child[bit_of(a, node->prefix.bits)] : none;
    }
    return network == none ? NULL : &n->networks[network];
}

const struct network *network_at(const struct networks *n, size_t number)
{
    return number < n->count ? &n->networks[number] : NULL;
}

bool network_nestings(const struct networks *n, size_t *at, struct network_nesting *nesting)
{
    for (; *at < n->nodes_count; (*at)++) {
        const struct node *inner = &n->nodes[*at];
        uint32_t up = inner->parent;
        while (up != none && n->nodes[up].network == none)
            up = n->nodes[up].parent;
        if (inner->network == none || up == none || n->nodes[up].network == inner->network)
            continue;
        *nesting = (struct network_nesting){inner->prefix, n->nodes[up].prefix,
                                            &n->networks[inner->network],
                                            &n->networks[n->nodes[up].network]};
        (*at)++;
        return true;
    }
    return false;
}

size_t prefix_print(const struct prefix *p, char text[PREFIX_TEXT_MAX])
{
    size_t len = address_print(&p->address, text);
    unsigned base = p->bits >= IPV4_BITS && address_is_ipv4(&p->address) ? IPV4_BITS : 0;
    len += (size_t)snprintf(text + len, PREFIX_TEXT_MAX - len, "/%u", p->bits - base);
    return len;
}
