/*
 * A short list of names is searched from its start: connections without an analyzer are named once
 * each.
 */
#include "summary.h"

#include <stdio.h>

static struct summary_other *other_of(struct summary *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strncmp(s->others[i].name, name, SUMMARY_NAME_LEN - 1) == 0)
            return &s->others[i];
    }
    if (s->count == SUMMARY_NAMES_MAX)
        return &s->others[0];
    (void)snprintf(s->others[s->count].name, SUMMARY_NAME_LEN, "%s", name);
    return &s->others[s->count++];
}

const char *summary_name(struct summary *s, const char *name)
{
    (void)other_of(s, "unknown");
    return other_of(s, name)->name;
}

void summary_count_other(struct summary *s, const char *name, uint64_t client_bytes,
                         uint64_t server_bytes)
{
    (void)other_of(s, "unknown");
    struct summary_other *o = other_of(s, name ? name : "unknown");
    o->connections++;
    o->client_bytes += client_bytes;
    o->server_bytes += server_bytes;
}

void summary_write_others(const struct summary *s, struct json *j)
{
    json_open(j, '{');
    for (size_t i = 0; i < s->count; i++) {
        const struct summary_other *o = &s->others[i];
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
