/*
 * A hash of places with linear probing, at most a quarter full; nothing is ever taken out.
 */
#include "capture/tunnels.h"

#include "core/hash.h"

_Static_assert(TUNNELS_PLACES >= 4 * TUNNELS_MAX, "there is always an empty place");

static bool hop_equal(const struct hop *a, const struct hop *b)
{
    return a->kind == b->kind && a->id == b->id && a->has_id == b->has_id &&
           address_equal(&a->source, &b->source) && address_equal(&a->destination, &b->destination);
}

static uint64_t hop_hash(const struct hop *hop)
{
    struct bytes source = {hop->source.octets, sizeof(hop->source.octets)};
    struct bytes destination = {hop->destination.octets, sizeof(hop->destination.octets)};
    uint64_t seed = (uint64_t)hop->id << 8 | hop->kind;
    return hash_bytes(destination, hash_bytes(source, seed));
}

/* NULL where there is no place for a new one. */
static struct tunnel_traffic *traffic_of(struct tunnels *t, const struct hop *hop)
{
    size_t at = hop_hash(hop) % TUNNELS_PLACES;
    for (; t->places[at] != 0; at = (at + 1) % TUNNELS_PLACES) {
        struct tunnel_traffic *found = &t->items[t->places[at] - 1];
        if (hop_equal(&found->hop, hop))
            return found;
    }
    if (t->count == TUNNELS_MAX)
        return NULL;
    struct tunnel_traffic *made = &t->items[t->count++];
    t->places[at] = (uint16_t)t->count;
    made->hop = *hop;
    return made;
}

void tunnels_count(struct tunnels *t, const struct hop *hop, uint64_t packets, uint64_t bytes)
{
    struct tunnel_traffic *traffic = traffic_of(t, hop);
    if (!traffic)
        traffic = &t->rest;
    traffic->packets += packets;
    traffic->bytes += bytes;
}

void tunnels_add(struct tunnels *sum, const struct tunnels *part)
{
    for (size_t i = 0; i < part->count; i++)
        tunnels_count(sum, &part->items[i].hop, part->items[i].packets, part->items[i].bytes);
    sum->rest.packets += part->rest.packets;
    sum->rest.bytes += part->rest.bytes;
}
