/*
 * The server's side of MySQL: what came back, and for which request.  Rows are counted as they
 * pass, by their packets' headers.  Whether an EOF stands between the columns and the rows, and how
 * a number of columns is written, is told by the packets themselves, so that a connection whose
 * handshake was missed is read as well.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html and
 * https://mariadb.com/kb/en/result-set-packets/
 */
#include "analyzers/mysql/mysql_reply.h"

enum {
    READ_MAX =
        1024, /* bytes of a packet that are read: an OK with changes of state is the longest */
    OK_MIN = 7,
};

/* A row that begins so: one of an unknown command is told by it. */
static void tell_binary(struct request *r, uint8_t first)
{
    if (r && first == 0 && mysql_reply_of(r) == MYSQL_REPLY_ANY)
        r->mark |= MYSQL_BINARY;
}

/* The packet that is parsed is a row. */
static void take_row(struct exchange *x, struct request *r)
{
    mysql_count_rows(r, 1);
    mysql_look(x, r, MYSQL_PASSING_ROW);
}

static bool take_columns(struct mysql *s, struct request *r, const struct mysql_packet *p)
{
    uint32_t columns;
    bool has_definitions;
    if (!mysql_columns(p->body, p->len, &columns, &has_definitions))
        return false;
    s->columns = (uint16_t)columns;
    mysql_define(s, 0, 0);
    s->definitions = has_definitions ? columns : 0;
    s->more_definitions = 0;
    s->phase = has_definitions ? MYSQL_DEFINITIONS : MYSQL_DEFINED;
    mysql_count_rows(r, 0);
    return true;
}

static bool first_of_result(struct exchange *x, struct mysql *s, struct request *r,
                            struct mysql_packet *p)
{
    bool is_short = p->len < OK_MIN && p->len % 2 == 0; /* "0", and a number: no definitions */
    switch (p->first) {
    case MYSQL_OK:
        if (is_short)
            return take_columns(s, r, p);
        mysql_end_result(x, s, r, mysql_take_end(x, r, p), true);
        return true;
    case MYSQL_EOF:
        mysql_end_result(x, s, r, mysql_take_end(x, r, p), false);
        return true;
    case MYSQL_LOCAL_INFILE:
        if (r)
            r->mark |= MYSQL_INFILE;
        return true;
    default:
        return take_columns(s, r, p);
    }
}

static void take_login(struct exchange *x, struct mysql *s, struct request *r,
                       struct mysql_packet *p)
{
    if (p->first != MYSQL_OK)
        return; /* another method, or one more round of it */
    mysql_changed_user(x, r);
    (void)mysql_take_end(x, r, p);
    r->tx.outcome = OUTCOME_SUCCESS;
    mysql_end_batch(x, s, r);
    mysql_agree(s);
}

/* A number of columns among rows; "1 x" is a row, too. */
static bool looks_like_columns(const struct mysql_packet *p)
{
    struct cursor body = p->body;
    uint32_t columns;
    bool has_definitions;
    cursor_skip(&body, 1);
    bool is_row = p->len == 2 && p->first == 1 && cursor_u8(&body) >= ' ';
    return !is_row && mysql_columns(p->body, p->len, &columns, &has_definitions);
}

/* An OK between results; a row can hardly look so. */
static bool is_ok_between(const struct request *r, const struct mysql_packet *p)
{
    return p->first == MYSQL_OK && p->len >= OK_MIN && mysql_reply_of(r) <= MYSQL_REPLY_RESULT &&
           !(r && r->mark & MYSQL_BINARY) && mysql_is_ok(p->body);
}

/* A packet where something of the reply was lost, and of definitions without a number. */
static void middle(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    struct request *r = mysql_current(x);
    enum mysql_reply reply = mysql_reply_of(r);
    bool has_rows = reply <= MYSQL_REPLY_RESULT || reply == MYSQL_REPLY_ROWS;
    if (p->first == MYSQL_ERROR) {
        mysql_fail(x, s, r, p);
    } else if (mysql_is_end(p->len, p->first)) {
        bool could_go_on = mysql_is_eof(p) && reply <= MYSQL_REPLY_RESULT;
        uint16_t status = mysql_take_end(x, r, p);
        if (r)
            r->tx.outcome = OUTCOME_SUCCESS;
        if (could_go_on && r && !(status & MYSQL_MORE_RESULTS))
            r->mark |= MYSQL_MAYBE;
        else if (!could_go_on && !(status & MYSQL_MORE_RESULTS))
            mysql_end_batch(x, s, r);
    } else if (is_ok_between(r, p)) {
        mysql_end_result(x, s, r, mysql_take_end(x, r, p), true);
    } else if (has_rows && !(looks_like_columns(p) && take_columns(s, r, p)) &&
               !mysql_is_definition(p->body, p->len)) {
        take_row(x, r);
        if (r && reply == MYSQL_REPLY_ANY && r->tx.partial)
            r->tx.is_apart = false;
    }
}

static void row_or_end(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    struct request *r = mysql_current(x);
    if (p->first == MYSQL_ERROR)
        mysql_fail(x, s, r, p);
    else if (mysql_is_end(p->len, p->first))
        mysql_end_result(x, s, r, mysql_take_end(x, r, p), false);
    else
        take_row(x, r);
}

/* From here on nothing is decoded. */
static void take_stream(struct exchange *x, struct mysql *s, struct request *r)
{
    if (r)
        r->tx.outcome = OUTCOME_SUCCESS;
    s->is_stream = true;
    mysql_end_batch(x, s, r);
}

/* Whether a reply can begin so, where nothing is known of what was asked. */
static bool is_known_first(const struct mysql_packet *p)
{
    uint32_t columns;
    bool has_definitions;
    return p->first == MYSQL_OK || p->first >= MYSQL_LOCAL_INFILE ||
           mysql_columns(p->body, p->len, &columns, &has_definitions) ||
           mysql_is_definition(p->body, p->len) || bytes_start(cursor_rest(&p->body), "Uptime: ");
}

/* Of a command that was not seen.  Only rows and changes are surely a statement's; rows without a
 * number of columns are those of a cursor. */
static bool first_of_unknown(struct exchange *x, struct mysql *s, struct request *r,
                             struct mysql_packet *p)
{
    uint32_t columns;
    bool has_definitions;
    if (mysql_is_prepared(p)) {
        mysql_take_prepared(x, s, r, p);
        return true;
    }
    bool is_definition = mysql_is_definition(p->body, p->len);
    bool is_statement = p->first == MYSQL_LOCAL_INFILE ||
                        mysql_columns(p->body, p->len, &columns, &has_definitions);
    bool is_old = s->capabilities[SIDE_CLIENT] > 0 &&
                  !(s->capabilities[SIDE_CLIENT] & MYSQL_PROTOCOL_41); /* OK without warnings */
    bool is_row = p->first == MYSQL_OK && !is_statement && !is_old && !mysql_is_ok(p->body);
    bool is_switch = p->first == MYSQL_EOF && !mysql_is_eof(p) && !mysql_is_ok(p->body);
    if (!r)
        return !is_row && !is_definition && !is_switch && first_of_result(x, s, r, p);
    r->tx.is_apart = r->tx.is_apart || !is_statement;
    if (is_switch) {
        r->mark |= MYSQL_REPLY_LOGIN;
        r->tx.action = ACTION_LOGIN;
    } else if (is_definition) {
        r->mark |= MYSQL_REPLY_FIELDS;
        s->phase = MYSQL_MIDDLE;
    } else if (is_row) {
        r->mark |= MYSQL_REPLY_ROWS;
        s->phase = MYSQL_ROWS;
        take_row(x, r);
    } else if (p->first != MYSQL_OK && p->first < MYSQL_LOCAL_INFILE && !is_statement) {
        mysql_end_result(x, s, r, 0, true); /* COM_STATISTICS */
    } else {
        return first_of_result(x, s, r, p);
    }
    return true;
}

/* A login of which the client's part was not seen: nothing else is answered by a packet of that
 * number. */
static bool is_login(const struct exchange *x, const struct mysql *s, const struct mysql_packet *p)
{
    return !pairing_first(x) && !s->is_in && !s->has_asked && !p->is_start && !s->is_inside &&
           (p->first == MYSQL_OK || p->first == MYSQL_EOF || p->first == MYSQL_ERROR);
}

static void open_login(struct exchange *x)
{
    struct request *r = pairing_reply_alone(x);
    if (!r)
        return;
    r->mark = MYSQL_REPLY_LOGIN;
    r->tx.action = ACTION_LOGIN;
    r->tx.is_apart = true;
}

/* The beginning of this reply was lost. */
static void begin_in_middle(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    struct request *first = pairing_first(x);
    s->is_in = true;
    s->phase = MYSQL_MIDDLE;
    s->batch = first ? first->batch : 0;
    if (first)
        first->mark |= MYSQL_BEGUN;
    middle(x, s, p);
}

/* The first packet of a reply to a command of that kind. */
static bool first_of(struct exchange *x, struct mysql *s, struct request *r, struct mysql_packet *p)
{
    switch (mysql_reply_of(r)) {
    case MYSQL_REPLY_LOGIN:
        take_login(x, s, r, p);
        return true;
    case MYSQL_REPLY_ROWS:
        s->phase = MYSQL_ROWS;
        row_or_end(x, s, p);
        return true;
    case MYSQL_REPLY_FIELDS:
        s->phase = MYSQL_MIDDLE;
        middle(x, s, p);
        return true;
    case MYSQL_REPLY_ONE:
        mysql_end_result(x, s, r, p->first == MYSQL_OK ? mysql_take_end(x, r, p) : 0, true);
        return true;
    case MYSQL_REPLY_PREPARE:
        if (mysql_is_prepared(p))
            mysql_take_prepared(x, s, r, p);
        else
            mysql_end_batch(x, s, r);
        return true;
    case MYSQL_REPLY_STREAM:
        take_stream(x, s, r);
        return true;
    case MYSQL_REPLY_ANY:
        return first_of_unknown(x, s, r, p);
    default:
        return first_of_result(x, s, r, p);
    }
}

static bool first_packet(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    if (is_login(x, s, p))
        open_login(x);
    const struct request *asked = pairing_first(x);
    bool has_numbers = mysql_reply_of(asked) == MYSQL_REPLY_LOGIN ||
                       (asked && asked->mark & MYSQL_INFILE) || s->is_inside;
    if (!p->is_start && !has_numbers && p->first != MYSQL_ERROR) {
        begin_in_middle(x, s, p);
        return true;
    }
    if (!asked && !is_known_first(p))
        return false;
    struct request *r = mysql_begin(x, s);
    enum mysql_reply reply = mysql_reply_of(r);
    if (r && reply == MYSQL_REPLY_ANY && p->first == MYSQL_ERROR && !s->is_inside)
        r->tx.is_apart = true; /* of whatever; or the server ends the connection */
    s->is_unsure = s->is_unsure && s->is_inside;
    s->is_in = s->is_in || reply != MYSQL_REPLY_LOGIN || p->first == MYSQL_OK;
    if (p->first != MYSQL_ERROR)
        return first_of(x, s, r, p);
    mysql_fail(x, s, r, p);
    return true;
}

/* Behind the definitions: EOF or not. */
static void defined(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    struct request *r = mysql_current(x);
    if (p->first == MYSQL_ERROR) {
        mysql_fail(x, s, r, p);
    } else if (mysql_reply_of(r) == MYSQL_REPLY_PREPARE) {
        mysql_next_definitions(x, s, r);
        if (!mysql_is_eof(p) && s->phase == MYSQL_DEFINITIONS)
            mysql_definition(x, s, p);
    } else if (!mysql_is_end(p->len, p->first)) {
        s->phase = MYSQL_ROWS;
        tell_binary(r, p->first);
        take_row(x, r);
    } else {
        bool is_between = mysql_is_eof(p);
        uint16_t status = mysql_take_end(x, r, p);
        s->phase = MYSQL_ROWS;
        if (!is_between || status & MYSQL_CURSOR_EXISTS)
            mysql_end_result(x, s, r, status, false);
    }
}

/* Whether a reply could begin so.  A row can look like an OK: that is one only where a command
 * waits for it. */
static bool looks_first(const struct exchange *x, const struct mysql_packet *p)
{
    const struct request *last = pairing_last(x);
    bool is_awaited = last && !(last->mark & MYSQL_BEGUN);
    return p->first == MYSQL_ERROR || (p->first == MYSQL_OK && p->len >= OK_MIN && is_awaited) ||
           looks_like_columns(p);
}

/* What a packet's number tells of the reply before it.  True where the packet was its last. */
static bool end_reply(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    struct request *r = pairing_first(x);
    if (r && r->mark & MYSQL_MAYBE) {
        r->mark &= ~(unsigned)MYSQL_MAYBE;
        if (!p->is_next) {
            mysql_end_batch(x, s, r);
        } else if (mysql_reply_of(r) == MYSQL_REPLY_PREPARE && mysql_is_eof(p)) {
            mysql_end_batch(x, s, pairing_reply(x));
            return true;
        }
    }
    if (s->phase != MYSQL_FIRST && !p->is_next && p->is_start && looks_first(x, p)) {
        /* the end of the one before was lost */
        r = pairing_first(x);
        mysql_end_batch(x, s, r && r->mark & MYSQL_BEGUN ? r : NULL);
    }
    return false;
}

/* An event of the binary log, which tells its own length; the two bytes before it, if any, are
 * those of semi-synchronous replication. */
static bool is_event(const struct mysql_packet *p)
{
    struct cursor body = p->body;
    cursor_skip(&body, 1);
    uint32_t before = body.left > 0 && *body.at == 0xef ? 3 : 1;
    cursor_skip(&body, before - 1 + 4 + 1 + 4); /* time, type, server */
    return p->first == MYSQL_OK && cursor_le32(&body) == p->len - before && !cursor_is_short(&body);
}

/* False where that is no packet of this protocol. */
static bool take_packet(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    if (end_reply(x, s, p))
        return true;
    if (p->first == MYSQL_OK && mysql_reply_of(pairing_first(x)) == MYSQL_REPLY_ANY &&
        is_event(p)) {
        struct request *r = mysql_current(x);
        if (r)
            r->tx.is_apart = true;
        take_stream(x, s, r);
        return true;
    }
    switch ((enum mysql_phase)s->phase) {
    case MYSQL_FIRST:
        return first_packet(x, s, p);
    case MYSQL_DEFINITIONS:
        mysql_definition(x, s, p);
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

/* Whether a row begins at the cursor, which then stands behind its header; false where it is no
 * usual one. */
static bool begins_row(const struct mysql *s, struct cursor *in, struct mysql_header *h)
{
    struct cursor peek = *in;
    *h = mysql_header(&peek);
    struct cursor body = peek;
    uint8_t first = cursor_u8(&body);
    if (cursor_is_short(&body) || h->len == 0 || h->len == MYSQL_PACKET_MAX || first >= MYSQL_EOF ||
        !s->is_numbered || h->number != (uint8_t)(s->number[SIDE_SERVER] + 1))
        return false;
    *in = peek;
    return true;
}

/*
 * Counts the row that is there, and those that follow it whole; a row is counted by its header and
 * its first byte, what it holds is passed over unless customers may be in it.  False where no row
 * begins.
 */
static bool take_rows(struct exchange *x, struct mysql *s, struct cursor *in, struct step *step)
{
    struct request *r = NULL;
    struct mysql_header h;
    uint64_t rows = 0;
    bool is_looked_at = true;
    *step = step_taken(0);
    while (step->amount == 0 && begins_row(s, in, &h)) {
        r = rows == 0 ? mysql_current(x) : r;
        if (rows++ == 0)
            tell_binary(r, *in->at);
        s->number[SIDE_SERVER] = h.number;
        if (h.len <= cursor_left(in)) {
            struct bytes body = cursor_take(in, h.len);
            is_looked_at = is_looked_at && mysql_row_whole(x, r, body);
            continue;
        }
        mysql_look(x, r, MYSQL_PASSING_ROW);
        bool is_watched = s->rows.passing != MYSQL_PASSING_NOTHING;
        struct bytes here = cursor_take(in, is_watched ? 0 : cursor_left(in));
        *step = mysql_pass(x, here, h.len - (uint32_t)here.len);
    }
    if (rows > 0)
        mysql_count_rows(r, rows);
    return rows > 0;
}

/* The first packet of a connection: a greeting, or the refusal to talk. */
static bool is_greeting(const struct exchange *x, const struct mysql_header *h)
{
    return x->position[SIDE_SERVER] == 0 && h->number == 0 && !x->is_unpacked;
}

static void take_greeting(struct exchange *x, struct mysql *s, struct mysql_packet *p)
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
    mysql_fail(x, s, r, p);
}

/* A server goes over to encryption where the client's wish was not seen. */
static bool is_tls(const struct exchange *x, const struct mysql *s, struct cursor in)
{
    uint8_t type = cursor_u8(&in), major = cursor_u8(&in), minor = cursor_u8(&in);
    return x->position[SIDE_SERVER] > 0 && s->capabilities[SIDE_SERVER] != 0 && !s->has_asked &&
           type == MYSQL_TLS_HANDSHAKE && major == 3 && minor <= 4;
}

/* The rest of a packet that is longer than a packet can be. */
static struct step take_rest(struct exchange *x, struct mysql *s, uint32_t len)
{
    s->is_continued[SIDE_SERVER] = len == MYSQL_PACKET_MAX;
    if (pairing_first(x))
        (void)mysql_current(x);
    return step_taken(len);
}

/* Rows and definitions are told by their first byte. */
static bool is_passed_over(const struct mysql *s, uint32_t len, uint8_t first)
{
    return s->phase != MYSQL_FIRST && s->phase != MYSQL_MIDDLE && !mysql_is_end(len, first);
}

static struct step parse_packet(struct exchange *x, struct mysql *s, struct cursor *in)
{
    struct step step;
    if (s->phase == MYSQL_ROWS && !s->is_continued[SIDE_SERVER] && take_rows(x, s, in, &step))
        return step;
    struct cursor peek = *in;
    struct mysql_header h = mysql_header(&peek);
    if (cursor_is_short(&peek))
        return step_needs(MYSQL_HEADER_LEN);
    if (is_tls(x, s, *in)) {
        x->is_encrypted = true;
        return step_hand_over();
    }
    bool is_next = s->is_numbered && h.number == (uint8_t)(s->number[SIDE_SERVER] + 1);
    uint32_t wants = h.len < READ_MAX ? h.len : READ_MAX;
    if (h.len > 0 && peek.left == 0)
        return step_needs(MYSQL_HEADER_LEN + 1);
    if (s->is_continued[SIDE_SERVER])
        wants = 0;
    else if (wants > 0 && is_next && is_passed_over(s, h.len, *peek.at))
        wants = 1;
    struct mysql_packet p = {.len = h.len, .body = cursor_inner(&peek, wants), .is_next = is_next};
    if (cursor_is_short(&peek))
        return step_needs(MYSQL_HEADER_LEN + wants);
    p.is_start = h.number == 1 || h.number == (uint8_t)(s->number[SIDE_CLIENT] + 1) ||
                 (x->is_unpacked && !s->is_unsure);
    p.first = wants > 0 ? *p.body.at : 0;
    s->number[SIDE_SERVER] = h.number;
    s->is_numbered = true;
    if (wants == 0) {
        *in = peek;
        return take_rest(x, s, h.len);
    }
    struct bytes first = cursor_rest(&p.body);
    if (is_greeting(x, &h))
        take_greeting(x, s, &p);
    else if (!take_packet(x, s, &p))
        return step_bad();
    *in = peek;
    s->is_continued[SIDE_SERVER] = h.len == MYSQL_PACKET_MAX;
    if (s->is_continued[SIDE_SERVER])
        s->rows.passing = MYSQL_PASSING_NOTHING;
    return s->is_stream ? step_hand_over() : mysql_pass(x, first, h.len - wants);
}

/* Whether the next packet is of the same reply, by its number. */
static bool goes_on(const struct mysql *s, struct cursor in)
{
    struct mysql_header h = mysql_header(&in);
    return !cursor_is_short(&in) && h.number == (uint8_t)(s->number[SIDE_SERVER] + 1);
}

struct step mysql_server_parse(struct exchange *x, struct cursor *in)
{
    struct mysql *s = x->state;
    struct step step = parse_packet(x, s, in);
    /* as much of a reply as is there, in one step */
    while (step.verdict == VERDICT_TAKEN && step.amount == 0 && s->phase != MYSQL_FIRST &&
           goes_on(s, *in)) {
        struct step next = parse_packet(x, s, in);
        if (next.verdict != VERDICT_TAKEN)
            break;
        step = next;
    }
    return step;
}
