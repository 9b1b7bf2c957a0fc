/*
 * Replies and whose they are: a command is answered by one reply, that of a query by a result for
 * each of its statements.  Where a part was lost, what surely belongs to a request goes to it; the
 * rest is told as nobody's.
 */
#include "analyzers/mysql/mysql_reply.h"

#include <stdio.h>

enum {
    ERROR_OF_PROGRESS = 0xffff, /* MariaDB tells with it how far it is: no error */
    CHANGED_SCHEMA = 1,
};

enum mysql_reply mysql_reply_of(const struct request *r)
{
    return r ? (enum mysql_reply)(r->mark & MYSQL_REPLY_MASK) : MYSQL_REPLY_ANY;
}

void mysql_own(struct request *r)
{
    r->tx.request_seen = true;
    r->tx.partial = false;
    transaction_unmark(&r->tx, FIELD_CAPTURE_PARTIAL);
}

/* The request that the reply, which has begun, belongs to.  Where that is gone, because the client
 * asked on after a loss, it is nobody's. */
struct request *mysql_current(struct exchange *x)
{
    const struct request *first = pairing_first(x);
    if (!first || first->mark & MYSQL_BEGUN) {
        struct request *r = pairing_reply(x);
        if (r && !(r->mark & MYSQL_BEGUN))
            r->tx.is_apart = true; /* until rows tell that it is a statement's */
        if (r)
            r->mark |= MYSQL_BEGUN;
        return r;
    }
    struct request *r = pairing_reply_alone(x);
    if (!r)
        return NULL;
    r->tx.is_apart = true;
    r->mark |= MYSQL_BEGUN | MYSQL_REPLY_ROWS;
    return r;
}

/* The request that a reply, or one more result, begins for.  A batch can have more results than its
 * text was split into. */
struct request *mysql_begin(struct exchange *x, struct mysql *s)
{
    const struct request *first = pairing_first(x);
    bool is_more = s->is_inside && (!first || first->batch != s->batch);
    struct request *r = is_more ? pairing_reply_alone(x) : pairing_reply(x);
    if (!r)
        return NULL;
    if (is_more && s->batch > 0) {
        r->batch = s->batch;
        r->mark = MYSQL_REPLY_RESULT;
        mysql_own(r);
    }
    r->mark |= MYSQL_BEGUN;
    s->batch = r->batch;
    return r;
}

/* Another statement of the same command; NULL: there is none. */
static struct request *other_of_batch(const struct exchange *x, const struct request *r)
{
    for (size_t n = 0; r->batch > 0; n++) {
        struct request *other = pairing_at(x, n);
        if (!other || other->batch > r->batch)
            break;
        if (other != r && other->batch == r->batch && !other->is_finished && !other->is_dropped)
            return other;
    }
    return NULL;
}

/* The reply is over; what is left of its batch was not executed, unless results were lost and all
 * went well. */
void mysql_end_batch(struct exchange *x, struct mysql *s, struct request *r)
{
    bool is_lost = s->is_unsure && r && r->tx.outcome == OUTCOME_SUCCESS;
    s->phase = MYSQL_FIRST;
    s->is_inside = s->is_unsure = false;
    if (!r)
        return;
    pairing_finish(r);
    for (struct request *other = other_of_batch(x, r); other; other = other_of_batch(x, r))
        (is_lost ? pairing_finish : pairing_drop)(other);
}

/* One result is over.  Those of a procedure are over with its OK. */
void mysql_end_result(struct exchange *x, struct mysql *s, struct request *r, uint16_t status,
                      bool is_ok)
{
    if (r)
        r->tx.outcome = OUTCOME_SUCCESS;
    if (!(status & MYSQL_MORE_RESULTS)) {
        mysql_end_batch(x, s, r);
        return;
    }
    s->phase = MYSQL_FIRST;
    s->is_inside = true;
    if (!r || (r->mark & MYSQL_MANY && !is_ok))
        return;
    if (other_of_batch(x, r) || (r->batch > 0 && s->cut_batch == r->batch))
        pairing_finish(r);
}

void mysql_fail(struct exchange *x, struct mysql *s, struct request *r, struct mysql_packet *p)
{
    char text[8];
    cursor_skip(&p->body, 1);
    uint16_t code = cursor_le16(&p->body);
    if (code == ERROR_OF_PROGRESS)
        return;
    if (r) {
        int len = snprintf(text, sizeof(text), "%u", (unsigned)code);
        r->tx.db_status_code =
            pairing_note(x, r, (struct bytes){(const uint8_t *)text, (size_t)len});
        transaction_mark(&r->tx, FIELD_DB_RESPONSE_STATUS_CODE);
        r->tx.outcome = OUTCOME_FAILURE;
    }
    mysql_end_batch(x, s, r);
}

/* What an OK tells of the connection's state: the database. */
static void read_changes(struct exchange *x, struct cursor *in)
{
    struct mysql *s = x->state;
    (void)mysql_text(in); /* words for a person */
    uint64_t len = mysql_number(in);
    struct cursor changes = cursor_inner(in, len < cursor_left(in) ? (size_t)len : cursor_left(in));
    while (cursor_left(&changes) > 0) {
        uint8_t type = cursor_u8(&changes);
        struct bytes data = mysql_text(&changes);
        struct cursor inner = cursor_over(data);
        struct bytes name = mysql_text(&inner);
        if (type == CHANGED_SCHEMA && !cursor_is_short(&changes) && !cursor_is_short(&inner))
            x->db_namespace = mysql_keep(&s->database, name);
    }
}

static void set_affected(struct request *r, uint64_t rows)
{
    bool is_change = r->tx.action == ACTION_WRITE || r->tx.action == ACTION_DEFINE;
    if (rows == 0 && !is_change)
        return;
    if (mysql_reply_of(r) == MYSQL_REPLY_ANY)
        r->tx.is_apart = false; /* a statement after all */
    r->tx.affected_rows += rows;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_AFFECTED_ROWS);
}

/* Transactions begin and end by statements: so the command was one. */
static void note_status(struct mysql *s, struct request *r, uint16_t status)
{
    unsigned changed = s->has_status ? s->status ^ status : 0;
    if (r && mysql_reply_of(r) == MYSQL_REPLY_ANY &&
        changed & (MYSQL_IN_TRANSACTION | MYSQL_AUTOCOMMIT))
        r->tx.is_apart = false;
    s->status = status;
    s->has_status = true;
}

/* OK, or what ends rows.  Returns its status. */
uint16_t mysql_take_end(struct exchange *x, struct request *r, struct mysql_packet *p)
{
    struct mysql *s = x->state;
    struct mysql_end end = mysql_end(p->len, &p->body);
    if (end.status & MYSQL_STATE_CHANGED && !mysql_is_eof(p))
        read_changes(x, &p->body);
    else if (r && r->mark & MYSQL_USE)
        x->db_namespace =
            mysql_keep(&s->database, (struct bytes){(const uint8_t *)r->notes, r->notes_len});
    if (r && (mysql_reply_of(r) <= MYSQL_REPLY_RESULT))
        set_affected(r, end.affected);
    note_status(s, r, end.status);
    return end.status;
}

void mysql_count_rows(struct request *r, uint64_t rows)
{
    if (!r)
        return;
    r->tx.returned_rows += rows;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

void mysql_pass_reply(struct exchange *x)
{
    const struct mysql *s = x->state;
    struct request *r = pairing_first(x);
    if (!r || !s->is_unsure || !(r->mark & MYSQL_BEGUN) || x->pairing.is_pipelined)
        return;
    for (struct request *other = other_of_batch(x, r); other; other = other_of_batch(x, r))
        pairing_drop(other);
}

void mysql_lose_reply(struct exchange *x)
{
    struct mysql *s = x->state;
    struct request *r = pairing_first(x);
    s->is_unsure = true;
    s->is_numbered = s->has_status = false;
    mysql_rows_lose(x, s->phase == MYSQL_ROWS);
    if (r && s->is_inside && r->batch == s->batch)
        r->mark |= MYSQL_BEGUN; /* its result is what is missing */
    if (!r || !(r->mark & MYSQL_BEGUN)) {
        s->phase = MYSQL_FIRST;
        s->is_inside = false;
        return;
    }
    enum mysql_reply reply = mysql_reply_of(r);
    if (reply == MYSQL_REPLY_LOGIN)
        return;
    /* in the rows of one statement, what follows can only be more of them and their end */
    bool is_only = reply != MYSQL_REPLY_ANY && !(r->mark & MYSQL_MANY) && !other_of_batch(x, r) &&
                   s->cut_batch != r->batch && !s->is_inside;
    if (s->phase == MYSQL_ROWS && is_only)
        return;
    mysql_rows_lose(x, false);
    s->phase = MYSQL_MIDDLE;
    if (reply == MYSQL_REPLY_PREPARE)
        r->mark |= MYSQL_MAYBE;
}
