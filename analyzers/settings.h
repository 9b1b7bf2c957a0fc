/*
 * What the operator's configuration tells the analyzers.
 */
#ifndef SEEPWATCH_ANALYZERS_SETTINGS_H
#define SEEPWATCH_ANALYZERS_SETTINGS_H

#include "core/address.h"

enum { SETTINGS_PROXIES_MAX = 64, SETTINGS_PORTS_MAX = 256 };

/* Connections to this server port are this protocol's. */
struct port_setting {
    uint16_t port;
    const char *protocol; /* an analyzer's name */
};

struct settings {
    struct prefix proxies[SETTINGS_PROXIES_MAX]; /* whose Forwarded headers are believed */
    size_t proxies_count;
    struct port_setting ports[SETTINGS_PORTS_MAX];
    size_t ports_count;
    size_t memory_max; /* bytes that the connections' buffers and open requests may take together */
};

bool settings_is_proxy(const struct settings *s, const struct address *a);

#endif
