/*
 * Three tables: open TCP flows, TCP flows closed a moment ago, and UDP flows, which are only
 * counted.
 */
#include "capture/flow.h"

#include "core/clock.h"
#include "core/hash.h"
#include "core/table.h"

#include <stdlib.h>

struct closed {
    uint32_t end[2]; /* sequence numbers behind the last byte, by end of the key */
    bool is_known[2];
    int64_t ns;
};

struct udp_flow {
    int64_t last_ns;
};

struct flows {
    struct flows_config config;
    struct table *open, *closed, *udp;
    struct flow *last; /* the flow found last */
    struct flow_key last_key;
};

_Static_assert(sizeof(struct flow_key) == 40,
               "a key is compared as bytes and must have no padding");

static void on_evicted(void *context, void *value)
{
    struct flows *f = context;
    struct flow *flow = value;
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
                                 .key_size = sizeof(struct flow_key),
                                 .value_size = sizeof(struct flow),
                                 .seed = seed.low,
                                 .evicted = on_evicted,
                                 .context = f};
    f->open = table_open(&table);
    table.evicted = NULL;
    table.value_size = sizeof(struct udp_flow);
    f->udp = table_open(&table);
    table.entries_max = FLOWS_CLOSED_MAX;
    table.value_size = sizeof(struct closed);
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
    f->last = flow;
    f->last_key = *key;
    return flow;
}

bool flow_was_closed(struct flows *f, const struct flow_key *key, bool from_high, uint32_t sequence,
                     int64_t now_ns)
{
    if (table_count(f->closed) == 0)
        return false;
    struct closed *c = table_find(f->closed, key);
    if (!c || now_ns - c->ns > FLOW_LINGER_S * CLOCK_SECOND_NS)
        return false;
    if (!c->is_known[from_high])
        return true;
    /* up to the FIN and what acknowledges the other's; a stranger's number is another connection */
    uint32_t before_end = c->end[from_high] + 2 - sequence;
    return before_end <= FLOW_WINDOW_MAX;
}

struct flow *flow_add(struct flows *f, const struct flow_key *key, bool from_high, bool reversed,
                      int64_t now_ns)
{
    struct flow *flow = table_touch(f->open, key, NULL);
    if (!flow)
        return NULL;
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
    struct closed *c = linger ? table_touch(f->closed, table_key(f->open, flow), NULL) : NULL;
    if (c) {
        c->ns = now_ns;
        for (unsigned direction = 0; direction < 2; direction++) {
            c->end[direction ^ (unsigned)flow->is_reversed] = flow->half[direction].next;
            c->is_known[direction ^ (unsigned)flow->is_reversed] = flow->half[direction].is_known;
        }
    }
    table_remove(f->open, flow);
}

bool flow_count_udp(struct flows *f, const struct flow_key *key, int64_t now_ns)
{
    bool is_new;
    struct udp_flow *flow = table_touch(f->udp, key, &is_new);
    if (!flow)
        return false;
    flow->last_ns = now_ns;
    return is_new;
}

void flows_expire(struct flows *f, int64_t now_ns)
{
    struct udp_flow *udp;
    while ((udp = table_oldest(f->udp)) &&
           now_ns - udp->last_ns > FLOW_UDP_IDLE_S * CLOCK_SECOND_NS)
        table_remove(f->udp, udp);
    struct closed *c;
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

uint64_t flows_evictions(const struct flows *f)
{
    return table_evictions(f->open);
}
