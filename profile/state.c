/*
 * The thread that watches reads the file when it is opened, and never again: from then on it is the
 * writer's (profile/writer.h).  Part 0 is the state's own: its key and its moment.
 */
#include "profile/state.h"

#include "profile/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OWN_VERSION = 1, LOCK_MODE = 0640 };

static const char own_name[] = "seepwatch";

struct state_part {
    uint32_t number;
    int64_t seen_ns;
    char name[STATE_NAME_MAX + 1];
    struct pack head;  /* as it was read; empty later on */
    uint64_t snapshot; /* in which it was written last */
};

struct state {
    struct state_config config;
    int lock;              /* the file that keeps others out */
    struct store *store;   /* while it is read */
    struct writer *writer; /* from then on */
    struct hash_key key;
    struct state_moment moment;
    bool is_damaged;
    struct state_part *parts;
    size_t parts_count;
    uint64_t snapshot; /* number of the one that is being taken, or was last */
    bool must_be_whole, has_failed;
    struct writer_outcome outcome;
    struct state_counters counters;
};

static void tell(const struct state *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void tell(const struct state *s, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list arguments;
    if (!s->config.tell)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    s->config.tell(s->config.context, text);
}

/* So that two programs do not write into each other's file. */
static bool take_lock(struct state *s, struct error *error)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s.lock", s->config.path);
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);
    if (s->lock < 0)
        return error_set(error, ERROR_WORK,
                         "%s: %s: make its folder for the user that seepwatch runs as, name "
                         "another file with --state, or keep nothing with --state none",
                         path, strerror(errno));
    return flock(s->lock, LOCK_EX | LOCK_NB) == 0 ||
           error_set(error, ERROR_WORK,
                     "%s: another seepwatch uses it: end that one, or name another file with "
                     "--state",
                     s->config.path);
}

static struct state_part *part_find(const struct state *s, const char *name)
{
    for (size_t i = 0; i < s->parts_count; i++) {
        if (strcmp(s->parts[i].name, name) == 0)
            return &s->parts[i];
    }
    return NULL;
}

static struct state_part *part_add(struct state *s, uint32_t number, struct bytes name)
{
    if (s->parts_count == STATE_PARTS_MAX || name.len > STATE_NAME_MAX || name.len == 0)
        return NULL;
    struct state_part *p = &s->parts[s->parts_count++];
    *p = (struct state_part){.number = number};
    memcpy(p->name, name.data, name.len);
    return p;
}

static void take_part(void *context, uint32_t number, struct bytes name, int64_t seen_ns,
                      struct bytes head)
{
    struct state *s = context;
    struct state_part *p = head.len <= STATE_ROW_MAX ? part_add(s, number, name) : NULL;
    if (!p) {
        s->counters.damaged++;
        return;
    }
    p->seen_ns = seen_ns;
    pack_bytes(&p->head, head);
}

static void forget_parts(struct state *s)
{
    for (size_t i = 0; i < s->parts_count; i++)
        pack_clear(&s->parts[i].head);
    s->parts_count = 0;
}

/* The state's own part; false where it is not there or makes no sense. */
static bool read_own(struct state *s)
{
    uint8_t version;
    struct cursor c;
    if (!state_head(s, own_name, &version, &c) || version != OWN_VERSION)
        return false;
    s->key.low = unpack_u64(&c);
    s->key.high = unpack_u64(&c);
    s->moment.time_ns = unpack_signed(&c);
    s->moment.count = unpack_number(&c);
    return unpack_done(&c);
}

static bool start_anew(struct state *s, struct error *error)
{
    s->moment = (struct state_moment){0};
    return hash_key_random(&s->key) ||
           error_set(error, ERROR_WORK, "the system has no random bytes");
}

static bool set_aside(struct state *s, const char *why, char renamed[STORE_PATH_MAX],
                      struct error *error)
{
    store_close(s->store);
    s->store = NULL;
    if (!store_set_aside(s->config.path, why, s->config.now_ns, renamed, error))
        return false;
    s->counters.set_aside++;
    forget_parts(s);
    enum store_opened opened = store_open(&s->store, s->config.path, error);
    return opened == STORE_NEW || opened == STORE_DENIED
               ? opened == STORE_NEW
               : error_set(error, ERROR_WORK, "%s: cannot be begun anew", s->config.path);
}

static bool set_unreadable_aside(struct state *s, bool is_newer, struct error *error)
{
    char renamed[STORE_PATH_MAX];
    if (!set_aside(s, is_newer ? "newer" : "damaged", renamed, error))
        return false;
    tell(s, "the state %s %s; it is kept as %s, and everything begins anew", s->config.path,
         is_newer ? "was written by a newer version of seepwatch, which this one cannot read"
                  : "is damaged and cannot be read",
         renamed);
    return start_anew(s, error);
}

/* Whether a snapshot was ever written into the file. */
static bool has_snapshot(struct state *s)
{
    return s->is_damaged || s->parts_count > 0;
}

static bool open_store(struct state *s, struct error *error)
{
    enum store_opened opened = store_open(&s->store, s->config.path, error);
    if (opened == STORE_DENIED)
        return false;
    if (opened == STORE_FOREIGN)
        return error_set(error, ERROR_WORK,
                         "%s: is a database of another program: name another file with --state",
                         s->config.path);
    if (opened == STORE_NEW)
        return start_anew(s, error);
    if (opened == STORE_NEWER || !s->store)
        return set_unreadable_aside(s, opened == STORE_NEWER, error);
    s->is_damaged = opened == STORE_DAMAGED;
    s->is_damaged = !store_parts(s->store, take_part, s) || s->is_damaged;
    if (!has_snapshot(s))
        return start_anew(s, error);
    return read_own(s) || set_unreadable_aside(s, false, error);
}

bool state_open(struct state **state, const struct state_config *config, struct error *error)
{
    struct state *s = *state = calloc(1, sizeof(*s));
    if (!s)
        return error_set(error, ERROR_WORK, "no memory");
    s->config = *config;
    s->lock = -1;
    s->parts = calloc(STATE_PARTS_MAX, sizeof(*s->parts));
    if (!s->parts)
        (void)error_set(error, ERROR_WORK, "no memory");
    if (s->parts && take_lock(s, error) && open_store(s, error))
        return true;
    state_close(s);
    *state = NULL;
    return false;
}

void state_close(struct state *s)
{
    if (!s)
        return;
    writer_close(s->writer);
    store_close(s->store);
    forget_parts(s);
    free(s->parts);
    if (s->lock >= 0)
        (void)close(s->lock);
    free(s);
}

struct hash_key state_key(const struct state *s)
{
    return s->key;
}

struct state_moment state_moment(const struct state *s)
{
    return s->moment;
}

bool state_head(struct state *s, const char *name, uint8_t *version, struct cursor *head)
{
    struct state_part *p = part_find(s, name);
    if (!p || p->head.len == 0)
        return false;
    struct cursor c = cursor_over(pack_view(&p->head));
    *head = unpack_block(&c, version);
    if (unpack_done(&c))
        return true;
    s->counters.damaged++;
    return false;
}

int64_t state_seen_ns(const struct state *s, const char *name)
{
    const struct state_part *p = part_find(s, name);
    return p ? p->seen_ns : 0;
}

struct reading {
    struct state *state;
    bool (*take)(void *context, uint8_t version, struct cursor *row);
    void *context;
};

static void take_row(void *context, struct bytes row)
{
    struct reading *r = context;
    struct cursor c = cursor_over(row);
    uint8_t version;
    struct cursor content = unpack_block(&c, &version);
    if (!unpack_done(&c) || !r->take(r->context, version, &content))
        r->state->counters.damaged++;
}

void state_rows(struct state *s, const char *name,
                bool (*take)(void *context, uint8_t version, struct cursor *row), void *context)
{
    struct reading r = {s, take, context};
    const struct state_part *p = part_find(s, name);
    if (p && !store_rows(s->store, p->number, take_row, &r))
        s->is_damaged = true;
}

bool state_settle(struct state *s, struct error *error)
{
    char renamed[STORE_PATH_MAX];
    if (s->is_damaged || s->counters.damaged > 0) {
        if (!set_aside(s, "damaged", renamed, error))
            return false;
        tell(s,
             "the state %s was damaged: what was sound goes on, %llu of its rows begin anew; it is "
             "kept as %s, with its ledger",
             s->config.path, (unsigned long long)s->counters.damaged, renamed);
    }
    for (size_t i = 0; i < s->parts_count; i++)
        pack_clear(&s->parts[i].head);
    const struct writer_config config = {
        .path = s->config.path,
        .now_ns = s->config.now_ns,
        .waiting_max = s->config.waiting_max,
        .ledger = {s->config.ledger_bytes_max, s->config.ledger_age_ns}};
    struct store *store = s->store;
    s->store = NULL;
    return writer_open(&s->writer, store, &config) ||
           error_set(error, ERROR_WORK, "%s: no memory or no thread to write it", s->config.path);
}

bool state_begin(struct state *s, const struct state_moment *moment, bool *is_whole)
{
    if (!state_is_idle(s) || !writer_begin(s->writer, moment->time_ns))
        return false;
    *is_whole = s->must_be_whole;
    s->must_be_whole = false;
    s->moment = *moment;
    s->snapshot++;
    struct pack *p = writer_part(s->writer, 0, bytes_of(own_name), moment->time_ns, OWN_VERSION);
    pack_u64(p, s->key.low);
    pack_u64(p, s->key.high);
    pack_signed(p, moment->time_ns);
    pack_number(p, moment->count);
    writer_end(s->writer);
    return true;
}

static struct state_part *part_make(struct state *s, const char *name)
{
    uint32_t next = 1;
    for (size_t i = 0; i < s->parts_count; i++)
        next = s->parts[i].number >= next ? s->parts[i].number + 1 : next;
    return part_add(s, next, bytes_of(name));
}

struct pack *state_part(struct state *s, const char *name, uint8_t version, uint32_t *part)
{
    struct state_part *p = part_find(s, name);
    if (!p)
        p = part_make(s, name);
    if (!p)
        return NULL;
    *part = p->number;
    p->snapshot = s->snapshot;
    p->seen_ns = s->moment.time_ns;
    return writer_part(s->writer, p->number, bytes_of(name), s->moment.time_ns, version);
}

void state_part_end(struct state *s)
{
    writer_end(s->writer);
}

struct pack *state_row(struct state *s, uint32_t part, uint32_t number, uint8_t version,
                       int64_t time_ns)
{
    struct pack *p = writer_row(s->writer, part, number, time_ns, version);
    s->counters.skipped += p == NULL;
    return p;
}

void state_row_end(struct state *s)
{
    writer_end(s->writer);
}

void state_drop(struct state *s, uint32_t part, uint32_t number)
{
    writer_drop_row(s->writer, part, number);
}

void state_clear_part(struct state *s, uint32_t part)
{
    writer_clear_part(s->writer, part);
}

struct pack *state_ledger_row(struct state *s)
{
    return writer_ledger_row(s->writer);
}

bool state_has_room(const struct state *s)
{
    return writer_has_room(s->writer);
}

void state_wait_for_room(struct state *s)
{
    writer_wait_for_room(s->writer);
}

/* Those that nobody has spoken of for long. */
static void drop_forgotten(struct state *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->parts_count; i++) {
        const struct state_part *p = &s->parts[i];
        bool is_old = p->seen_ns < s->moment.time_ns - STATE_FORGET_NS;
        if (p->number > 0 && p->snapshot != s->snapshot && is_old)
            writer_drop_part(s->writer, p->number);
        else
            s->parts[kept++] = *p;
    }
    s->parts_count = kept;
}

void state_commit(struct state *s)
{
    drop_forgotten(s);
    writer_commit(s->writer);
}

void state_abandon(struct state *s)
{
    s->must_be_whole = true;
    writer_abandon(s->writer);
}

static void tell_outcome(struct state *s, const struct writer_outcome *now)
{
    if (now->set_aside > s->outcome.set_aside)
        tell(s,
             "the state %s was damaged while it was written: it is kept as %s, with its ledger; a "
             "new one is begun with all that is known",
             s->config.path, now->renamed);
    if (now->failed > s->outcome.failed && !s->has_failed)
        tell(s, "the state %s could not be written: %s; it stays as it was, and is tried again",
             s->config.path, now->why);
    if (now->written > s->outcome.written && s->has_failed)
        tell(s, "the state %s is written again", s->config.path);
}

bool state_is_idle(struct state *s)
{
    struct writer_outcome now;
    writer_outcome(s->writer, &now);
    if (!now.is_idle)
        return false;
    tell_outcome(s, &now);
    if (now.failed > s->outcome.failed)
        s->has_failed = s->must_be_whole = true;
    else if (now.written > s->outcome.written)
        s->has_failed = false;
    s->outcome = now;
    return true;
}

bool state_wait(struct state *s, struct error *error)
{
    writer_wait(s->writer);
    (void)state_is_idle(s);
    return !s->has_failed ||
           error_set(error, ERROR_WORK, "%s: could not be written: %s; it stays as it was",
                     s->config.path, s->outcome.why);
}

struct state_counters state_counters(const struct state *s)
{
    struct state_counters c = s->counters;
    c.snapshots = s->outcome.written;
    c.failures = s->outcome.failed;
    c.rows = s->outcome.rows;
    c.set_aside += s->outcome.set_aside;
    c.ledger_rows = s->outcome.ledger.rows;
    c.ledger_pruned = s->outcome.ledger.pruned;
    return c;
}
