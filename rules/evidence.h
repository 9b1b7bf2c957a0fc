/*
 * What an alert shows of the transactions behind it: up to EVIDENCE_MAX of the largest, the newest
 * among equals, as small masked copies.  A transaction's own texts are masked already
 * (db.query.text, url.template); nothing else of its content is kept.
 */
#ifndef SEEPWATCH_RULES_EVIDENCE_H
#define SEEPWATCH_RULES_EVIDENCE_H

#include "core/pack.h"
#include "core/transaction.h"

enum {
    EVIDENCE_MAX = 5,
    EVIDENCE_NAME_MAX = 64,       /* bytes of user.name and of session.id */
    EVIDENCE_STATEMENT_MAX = 160, /* bytes of db.query.text, or else url.template */
};

struct evidence {
    int64_t start_ns, end_ns; /* of the transaction */
    uint64_t weight;          /* what it added to the measure */
    field_set present;
    uint64_t returned_rows, client_bytes, server_bytes;
    struct address client_ip;
    uint8_t action, outcome; /* enum action, enum outcome */
    uint8_t user_len, session_len, statement_len;
    union {
        struct {
            uint8_t user[EVIDENCE_NAME_MAX], session[EVIDENCE_NAME_MAX];
            uint8_t statement[EVIDENCE_STATEMENT_MAX];
        };
        struct mirror_figures mirror; /* of a record of the mirror */
    };
};

/* A zeroed struct holds none. */
struct evidence_list {
    size_t count;
    uint32_t changed; /* see profile/lasting.h */
    struct evidence items[EVIDENCE_MAX];
};

/* evidence_add keeps a copy where it is among the largest. */
void evidence_add(struct evidence_list *l, const struct transaction *t, int64_t end_ns,
                  uint64_t weight);

/* evidence_forget drops what is older than that time. */
void evidence_forget(struct evidence_list *l, int64_t before_ns);

/* evidence_newest_ns gives the end of the newest; 0 where there is none. */
int64_t evidence_newest_ns(const struct evidence_list *l);

/* evidence_save writes a list down, evidence_load reads that into an empty one; false where it
 * cannot be.  What another version of the program wrote, with other fields, is passed over. */
void evidence_save(const struct evidence_list *l, struct pack *p);
bool evidence_load(struct evidence_list *l, struct cursor *c);

/* evidence_transaction gives it back as a transaction of those fields, with views of e. */
void evidence_transaction(struct transaction *t, const struct evidence *e);

#endif
