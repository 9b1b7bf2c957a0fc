/*
 * Constant sets, built once with the rules: of texts, of numbers, of networks.  Asking one costs a
 * hash and a comparison, whatever its size; a set of networks one for each length of prefix in it.
 */
#ifndef SEEPWATCH_RULES_SET_H
#define SEEPWATCH_RULES_SET_H

#include "core/address.h"
#include "rules/arena.h"

struct set {
    struct bytes *slots; /* open addressing, at most half full; an empty slot has no data */
    size_t mask;
    size_t count;
    uint8_t lengths[129]; /* of prefixes, each that occurs once */
    unsigned lengths_count;
};

/* set_open makes an empty set for at most `count` members; false where there is no memory.  All
 * memory is the arena's. */
bool set_open(struct set *s, struct arena *a, size_t count);

/* The members are added up to that count; the text must live as long as the set. */
void set_add(struct set *s, struct bytes text);
bool set_add_number(struct set *s, struct arena *a, uint64_t number);
bool set_add_network(struct set *s, struct arena *a, const struct prefix *p);

bool set_has(const struct set *s, struct bytes text);
bool set_has_number(const struct set *s, uint64_t number);
bool set_has_address(const struct set *s, const struct address *a);

#endif
