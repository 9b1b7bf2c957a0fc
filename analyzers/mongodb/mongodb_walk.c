/*
 * Which members of requests and replies are read, as one table, and the walk that does it.  All
 * else is passed over without being looked at.
 */
#include "analyzers/mongodb/mongodb_state.h"

struct member {
    uint8_t in; /* enum mongodb_frame */
    const char *name;
    uint8_t enter; /* frame that a document or an array opens; FRAME_OTHER: none */
    void (*read)(struct exchange *x, const struct bson_element *e, struct bytes value);
    size_t count_at; /* bytes, of a struct mongodb_count in struct mongodb; 0: none */
};

#define COUNT(member) offsetof(struct mongodb, told.member)

static const struct member members[] = {
    {FRAME_COMMAND, "$db", .read = mongodb_read_database},
    {FRAME_COMMAND, "collection", .read = mongodb_read_collection},
    {FRAME_COMMAND, "filter", .enter = FRAME_FILTER},
    {FRAME_COMMAND, "query", .enter = FRAME_FILTER},
    {FRAME_COMMAND, "updates", .enter = FRAME_WRITES},
    {FRAME_COMMAND, "deletes", .enter = FRAME_WRITES},
    {FRAME_COMMAND, "pipeline", .enter = FRAME_PIPELINE},
    {FRAME_COMMAND, "client", .enter = FRAME_CLIENT},
    {FRAME_COMMAND, "speculativeAuthenticate", .enter = FRAME_SASL},
    {FRAME_COMMAND, "mechanism", .read = mongodb_read_mechanism},
    {FRAME_COMMAND, "payload", .read = mongodb_read_payload},
    {FRAME_COMMAND, "user", .read = mongodb_read_user},
    {FRAME_QUERY, "$query", .enter = FRAME_FILTER},
    {FRAME_QUERY, "query", .enter = FRAME_FILTER},
    {FRAME_WRITE, "q", .enter = FRAME_FILTER},
    {FRAME_JOIN, "from", .read = mongodb_read_table},
    {FRAME_JOIN, "coll", .read = mongodb_read_table},
    {FRAME_JOIN, "into", .enter = FRAME_JOIN, .read = mongodb_read_table},
    {FRAME_CLIENT, "driver", .enter = FRAME_DRIVER},
    {FRAME_CLIENT, "application", .enter = FRAME_APPLICATION},
    {FRAME_DRIVER, "name", .read = mongodb_read_driver},
    {FRAME_DRIVER, "version", .read = mongodb_read_version},
    {FRAME_APPLICATION, "name", .read = mongodb_read_application},
    {FRAME_SASL, "mechanism", .read = mongodb_read_mechanism},
    {FRAME_SASL, "payload", .read = mongodb_read_payload},
    {FRAME_SASL, "user", .read = mongodb_read_user},
    {FRAME_REPLY, "ok", .read = mongodb_read_ok},
    {FRAME_REPLY, "code", .read = mongodb_read_code},
    {FRAME_REPLY, "$err", .read = mongodb_read_error},
    {FRAME_REPLY, "err", .read = mongodb_read_error},
    {FRAME_REPLY, "writeErrors", .enter = FRAME_ERRORS},
    {FRAME_REPLY, "writeConcernError", .enter = FRAME_ERROR},
    {FRAME_REPLY, "n", .count_at = COUNT(n)},
    {FRAME_REPLY, "nModified", .count_at = COUNT(modified)},
    {FRAME_REPLY, "nInserted", .count_at = COUNT(inserted)},
    {FRAME_REPLY, "nUpserted", .count_at = COUNT(upserted)},
    {FRAME_REPLY, "nDeleted", .count_at = COUNT(deleted)},
    {FRAME_REPLY, "nErrors", .read = mongodb_read_error},
    {FRAME_REPLY, "upserted", .enter = FRAME_UPSERTED},
    {FRAME_REPLY, "lastErrorObject", .enter = FRAME_LAST_ERROR},
    {FRAME_REPLY, "value", .read = mongodb_read_value},
    {FRAME_REPLY, "done", .read = mongodb_read_done},
    {FRAME_REPLY, "cursor", .enter = FRAME_CURSOR},
    {FRAME_REPLY, "values", .enter = FRAME_BATCH},
    {FRAME_REPLY, "result", .enter = FRAME_BATCH},
    {FRAME_REPLY, "results", .enter = FRAME_BATCH},
    {FRAME_REPLY, "retval", .enter = FRAME_BATCH},
    {FRAME_REPLY, "databases", .enter = FRAME_BATCH},
    {FRAME_REPLY, "users", .enter = FRAME_BATCH},
    {FRAME_REPLY, "roles", .enter = FRAME_BATCH},
    {FRAME_CURSOR, "id", .read = mongodb_read_cursor},
    {FRAME_CURSOR, "firstBatch", .enter = FRAME_BATCH},
    {FRAME_CURSOR, "nextBatch", .enter = FRAME_BATCH},
    {FRAME_ERROR, "code", .read = mongodb_read_code},
    {FRAME_LAST_ERROR, "n", .count_at = COUNT(last_error_n)},
};

static const struct member *member_find(uint8_t in, struct bytes name)
{
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (members[i].in == in && bytes_are(name, members[i].name))
            return &members[i];
    }
    return NULL;
}

static void read_member(struct exchange *x, const struct member *f, const struct bson_element *e,
                        struct bytes value)
{
    int64_t number;
    if (f->read)
        f->read(x, e, value);
    if (f->count_at > 0 && bson_number(e->type, value, &number) && number >= 0) {
        struct mongodb_count *count = (void *)((char *)x->state + f->count_at);
        *count = (struct mongodb_count){(uint64_t)number, true};
    }
}

static bool is_document(const struct bson_element *e)
{
    return e->type == BSON_DOCUMENT || e->type == BSON_ARRAY;
}

/* Views the value where it is short enough to be read; false where it is not there yet. */
static bool view_value(struct cursor in, const struct bson_element *e, struct bytes *value,
                       size_t *need)
{
    *value = (struct bytes){NULL, 0};
    *need = 0;
    if (is_document(e) || e->len > MONGODB_VALUE_MAX || bson_value(in, e, value, need)) {
        *need = 0;
        return true;
    }
    return false;
}

static bool is_shape(uint8_t kind)
{
    return kind == FRAME_PIPELINE || kind == FRAME_STAGE || kind == FRAME_FILTER ||
           kind == FRAME_OPERATORS || kind == FRAME_FILTERS;
}

/* OP_QUERY wraps a command that has more to say: {$query: {find: ..}, $readPreference: ..}. */
static bool is_wrapped(const struct mongodb *s, const struct bson_element *e)
{
    return s->message[SIDE_CLIENT].header.opcode == OP_QUERY && e->type == BSON_DOCUMENT &&
           (bytes_are(e->name, "$query") || bytes_are(e->name, "query"));
}

/* Whether that frame may be opened for the element. */
static bool may_enter(const struct mongodb *s, uint8_t kind, const struct bson_element *e)
{
    const struct mongodb_shape *shape = &s->asked.shape;
    switch ((enum mongodb_frame)kind) {
    case FRAME_OTHER:
        return false;
    case FRAME_FILTER:
        return e->type == BSON_DOCUMENT && shape->len > 0;
    case FRAME_WRITES:
    case FRAME_PIPELINE:
        return e->type == BSON_ARRAY && shape->len > 0 && !shape->has_filter;
    case FRAME_CLIENT:
    case FRAME_SASL:
        return e->type == BSON_DOCUMENT && shape->len == 0;
    case FRAME_FILTERS:
    case FRAME_BATCH:
    case FRAME_UPSERTED:
    case FRAME_ERRORS:
        return e->type == BSON_ARRAY;
    default:
        return e->type == BSON_DOCUMENT;
    }
}

/* An element of which the table tells whether it is read. */
static bool look_at_member(struct exchange *x, uint8_t in_frame, const struct bson_element *e,
                           struct cursor in, uint8_t *enter, size_t *need)
{
    struct bytes value;
    const struct member *member = member_find(in_frame, e->name);
    if (!member)
        return true;
    if ((member->read || member->count_at > 0) && !view_value(in, e, &value, need))
        return false;
    if (member->read || member->count_at > 0)
        read_member(x, member, e, value);
    *enter = member->enter;
    return true;
}

/* The first value of a command is what it is for. */
static bool look_at_first(struct exchange *x, const struct bson_element *e, struct cursor in,
                          uint8_t *enter, size_t *need)
{
    struct bytes value;
    if (is_wrapped(x->state, e)) {
        *enter = FRAME_COMMAND;
        return true;
    }
    if (!view_value(in, e, &value, need))
        return false;
    mongodb_command_name(x, e->name);
    mongodb_read_first(x, e, value);
    return true;
}

/* Looks at an element, and gives the frame that it opens; false where a part of it that tells is
 * not there yet. */
static bool look(struct exchange *x, const struct bson_walk *w, const struct bson_element *e,
                 struct cursor in, uint8_t *enter, size_t *need)
{
    const struct bson_frame *f = &w->frames[w->depth - 1];
    *enter = FRAME_OTHER;
    *need = 0;
    if (is_shape(f->kind)) {
        *need = mongodb_shape_wants(f->kind, e);
        if (in.left < *need)
            return false;
        *need = 0;
        *enter = mongodb_shape_element(x, w, e, in);
        return true;
    }
    if (f->kind == FRAME_BATCH || f->kind == FRAME_UPSERTED)
        return true;
    if (f->kind == FRAME_TRAILER)
        return look_at_member(x, mongodb_server_trailer(x, w, e), e, in, enter, need);
    if (f->kind == FRAME_WRITES || f->kind == FRAME_ERRORS) {
        /* the first tells */
        if (f->count == 0)
            *enter = f->kind == FRAME_WRITES ? FRAME_WRITE : FRAME_ERROR;
        return true;
    }
    if (f->kind == FRAME_COMMAND && f->count == 0)
        return look_at_first(x, e, in, enter, need);
    return look_at_member(x, f->kind, e, in, enter, need);
}

static void entered(struct exchange *x, const struct bson_walk *w, uint8_t kind)
{
    struct mongodb *s = x->state;
    if (kind == FRAME_FILTER || kind == FRAME_WRITES || kind == FRAME_PIPELINE)
        s->asked.shape.has_filter = true;
    if (is_shape(kind) && kind != FRAME_STAGE)
        mongodb_shape_open(x, kind, w->frames[w->depth - 2].kind);
    if (kind == FRAME_BATCH)
        s->told.has_rows = true;
    if (kind == FRAME_ERRORS || kind == FRAME_ERROR)
        s->told.has_error = true;
}

static void left(struct exchange *x, const struct bson_frame *f)
{
    if (is_shape(f->kind) && f->kind != FRAME_STAGE)
        mongodb_shape_close(x, f->kind);
    if (f->kind == FRAME_CLIENT)
        mongodb_client_left(x);
    if (f->kind == FRAME_BATCH || f->kind == FRAME_UPSERTED)
        mongodb_server_left(x, f);
}

static void take(struct exchange *x, struct bson_walk *w, const struct bson_element *e,
                 struct cursor *in, struct mongodb_progress *p)
{
    uint8_t enter;
    if (!look(x, w, e, *in, &enter, &p->need))
        return;
    if (may_enter(x->state, enter, e) && bson_enter(w, in, e, enter))
        entered(x, w, enter);
    else
        p->skip = bson_pass(w, in, e);
}

struct mongodb_progress mongodb_walk(struct exchange *x, enum side side, struct cursor *in)
{
    struct mongodb *s = x->state;
    struct bson_walk *w = &s->message[side].walk;
    struct mongodb_progress p = {0};
    while (w->depth > 0 && p.skip == 0 && p.need == 0 && !p.is_broken) {
        struct bson_element e;
        struct bson_frame frame = *bson_top(w);
        switch (bson_next(w, in, &e, &p.need)) {
        case BSON_SHORT:
            return p;
        case BSON_FOUND:
            p.need = 0;
            take(x, w, &e, in, &p);
            break;
        case BSON_CLOSED:
            p.need = 0;
            left(x, &frame);
            break;
        case BSON_BROKEN:
            p.need = 0;
            p.is_broken = true;
            break;
        }
        p.is_broken =
            p.is_broken || (side == SIDE_SERVER && s->is_unproven && !mongodb_server_prove(x, w));
    }
    return p;
}
