/*
 * The one table that divides the memory budget: what grows with traffic has a part of its own, so
 * that a flood of one kind takes nothing from the others.  Where a part is used up its oldest goes,
 * and that is counted.
 */
#ifndef SEEPWATCH_SHARES_H
#define SEEPWATCH_SHARES_H

#include <stddef.h>

enum share {
    SHARE_FLOWS,       /* TCP flows, all of the workers' together, as are the next ones */
    SHARE_FLOWS_PAST,  /* TCP flows that were closed a moment ago, and UDP flows */
    SHARE_SERVERS,     /* servers: half of it the workers', half of it their health's */
    SHARE_WAITING,     /* segments and fragments that wait for others */
    SHARE_NAMING,      /* what nDPI keeps of flows that it looks at */
    SHARE_LINKS,       /* flows with data: where they come from */
    SHARE_CONNECTIONS, /* their connections: states, messages that wait, open requests */
    SHARE_STATEMENTS,  /* shapes of statements */
    SHARE_PREPARED,    /* names that clients gave to statements */
    SHARE_ACCOUNTS,    /* HTTP sessions whose account is known, and URL templates */
    SHARE_SUBJECTS,    /* customers of open requests, all of the workers' together */
    SHARE_QUEUES,      /* from the workers to the watcher */
    SHARE_SESSIONS,
    SHARE_RULE_KEYS,
    SHARE_RULE_VALUES, /* windows, sketches and known values of the keys */
    SHARE_EVIDENCE,
    SHARE_LASTING,   /* the ledger's rows, and what waits to be written into the state */
    SHARE_ALLOCATOR, /* what malloc loses between blocks of different sizes */
    SHARES_COUNT
};

struct shares {
    size_t bytes[SHARES_COUNT];
};

/* shares_divide gives every part its share of the budget; what one has no use for goes to sessions
 * and rules' keys. */
void shares_divide(struct shares *s, size_t budget);

#endif
