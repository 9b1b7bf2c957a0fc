/*
 * A known port's protocol is tried first, then all; the better of what the two sides' first bytes
 * say decides.  The roles of the ends are taken from the capture where it saw the opening, else
 * from the ports and from what either side says.
 */
#include "analyzers/decision.h"

#include "analyzers/proxy_protocol.h"

enum {
    UNDECIDED_MAX = 16384, /* bytes of a side kept until the protocol is found */
    LATE_STARTS_MAX = 16,  /* segments of an unknown connection that are tried as a start */
};

static void flip(struct connection *c)
{
    struct connection_facts *f = &c->facts;
    struct address ip = f->ip[SIDE_CLIENT];
    uint16_t port = f->port[SIDE_CLIENT];
    f->ip[SIDE_CLIENT] = f->ip[SIDE_SERVER];
    f->port[SIDE_CLIENT] = f->port[SIDE_SERVER];
    f->ip[SIDE_SERVER] = ip;
    f->port[SIDE_SERVER] = port;
    uint64_t bytes = c->bytes[SIDE_CLIENT];
    c->bytes[SIDE_CLIENT] = c->bytes[SIDE_SERVER];
    c->bytes[SIDE_SERVER] = bytes;
    struct feed client = c->feed[SIDE_CLIENT];
    c->feed[SIDE_CLIENT] = c->feed[SIDE_SERVER];
    c->feed[SIDE_SERVER] = client;
    c->feed[SIDE_CLIENT].side = SIDE_CLIENT;
    c->feed[SIDE_SERVER].side = SIDE_SERVER;
    c->is_flipped = !c->is_flipped;
    c->peer = (struct connection_end){f->ip[SIDE_CLIENT], f->port[SIDE_CLIENT]};
    c->was_server_first = !c->was_server_first;
}

/* The analyzer that the configuration, or custom, gives that server port; NULL: none. */
static const struct analyzer *analyzer_of_port(const struct settings *s, uint16_t port)
{
    for (size_t i = 0; i < s->ports_count; i++) {
        if (s->ports[i].port == port)
            return ANALYZERS[analyzer_find(bytes_of(s->ports[i].protocol))];
    }
    for (size_t n = 0; n < ANALYZERS_COUNT; n++) {
        for (size_t i = 0; i < ANALYZER_PORTS_MAX && ANALYZERS[n]->ports[i]; i++) {
            if (ANALYZERS[n]->ports[i] == port)
                return ANALYZERS[n];
        }
    }
    return NULL;
}

void decision_believe(struct connection *c, const struct analyzer *a, int64_t ns)
{
    if (!budget_resize(&c->owner->budget, &c->x.state, 0, a->state_size)) {
        c->kind = CONNECTION_UNKNOWN;
        connection_forget_kept(c);
        return;
    }
    memset(c->x.state, 0, a->state_size);
    c->analyzer = a;
    c->protocol = &c->owner->protocols[analyzer_find(bytes_of(a->name))];
    c->kind = CONNECTION_DECODED;
    for (int side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
        c->feed[side].analyzer = a;
        c->feed[side].is_lost = c->x.is_midstream;
    }
    enum side first = c->was_server_first ? SIDE_SERVER : SIDE_CLIENT;
    for (unsigned i = 0; i < 2 && c->kind == CONNECTION_DECODED; i++) {
        enum side side = i ? (enum side)(first ^ 1) : first;
        if (c->feed[side].buffer_len > 0)
            connection_take(c, side, (struct bytes){NULL, 0}, ns);
    }
}

/* The better of what the two sides' first bytes say for this analyzer and these roles.  Where the
 * port says the same, a likely start is enough. */
static enum start starts(const struct connection *c, const struct analyzer *a, bool flipped,
                         bool by_port)
{
    enum start best = START_NO;
    for (int i = 0; i < 2; i++) {
        const struct feed *f = &c->feed[i];
        struct bytes data = feed_kept(f);
        enum side side = (enum side)(i ^ (int)flipped);
        size_t need;
        uint64_t len;
        if (data.len == 0)
            continue;
        enum start start = feed_start(a, NULL, side, data, 0, &need);
        if (by_port && start != START_SURE && !c->facts.is_midstream &&
            a->starts_here(NULL, side, cursor_over(data), &len) == START_LIKELY)
            start = START_SURE;
        best = start > best ? start : best;
    }
    return best;
}

/* Whether an analyzer takes the connection; *is_open becomes true where more bytes may tell. */
static bool try_analyzer(struct connection *c, const struct analyzer *a, bool by_port,
                         bool *is_open, int64_t ns)
{
    for (int flipped = 0; flipped <= (c->facts.roles_sure ? 0 : 1); flipped++) {
        enum start start = starts(c, a, flipped, by_port);
        *is_open = *is_open || start == START_SHORT;
        if (start != START_SURE)
            continue;
        if (flipped)
            flip(c);
        decision_believe(c, a, ns);
        return true;
    }
    /* an old connection to a known port: its messages will be found further on */
    if (!by_port || !c->facts.is_midstream)
        return false;
    decision_believe(c, a, ns);
    return true;
}

bool decision_by_port(struct connection *c, int64_t ns)
{
    const struct analyzer *usual = analyzer_of_port(c->owner->settings, c->facts.port[SIDE_SERVER]);
    if (!usual || (c->feed[0].buffer_len == 0) == (c->feed[1].buffer_len == 0))
        return false;
    decision_believe(c, usual, ns);
    return true;
}

/*
 * A proxy's header before all else goes, and who is behind the proxy is known.  It is the client's,
 * whichever end was taken for it.  True where it may be one and is not there as a whole.
 */
static bool take_proxy_header(struct connection *c)
{
    for (int side = SIDE_CLIENT; side <= (c->facts.roles_sure ? SIDE_CLIENT : SIDE_SERVER);
         side++) {
        struct proxy_header h;
        struct bytes kept = feed_kept(&c->feed[side]);
        enum start start = kept.len > 0 ? proxy_header_read(kept, &h) : START_NO;
        if (start == START_SHORT)
            return true;
        if (start != START_SURE)
            continue;
        if (side == SIDE_SERVER)
            flip(c);
        c->facts.roles_sure = c->has_proxy_header = true;
        c->x.start_ns = c->feed[SIDE_CLIENT].start_ns;
        pairing_count(&c->x, SIDE_CLIENT, h.len, false);
        feed_drop(&c->feed[SIDE_CLIENT], h.len);
        c->is_proxied = h.has_client && settings_is_proxy(c->owner->settings, &c->peer.ip);
        c->owner->counters.proxies_unknown += h.has_client && !c->is_proxied;
        if (c->is_proxied)
            c->peer = (struct connection_end){h.ip, h.port};
        return false;
    }
    return false;
}

static void decide(struct connection *c, int64_t ns)
{
    if (!c->has_proxy_header && take_proxy_header(c))
        return;
    if (c->feed[0].buffer_len + c->feed[1].buffer_len == 0)
        return;
    const struct analyzer *usual = analyzer_of_port(c->owner->settings, c->facts.port[SIDE_SERVER]);
    if (!usual && !c->facts.roles_sure) {
        usual = analyzer_of_port(c->owner->settings, c->facts.port[SIDE_CLIENT]);
        if (usual)
            flip(c);
    }
    /* on a known port, the other side's answer may tell what strange first bytes do not */
    bool is_open = usual && (c->feed[0].buffer_len == 0 || c->feed[1].buffer_len == 0);
    if (usual && try_analyzer(c, usual, true, &is_open, ns))
        return;
    for (size_t n = 0; n < ANALYZERS_COUNT; n++) {
        if (ANALYZERS[n] != usual && try_analyzer(c, ANALYZERS[n], false, &is_open, ns))
            return;
    }
    bool is_full = c->feed[0].buffer_len >= UNDECIDED_MAX || c->feed[1].buffer_len >= UNDECIDED_MAX;
    if (is_open && (!is_full || decision_by_port(c, ns)))
        return;
    c->kind = CONNECTION_UNKNOWN;
    connection_forget_kept(c);
}

void decision_late_start(struct connection *c, enum side side, struct bytes data, int64_t ns)
{
    if (c->late_starts >= LATE_STARTS_MAX)
        return;
    c->late_starts++;
    for (size_t n = 0; n < ANALYZERS_COUNT; n++) {
        for (int flipped = 0; flipped < 2; flipped++) {
            size_t need;
            enum side as = (enum side)(side ^ (enum side)flipped);
            if (feed_start(ANALYZERS[n], NULL, as, data, 0, &need) != START_SURE)
                continue;
            connection_forget_kept(c);
            if (flipped)
                flip(c);
            decision_believe(c, ANALYZERS[n], ns);
            if (c->kind == CONNECTION_DECODED)
                connection_take(c, as, data, ns);
            return;
        }
    }
}

void decision_data(struct connection *c, enum side side, struct bytes data, int64_t ns)
{
    bool is_first = c->feed[0].buffer_len + c->feed[1].buffer_len == 0;
    if (is_first)
        c->was_server_first = side == SIDE_SERVER;
    if (!feed_keep(&c->feed[side], data, ns)) {
        c->kind = CONNECTION_UNKNOWN;
        connection_forget_kept(c);
        return;
    }
    bool had_header = c->has_proxy_header;
    decide(c, ns);
    /* of a segment in which a proxy's header ended, that is not the beginning */
    if (c->kind == CONNECTION_UNDECIDED && !is_first && c->has_proxy_header == had_header)
        decision_late_start(c, side, data, ns);
}
