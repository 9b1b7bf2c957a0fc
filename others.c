/*
 * A short list of names is searched from its start: connections without an analyzer are named once
 * each.
 */
#include "others.h"

#include <stdio.h>

static struct other *other_of(struct others *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strncmp(s->items[i].name, name, OTHER_NAME_LEN - 1) == 0)
            return &s->items[i];
    }
    if (s->count == OTHERS_MAX)
        return &s->items[0];
    (void)snprintf(s->items[s->count].name, OTHER_NAME_LEN, "%s", name);
    return &s->items[s->count++];
}

const char *others_name(struct others *s, const char *name)
{
    (void)other_of(s, "unknown");
    return other_of(s, name)->name;
}

void others_count(struct others *s, const char *name, uint64_t client_bytes, uint64_t server_bytes)
{
    (void)other_of(s, "unknown");
    struct other *o = other_of(s, name ? name : "unknown");
    o->connections++;
    o->client_bytes += client_bytes;
    o->server_bytes += server_bytes;
}

void others_add(struct others *sum, const struct others *part)
{
    (void)other_of(sum, "unknown");
    for (size_t i = 0; i < part->count; i++) {
        struct other *o = other_of(sum, part->items[i].name);
        o->connections += part->items[i].connections;
        o->client_bytes += part->items[i].client_bytes;
        o->server_bytes += part->items[i].server_bytes;
    }
}

void others_write(const struct others *s, struct json *j)
{
    json_open(j, '{');
    for (size_t i = 0; i < s->count; i++) {
        const struct other *o = &s->items[i];
        if (o->connections == 0)
            continue;
        json_name(j, bytes_of(o->name));
        json_open(j, '{');
        json_counter(j, "connections", o->connections);
        json_counter(j, "client_bytes", o->client_bytes);
        json_counter(j, "server_bytes", o->server_bytes);
        json_close(j, '}');
    }
    json_close(j, '}');
}
