/*
 * What the operator's configuration tells the analyzers.
 */
#ifndef SEEPWATCH_ANALYZERS_SETTINGS_H
#define SEEPWATCH_ANALYZERS_SETTINGS_H

#include "analyzers/http/http_settings.h"
#include "core/address.h"

struct subjects;

enum {
    SETTINGS_PROXIES_MAX = 64,
    SETTINGS_PORTS_MAX = 256,
    SETTINGS_ACCOUNTS_MAX = 256,
    ACCOUNT_USER_MAX = 128, /* bytes */
};

/* Connections to this server port are this protocol's. */
struct port_setting {
    uint16_t port;
    const char *protocol; /* an analyzer's name */
};

/* Whose account connections are that were opened before anybody looked. */
struct account {
    struct prefix server, client;
    uint16_t port;   /* the server's; 0: any */
    bool has_client; /* else any */
    size_t user_len;
    char user[ACCOUNT_USER_MAX];
};

struct settings {
    struct prefix proxies[SETTINGS_PROXIES_MAX]; /* whose Forwarded headers are believed */
    size_t proxies_count;
    struct port_setting ports[SETTINGS_PORTS_MAX];
    size_t ports_count;
    struct account accounts[SETTINGS_ACCOUNTS_MAX];
    size_t accounts_count;
    struct http_settings http;
    struct subjects *subjects; /* how customers are known; NULL: they are not looked for */
    size_t subjects_bytes_max; /* for those of open requests; 0: any */
    size_t memory_max; /* bytes that the connections' buffers and open requests may take together */
    size_t statements_bytes_max, prepared_bytes_max; /* for what is kept of them; 0: any */
};

bool settings_is_proxy(const struct settings *s, const struct address *a);

/* settings_user gives the user of connections between those ends, by the first account that fits;
 * empty where there is none.  Good as long as the settings. */
struct bytes settings_user(const struct settings *s, const struct address *server, uint16_t port,
                           const struct address *client);

#endif
