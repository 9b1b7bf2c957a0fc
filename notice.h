/*
 * What is told of rules at work, to wherever alerts go: an alert, a note that alerts were held back
 * (fold.h), a line of the digest (digest.h), what is wrong with the program (health.h).  In three
 * forms, of which an output takes one: a JSON object, a readable line, a sentence.
 */
#ifndef SEEPWATCH_NOTICE_H
#define SEEPWATCH_NOTICE_H

#include "rules/alert.h"

enum notice_kind { NOTICE_ALERT, NOTICE_FOLDED, NOTICE_DIGEST, NOTICE_HEALTH, NOTICE_KINDS_COUNT };

/* "alert", "folded", "digest", "health": event.dataset behind "seepwatch.". */
extern const char *const NOTICE_NAMES[NOTICE_KINDS_COUNT];

struct notice {
    enum notice_kind kind;
    enum severity severity;
    int64_t time_ns;
    const char *rule_id, *rule_name;
    const struct alert *alert; /* of NOTICE_ALERT; else NULL */
    struct bytes json, line;   /* each with its line feed */
    struct bytes message;      /* the sentence, without one */
};

enum { NOTICE_VALUE_MAX = 64 /* bytes of a key's value that notice_key gives */ };

/* notice_key gives the i-th field of an alert's key, and its value as people read it, which may
 * stand in the buffer; false where there are not so many. */
bool notice_key(const struct notice *n, size_t i, enum field *f, struct bytes *value,
                char buffer[NOTICE_VALUE_MAX]);

#endif
