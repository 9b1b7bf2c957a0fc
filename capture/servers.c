/*
 * A table that is never full when it is asked for a new entry: this file frees a place before, so
 * that no server goes while a flow points to it.
 */
#include "capture/servers.h"

#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

/* All bytes are compared. */
struct server_key {
    struct address ip;
    uint64_t port;
};

struct servers {
    size_t servers_max;
    struct table *table; /* of struct server by struct server_key */
    struct server *idle_oldest, *idle_newest;
    struct server *last; /* found last */
    struct server_key last_key;
    struct server rest; /* without a place */
    struct mirror_counters told;
    uint64_t forgotten;
};

struct servers *servers_open(size_t servers_max)
{
    struct servers *s = calloc(1, sizeof(*s));
    struct hash_key seed = {0};
    if (!s)
        return NULL;
    (void)hash_key_random(&seed); /* without, keys could be made to collide: slower, not wrong */
    s->servers_max = servers_max;
    s->table = table_open(&(struct table_config){.entries_max = servers_max,
                                                 .key_size = sizeof(struct server_key),
                                                 .value_size = sizeof(struct server),
                                                 .seed = seed.low});
    if (s->table)
        return s;
    free(s);
    return NULL;
}

void servers_close(struct servers *s)
{
    if (!s)
        return;
    table_close(s->table);
    free(s);
}

static void idle_append(struct servers *s, struct server *server)
{
    server->idle_older = s->idle_newest;
    server->idle_newer = NULL;
    *(s->idle_newest ? &s->idle_newest->idle_newer : &s->idle_oldest) = server;
    s->idle_newest = server;
}

static void idle_remove(struct servers *s, struct server *server)
{
    *(server->idle_older ? &server->idle_older->idle_newer : &s->idle_oldest) = server->idle_newer;
    *(server->idle_newer ? &server->idle_newer->idle_older : &s->idle_newest) = server->idle_older;
}

/* False where every server has flows. */
static bool forget_one(struct servers *s)
{
    struct server *oldest = s->idle_oldest;
    s->forgotten++;
    if (!oldest)
        return false;
    mirror_add(&s->rest.counters, &oldest->counters);
    idle_remove(s, oldest);
    if (s->last == oldest)
        s->last = NULL;
    table_remove(s->table, oldest);
    return true;
}

static struct server *server_add(struct servers *s, const struct server_key *key)
{
    if (table_count(s->table) == s->servers_max && !forget_one(s))
        return &s->rest;
    struct server *server = table_touch(s->table, key, NULL);
    if (!server)
        return &s->rest;
    idle_append(s, server);
    return server;
}

struct server *servers_find(struct servers *s, const struct address *ip, uint16_t port)
{
    struct server_key key = {*ip, port};
    if (s->last && memcmp(&s->last_key, &key, sizeof(key)) == 0)
        return s->last;
    struct server *server = table_find(s->table, &key);
    if (!server)
        server = server_add(s, &key);
    if (server == &s->rest)
        return server;
    s->last = server;
    s->last_key = key;
    return server;
}

void servers_hold(struct servers *s, struct server *server)
{
    if (server->flows++ == 0 && server != &s->rest)
        idle_remove(s, server);
}

void servers_release(struct servers *s, struct server *server)
{
    if (--server->flows == 0 && server != &s->rest)
        idle_append(s, server);
}

static bool has_counted(const struct server *server)
{
    static const struct mirror_counters nothing;
    return memcmp(&server->counters, &nothing, sizeof(nothing)) != 0;
}

void servers_tell(struct servers *s, int64_t start_ns,
                  bool (*take)(void *context, const struct mirror_part *part), void *context)
{
    for (struct server *server = table_oldest(s->table); server;
         server = table_next(s->table, server)) {
        if (!has_counted(server))
            continue;
        const struct server_key *key = table_key(s->table, server);
        const struct mirror_part part = {.ip = key->ip,
                                         .port = (uint16_t)key->port,
                                         .protocol = server->protocol,
                                         .start_ns = start_ns,
                                         .last_ns = server->last_ns,
                                         .counters = server->counters};
        if (!take(context, &part))
            continue;
        mirror_add(&s->told, &server->counters);
        server->counters = (struct mirror_counters){0};
        server->last_ns = 0;
    }
}

struct mirror_counters servers_total(const struct servers *s)
{
    struct mirror_counters total = s->told;
    mirror_add(&total, &s->rest.counters);
    for (struct server *server = table_oldest(s->table); server;
         server = table_next(s->table, server))
        mirror_add(&total, &server->counters);
    return total;
}

uint64_t servers_forgotten(const struct servers *s)
{
    return s->forgotten;
}
