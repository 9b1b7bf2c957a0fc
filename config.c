/*
 * One function a section; docs/configuration.md is the user's side of it.
 */
#include "config.h"

#include "analyzers/registry.h"
#include "core/clock.h"
#include "rules/problems.h"
#include "rules/quantity.h"
#include "rules/yaml.h"

#include <stdio.h>
#include <stdlib.h>

enum { LIMIT_COUNT_MAX = 1 << 28, LIMIT_BYTES_MIN = 1 << 20 };

#define LIMIT_BYTES_MAX (UINT64_C(1) << 46)

static void defaults(struct config *c)
{
    *c = (struct config){
        .settings = {.memory_max = (size_t)2 << 30},
        .capture = {.flows_max = 1000000, .memory_max = (size_t)1 << 30, .use_ndpi = true},
        .session_interval_ns = 300 * CLOCK_SECOND_NS,
        .session_idle_ns = 1800 * CLOCK_SECOND_NS,
        .sessions_max = 1000000,
        .ring_bytes = (size_t)256 << 20,
    };
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
    read_size(&c->ring_bytes, yaml_get(n, "ring"), LIMIT_BYTES_MIN, INT32_MAX, problems);
    read_size(&memory, yaml_get(n, "memory"), LIMIT_BYTES_MIN, LIMIT_BYTES_MAX, problems);
    if (memory > 0) {
        /* a third waits for lost segments, the rest is the analyzers' */
        c->capture.memory_max = memory / 3;
        c->settings.memory_max = memory - memory / 3;
    }
}

static void read_root(struct config *c, const char *path, const struct yaml_node *root,
                      struct problems *problems)
{
    static const char *const keys[] = {"networks", "proxies", "ports",        "geo",
                                       "session",  "limits",  "vlan_in_flow", NULL};
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
    if ((n = yaml_get(root, "geo")))
        read_geo(c, path, n, problems);
    if ((n = yaml_get(root, "session")))
        read_session(c, n, problems);
    if ((n = yaml_get(root, "limits")))
        read_limits(c, n, problems);
    if ((n = yaml_get(root, "vlan_in_flow"))) {
        c->capture.vlan_in_key = bytes_are(n->text, "true");
        if (!c->capture.vlan_in_key && !bytes_are(n->text, "false"))
            problems_add(problems, n->at, "vlan_in_flow is true or false");
    }
}

bool config_load(struct config *c, const char *path, struct problems *problems)
{
    defaults(c);
    c->networks = networks_open();
    if (!c->networks) {
        problems_add(problems, (struct position){path ? path : "configuration", 0, 0}, "no memory");
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
    for (size_t i = 0; i < c->geo_count; i++)
        free(c->geo_paths[i]);
    *c = (struct config){0};
}
