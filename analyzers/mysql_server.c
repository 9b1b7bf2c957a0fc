/*
 * The server's side of MySQL: what came back, and for which request.  Rows are counted as they
 * pass, by their packets' headers.  Whether an EOF stands between the columns and the rows, and how
 * a number of columns is written, is told by the packets themselves, so that a connection whose
 * handshake was missed is read as well.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html and
 * https://mariadb.com/kb/en/result-set-packets/
 */
#include "analyzers/mysql_reply.h"
#include "analyzers/prepared.h"

enum {
    READ_MAX =
        1024, /* bytes of a packet that are read: an OK with changes of state is the longest */
    OK_MIN = 7,
    PREPARED_LEN = 12, /* bytes of the reply to a prepare, without its flag */
};

/* Rows of which the first begins so: one of an unknown command is told by it. */
static void take_row_of(struct request *r, uint64_t rows, uint8_t first)
{
    mysql_count_rows(r, rows);
    if (r && first == 0 && mysql_reply_of(r) == MYSQL_REPLY_ANY)
        r->mark |= MYSQL_BINARY;
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
    mysql_end_batch(x, s, r);
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

static bool is_prepared(const struct mysql_packet *p)
{
    struct cursor body = p->body;
    cursor_skip(&body, 9);
    return p->first == MYSQL_OK && (p->len == PREPARED_LEN || p->len == PREPARED_LEN + 1) &&
           cursor_u8(&body) == 0 && !cursor_is_short(&body);
}

static void take_prepared(struct exchange *x, struct mysql *s, struct request *r,
                          struct mysql_packet *p)
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

static bool take_columns(struct mysql *s, struct request *r, const struct mysql_packet *p)
{
    uint32_t columns;
    bool has_definitions;
    if (!mysql_columns(p->body, p->len, &columns, &has_definitions))
        return false;
    s->columns = (uint16_t)columns;
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
        mysql_count_rows(r, 1);
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
        mysql_count_rows(r, 1);
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
    if (is_prepared(p)) {
        take_prepared(x, s, r, p);
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
        mysql_count_rows(r, 1);
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
        if (is_prepared(p))
            take_prepared(x, s, r, p);
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
        next_definitions(x, s, r);
        if (!mysql_is_eof(p) && s->phase == MYSQL_DEFINITIONS && --s->definitions == 0)
            end_definitions(x, s, r);
    } else if (!mysql_is_end(p->len, p->first)) {
        s->phase = MYSQL_ROWS;
        take_row_of(r, 1, p->first);
    } else {
        bool is_between = mysql_is_eof(p);
        uint16_t status = mysql_take_end(x, r, p);
        s->phase = MYSQL_ROWS;
        if (!is_between || status & MYSQL_CURSOR_EXISTS)
            mysql_end_result(x, s, r, status, false);
    }
}

static void definition(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    struct request *r = mysql_current(x);
    if (p->first == MYSQL_ERROR)
        mysql_fail(x, s, r, p);
    else if (--s->definitions == 0)
        end_definitions(x, s, r);
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
    uint8_t first_of_all = 0;
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
        first_of_all = rows++ > 0 ? first_of_all : first;
    }
    if (rows > 0)
        take_row_of(mysql_current(x), rows, first_of_all);
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
    if (is_greeting(x, &h))
        take_greeting(x, s, &p);
    else if (!take_packet(x, s, &p))
        return step_bad();
    *in = peek;
    s->is_continued[SIDE_SERVER] = h.len == MYSQL_PACKET_MAX;
    return s->is_stream ? step_hand_over() : step_taken(h.len - wants);
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
