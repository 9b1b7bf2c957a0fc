/*
 * The server's side of MongoDB: how many documents came back or were changed, what failed, and for
 * which request.
 */
#include "analyzers/mongodb/mongodb_state.h"
#include "analyzers/sql/prepared.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    REPLY_FIXED = 4 + 8 + 4 + 4, /* bytes of an OP_REPLY before its documents */
    REPLY_CURSOR_NOT_FOUND = 1,  /* its flags */
    REPLY_QUERY_FAILURE = 2,
    CODE_AUTHENTICATION_FAILED = 18,
    CODE_CURSOR_NOT_FOUND = 43,
    NUMBER_MAX = 24, /* bytes of a number as text */
};

static void unmark(struct transaction *tx, enum field f)
{
    tx->present &= ~(UINT64_C(1) << f);
}

static const struct mongodb_command *command_of(const struct request *r)
{
    return mongodb_command_at(r ? (uint8_t)(r->mark >> MONGODB_COMMAND_SHIFT) : 0);
}

/* What the server sends unasked, in addition to what was asked for: told apart, and no request. */
static struct request *open_exhaust(struct exchange *x, struct mongodb *s, uint64_t id)
{
    const struct mongodb_exhaust *e = &s->exhaust;
    struct request *r = pairing_reply_alone(x);
    if (!r)
        return NULL;
    r->id = id;
    r->mark = (unsigned)e->command << MONGODB_COMMAND_SHIFT;
    r->tx.is_apart = true;
    r->tx.partial = false;
    unmark(&r->tx, FIELD_CAPTURE_PARTIAL);
    r->tx.action = mongodb_command_at(e->command)->action;
    if (e->name_len > 0) {
        r->tx.db_operation =
            pairing_note(x, r, (struct bytes){(const uint8_t *)e->name, e->name_len});
        transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
    }
    if (e->database_len > 0) {
        r->tx.db_namespace =
            pairing_note(x, r, (struct bytes){(const uint8_t *)e->database, e->database_len});
        transaction_mark(&r->tx, FIELD_DB_NAMESPACE);
    }
    if (e->hash != 0) {
        r->tx.db_query_hash = e->hash;
        transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
    }
    r->batch = e->cursor;
    s->exhaust.id = 0;
    return r;
}

/* The documents of the array that passes, as far as they surely are its own. */
static uint64_t passing(const struct mongodb *s)
{
    const struct mongodb_message *m = &s->message[SIDE_SERVER];
    const struct bson_frame *f = m->walk.depth > 0 ? &m->walk.frames[m->walk.depth - 1] : NULL;
    if (m->phase != PHASE_WALK && m->phase != PHASE_LOST)
        return 0;
    if (!f || f->kind != FRAME_BATCH || (s->is_unproven && !s->is_array_known))
        return 0;
    return s->is_unproven ? s->proven : f->count;
}

static struct request *request_find(const struct exchange *x, uint64_t id)
{
    for (size_t n = 0; n < x->pairing.count; n++) {
        struct request *r = pairing_at(x, n);
        if (r->id == id && !r->is_finished && !r->is_dropped)
            return r;
    }
    return NULL;
}

/* Whether the reply with that number is of those that the server sends unasked: where one of them
 * was lost, it answers a number that was not seen. */
static bool is_exhaust(const struct exchange *x, const struct mongodb *s, uint64_t id)
{
    const struct mongodb_exhaust *e = &s->exhaust;
    return e->id != 0 && (e->id == id || (e->is_unsure && !request_find(x, id)));
}

void mongodb_server_resume(struct exchange *x)
{
    struct mongodb *s = x->state;
    const struct mongodb_message *m = &s->message[SIDE_SERVER];
    uint64_t id = mongodb_id(m->header.reply_to);
    s->replied = NULL;
    if (!m->is_open)
        return;
    if (m->phase != PHASE_NONE && m->phase != PHASE_BODY && !request_find(x, id))
        s->told.handed = s->told.rows + passing(s);
    s->replied = is_exhaust(x, s, id) ? open_exhaust(x, s, id) : pairing_reply_to(x, id);
}

void mongodb_server_request(struct exchange *x)
{
    struct mongodb *s = x->state;
    s->replied = request_find(x, mongodb_id(s->message[SIDE_SERVER].header.reply_to));
    pairing_receive(x, SIDE_SERVER, s->replied);
}

static struct mongodb_progress open_msg(struct mongodb_message *m, struct cursor *in)
{
    m->flags = cursor_le32(in);
    if (cursor_is_short(in))
        return (struct mongodb_progress){.need = 4};
    if (m->flags & 0xffff & ~(unsigned)MONGODB_FLAGS)
        return (struct mongodb_progress){.is_broken = true};
    m->walk = (struct bson_walk){.at = 4};
    m->sections_end = m->body_len - (m->flags & MONGODB_HAS_CHECKSUM ? MONGODB_CHECKSUM_LEN : 0);
    m->section_end = 4;
    m->phase = PHASE_SECTIONS;
    return (struct mongodb_progress){0};
}

static void walk_reply(struct mongodb_message *m, struct cursor *in, uint32_t at)
{
    m->walk = (struct bson_walk){.at = at};
    bool is_one = bson_open(&m->walk, in, at, m->body_len, FRAME_REPLY);
    m->phase = is_one ? PHASE_WALK : PHASE_NONE;
}

/* OP_REPLY: the documents of a query, or one with what a command tells. */
static struct mongodb_progress open_reply(struct exchange *x, struct mongodb_message *m,
                                          struct cursor *in)
{
    struct mongodb *s = x->state;
    struct mongodb_told *told = &s->told;
    struct cursor fixed = *in;
    uint32_t flags = cursor_le32(&fixed);
    told->cursor = cursor_le32(&fixed);
    told->cursor |= (uint64_t)cursor_le32(&fixed) << 32;
    cursor_skip(&fixed, 4);
    uint32_t count = cursor_le32(&fixed);
    size_t wants = REPLY_FIXED + (m->body_len > REPLY_FIXED ? 4 : 0);
    if (cursor_is_short(&fixed) || in->left < wants)
        return (struct mongodb_progress){.need = wants};
    if (count > (m->body_len - REPLY_FIXED) / BSON_DOCUMENT_MIN)
        return (struct mongodb_progress){.is_broken = true};
    const struct request *r = s->replied;
    bool is_query = r && r->mark & MONGODB_QUERY;
    bool is_unknown = !r || !r->tx.request_seen;
    bool is_failure = flags & REPLY_QUERY_FAILURE;
    told->has_cursor = is_query || told->cursor != 0;
    told->has_error = flags & (REPLY_CURSOR_NOT_FOUND | REPLY_QUERY_FAILURE);
    told->code = flags & REPLY_CURSOR_NOT_FOUND ? CODE_CURSOR_NOT_FOUND : 0;
    told->has_rows = is_query && !told->has_error;
    told->rows = told->has_rows ? count : 0;
    told->has_ok = told->is_ok = told->has_rows;
    *in = fixed;
    m->phase = PHASE_NONE;
    m->walk = (struct bson_walk){.at = REPLY_FIXED};
    if (is_unknown && !is_failure && (count != 1 || told->cursor != 0)) {
        told->has_rows = told->has_ok = told->is_ok = true;
        told->rows = count;
        return (struct mongodb_progress){0};
    }
    told->has_unsure_rows = is_unknown && !is_failure;
    if (count > 0 && (!is_query || is_failure))
        walk_reply(m, in, REPLY_FIXED);
    return (struct mongodb_progress){0};
}

void mongodb_server_begin(struct exchange *x)
{
    struct mongodb *s = x->state;
    s->told = (struct mongodb_told){0};
    s->is_unproven = s->is_array_known = false;
    s->message[SIDE_SERVER].flags = 0;
    s->message[SIDE_SERVER].is_open = true;
    mongodb_server_resume(x);
}

struct mongodb_progress mongodb_server_open(struct exchange *x, struct cursor *in)
{
    struct mongodb_message *m = &((struct mongodb *)x->state)->message[SIDE_SERVER];
    struct mongodb_progress p = {0};
    mongodb_server_begin(x);
    if (m->header.opcode == OP_REPLY)
        p = open_reply(x, m, in);
    else if (m->header.opcode == OP_MSG)
        p = open_msg(m, in);
    else if (in->left < 4)
        p.need = 4;
    else
        walk_reply(m, in, 0);
    /* a header that is looked at again begins the reply again; that of a packed one is taken */
    m->is_open = p.need == 0 || m->is_packed;
    return p;
}

void mongodb_read_ok(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_told *told = &((struct mongodb *)x->state)->told;
    int64_t number;
    if (!bson_number(e->type, value, &number))
        return;
    told->has_ok = true;
    told->is_ok = number != 0;
}

/* The first that is told: the failure's own. */
void mongodb_read_code(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_told *told = &((struct mongodb *)x->state)->told;
    int64_t number;
    if (told->code == 0 && bson_number(e->type, value, &number))
        told->code = number;
}

/* A text, or a number of errors. */
void mongodb_read_error(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_told *told = &((struct mongodb *)x->state)->told;
    int64_t number;
    bool is_count = bson_number(e->type, value, &number);
    told->has_error = told->has_error || e->type == BSON_STRING || (is_count && number != 0);
}

void mongodb_read_cursor(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_told *told = &((struct mongodb *)x->state)->told;
    int64_t number;
    if (!bson_number(e->type, value, &number))
        return;
    told->has_cursor = true;
    told->cursor = (uint64_t)number;
}

void mongodb_read_done(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_told *told = &((struct mongodb *)x->state)->told;
    int64_t number;
    told->has_done = bson_number(e->type, value, &number);
    told->is_done = told->has_done && number != 0;
}

void mongodb_read_value(struct exchange *x, const struct bson_element *e, struct bytes value)
{
    struct mongodb_told *told = &((struct mongodb *)x->state)->told;
    (void)value;
    told->has_value = true;
    told->is_document = e->type == BSON_DOCUMENT;
}

void mongodb_server_left(struct exchange *x, const struct bson_frame *frame)
{
    struct mongodb *s = x->state;
    if (frame->kind == FRAME_UPSERTED)
        s->told.upserted = (struct mongodb_count){frame->count, true};
    else if (s->is_unproven && !s->is_array_known)
        s->proven = frame->count;
    else
        s->told.rows += frame->count;
}

void mongodb_server_count(struct exchange *x)
{
    const struct mongodb *s = x->state;
    struct request *r = s->replied;
    if (!r || !s->told.has_rows)
        return;
    /* nInserted is of bulkWrite alone: its request was not seen, else its traits would tell */
    bool is_data = !(command_of(r)->traits & MONGODB_TELLS_RESULTS) && !s->told.inserted.is_told;
    r->tx.returned_rows = is_data ? s->told.rows + passing(s) - s->told.handed : 0;
    if (is_data)
        transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
    else
        unmark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

static void set_affected(struct request *r, const struct mongodb_told *told)
{
    unsigned traits = command_of(r)->traits;
    bool counts_n = traits & MONGODB_CHANGES_N ||
                    (traits & MONGODB_IS_LAST_ERROR && r->mark & MONGODB_AFTER_WRITE);
    const struct mongodb_count *counts[] = {&told->inserted, &told->modified, &told->upserted,
                                            &told->deleted};
    uint64_t changed = 0;
    bool is_told = false;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        changed += counts[i]->value;
        is_told = is_told || counts[i]->is_told;
    }
    if (told->last_error_n.is_told)
        changed = told->last_error_n.value;
    else if (!told->modified.is_told && !told->inserted.is_told && counts_n && told->n.is_told)
        changed = told->n.value;
    else if (!is_told)
        return;
    r->tx.affected_rows = changed;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_AFFECTED_ROWS);
}

static void set_outcome(struct exchange *x, struct request *r, const struct mongodb_told *told)
{
    char text[NUMBER_MAX];
    bool is_failure = told->has_error || (told->has_ok && !told->is_ok);
    if (is_failure)
        r->tx.outcome = OUTCOME_FAILURE;
    else if (told->has_ok)
        r->tx.outcome = OUTCOME_SUCCESS;
    if (!is_failure || told->code == 0 || transaction_has(&r->tx, FIELD_DB_RESPONSE_STATUS_CODE))
        return;
    (void)snprintf(text, sizeof(text), "%" PRId64, told->code);
    r->tx.db_status_code = pairing_note(x, r, bytes_of(text));
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_STATUS_CODE);
}

/* A cursor is known by its statement while it is open. */
static void keep_cursor(struct exchange *x, const struct request *r,
                        const struct mongodb_told *told)
{
    uint64_t cursor = told->cursor != 0 ? told->cursor : r->batch;
    struct bytes name = {(const uint8_t *)&cursor, sizeof(cursor)};
    if (!told->has_cursor || cursor == 0)
        return;
    if (told->cursor == 0) {
        prepared_forget(x->prepared, x->connection, 'C', name);
        return;
    }
    struct prepared_entry *entry = transaction_has(&r->tx, FIELD_DB_QUERY_HASH)
                                       ? prepared_touch(x->prepared, x->connection, 'C', name)
                                       : NULL;
    if (entry)
        entry->statement = r->tx.db_query_hash;
}

/* The server goes on without being asked again: what comes answers this reply's number. */
static void keep_exhaust(struct mongodb *s, const struct request *r, uint32_t id)
{
    struct mongodb_exhaust *e = &s->exhaust;
    *e = (struct mongodb_exhaust){.id = mongodb_id(id),
                                  .hash = r->tx.db_query_hash,
                                  .cursor = r->batch,
                                  .command = (uint8_t)(r->mark >> MONGODB_COMMAND_SHIFT)};
    if (transaction_has(&r->tx, FIELD_DB_OPERATION_NAME))
        e->name_len = mongodb_keep(e->name, sizeof(e->name), r->tx.db_operation);
    if (transaction_has(&r->tx, FIELD_DB_NAMESPACE))
        e->database_len = mongodb_keep(e->database, sizeof(e->database), r->tx.db_namespace);
}

/* What is only known at the end of a reply: whether its documents are documents. */
static void settle_rows(struct exchange *x, const struct request *r, bool is_cut)
{
    struct mongodb_told *told = &((struct mongodb *)x->state)->told;
    if (told->has_unsure_rows && !told->has_ok && !told->has_error && !is_cut) {
        told->has_rows = told->has_ok = told->is_ok = true;
        told->rows = 1;
    }
    /* findAndModify gives the document that it found; the request may not have been seen */
    bool gives = command_of(r)->traits & MONGODB_GIVES_VALUE || told->last_error_n.is_told;
    if (told->has_value && gives) {
        told->has_rows = true;
        told->rows += told->is_document;
    }
    mongodb_server_count(x);
}

void mongodb_server_end(struct exchange *x, bool is_cut)
{
    struct mongodb *s = x->state;
    struct mongodb_message *m = &s->message[SIDE_SERVER];
    struct request *r = s->replied;
    const struct mongodb_told *told = &s->told;
    m->is_open = false;
    if (!r)
        return;
    settle_rows(x, r, is_cut);
    set_affected(r, told);
    keep_cursor(x, r, told);
    if (!r->tx.request_seen && (told->has_done || told->code == CODE_AUTHENTICATION_FAILED)) {
        /* a step of a login, whose request was not seen */
        r->tx.action = ACTION_LOGIN;
        r->tx.is_apart = true;
    }
    if (!is_cut && m->flags & MONGODB_MORE_TO_COME)
        keep_exhaust(s, r, m->header.id);
    if (command_of(r)->traits & MONGODB_IS_LOGOUT && told->is_ok)
        x->user = (struct bytes){NULL, 0};
    if (r->mark & MONGODB_LOGIN && mongodb_login_goes_on(told))
        return;
    set_outcome(x, r, told);
    if (r->mark & MONGODB_LOGIN)
        mongodb_login_end(x, r);
    pairing_finish(r);
}
