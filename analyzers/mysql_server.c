/*
 * The server's side of MySQL: what came back, and for which request.  Rows are counted as they
 * pass, by their packets' headers.  Whether an EOF stands between the columns and the rows, and how
 * a number of columns is written, is told by the packets themselves, so that a connection whose
 * handshake was missed is read as well.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html and
 * https://mariadb.com/kb/en/result-set-packets/
 */
#include "analyzers/mysql_state.h"
#include "analyzers/prepared.h"

#include <stdio.h>

enum {
    READ_MAX =
        1024, /* bytes of a packet that are read: OK with its changes of state is the longest */
    OK_MIN = 7,
    PREPARED_LEN = 12,          /* bytes of the reply to a prepare, without its flag */
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

/* A packet of the server. */
struct packet {
    uint32_t len;
    uint8_t first; /* byte */
    struct cursor body;
    bool is_next;  /* its number follows that of the one before */
    bool is_start; /* its number is that of a reply's first */
};

static bool is_eof(const struct packet *p)
{
    return p->first == MYSQL_EOF && p->len <= MYSQL_EOF_LEN;
}

/* The request that the reply, which has begun, belongs to.  Where that is gone, because the client
 * asked on after a loss, it is nobody's. */
static struct request *current(struct exchange *x)
{
    const struct request *first = pairing_first(x);
    if (!first || first->mark & MYSQL_BEGUN) {
        struct request *r = pairing_reply(x);
        if (r)
            r->mark |= MYSQL_BEGUN;
        return r;
    }
    struct request *r = pairing_reply_alone(x);
    if (!r)
        return NULL;
    r->tx.is_apart = true;
    r->mark |= MYSQL_BEGUN;
    return r;
}

/* The request that a reply, or one more result, begins for.  A batch can have more results than its
 * text was split into. */
static struct request *begin(struct exchange *x, struct mysql *s)
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
static void end_batch(struct exchange *x, struct mysql *s, struct request *r)
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
static void end_result(struct exchange *x, struct mysql *s, struct request *r, uint16_t status,
                       bool is_ok)
{
    if (r)
        r->tx.outcome = OUTCOME_SUCCESS;
    if (!(status & MYSQL_MORE_RESULTS)) {
        end_batch(x, s, r);
        return;
    }
    s->phase = MYSQL_FIRST;
    s->is_inside = true;
    if (!r || (r->mark & MYSQL_MANY && !is_ok))
        return;
    if (other_of_batch(x, r) || (r->batch > 0 && s->cut_batch == r->batch))
        pairing_finish(r);
}

static void fail(struct exchange *x, struct mysql *s, struct request *r, struct packet *p)
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
    end_batch(x, s, r);
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
    r->tx.affected_rows += rows;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_AFFECTED_ROWS);
}

/* OK, or what ends rows.  Returns its status. */
static uint16_t take_end(struct exchange *x, struct request *r, struct packet *p)
{
    struct mysql *s = x->state;
    struct mysql_end end = mysql_end(p->len, &p->body);
    if (end.status & MYSQL_STATE_CHANGED && !is_eof(p))
        read_changes(x, &p->body);
    else if (r && r->mark & MYSQL_USE)
        x->db_namespace =
            mysql_keep(&s->database, (struct bytes){(const uint8_t *)r->notes, r->notes_len});
    if (r && (mysql_reply_of(r) <= MYSQL_REPLY_RESULT))
        set_affected(r, end.affected);
    return end.status;
}

static void count_rows(struct request *r, uint64_t rows)
{
    if (!r)
        return;
    r->tx.returned_rows += rows;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

/* --- the reply to a prepare */

/* Whether an EOF stands behind definitions. */
static bool has_eofs(const struct mysql *s)
{
    uint32_t server = s->capabilities[SIDE_SERVER];
    return !(s->capabilities[SIDE_CLIENT] & (server ? server : UINT32_MAX) & MYSQL_DEPRECATE_EOF);
}

/* Goes on to the next group of definitions, or to the end. */
static void next_definitions(struct exchange *x, struct mysql *s, struct request *r)
{
    s->definitions = s->more_definitions;
    s->more_definitions = 0;
    s->phase = MYSQL_DEFINITIONS;
    if (s->definitions > 0)
        return;
    if (r)
        r->tx.outcome = OUTCOME_SUCCESS;
    end_batch(x, s, r);
}

/* Behind the last definition of a group. */
static void end_definitions(struct exchange *x, struct mysql *s, struct request *r)
{
    s->phase = MYSQL_DEFINED;
    if (mysql_reply_of(r) != MYSQL_REPLY_PREPARE)
        return;
    bool is_known = s->capabilities[SIDE_CLIENT] != 0;
    if (is_known && !has_eofs(s)) {
        next_definitions(x, s, r);
    } else if (!is_known && s->more_definitions == 0) {
        r->tx.outcome = OUTCOME_SUCCESS;
        r->mark |= MYSQL_MAYBE;
    }
}

static bool is_prepared(const struct packet *p)
{
    struct cursor body = p->body;
    cursor_skip(&body, 9);
    return p->first == MYSQL_OK && (p->len == PREPARED_LEN || p->len == PREPARED_LEN + 1) &&
           cursor_u8(&body) == 0 && !cursor_is_short(&body);
}

static void take_prepared(struct exchange *x, struct mysql *s, struct request *r, struct packet *p)
{
    cursor_skip(&p->body, 1);
    struct bytes id = cursor_take(&p->body, 4);
    uint32_t columns = cursor_le16(&p->body), parameters = cursor_le16(&p->body);
    cursor_skip(&p->body, 1 + 2); /* filler, warnings */
    bool has_definitions = p->len == PREPARED_LEN || cursor_u8(&p->body) == 1;
    uint64_t hash = r && transaction_has(&r->tx, FIELD_DB_QUERY_HASH) ? r->tx.db_query_hash : 0;
    if (r) {
        r->tx.is_apart = true;
        r->mark = (r->mark & ~(unsigned)MYSQL_REPLY_MASK) | MYSQL_REPLY_PREPARE;
    }
    struct prepared_entry *entry =
        hash ? prepared_touch(x->prepared, x->connection, 'S', id) : NULL;
    if (entry)
        entry->statement = hash;
    if (hash == 0)
        prepared_forget(x->prepared, x->connection, 'S', id);
    s->columns = (uint16_t)columns;
    bool has_both = parameters > 0 && columns > 0;
    s->more_definitions = !has_definitions ? 0 : parameters > 0 ? parameters : columns;
    next_definitions(x, s, r);
    s->more_definitions = has_both && has_definitions ? columns : 0;
}

/* --- packets by phase */

static bool take_columns(struct mysql *s, struct request *r, const struct packet *p)
{
    uint32_t columns;
    bool has_definitions;
    if (!mysql_columns(p->body, p->len, &columns, &has_definitions))
        return false;
    s->columns = (uint16_t)columns;
    s->definitions = has_definitions ? columns : 0;
    s->more_definitions = 0;
    s->phase = has_definitions ? MYSQL_DEFINITIONS : MYSQL_DEFINED;
    count_rows(r, 0);
    return true;
}

static bool first_of_result(struct exchange *x, struct mysql *s, struct request *r,
                            struct packet *p)
{
    bool is_short = p->len < OK_MIN && p->len % 2 == 0; /* "0", and a number: no definitions */
    switch (p->first) {
    case MYSQL_OK:
        if (is_short)
            return take_columns(s, r, p);
        end_result(x, s, r, take_end(x, r, p), true);
        return true;
    case MYSQL_EOF:
        end_result(x, s, r, take_end(x, r, p), false);
        return true;
    case MYSQL_LOCAL_INFILE:
        if (r)
            r->mark |= MYSQL_INFILE;
        return true;
    default:
        return take_columns(s, r, p);
    }
}

static void take_login(struct exchange *x, struct mysql *s, struct request *r, struct packet *p)
{
    if (p->first != MYSQL_OK)
        return; /* another method, or one more round of it */
    mysql_changed_user(x, r);
    (void)take_end(x, r, p);
    r->tx.outcome = OUTCOME_SUCCESS;
    end_batch(x, s, r);
    mysql_agree(s);
}

/* An OK between results; a row can hardly look so. */
static bool is_ok_between(const struct request *r, const struct packet *p)
{
    return p->first == MYSQL_OK && p->len == OK_MIN && mysql_reply_of(r) <= MYSQL_REPLY_RESULT &&
           !(r && r->mark & MYSQL_BINARY);
}

/* A packet where something of the reply was lost, and of definitions without a number. */
static void middle(struct exchange *x, struct mysql *s, struct packet *p)
{
    struct request *r = current(x);
    enum mysql_reply reply = mysql_reply_of(r);
    bool has_rows = reply <= MYSQL_REPLY_RESULT || reply == MYSQL_REPLY_ROWS;
    if (p->first == MYSQL_ERROR) {
        fail(x, s, r, p);
    } else if (mysql_is_end(p->len, p->first)) {
        bool could_go_on = is_eof(p) && reply <= MYSQL_REPLY_RESULT;
        uint16_t status = take_end(x, r, p);
        if (r)
            r->tx.outcome = OUTCOME_SUCCESS;
        if (could_go_on && r && !(status & MYSQL_MORE_RESULTS))
            r->mark |= MYSQL_MAYBE;
        else if (!could_go_on && !(status & MYSQL_MORE_RESULTS))
            end_batch(x, s, r);
    } else if (is_ok_between(r, p)) {
        end_result(x, s, r, take_end(x, r, p), true);
    } else if (has_rows && !take_columns(s, r, p) && !mysql_is_definition(p->body)) {
        count_rows(r, 1);
    }
}

/* Of a command that was not seen.  Rows without a number of columns are those of a cursor. */
static bool first_of_unknown(struct exchange *x, struct mysql *s, struct request *r,
                             struct packet *p)
{
    if (is_prepared(p)) {
        take_prepared(x, s, r, p);
        return true;
    }
    if (p->first != MYSQL_OK || p->len < OK_MIN || mysql_is_ok(p->body))
        return first_of_result(x, s, r, p);
    if (r) {
        r->tx.is_apart = true;
        r->mark |= MYSQL_REPLY_ROWS;
    }
    s->phase = MYSQL_ROWS;
    count_rows(r, 1);
    return true;
}

/* A login of which the client's part was not seen: nothing else is answered by a packet of that
 * number. */
static bool is_login(const struct exchange *x, const struct mysql *s, const struct packet *p)
{
    return !pairing_first(x) && !s->is_in && !s->has_asked && !p->is_start && !s->is_inside &&
           (p->first == MYSQL_OK || p->first == MYSQL_EOF || p->first == MYSQL_ERROR);
}

static bool first_packet(struct exchange *x, struct mysql *s, struct packet *p)
{
    if (is_login(x, s, p)) {
        struct request *login = pairing_reply_alone(x);
        if (login) {
            login->mark = MYSQL_REPLY_LOGIN;
            login->tx.action = ACTION_LOGIN;
            login->tx.is_apart = true;
        }
    }
    const struct request *asked = pairing_first(x);
    bool has_numbers = mysql_reply_of(asked) == MYSQL_REPLY_LOGIN ||
                       (asked && asked->mark & MYSQL_INFILE) || s->is_inside;
    if (!p->is_start && !has_numbers && p->first != MYSQL_ERROR) {
        struct request *first = pairing_first(x);
        s->is_in = true;
        s->phase = MYSQL_MIDDLE; /* the beginning of this reply was lost */
        s->batch = first ? first->batch : 0;
        if (first)
            first->mark |= MYSQL_BEGUN;
        middle(x, s, p);
        return true;
    }
    bool is_unasked =
        !asked && p->first == MYSQL_ERROR && !p->is_start && !s->is_inside && !s->is_unsure;
    struct request *r = begin(x, s);
    enum mysql_reply reply = mysql_reply_of(r);
    if (r && is_unasked)
        r->tx.is_apart = true; /* the server ends the connection */
    s->is_unsure = s->is_unsure && s->is_inside;
    s->is_in = s->is_in || reply != MYSQL_REPLY_LOGIN || p->first == MYSQL_OK;
    if (p->first == MYSQL_ERROR) {
        fail(x, s, r, p);
        return true;
    }
    switch (reply) {
    case MYSQL_REPLY_LOGIN:
        take_login(x, s, r, p);
        return true;
    case MYSQL_REPLY_ROWS:
        s->phase = MYSQL_ROWS;
        if (mysql_is_end(p->len, p->first))
            end_result(x, s, r, take_end(x, r, p), false);
        else
            count_rows(r, 1);
        return true;
    case MYSQL_REPLY_FIELDS:
        s->phase = MYSQL_MIDDLE;
        middle(x, s, p);
        return true;
    case MYSQL_REPLY_ONE:
        end_result(x, s, r, p->first == MYSQL_OK ? take_end(x, r, p) : 0, true);
        return true;
    case MYSQL_REPLY_PREPARE:
        if (is_prepared(p))
            take_prepared(x, s, r, p);
        else
            end_batch(x, s, r);
        return true;
    case MYSQL_REPLY_STREAM:
        if (r)
            r->tx.outcome = OUTCOME_SUCCESS;
        end_batch(x, s, r);
        return true;
    case MYSQL_REPLY_ANY:
        return first_of_unknown(x, s, r, p);
    default:
        return first_of_result(x, s, r, p);
    }
}

/* Behind the definitions: EOF or not. */
static void defined(struct exchange *x, struct mysql *s, struct packet *p)
{
    struct request *r = current(x);
    if (p->first == MYSQL_ERROR) {
        fail(x, s, r, p);
    } else if (mysql_reply_of(r) == MYSQL_REPLY_PREPARE) {
        next_definitions(x, s, r);
        if (!is_eof(p) && s->phase == MYSQL_DEFINITIONS && --s->definitions == 0)
            end_definitions(x, s, r);
    } else if (!mysql_is_end(p->len, p->first)) {
        s->phase = MYSQL_ROWS;
        count_rows(r, 1);
    } else {
        bool is_between = is_eof(p);
        uint16_t status = take_end(x, r, p);
        s->phase = MYSQL_ROWS;
        if (!is_between || status & MYSQL_CURSOR_EXISTS)
            end_result(x, s, r, status, false);
    }
}

static void definition(struct exchange *x, struct mysql *s, struct packet *p)
{
    struct request *r = current(x);
    if (p->first == MYSQL_ERROR)
        fail(x, s, r, p);
    else if (--s->definitions == 0)
        end_definitions(x, s, r);
}

static void row_or_end(struct exchange *x, struct mysql *s, struct packet *p)
{
    struct request *r = current(x);
    if (p->first == MYSQL_ERROR)
        fail(x, s, r, p);
    else if (mysql_is_end(p->len, p->first))
        end_result(x, s, r, take_end(x, r, p), false);
    else
        count_rows(r, 1);
}

/* Whether a reply could begin so.  A row can look like an OK: that is one only where a command
 * waits for it. */
static bool looks_first(const struct exchange *x, const struct packet *p)
{
    uint32_t columns;
    bool has_definitions;
    const struct request *last = pairing_last(x);
    bool is_awaited = last && !(last->mark & MYSQL_BEGUN);
    return p->first == MYSQL_ERROR || (p->first == MYSQL_OK && p->len >= OK_MIN && is_awaited) ||
           mysql_columns(p->body, p->len, &columns, &has_definitions);
}

/* What a packet's number tells of the reply before it.  True where the packet was its last. */
static bool end_reply(struct exchange *x, struct mysql *s, struct packet *p)
{
    struct request *r = pairing_first(x);
    if (r && r->mark & MYSQL_MAYBE) {
        r->mark &= ~(unsigned)MYSQL_MAYBE;
        if (!p->is_next) {
            end_batch(x, s, r);
        } else if (mysql_reply_of(r) == MYSQL_REPLY_PREPARE && is_eof(p)) {
            end_batch(x, s, pairing_reply(x));
            return true;
        }
    }
    if (s->phase != MYSQL_FIRST && !p->is_next && p->is_start && looks_first(x, p)) {
        /* the end of the one before was lost */
        r = pairing_first(x);
        end_batch(x, s, r && r->mark & MYSQL_BEGUN ? r : NULL);
    }
    return false;
}

/* False where that is no packet of this protocol. */
static bool take_packet(struct exchange *x, struct mysql *s, struct packet *p)
{
    if (end_reply(x, s, p))
        return true;
    switch ((enum mysql_phase)s->phase) {
    case MYSQL_FIRST:
        return first_packet(x, s, p);
    case MYSQL_DEFINITIONS:
        definition(x, s, p);
        break;
    case MYSQL_DEFINED:
        defined(x, s, p);
        break;
    case MYSQL_ROWS:
        row_or_end(x, s, p);
        break;
    case MYSQL_MIDDLE:
        middle(x, s, p);
        break;
    }
    return true;
}

/*
 * Counts the row that is there, and those that follow it whole; a row is counted by its header and
 * its first byte, what it holds is passed over.  False where no row begins, or it is no usual one.
 */
static bool take_rows(struct exchange *x, struct mysql *s, struct cursor *in, uint64_t *skip)
{
    uint64_t rows = 0;
    *skip = 0;
    while (*skip == 0) {
        struct cursor peek = *in;
        struct mysql_header h = mysql_header(&peek);
        uint8_t first = cursor_u8(&peek);
        if (cursor_is_short(&peek) || h.len == 0 || h.len == MYSQL_PACKET_MAX ||
            first >= MYSQL_EOF || !s->is_numbered ||
            h.number != (uint8_t)(s->number[SIDE_SERVER] + 1))
            break;
        uint32_t over = h.len - 1;
        *skip = over > peek.left ? over - peek.left : 0;
        cursor_skip(&peek, over - (uint32_t)*skip);
        s->number[SIDE_SERVER] = h.number;
        *in = peek;
        rows++;
    }
    if (rows > 0)
        count_rows(current(x), rows);
    return rows > 0;
}

/* The first packet of a connection: a greeting, or the refusal to talk. */
static bool is_greeting(const struct exchange *x, const struct mysql_header *h)
{
    return x->position[SIDE_SERVER] == 0 && h->number == 0 && !x->is_unpacked;
}

static void take_greeting(struct exchange *x, struct mysql *s, struct packet *p)
{
    mysql_greeting(x, p->body);
    if (p->first != MYSQL_ERROR)
        return;
    struct request *r = pairing_reply_alone(x);
    if (!r)
        return;
    mysql_own(r);
    r->tx.is_apart = true;
    r->tx.action = ACTION_LOGIN;
    fail(x, s, r, p);
}

/* A server goes over to encryption where the client's wish was not seen. */
static bool is_tls(const struct exchange *x, const struct mysql *s, struct cursor in)
{
    uint8_t type = cursor_u8(&in), major = cursor_u8(&in), minor = cursor_u8(&in);
    return x->position[SIDE_SERVER] > 0 && s->capabilities[SIDE_SERVER] != 0 && !s->has_asked &&
           type == MYSQL_TLS_HANDSHAKE && major == 3 && minor <= 4;
}

/* The rest of a packet that is longer than a packet can be. */
static struct step goes_on(struct exchange *x, struct mysql *s, uint32_t len)
{
    s->is_continued[SIDE_SERVER] = len == MYSQL_PACKET_MAX;
    if (pairing_first(x))
        (void)current(x);
    return step_taken(len);
}

static struct step parse_packet(struct exchange *x, struct mysql *s, struct cursor *in)
{
    uint64_t skip;
    if (s->phase == MYSQL_ROWS && !s->is_continued[SIDE_SERVER] && take_rows(x, s, in, &skip))
        return step_taken(skip);
    struct cursor peek = *in;
    struct mysql_header h = mysql_header(&peek);
    if (cursor_is_short(&peek))
        return step_needs(MYSQL_HEADER_LEN);
    if (is_tls(x, s, *in)) {
        x->is_encrypted = true;
        return step_hand_over();
    }
    uint32_t wants = h.len < READ_MAX ? h.len : READ_MAX;
    if (s->is_continued[SIDE_SERVER])
        wants = 0;
    struct packet p = {.len = h.len, .body = cursor_inner(&peek, wants)};
    if (cursor_is_short(&peek))
        return step_needs(MYSQL_HEADER_LEN + wants);
    p.is_next = s->is_numbered && h.number == (uint8_t)(s->number[SIDE_SERVER] + 1);
    /* those of the compressed protocol go on where the packets around them are */
    p.is_start = h.number == 1 || h.number == (uint8_t)(s->number[SIDE_CLIENT] + 1) ||
                 (x->is_unpacked && !s->is_unsure);
    p.first = wants > 0 ? *p.body.at : 0;
    bool is_stream = s->phase == MYSQL_FIRST && p.first != MYSQL_ERROR &&
                     mysql_reply_of(pairing_first(x)) == MYSQL_REPLY_STREAM;
    s->number[SIDE_SERVER] = h.number;
    s->is_numbered = true;
    if (wants == 0) {
        *in = peek;
        return goes_on(x, s, h.len);
    }
    if (is_greeting(x, &h))
        take_greeting(x, s, &p);
    else if (!take_packet(x, s, &p))
        return step_bad();
    *in = peek;
    s->is_continued[SIDE_SERVER] = h.len == MYSQL_PACKET_MAX;
    return is_stream ? step_hand_over() : step_taken(h.len - wants);
}

struct step mysql_server_parse(struct exchange *x, struct cursor *in)
{
    struct mysql *s = x->state;
    struct step step = parse_packet(x, s, in);
    /* as much of a reply as is there, in one step */
    while (step.verdict == VERDICT_TAKEN && step.amount == 0 && s->phase != MYSQL_FIRST &&
           cursor_left(in) > 0) {
        struct step next = parse_packet(x, s, in);
        if (next.verdict != VERDICT_TAKEN)
            break;
        step = next;
    }
    return step;
}

void mysql_lose_reply(struct exchange *x)
{
    struct mysql *s = x->state;
    struct request *r = pairing_first(x);
    s->is_unsure = true;
    s->is_numbered = false;
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
    s->phase = MYSQL_MIDDLE;
    if (reply == MYSQL_REPLY_PREPARE)
        r->mark |= MYSQL_MAYBE;
}
