/*
 * The keys of all rules with the same `by`: a transaction looks its key up once for all of them.
 * Keys are found by a digest of 128 bits of their fields' values.  What the rules know of a key, a
 * cell each, stands beside each other behind it.
 */
#ifndef SEEPWATCH_RULES_KEYRING_H
#define SEEPWATCH_RULES_KEYRING_H

#include "core/table.h"
#include "rules/rule.h"

struct watch;

struct digest {
    uint64_t low, high;
};

/* A key's value in its table; the texts of its fields follow, then the cells. */
struct key {
    int64_t last_ns; /* the newest of its cells' */
    uint8_t text_len[RULE_BY_MAX];
};

/* Of a key that has raised an alert. */
struct told {
    int64_t alerted_ns;
    int64_t passing_ns; /* start of the transaction that was alerted of while it passed; 0: none */
    uint64_t repeats;   /* since the last alert */
};

/* What a rule knows of a key; the detector's state follows. */
struct cell {
    int64_t last_ns;   /* of the newest transaction that counted */
    struct told *told; /* NULL: it never raised an alert */
    uint32_t changed;  /* see profile/lasting.h */
    bool is_used;      /* a transaction of the key counted for the rule */
};

/* Where the cells of a ring's rules stand. */
struct layout {
    struct table *keys; /* of struct key by struct digest */
    size_t value_size;
    size_t count;
    struct cell_place {
        struct watch *watch; /* NULL: the rule is gone */
        size_t at;           /* bytes from the key */
    } places[];
};

struct keyring {
    enum field by[RULE_BY_MAX];
    size_t by_count;
    struct layout *layout; /* NULL: it was never at work */
    struct key *now;       /* of the transaction that is counted; NULL: it was not looked up yet */
    size_t swept;          /* number at which the search for idle cells goes on */
    int64_t keep_ns;       /* the longest that any of the rules keeps a key */
};

/* keyring_open makes a ring for rules like this one; NULL without memory. */
struct keyring *keyring_open(const struct rule *rule);
void keyring_close(struct keyring *r);

/* keyring_is_of tells whether it is for rules like this one. */
bool keyring_is_of(const struct keyring *r, const struct rule *rule);

/* layout_open lays out cells for those of the rules that are like the ring's, for no more keys and
 * bytes than those (bytes_max, of each rule; 0: what the keys take).  NULL without memory. */
struct layout *layout_open(const struct keyring *r, struct watch *const *watches, size_t count,
                           size_t keys_max, size_t bytes_max, uint64_t seed);
void layout_close(struct layout *l);

/* keyring_take goes on with another layout: the newest keys stay, with the cells of those rules
 * that the one before had too. */
void keyring_take(struct keyring *r, struct layout *l);

/* keyring_forget drops all cells of a rule. */
void keyring_forget(struct keyring *r, struct watch *w);

/* keyring_digest gives the digest of a transaction's key. */
struct digest keyring_digest(const struct keyring *r, const struct transaction *t, uint64_t seed);

/*
 * keyring_touch returns the key of a digest, now the newest, and makes it where it is missing.
 * Where the ring is full the oldest key goes, but for those of a rule that knows few: what counts
 * for few addresses is not forgotten because very many come along.  NULL without memory.
 */
struct key *keyring_touch(struct keyring *r, const struct digest *digest, bool *is_new);

/* keyring_drop lets a cell go, with all that its state holds. */
void keyring_drop(struct watch *w, struct cell *cell);

/* keyring_keep_texts keeps what an alert will show of the key, keyring_restore gives it to a
 * transaction that has nothing else; keyring_text and keyring_set_text are of one field. */
void keyring_keep_texts(const struct keyring *r, struct key *k, const struct transaction *t);
void keyring_restore(const struct keyring *r, struct key *k, struct transaction *t);
struct bytes keyring_text(struct key *k, size_t i);
void keyring_set_text(struct key *k, size_t i, struct bytes text);

#endif
