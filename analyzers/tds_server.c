/*
 * The server's side of TDS: the tokens of a reply.  Rows are counted as they pass; what the server
 * says of their number at the end counts where a part of them was not seen.
 *
 * [MS-TDS] section 2.2.7
 */
#include "analyzers/prepared.h"
#include "analyzers/tds_state.h"
#include "analyzers/tds_text.h"

#include <stdio.h>

enum {
    TOKEN_OFFSET = 0x78,
    TOKEN_STATUS = 0x79,
    TOKEN_COLUMNS = 0x81,
    TOKEN_TOTALS = 0x88, /* columns of totals (COMPUTE BY) */
    TOKEN_LABELS = 0xa3,
    TOKEN_ERROR = 0xaa,
    TOKEN_INFO = 0xab,
    TOKEN_RETURNED = 0xac,
    TOKEN_LOGIN = 0xad,
    TOKEN_FEATURES = 0xae,
    TOKEN_ROW = 0xd1,
    TOKEN_NULLS_ROW = 0xd2,
    TOKEN_TOTAL = 0xd3,
    TOKEN_CHANGE = 0xe3,
    TOKEN_STATE = 0xe4,
    TOKEN_PROOF = 0xed, /* of a login: more of it is asked for */
    TOKEN_FEDAUTH = 0xee,
    TOKEN_DONE = 0xfd,
    TOKEN_DONE_PROC = 0xfe,
    TOKEN_DONE_IN_PROC = 0xff,
};

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
    NO_COLUMNS = 0xffff,
    ENCRYPTED = 0x0800, /* flag of a column */
    LOGIN_FAILED = 18456,
    CHANGE_DATABASE = 1,
    CHANGE_BEGIN = 8, /* of a transaction */
    CHANGE_ROLLBACK = 10,
    FEATURE_ENCRYPTION = 4,
    FEATURE_LABELS = 9,
    FEATURES_END = 0xff,
    CLASS_WARNING = 1, /* the least severity of what is more than a word */
    TEXT_MAX = 16,
};

static struct tds_owner owner_of(const struct tds_reading *r, uint16_t id)
{
    return (struct tds_owner){tds_session_place(r->s, r->session), SIDE_SERVER, id};
}

static bool is_long(const struct tds_reading *r)
{
    return r->s->era == TDS_ERA_72 || r->s->era == TDS_ERA_UNKNOWN;
}

/* Of a request that was not seen: it is none of the server's own count. */
static void set_apart(struct request *q)
{
    if (q && tds_kind_of(q) == TDS_KIND_UNKNOWN)
        q->tx.is_apart = true;
}

/* Likewise, and it was a login. */
static void become_login(struct request *q)
{
    if (!q || tds_kind_of(q) != TDS_KIND_UNKNOWN)
        return;
    q->mark = (q->mark & ~(unsigned)TDS_KIND_MASK) | TDS_KIND_LOGIN;
    q->tx.action = ACTION_LOGIN;
    q->tx.is_apart = true;
}

/* --- results */

static void count_rows(struct request *q, uint64_t rows)
{
    if (!q)
        return;
    q->tx.returned_rows += rows;
    transaction_mark(&q->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

/* Rows that were not counted one by one. */
static void count_rows_told(struct request *q, uint64_t rows)
{
    count_rows(q, rows);
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

static void mark_partial(struct request *q)
{
    if (!q)
        return;
    q->tx.partial = true;
    transaction_mark(&q->tx, FIELD_CAPTURE_PARTIAL);
}

static uint64_t hash_of(const struct request *q)
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
    if (d->status & (DONE_ERROR | DONE_FATAL))
        r->request->mark |= TDS_FAILED;
    if (d->status & DONE_ATTENTION)
        session->was_cancelled = true;
    if (d->status & DONE_ATTENTION || d->command == COMMAND_BULK)
        set_apart(r->request);
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
static enum tds_pass done(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    *needs = is_long(r) ? DONE_LEN : DONE_OLD_LEN;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    struct done d = read_done(in, is_long(r));
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

/* --- columns */

static void begin_result(struct tds_reading *r)
{
    struct tds_session *session = r->session;
    session->in_result = true;
    session->is_uncountable = false;
    session->rows = 0;
    count_rows(r->request, 0);
}

/* Rows are told by the server alone from here on. */
static enum tds_pass give_up_rows(struct tds_reading *r)
{
    r->session->is_uncountable = true;
    mark_partial(r->request);
    return TDS_STRANGE;
}

static enum tds_pass columns(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = 3;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    w->token = cursor_u8(in);
    uint16_t count = cursor_le16(in);
    uint64_t hash = hash_of(r->request);
    begin_result(r);
    w->id = w->column = 0;
    if (count == NO_COLUMNS) { /* they are those of the same statement's last result */
        r->session->is_uncountable = hash == 0 || r->session->result_of != hash;
        return TDS_PASSED;
    }
    r->session->result_of = hash;
    if (!tds_columns_begin(&r->s->columns, owner_of(r, 0), count)) {
        r->session->result_of = 0;
        return give_up_rows(r);
    }
    w->has_key = false;
    if (count > 0)
        w->at = r->s->has_keys ? TDS_AT_KEYS : TDS_AT_COLUMN;
    return TDS_PASSED;
}

static enum tds_pass totals(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = 6;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    w->token = cursor_u8(in);
    uint16_t count = cursor_le16(in);
    w->id = cursor_le16(in);
    w->column = 0;
    w->skip = 2 * (uint64_t)cursor_u8(in);
    if (w->id == 0 || !tds_columns_begin(&r->s->columns, owner_of(r, w->id), count))
        return give_up_rows(r);
    w->at = count > 0 ? TDS_AT_OPERATOR : TDS_AT_TOKEN;
    return TDS_PASSED;
}

/* Where a type of a user is written in two bytes, the column's type stands where the later versions
 * have flags. */
static void guess_era(struct tds_reading *r, struct cursor in)
{
    cursor_skip(&in, 4);
    struct tds_walk w = {.type = cursor_u8(&in)};
    size_t needs;
    struct cursor much = cursor_over(bytes_of("0123456789abcdef"));
    bool is_type = tds_type_pass(&w, true, false, &much, &needs) != TDS_STRANGE;
    r->s->era = is_type ? TDS_ERA_71 : TDS_ERA_72;
}

static enum tds_pass column(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    if (r->s->era == TDS_ERA_UNKNOWN && cursor_left(in) >= 7)
        guess_era(r, *in);
    *needs = is_long(r) ? 7 : 5;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, is_long(r) ? 4 : 2); /* the user's type */
    w->is_encrypted = cursor_le16(in) & ENCRYPTED && r->s->has_keys;
    w->type = cursor_u8(in);
    w->after = TDS_AT_COLUMN_TYPED;
    w->at = TDS_AT_TYPE;
    return TDS_PASSED;
}

/* Behind a column, and its name. */
static enum tds_pass next_column(struct tds_reading *r)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r, w->id));
    if (!result)
        return TDS_STRANGE;
    w->last_names = 1;
    w->column++;
    w->at = w->column >= result->count ? TDS_AT_TOKEN
            : w->token == TOKEN_TOTALS ? TDS_AT_OPERATOR
                                       : TDS_AT_COLUMN;
    return TDS_PASSED;
}

static enum tds_pass column_typed(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r, w->id));
    bool has_parts = tds_type_has_table(w->type) && is_long(r);
    *needs = has_parts ? 1 : 0;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    if (!result || w->column >= result->count)
        return TDS_STRANGE;
    r->s->columns.classes[result->at + w->column] = w->value_class;
    if (tds_type_has_table(w->type))
        w->long_names = has_parts ? cursor_u8(in) : 1;
    if (!w->is_encrypted)
        return next_column(r);
    w->at = TDS_AT_CRYPTO;
    return TDS_PASSED;
}

static enum tds_pass crypto(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    size_t key_len = w->has_key && w->token != TOKEN_RETURNED ? 2 : 0;
    *needs = key_len + 5;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, key_len + 4);
    w->type = cursor_u8(in);
    w->after = TDS_AT_ALGORITHM;
    w->at = TDS_AT_TYPE;
    return TDS_PASSED;
}

static enum tds_pass algorithm_end(struct tds_reading *r, struct cursor *in)
{
    cursor_skip(in, 2);
    if (r->walk->token != TOKEN_RETURNED)
        return next_column(r);
    r->walk->at = TDS_AT_RETURN_VALUE;
    return TDS_PASSED;
}

/* --- rows */

/* Begins a row; rows of what was not described cannot be walked. */
static struct tds_result *begin_row(struct tds_reading *r, uint16_t id)
{
    r->walk->column = 0;
    r->walk->value = TDS_VALUE_LENGTH;
    r->walk->id = id;
    r->walk->at = TDS_AT_ROW;
    return r->session->is_uncountable ? NULL : tds_columns_find(&r->s->columns, owner_of(r, id));
}

static void forget_nulls(struct tds_reading *r, const struct tds_result *result)
{
    uint8_t *classes = r->s->columns.classes + result->at;
    for (size_t i = 0; i < result->count; i++)
        classes[i] &= TDS_CLASS_MASK;
    r->session->has_nulls = false;
}

/* The row that passes, and those that follow it. */
static enum tds_pass rows(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r, w->id));
    if (!result)
        return TDS_STRANGE;
    const uint8_t *classes = r->s->columns.classes + result->at;
    uint64_t count = 0;
    enum tds_pass pass = tds_row_pass(w, classes, result->count, in, needs);
    while (w->column == result->count && w->skip == 0) {
        struct cursor peek = *in;
        w->at = TDS_AT_TOKEN;
        if (w->id != 0 || r->session->has_nulls || cursor_u8(&peek) != TOKEN_ROW)
            break;
        *in = peek;
        w->column = 0;
        w->at = TDS_AT_ROW;
        count++;
        pass = tds_row_pass(w, classes, result->count, in, needs);
    }
    r->session->rows += count;
    if (count > 0)
        count_rows(r->request, count);
    return count > 0 || w->at == TDS_AT_TOKEN ? TDS_PASSED : pass;
}

static enum tds_pass row(struct tds_reading *r, struct cursor *in)
{
    uint8_t token = cursor_u8(in);
    struct tds_result *result = begin_row(r, 0);
    r->session->in_result = true;
    r->session->rows++;
    count_rows(r->request, 1);
    if (!result) {
        r->session->rows--;
        if (r->request)
            r->request->tx.returned_rows--;
        return give_up_rows(r);
    }
    if (token == TOKEN_NULLS_ROW)
        r->walk->at = TDS_AT_NULLS;
    else if (r->session->has_nulls)
        forget_nulls(r, result);
    return TDS_PASSED;
}

static enum tds_pass total(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    *needs = 3;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, 1);
    uint16_t id = cursor_le16(in);
    return id > 0 && begin_row(r, id) ? TDS_PASSED : give_up_rows(r);
}

/* A bit for each column that is NULL. */
static enum tds_pass nulls(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r, 0));
    if (!result)
        return TDS_STRANGE;
    uint8_t *classes = r->s->columns.classes + result->at;
    *needs = 1;
    r->session->has_nulls = true;
    if (cursor_left(in) == 0 && w->column < result->count)
        return TDS_NEEDS;
    while (w->column < result->count && cursor_left(in) > 0) {
        uint8_t bits = cursor_u8(in);
        for (int i = 0; i < 8 && w->column < result->count; i++, w->column++) {
            bool is_null = bits >> i & 1;
            uint8_t value_class = classes[w->column] & TDS_CLASS_MASK;
            classes[w->column] = (uint8_t)(value_class | (is_null ? TDS_NULL : 0));
        }
    }
    if (w->column == result->count) {
        w->column = 0;
        w->at = TDS_AT_ROW;
    }
    return TDS_PASSED;
}

/* --- what came back in parameters */

/* The kind of the handle that a parameter gives; 0: it is none. */
static char handle_kind(const struct tds_reading *r)
{
    enum tds_proc proc = tds_proc_of(r->request);
    switch (proc) {
    case TDS_PREPARE:
    case TDS_PREPEXEC:
    case TDS_PREPEXEC_RPC:
    case TDS_CURSOR_PREPARE:
        return r->session->returned == 0 ? 'S' : 0;
    case TDS_CURSOR_OPEN:
    case TDS_CURSOR_EXECUTE:
        return r->session->returned == 0 ? 'C' : 0;
    case TDS_CURSOR_PREPEXEC:
        return r->session->returned == 0 ? 'S' : r->session->returned == 1 ? 'C' : 0;
    default:
        return 0;
    }
}

static void keep_handle(struct tds_reading *r, char kind, struct bytes handle)
{
    uint64_t hash = hash_of(r->request);
    if (hash == 0) {
        prepared_forget(r->x->prepared, r->x->connection, kind, handle);
        return;
    }
    struct prepared_entry *entry = prepared_touch(r->x->prepared, r->x->connection, kind, handle);
    if (entry)
        entry->statement = hash;
}

static enum tds_pass returned(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = 4;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    w->token = cursor_u8(in);
    cursor_skip(in, 2); /* its place among the parameters */
    w->skip = 2 * (uint64_t)cursor_u8(in);
    w->at = TDS_AT_RETURN;
    return TDS_PASSED;
}

static enum tds_pass return_type(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = is_long(r) ? 8 : 6;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, is_long(r) ? 5 : 3); /* status, the user's type */
    w->is_encrypted = cursor_le16(in) & ENCRYPTED && r->s->has_keys;
    w->type = cursor_u8(in);
    w->after = TDS_AT_RETURN_TYPED;
    w->at = TDS_AT_TYPE;
    return TDS_PASSED;
}

static enum tds_pass return_value(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    char kind = handle_kind(r);
    struct cursor peek = *in;
    bool is_over;
    if (kind && w->kept_class == TDS_BYTE && w->value == TDS_VALUE_LENGTH) {
        uint8_t len = cursor_u8(&peek);
        struct bytes handle = cursor_take(&peek, 4);
        *needs = 1 + (size_t)(len == 4 ? 4 : 0);
        if (len == 4 && cursor_is_short(&peek) && cursor_left(in) > 0)
            return TDS_NEEDS;
        if (len == 4 && !cursor_is_short(&peek))
            keep_handle(r, kind, handle);
    }
    enum tds_pass pass = tds_value_pass(w, (enum tds_class)w->kept_class, in, needs, &is_over);
    if (is_over) {
        if (r->session->returned < UINT8_MAX)
            r->session->returned++;
        w->at = TDS_AT_TOKEN;
    }
    return pass;
}

/* --- changes of the environment */

static enum tds_pass change(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = 4;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, 1);
    uint16_t len = cursor_le16(in);
    uint8_t kind = cursor_u8(in);
    if (len == 0)
        return TDS_STRANGE;
    w->left = len - 1U;
    if (kind >= CHANGE_BEGIN && kind <= CHANGE_ROLLBACK)
        set_apart(r->request);
    if (kind == CHANGE_DATABASE && w->left > 0) {
        w->at = TDS_AT_CHANGE;
        return TDS_PASSED;
    }
    w->skip = w->left;
    w->at = TDS_AT_TOKEN;
    return TDS_PASSED;
}

static enum tds_pass change_letters(struct tds_reading *r, struct cursor *in)
{
    struct tds_walk *w = r->walk;
    w->column = cursor_u8(in);
    w->left--;
    r->s->incoming.len = 0;
    if (2 * (uint32_t)w->column > w->left)
        return TDS_STRANGE;
    w->left -= 2 * (uint32_t)w->column;
    w->at = TDS_AT_CHANGE_TEXT;
    return TDS_PASSED;
}

/* The letters of a text, as many as are there; what has no room is left out. */
static enum tds_pass change_text(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    struct tds_name *name = &r->s->incoming;
    *needs = 2;
    if (w->column > 0 && cursor_left(in) < 2)
        return TDS_NEEDS;
    while (w->column > 0 && cursor_left(in) >= 2) {
        struct bytes letter =
            tds_utf8(cursor_take(in, 2), name->text + name->len, sizeof(name->text) - name->len);
        name->len = (uint8_t)(name->len + letter.len);
        w->column--;
    }
    if (w->column > 0)
        return TDS_PASSED;
    r->x->db_namespace =
        tds_keep(&r->s->database, (struct bytes){(const uint8_t *)name->text, name->len});
    w->skip = w->left;
    w->at = TDS_AT_TOKEN;
    return TDS_PASSED;
}

/* --- errors and the login */

/* ERROR and INFO: the number of the first error stays, or that of the first warning. */
static enum tds_pass message(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    char text[TEXT_MAX];
    *needs = 9;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    uint8_t token = cursor_u8(in);
    uint16_t len = cursor_le16(in);
    uint32_t number = cursor_le32(in);
    cursor_skip(in, 1);
    uint8_t severity = cursor_u8(in);
    if (len < 6)
        return TDS_STRANGE;
    r->walk->skip = len - 6U;
    struct request *q = r->request;
    bool is_error = token == TOKEN_ERROR;
    if (!q || q->mark & TDS_FAILED || (!is_error && severity < CLASS_WARNING))
        return TDS_PASSED;
    if (is_error)
        q->mark |= TDS_FAILED;
    if (number == LOGIN_FAILED)
        become_login(q);
    int text_len = snprintf(text, sizeof(text), "%lu", (unsigned long)number);
    q->tx.db_status_code =
        pairing_note(r->x, q, (struct bytes){(const uint8_t *)text, (size_t)text_len});
    transaction_mark(&q->tx, FIELD_DB_RESPONSE_STATUS_CODE);
    return TDS_PASSED;
}

/* The server agrees to a login, and to a version. */
static enum tds_pass login(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    *needs = 8;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, 1);
    uint16_t len = cursor_le16(in);
    cursor_skip(in, 1);
    uint8_t major = cursor_u8(in), minor = cursor_u8(in);
    cursor_skip(in, 2);
    if (len < 5)
        return TDS_STRANGE;
    r->s->era = major == 0x07 && minor == 0      ? TDS_ERA_70
                : major == 0x07 || major == 0x71 ? TDS_ERA_71
                                                 : TDS_ERA_72;
    r->walk->skip = len - 5U;
    become_login(r->request);
    return TDS_PASSED;
}

static enum tds_pass feature(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    struct cursor peek = *in;
    uint8_t kind = cursor_u8(&peek);
    *needs = kind == FEATURES_END ? 1 : 5;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    if (kind == FEATURES_END) {
        w->at = TDS_AT_TOKEN;
        *in = peek;
        return TDS_PASSED;
    }
    uint32_t len = cursor_le32(&peek);
    uint8_t first = len > 0 ? cursor_u8(&peek) : 0;
    *needs = 5 + (size_t)(len > 0);
    if (cursor_is_short(&peek))
        return TDS_NEEDS;
    if (kind == FEATURE_ENCRYPTION)
        r->s->has_keys = first > 0;
    else if (kind == FEATURE_LABELS)
        r->s->labels_version = first;
    w->skip = len > 0 ? len - 1 : 0;
    *in = peek;
    return TDS_PASSED;
}

/* --- tokens */

/* A token by the rule that tells all tokens' lengths; that of a count of things cannot be told. */
static enum tds_pass unknown(struct tds_reading *r, uint8_t token, struct cursor *in)
{
    r->x->pairing.owner->unread++;
    switch (token & 0x30) {
    case 0x10: /* nothing follows */
        cursor_skip(in, 1);
        return TDS_PASSED;
    case 0x20: /* a length */
        cursor_skip(in, 1);
        r->walk->skip = cursor_le16(in);
        return TDS_PASSED;
    case 0x30: /* one, two, four or eight bytes */
        cursor_skip(in, 1);
        r->walk->skip = UINT64_C(1) << (token >> 2 & 3);
        return TDS_PASSED;
    default:
        return give_up_rows(r);
    }
}

static enum tds_pass skip_token(struct tds_reading *r, uint8_t token, struct cursor *in,
                                size_t *needs)
{
    bool is_known = token == 0xa4 || token == 0xa5 || token == 0xa9 || token == TOKEN_PROOF;
    bool is_long_token = token == TOKEN_STATE || token == TOKEN_FEDAUTH;
    *needs = is_long_token ? 5 : (token & 0x30) == 0x20 ? 3 : 1;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    if (!is_known && !is_long_token)
        return unknown(r, token, in);
    if (token == TOKEN_PROOF || token == TOKEN_FEDAUTH)
        become_login(r->request);
    cursor_skip(in, 1);
    r->walk->skip = is_long_token ? cursor_le32(in) : cursor_le16(in);
    return TDS_PASSED;
}

static enum tds_pass token(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    struct cursor peek = *in;
    uint8_t first = cursor_u8(&peek);
    *needs = 1;
    if (cursor_is_short(&peek))
        return TDS_NEEDS;
    switch (first) {
    case TOKEN_ROW:
    case TOKEN_NULLS_ROW:
        return row(r, in);
    case TOKEN_TOTAL:
        return total(r, in, needs);
    case TOKEN_COLUMNS:
        return columns(r, in, needs);
    case TOKEN_TOTALS:
        return totals(r, in, needs);
    case TOKEN_DONE:
    case TOKEN_DONE_PROC:
    case TOKEN_DONE_IN_PROC:
        return done(r, in, needs);
    case TOKEN_STATUS:
    case TOKEN_OFFSET:
        *in = peek;
        w->skip = 4;
        return TDS_PASSED;
    case TOKEN_RETURNED:
        return returned(r, in, needs);
    case TOKEN_ERROR:
    case TOKEN_INFO:
        return message(r, in, needs);
    case TOKEN_CHANGE:
        return change(r, in, needs);
    case TOKEN_LOGIN:
        return login(r, in, needs);
    case TOKEN_FEATURES:
        *in = peek;
        w->at = TDS_AT_FEATURE;
        return TDS_PASSED;
    case TOKEN_LABELS:
        *in = peek;
        w->at = TDS_AT_LABELS;
        return TDS_PASSED;
    default:
        return skip_token(r, first, in, needs);
    }
}

/* --- data classification: names of labels, of kinds of data, then what each column has of them */

static bool has_ranks(const struct tds_reading *r)
{
    return r->s->labels_version != 1;
}

static enum tds_pass labels(struct tds_reading *r, struct cursor *in)
{
    struct tds_walk *w = r->walk;
    cursor_skip(in, w->at == TDS_AT_LABEL_COLUMNS && has_ranks(r) ? 4 : 0);
    uint16_t count = cursor_le16(in);
    switch (w->at) {
    case TDS_AT_LABELS:
        w->names = 2 * (uint32_t)count;
        w->at = TDS_AT_LABEL_KINDS;
        break;
    case TDS_AT_LABEL_KINDS:
        w->names = 2 * (uint32_t)count;
        w->at = TDS_AT_LABEL_COLUMNS;
        break;
    case TDS_AT_LABEL_COLUMNS:
        w->left = count;
        w->at = count > 0 ? TDS_AT_LABEL_COLUMN : TDS_AT_TOKEN;
        break;
    default:
        w->skip = (uint64_t)count * (has_ranks(r) ? 8 : 4);
        w->at = --w->left > 0 ? TDS_AT_LABEL_COLUMN : TDS_AT_TOKEN;
        break;
    }
    return TDS_PASSED;
}

/* The keys that columns are encrypted with. */
static enum tds_pass keys(struct tds_walk *w, struct cursor *in)
{
    switch (w->at) {
    case TDS_AT_KEYS:
        w->left = cursor_le16(in);
        w->has_key = w->left > 0;
        break;
    case TDS_AT_KEY:
        cursor_skip(in, 4 + 4 + 4 + 8); /* database, key, versions */
        w->column = cursor_u8(in);
        w->left--;
        break;
    default:
        w->skip = cursor_le16(in);
        w->names = w->long_names = w->last_names = 1; /* store, path, algorithm */
        w->column--;
        break;
    }
    w->at = w->column > 0 ? TDS_AT_KEY_VALUE : w->left > 0 ? TDS_AT_KEY : TDS_AT_COLUMN;
    return TDS_PASSED;
}

/* What is at the walk's place, of units of a known length. */
static enum tds_pass take(struct tds_reading *r, struct cursor *in, size_t *needs, size_t len)
{
    struct tds_walk *w = r->walk;
    *needs = len;
    if (cursor_left(in) < len)
        return TDS_NEEDS;
    switch (w->at) {
    case TDS_AT_KEYS:
    case TDS_AT_KEY:
    case TDS_AT_KEY_VALUE:
        return keys(w, in);
    case TDS_AT_OPERATOR:
        cursor_skip(in, 3);
        w->at = TDS_AT_COLUMN;
        return TDS_PASSED;
    case TDS_AT_ALGORITHM:
        w->names = cursor_u8(in) == 0;
        w->at = TDS_AT_ALGORITHM_END;
        return TDS_PASSED;
    case TDS_AT_ALGORITHM_END:
        return algorithm_end(r, in);
    case TDS_AT_CHANGE:
        return change_letters(r, in);
    default:
        return labels(r, in);
    }
}

/* The end of a reply, of which something was lost: what the server says of the number of rows. */
static enum tds_pass tail(struct tds_reading *r, size_t *needs)
{
    uint8_t room[TAIL_MAX];
    struct bytes end;
    size_t len = is_long(r) ? DONE_LEN : DONE_OLD_LEN;
    if (!tds_look(r, sizeof(room), room, &end, needs))
        return TDS_LOOKS;
    r->walk->at = TDS_AT_REST;
    struct cursor in = cursor_over(bytes_from(end, end.len < len ? end.len : end.len - len));
    struct done last = read_done(&in, is_long(r));
    if (cursor_is_short(&in) || last.token < TOKEN_DONE || last.status & ~DONE_KNOWN ||
        last.status & DONE_MORE)
        return TDS_PASSED;
    bool is_call = last.token == TOKEN_DONE_PROC && end.len >= 2 * len + STATUS_LEN;
    in = cursor_over(bytes_from(end, is_call ? end.len - 2 * len - STATUS_LEN : end.len));
    struct done before = read_done(&in, is_long(r));
    if (is_call && before.token == TOKEN_DONE_IN_PROC && cursor_u8(&in) == TOKEN_STATUS &&
        !(before.status & ~DONE_KNOWN))
        take_done(r, &before);
    take_done(r, &last);
    return TDS_PASSED;
}

/* Until the end of a reply, of which something was lost. */
static enum tds_pass lost(struct tds_reading *r, size_t *needs)
{
    uint32_t left = r->frame->left;
    if (r->frame->is_last && left <= TAIL_MAX)
        return tail(r, needs);
    r->walk->skip = r->frame->is_last ? left - TAIL_MAX : left;
    return TDS_PASSED;
}

static enum tds_pass first(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct cursor peek = *in;
    *needs = 1;
    uint8_t byte = cursor_u8(&peek);
    if (cursor_is_short(&peek))
        return TDS_NEEDS;
    bool is_asked = tds_kind_of(r->request) == TDS_KIND_PRELOGIN;
    if (byte == 0 && (is_asked || tds_kind_of(r->request) == TDS_KIND_UNKNOWN))
        return tds_prelogin_reply(r, needs);
    r->walk->at = TDS_AT_TOKEN;
    return TDS_PASSED;
}

enum tds_pass tds_server_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    switch (w->at) {
    case TDS_AT_ROW:
        return rows(r, in, needs);
    case TDS_AT_TOKEN:
        return token(r, in, needs);
    case TDS_AT_LOST:
        return lost(r, needs);
    case TDS_AT_TYPE:
        return tds_type_pass(w, r->s->era != TDS_ERA_70, false, in, needs);
    case TDS_AT_FIRST:
        return first(r, in, needs);
    case TDS_AT_COLUMN:
        return column(r, in, needs);
    case TDS_AT_COLUMN_TYPED:
        return column_typed(r, in, needs);
    case TDS_AT_CRYPTO:
        return crypto(r, in, needs);
    case TDS_AT_NULLS:
        return nulls(r, in, needs);
    case TDS_AT_RETURN:
        return return_type(r, in, needs);
    case TDS_AT_RETURN_TYPED:
        w->kept_class = w->value_class == TDS_POINTED ? TDS_LONG : w->value_class;
        w->at = w->is_encrypted ? TDS_AT_CRYPTO : TDS_AT_RETURN_VALUE;
        return TDS_PASSED;
    case TDS_AT_RETURN_VALUE:
        return return_value(r, in, needs);
    case TDS_AT_CHANGE_TEXT:
        return change_text(r, in, needs);
    case TDS_AT_FEATURE:
        return feature(r, in, needs);
    case TDS_AT_KEY:
        return take(r, in, needs, 21);
    case TDS_AT_OPERATOR:
        return take(r, in, needs, 3);
    case TDS_AT_ALGORITHM:
    case TDS_AT_CHANGE:
        return take(r, in, needs, 1);
    case TDS_AT_LABEL_COLUMNS:
        return take(r, in, needs, has_ranks(r) ? 6 : 2);
    case TDS_AT_KEYS:
    case TDS_AT_KEY_VALUE:
    case TDS_AT_ALGORITHM_END:
    case TDS_AT_LABELS:
    case TDS_AT_LABEL_KINDS:
    case TDS_AT_LABEL_COLUMN:
        return take(r, in, needs, 2);
    default:
        return TDS_STRANGE;
    }
}

/* --- replies */

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
