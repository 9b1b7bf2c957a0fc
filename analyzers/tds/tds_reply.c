/*
 * What a reply comes to: the request that it belongs to, its rows, its end.  Rows are counted as
 * they pass; what the server says of their number counts where a part of them was not seen.
 *
 * [MS-TDS] sections 2.2.7.6 to 2.2.7.8 (DONE, DONEINPROC, DONEPROC)
 */
#include "analyzers/tds/tds_reply.h"
#include "analyzers/subject.h"

enum {
    DONE_MORE = 0x0001,
    DONE_ERROR = 0x0002,
    DONE_COUNT = 0x0010,
    DONE_ATTENTION = 0x0020,
    DONE_IN_BATCH = 0x0080, /* another call of the message follows */
    DONE_FATAL = 0x0100,
    DONE_KNOWN = 0x01f7,
    DONE_LEN = 13,
    DONE_OLD_LEN = 9,
    STATUS_LEN = 5,
    TAIL_MAX = 2 * DONE_LEN + STATUS_LEN,
    COMMAND_SELECT = 0xc1,
    COMMAND_BULK = 0xf0,
};

/* Of a request that was not seen: it is none of the server's own count. */
void tds_reply_apart(struct request *q)
{
    if (q && tds_kind_of(q) == TDS_KIND_UNKNOWN)
        q->tx.is_apart = true;
}

/* Likewise, and it was a login. */
void tds_reply_login(struct request *q)
{
    if (!q || tds_kind_of(q) != TDS_KIND_UNKNOWN)
        return;
    q->mark = (q->mark & ~(unsigned)TDS_KIND_MASK) | TDS_KIND_LOGIN;
    q->tx.action = ACTION_LOGIN;
    q->tx.is_apart = true;
}

void tds_reply_rows(struct request *q, uint64_t rows)
{
    if (!q)
        return;
    q->tx.returned_rows += rows;
    transaction_mark(&q->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

/* Rows that were not counted one by one. */
static void count_rows_told(struct request *q, uint64_t rows)
{
    tds_reply_rows(q, rows);
    if (!q || rows == 0)
        return;
    q->tx.estimated = true;
    transaction_mark(&q->tx, FIELD_CAPTURE_ESTIMATED);
}

static void count_affected(struct request *q, uint64_t rows)
{
    if (!q)
        return;
    q->tx.affected_rows += rows;
    transaction_mark(&q->tx, FIELD_DB_RESPONSE_AFFECTED_ROWS);
}

void tds_reply_partial(struct request *q)
{
    if (!q)
        return;
    q->tx.partial = true;
    transaction_mark(&q->tx, FIELD_CAPTURE_PARTIAL);
}

uint64_t tds_reply_hash(const struct request *q)
{
    return q && transaction_has(&q->tx, FIELD_DB_QUERY_HASH) ? q->tx.db_query_hash : 0;
}

/* Statements that change rows, by the number of their command. */
static bool is_change(uint16_t command)
{
    switch (command) {
    case 0xc2: /* SELECT INTO, INSERT, DELETE, UPDATE, INSERT BULK, MERGE */
    case 0xc3:
    case 0xc4:
    case 0xc5:
    case 0xf0:
    case 0x117:
        return true;
    default:
        return false;
    }
}

/*
 * The server's own count of a result.  Of one that was seen from end to end, rows were counted as
 * they passed.  Of one of which a part was not, it is the truth, unless it is less than what was
 * seen: then it is of another result, the beginning of which was not seen.
 */
static void count_told(struct tds_reading *r, uint16_t command, uint64_t count)
{
    struct tds_session *session = r->session;
    bool is_result = session->in_result || (session->unseen > 0 && command == COMMAND_SELECT);
    if (command != COMMAND_SELECT && (!session->in_result || is_change(command)))
        count_affected(r->request, count);
    if (!is_result || (session->in_result && is_change(command)))
        return;
    if (session->unseen > 0)
        count_rows_told(r->request, count >= session->rows ? count - session->rows : count);
    else if (count != session->rows)
        r->x->pairing.owner->disagreed++;
}

struct done {
    uint8_t token;
    uint16_t status, command;
    uint64_t count;
};

static struct done read_done(struct cursor *in, bool has_long_count)
{
    struct done d = {.token = cursor_u8(in)};
    d.status = cursor_le16(in);
    d.command = cursor_le16(in);
    d.count = cursor_le32(in);
    if (has_long_count)
        d.count |= (uint64_t)cursor_le32(in) << 32;
    return d;
}

static void take_done(struct tds_reading *r, const struct done *d)
{
    struct tds_session *session = r->session;
    session->has_done = true;
    if (d->status & DONE_COUNT)
        count_told(r, d->command, d->count);
    session->in_result = session->is_uncountable = false;
    session->rows = 0;
    if (!r->request)
        return;
    subject_end_record(r->x, r->request);
    if (d->status & (DONE_ERROR | DONE_FATAL))
        r->request->mark |= TDS_FAILED;
    if (d->status & DONE_ATTENTION)
        session->was_cancelled = true;
    if (d->status & DONE_ATTENTION || d->command == COMMAND_BULK)
        tds_reply_apart(r->request);
}

static void finish(struct request *q)
{
    bool is_seen = q->mark & TDS_FAILED || q->tx.outcome == OUTCOME_UNKNOWN;
    if (is_seen)
        q->tx.outcome = q->mark & TDS_FAILED ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
    pairing_finish(q);
}

/* Another open call of the same message. */
static struct request *other_of_batch(const struct tds_reading *r)
{
    const struct request *q = r->request;
    for (size_t n = 0; q && q->batch > 0; n++) {
        struct request *other = pairing_at(r->x, n);
        if (!other)
            break;
        bool is_open = !other->is_finished && !other->is_dropped;
        if (other != q && other->batch == q->batch && is_open)
            return other;
    }
    return NULL;
}

/* DONE, DONEPROC, DONEINPROC. */
enum tds_pass tds_done_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    *needs = tds_is_long(r) ? DONE_LEN : DONE_OLD_LEN;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    struct done d = read_done(in, tds_is_long(r));
    take_done(r, &d);
    bool is_call = tds_kind_of(r->request) == TDS_KIND_CALL && other_of_batch(r);
    if (d.token != TOKEN_DONE_PROC || !(d.status & DONE_MORE) || !r->request ||
        !(is_call || d.status & DONE_IN_BATCH))
        return TDS_PASSED;
    finish(r->request);
    r->session->unseen = 0;
    r->session->returned = 0;
    return TDS_STOPS;
}

/* The end of a reply, of which something was lost: what the server says of the number of rows. */
static enum tds_pass tail(struct tds_reading *r, size_t *needs)
{
    uint8_t room[TAIL_MAX];
    struct bytes end;
    size_t len = tds_is_long(r) ? DONE_LEN : DONE_OLD_LEN;
    if (!tds_look(r, sizeof(room), room, &end, needs))
        return TDS_LOOKS;
    r->walk->at = TDS_AT_REST;
    struct cursor in = cursor_over(bytes_from(end, end.len < len ? end.len : end.len - len));
    struct done last = read_done(&in, tds_is_long(r));
    if (cursor_is_short(&in) || last.token < TOKEN_DONE || last.status & ~DONE_KNOWN ||
        last.status & DONE_MORE)
        return TDS_PASSED;
    bool is_call = last.token == TOKEN_DONE_PROC && end.len >= 2 * len + STATUS_LEN;
    in = cursor_over(bytes_from(end, is_call ? end.len - 2 * len - STATUS_LEN : end.len));
    struct done before = read_done(&in, tds_is_long(r));
    if (is_call && before.token == TOKEN_DONE_IN_PROC && cursor_u8(&in) == TOKEN_STATUS &&
        !(before.status & ~DONE_KNOWN))
        take_done(r, &before);
    take_done(r, &last);
    return TDS_PASSED;
}

/* Until the end of a reply, of which something was lost. */
enum tds_pass tds_lost_pass(struct tds_reading *r, size_t *needs)
{
    uint32_t left = r->frame->left;
    if (r->frame->is_last && left <= TAIL_MAX)
        return tail(r, needs);
    r->walk->skip = r->frame->is_last ? left - TAIL_MAX : left;
    return TDS_PASSED;
}

void tds_server_begin(struct tds_reading *r)
{
    struct tds_session *session = r->session;
    *r->walk = (struct tds_walk){.at = TDS_AT_FIRST};
    session->is_replying = session->has_done = session->was_cancelled = false;
    session->in_result = session->is_uncountable = false;
    session->rows = session->unseen = 0;
    session->returned = 0;
}

/* The request that a reply, which has begun, belongs to, or goes on for, may be gone: the client
 * asked on after a loss.  It is nobody's then. */
void tds_server_receive(struct tds_reading *r)
{
    struct tds_session *session = r->session;
    const struct request *first = tds_first(r);
    bool is_mine =
        first && (first->mark & TDS_BEGUN || (first->batch > 0 && first->batch == session->batch));
    uint64_t id = r->s->is_mars ? session->id + UINT64_C(1) : 0;
    struct request *q = session->is_replying && !is_mine ? pairing_reply_alone(r->x)
                        : id > 0                         ? pairing_reply_to(r->x, id)
                                                         : pairing_reply(r->x);
    r->request = q;
    if (!q)
        return;
    if (session->is_replying && !is_mine) {
        q->id = id;
        q->tx.is_apart = session->batch > 0;
    }
    session->is_replying = true;
    session->batch = q->batch;
    q->mark |= TDS_BEGUN;
}

/* An attention is answered with the reply to what it ends, or behind it. */
static void end_cancelled(struct tds_reading *r, struct request *q)
{
    if (tds_kind_of(q) != TDS_KIND_ATTENTION) {
        pairing_finish(q);
        q = tds_first(r);
    }
    if (!q || tds_kind_of(q) != TDS_KIND_ATTENTION)
        return;
    q->tx.reply_seen = true;
    finish(q);
}

static void end_reply(struct tds_reading *r, struct request *q, bool was_lost)
{
    const struct tds_session *session = r->session;
    enum tds_kind kind = tds_kind_of(q);
    bool is_seen = session->has_done || (kind == TDS_KIND_BATCH && session->unseen == 0);
    if (session->was_cancelled) {
        end_cancelled(r, q);
        return;
    }
    if (!was_lost && kind == TDS_KIND_LOGIN && !session->has_done && !(q->mark & TDS_FAILED))
        return; /* more of the proof is asked for */
    if (!was_lost && kind == TDS_KIND_PRELOGIN && r->s->encryption >= TDS_ENCRYPTION_LOGIN)
        return; /* a handshake of TLS follows */
    if ((is_seen && !was_lost) || q->mark & TDS_FAILED || kind == TDS_KIND_PRELOGIN)
        finish(q);
    else
        pairing_finish(q);
    for (struct request *other = other_of_batch(r); other; other = other_of_batch(r))
        pairing_finish(other); /* calls that the server did not come to */
}

void tds_server_end(struct tds_reading *r, bool was_lost)
{
    struct tds_session *session = r->session;
    if (r->request)
        end_reply(r, r->request, was_lost);
    session->is_replying = session->in_result = false;
    if (r->s->is_mars)
        tds_columns_forget(&r->s->columns, tds_session_place(r->s, session), SIDE_SERVER);
}
