/*
 * Three tables: open TCP flows, TCP flows closed a moment ago, and UDP flows, which are only
 * counted.
 */
#include "capture/flow.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

struct flows {
    struct flows_config config;
    struct table *open, *closed, *udp;
    struct flow *young_oldest, *young_newest;
    size_t young_count;
    uint64_t evictions; /* by flows_evict */
    struct flow *last;  /* the flow found last */
    struct flow_key last_key;
};

_Static_assert(sizeof(struct flow_key) == 48,
               "a key is compared as bytes and must have no padding");

bool recent_has(struct recent *r, uint32_t mark)
{
    for (unsigned i = 0; i < FLOW_RECENT_MAX; i++) {
        if (r->marks[i] == mark)
            return true;
    }
    for (unsigned i = FLOW_RECENT_MAX - 1; i > 0; i--)
        r->marks[i] = r->marks[i - 1];
    r->marks[0] = mark;
    return false;
}

static void young_remove(struct flows *f, struct flow *flow)
{
    *(flow->young_older ? &flow->young_older->young_newer : &f->young_oldest) = flow->young_newer;
    *(flow->young_newer ? &flow->young_newer->young_older : &f->young_newest) = flow->young_older;
    flow->young_older = flow->young_newer = NULL;
    flow->is_young = false;
    f->young_count--;
}

static void young_append(struct flows *f, struct flow *flow)
{
    flow->is_young = true;
    flow->young_older = f->young_newest;
    *(f->young_newest ? &f->young_newest->young_newer : &f->young_oldest) = flow;
    f->young_newest = flow;
    f->young_count++;
}

void flow_grow(struct flows *f, struct flow *flow)
{
    if (flow->is_young)
        young_remove(f, flow);
}

static void on_evicted(void *context, void *value)
{
    struct flows *f = context;
    struct flow *flow = value;
    flow_grow(f, flow);
    if (f->last == flow)
        f->last = NULL;
    f->config.closed(f->config.context, flow);
}

struct flows *flows_open(const struct flows_config *config)
{
    struct flows *f = calloc(1, sizeof(*f));
    struct hash_key seed = {0};
    if (!f)
        return NULL;
    (void)hash_key_random(&seed);
    f->config = *config;
    struct table_config table = {.entries_max = config->flows_max,
                                 .bytes_max = config->bytes_max,
                                 .key_size = sizeof(struct flow_key),
                                 .value_size = sizeof(struct flow),
                                 .seed = seed.low,
                                 .evicted = on_evicted,
                                 .context = f};
    f->open = table_open(&table);
    table.evicted = NULL;
    table.bytes_max = config->past_bytes_max / 2;
    table.value_size = sizeof(struct udp_flow);
    f->udp = table_open(&table);
    table.entries_max = FLOWS_CLOSED_MAX;
    table.value_size = sizeof(struct flow_closed);
    f->closed = table_open(&table);
    if (!f->open || !f->udp || !f->closed) {
        flows_close(f);
        return NULL;
    }
    return f;
}

void flows_close(struct flows *f)
{
    if (!f)
        return;
    if (f->open)
        table_close(f->open);
    if (f->closed)
        table_close(f->closed);
    if (f->udp)
        table_close(f->udp);
    free(f);
}

bool flow_key_make(struct flow_key *key, const struct datagram *d, uint16_t source_port,
                   uint16_t destination_port, uint16_t vlan)
{
    int order = memcmp(d->source.octets, d->destination.octets, sizeof(d->source.octets));
    bool from_high = order > 0 || (order == 0 && source_port > destination_port);
    *key = (struct flow_key){.low = from_high ? d->destination : d->source,
                             .high = from_high ? d->source : d->destination,
                             .low_port = from_high ? destination_port : source_port,
                             .high_port = from_high ? source_port : destination_port,
                             .vlan = vlan,
                             .protocol = d->protocol};
    return from_high;
}

struct flow *flow_find(struct flows *f, const struct flow_key *key)
{
    if (f->last && memcmp(&f->last_key, key, sizeof(*key)) == 0)
        return f->last;
    struct flow *flow = table_find(f->open, key);
    if (!flow)
        return NULL;
    table_touch_value(f->open, flow);
    if (flow->is_young) {
        young_remove(f, flow);
        young_append(f, flow);
    }
    f->last = flow;
    f->last_key = *key;
    return flow;
}

struct flow_closed *flow_find_closed(struct flows *f, const struct flow_key *key, bool from_high,
                                     uint32_t sequence, int64_t now_ns)
{
    if (table_count(f->closed) == 0)
        return NULL;
    struct flow_closed *c = table_find(f->closed, key);
    if (!c || now_ns - c->ns > FLOW_LINGER_S * CLOCK_SECOND_NS)
        return NULL;
    if (!c->is_known[from_high])
        return c;
    /* up to the FIN and what acknowledges the other's; a stranger's number is another connection */
    uint32_t before_end = c->end[from_high] + 2 - sequence;
    return before_end <= FLOW_WINDOW_MAX ? c : NULL;
}

struct flow *flow_add(struct flows *f, const struct flow_key *key, bool from_high, bool reversed,
                      int64_t now_ns)
{
    if (table_count(f->open) == table_entries_max(f->open))
        (void)flows_evict(f);
    struct flow *flow = table_touch(f->open, key, NULL);
    if (!flow)
        return NULL;
    young_append(f, flow);
    bool first_is_high = from_high != reversed;
    flow->is_reversed = first_is_high;
    flow->naming = -1;
    flow->last_ns = now_ns;
    flow->view = (struct flow_view){
        .ip = {first_is_high ? key->high : key->low, first_is_high ? key->low : key->high},
        .port = {first_is_high ? key->high_port : key->low_port,
                 first_is_high ? key->low_port : key->high_port},
        .start_ns = now_ns};
    f->last = flow;
    f->last_key = *key;
    return flow;
}

void flow_turn(struct flow *flow)
{
    struct half half = flow->half[0];
    struct address ip = flow->view.ip[0];
    uint16_t port = flow->view.port[0];
    flow->half[0] = flow->half[1];
    flow->half[1] = half;
    flow->view.ip[0] = flow->view.ip[1];
    flow->view.ip[1] = ip;
    flow->view.port[0] = flow->view.port[1];
    flow->view.port[1] = port;
    flow->is_reversed = !flow->is_reversed;
}

void flow_close(struct flows *f, struct flow *flow, bool linger, int64_t now_ns)
{
    struct flow_closed *c = linger ? table_touch(f->closed, table_key(f->open, flow), NULL) : NULL;
    if (c) {
        c->ns = now_ns;
        c->is_reversed = flow->is_reversed;
        for (unsigned direction = 0; direction < 2; direction++) {
            unsigned end = direction ^ (unsigned)flow->is_reversed;
            c->end[end] = flow->half[direction].next;
            c->is_known[end] = flow->half[direction].is_known;
            c->recent[end] = flow->half[direction].recent;
        }
    }
    table_remove(f->open, flow);
}

struct udp_flow *flow_find_udp(struct flows *f, const struct flow_key *key, bool *is_new)
{
    return table_touch(f->udp, key, is_new);
}

void flows_expire(struct flows *f, int64_t now_ns)
{
    struct udp_flow *udp;
    while ((udp = table_oldest(f->udp)) &&
           now_ns - udp->last_ns > FLOW_UDP_IDLE_S * CLOCK_SECOND_NS)
        table_remove(f->udp, udp);
    struct flow_closed *c;
    while ((c = table_oldest(f->closed)) && now_ns - c->ns > FLOW_LINGER_S * CLOCK_SECOND_NS)
        table_remove(f->closed, c);
    struct flow *flow;
    while ((flow = table_oldest(f->open)) && now_ns - flow->last_ns > FLOW_IDLE_S * CLOCK_SECOND_NS)
        table_remove(f->open, flow);
}

struct flow *flows_oldest(const struct flows *f)
{
    return table_oldest(f->open);
}

bool flows_evict(struct flows *f)
{
    bool are_many = f->young_count > table_count(f->open) / FLOWS_YOUNG_PARTS;
    struct flow *first = are_many ? f->young_oldest : table_oldest(f->open);
    if (!first)
        return false;
    f->evictions++;
    table_remove(f->open, first);
    return true;
}

uint64_t flows_evictions(const struct flows *f)
{
    return f->evictions + table_evictions(f->open) + table_evictions(f->udp);
}
