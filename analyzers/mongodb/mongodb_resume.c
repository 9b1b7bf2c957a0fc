/*
 * Going on in the middle of a reply.  Behind a hole in an array of documents, the next of them is
 * found by its place's number and by the ones behind it; the numbers tell how many there were.
 * Where the array's beginning was seen, it must end where that said.  Where it was not, what
 * follows the array must be what follows one in a reply: else it was an array inside a document,
 * and counts nothing.
 */
#include "analyzers/mongodb/mongodb_state.h"

enum {
    INDEX_DIGITS_MAX = 7,
    TRAILER_MAX = 32, /* bytes of the name of what follows an array in a reply */
    ELEMENT_MIN = 1 + 2 + BSON_DOCUMENT_MIN, /* bytes of a document in an array, with its number */
};

/* A document in an array: {type, number, 0, length}. */
struct found {
    uint32_t index;
    uint32_t head_len, len; /* bytes before the document, and of it */
};

static enum start read_place(struct cursor in, struct found *p)
{
    size_t all = in.left;
    uint32_t index = 0, digits = 0;
    if (cursor_u8(&in) != BSON_DOCUMENT)
        return all > 0 ? START_NO : START_SHORT;
    uint8_t c = cursor_u8(&in);
    bool has_zero_first = c == '0';
    for (; c >= '0' && c <= '9' && digits < INDEX_DIGITS_MAX; c = cursor_u8(&in)) {
        index = index * 10 + (uint32_t)(c - '0');
        digits++;
    }
    if (cursor_is_short(&in))
        return START_SHORT;
    if (c != 0 || digits == 0 || (has_zero_first && digits > 1))
        return START_NO;
    *p = (struct found){.index = index, .head_len = (uint32_t)(all - in.left)};
    p->len = cursor_le32(&in);
    if (cursor_is_short(&in))
        return START_SHORT;
    return p->len >= BSON_DOCUMENT_MIN && p->len <= MONGODB_DOCUMENT_MAX ? START_LIKELY : START_NO;
}

/* What may follow an array of documents in a reply. */
static bool is_trailer(struct bytes name)
{
    static const char *const names[] = {
        "id",         "ns", "ok", "atClusterTime", "postBatchResumeToken", "partialResultsReturned",
        "invalidated"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (bytes_are(name, names[i]))
            return true;
    }
    return false;
}

/* Whether the array ends behind that document, and a reply's array does so. */
static enum start is_last(struct cursor in, const struct found *p)
{
    cursor_skip(&in, p->head_len + p->len - 1);
    uint8_t end = cursor_u8(&in);
    if (cursor_is_short(&in) || cursor_left(&in) == 0)
        return START_LIKELY; /* with the next, it is told */
    uint8_t next = cursor_u8(&in);
    if (end != 0 || (next != 0 && next != BSON_DOCUMENT))
        return START_NO;
    if (next != 0)
        return START_LIKELY;
    uint8_t type = cursor_u8(&in);
    if (type == 0)
        type = cursor_u8(&in);
    struct cursor rest = cursor_over(bytes_first(cursor_rest(&in), TRAILER_MAX));
    struct bytes name = cursor_text(&rest);
    if (cursor_is_short(&rest))
        return in.left < TRAILER_MAX ? START_SHORT : START_NO;
    return type != 0 && is_trailer(name) ? START_SURE : START_NO;
}

/* Whether documents that are found are looked for at all: the client's message is not the place. */
static bool is_looked_for(const struct exchange *x)
{
    const struct mongodb *s = x->state;
    const struct mongodb_message *m = &s->message[SIDE_SERVER];
    bool is_first = m->phase == PHASE_NONE && x->is_midstream && m->header.len == 0;
    return !x->is_unpacked && (m->phase == PHASE_LOST || is_first);
}

/* The number of the next document of the array that was cut. */
static uint32_t expected(const struct mongodb *s)
{
    const struct bson_walk *w = &s->message[SIDE_SERVER].walk;
    return s->is_array_known ? w->frames[w->depth - 1].count : 0;
}

static enum start batch_start(const struct exchange *x, struct cursor in, uint64_t *len)
{
    struct found p;
    if (!is_looked_for(x))
        return START_NO;
    enum start start = read_place(in, &p);
    if (start != START_LIKELY)
        return start;
    if (p.index < expected(x->state))
        return START_NO;
    *len = (uint64_t)p.head_len + p.len;
    start = is_last(in, &p);
    /* such a number was one of an inner array: this time its document must be the last */
    if (start == START_LIKELY && p.index < ((const struct mongodb *)x->state)->floor)
        return in.left > *len ? START_NO : START_SHORT;
    return start;
}

bool mongodb_server_find(struct exchange *x, struct cursor in)
{
    struct mongodb *s = x->state;
    struct mongodb_message *m = &s->message[SIDE_SERVER];
    struct bson_walk *w = &m->walk;
    struct found p;
    if (!is_looked_for(x) || read_place(in, &p) != START_LIKELY || p.index < expected(s))
        return false;
    if (s->is_array_known) {
        struct bson_frame *f = bson_top(w);
        uint64_t at = x->position[SIDE_SERVER] - m->position;
        uint64_t between = at - w->at;
        if (at < w->at || at + p.head_len + p.len >= f->end ||
            p.index - f->count > between / ELEMENT_MIN + 1)
            return false;
        s->proven = f->count;
        f->count = p.index;
        w->at = (uint32_t)at;
        w->zeros = w->type = 0;
    } else {
        *w = (struct bson_walk){.depth = 3};
        for (int i = 0; i < 3; i++)
            w->frames[i] = (struct bson_frame){.end = BSON_UNKNOWN_END, .kind = FRAME_TRAILER};
        bson_top(w)->kind = FRAME_BATCH;
        bson_top(w)->count = p.index;
        s->proven = 0;
        if (!m->is_open)
            s->told = (struct mongodb_told){0};
    }
    s->is_unproven = true;
    s->has_cursor_id = s->is_proof = s->is_refuted = false;
    m->phase = PHASE_WALK;
    return true;
}

/* The documents that were found were a reply's: from here on it is read as any other. */
static void accept(struct exchange *x)
{
    struct mongodb *s = x->state;
    struct mongodb_message *m = &s->message[SIDE_SERVER];
    struct bson_walk *w = &m->walk;
    s->is_unproven = false;
    if (!m->is_open) {
        s->replied = pairing_reply(x);
        if (s->replied && s->replied->id == 0)
            s->replied->id = mongodb_id(UINT32_MAX);
        m->header = (struct mongodb_header){.opcode = OP_MSG};
        m->header.reply_to = s->replied ? (uint32_t)(s->replied->id - 1) : 0;
        m->flags = 0;
        m->is_open = true;
    }
    /* where it ends, its documents tell */
    m->body_len = 0;
    m->has_body = true;
    if (s->is_top)
        w->depth = 1;
    w->frames[w->depth - 1].kind = w->depth > 1 ? FRAME_CURSOR : FRAME_REPLY;
    w->frames[0].kind = FRAME_REPLY;
    s->told.has_rows = true;
    s->told.rows += s->proven;
}

uint8_t mongodb_server_trailer(struct exchange *x, const struct bson_walk *w,
                               const struct bson_element *e)
{
    struct mongodb *s = x->state;
    bool is_ok = bytes_are(e->name, "ok") && (e->type == BSON_DOUBLE || e->type == BSON_INT32);
    bool is_namespace = bytes_are(e->name, "ns") && e->type == BSON_STRING;
    s->is_refuted = !is_trailer(e->name);
    s->is_top = is_ok || w->depth == 1;
    if (is_ok || (is_namespace && s->has_cursor_id))
        s->is_proof = true;
    s->has_cursor_id = s->has_cursor_id || (bytes_are(e->name, "id") && e->type == BSON_INT64);
    return is_ok ? FRAME_REPLY : FRAME_CURSOR;
}

bool mongodb_server_prove(struct exchange *x, struct bson_walk *w)
{
    struct mongodb *s = x->state;
    if (w->depth > 0 && bson_top(w)->kind == FRAME_BATCH)
        return true;
    if (s->is_array_known) {
        /* it ended where it should */
        s->is_unproven = s->is_array_known = false;
        return true;
    }
    if (s->is_proof)
        accept(x);
    return s->is_proof || (w->depth > 0 && !s->is_refuted);
}

void mongodb_server_refute(struct exchange *x)
{
    struct mongodb *s = x->state;
    struct mongodb_message *m = &s->message[SIDE_SERVER];
    bool is_known = s->is_array_known && m->walk.depth > 0;
    uint32_t seen = is_known ? bson_top(&m->walk)->count : s->proven;
    s->floor = seen > s->floor ? seen : s->floor;
    if (is_known)
        bson_top(&m->walk)->count = s->proven;
    s->is_unproven = false;
    m->phase = PHASE_LOST;
}

void mongodb_server_cut(struct exchange *x)
{
    struct mongodb *s = x->state;
    struct mongodb_message *m = &s->message[SIDE_SERVER];
    const struct bson_walk *w = &m->walk;
    bool is_passing = m->phase == PHASE_WALK || m->phase == PHASE_LOST;
    bool is_array = w->depth > 0 && w->frames[w->depth - 1].kind == FRAME_BATCH &&
                    w->frames[w->depth - 1].end != BSON_UNKNOWN_END;
    s->is_array_known = m->is_open && is_passing && is_array && !x->is_unpacked;
    s->is_unproven = false;
    s->exhaust.is_unsure = true;
    s->floor = 0;
    m->phase = PHASE_LOST;
}

enum start mongodb_starts_here(const struct exchange *x, enum side side, struct cursor in,
                               uint64_t *message_len)
{
    if (x && x->is_unpacked)
        return START_NO;
    enum start start = mongodb_message_start(side, in, message_len);
    if (side == SIDE_CLIENT || !x || start == START_SURE || start == START_LIKELY)
        return start;
    enum start batch = batch_start(x, in, message_len);
    return batch == START_NO ? start : batch;
}
