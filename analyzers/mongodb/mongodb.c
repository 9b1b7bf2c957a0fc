/*
 * MongoDB: a message is a header and a body, packed or not; replies are paired with requests by the
 * number that they answer.  A command is a request.  Documents are BSON and as long as they like:
 * each is walked as it passes, the arrays that a reply brings are counted, and nothing of them is
 * kept.
 *
 * https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ and the specifications
 * beside it: https://github.com/mongodb/specifications (compression, OP_MSG, authentication,
 * handshake).
 */
#include "analyzers/mongodb/mongodb.h"

#include "analyzers/mongodb/mongodb_state.h"

enum {
    SECTION_HEAD = 1 + 4, /* bytes of a section's kind and length */
    SECTION_NAME_LEN = 8, /* of "updates" and "deletes", with the zero */
    PACKED_HEADER_LEN = MONGODB_HEADER_LEN + MONGODB_PACKED_HEAD_LEN,
    MESSAGE_MAX = 2048, /* bytes that are read at once: a value, or the names before a document */
};

static void resume(struct exchange *x, enum side side)
{
    if (side == SIDE_CLIENT)
        mongodb_client_resume(x);
    else
        mongodb_server_resume(x);
}

static void end(struct exchange *x, enum side side, bool is_cut)
{
    struct mongodb_message *m = &((struct mongodb *)x->state)->message[side];
    if (side == SIDE_CLIENT)
        mongodb_client_end(x, is_cut);
    else
        mongodb_server_end(x, is_cut);
    m->is_open = false;
    m->phase = PHASE_NONE;
}

/* Ends a message of which no more comes. */
static void cut(struct exchange *x, enum side side)
{
    struct mongodb_message *m = &((struct mongodb *)x->state)->message[side];
    if (m->is_open && side == SIDE_CLIENT)
        mongodb_client_resume(x);
    else if (m->is_open)
        mongodb_server_request(x);
    if (m->is_open)
        end(x, side, true);
    m->phase = PHASE_NONE;
}

/* The updates or deletes of a command may be a section of their own: the first filter tells. */
static bool is_writes(const struct mongodb *s, struct bytes name)
{
    const struct mongodb_shape *shape = &s->asked.shape;
    return shape->len > 0 && !shape->has_filter &&
           (bytes_are(name, "updates") || bytes_are(name, "deletes"));
}

/* Passes over what there is up to that place of the body. */
static struct mongodb_progress pass(struct mongodb_message *m, struct cursor *in, uint32_t to)
{
    uint32_t len = to - m->walk.at;
    uint32_t here = in->left < len ? (uint32_t)in->left : len;
    cursor_skip(in, here);
    m->walk.at = to;
    if (to >= m->sections_end)
        m->phase = PHASE_NONE;
    return (struct mongodb_progress){.skip = len - here};
}

/* A section with several documents. */
static struct mongodb_progress sequence(struct mongodb *s, enum side side, struct cursor *in)
{
    struct mongodb_message *m = &s->message[side];
    struct mongodb_progress p = {0};
    uint32_t at = m->walk.at, left = m->sections_end - at;
    struct cursor peek = *in;
    cursor_skip(&peek, 1);
    uint32_t size = cursor_le32(&peek);
    if (size < 4 + 1 || size >= left)
        return (struct mongodb_progress){.is_broken = true};
    uint32_t head = SECTION_HEAD + SECTION_NAME_LEN, document = head + 4;
    if (side == SIDE_CLIENT && size >= document && in->left < document)
        return (struct mongodb_progress){.need = document};
    struct bytes name = bytes_first(cursor_rest(&peek), SECTION_NAME_LEN);
    name = bytes_first(name, bytes_index(name, 0));
    m->section_end = at + 1 + size;
    if (side == SIDE_CLIENT && size >= document && is_writes(s, name)) {
        cursor_skip(in, head);
        m->walk.at += head;
        if (bson_open(&m->walk, in, at + head, m->section_end, FRAME_WRITE)) {
            s->asked.shape.has_filter = true;
            m->phase = PHASE_WALK;
        }
        p.is_broken = m->phase != PHASE_WALK;
        return p;
    }
    return pass(m, in, m->section_end);
}

/* What comes next of an OP_MSG's sections. */
static struct mongodb_progress section(struct mongodb *s, enum side side, struct cursor *in)
{
    struct mongodb_message *m = &s->message[side];
    struct mongodb_progress p = {0};
    if (m->walk.at < m->section_end)
        return pass(m, in, m->section_end);
    if (m->walk.at >= m->sections_end) {
        m->phase = PHASE_NONE;
        return p;
    }
    if (in->left < SECTION_HEAD)
        return (struct mongodb_progress){.need = SECTION_HEAD};
    uint8_t kind = *in->at;
    if (kind > 1)
        return (struct mongodb_progress){.is_broken = true};
    if (kind == 1)
        return sequence(s, side, in);
    cursor_skip(in, 1);
    m->walk.at++;
    p.is_broken = !bson_open(&m->walk, in, m->walk.at, m->sections_end,
                             side == SIDE_CLIENT ? FRAME_COMMAND : FRAME_REPLY);
    if (p.is_broken)
        return p;
    m->section_end = m->walk.frames[0].end;
    m->has_body = true;
    m->phase = PHASE_WALK;
    return p;
}

/* Behind a document: whether there is more to be read. */
static enum mongodb_phase after_document(const struct mongodb *s, enum side side)
{
    const struct mongodb_message *m = &s->message[side];
    const struct mongodb_shape *shape = &s->asked.shape;
    if (m->header.opcode != OP_MSG)
        return PHASE_NONE;
    bool wants_filter = side == SIDE_CLIENT && s->asked.command != MONGODB_NO_COMMAND &&
                        shape->len > 0 && !shape->has_filter;
    return !m->has_body || wants_filter ? PHASE_SECTIONS : PHASE_NONE;
}

/* Behind all that is read: the rest of the body is passed over. */
static struct step finish(struct exchange *x, enum side side, uint64_t skip, bool is_cut)
{
    const struct mongodb_message *m = &((struct mongodb *)x->state)->message[side];
    uint32_t rest = m->body_len > m->walk.at ? m->body_len - m->walk.at : 0;
    end(x, side, is_cut);
    return step_taken(skip + rest);
}

/* Goes on in a body; `before`: bytes that the step took already. */
static struct step go_on(struct exchange *x, enum side side, struct cursor *in, size_t before)
{
    struct mongodb *s = x->state;
    struct mongodb_message *m = &s->message[side];
    struct mongodb_progress p = {0};
    size_t begin = in->left;
    while (p.need == 0 && p.skip == 0 && !p.is_broken && m->phase != PHASE_NONE) {
        p = m->phase == PHASE_WALK ? mongodb_walk(x, side, in) : section(s, side, in);
        if (m->phase == PHASE_WALK && m->walk.depth == 0 && !p.is_broken)
            m->phase = (uint8_t)after_document(s, side);
    }
    if (side == SIDE_SERVER)
        mongodb_server_count(x);
    if (p.is_broken && side == SIDE_SERVER && s->is_unproven) {
        mongodb_server_refute(x);
        return step_bad();
    }
    if (p.is_broken || m->phase == PHASE_NONE)
        return finish(x, side, p.skip, p.is_broken);
    if (p.need > 0 && in->left == begin && before == 0)
        return step_needs(p.need);
    return step_taken(p.skip);
}

/* What a step took of a body, and what it passes over, is looked at for customers. */
static struct step look(struct exchange *x, enum side side, struct step step, struct bytes before,
                        const struct cursor *in)
{
    if (step.verdict != VERDICT_TAKEN || !mongodb_customers_wanted(x, side))
        return step;
    struct bytes taken = bytes_first(before, before.len - cursor_left(in));
    if (taken.len > 0)
        mongodb_watch(x, side, taken, 0);
    return step.amount > 0 && mongodb_customers_wanted(x, side) ? step_watched(step.amount) : step;
}

/* A body begins behind head_len bytes. */
static struct step begin_body(struct exchange *x, enum side side, struct cursor *in,
                              size_t head_len)
{
    struct mongodb_message *m = &((struct mongodb *)x->state)->message[side];
    struct cursor body = *in;
    cursor_skip(&body, head_len);
    m->position = x->position[side] + head_len;
    m->has_body = false;
    m->section_end = 0;
    struct mongodb_progress p =
        side == SIDE_CLIENT ? mongodb_client_open(x, &body) : mongodb_server_open(x, &body);
    if (p.need > 0)
        return step_needs(head_len + p.need);
    cursor_skip(in, head_len);
    if (p.is_broken || cursor_is_short(&body)) {
        cut(x, side);
        return step_taken(m->body_len);
    }
    m->is_open = true;
    size_t before = head_len + in->left - body.left;
    struct bytes all = cursor_rest(in);
    *in = body;
    mongodb_customers_begin(x, side);
    struct step step = go_on(x, side, in, before);
    return look(x, side, step, all, in);
}

static struct step begin_packed(struct exchange *x, enum side side, struct cursor *in)
{
    static const uint8_t codecs[] = {CODEC_STORED, CODEC_SNAPPY, CODEC_ZLIB, CODEC_ZSTD};
    struct mongodb_message *m = &((struct mongodb *)x->state)->message[side];
    struct cursor peek = *in;
    cursor_skip(&peek, MONGODB_HEADER_LEN);
    struct mongodb_packed packed = mongodb_packed_read(&peek);
    if (cursor_is_short(&peek))
        return step_needs(PACKED_HEADER_LEN);
    if (!mongodb_is_packed(side, &packed))
        return step_bad();
    uint32_t len = m->header.len - PACKED_HEADER_LEN;
    *in = peek;
    m->header.opcode = packed.opcode;
    m->body_len = packed.len;
    m->is_packed = true;
    m->phase = PHASE_BODY;
    /* it is known whose reply it is, whatever comes of the packed bytes */
    if (side == SIDE_SERVER)
        mongodb_server_begin(x);
    return step_unpack((enum codec)codecs[packed.compressor], SEAM_APART, len, packed.len);
}

static struct step begin(struct exchange *x, enum side side, struct cursor *in)
{
    struct mongodb_message *m = &((struct mongodb *)x->state)->message[side];
    struct cursor peek = *in;
    struct mongodb_header h = mongodb_header_read(&peek);
    bool is_header = !cursor_is_short(&peek) && mongodb_is_header(side, &h);
    if (!is_header && side == SIDE_SERVER && mongodb_server_find(x, *in)) {
        mongodb_server_resume(x);
        return go_on(x, side, in, 0);
    }
    if (cursor_is_short(&peek))
        return step_needs(MONGODB_HEADER_LEN);
    if (!is_header)
        return step_bad();
    cut(x, side);
    m->header = h;
    m->is_packed = false;
    m->body_len = h.len - MONGODB_HEADER_LEN;
    if (h.opcode == OP_COMPRESSED)
        return begin_packed(x, side, in);
    return begin_body(x, side, in, MONGODB_HEADER_LEN);
}

static struct step parse_side(struct exchange *x, enum side side, struct cursor *in)
{
    struct mongodb_message *m = &((struct mongodb *)x->state)->message[side];
    /* a packed body that ended too early */
    if (m->is_packed && !x->is_unpacked) {
        cut(x, side);
        m->is_packed = false;
    }
    if (x->is_unpacked && m->phase == PHASE_BODY)
        return begin_body(x, side, in, 0);
    if (m->phase == PHASE_SECTIONS || m->phase == PHASE_WALK) {
        struct bytes all = cursor_rest(in);
        resume(x, side);
        struct step step = go_on(x, side, in, 0);
        return look(x, side, step, all, in);
    }
    return x->is_unpacked ? step_bad() : begin(x, side, in);
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct mongodb *s = x->state;
    struct step step = parse_side(x, side, in);
    s->replied = s->asked.request = NULL; /* they may be gone before the next step */
    return step;
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    const struct mongodb_message *m = &((struct mongodb *)x->state)->message[side];
    (void)lost;
    if (x->is_unpacked && !m->is_packed)
        return;
    mongodb_customers_lose(x, side);
    if (side == SIDE_SERVER)
        mongodb_server_cut(x);
    else
        cut(x, side);
}

const struct analyzer MONGODB_ANALYZER = {
    .name = "mongodb",
    .db_system = "mongodb",
    .state_size = sizeof(struct mongodb),
    .message_max = MESSAGE_MAX,
    .ports = {27017, 27018, 27019},
    .parse = parse,
    .gap = gap,
    .starts_here = mongodb_starts_here,
    .watch = mongodb_watch,
};
