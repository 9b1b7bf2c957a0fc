/*
 * What the HTTP of all connections shares: sessions and their accounts, bodies, and how many
 * templates each domain has had, so that paths that never repeat do not become as many templates.
 */
#ifndef SEEPWATCH_ANALYZERS_HTTP_HTTP_WORLD_H
#define SEEPWATCH_ANALYZERS_HTTP_HTTP_WORLD_H

#include "analyzers/http/http_account.h"
#include "analyzers/http/http_body.h"

struct http_settings;

enum {
    HTTP_DOMAINS_MAX = 4096,           /* domains whose templates are counted */
    HTTP_DOMAIN_TEMPLATES_MAX = 1024,  /* different templates of one domain */
    HTTP_KNOWN_TEMPLATES_MAX = 131072, /* of all domains */
};

struct http_world {
    struct http_bodies bodies;
    struct http_accounts *accounts;
    struct table *domains;   /* of uint64_t, the templates of one, by its hash */
    struct table *templates; /* a mark, by the hash of domain and template */
    uint64_t merged;         /* requests whose template was one too many */
    uint64_t tables_lost;    /* HPACK tables that began anew without what was in them */
    uint64_t tables_denied;  /* blocks of fields not read, for want of memory or of a bound */
};

/* http_world_open returns NULL without memory; codecs and settings live longer. */
struct http_world *http_world_open(const struct http_settings *settings, struct codecs *codecs);
void http_world_close(struct http_world *w);

/* http_world_allows tells whether that template of the domain is known, or may become so. */
bool http_world_allows(struct http_world *w, struct bytes domain, struct bytes path);

#endif
