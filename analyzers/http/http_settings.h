/*
 * What the operator says of HTTP: nothing of it is needed where portals are built as most are.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_SETTINGS_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_SETTINGS_H

#include "analyzers/http/jwt.h"
#include "analyzers/http/records.h"
#include "core/hash.h"

enum {
    HTTP_TEXT_MAX = 128, /* bytes of one text */
    HTTP_LOGINS_MAX = 32,
    HTTP_LOGOUTS_MAX = 32,
    HTTP_LISTS_MAX = 64,
    HTTP_COOKIES_MAX = 16,
    HTTP_TEMPLATES_MAX = 256,
};

struct http_text {
    uint8_t len;
    char text[HTTP_TEXT_MAX];
};

/* A POST there is a login. */
struct http_login {
    struct http_text path;           /* a pattern */
    struct http_text user, password; /* names of the fields; empty: by shape */
    struct http_text failure;        /* a text of the answer or of where it leads; empty: none */
};

/* Answers there are lists. */
struct http_list {
    struct http_text path; /* a pattern */
    struct http_text at;   /* of the array: names with dots between */
};

struct http_settings {
    struct hash_key key;     /* of what is secret */
    unsigned formats_off;    /* a bit for each enum records_format that is not counted */
    uint8_t csv_header;      /* enum csv_header */
    struct http_text header; /* of the account, in lower case; believed of proxies; empty: none */
    struct http_text claims[JWT_CLAIMS_MAX];
    struct http_text cookies[HTTP_COOKIES_MAX]; /* names of sessions'; none: by shape */
    struct http_text logouts[HTTP_LOGOUTS_MAX]; /* patterns, beside those by shape */
    struct http_text templates[HTTP_TEMPLATES_MAX];
    struct http_login logins[HTTP_LOGINS_MAX]; /* beside those by shape */
    struct http_list lists[HTTP_LISTS_MAX];
    size_t claims_count, cookies_count, logouts_count, templates_count, logins_count, lists_count;
    size_t accounts_bytes_max; /* for sessions whose account is known, and templates; 0: any */
};

static inline struct bytes http_text(const struct http_text *t)
{
    return (struct bytes){(const uint8_t *)t->text, t->len};
}

/* http_text_set takes a text of 1 to HTTP_TEXT_MAX bytes; false where it is none. */
bool http_text_set(struct http_text *t, struct bytes text);

/*
 * http_pattern_fits tells whether a path is of a pattern: segment for segment, where "{name}" is
 * any one, and "*" at the end any rest.
 */
bool http_pattern_fits(struct bytes pattern, struct bytes path);

/* The first whose pattern fits, NULL where there is none. */
const struct http_login *http_login_find(const struct http_settings *s, struct bytes path);
const struct http_list *http_list_find(const struct http_settings *s, struct bytes path);
const struct http_text *http_template_find(const struct http_settings *s, struct bytes path);
bool http_is_logout(const struct http_settings *s, struct bytes path);

#endif
