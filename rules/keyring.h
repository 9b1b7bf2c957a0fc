/*
 * The keys of all rules with the same `by`: a transaction looks its key up once for all of them.
 * Keys are found by a digest of 128 bits of their fields' values.  What each rule knows of a key is
 * beside it, by the key's number (rules/cells.h).
 */
#ifndef SEEPWATCH_RULES_KEYRING_H
#define SEEPWATCH_RULES_KEYRING_H

#include "core/table.h"
#include "rules/rule.h"

struct watch;

struct digest {
    uint64_t low, high;
};

/* A key's value in its table; the texts of its fields follow. */
struct key {
    int64_t last_ns; /* the newest of its cells' */
    uint8_t text_len[RULE_BY_MAX];
};

struct keyring {
    enum field by[RULE_BY_MAX];
    size_t by_count;
    struct table *keys; /* of struct key by struct digest */
    struct key *now;    /* of the transaction that is counted; NULL: it was not looked up yet */
    size_t number;      /* of that one */
    size_t swept;       /* number at which the search for idle cells goes on */
    int64_t keep_ns;    /* the longest that any of the rules keeps a key */
    size_t watches_count;
    struct watch **watches;
};

/* keyring_open makes a ring for rules like this one, of which there are at most so many; its room
 * for keys comes with keyring_resize.  NULL without memory. */
struct keyring *keyring_open(const struct rule *rule, size_t watches_max, uint64_t seed);
void keyring_close(struct keyring *r);

/* keyring_reserve makes room for so many rules; false without memory. */
bool keyring_reserve(struct keyring *r, size_t watches_max);

/* keyring_resize moves the newest keys, with their cells, to a table that has room for more or for
 * fewer.  Without memory for that they stay. */
void keyring_resize(struct keyring *r, size_t entries_max, uint64_t seed);

/* keyring_is_of tells whether it is for rules like this one. */
bool keyring_is_of(const struct keyring *r, const struct rule *rule);

/* keyring_key_bytes tells what a key takes, with a cell for each rule. */
size_t keyring_key_bytes(const struct keyring *r);

/* keyring_digest gives the digest of a transaction's key. */
struct digest keyring_digest(const struct keyring *r, const struct transaction *t, uint64_t seed);

/*
 * keyring_touch returns the key of a digest, now the newest, and makes it where it is missing.
 * Where the ring is full the oldest key goes, but for those of a rule that knows few: what counts
 * for few addresses is not forgotten because very many come along.  NULL without memory.
 */
struct key *keyring_touch(struct keyring *r, const struct digest *digest, bool *is_new);

/* keyring_keep_texts keeps what an alert will show of the key, keyring_restore gives it to a
 * transaction that has nothing else; keyring_text and keyring_set_text are of one field. */
void keyring_keep_texts(const struct keyring *r, struct key *k, const struct transaction *t);
void keyring_restore(const struct keyring *r, struct key *k, struct transaction *t);
struct bytes keyring_text(struct key *k, size_t i);
void keyring_set_text(struct key *k, size_t i, struct bytes text);

#endif
