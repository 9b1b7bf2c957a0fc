/*
 * Whose a session is: cookies and tokens, known by their keyed hashes alone, and the accounts that
 * logged in on them.  Bounded: the session used longest ago is forgotten first, and counted; who
 * goes on using it is an account without a name then.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_ACCOUNT_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_ACCOUNT_H

#include "core/bytes.h"

enum {
    HTTP_ACCOUNTS_MAX = 262144,
    HTTP_ACCOUNT_NAME_MAX = 96, /* bytes; longer names are cut */
};

struct http_accounts;

/* http_accounts_open returns NULL without memory.  bytes_max: for all of it; 0: what so many take.
 */
struct http_accounts *http_accounts_open(size_t accounts_max, size_t bytes_max);
void http_accounts_close(struct http_accounts *a);

/* What is known of a session; the name is a view that is good until the next call. */
struct http_account {
    struct bytes name; /* empty: nobody was seen to log in on it */
    uint64_t root;     /* the hash that the session was first known by: servers change cookies */
};

/* http_account_bind says that the session is known by that hash, too, from now on. */
void http_account_bind(struct http_accounts *a, uint64_t hash, const struct http_account *account);

/* http_account_find is false where nothing is known of that hash. */
bool http_account_find(struct http_accounts *a, uint64_t hash, struct http_account *account);

void http_account_forget(struct http_accounts *a, uint64_t hash);

uint64_t http_accounts_evictions(const struct http_accounts *a);

#endif
