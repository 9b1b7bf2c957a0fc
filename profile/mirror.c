/*
 * A subject is a server, or the whole mirror: the sums of its open intervals, and what is known of
 * it from those before.
 */
#include "profile/mirror.h"

#include "core/hash.h"
#include "core/table.h"
#include "profile/lasting.h"

#include <stdio.h>
#include <stdlib.h>

enum { SAVED_VERSION = 1, PROTOCOL_MAX = 24 /* bytes */ };

static const char saved_name[] = "mirror";

/* Interval numbers count from 1970 in lengths of an interval. */
struct open_interval {
    int64_t number;
    bool is_used;
    int64_t last_ns, clock_jump_ns; /* as in struct mirror_part */
    struct mirror_counters counters;
};

/* How a server's connections speak. */
enum speech {
    SPEECH_UNKNOWN,
    SPEECH_CLEAR,   /* never encrypted until now */
    SPEECH_TURNING, /* was clear; encrypted ones have come, and clear ones still do */
    SPEECH_TURNED,  /* was clear; only encrypted ones come */
    SPEECH_EITHER,  /* encrypted ones are nothing new */
};

struct subject {
    char protocol[PROTOCOL_MAX]; /* empty: unknown */
    uint32_t changed;            /* see profile/lasting.h */
    int64_t last_ns;             /* of its newest packet in a settled interval; 0: none */
    int64_t silence_ns;          /* the longest before */
    uint32_t data_intervals;
    enum speech speech;
    uint32_t speech_intervals; /* with data, since it speaks like that */
    uint32_t encrypted_streak; /* likewise, since the last clear connection; of SPEECH_TURNING */
    int64_t clock_jump_ns;
    struct mirror_counters total;
    struct open_interval open[MIRROR_OPEN_MAX]; /* at its number modulo the length */
};

/* A server's key; all bytes are compared. */
struct server_key {
    struct address ip;
    uint64_t port;
};

struct mirror {
    struct mirror_config config;
    struct subject whole;
    struct table *servers; /* of struct subject by struct server_key */
    struct lasting lasting;
    int64_t restored_ns; /* when what was restored was saved; 0: nothing was, or it is settled */
    bool has_begun, is_finishing;
    int64_t next;   /* the interval that is settled next */
    int64_t newest; /* the newest that has a part */
    uint64_t late;
};

static void server_evicted(void *context, void *value)
{
    struct mirror *m = context;
    lasting_remove(&m->lasting, value);
}

struct mirror *mirror_open(const struct mirror_config *config)
{
    struct mirror *m = calloc(1, sizeof(*m));
    struct hash_key seed = {0};
    if (!m)
        return NULL;
    (void)hash_key_random(&seed); /* without, keys could be made to collide: slower, not wrong */
    m->config = *config;
    const struct table_config table = {.entries_max = config->servers_max > 0 ? config->servers_max
                                                                              : MIRROR_SERVERS_MAX,
                                       .bytes_max = config->bytes_max,
                                       .key_size = sizeof(struct server_key),
                                       .value_size = sizeof(struct subject),
                                       .seed = seed.low,
                                       .evicted = server_evicted,
                                       .context = m};
    m->servers = table_open(&table);
    if (m->servers)
        return m;
    free(m);
    return NULL;
}

void mirror_close(struct mirror *m)
{
    if (!m)
        return;
    table_close(m->servers);
    lasting_clear(&m->lasting);
    free(m);
}

static void speak(struct subject *s, enum speech speech)
{
    s->speech = speech;
    s->speech_intervals = s->encrypted_streak = 0;
}

/* A server that always had both is SPEECH_EITHER from the first encrypted connection on. */
static void hear(struct subject *s, const struct mirror_counters *c)
{
    bool is_clear = c->clear > 0, is_encrypted = c->encrypted > 0;
    s->speech_intervals += c->data_packets > 0;
    switch (s->speech) {
    case SPEECH_UNKNOWN:
        if (is_clear || is_encrypted)
            speak(s, is_encrypted ? SPEECH_EITHER : SPEECH_CLEAR);
        break;
    case SPEECH_CLEAR:
        if (is_encrypted && s->speech_intervals < MIRROR_KNOWN_MIN)
            speak(s, SPEECH_EITHER);
        else if (is_encrypted)
            speak(s, is_clear ? SPEECH_TURNING : SPEECH_TURNED);
        break;
    case SPEECH_TURNING:
        s->encrypted_streak = is_clear ? 0 : s->encrypted_streak + (c->data_packets > 0);
        if (s->encrypted_streak >= MIRROR_KNOWN_MIN)
            speak(s, SPEECH_TURNED);
        else if (s->speech_intervals > MIRROR_TURNING_MAX)
            speak(s, SPEECH_EITHER);
        break;
    case SPEECH_TURNED:
        if (is_clear)
            speak(s, SPEECH_EITHER);
        break;
    case SPEECH_EITHER:
        break;
    }
}

/* The time since the last packet, at the end of an interval without any; 0: that is not worth
 * telling. */
static int64_t silence_of(const struct mirror *m, const struct subject *s, int64_t number)
{
    int64_t silence_ns = (number + 1) * m->config.interval_ns - s->last_ns;
    bool is_told = s->data_intervals >= MIRROR_KNOWN_MIN && !m->is_finishing && silence_ns > 0 &&
                   silence_ns <= MIRROR_SILENCE_MAX_NS;
    return is_told ? silence_ns : 0;
}

static void add_silence(const struct mirror *m, struct transaction *record, const struct subject *s,
                        int64_t silence_ns)
{
    int64_t before_ns = s->silence_ns;
    if (before_ns < m->config.interval_ns)
        before_ns = m->config.interval_ns;
    record->mirror.silence_ns = (uint64_t)silence_ns;
    record->mirror.silence_ratio = (uint64_t)(silence_ns / before_ns);
    transaction_mark(record, FIELD_MIRROR_SILENCE);
    transaction_mark(record, FIELD_MIRROR_SILENCE_RATIO);
}

/* server: NULL of the whole mirror. */
static void add_subject(struct transaction *record, const struct subject *s,
                        const struct server_key *server)
{
    if (!server)
        return;
    record->server_ip = server->ip;
    record->server_port = server->port;
    transaction_mark(record, FIELD_SERVER_IP);
    transaction_mark(record, FIELD_SERVER_PORT);
    if (s->protocol[0]) {
        record->protocol = bytes_of(s->protocol);
        transaction_mark(record, FIELD_NETWORK_PROTOCOL);
    }
    if (s->speech != SPEECH_UNKNOWN) {
        record->mirror.turned_encrypted = s->speech == SPEECH_TURNED;
        transaction_mark(record, FIELD_MIRROR_TURNED_ENCRYPTED);
    }
}

static void write_record(const struct mirror *m, const struct subject *s,
                         const struct server_key *server, const struct open_interval *o,
                         int64_t silence_ns)
{
    struct transaction record = {.start_ns = o->number * m->config.interval_ns,
                                 .duration_ns = (uint64_t)m->config.interval_ns};
    record.present = mirror_figures(&record.mirror, &o->counters, !server);
    transaction_mark(&record, FIELD_TIMESTAMP);
    transaction_mark(&record, FIELD_EVENT_DURATION);
    add_subject(&record, s, server);
    if (o->clock_jump_ns > 0 || (!server && o->counters.packets > 0)) {
        record.mirror.clock_jump_ns = (uint64_t)o->clock_jump_ns;
        transaction_mark(&record, FIELD_MIRROR_CLOCK_JUMP);
    }
    if (silence_ns > 0)
        add_silence(m, &record, s, silence_ns);
    m->config.record(m->config.context, &record);
}

/* What the interval changes in what is known. */
static void learn(const struct mirror *m, struct subject *s, const struct open_interval *o)
{
    int64_t silence_ns = o->number * m->config.interval_ns - s->last_ns;
    if (o->counters.packets > 0 && s->last_ns > 0 && silence_ns > s->silence_ns)
        s->silence_ns = silence_ns;
    if (o->last_ns > s->last_ns)
        s->last_ns = o->last_ns;
    s->data_intervals += o->counters.data_packets > 0;
}

/* Tells whether there was anything to write. */
static bool settle_subject(struct mirror *m, struct subject *s, const struct server_key *server)
{
    struct open_interval *o = &s->open[m->next % MIRROR_OPEN_MAX];
    const struct open_interval empty = {.number = m->next};
    int64_t silence_ns = 0;
    if (server && o->is_used)
        lasting_touch(&m->lasting, s, false);
    if (!o->is_used)
        *o = empty;
    if (o->counters.packets == 0)
        silence_ns = silence_of(m, s, m->next);
    bool is_written = o->is_used || silence_ns > 0;
    hear(s, &o->counters);
    if (is_written)
        write_record(m, s, server, o, silence_ns);
    learn(m, s, o);
    *o = empty;
    return is_written;
}

static bool settle(struct mirror *m)
{
    bool is_written = settle_subject(m, &m->whole, NULL);
    for (void *at = table_oldest(m->servers); at; at = table_next(m->servers, at))
        is_written = settle_subject(m, at, table_key(m->servers, at)) || is_written;
    m->next++;
    return is_written;
}

/* Settles all before that interval.  Where nobody has anything left to tell the time in between is
 * passed over. */
static void settle_before(struct mirror *m, int64_t number)
{
    while (m->next < number) {
        if (!settle(m) && m->newest < m->next)
            m->next = number;
    }
}

static struct subject *subject_of(struct mirror *m, const struct mirror_part *part)
{
    struct server_key key = {part->ip, part->port};
    bool is_new;
    if (part->is_whole)
        return &m->whole;
    struct subject *s = table_touch(m->servers, &key, &is_new);
    if (s)
        lasting_touch(&m->lasting, s, is_new);
    return s;
}

static void shift(struct subject *s, int64_t by_ns)
{
    if (s->last_ns > 0)
        s->last_ns += by_ns;
}

/* While nobody listened, nobody was silent. */
static void pass_over_pause(struct mirror *m, int64_t now_ns)
{
    if (m->restored_ns == 0)
        return;
    int64_t pause_ns = now_ns - m->restored_ns;
    m->restored_ns = 0;
    shift(&m->whole, pause_ns);
    for (void *at = table_oldest(m->servers); at; at = table_next(m->servers, at))
        shift(at, pause_ns);
}

void mirror_count(struct mirror *m, const struct mirror_part *part)
{
    int64_t number = part->start_ns / m->config.interval_ns;
    if (!m->has_begun) {
        m->has_begun = true;
        pass_over_pause(m, part->start_ns);
        m->next = m->newest = number > 0 ? number - 1 : 0; /* another worker's may be earlier */
    }
    if (part->start_ns < 0 || number < m->next) {
        m->late++;
        return;
    }
    settle_before(m, number - MIRROR_OPEN_MAX + 1);
    if (m->newest < number)
        m->newest = number;
    struct subject *s = subject_of(m, part);
    if (!s) /* no memory for the first one */
        return;
    struct open_interval *o = &s->open[number % MIRROR_OPEN_MAX];
    o->number = number;
    o->is_used = true;
    if (part->last_ns > o->last_ns)
        o->last_ns = part->last_ns;
    if (part->clock_jump_ns > o->clock_jump_ns)
        o->clock_jump_ns = part->clock_jump_ns;
    if (o->clock_jump_ns > s->clock_jump_ns)
        s->clock_jump_ns = o->clock_jump_ns;
    if (part->protocol)
        (void)snprintf(s->protocol, sizeof(s->protocol), "%s", part->protocol);
    mirror_add(&o->counters, &part->counters);
    mirror_add(&s->total, &part->counters);
}

void mirror_tick(struct mirror *m, int64_t now_ns)
{
    if (m->has_begun && now_ns > 0)
        settle_before(m, now_ns / m->config.interval_ns - 1);
}

void mirror_finish(struct mirror *m)
{
    m->is_finishing = true;
    if (m->has_begun)
        settle_before(m, m->newest + 1);
}

static bool is_larger(const struct mirror_total *a, const struct mirror_total *b)
{
    if (a->counters.bytes != b->counters.bytes)
        return a->counters.bytes > b->counters.bytes;
    int order = memcmp(&a->ip, &b->ip, sizeof(a->ip));
    return order != 0 ? order < 0 : a->port < b->port;
}

/* Into its place among those with the most bytes. */
static void show(struct mirror_totals *totals, const struct mirror_total *server)
{
    size_t at = totals->shown_count;
    if (at == MIRROR_SHOWN_MAX && !is_larger(server, &totals->shown[--at]))
        return;
    for (; at > 0 && is_larger(server, &totals->shown[at - 1]); at--)
        totals->shown[at] = totals->shown[at - 1];
    totals->shown[at] = *server;
    totals->shown_count += totals->shown_count < MIRROR_SHOWN_MAX;
}

void mirror_totals(const struct mirror *m, struct mirror_totals *totals)
{
    *totals = (struct mirror_totals){.whole = m->whole.total,
                                     .clock_jump_ns = m->whole.clock_jump_ns,
                                     .servers = table_count(m->servers),
                                     .servers_forgotten = table_evictions(m->servers),
                                     .late = m->late};
    for (const void *at = table_oldest(m->servers); at; at = table_next(m->servers, at)) {
        const struct subject *s = at;
        const struct server_key *key = table_key(m->servers, at);
        const struct mirror_total server = {key->ip, (uint16_t)key->port,
                                            s->protocol[0] ? s->protocol : NULL, s->total};
        show(totals, &server);
    }
}

static void save_subject(const struct subject *s, struct pack *p)
{
    pack_string(p, bytes_of(s->protocol));
    pack_signed(p, s->last_ns);
    pack_signed(p, s->silence_ns);
    pack_number(p, s->data_intervals);
    pack_u8(p, (uint8_t)s->speech);
    pack_number(p, s->speech_intervals);
    pack_number(p, s->encrypted_streak);
}

static bool is_span(int64_t ns)
{
    return ns >= 0 && ns < INT64_MAX / 4;
}

static bool load_subject(struct subject *s, struct cursor *c)
{
    struct subject read = {.last_ns = 0};
    struct bytes protocol = unpack_string(c, PROTOCOL_MAX - 1);
    if (protocol.len > 0)
        memcpy(read.protocol, protocol.data, protocol.len);
    read.last_ns = unpack_signed(c);
    read.silence_ns = unpack_signed(c);
    read.data_intervals = (uint32_t)unpack_number(c);
    uint8_t speech = cursor_u8(c);
    read.speech = speech;
    read.speech_intervals = (uint32_t)unpack_number(c);
    read.encrypted_streak = (uint32_t)unpack_number(c);
    if (!unpack_done(c) || speech > SPEECH_EITHER || !is_span(read.last_ns) ||
        !is_span(read.silence_ns))
        return false;
    *s = read;
    return true;
}

static void save_server(void *context, void *value, struct pack *p)
{
    const struct mirror *m = context;
    const struct server_key *key = table_key(m->servers, value);
    pack_bytes(p, (struct bytes){key->ip.octets, sizeof(key->ip.octets)});
    pack_number(p, key->port);
    save_subject(value, p);
}

static int64_t server_time_ns(void *context, const void *value)
{
    const struct subject *s = value;
    (void)context;
    return s->last_ns;
}

static bool load_server(void *context, uint8_t version, struct cursor *c)
{
    struct mirror *m = context;
    struct server_key key = {.port = 0};
    struct subject read;
    struct bytes octets = cursor_take(c, sizeof(key.ip.octets));
    if (octets.len > 0)
        memcpy(key.ip.octets, octets.data, octets.len);
    key.port = unpack_number(c);
    if (version != SAVED_VERSION || key.port > UINT16_MAX || !load_subject(&read, c))
        return false;
    struct subject *s = table_touch(m->servers, &key, NULL);
    if (s)
        *s = read;
    return true;
}

void mirror_restore(struct mirror *m, struct state *s)
{
    uint8_t version;
    struct cursor head;
    if (state_head(s, saved_name, &version, &head) && version == SAVED_VERSION &&
        load_subject(&m->whole, &head)) {
        state_rows(s, saved_name, load_server, m);
        m->restored_ns = state_moment(s).time_ns;
    }
    m->lasting = (struct lasting){.table = m->servers,
                                  .mark_at = offsetof(struct subject, changed),
                                  .save = save_server,
                                  .time_ns = server_time_ns,
                                  .context = m,
                                  .version = SAVED_VERSION};
    lasting_start(&m->lasting);
}

void mirror_save_begin(struct mirror *m, struct state *s, bool is_whole)
{
    uint32_t part;
    struct pack *head = state_part(s, saved_name, SAVED_VERSION, &part);
    if (!head)
        return;
    save_subject(&m->whole, head);
    state_part_end(s);
    lasting_begin(&m->lasting, s, part, is_whole);
}

bool mirror_save_step(struct mirror *m, size_t servers_max)
{
    return lasting_step(&m->lasting, servers_max);
}

void mirror_save_abandon(struct mirror *m)
{
    lasting_abandon(&m->lasting);
}
