/*
 * Pieces are a byte that tells what they are, and what belongs to it.  They go over in chunks.
 */
#include "profile/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_LEN = 256 << 10 };

enum piece {
    PIECE_BEGIN = 1,
    PIECE_PART,
    PIECE_ROW,
    PIECE_LEDGER_ROW,
    PIECE_DROP_PART,
    PIECE_DROP_ROW,
    PIECE_CLEAR_PART
};

/* What becomes of a snapshot after a chunk. */
enum ending { ENDING_NONE, ENDING_COMMIT, ENDING_ABANDON, ENDING_NO_MEMORY };

struct chunk {
    struct chunk *next;
    struct pack pack;
    enum ending ending;
};

static void *write_all(void *context);

struct writer {
    struct writer_config config;
    /* of the owner */
    struct pack pack;    /* the chunk in the making */
    size_t begun;        /* the block in it */
    struct chunk *spare; /* the last one, so that memory for it cannot be missing */
    uint64_t given;      /* snapshots that were begun */
    /* of the thread */
    pthread_t thread;
    bool is_started;
    struct store *store; /* NULL: there is no file at the moment */
    struct ledger_store *ledger;
    bool has_failed; /* the snapshot that is being written */
    uint64_t rows;
    struct ledger_written ledger_rows;
    /* of both */
    pthread_mutex_t lock;
    pthread_cond_t has_more, has_less;
    struct chunk *first, *last;
    _Atomic size_t waiting; /* bytes */
    uint64_t done;          /* snapshots that ended */
    bool is_closing;
    struct writer_outcome outcome;
};

static void hand_over(struct writer *w, struct chunk *c)
{
    c->pack = w->pack;
    w->pack = (struct pack){0};
    w->waiting += c->pack.len;
    (void)pthread_mutex_lock(&w->lock);
    *(w->last ? &w->last->next : &w->first) = c;
    w->last = c;
    (void)pthread_cond_signal(&w->has_more);
    (void)pthread_mutex_unlock(&w->lock);
}

static void begin_piece(struct writer *w, enum piece piece)
{
    pack_u8(&w->pack, (uint8_t)piece);
}

static void end_piece(struct writer *w)
{
    size_t len = w->config.waiting_max < CHUNK_LEN ? w->config.waiting_max : CHUNK_LEN;
    if (w->pack.len < len || w->pack.has_failed)
        return;
    struct chunk *c = calloc(1, sizeof(*c));
    if (c)
        hand_over(w, c);
    w->pack.has_failed = w->pack.has_failed || !c;
}

/* With the first snapshot, so that a program can confine itself before.  All signals are the
 * caller's. */
static bool start_thread(struct writer *w)
{
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_BLOCK, &all, &old);
    w->is_started = pthread_create(&w->thread, NULL, write_all, w) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return w->is_started;
}

bool writer_begin(struct writer *w, int64_t time_ns)
{
    pack_restart(&w->pack);
    if (!w->is_started && !start_thread(w))
        return false;
    w->spare = calloc(1, sizeof(*w->spare));
    if (!w->spare)
        return false;
    begin_piece(w, PIECE_BEGIN);
    pack_signed(&w->pack, time_ns);
    w->given++;
    return true;
}

/* Where memory ran out something is missing, and the snapshot must not be. */
static void end_snapshot(struct writer *w, enum ending ending)
{
    struct chunk *c = w->spare;
    w->spare = NULL;
    c->ending = w->pack.has_failed ? ENDING_NO_MEMORY : ending;
    if (w->pack.has_failed)
        pack_restart(&w->pack);
    hand_over(w, c);
}

void writer_commit(struct writer *w)
{
    end_snapshot(w, ENDING_COMMIT);
}

void writer_abandon(struct writer *w)
{
    end_snapshot(w, ENDING_ABANDON);
}

struct pack *writer_part(struct writer *w, uint32_t part, struct bytes name, int64_t seen_ns,
                         uint8_t version)
{
    begin_piece(w, PIECE_PART);
    pack_number(&w->pack, part);
    pack_string(&w->pack, name);
    pack_signed(&w->pack, seen_ns);
    w->begun = pack_begin(&w->pack, version);
    return &w->pack;
}

struct pack *writer_row(struct writer *w, uint32_t part, uint32_t number, int64_t time_ns,
                        uint8_t version)
{
    if (w->waiting + w->pack.len >= w->config.waiting_max * WRITER_WAITING_TIMES)
        return NULL;
    begin_piece(w, PIECE_ROW);
    pack_number(&w->pack, part);
    pack_number(&w->pack, number);
    pack_signed(&w->pack, time_ns);
    w->begun = pack_begin(&w->pack, version);
    return &w->pack;
}

struct pack *writer_ledger_row(struct writer *w)
{
    begin_piece(w, PIECE_LEDGER_ROW);
    w->begun = pack_begin(&w->pack, LEDGER_ROW_VERSION);
    return &w->pack;
}

void writer_end(struct writer *w)
{
    pack_end(&w->pack, w->begun);
    end_piece(w);
}

static void write_numbers(struct writer *w, enum piece piece, uint32_t part, uint32_t number)
{
    begin_piece(w, piece);
    pack_number(&w->pack, part);
    pack_number(&w->pack, number);
    end_piece(w);
}

void writer_drop_part(struct writer *w, uint32_t part)
{
    write_numbers(w, PIECE_DROP_PART, part, 0);
}

void writer_drop_row(struct writer *w, uint32_t part, uint32_t number)
{
    write_numbers(w, PIECE_DROP_ROW, part, number);
}

void writer_clear_part(struct writer *w, uint32_t part)
{
    write_numbers(w, PIECE_CLEAR_PART, part, 0);
}

bool writer_has_room(const struct writer *w)
{
    return w->waiting < w->config.waiting_max;
}

/* The thread's side from here on. */

static void open_ledger(struct writer *w)
{
    w->ledger = ledger_store_open(store_database(w->store), &w->config.ledger);
}

static void close_store(struct writer *w)
{
    ledger_store_close(w->ledger);
    store_close(w->store);
    w->ledger = NULL;
    w->store = NULL;
}

/* The file is put aside where it is damaged, and opened anew where there is none. */
static void renew(struct writer *w, bool is_damaged)
{
    struct error error;
    char renamed[STORE_PATH_MAX];
    close_store(w);
    if (is_damaged &&
        store_set_aside(w->config.path, "damaged", w->config.now_ns, renamed, &error)) {
        (void)pthread_mutex_lock(&w->lock);
        w->outcome.set_aside++;
        memcpy(w->outcome.renamed, renamed, sizeof(renamed));
        (void)pthread_mutex_unlock(&w->lock);
    }
    enum store_opened opened = store_open(&w->store, w->config.path, &error);
    if (opened != STORE_OPENED && opened != STORE_NEW)
        close_store(w);
    if (w->store)
        open_ledger(w);
}

static void note_failure(struct writer *w, const char *why)
{
    if (w->has_failed)
        return;
    w->has_failed = true;
    bool is_damaged = w->store && store_status(w->store) == DATABASE_DAMAGED;
    (void)pthread_mutex_lock(&w->lock);
    (void)snprintf(w->outcome.why, sizeof(w->outcome.why), "%s", why);
    (void)pthread_mutex_unlock(&w->lock);
    if (w->store)
        store_rollback(w->store);
    if (is_damaged || !w->store)
        renew(w, is_damaged);
}

static void must(struct writer *w, bool is_done)
{
    if (!is_done)
        note_failure(w, w->store ? store_why(w->store) : "the file cannot be opened");
}

static void end_in_file(struct writer *w, enum ending ending)
{
    if (ending == ENDING_NO_MEMORY)
        note_failure(w, "no memory");
    else if (ending == ENDING_ABANDON && !w->has_failed)
        store_rollback(w->store);
    else if (!w->has_failed)
        must(w, ledger_store_prune(w->ledger, &w->ledger_rows) && store_commit(w->store));
    bool is_written = !w->has_failed && ending == ENDING_COMMIT;
    (void)pthread_mutex_lock(&w->lock);
    w->outcome.written += is_written;
    w->outcome.failed += w->has_failed;
    if (is_written) {
        w->outcome.rows += w->rows;
        w->outcome.ledger.rows += w->ledger_rows.rows;
        w->outcome.ledger.pruned += w->ledger_rows.pruned;
    }
    w->done++;
    (void)pthread_cond_broadcast(&w->has_less);
    (void)pthread_mutex_unlock(&w->lock);
    w->rows = 0;
    w->ledger_rows = (struct ledger_written){0};
    w->has_failed = false;
}

/* A block as it stands, with its head. */
static struct bytes take_block(struct cursor *c)
{
    struct cursor ahead = *c;
    uint8_t version;
    size_t before = cursor_left(&ahead);
    (void)unpack_block(&ahead, &version);
    return cursor_take(c, before - cursor_left(&ahead));
}

static void take_begin(struct writer *w, struct cursor *c)
{
    int64_t time_ns = unpack_signed(c);
    if (!w->store)
        renew(w, false);
    must(w, w->ledger && store_begin(w->store));
    if (!w->has_failed)
        ledger_store_begin(w->ledger, time_ns);
}

static void take_part(struct writer *w, struct cursor *c)
{
    uint32_t part = (uint32_t)unpack_number(c);
    struct bytes name = unpack_string(c, SIZE_MAX);
    int64_t seen_ns = unpack_signed(c);
    struct bytes head = take_block(c);
    if (!w->has_failed)
        must(w, store_put_part(w->store, part, name, seen_ns, head));
}

static void take_row(struct writer *w, struct cursor *c)
{
    uint32_t part = (uint32_t)unpack_number(c), number = (uint32_t)unpack_number(c);
    int64_t time_ns = unpack_signed(c);
    struct bytes row = take_block(c);
    if (w->has_failed)
        return;
    must(w, store_put_row(w->store, part, number, time_ns, row));
    w->rows++;
}

static void take_ledger_row(struct writer *w, struct cursor *c)
{
    uint8_t version;
    struct cursor row = unpack_block(c, &version);
    if (!w->has_failed)
        must(w, ledger_store_put(w->ledger, &row, &w->ledger_rows));
}

static void take_numbers(struct writer *w, struct cursor *c, enum piece piece)
{
    uint32_t part = (uint32_t)unpack_number(c), number = (uint32_t)unpack_number(c);
    if (w->has_failed)
        return;
    if (piece == PIECE_DROP_PART)
        must(w, store_drop_part(w->store, part));
    else if (piece == PIECE_DROP_ROW)
        must(w, store_drop_row(w->store, part, number));
    else
        must(w, store_clear_part(w->store, part));
}

static void take_piece(struct writer *w, struct cursor *c)
{
    enum piece piece = cursor_u8(c);
    switch (piece) {
    case PIECE_BEGIN:
        take_begin(w, c);
        break;
    case PIECE_PART:
        take_part(w, c);
        break;
    case PIECE_ROW:
        take_row(w, c);
        break;
    case PIECE_LEDGER_ROW:
        take_ledger_row(w, c);
        break;
    case PIECE_DROP_PART:
    case PIECE_DROP_ROW:
    case PIECE_CLEAR_PART:
        take_numbers(w, c, piece);
        break;
    }
}

/* The next chunk; NULL at the end. */
static struct chunk *next_chunk(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (!w->first && !w->is_closing)
        (void)pthread_cond_wait(&w->has_more, &w->lock);
    struct chunk *c = w->first;
    if (c)
        w->first = c->next;
    if (!w->first)
        w->last = NULL;
    (void)pthread_mutex_unlock(&w->lock);
    return c;
}

static void *write_all(void *context)
{
    struct writer *w = context;
    for (struct chunk *c; (c = next_chunk(w));) {
        size_t len = c->pack.len;
        for (struct cursor left = cursor_over(pack_view(&c->pack)); cursor_left(&left) > 0;)
            take_piece(w, &left);
        if (c->ending != ENDING_NONE)
            end_in_file(w, c->ending);
        pack_clear(&c->pack);
        free(c);
        (void)pthread_mutex_lock(&w->lock);
        w->waiting -= len;
        (void)pthread_cond_broadcast(&w->has_less);
        (void)pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

bool writer_open(struct writer **writer, struct store *store, const struct writer_config *config)
{
    struct writer *w = *writer = calloc(1, sizeof(*w));
    if (!w) {
        store_close(store);
        return false;
    }
    w->config = *config;
    w->store = store;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->has_more, NULL);
    (void)pthread_cond_init(&w->has_less, NULL);
    open_ledger(w);
    if (w->ledger)
        return true;
    close_store(w);
    free(w);
    *writer = NULL;
    return false;
}

void writer_close(struct writer *w)
{
    if (!w)
        return;
    (void)pthread_mutex_lock(&w->lock);
    w->is_closing = true;
    (void)pthread_cond_signal(&w->has_more);
    (void)pthread_mutex_unlock(&w->lock);
    if (w->is_started)
        (void)pthread_join(w->thread, NULL);
    pack_clear(&w->pack);
    free(w->spare);
    close_store(w);
    free(w);
}

void writer_outcome(struct writer *w, struct writer_outcome *o)
{
    (void)pthread_mutex_lock(&w->lock);
    *o = w->outcome;
    o->is_idle = w->done == w->given;
    (void)pthread_mutex_unlock(&w->lock);
}

void writer_wait(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->done < w->given)
        (void)pthread_cond_wait(&w->has_less, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}

void writer_wait_for_room(struct writer *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (!writer_has_room(w))
        (void)pthread_cond_wait(&w->has_less, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
}
