/*
 * The client's side of TDS: batches, calls of procedures, and what else is asked.  A batch is a
 * request, and each call of a message with several; the text of a statement that was prepared, or
 * that a cursor is of, is known by its handle.
 *
 * [MS-TDS] sections 2.2.1, 2.2.5.3 (headers), 2.2.6.6 (calls), 2.2.6.7 (batches), 2.2.6.9
 */
#include "analyzers/prepared.h"
#include "analyzers/tds_state.h"
#include "analyzers/tds_text.h"

enum {
    HEADERS_MIN = 22, /* bytes of the headers before a request: their length, and one header */
    HEADERS_MAX = 4096,
    HEADERS_LOOK = 10, /* bytes that tell whether there are some */
    BY_NUMBER = 0xffff,
    PROC_NAME_MAX = 1046, /* characters: four names in brackets */
    CALL_OPTIONS_LEN = 2,
    ENCRYPTED = 0x08,  /* status of a parameter */
    CIPHER_LEN = 22,   /* bytes, behind the algorithm */
    IS_DEFAULT = 0x02, /* second byte of a column's flags: it has no values */
    TYPE_TABLE = 0xf3,
    TABLE_NAMES = 3,
    TABLE_ENDS = 2, /* of the description, of the rows */
    NO_PARAMETER = 0xff,
    UTF8_OF_NAME = 3 * PROC_NAME_MAX + 8,
};

/* What is known of the procedures that are called by their numbers. */
static const struct {
    const char *name;
    uint8_t statement; /* which parameter is a statement's text */
    uint8_t handle;    /* which parameter is a handle */
    char kind;         /* of the handle: 'S' a statement, 'C' a cursor */
} procs[TDS_PROCS_COUNT] = {
    [TDS_PROC_NAMED] = {"", NO_PARAMETER, NO_PARAMETER, 0},
    [TDS_CURSOR] = {"sp_cursor", NO_PARAMETER, 0, 'C'},
    [TDS_CURSOR_OPEN] = {"sp_cursoropen", 1, NO_PARAMETER, 0},
    [TDS_CURSOR_PREPARE] = {"sp_cursorprepare", 2, NO_PARAMETER, 0},
    [TDS_CURSOR_EXECUTE] = {"sp_cursorexecute", NO_PARAMETER, 0, 'S'},
    [TDS_CURSOR_PREPEXEC] = {"sp_cursorprepexec", 3, NO_PARAMETER, 0},
    [TDS_CURSOR_UNPREPARE] = {"sp_cursorunprepare", NO_PARAMETER, 0, 'S'},
    [TDS_CURSOR_FETCH] = {"sp_cursorfetch", NO_PARAMETER, 0, 'C'},
    [TDS_CURSOR_OPTION] = {"sp_cursoroption", NO_PARAMETER, 0, 'C'},
    [TDS_CURSOR_CLOSE] = {"sp_cursorclose", NO_PARAMETER, 0, 'C'},
    [TDS_EXECUTE_SQL] = {"sp_executesql", 0, NO_PARAMETER, 0},
    [TDS_PREPARE] = {"sp_prepare", 2, NO_PARAMETER, 0},
    [TDS_EXECUTE] = {"sp_execute", NO_PARAMETER, 0, 'S'},
    [TDS_PREPEXEC] = {"sp_prepexec", 2, NO_PARAMETER, 0},
    [TDS_PREPEXEC_RPC] = {"sp_prepexecrpc", 1, NO_PARAMETER, 0},
    [TDS_UNPREPARE] = {"sp_unprepare", NO_PARAMETER, 0, 'S'},
};

/* Whether a call does what its statement does, and not only something with it. */
static bool is_execution(enum tds_proc proc)
{
    switch (proc) {
    case TDS_CURSOR_OPEN:
    case TDS_CURSOR_EXECUTE:
    case TDS_CURSOR_PREPEXEC:
    case TDS_CURSOR_FETCH:
    case TDS_EXECUTE_SQL:
    case TDS_EXECUTE:
    case TDS_PREPEXEC:
    case TDS_PREPEXEC_RPC:
        return true;
    default:
        return false;
    }
}

struct request *tds_open(struct tds_reading *r, enum tds_kind kind)
{
    const struct request *last = tds_last(r);
    bool is_joined = last && (last->batch == r->session->asking || kind == TDS_KIND_ATTENTION);
    r->session->has_opened = true;
    struct request *q = is_joined ? pairing_join(r->x) : pairing_open(r->x);
    if (!q)
        return NULL;
    q->id = r->s->is_mars ? r->session->id + UINT64_C(1) : 0;
    q->batch = r->session->asking;
    q->mark = kind;
    return q;
}

static void set_operation(struct request *q, const char *operation)
{
    q->tx.db_operation = bytes_of(operation);
    transaction_mark(&q->tx, FIELD_DB_OPERATION_NAME);
}

struct request *tds_open_apart(struct tds_reading *r, enum tds_kind kind, const char *operation)
{
    struct request *q = tds_open(r, kind);
    if (!q)
        return NULL;
    q->tx.is_apart = true;
    set_operation(q, operation);
    return q;
}

static void set_hash(struct request *q, uint64_t hash)
{
    if (!q || !hash)
        return;
    q->tx.db_query_hash = hash;
    transaction_mark(&q->tx, FIELD_DB_QUERY_HASH);
}

/* --- texts */

/* What a text of a message says; the work and the room are bounded. */
static struct tds_meaning read_text(struct tds_reading *r, struct bytes utf16)
{
    char text[TDS_TEXT_MAX];
    struct tds *s = r->s;
    struct tds_meaning m = tds_statement(r->x->statements, tds_utf8(utf16, text, sizeof(text)),
                                         s->has_texts_in_quotes);
    if (m.quotes_names || m.quotes_texts)
        s->has_texts_in_quotes = m.quotes_texts;
    return m;
}

static void set_meaning(struct request *q, const struct tds_meaning *m)
{
    set_hash(q, m->hash);
    if (q)
        q->tx.action = m->action;
}

static enum tds_pass batch(struct tds_reading *r, size_t *needs)
{
    uint8_t room[TDS_TEXT_MAX];
    struct bytes text;
    if (!tds_look(r, sizeof(room), room, &text, needs))
        return TDS_LOOKS;
    struct request *q = tds_open(r, TDS_KIND_BATCH);
    struct tds_meaning m = read_text(r, text);
    set_meaning(q, &m);
    r->s->bulk = m.is_bulk ? m.hash : 0;
    r->walk->at = TDS_AT_REST;
    return TDS_PASSED;
}

/* The text of a parameter that is a statement, as much as its first chunk. */
static bool look_at_statement(struct tds_reading *r, struct bytes *text, size_t *needs)
{
    uint8_t head[12], room[TDS_TEXT_MAX];
    uint8_t value_class = r->walk->value_class;
    size_t prefix = value_class == TDS_CHUNKED ? 12 : value_class == TDS_LONG ? 4 : 2;
    if (!tds_look(r, prefix, head, text, needs))
        return false;
    struct cursor in = cursor_over(*text);
    cursor_skip(&in, prefix == 12 ? 8 : 0);
    uint32_t len = prefix == 2 ? cursor_le16(&in) : cursor_le32(&in);
    bool is_null = cursor_is_short(&in) || len == (prefix == 2 ? UINT16_MAX : UINT32_MAX);
    len = is_null ? 0 : len < sizeof(room) - prefix ? len : sizeof(room) - (uint32_t)prefix;
    if (!tds_look(r, prefix + len, room, text, needs))
        return false;
    *text = bytes_from(*text, prefix);
    struct request *q = tds_last(r);
    struct tds_meaning m = read_text(r, *text);
    if (!q)
        return true;
    set_hash(q, m.hash);
    if (is_execution(tds_proc_of(q)))
        q->tx.action = m.action;
    return true;
}

/* A statement or a cursor by its handle. */
static bool look_at_handle(struct tds_reading *r, char kind, size_t *needs)
{
    uint8_t room[5];
    struct bytes value;
    struct request *q = tds_last(r);
    if (!tds_look(r, sizeof(room), room, &value, needs))
        return false;
    struct cursor in = cursor_over(value);
    uint8_t len = cursor_u8(&in);
    struct bytes handle = cursor_take(&in, 4);
    if (len != 4 || cursor_is_short(&in) || !q)
        return true;
    const struct prepared_entry *entry =
        prepared_find(r->x->prepared, r->x->connection, kind, handle);
    const struct statement *statement =
        entry ? statements_find(r->x->statements, entry->statement) : NULL;
    set_hash(q, entry ? entry->statement : 0);
    enum tds_proc proc = tds_proc_of(q);
    if (statement && is_execution(proc))
        q->tx.action = statement->action;
    if (proc == TDS_UNPREPARE || proc == TDS_CURSOR_UNPREPARE || proc == TDS_CURSOR_CLOSE)
        prepared_forget(r->x->prepared, r->x->connection, kind, handle);
    return true;
}

/* --- calls */

/* A procedure of ours by its name, with or without its owner's. */
static enum tds_proc proc_of(struct bytes name)
{
    for (size_t dot = bytes_index(name, '.'); dot < name.len; dot = bytes_index(name, '.'))
        name = bytes_from(name, dot + 1);
    for (int proc = TDS_CURSOR; proc < TDS_PROCS_COUNT; proc++) {
        if (bytes_are_nocase(name, procs[proc].name))
            return (enum tds_proc)proc;
    }
    return TDS_PROC_NAMED;
}

static void open_call(struct tds_reading *r, enum tds_proc proc)
{
    struct request *q = tds_open(r, TDS_KIND_CALL);
    r->session->parameter = 0;
    r->walk->at = TDS_AT_PARAMETER;
    if (!q)
        return;
    q->mark |= (unsigned)proc << TDS_PROC_SHIFT;
    if (proc == TDS_CURSOR_FETCH)
        q->tx.action = ACTION_READ;
    if (proc != TDS_PROC_NAMED && !is_execution(proc))
        set_operation(q, procs[proc].name);
}

static void call_by_name(struct tds_reading *r, struct bytes utf16)
{
    char text[UTF8_OF_NAME] = "EXEC ";
    size_t len = strlen(text);
    struct bytes name = tds_utf8(utf16, text + len, sizeof(text) - len);
    enum tds_proc proc = proc_of(name);
    open_call(r, proc);
    struct request *q = tds_last(r);
    if (proc != TDS_PROC_NAMED || !q)
        return;
    struct bytes statement = {(const uint8_t *)text, len + name.len};
    struct tds_meaning m = tds_statement(r->x->statements, statement, r->s->has_texts_in_quotes);
    set_meaning(q, &m);
}

static enum tds_pass call(struct tds_reading *r, size_t *needs)
{
    uint8_t room[2 + 2 * PROC_NAME_MAX];
    struct bytes head;
    if (!tds_look(r, 4, room, &head, needs))
        return TDS_LOOKS;
    struct cursor in = cursor_over(head);
    uint16_t len = cursor_le16(&in), number = len == BY_NUMBER ? cursor_le16(&in) : 0;
    if (cursor_is_short(&in) || (len > PROC_NAME_MAX && len != BY_NUMBER))
        return TDS_STRANGE;
    if (len == BY_NUMBER) {
        open_call(r, number < TDS_PROCS_COUNT ? (enum tds_proc)number : TDS_PROC_NAMED);
        r->walk->skip = 4 + CALL_OPTIONS_LEN;
        return TDS_PASSED;
    }
    size_t name_len = 2 + 2 * (size_t)len;
    if (!tds_look(r, name_len, room, &head, needs))
        return TDS_LOOKS;
    call_by_name(r, bytes_from(head, 2));
    r->walk->skip = name_len + CALL_OPTIONS_LEN;
    return TDS_PASSED;
}

static bool is_separator(const struct tds_reading *r, uint8_t byte)
{
    return byte >= 0xfe || (byte == 0x80 && r->s->era != TDS_ERA_72);
}

/* A parameter, or another call. */
static enum tds_pass parameter(struct tds_reading *r, struct cursor *in)
{
    uint8_t len = cursor_u8(in);
    if (is_separator(r, len)) {
        r->walk->at = TDS_AT_CALL;
        return TDS_STOPS;
    }
    r->walk->skip = 2 * (uint64_t)len;
    r->walk->at = TDS_AT_PARAMETER_TYPE;
    return TDS_PASSED;
}

static void parameter_type(struct tds_walk *w, struct cursor *in)
{
    w->is_encrypted = cursor_u8(in) & ENCRYPTED;
    w->type = cursor_u8(in);
    if (w->type == TYPE_TABLE) {
        w->names = TABLE_NAMES;
        w->at = TDS_AT_TABLE;
        return;
    }
    w->after = TDS_AT_PARAMETER_VALUE;
    w->at = TDS_AT_TYPE;
}

static void end_parameter(struct tds_reading *r)
{
    if (r->session->parameter < NO_PARAMETER - 1)
        r->session->parameter++;
    r->walk->at = r->walk->is_encrypted ? TDS_AT_CIPHER : TDS_AT_PARAMETER;
}

static enum tds_pass parameter_value(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    enum tds_proc proc = tds_proc_of(tds_last(r));
    struct bytes text;
    bool is_over, is_begin = w->value == TDS_VALUE_LENGTH && w->carry_len == 0;
    bool is_text =
        w->value_class == TDS_SHORT || w->value_class == TDS_LONG || w->value_class == TDS_CHUNKED;
    if (is_begin && is_text && r->session->parameter == procs[proc].statement &&
        !look_at_statement(r, &text, needs))
        return TDS_LOOKS;
    if (is_begin && w->value_class == TDS_BYTE && r->session->parameter == procs[proc].handle &&
        !look_at_handle(r, procs[proc].kind, needs))
        return TDS_LOOKS;
    enum tds_pass pass = tds_value_pass(w, (enum tds_class)w->value_class, in, needs, &is_over);
    if (is_over)
        end_parameter(r);
    return pass;
}

/* --- tables as parameters */

static struct tds_owner owner_of(const struct tds_reading *r)
{
    return (struct tds_owner){.session = tds_session_place(r->s, r->session), .side = SIDE_CLIENT};
}

static enum tds_pass table(struct tds_reading *r, struct cursor *in)
{
    struct tds_walk *w = r->walk;
    uint16_t count = cursor_le16(in);
    w->left = TABLE_ENDS;
    w->column = 0;
    bool is_null = count == UINT16_MAX;
    if (!tds_columns_begin(&r->s->columns, owner_of(r), is_null ? 0 : count))
        return TDS_STRANGE;
    w->at = is_null || count == 0 ? TDS_AT_TABLE_TOKEN : TDS_AT_TABLE_COLUMN;
    return TDS_PASSED;
}

static void table_column(struct tds_walk *w, struct cursor *in)
{
    cursor_skip(in, 4 + 1); /* the user's type, flags */
    w->is_encrypted = cursor_u8(in) & IS_DEFAULT;
    w->type = cursor_u8(in);
    w->after = TDS_AT_TABLE_COLUMN_TYPED;
    w->at = TDS_AT_TYPE;
}

static enum tds_pass table_column_typed(struct tds_reading *r)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r));
    if (!result || w->column >= result->count)
        return TDS_STRANGE;
    r->s->columns.classes[result->at + w->column] = w->is_encrypted ? TDS_FIXED : w->value_class;
    w->is_encrypted = false;
    w->names = 1;
    w->at = ++w->column < result->count ? TDS_AT_TABLE_COLUMN : TDS_AT_TABLE_TOKEN;
    return TDS_PASSED;
}

static enum tds_pass table_token(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    struct cursor peek = *in;
    uint8_t token = cursor_u8(&peek);
    if (token == 0x10 || token == 0x11) { /* orders */
        uint64_t count = cursor_le16(&peek);
        *needs = 3;
        if (cursor_is_short(&peek))
            return TDS_NEEDS;
        w->skip = count * (token == 0x10 ? 3 : 2);
    } else if (token == 0x01) {
        w->column = 0;
        w->at = TDS_AT_TABLE_ROW;
    } else if (token == 0x00) {
        if (--w->left == 0)
            end_parameter(r);
    } else {
        return TDS_STRANGE;
    }
    *in = peek;
    return TDS_PASSED;
}

static enum tds_pass table_row(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    const struct tds_result *result = tds_columns_find(&r->s->columns, owner_of(r));
    if (!result)
        return TDS_STRANGE;
    uint64_t none;
    enum tds_pass pass =
        tds_rows_pass(w, r->s->columns.classes + result->at, result->count, 0, in, &none, needs);
    if (w->column == result->count)
        w->at = TDS_AT_TABLE_TOKEN;
    return pass;
}

/* --- other requests */

static void transaction(struct tds_reading *r, struct cursor *in)
{
    static const char *const names[] = {
        "GET DTC ADDRESS",   "PROPAGATE TRANSACTION", "",       "",         "",
        "BEGIN TRANSACTION", "PROMOTE TRANSACTION",   "COMMIT", "ROLLBACK", "SAVE TRANSACTION"};
    uint16_t kind = cursor_le16(in);
    bool is_known = kind < sizeof(names) / sizeof(names[0]) && *names[kind];
    (void)tds_open_apart(r, TDS_KIND_TRANSACTION, is_known ? names[kind] : "TRANSACTION");
    r->walk->at = TDS_AT_REST;
}

static void open_bulk(struct tds_reading *r)
{
    struct request *q = tds_open_apart(r, TDS_KIND_BULK, "INSERT BULK");
    if (!q)
        return;
    q->tx.action = ACTION_WRITE;
    set_hash(q, r->s->bulk);
}

/* The headers before a request, of TDS 7.2 and later. */
static enum tds_pass headers(struct tds_reading *r, size_t *needs)
{
    uint8_t room[HEADERS_LOOK];
    struct bytes head;
    if (!tds_look(r, sizeof(room), room, &head, needs))
        return TDS_LOOKS;
    struct cursor in = cursor_over(head);
    uint32_t all_len = cursor_le32(&in), len = cursor_le32(&in);
    uint16_t kind = cursor_le16(&in);
    bool is_headers = !cursor_is_short(&in) && all_len >= HEADERS_MIN && all_len <= HEADERS_MAX &&
                      len > 6 && len <= all_len - 4 && kind >= 1 && kind <= 3;
    if (is_headers)
        r->walk->skip = all_len;
    if (is_headers)
        r->s->era = TDS_ERA_72;
    else if (r->s->era != TDS_ERA_70)
        r->s->era = TDS_ERA_71;
    r->walk->at = r->half->type == TDS_BATCH ? TDS_AT_BATCH
                  : r->half->type == TDS_RPC ? TDS_AT_CALL
                                             : TDS_AT_TRANSACTION;
    return TDS_PASSED;
}

void tds_client_begin(struct tds_reading *r, uint8_t type)
{
    struct tds_walk *w = r->walk;
    const struct request *first = tds_first(r);
    bool in_handshake = type == TDS_PRELOGIN && tds_kind_of(first) == TDS_KIND_PRELOGIN;
    bool goes_on = in_handshake || type == TDS_SSPI || type == TDS_FEDAUTH;
    *w = (struct tds_walk){.at = TDS_AT_REST};
    r->session->has_opened = goes_on;
    if (!goes_on)
        r->session->asking = ++r->s->messages;
    if (type != TDS_PRELOGIN)
        tds_prelogin_end(r);
    switch (type) {
    case TDS_BATCH:
    case TDS_RPC:
    case TDS_TRANSACTION:
        w->at = TDS_AT_HEADERS;
        break;
    case TDS_BULK:
        open_bulk(r);
        break;
    case TDS_ATTENTION:
        (void)tds_open_apart(r, TDS_KIND_ATTENTION, "ATTENTION");
        break;
    case TDS_PRELOGIN:
        w->at = in_handshake ? TDS_AT_REST : TDS_AT_PRELOGIN;
        break;
    case TDS_LOGIN:
        w->at = TDS_AT_LOGIN;
        break;
    case TDS_SSPI:
    case TDS_FEDAUTH:
        w->at = TDS_AT_PROOF;
        break;
    default:
        break;
    }
}

void tds_client_end(struct tds_reading *r)
{
    if (r->session->has_opened)
        return;
    switch (r->half->type) {
    case TDS_BATCH:
        (void)tds_open(r, TDS_KIND_BATCH);
        break;
    case TDS_RPC:
        (void)tds_open(r, TDS_KIND_CALL);
        break;
    case TDS_TRANSACTION:
        (void)tds_open_apart(r, TDS_KIND_TRANSACTION, "TRANSACTION");
        break;
    case TDS_LOGIN:
        tds_open_login(r, "LOGIN7");
        break;
    default:
        break;
    }
}

/* What is at the walk's place, of units of a known length. */
static enum tds_pass take(struct tds_reading *r, struct cursor *in, size_t *needs, size_t len)
{
    struct tds_walk *w = r->walk;
    *needs = len;
    if (cursor_left(in) < len)
        return TDS_NEEDS;
    switch (w->at) {
    case TDS_AT_PARAMETER:
        return parameter(r, in);
    case TDS_AT_PARAMETER_TYPE:
        parameter_type(w, in);
        break;
    case TDS_AT_CIPHER:
        w->type = cursor_u8(in);
        w->after = TDS_AT_CIPHER_ALGORITHM;
        w->at = TDS_AT_TYPE;
        break;
    case TDS_AT_CIPHER_ALGORITHM:
        w->names = cursor_u8(in) == 0;
        w->at = TDS_AT_CIPHER_END;
        break;
    case TDS_AT_CIPHER_END:
        cursor_skip(in, CIPHER_LEN);
        w->at = TDS_AT_PARAMETER;
        break;
    case TDS_AT_TABLE:
        return table(r, in);
    case TDS_AT_TABLE_COLUMN:
        table_column(w, in);
        break;
    case TDS_AT_TRANSACTION:
        transaction(r, in);
        break;
    default:
        return TDS_STRANGE;
    }
    return TDS_PASSED;
}

enum tds_pass tds_client_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    switch (r->walk->at) {
    case TDS_AT_TYPE:
        return tds_type_pass(r->walk, r->s->era != TDS_ERA_70, true, in, needs);
    case TDS_AT_HEADERS:
        return headers(r, needs);
    case TDS_AT_BATCH:
        return batch(r, needs);
    case TDS_AT_CALL:
        return call(r, needs);
    case TDS_AT_PARAMETER_VALUE:
        return parameter_value(r, in, needs);
    case TDS_AT_TABLE_COLUMN_TYPED:
        return table_column_typed(r);
    case TDS_AT_TABLE_TOKEN:
        return table_token(r, in, needs);
    case TDS_AT_TABLE_ROW:
        return table_row(r, in, needs);
    case TDS_AT_PRELOGIN:
        return tds_prelogin_pass(r, needs);
    case TDS_AT_LOGIN:
        return tds_login_pass(r, needs);
    case TDS_AT_PROOF:
        return tds_proof_pass(r, needs);
    case TDS_AT_PARAMETER:
    case TDS_AT_CIPHER:
    case TDS_AT_CIPHER_ALGORITHM:
        return take(r, in, needs, 1);
    case TDS_AT_PARAMETER_TYPE:
    case TDS_AT_TABLE:
    case TDS_AT_TRANSACTION:
        return take(r, in, needs, 2);
    case TDS_AT_TABLE_COLUMN:
        return take(r, in, needs, 7);
    case TDS_AT_CIPHER_END:
        return take(r, in, needs, CIPHER_LEN);
    default:
        return TDS_STRANGE;
    }
}
