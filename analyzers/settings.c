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
