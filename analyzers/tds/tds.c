/*
 * Tabular Data Stream, Microsoft SQL Server's protocol.  Messages come in packets, whose headers
 * stand in the middle of whatever is sent; in MARS the packets of several sessions mix.  So a walk
 * goes through each side's message, packet by packet, and nothing is put together but what is read
 * of a request.
 *
 * [MS-TDS] (versions 7.0 to 8.0) and [MC-SMP]
 */
#include "analyzers/tds/tds.h"

#include "analyzers/subject.h"
#include "analyzers/tds/tds_state.h"

enum {
    MESSAGE_LOOK = 22,     /* bytes of a message that tell whether it begins */
    LOGIN_RECORDS_MAX = 4, /* of TLS, that may be an encrypted login */
    MISSING_MAX = 64,      /* packets of a MARS session that are missing, and yet known */
};

/* What a step through the stream of a side comes to. */
struct taking {
    struct tds_reading r;
    struct cursor *in;
    size_t start; /* bytes that were there */
};

static uint64_t place_of(const struct taking *t)
{
    return t->r.x->position[t->r.side] + t->start - cursor_left(t->in);
}

static void attach(struct tds_reading *r, struct tds_session *session)
{
    r->session = session;
    r->half = &session->half[r->side];
    r->walk = &r->half->walk;
    r->request = NULL;
}

/* Whose the bytes of this step are. */
static void receive(struct tds_reading *r)
{
    if (r->side == SIDE_CLIENT) {
        struct request *last = tds_last(r);
        if (last && last->batch == r->session->asking && r->session->has_opened)
            pairing_receive(r->x, SIDE_CLIENT, last);
        return;
    }
    if (r->half->type != TDS_PRELOGIN) {
        tds_server_receive(r);
        return;
    }
    r->request = tds_first(r); /* a handshake of TLS */
    pairing_receive(r->x, SIDE_SERVER, r->request);
}

static void lose_walk(struct tds_reading *r)
{
    if (r->side == SIDE_CLIENT)
        tds_client_end(r);
    *r->walk = (struct tds_walk){.at = r->side == SIDE_SERVER ? TDS_AT_LOST : TDS_AT_REST};
    if (r->side == SIDE_CLIENT)
        return;
    r->session->unseen++;
    subject_drop_record(r->x, tds_first(r));
}

/* Bytes of the message were lost: what was to be passed over anyhow is no loss. */
static void lose_bytes(struct tds_reading *r, uint64_t len)
{
    struct tds_walk *w = r->walk;
    if (w->at == TDS_AT_REST || w->at == TDS_AT_LOST || (len <= w->skip && w->carry_len == 0))
        w->skip -= len < w->skip ? len : w->skip;
    else if (len > 0)
        lose_walk(r);
}

/* Likewise in MARS, where what is missing may be of other sessions: the numbers alone tell. */
static bool goes_on_in_session(const struct taking *t, const struct tds_header *h,
                               uint64_t *missing)
{
    const struct tds_frame *f = t->r.frame;
    unsigned packets = (uint8_t)(h->number - t->r.half->number - 1);
    if (f->session != tds_session_place(t->r.s, t->r.session))
        *missing = 0;
    *missing += packets * (f->size - (uint64_t)h->header_len);
    return packets <= MISSING_MAX && (packets == 0 || f->size > h->header_len);
}

/*
 * After a loss: whether the packet goes on with the message that passed.  Packets of a message have
 * one length but for the last, and numbers that follow one another, so that what is missing is
 * known.
 */
static bool goes_on(const struct taking *t, const struct tds_header *h, uint64_t *missing)
{
    const struct tds_frame *f = t->r.frame;
    const struct tds_half *half = t->r.half;
    uint64_t place = place_of(t);
    *missing = f->unseen;
    if (!f->is_known || !half->is_inside || h->type != half->type || place < f->next ||
        h->channel != f->channel)
        return false;
    if (h->is_mars)
        return goes_on_in_session(t, h, missing);
    uint64_t away = place - f->next, packets = f->size > 0 ? away / f->size : 0;
    if (f->is_last || (away > 0 && (f->size == 0 || away % f->size != 0)))
        return false;
    *missing += packets * (f->size - (uint64_t)h->header_len);
    uint8_t number = (uint8_t)(half->number + 1 + packets);
    return h->number == number || (t->r.side == SIDE_CLIENT && h->number == half->number);
}

/* A reply may have begun in a session that was forgotten since. */
static void begin_reply(struct tds_reading *r)
{
    const struct request *first = tds_first(r);
    tds_server_begin(r);
    if (!r->s->is_mars || !first || !(first->mark & TDS_BEGUN))
        return;
    r->session->rows = first->tx.returned_rows;
    lose_walk(r);
}

static void begin(struct tds_reading *r, const struct tds_header *h)
{
    r->half->type = h->type;
    r->half->is_inside = true;
    if (r->side == SIDE_CLIENT)
        tds_client_begin(r, h->type);
    else if (h->type == TDS_REPLY)
        begin_reply(r);
    else
        *r->walk = (struct tds_walk){.at = TDS_AT_REST}; /* a handshake of TLS */
}

/* The message that passed is over without its end. */
static void end_lost(struct tds_reading *r)
{
    bool is_reply = r->side == SIDE_SERVER && r->session->is_replying;
    if (r->half->is_inside && r->side == SIDE_CLIENT)
        tds_client_end(r);
    if (r->half->is_inside && is_reply) {
        r->request = tds_first(r);
        if (r->request && r->request->mark & TDS_BEGUN)
            tds_server_end(r, true);
    }
    r->half->is_inside = false;
}

/* What was lost of a packet was of another session than what follows. */
static void lose_other(const struct taking *t)
{
    struct tds_reading other = t->r;
    uint64_t missing = t->r.frame->unseen;
    if (missing == 0 || t->r.frame->session == tds_session_place(t->r.s, t->r.session))
        return;
    attach(&other, &t->r.s->sessions[t->r.frame->session]);
    lose_bytes(&other, missing);
}

/* A packet where something was lost, or nothing is known. */
static void find_place(struct taking *t, const struct tds_header *h, enum start begins)
{
    struct tds_reading *r = &t->r;
    uint64_t missing;
    bool is_next = goes_on(t, h, &missing);
    bool is_first = begins == START_SURE || (begins == START_LIKELY && h->number <= 1);
    if (h->is_mars)
        lose_other(t);
    r->frame->is_lost = false;
    r->frame->unseen = 0;
    if (is_next) {
        lose_bytes(r, missing);
        return;
    }
    bool is_same = r->half->is_inside && r->half->type == h->type;
    if (is_same && !is_first) {
        lose_walk(r); /* nobody knows how much of it is missing */
        return;
    }
    end_lost(r);
    begin(r, h);
    if (!is_first)
        lose_walk(r);
}

/* Whether a record can be of a login that alone is encrypted.  Where it was not seen what the ends
 * agreed on, a few of the client's can. */
static bool is_login_record(const struct tds_reading *r, uint8_t type)
{
    const struct tds *s = r->s;
    if (s->encryption == TDS_ENCRYPTION_LOGIN)
        return true;
    return s->encryption == TDS_ENCRYPTION_UNKNOWN && r->side == SIDE_CLIENT &&
           type == TDS_RECORD_DATA && s->records < LOGIN_RECORDS_MAX;
}

/* A TLS record that is in no packet: of an encrypted login, or the end of what can be read. */
static struct step take_record(struct taking *t)
{
    struct tds_reading *r = &t->r;
    uint8_t type;
    uint32_t len;
    struct cursor peek = *t->in;
    bool is_record = tds_record_read(&peek, &type, &len);
    if (cursor_is_short(&peek))
        return step_needs(TDS_RECORD_LEN);
    if (!is_record) {
        r->frame->is_lost = true;
        return step_bad();
    }
    attach(r, tds_session_of(r->s, 0));
    tds_prelogin_end(r);
    if (!is_login_record(r, type)) {
        r->x->is_encrypted = true;
        return step_hand_over();
    }
    if (r->s->records < UINT8_MAX)
        r->s->records++;
    struct request *last = tds_last(r);
    bool is_login = tds_kind_of(last) == TDS_KIND_LOGIN;
    if (r->side == SIDE_CLIENT && !is_login) {
        r->session->asking = ++r->s->messages;
        tds_open_login(r, "LOGIN7, encrypted");
        last = tds_last(r);
    }
    pairing_receive(r->x, r->side, last);
    *t->in = peek;
    return step_taken(len);
}

static struct step take_control(struct taking *t, const struct tds_header *h)
{
    struct tds *s = t->r.s;
    struct tds_session *session = tds_session_find(s, h->session);
    s->is_mars = true;
    if (h->status == TDS_SMP_FIN && t->r.side == SIDE_SERVER && session)
        tds_session_forget(s, session);
    return step_taken(0);
}

static bool is_of_side(enum side side, uint8_t type)
{
    return side == SIDE_CLIENT ? type != TDS_REPLY : type == TDS_REPLY || type == TDS_PRELOGIN;
}

/* A header, behind which a packet's bytes come; *in_packet becomes true there. */
static struct step take_header(struct taking *t, bool *in_packet)
{
    struct tds_reading *r = &t->r;
    struct tds_frame *f = r->frame;
    struct tds_header h;
    struct cursor peek = *t->in;
    bool is_header = tds_header_read(&peek, &h);
    *in_packet = false;
    if (cursor_is_short(&peek) && is_header)
        return step_needs(h.header_len > TDS_HEADER_LEN ? TDS_SMP_LEN + TDS_HEADER_LEN
                          : h.is_mars                   ? TDS_SMP_LEN
                                                        : TDS_HEADER_LEN);
    if (!is_header || (!h.is_control && !is_of_side(r->side, h.type)))
        return take_record(t);
    bool is_unsure = f->is_lost || !f->is_known;
    size_t look_len = !is_unsure ? 0 : h.len < MESSAGE_LOOK ? h.len : MESSAGE_LOOK;
    if (!h.is_control && cursor_left(&peek) < look_len)
        return step_needs(h.header_len + look_len);
    struct cursor payload = peek;
    struct cursor at = *t->in;
    *t->in = peek;
    if (h.is_control)
        return take_control(t, &h);
    r->s->is_mars = r->s->is_mars || h.is_mars;
    attach(r, tds_session_of(r->s, h.session));
    *t->in = at; /* the place is that of the header */
    if (is_unsure)
        find_place(t, &h, tds_begins(r->side, &h, payload));
    else if (!r->half->is_inside || r->half->type != h.type)
        begin(r, &h);
    f->next = place_of(t) + h.header_len + h.len;
    *t->in = peek;
    if (!(h.status & TDS_LAST))
        f->size = (uint16_t)(h.header_len + h.len);
    f->left = h.len;
    f->channel = h.channel;
    f->session = tds_session_place(r->s, r->session);
    f->is_last = h.status & TDS_LAST;
    f->is_known = true;
    r->half->number = h.number;
    receive(r);
    *in_packet = true;
    return step_taken(0);
}

/* --- what is in packets */

static void consume(struct taking *t, uint64_t len)
{
    cursor_skip(t->in, (size_t)len);
    t->r.frame->left -= (uint32_t)len;
}

static enum tds_pass unit(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    if (w->names > 0 || w->long_names > 0 || w->last_names > 0)
        return tds_names_pass(w, in, needs);
    return r->side == SIDE_CLIENT ? tds_client_pass(r, in, needs) : tds_server_pass(r, in, needs);
}

/* A unit that began in the packet before: its bytes are put together in the walk. */
static enum tds_pass carried_unit(struct taking *t, size_t *needs)
{
    struct tds_reading *r = &t->r;
    struct tds_walk *w = r->walk;
    enum tds_pass pass = TDS_NEEDS;
    while (pass == TDS_NEEDS) {
        size_t lacks = w->wanted - (size_t)w->carry_len;
        size_t here = r->frame->left < lacks ? r->frame->left : lacks;
        *needs = here;
        if (cursor_left(t->in) < here)
            return TDS_NEEDS;
        struct bytes piece = bytes_first(cursor_rest(t->in), here);
        if (here > 0)
            memcpy(w->carry + w->carry_len, piece.data, here);
        w->carry_len = (uint8_t)(w->carry_len + here);
        consume(t, here);
        if (w->carry_len < w->wanted)
            return TDS_PASSED;
        struct cursor in = cursor_over((struct bytes){w->carry, w->carry_len});
        r->in = *t->in;
        pass = unit(r, &in, needs);
        if (pass == TDS_NEEDS && (*needs <= w->wanted || *needs > TDS_UNIT_MAX))
            return TDS_STRANGE;
        w->wanted = (uint8_t)*needs;
    }
    w->carry_len = 0;
    return pass;
}

/* The end of the packet is in the middle of a unit: the walk keeps what is there. */
static enum tds_pass carry(struct taking *t, size_t *needs)
{
    struct tds_walk *w = t->r.walk;
    size_t len = t->r.frame->left;
    if (*needs > TDS_UNIT_MAX)
        return TDS_STRANGE;
    w->wanted = (uint8_t)*needs;
    *needs = len;
    if (cursor_left(t->in) < len)
        return TDS_NEEDS;
    struct bytes piece = bytes_first(cursor_rest(t->in), len);
    memcpy(w->carry, piece.data, len);
    w->carry_len = (uint8_t)len;
    consume(t, len);
    return TDS_PASSED;
}

static enum tds_pass take_unit(struct taking *t, size_t *needs)
{
    struct tds_reading *r = &t->r;
    if (r->walk->carry_len > 0)
        return carried_unit(t, needs);
    struct cursor in = cursor_over(bytes_first(cursor_rest(t->in), r->frame->left));
    size_t before = cursor_left(&in);
    *needs = 1;
    if (before == 0)
        return TDS_NEEDS;
    r->in = *t->in;
    enum tds_pass pass = unit(r, &in, needs);
    if (pass == TDS_PASSED || pass == TDS_STOPS)
        consume(t, before - cursor_left(&in));
    if (pass == TDS_NEEDS && *needs > r->frame->left)
        return carry(t, needs);
    return pass;
}

/* Passes over what the walk says, in this packet; gives how many bytes of it are not there yet. */
static uint64_t pass_over(struct taking *t)
{
    struct tds_reading *r = &t->r;
    uint64_t len = r->walk->skip < r->frame->left ? r->walk->skip : r->frame->left;
    if (r->walk->at == TDS_AT_REST)
        len = r->frame->left;
    if (r->walk->at == TDS_AT_LOST)
        r->session->unseen += len;
    r->walk->skip -= len < r->walk->skip ? len : r->walk->skip;
    uint64_t here = len < cursor_left(t->in) ? len : cursor_left(t->in);
    consume(t, here);
    r->frame->left -= (uint32_t)(len - here);
    return len - here;
}

static void end_packet(struct taking *t)
{
    struct tds_reading *r = &t->r;
    if (!r->frame->is_last)
        return;
    r->half->is_inside = false;
    if (r->side == SIDE_CLIENT)
        tds_client_end(r);
    else if (r->half->type == TDS_REPLY)
        tds_server_end(r, false);
}

/* Goes through the packet as far as its bytes are there; true where the step ends, with *step. */
static bool take_packet(struct taking *t, struct step *step)
{
    struct tds_reading *r = &t->r;
    size_t needs = 1;
    while (r->frame->left > 0) {
        if (r->walk->skip > 0 || r->walk->at == TDS_AT_REST) {
            uint64_t beyond = pass_over(t);
            if (beyond == 0)
                continue;
            *step = step_taken(beyond);
            if (r->frame->left == 0)
                end_packet(t);
            return true;
        }
        bool is_new = r->walk->at == TDS_AT_CALL || r->walk->at == TDS_AT_LOGIN;
        if (is_new && cursor_left(t->in) < t->start) {
            *step = step_taken(0); /* what ended before is handed on before */
            return true;
        }
        enum tds_pass pass = take_unit(t, &needs);
        if (pass == TDS_STRANGE) {
            r->x->pairing.owner->unread++;
            lose_walk(r);
        } else if (pass == TDS_STOPS) {
            if (r->frame->left == 0)
                end_packet(t);
            *step = step_taken(0);
            return true;
        } else if (pass != TDS_PASSED) {
            *step = step_needs(needs);
            return true;
        }
    }
    end_packet(t);
    *step = step_taken(0);
    return r->frame->is_last;
}

/* After a loss, where the stream goes on in the packet: false where it does behind it. */
static bool go_on(struct taking *t)
{
    struct tds_reading *r = &t->r;
    struct tds_frame *f = r->frame;
    uint64_t place = place_of(t);
    f->is_placed = false;
    if (place >= f->next) {
        f->left = 0;
        return false;
    }
    uint32_t left = (uint32_t)(f->next - place);
    f->unseen += f->left - left;
    f->left = left;
    lose_bytes(r, f->unseen);
    f->unseen = 0;
    f->is_lost = false;
    return true;
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    struct tds *s = x->state;
    struct taking t = {
        .r = {.x = x, .s = s, .side = side, .frame = &s->frame[side]},
        .in = in,
        .start = cursor_left(in),
    };
    struct step step = step_taken(0);
    bool in_packet = t.r.frame->left > 0;
    if (in_packet) {
        attach(&t.r, &s->sessions[t.r.frame->session]);
        receive(&t.r);
    }
    if (t.r.frame->is_placed)
        in_packet = go_on(&t);
    while (!in_packet || !take_packet(&t, &step)) {
        bool is_another = s->is_mars && cursor_left(in) < t.start; /* session's, perhaps */
        if (cursor_left(in) == 0 || is_another) {
            step = step_needs(1);
            break;
        }
        step = take_header(&t, &in_packet);
        if (!in_packet)
            break;
    }
    bool is_moved = cursor_left(in) < t.start;
    return is_moved && step.verdict != VERDICT_TAKEN ? step_taken(0) : step;
}

/* Where the stream goes on in the packet is known, unless it is behind it.  What was asked there
 * was asked all the same. */
static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct tds *s = x->state;
    struct tds_reading r = {.x = x, .s = s, .side = side, .frame = &s->frame[side]};
    struct tds_frame *f = r.frame;
    (void)lost;
    f->is_lost = true;
    f->is_placed = f->left > 0 && x->position[side] < f->next;
    if (f->is_placed)
        return;
    f->unseen += f->left;
    f->left = 0;
    attach(&r, &s->sessions[f->session]);
    if (f->is_last)
        end_lost(&r);
    else if (side == SIDE_CLIENT && r.half->is_inside)
        tds_client_end(&r);
}

const struct analyzer TDS_ANALYZER = {
    .name = "tds",
    .db_system = "microsoft.sql_server",
    .state_size = sizeof(struct tds),
    .message_max = TDS_LOOK_MAX,
    .ports = {1433},
    .parse = parse,
    .gap = gap,
    .starts_here = tds_starts_here,
};
