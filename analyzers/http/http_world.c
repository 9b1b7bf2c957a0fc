#include "analyzers/http/http_world.h"

#include "analyzers/http/http_settings.h"
#include "core/table.h"

#include <stdlib.h>

static struct table *table_of(size_t entries_max, size_t bytes_max)
{
    struct hash_key seed = {0};
    (void)hash_key_random(&seed); /* without, keys could be made to collide: slower, not wrong */
    return table_open(&(struct table_config){.entries_max = entries_max,
                                             .bytes_max = bytes_max,
                                             .key_size = sizeof(uint64_t),
                                             .value_size = sizeof(uint64_t),
                                             .seed = seed.low});
}

struct http_world *http_world_open(const struct http_settings *settings, struct codecs *codecs)
{
    struct http_world *w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->bodies = (struct http_bodies){.codecs = codecs, .key = settings->key};
    size_t part = settings->accounts_bytes_max / 8;
    w->accounts = http_accounts_open(HTTP_ACCOUNTS_MAX, part * 6);
    w->domains = table_of(HTTP_DOMAINS_MAX, part);
    w->templates = table_of(HTTP_KNOWN_TEMPLATES_MAX, part);
    if (w->accounts && w->domains && w->templates)
        return w;
    http_world_close(w);
    return NULL;
}

void http_world_close(struct http_world *w)
{
    if (!w)
        return;
    http_accounts_close(w->accounts);
    table_close(w->domains);
    table_close(w->templates);
    free(w);
}

bool http_world_allows(struct http_world *w, struct bytes domain, struct bytes path)
{
    uint64_t domain_key = hash_bytes(domain, w->bodies.key.low);
    uint64_t key = hash_bytes(path, domain_key);
    void *known = table_find(w->templates, &key);
    if (known) {
        table_touch_value(w->templates, known);
        return true;
    }
    uint64_t *count = table_touch(w->domains, &domain_key, NULL);
    if (!count || *count >= HTTP_DOMAIN_TEMPLATES_MAX) {
        w->merged++;
        return false;
    }
    (*count)++;
    return table_touch(w->templates, &key, NULL) != NULL;
}
