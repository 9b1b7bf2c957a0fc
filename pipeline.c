/*
 * Lanes from the sources to the sink: a lane is a source, its worker and, where there are
 * several, a thread and a queue.
 */
#define _GNU_SOURCE /* pthread_setaffinity_np */
#include "pipeline.h"

#include "core/clock.h"
#include "queue.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    QUEUE_BYTES_MAX = 8 << 20,   /* of a lane */
    QUEUE_BYTES_MIN = 256 << 10, /* likewise, for many of the longest transactions */
    ENTRIES_IN_TURN_MAX = 512,   /* before a look at the time and at signals */
    WAIT_NS = 200000,            /* before a look at what was full or empty */
};

/* Texts that can be missed when a queue is crowded; what is counted is not among them. */
static const field_set details = FIELD_BIT(FIELD_DB_QUERY_TEXT) |
                                 FIELD_BIT(FIELD_DB_COLLECTION_NAME) |
                                 FIELD_BIT(FIELD_USER_AGENT_ORIGINAL) | FIELD_BIT(FIELD_URL_PATH) |
                                 FIELD_BIT(FIELD_NETWORK_COMMUNITY_ID);

enum entry_kind {
    ENTRY_TRANSACTION,
    ENTRY_PASSING,
    ENTRY_SESSION_END,
    ENTRY_MIRROR,
    ENTRY_TIME,
    ENTRY_END
};

/* What a worker hands over; a transaction, or a part of the mirror, stands behind its entry. */
struct entry {
    _Alignas(struct transaction) enum entry_kind kind;
    int64_t ns; /* the worker's packet time */
    uint64_t session;
};

struct lane {
    struct pipeline *pipeline;
    struct worker *worker;
    struct source *source;
    struct queue *queue; /* NULL: the caller's thread does it all */
    pthread_t thread;
    bool is_started, has_ended;
    bool is_finishing; /* the worker has no more packets to wait for */
    int64_t ns;        /* time of the last entry that was taken */
    enum source_status status;
    struct error error;
    uint64_t details_dropped, transactions_dropped;
    uint64_t drops_told;     /* of the source's, in the parts of the mirror */
    struct clock_pair clock; /* the packets', and the system's since it started */
};

struct pipeline {
    struct pipeline_config config;
    struct lane *lanes;
    atomic_bool must_stop;
};

static void wait_a_little(void)
{
    const struct timespec wait = {.tv_nsec = WAIT_NS};
    (void)nanosleep(&wait, NULL);
}

/* Room for an entry.  Live, a worker waits for nothing but to say that it has ended. */
static struct entry *reserve(struct lane *l, enum entry_kind kind, size_t payload)
{
    bool may_wait = !l->pipeline->config.is_live || kind == ENTRY_END ||
                    (kind == ENTRY_MIRROR && l->is_finishing);
    struct entry *e = queue_reserve(l->queue, sizeof(*e) + payload);
    while (!e && may_wait) {
        wait_a_little();
        e = queue_reserve(l->queue, sizeof(*e) + payload);
    }
    if (e)
        *e = (struct entry){.kind = kind, .ns = worker_now(l->worker)};
    return e;
}

static void on_transaction(void *context, struct transaction *tx, uint64_t session)
{
    struct lane *l = context;
    if (!l->queue) {
        const struct sink *sink = l->pipeline->config.sink;
        sink->transaction(sink->context, tx, session, worker_now(l->worker));
        return;
    }
    field_set without = l->pipeline->config.is_live && queue_is_crowded(l->queue) ? details : 0;
    struct entry *e = reserve(l, ENTRY_TRANSACTION, transaction_packed_size(tx, without));
    l->details_dropped += without != 0;
    if (!e) {
        l->transactions_dropped++;
        return;
    }
    e->session = session;
    transaction_pack(tx, without, e + 1);
    queue_commit(l->queue);
}

/* Its end tells all of it again: where the queue is full, nothing is lost. */
static void on_passing(void *context, struct transaction *tx, uint64_t session)
{
    struct lane *l = context;
    if (!l->queue) {
        const struct sink *sink = l->pipeline->config.sink;
        sink->passing(sink->context, tx, session, worker_now(l->worker));
        return;
    }
    struct entry *e = reserve(l, ENTRY_PASSING, transaction_packed_size(tx, 0));
    if (!e)
        return;
    e->session = session;
    transaction_pack(tx, 0, e + 1);
    queue_commit(l->queue);
}

static void on_session_end(void *context, uint64_t session)
{
    struct lane *l = context;
    if (!l->queue) {
        const struct sink *sink = l->pipeline->config.sink;
        sink->session_end(sink->context, session);
        return;
    }
    struct entry *e = reserve(l, ENTRY_SESSION_END, 0);
    if (!e)
        return; /* the session ends by the bound on sessions */
    e->session = session;
    queue_commit(l->queue);
}

static bool hand_on_mirror(struct lane *l, const struct mirror_part *part)
{
    if (!l->queue) {
        const struct sink *sink = l->pipeline->config.sink;
        sink->mirror(sink->context, part);
        return true;
    }
    struct entry *e = reserve(l, ENTRY_MIRROR, sizeof(*part));
    if (!e)
        return false; /* it is told with the next interval */
    memcpy(e + 1, part, sizeof(*part));
    queue_commit(l->queue);
    return true;
}

/* Adds what the source dropped to the part of the whole mirror. */
static bool on_mirror(void *context, const struct mirror_part *part)
{
    struct lane *l = context;
    struct mirror_part whole = *part;
    if (!part->is_whole)
        return hand_on_mirror(l, part);
    struct source_drops drops = source_drops(l->source);
    uint64_t dropped = drops.kernel + drops.interface;
    whole.counters.dropped = dropped - l->drops_told;
    if (!hand_on_mirror(l, &whole))
        return false;
    l->drops_told = dropped;
    return true;
}

static int64_t system_ns(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * CLOCK_SECOND_NS + t.tv_nsec;
}

/* Live, packets have the system's time: when that is set, they jump.  Back, capture sees it. */
static void watch_clock(struct lane *l)
{
    if (!l->pipeline->config.is_live || l->status != SOURCE_PACKETS)
        return;
    int64_t jump_ns = clock_jump(&l->clock, worker_now(l->worker), system_ns(CLOCK_MONOTONIC));
    if (jump_ns > 0)
        worker_jump(l->worker, jump_ns);
}

/* The system's time, live; files have their own. */
static int64_t time_where_quiet(const struct pipeline *p, enum source_status status)
{
    return p->config.is_live && status == SOURCE_QUIET ? system_ns(CLOCK_REALTIME) : 0;
}

/* One batch of packets; false at the end. */
static bool read_batch(struct lane *l)
{
    l->status = source_read(l->source, worker_take, l->worker, &l->error);
    watch_clock(l);
    worker_tick(l->worker, time_where_quiet(l->pipeline, l->status));
    return l->status == SOURCE_PACKETS || l->status == SOURCE_QUIET;
}

static void *run_lane(void *context)
{
    struct lane *l = context;
    bool goes_on = true;
    while (goes_on && !atomic_load_explicit(&l->pipeline->must_stop, memory_order_relaxed)) {
        goes_on = read_batch(l);
        if (reserve(l, ENTRY_TIME, 0))
            queue_commit(l->queue);
    }
    l->is_finishing = true;
    worker_finish(l->worker);
    (void)reserve(l, ENTRY_END, 0);
    queue_commit(l->queue);
    return NULL;
}

static void take_entry(struct pipeline *p, struct lane *l, struct entry *e)
{
    const struct sink *sink = p->config.sink;
    l->ns = e->ns;
    switch (e->kind) {
    case ENTRY_TRANSACTION:
        sink->transaction(sink->context, (struct transaction *)(e + 1), e->session, e->ns);
        break;
    case ENTRY_PASSING:
        sink->passing(sink->context, (struct transaction *)(e + 1), e->session, e->ns);
        break;
    case ENTRY_SESSION_END:
        sink->session_end(sink->context, e->session);
        break;
    case ENTRY_MIRROR:
        sink->mirror(sink->context, (const struct mirror_part *)(e + 1));
        break;
    case ENTRY_TIME:
        break;
    case ENTRY_END:
        l->has_ended = true;
        break;
    }
    queue_pop(l->queue);
}

/*
 * The lane whose entry is next.  Over files that is the earliest, and no lane that goes on may be
 * without one; live, any.
 */
static struct lane *next_lane(struct pipeline *p, struct entry **entry)
{
    struct lane *next = NULL;
    for (unsigned i = 0; i < p->config.workers; i++) {
        struct lane *l = &p->lanes[i];
        struct entry *e = l->has_ended ? NULL : queue_front(l->queue);
        if (!e && !l->has_ended && !p->config.is_live)
            return NULL;
        if (!e || (next && e->ns >= (*entry)->ns))
            continue;
        next = l;
        *entry = e;
    }
    return next;
}

/* The time up to which every lane has come. */
static int64_t lanes_ns(const struct pipeline *p)
{
    int64_t ns = INT64_MAX;
    for (unsigned i = 0; i < p->config.workers; i++) {
        if (!p->lanes[i].has_ended && p->lanes[i].ns < ns)
            ns = p->lanes[i].ns;
    }
    return ns == INT64_MAX ? 0 : ns;
}

static bool all_have_ended(const struct pipeline *p)
{
    for (unsigned i = 0; i < p->config.workers; i++) {
        if (!p->lanes[i].has_ended)
            return false;
    }
    return true;
}

static void look_at_signals(struct pipeline *p, struct pipeline_signals *signals)
{
    if (signals->must_stop)
        atomic_store_explicit(&p->must_stop, true, memory_order_relaxed);
    if (!signals->has_hung_up)
        return;
    signals->has_hung_up = 0;
    p->config.sink->hangup(p->config.sink->context);
}

static void watch_lanes(struct pipeline *p, struct pipeline_signals *signals)
{
    const struct sink *sink = p->config.sink;
    while (!all_have_ended(p)) {
        struct entry *e;
        struct lane *l;
        int taken = 0;
        for (; taken < ENTRIES_IN_TURN_MAX && (l = next_lane(p, &e)); taken++)
            take_entry(p, l, e);
        sink->tick(sink->context, lanes_ns(p));
        look_at_signals(p, signals);
        if (taken == 0)
            wait_a_little();
    }
}

/* Threads with all signals blocked: they are the caller's. */
static bool start_threads(struct pipeline *p, struct error *error)
{
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &old);
    bool is_good = true;
    for (unsigned i = 0; i < p->config.workers && is_good; i++) {
        struct lane *l = &p->lanes[i];
        is_good = pthread_create(&l->thread, NULL, run_lane, l) == 0;
        l->is_started = is_good;
        l->has_ended = !is_good;
        cpu_set_t set;
        CPU_ZERO(&set);
        if (is_good && p->config.processors) {
            CPU_SET((unsigned)p->config.processors[i], &set);
            is_good = pthread_setaffinity_np(l->thread, sizeof(set), &set) == 0;
            if (!is_good)
                (void)error_set(error, ERROR_USAGE, "--pin: there is no processor %d",
                                p->config.processors[i]);
        } else if (!is_good) {
            (void)error_set(error, ERROR_WORK, "a worker's thread could not be started");
        }
    }
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    for (unsigned i = 0; i < p->config.workers; i++)
        p->lanes[i].has_ended = !p->lanes[i].is_started;
    return is_good;
}

static bool run_threads(struct pipeline *p, struct pipeline_signals *signals, struct error *error)
{
    bool is_good = start_threads(p, error);
    atomic_store(&p->must_stop, !is_good);
    watch_lanes(p, signals);
    for (unsigned i = 0; i < p->config.workers; i++) {
        if (p->lanes[i].is_started)
            (void)pthread_join(p->lanes[i].thread, NULL);
    }
    return is_good;
}

static void run_here(struct pipeline *p, struct pipeline_signals *signals)
{
    const struct sink *sink = p->config.sink;
    struct lane *l = &p->lanes[0];
    bool goes_on = true;
    while (goes_on && !atomic_load_explicit(&p->must_stop, memory_order_relaxed)) {
        goes_on = read_batch(l);
        sink->tick(sink->context, worker_now(l->worker));
        look_at_signals(p, signals);
    }
    worker_finish(l->worker);
}

bool pipeline_run(struct pipeline *p, struct pipeline_signals *signals, bool *note,
                  struct error *error)
{
    bool is_good = true;
    if (p->config.workers > 1)
        is_good = run_threads(p, signals, error);
    else
        run_here(p, signals);
    *note = false;
    for (unsigned i = 0; i < p->config.workers && is_good; i++) {
        const struct lane *l = &p->lanes[i];
        is_good = l->status != SOURCE_FAILED;
        *note = *note || l->status == SOURCE_CUT;
        if (!is_good || l->status == SOURCE_CUT)
            *error = l->error;
    }
    return is_good;
}

/* A lane's part of the budget, down to a power of two. */
static size_t queue_bytes(const struct pipeline_config *config)
{
    size_t part = config->config->shares.bytes[SHARE_QUEUES] / config->workers;
    size_t bytes = QUEUE_BYTES_MIN;
    while (bytes < QUEUE_BYTES_MAX && bytes * 2 <= part)
        bytes *= 2;
    return bytes;
}

bool pipeline_open(struct pipeline **pipeline, const struct pipeline_config *config,
                   struct error *error)
{
    const struct worker_events events = {.transaction = on_transaction,
                                         .passing = config->sink->passing ? on_passing : NULL,
                                         .session_end = on_session_end,
                                         .mirror = on_mirror};
    struct pipeline *p = calloc(1, sizeof(*p));
    *pipeline = p;
    if (!p)
        return error_set(error, ERROR_WORK, "no memory");
    p->config = *config;
    p->lanes = calloc(config->workers, sizeof(*p->lanes));
    if (!p->lanes)
        return error_set(error, ERROR_WORK, "no memory");
    for (unsigned i = 0; i < config->workers; i++) {
        struct lane *l = &p->lanes[i];
        *l = (struct lane){.pipeline = p, .source = config->sources[i]};
        struct worker_config worker = {.config = config->config,
                                       .index = i,
                                       .count = config->workers,
                                       .is_shared = !config->is_live,
                                       .wants_community_id = config->wants_community_id};
        if (config->workers > 1 && !(l->queue = queue_open(queue_bytes(config))))
            return error_set(error, ERROR_WORK, "no memory");
        if (!worker_open(&l->worker, &worker, &events, l, error))
            return false;
    }
    return true;
}

void pipeline_want_community_id(struct pipeline *p)
{
    for (unsigned i = 0; i < p->config.workers; i++)
        worker_want_community_id(p->lanes[i].worker);
}

void pipeline_count(const struct pipeline *p, struct summary *s)
{
    for (unsigned i = 0; i < p->config.workers; i++) {
        const struct lane *l = &p->lanes[i];
        struct source_drops drops = source_drops(l->source);
        worker_count(l->worker, &s->workers);
        s->dropped += drops.kernel + drops.interface;
        s->details_dropped += l->details_dropped;
        s->transactions_dropped += l->transactions_dropped;
    }
}

void pipeline_close(struct pipeline *p)
{
    if (!p)
        return;
    for (unsigned i = 0; p->lanes && i < p->config.workers; i++) {
        worker_close(p->lanes[i].worker);
        queue_close(p->lanes[i].queue);
    }
    free(p->lanes);
    free(p);
}
