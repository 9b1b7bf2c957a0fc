/*
 * What came first, for rules of what follows (rules/follows.c): of each client when it did so
 * lately, and at what pace it does, of each person at a client the same.  A client is one value of
 * the fields that what comes first and what follows have in common.  A person is who did it there,
 * by account or else by session: of 45 people behind one address each has a pace of their own.
 *
 * A client takes 216 bytes beside its key, a person 16.
 */
#ifndef SEEPWATCH_RULES_FIRSTS_H
#define SEEPWATCH_RULES_FIRSTS_H

#include "core/pack.h"

#include <stddef.h>
#include <stdint.h>

enum { FIRSTS_KEPT = 16 };

struct firsts;

/* The digest of a client. */
struct firsts_key {
    uint64_t low, high;
};

/* How often something is done: how many times lately, older ones less. */
struct pace {
    int64_t last_ns;
    float count;
};

/* What one client did. */
struct firsts_client {
    int64_t times_ns[FIRSTS_KEPT]; /* the newest, in a ring */
    uint32_t persons[FIRSTS_KEPT]; /* who did each */
    struct pace pace;
    uint32_t count; /* those that left the ring too */
    uint32_t told;  /* of these, by firsts_news */
};

/* firsts_open: bytes_max 0: what the entries take.  NULL without memory. */
struct firsts *firsts_open(size_t entries_max, size_t bytes_max, uint64_t seed);
void firsts_close(struct firsts *f);

/* firsts_note counts one. */
void firsts_note(struct firsts *f, struct firsts_key client, uint32_t person, int64_t time_ns);

/* firsts_find gives what a client did; NULL where it did nothing. */
struct firsts_client *firsts_find(const struct firsts *f, struct firsts_key client);

/* firsts_kept tells how many of a client's are in the ring. */
static inline unsigned firsts_kept(const struct firsts_client *c)
{
    return c->count < FIRSTS_KEPT ? c->count : FIRSTS_KEPT;
}

/* firsts_news tells how many a client did since it was asked last. */
static inline uint32_t firsts_news(struct firsts_client *c)
{
    uint32_t news = c->count - c->told;
    c->told = c->count;
    return news;
}

/* pace_per_ns gives how often it is done, a nanosecond. */
double pace_per_ns(const struct pace *p, int64_t time_ns);

/* firsts_person_pace gives a person's pace; NULL where that was forgotten. */
const struct pace *firsts_person_pace(const struct firsts *f, struct firsts_key client,
                                      uint32_t person);

/* firsts_save writes all down; firsts_load reads it into one that is empty, and false where it
 * makes no sense leaves it so. */
void firsts_save(const struct firsts *f, struct pack *p);
bool firsts_load(struct firsts *f, struct cursor *c);

#endif
