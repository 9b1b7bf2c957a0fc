/*
 * Looking things up in the settings.
 */
#include "analyzers/settings.h"

bool settings_is_proxy(const struct settings *s, const struct address *a)
{
    for (size_t i = 0; i < s->proxies_count; i++) {
        if (prefix_has(&s->proxies[i], a))
            return true;
    }
    return false;
}

struct bytes settings_user(const struct settings *s, const struct address *server, uint16_t port,
                           const struct address *client)
{
    for (size_t i = 0; i < s->accounts_count; i++) {
        const struct account *a = &s->accounts[i];
        if (prefix_has(&a->server, server) && (a->port == 0 || a->port == port) &&
            (!a->has_client || prefix_has(&a->client, client)))
            return (struct bytes){(const uint8_t *)a->user, a->user_len};
    }
    return (struct bytes){NULL, 0};
}
