/*
 * Sessions, the requests that are open in them, and what stands ahead in the stream.
 */
#include "analyzers/tds/tds_state.h"

uint8_t tds_session_place(const struct tds *s, const struct tds_session *session)
{
    return (uint8_t)(session - s->sessions);
}

struct tds_session *tds_session_find(struct tds *s, uint16_t id)
{
    for (size_t i = 0; i < TDS_SESSIONS_MAX; i++) {
        if (s->sessions[i].is_used && s->sessions[i].id == id)
            return &s->sessions[i];
    }
    return NULL;
}

void tds_session_forget(struct tds *s, struct tds_session *session)
{
    uint8_t place = tds_session_place(s, session);
    tds_columns_forget(&s->columns, place, SIDE_CLIENT);
    tds_columns_forget(&s->columns, place, SIDE_SERVER);
    *session = (struct tds_session){.is_used = false};
}

struct tds_session *tds_session_of(struct tds *s, uint16_t id)
{
    struct tds_session *session = tds_session_find(s, id);
    for (size_t i = 0; i < TDS_SESSIONS_MAX && !session; i++) {
        if (!s->sessions[i].is_used)
            session = &s->sessions[i];
    }
    for (size_t i = 0; i < TDS_SESSIONS_MAX && s->age == UINT16_MAX; i++)
        s->sessions[i].age = 0;
    if (!session) {
        session = &s->sessions[0];
        for (size_t i = 1; i < TDS_SESSIONS_MAX; i++) {
            if (s->sessions[i].age < session->age)
                session = &s->sessions[i];
        }
        tds_session_forget(s, session);
    }
    session->is_used = true;
    session->id = id;
    session->age = ++s->age;
    return session;
}

enum tds_kind tds_kind_of(const struct request *r)
{
    return r ? (enum tds_kind)(r->mark & TDS_KIND_MASK) : TDS_KIND_UNKNOWN;
}

enum tds_proc tds_proc_of(const struct request *r)
{
    return r ? (enum tds_proc)(r->mark >> TDS_PROC_SHIFT & TDS_PROC_MASK) : TDS_PROC_NAMED;
}

static bool is_open(const struct tds_reading *r, const struct request *q)
{
    uint64_t id = r->s->is_mars ? r->session->id + UINT64_C(1) : 0;
    return q->id == id && !q->is_finished && !q->is_dropped;
}

struct request *tds_first(const struct tds_reading *r)
{
    for (size_t n = 0; n < r->x->pairing.count; n++) {
        struct request *q = pairing_at(r->x, n);
        if (is_open(r, q))
            return q;
    }
    return NULL;
}

struct request *tds_last(const struct tds_reading *r)
{
    for (size_t n = r->x->pairing.count; n > 0; n--) {
        struct request *q = pairing_at(r->x, n - 1);
        if (is_open(r, q))
            return q;
    }
    return NULL;
}

/* --- looking ahead */

/* Which bytes of the stream are looked at: up to a place, so many of the message. */
struct look {
    struct cursor in; /* from the walk's place on */
    uint32_t left;    /* bytes of the packet */
    bool is_last;
    size_t wants; /* bytes of the message */
    int packets;
};

/* Takes the bytes of the message that the packet has. */
static struct bytes look_take(struct look *l)
{
    struct bytes piece = cursor_take(&l->in, l->left < l->wants ? l->left : l->wants);
    l->left -= (uint32_t)piece.len;
    l->wants -= piece.len;
    return piece;
}

/* Goes on to the next packet; false where the message, or what may be looked at, ends. */
static bool look_on(const struct tds_reading *r, struct look *l)
{
    struct tds_header h;
    if (l->wants == 0 || l->is_last || l->packets++ == TDS_LOOK_PACKETS_MAX)
        return false;
    bool is_header = tds_header_read(&l->in, &h);
    if (cursor_is_short(&l->in) || !is_header || h.is_control || h.type != r->half->type ||
        (h.is_mars && h.session != r->session->id))
        return false;
    l->left = h.len;
    l->is_last = h.status & TDS_LAST;
    return true;
}

bool tds_look(const struct tds_reading *r, size_t len, uint8_t *room, struct bytes *view,
              size_t *needs)
{
    struct look l = {
        .in = r->in, .left = r->frame->left, .is_last = r->frame->is_last, .wants = len};
    *needs = 0;
    *view = (struct bytes){NULL, 0};
    if (l.left >= len || l.is_last) { /* no need to put together */
        *needs = l.left < len ? l.left : len;
        *view = look_take(&l);
        return !cursor_is_short(&l.in);
    }
    size_t header_len = r->s->is_mars ? TDS_SMP_LEN + TDS_HEADER_LEN : TDS_HEADER_LEN;
    do {
        size_t raw = r->in.left - l.in.left;
        size_t more = l.left < l.wants ? l.left : l.wants;
        bool goes_on = more < l.wants && !l.is_last;
        *needs = raw + more + (goes_on ? header_len : 0);
        if (*needs > TDS_LOOK_MAX)
            break;
        struct bytes piece = look_take(&l);
        if (cursor_is_short(&l.in) || (goes_on && cursor_left(&l.in) < header_len))
            return false;
        memcpy(room + view->len, piece.len > 0 ? piece.data : room, piece.len);
        view->len += piece.len;
        view->data = room;
    } while (look_on(r, &l));
    return true;
}
