/*
 * What the server says: rows are counted as they are walked over, by the columns that were
 * described; where they cannot be, by the count of the status that ends the call, which runs over
 * all fetches of a cursor.  A message that is not understood costs the rest of its reply but for
 * that status, which is looked for at the end of each packet.
 */
#include "analyzers/tns/tns_values.h"

#include "analyzers/sql/prepared.h"

#include <stdio.h>

enum {
    NO_DATA_FOUND = 1403, /* the end of a query's rows */
    CURSOR_LEN = 4,
    ERROR_TEXT_MAX = 16, /* "ORA-12514" */
};

/* Types of statements in a status, of servers before 20. */
enum { SQL_INSERT = 2, SQL_SELECT = 3, SQL_UPDATE = 6, SQL_DELETE = 7, SQL_MERGE = 189 };

void tns_server_begin(struct tns *s)
{
    s->walk.program = NULL;
    s->walk.bits_len = 0;
    s->row.is_open = false;
    columns_begin(&s->customers);
    s->has_rows = s->has_shape = s->was_described = s->has_out_binds = false;
    s->is_lost[SIDE_SERVER] = false;
    s->is_begun[SIDE_SERVER] = false;
}

void tns_set_error(struct exchange *x, struct request *r, uint64_t number)
{
    char name[ERROR_TEXT_MAX];
    (void)snprintf(name, sizeof(name), "ORA-%05u", (unsigned)(number & UINT16_MAX));
    r->tx.db_status_code = pairing_note(x, r, bytes_of(name));
    if (r->tx.db_status_code.len > 0)
        transaction_mark(&r->tx, FIELD_DB_RESPONSE_STATUS_CODE);
}

static uint32_t cursor_of(const struct request *r)
{
    return (uint32_t)(r->batch >> 32);
}

/* What the server calls the cursor from now on, and its columns. */
static void keep_cursor(struct exchange *x, struct request *r, uint32_t cursor)
{
    struct tns *s = x->state;
    if (cursor == 0 || cursor_of(r) == cursor)
        return;
    bool is_new = cursor_of(r) == 0 && (r->mark & TNS_FUNCTION_MASK) == TTC_EXECUTE;
    r->batch = (r->batch & UINT32_MAX) | (uint64_t)cursor << 32;
    if (!is_new)
        return;
    const uint8_t name[CURSOR_LEN] = {(uint8_t)cursor, (uint8_t)(cursor >> 8),
                                      (uint8_t)(cursor >> 16), (uint8_t)(cursor >> 24)};
    struct prepared_entry *entry =
        prepared_touch(x->prepared, x->connection, 'S', (struct bytes){name, sizeof(name)});
    if (entry)
        entry->statement = transaction_has(&r->tx, FIELD_DB_QUERY_HASH) ? r->tx.db_query_hash : 0;
    tns_binds_keep(x, r, (struct bytes){name, sizeof(name)});
    struct tns_shape *shape = tns_shape_make(s, cursor);
    *shape = (struct tns_shape){.cursor = cursor, .is_counted = true, .used = shape->used};
}

void tns_settle(struct tns *s, const struct request *r)
{
    struct tns_shape *shape = cursor_of(r) ? tns_shape_find(s, cursor_of(r)) : NULL;
    if (r->mark & TNS_ANSWERED)
        return;
    if (shape && shape->is_counted)
        shape->fetched += r->tx.returned_rows;
    else
        s->unsettled += r->tx.returned_rows;
}

static void keep_shape(struct tns *s, const struct request *r)
{
    struct tns_shape *shape = cursor_of(r) ? tns_shape_find(s, cursor_of(r)) : NULL;
    if (!shape || !s->was_described || s->described.columns == 0)
        return;
    uint64_t used = shape->used;
    uint32_t cursor = shape->cursor;
    bool is_counted = shape->is_counted;
    uint64_t fetched = shape->fetched;
    *shape = s->described;
    shape->used = used;
    shape->cursor = cursor;
    shape->is_counted = is_counted;
    shape->fetched = fetched;
}

/* Rows of a reply that was not walked over to its end, by the count that runs over all fetches. */
static void estimate(struct tns *s, struct request *r, uint64_t counted, bool is_end)
{
    const struct tns_shape *shape = cursor_of(r) ? tns_shape_find(s, cursor_of(r)) : NULL;
    uint64_t asked = r->batch & UINT32_MAX, rows;
    if (shape && shape->is_counted && shape->fetched <= counted)
        rows = counted - shape->fetched;
    else if (!r->tx.request_seen && !s->was_described)
        return; /* how many there were before is not known */
    else if (asked > 0 && asked < counted)
        rows = is_end ? counted % asked : asked;
    else
        rows = counted > s->unsettled ? counted - s->unsettled : 0;
    s->unsettled = 0;
    if (rows <= r->tx.returned_rows)
        return;
    r->tx.returned_rows = rows;
    r->tx.estimated = true;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
    transaction_mark(&r->tx, FIELD_CAPTURE_ESTIMATED);
}

static void count_rows(struct tns *s, struct request *r, const struct tns_walk *w, bool is_end)
{
    uint64_t counted = w->places[TNS_ROWS], type = w->places[TNS_SQL_TYPE];
    bool is_change =
        r->mark & TNS_IS_CHANGE ||
        (!transaction_has(&r->tx, FIELD_DB_QUERY_HASH) &&
         (type == SQL_INSERT || type == SQL_UPDATE || type == SQL_DELETE || type == SQL_MERGE));
    bool is_query = !is_change && !(r->mark & TNS_IS_BLOCK) &&
                    (r->mark & TNS_IS_QUERY || s->has_rows || type == SQL_SELECT);
    if (is_change) {
        r->tx.affected_rows = counted;
        transaction_mark(&r->tx, FIELD_DB_RESPONSE_AFFECTED_ROWS);
    }
    if (!is_query)
        return;
    if (r->mark & TNS_HOLED)
        estimate(s, r, counted, is_end);
    else
        transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
    struct tns_shape *shape = cursor_of(r) ? tns_shape_make(s, cursor_of(r)) : NULL;
    if (shape) {
        shape->fetched = counted;
        shape->is_counted = true;
    }
}

static void end_login(struct exchange *x, struct request *r, uint64_t error)
{
    uint8_t function = r->mark & TNS_FUNCTION_MASK;
    if (error) {
        r->tx.outcome = OUTCOME_FAILURE;
        tns_set_error(x, r, error);
        pairing_finish(r);
    } else if (function == TTC_AUTHENTICATE) {
        r->tx.outcome = OUTCOME_SUCCESS;
        pairing_finish(r);
    }
}

static void end_reply(struct exchange *x, struct request *r)
{
    struct tns *s = x->state;
    if (s->has_end)
        return;
    s->is_over[SIDE_SERVER] = true;
    if (!(r->mark & TNS_LOGIN))
        pairing_finish(r);
}

void tns_status(struct exchange *x, struct request *r, const struct tns_walk *w)
{
    struct tns *s = x->state;
    uint64_t error = w->places[TNS_ERROR];
    bool is_end = error == NO_DATA_FOUND && !(r->mark & (TNS_IS_BLOCK | TNS_IS_CHANGE));
    r->mark |= TNS_ANSWERED;
    if (r->mark & TNS_LOGIN) {
        end_login(x, r, error);
        end_reply(x, r);
        return;
    }
    keep_cursor(x, r, (uint32_t)w->places[TNS_CURSOR]);
    keep_shape(s, r);
    s->last_of = s->was_described ? cursor_of(r) : s->last_of;
    bool has_failed = error && !is_end;
    r->tx.outcome = has_failed ? OUTCOME_FAILURE : OUTCOME_SUCCESS;
    if (has_failed)
        tns_set_error(x, r, error);
    else
        count_rows(s, r, w, is_end);
    end_reply(x, r);
}

/* --- rows */

static bool is_bit_set(const struct tns_walk *w, uint16_t n)
{
    return n / 8 < w->bits_len && w->bits[n / 8] >> (n % 8) & 1;
}

/* Whether a column's value is that of the row before, and is not sent. */
static bool is_repeated(const struct tns *s)
{
    return s->walk.bits_len > 0 && !is_bit_set(&s->walk, s->row.column);
}

static void next_column(struct tns *s)
{
    struct tns_row *row = &s->row;
    row->column++;
    if (--row->left > 0)
        return;
    row->run++;
    if (row->run < s->described.runs_count)
        row->left = s->described.runs[row->run].count;
}

static const struct tns_field *value_fields(uint8_t class)
{
    return class == TNS_VALUE_CURSOR ? TNS_CURSOR_FIELDS : TNS_VALUE_FIELDS[class];
}

static void end_row(struct exchange *x, struct request *r)
{
    struct tns *s = x->state;
    if (s->customers.count > 0)
        columns_end_row(x, r, &s->customers);
    s->row.is_open = false;
    s->walk.bits_len = 0;
    r->tx.returned_rows++;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

/* The usual value: its length in a byte, and itself.  True where it was there as a whole. */
static bool pass_short(struct cursor *in)
{
    if (cursor_left(in) == 0)
        return false;
    uint8_t len = *cursor_rest(in).data;
    len = len == TNS_TEXT_NULL ? 0 : len;
    if (len >= TNS_TEXT_LONG || cursor_left(in) <= len)
        return false;
    cursor_skip(in, (size_t)len + 1);
    return true;
}

/* A column that is looked at; false where its value is not there yet. */
static bool look_at(struct exchange *x, struct request *r, uint8_t class, const struct cursor *in)
{
    struct tns *s = x->state;
    struct cursor peek = *in;
    if (is_repeated(s)) {
        tns_column_again(x, r);
    } else if (class == TNS_VALUE_TEXT) {
        uint8_t len = cursor_u8(&peek);
        struct bytes value = cursor_take(&peek, len < TNS_TEXT_LONG ? len : 0);
        if (cursor_is_short(&peek))
            return false;
        tns_column_take(x, r, value);
    }
    s->row.next++;
    return true;
}

/* A row as far as it goes. */
static enum tns_course walk_row(struct exchange *x, struct request *r, struct cursor *in,
                                uint64_t *skip)
{
    struct tns *s = x->state;
    while (s->row.column < s->described.columns) {
        uint8_t class = s->described.runs[s->row.run].class;
        bool is_at_work = s->walk.program != NULL;
        if (!is_at_work && tns_column_next(s) && !look_at(x, r, class, in))
            return TNS_WALK_SHORT;
        if (!is_at_work && (class == TNS_VALUE_NONE || is_repeated(s) ||
                            (class == TNS_VALUE_TEXT && pass_short(in)))) {
            next_column(s);
            continue;
        }
        if (!is_at_work)
            tns_walk_begin(&s->walk, value_fields(class));
        enum tns_course course = TNS_WALK_TOLD;
        while (course == TNS_WALK_TOLD)
            course = tns_walk(&s->walk, &s->terms, in, skip);
        if (course != TNS_WALK_DONE)
            return course;
        next_column(s);
    }
    end_row(x, r);
    return TNS_WALK_DONE;
}

static bool begin_row(struct tns *s, const struct request *r)
{
    if (!s->has_shape && !s->was_described) {
        const struct tns_shape *shape = cursor_of(r) ? tns_shape_find(s, cursor_of(r)) : NULL;
        if (shape) {
            s->described = *shape;
            columns_recall(&s->customers, &shape->customers);
        }
        if (s->last_of != cursor_of(r))
            tns_columns_forget(s, cursor_of(r));
        s->has_shape = shape != NULL;
    }
    bool is_known = (s->has_shape || s->was_described) && s->described.is_known;
    if (s->has_out_binds || !is_known || s->described.columns == 0)
        return false;
    s->row = (struct tns_row){.is_open = true, .left = s->described.runs[0].count};
    return true;
}

/* --- messages */

/* At a TNS_TELL. */
static void told(struct exchange *x, const struct request *r)
{
    struct tns *s = x->state;
    struct tns_walk *w = &s->walk;
    switch (s->message) {
    case TTC_DESCRIBE:
        tns_column_add(x, s->described.columns);
        tns_shape_add(&s->described, w->places[TNS_TYPE], w->places[TNS_SIZE]);
        break;
    case TTC_BIT_VECTOR: {
        const struct tns_shape *shape = cursor_of(r) ? tns_shape_find(s, cursor_of(r)) : NULL;
        unsigned columns = s->was_described || s->has_shape ? s->described.columns
                           : shape                          ? shape->columns
                                                            : 0;
        w->places[TNS_COUNT] = (columns + 7) / 8;
        break;
    }
    case TTC_IO_VECTOR:
        w->places[TNS_COUNT] =
            (w->places[TNS_INNER_COUNT] & UINT16_MAX) * 256 + (w->places[TNS_COUNT] & UINT16_MAX);
        s->has_out_binds = true;
        break;
    case TTC_PARAMETER:
        w->places[TNS_SIZE] = r->batch & UINT32_MAX;
        break;
    default:
        break;
    }
}

/* Numbers of what a server tells along with a reply. */
static bool is_known_piggyback(uint64_t number)
{
    return number >= 1 && number <= 10 && number != 6;
}

/* The message at work is walked over; false where it tells that the next cannot be. */
static bool end_message(struct exchange *x, struct request *r)
{
    struct tns *s = x->state;
    switch (s->message) {
    case TTC_ERROR:
        tns_status(x, r, &s->walk);
        break;
    case TTC_STATUS:
        if (!(r->mark & TNS_LOGIN)) {
            r->tx.outcome = OUTCOME_SUCCESS;
            r->mark |= TNS_ANSWERED;
        } else {
            end_login(x, r, 0);
        }
        end_reply(x, r);
        break;
    case TTC_END_OF_RESPONSE:
        if (!(r->mark & TNS_LOGIN))
            pairing_finish(r);
        s->is_over[SIDE_SERVER] = true;
        s->is_pipelined = s->is_pipelined && (r->mark & TNS_FUNCTION_MASK) != TTC_PIPELINE_END;
        break;
    case TTC_ROW_HEADER:
        s->has_rows = true;
        break;
    case TTC_DESCRIBE:
        columns_keep(&s->described.customers, &s->customers);
        break;
    case TTC_SERVER_PIGGYBACK:
        return is_known_piggyback(s->walk.places[TNS_TYPE]);
    default:
        break;
    }
    return true;
}

/* From here on nothing of this reply can be walked over. */
static void get_lost(struct exchange *x, struct request *r)
{
    struct tns *s = x->state;
    r->mark |= TNS_HOLED;
    subject_drop_record(x, r);
    x->pairing.owner->unread++;
    s->is_lost[SIDE_SERVER] = true;
    s->walk.program = NULL;
    s->row.is_open = false;
}

/* The negotiation's answers; false where it is none of them. */
static bool negotiate(struct tns *s, uint8_t type, struct cursor *in, bool *is_short)
{
    if (type == TTC_PROTOCOL)
        *is_short = !tns_server_protocol(s, in);
    else if (type == TTC_DATA_TYPES && s->encoding == TNS_NATIVE)
        cursor_skip(in, cursor_left(in));
    else if (type == TTC_DATA_TYPES)
        *is_short = !tns_server_types(s, in);
    else
        return false;
    return true;
}

static enum tns_course begin_message(struct exchange *x, struct request *r, struct cursor *in)
{
    struct tns *s = x->state;
    struct cursor peek = *in;
    uint8_t type = cursor_u8(&peek);
    bool is_short = false;
    if (negotiate(s, type, &peek, &is_short)) {
        if (is_short)
            return TNS_WALK_SHORT;
        *in = peek;
        s->is_over[SIDE_SERVER] = cursor_left(in) == 0;
        return TNS_WALK_DONE;
    }
    const struct tns_field *fields = tns_message_fields(type, r);
    bool is_row = type == TTC_ROW_DATA;
    if (s->encoding == TNS_NATIVE || s->terms.version == TNS_FIELDS_UNKNOWN ||
        (is_row && !begin_row(s, r)) || (!is_row && !fields))
        return TNS_WALK_BAD;
    *in = peek;
    s->message = type;
    if (is_row)
        return TNS_WALK_DONE;
    if (type == TTC_DESCRIBE) {
        s->described = (struct tns_shape){.is_known = true};
        s->was_described = true;
        columns_begin(&s->customers);
        tns_columns_forget(s, 0);
        r->tx.is_apart = r->tx.is_apart && r->tx.request_seen;
    }
    if (fields->kind == TNS_END)
        return end_message(x, r) ? TNS_WALK_DONE : TNS_WALK_BAD;
    tns_walk_begin(&s->walk, fields);
    return TNS_WALK_DONE;
}

static enum tns_course walk_message(struct exchange *x, struct request *r, struct cursor *in,
                                    uint64_t *skip)
{
    struct tns *s = x->state;
    enum tns_course course = tns_walk(&s->walk, &s->terms, in, skip);
    while (course == TNS_WALK_TOLD) {
        told(x, r);
        course = tns_walk(&s->walk, &s->terms, in, skip);
    }
    if (course == TNS_WALK_DONE && !end_message(x, r))
        return TNS_WALK_BAD;
    return course;
}

/* Nothing of the reply follows, as its packet tells. */
static void end_lost(struct exchange *x, struct request *r)
{
    struct tns *s = x->state;
    bool is_native = s->encoding == TNS_NATIVE;
    s->is_over[SIDE_SERVER] = true;
    if (r->mark & TNS_LOGIN) {
        if (is_native)
            end_login(x, r, 0);
        return;
    }
    if (is_native && !(r->mark & TNS_ANSWERED))
        r->tx.outcome = OUTCOME_SUCCESS;
    tns_settle(s, r);
    pairing_finish(r);
}

/* The end of a packet of a lost reply: how the call ended may be in it. */
static void read_tail(struct exchange *x, struct request *r, struct bytes tail)
{
    struct tns *s = x->state;
    struct tns_walk walk = {0};
    bool is_found = s->encoding != TNS_NATIVE && tns_find_status(s, tail, &walk);
    if (s->encoding == TNS_NATIVE) {
        uint64_t error = tns_find_error(tail);
        walk.places[TNS_ERROR] = error == NO_DATA_FOUND ? 0 : error;
        is_found = walk.places[TNS_ERROR] > 0;
    }
    if (is_found) {
        tns_status(x, r, &walk);
        if (!(r->mark & TNS_LOGIN))
            pairing_finish(r);
        s->is_over[SIDE_SERVER] = true;
    } else if (s->ends_reply) {
        end_lost(x, r);
    }
}

static struct step parse_lost(struct exchange *x, struct request *r, struct cursor *in)
{
    const struct tns *s = x->state;
    int64_t left = s->left[SIDE_SERVER];
    if (left <= 0) {
        cursor_skip(in, cursor_left(in));
        return step_taken(0);
    }
    if (left > TNS_TAIL_LEN)
        return step_taken((uint64_t)left - TNS_TAIL_LEN);
    if (cursor_left(in) < (size_t)left)
        return step_needs((uint64_t)left);
    read_tail(x, r, cursor_take(in, (size_t)left));
    return step_taken(0);
}

/* What comes behind the end of a reply, or without a request. */
static bool pass_idle(struct exchange *x, struct cursor *in)
{
    const struct tns *s = x->state;
    bool is_idle = !s->walk.program && !s->row.is_open && !s->is_lost[SIDE_SERVER];
    if (!is_idle || cursor_left(in) == 0 || pairing_first(x) ||
        *cursor_rest(in).data != TTC_END_OF_RESPONSE)
        return false;
    cursor_skip(in, 1);
    return true;
}

/* In a pipeline a reply may begin with the number of its request: those before it get none any
 * more.  False where more bytes are needed. */
static bool read_token(struct exchange *x, struct cursor in)
{
    const struct tns *s = x->state;
    if (!s->is_pipelined || s->is_begun[SIDE_SERVER] || cursor_u8(&in) != TTC_TOKEN)
        return true;
    uint64_t token = tns_number(&in);
    if (cursor_is_short(&in))
        return s->left[SIDE_SERVER] <= (int64_t)TNS_NUMBER_MAX;
    bool is_open = false;
    for (size_t n = 0; token != 0 && !is_open && pairing_at(x, n); n++)
        is_open = pairing_at(x, n)->id == token && !pairing_at(x, n)->is_finished;
    for (struct request *r = pairing_first(x); is_open && r && r->id != token; r = pairing_first(x))
        pairing_finish(r);
    return true;
}

struct step tns_server_parse(struct exchange *x, struct cursor *in)
{
    struct tns *s = x->state;
    if (pass_idle(x, in))
        return step_taken(0);
    if (!read_token(x, *in))
        return step_needs(cursor_left(in) + 1);
    struct request *r = pairing_reply(x);
    size_t before = cursor_left(in);
    if (!r) {
        cursor_skip(in, before);
        return step_taken(0);
    }
    if (!r->tx.request_seen && !s->is_begun[SIDE_SERVER])
        r->tx.is_apart = true; /* a fetch perhaps, until it tells otherwise */
    s->is_begun[SIDE_SERVER] = true;
    uint64_t skip = 0;
    while (cursor_left(in) > 0 && !r->is_finished) {
        if (s->is_lost[SIDE_SERVER])
            return parse_lost(x, r, in);
        enum tns_course course = s->row.is_open    ? walk_row(x, r, in, &skip)
                                 : s->walk.program ? walk_message(x, r, in, &skip)
                                                   : begin_message(x, r, in);
        if (course == TNS_WALK_SKIPS)
            return step_taken(skip);
        if (course == TNS_WALK_BAD)
            get_lost(x, r);
        bool has_moved = cursor_left(in) < before;
        if (course == TNS_WALK_SHORT && !has_moved)
            return step_needs(before + 1);
        if (course == TNS_WALK_SHORT || (course == TNS_WALK_BAD && has_moved))
            return step_taken(0);
    }
    return step_taken(0);
}
