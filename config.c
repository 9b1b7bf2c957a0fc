/*
 * One function a section; docs/configuration.md is the user's side of it.
 */
#include "config.h"

#include "analyzers/registry.h"
#include "config_alerts.h"
#include "config_http.h"
#include "config_state.h"
#include "config_subjects.h"
#include "core/clock.h"
#include "rules/problems.h"
#include "rules/quantity.h"
#include "rules/yaml.h"
#include "rules/zone.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LIMIT_COUNT_MAX = 1 << 28,
    RING_MIN = 1 << 20,    /* bytes */
    MEMORY_MIN = 32 << 20, /* bytes */
};

#define LIMIT_BYTES_MAX (UINT64_C(1) << 46)
#define MEMORY_DEFAULT ((size_t)4 << 30)

static void divide(struct config *c, size_t memory)
{
    shares_divide(&c->shares, memory);
    const size_t *bytes = c->shares.bytes;
    c->capture.memory_max = bytes[SHARE_WAITING];
    c->capture.flows_bytes_max = bytes[SHARE_FLOWS];
    c->capture.past_bytes_max = bytes[SHARE_FLOWS_PAST];
    c->capture.servers_bytes_max = bytes[SHARE_SERVERS] / 2;
    c->capture.naming_bytes_max = bytes[SHARE_NAMING];
    c->settings.memory_max = bytes[SHARE_CONNECTIONS];
    c->settings.statements_bytes_max = bytes[SHARE_STATEMENTS];
    c->settings.prepared_bytes_max = bytes[SHARE_PREPARED];
    c->settings.http.accounts_bytes_max = bytes[SHARE_ACCOUNTS];
    c->settings.subjects_bytes_max = bytes[SHARE_SUBJECTS];
}

static void defaults(struct config *c)
{
    *c = (struct config){
        .capture = {.flows_max = 1000000, .use_ndpi = true},
        .session_interval_ns = 300 * CLOCK_SECOND_NS,
        .session_idle_ns = 1800 * CLOCK_SECOND_NS,
        .mirror_interval_ns = MIRROR_INTERVAL_NS,
        .sessions_max = 1000000,
        .ring_bytes = (size_t)256 << 20,
    };
    config_default_state(&c->state);
    divide(c, MEMORY_DEFAULT);
}

static void read_network(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    static const char *const keys[] = {"name", "prefixes", "countries", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "a network", problems) ||
        !yaml_check_keys(n, keys, "a network", problems))
        return;
    const struct yaml_node *name = yaml_get(n, "name"), *prefixes = yaml_get(n, "prefixes"),
                           *countries = yaml_get(n, "countries");
    struct bytes codes[NETWORK_COUNTRIES_MAX];
    struct texts list = {codes, 0};
    struct error error;
    size_t number;
    if (!name || !prefixes) {
        problems_add(problems, n->at, "a network needs a name and prefixes");
        return;
    }
    if (!yaml_expect(name, YAML_SCALAR, "the name", problems) ||
        !yaml_expect(prefixes, YAML_SEQUENCE, "prefixes", problems) ||
        (countries && !yaml_expect(countries, YAML_SEQUENCE, "countries", problems)))
        return;
    if (countries && countries->count > NETWORK_COUNTRIES_MAX) {
        problems_add(problems, countries->at, "more than %d countries", NETWORK_COUNTRIES_MAX);
        return;
    }
    for (size_t i = 0; countries && i < countries->count; i++)
        codes[list.count++] = countries->items[i].value->text;
    if (!network_add(c->networks, name->text, list, &number, &error)) {
        problems_add(problems, name->at, "%s", error.text);
        return;
    }
    for (size_t i = 0; i < prefixes->count; i++) {
        const struct yaml_node *value = prefixes->items[i].value;
        struct prefix prefix;
        if (value->kind != YAML_SCALAR || !prefix_parse(&prefix, value->text))
            problems_add(problems, value->at,
                         "not a prefix: write 10.1.2.0/24, with no bits set behind the prefix");
        else if (!network_add_prefix(c->networks, number, &prefix, &error))
            problems_add(problems, value->at, "%s", error.text);
    }
}

static void read_networks(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    if (!yaml_expect(n, YAML_SEQUENCE, "networks", problems))
        return;
    for (size_t i = 0; i < n->count; i++)
        read_network(c, n->items[i].value, problems);
}

static void read_proxies(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    if (!yaml_expect(n, YAML_SEQUENCE, "proxies", problems))
        return;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *value = n->items[i].value;
        if (c->settings.proxies_count == SETTINGS_PROXIES_MAX)
            problems_add(problems, value->at, "more than %d proxies", SETTINGS_PROXIES_MAX);
        else if (value->kind != YAML_SCALAR ||
                 !prefix_parse(&c->settings.proxies[c->settings.proxies_count], value->text))
            problems_add(problems, value->at, "not an address or a prefix");
        else
            c->settings.proxies_count++;
    }
}

static bool port_is_taken(const struct settings *s, uint16_t port)
{
    for (size_t i = 0; i < s->ports_count; i++) {
        if (s->ports[i].port == port)
            return true;
    }
    return false;
}

static void read_port(struct config *c, const char *protocol, const struct yaml_node *n,
                      struct problems *problems)
{
    uint64_t port;
    if (n->kind != YAML_SCALAR || !bytes_number(n->text, &port) || port < 1 || port > 65535)
        problems_add(problems, n->at, "not a port: a number from 1 to 65535");
    else if (port_is_taken(&c->settings, (uint16_t)port))
        problems_add(problems, n->at, "port %u stands here twice", (unsigned)port);
    else if (c->settings.ports_count == SETTINGS_PORTS_MAX)
        problems_add(problems, n->at, "more than %d ports", SETTINGS_PORTS_MAX);
    else
        c->settings.ports[c->settings.ports_count++] =
            (struct port_setting){(uint16_t)port, protocol};
}

static void read_ports(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    if (!yaml_expect(n, YAML_MAPPING, "ports", problems))
        return;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *key = n->items[i].key, *list = n->items[i].value;
        size_t found = analyzer_find(key->text);
        if (found == ANALYZERS_COUNT) {
            struct nearest nearest;
            nearest_to(&nearest, key->text);
            for (size_t a = 0; a < ANALYZERS_COUNT; a++)
                nearest_try(&nearest, bytes_of(ANALYZERS[a]->name));
            problems_add(problems, key->at, "unknown protocol '%.*s'%s", (int)key->text.len,
                         (const char *)key->text.data, nearest_hint(&nearest));
            continue;
        }
        if (!yaml_expect(list, YAML_SEQUENCE, "the ports of a protocol", problems))
            continue;
        for (size_t p = 0; p < list->count; p++)
            read_port(c, ANALYZERS[found]->name, list->items[p].value, problems);
    }
}

/* "10.0.0.5", "10.0.0.0/24:5432", "fd00::5", "[fd00::5]:5432": a prefix, and a port or 0. */
static bool read_server(struct account *account, struct bytes text)
{
    struct bytes prefix = text, port = {NULL, 0};
    size_t colon = bytes_index(text, ':'), bracket = bytes_index(text, ']');
    uint64_t number = 0;
    if (bytes_start(text, "[") && bracket < text.len) {
        prefix = bytes_from(bytes_first(text, bracket), 1);
        port = bytes_from(text, bracket + 1);
    } else if (bytes_index(bytes_from(text, colon + 1), ':') == bytes_from(text, colon + 1).len) {
        prefix = bytes_first(text, colon);
        port = bytes_from(text, colon);
    }
    if (port.len > 0 && (!bytes_start(port, ":") || !bytes_number(bytes_from(port, 1), &number) ||
                         number < 1 || number > 65535))
        return false;
    account->port = (uint16_t)number;
    return prefix_parse(&account->server, prefix);
}

static void read_account(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    static const char *const keys[] = {"server", "client", "user", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "an account", problems) ||
        !yaml_check_keys(n, keys, "an account", problems))
        return;
    const struct yaml_node *server = yaml_get(n, "server"), *client = yaml_get(n, "client"),
                           *user = yaml_get(n, "user");
    struct account account = {.port = 0};
    if (!server || !user) {
        problems_add(problems, n->at, "an account needs a server and a user");
    } else if (server->kind != YAML_SCALAR || !read_server(&account, server->text)) {
        problems_add(problems, server->at,
                     "not a server: write 10.0.0.5:5432 or 10.0.0.0/24, IPv6 with a port as "
                     "[fd00::5]:5432");
    } else if (client &&
               (client->kind != YAML_SCALAR || !prefix_parse(&account.client, client->text))) {
        problems_add(problems, client->at, "not an address or a prefix");
    } else if (user->kind != YAML_SCALAR || user->text.len < 1 ||
               user->text.len > ACCOUNT_USER_MAX) {
        problems_add(problems, user->at, "a user's name has 1 to %d bytes", ACCOUNT_USER_MAX);
    } else if (c->settings.accounts_count == SETTINGS_ACCOUNTS_MAX) {
        problems_add(problems, n->at, "more than %d accounts", SETTINGS_ACCOUNTS_MAX);
    } else {
        account.has_client = client != NULL;
        account.user_len = user->text.len;
        memcpy(account.user, user->text.data, user->text.len);
        c->settings.accounts[c->settings.accounts_count++] = account;
    }
}

static void read_accounts(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    if (!yaml_expect(n, YAML_SEQUENCE, "accounts", problems))
        return;
    for (size_t i = 0; i < n->count; i++)
        read_account(c, n->items[i].value, problems);
}

static void read_geo(struct config *c, const char *config_path, const struct yaml_node *n,
                     struct problems *problems)
{
    if (!yaml_expect(n, YAML_SEQUENCE, "geo", problems))
        return;
    const char *slash = strrchr(config_path, '/');
    int folder_len = slash ? (int)(slash - config_path + 1) : 0;
    for (size_t i = 0; i < n->count; i++) {
        const struct yaml_node *value = n->items[i].value;
        char path[4096];
        if (value->kind != YAML_SCALAR || value->text.len == 0) {
            problems_add(problems, value->at, "not a file name");
            continue;
        }
        bool is_absolute = value->text.data[0] == '/';
        (void)snprintf(path, sizeof(path), "%.*s%.*s", is_absolute ? 0 : folder_len, config_path,
                       (int)value->text.len, (const char *)value->text.data);
        if (!config_add_geo(c, path))
            problems_add(problems, value->at, "more than %d databases", GEO_FILES_MAX);
    }
}

static void read_duration(int64_t *ns, const struct yaml_node *n, struct problems *problems)
{
    if (n && (n->kind != YAML_SCALAR || !clock_duration_parse(ns, n->text) || *ns == 0))
        problems_add(problems, n->at, "not a duration: write 30s, 5m, 12h or 14d");
}

static void read_session(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    static const char *const keys[] = {"interval", "idle", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "session", problems) ||
        !yaml_check_keys(n, keys, "session", problems))
        return;
    read_duration(&c->session_interval_ns, yaml_get(n, "interval"), problems);
    read_duration(&c->session_idle_ns, yaml_get(n, "idle"), problems);
}

static void read_mirror(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    static const char *const keys[] = {"interval", NULL};
    if (!yaml_expect(n, YAML_MAPPING, "mirror", problems) ||
        !yaml_check_keys(n, keys, "mirror", problems))
        return;
    read_duration(&c->mirror_interval_ns, yaml_get(n, "interval"), problems);
}

static void read_flag(bool *flag, const char *name, const struct yaml_node *n,
                      struct problems *problems)
{
    *flag = bytes_are(n->text, "true");
    if (!*flag && !bytes_are(n->text, "false"))
        problems_add(problems, n->at, "%s is true or false", name);
}

static void read_size(size_t *size, const struct yaml_node *n, uint64_t min, uint64_t max,
                      struct problems *problems)
{
    uint64_t value;
    if (!n)
        return;
    if (n->kind != YAML_SCALAR ||
        quantity_parse(&value, n->text, QUANTITY_BYTES) != QUANTITY_GOOD || value < min ||
        value > max)
        problems_add(problems, n->at,
                     "not a size: a number from %llu to %llu, bytes with KiB, MiB or GiB",
                     (unsigned long long)min, (unsigned long long)max);
    else
        *size = (size_t)value;
}

static void read_limits(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    static const char *const keys[] = {"flows", "memory", "sessions", "ring", NULL};
    size_t memory = 0;
    if (!yaml_expect(n, YAML_MAPPING, "limits", problems) ||
        !yaml_check_keys(n, keys, "limits", problems))
        return;
    read_size(&c->capture.flows_max, yaml_get(n, "flows"), 1, LIMIT_COUNT_MAX, problems);
    read_size(&c->sessions_max, yaml_get(n, "sessions"), 1, LIMIT_COUNT_MAX, problems);
    read_size(&c->ring_bytes, yaml_get(n, "ring"), RING_MIN, INT32_MAX, problems);
    read_size(&memory, yaml_get(n, "memory"), MEMORY_MIN, LIMIT_BYTES_MAX, problems);
    if (memory > 0)
        divide(c, memory);
}

static void read_zone(struct config *c, const struct yaml_node *n, struct problems *problems)
{
    struct error error;
    if (!yaml_expect(n, YAML_SCALAR, "timezone", problems))
        return;
    zone_close(c->zone);
    if (!zone_open(&c->zone, n->text, &error))
        problems_add(problems, n->at, "%s", error.text);
}

static void read_root(struct config *c, const char *path, const struct yaml_node *root,
                      struct problems *problems)
{
    static const char *const keys[] = {
        "networks", "proxies", "ports",   "accounts",     "geo",         "http",
        "session",  "mirror",  "limits",  "vlan_in_flow", "vni_in_flow", "tunnel_in_flow",
        "timezone", "alerts",  "subject", "state",        NULL};
    if (!yaml_expect(root, YAML_MAPPING, "the configuration", problems))
        return;
    (void)yaml_check_keys(root, keys, "the configuration", problems);
    const struct yaml_node *n;
    if ((n = yaml_get(root, "networks")))
        read_networks(c, n, problems);
    if ((n = yaml_get(root, "proxies")))
        read_proxies(c, n, problems);
    if ((n = yaml_get(root, "ports")))
        read_ports(c, n, problems);
    if ((n = yaml_get(root, "accounts")))
        read_accounts(c, n, problems);
    if ((n = yaml_get(root, "geo")))
        read_geo(c, path, n, problems);
    if ((n = yaml_get(root, "http")))
        config_read_http(&c->settings.http, n, problems);
    if ((n = yaml_get(root, "subject")))
        config_read_subjects(c->settings.subjects, &c->subject_key, path, n, problems);
    if ((n = yaml_get(root, "session")))
        read_session(c, n, problems);
    if ((n = yaml_get(root, "mirror")))
        read_mirror(c, n, problems);
    if ((n = yaml_get(root, "limits")))
        read_limits(c, n, problems);
    if ((n = yaml_get(root, "state")))
        config_read_state(&c->state, n, problems);
    if ((n = yaml_get(root, "alerts")))
        c->alerts = config_read_alerts(path, n, problems);
    if ((n = yaml_get(root, "timezone")))
        read_zone(c, n, problems);
    if ((n = yaml_get(root, "vlan_in_flow")))
        read_flag(&c->capture.vlan_in_key, "vlan_in_flow", n, problems);
    if ((n = yaml_get(root, "vni_in_flow")))
        read_flag(&c->capture.vni_in_key, "vni_in_flow", n, problems);
    if ((n = yaml_get(root, "tunnel_in_flow")))
        read_flag(&c->capture.tunnel_in_key, "tunnel_in_flow", n, problems);
}

bool config_load(struct config *c, const char *path, struct problems *problems)
{
    defaults(c);
    c->networks = networks_open();
    c->settings.subjects = subjects_open();
    if (!c->networks || !c->settings.subjects) {
        problems_add(problems, (struct position){path ? path : "configuration", 0, 0}, "no memory");
        return false;
    }
    if (!hash_key_random(&c->settings.http.key)) {
        problems_add(problems, (struct position){path ? path : "configuration", 0, 0},
                     "the system has no random bytes");
        return false;
    }
    if (!path)
        return true;
    struct yaml *yaml = yaml_read_file(path, problems);
    if (yaml)
        read_root(c, path, yaml_root(yaml), problems);
    yaml_close(yaml);
    return problems->count == 0;
}

bool config_add_geo(struct config *c, const char *path)
{
    if (c->geo_count == GEO_FILES_MAX)
        return false;
    c->geo_paths[c->geo_count] = strdup(path);
    c->geo_count += c->geo_paths[c->geo_count] != NULL;
    return true;
}

void config_clear(struct config *c)
{
    networks_close(c->networks);
    subjects_close(c->settings.subjects);
    free(c->subject_key);
    zone_close(c->zone);
    alert_settings_close(c->alerts);
    for (size_t i = 0; i < c->geo_count; i++)
        free(c->geo_paths[i]);
    *c = (struct config){0};
}
