/*
 * Calls of procedures.  Those that are called by their numbers have to do with a statement: its
 * text is one of the parameters, or is known by a handle, and the parameters behind it are its
 * values.  Which of them look for customers, the columns tell that they stand beside, or their own
 * names.
 *
 * [MS-TDS] section 2.2.6.6
 */
#include "analyzers/sql/prepared.h"
#include "analyzers/subject.h"
#include "analyzers/tds/tds_client.h"
#include "analyzers/tds/tds_values.h"

enum {
    BY_NUMBER = 0xffff,
    PROC_NAME_MAX = 1046, /* characters: four names in brackets */
    CALL_OPTIONS_LEN = 2,
    ENCRYPTED = 0x08, /* status of a parameter */
    CIPHER_LEN = 22,  /* bytes, behind the algorithm */
    TABLE_NAMES = 3,
    NONE = 0xff, /* no parameter */
    UTF8_OF_NAME = 3 * PROC_NAME_MAX + 8,
    DECLARATION_MAX = 4096, /* bytes of a declaration of parameters that are read */
};

/* What is known of the procedures that are called by their numbers. */
static const struct {
    const char *name;
    uint8_t statement; /* which parameter is a statement's text */
    uint8_t declared;  /* which one declares its parameters */
    uint8_t values;    /* which is the first of its values */
    uint8_t handle;    /* which parameter is a handle */
    char kind;         /* of the handle: 'S' a statement, 'C' a cursor */
} procs[TDS_PROCS_COUNT] = {
    [TDS_PROC_NAMED] = {"", NONE, NONE, 0, NONE, 0},
    [TDS_CURSOR] = {"sp_cursor", NONE, NONE, NONE, 0, 'C'},
    [TDS_CURSOR_OPEN] = {"sp_cursoropen", 1, 5, 6, NONE, 0},
    [TDS_CURSOR_PREPARE] = {"sp_cursorprepare", 2, 1, NONE, NONE, 0},
    [TDS_CURSOR_EXECUTE] = {"sp_cursorexecute", NONE, NONE, 5, 0, 'S'},
    [TDS_CURSOR_PREPEXEC] = {"sp_cursorprepexec", 3, 2, 7, NONE, 0},
    [TDS_CURSOR_UNPREPARE] = {"sp_cursorunprepare", NONE, NONE, NONE, 0, 'S'},
    [TDS_CURSOR_FETCH] = {"sp_cursorfetch", NONE, NONE, NONE, 0, 'C'},
    [TDS_CURSOR_OPTION] = {"sp_cursoroption", NONE, NONE, NONE, 0, 'C'},
    [TDS_CURSOR_CLOSE] = {"sp_cursorclose", NONE, NONE, NONE, 0, 'C'},
    [TDS_EXECUTE_SQL] = {"sp_executesql", 0, 1, 2, NONE, 0},
    [TDS_PREPARE] = {"sp_prepare", 2, 1, NONE, NONE, 0},
    [TDS_EXECUTE] = {"sp_execute", NONE, NONE, 1, 0, 'S'},
    [TDS_PREPEXEC] = {"sp_prepexec", 2, 1, 3, NONE, 0},
    [TDS_PREPEXEC_RPC] = {"sp_prepexecrpc", 1, NONE, 2, NONE, 0},
    [TDS_UNPREPARE] = {"sp_unprepare", NONE, NONE, NONE, 0, 'S'},
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

/* --- what the values look for */

/* What is known of the request's parameters, made where it is not there; NULL without room. */
static struct tds_call *call_of(struct tds_reading *r, struct request *q)
{
    if (!q->visit)
        q->visit = pairing_room(r->x, q, sizeof(struct tds_call));
    return q->visit;
}

/* The places of the names that are looked for go before the names: a client sends either. */
static void number_lookups(struct tds_call *c)
{
    struct lookups numbered = {.count = 0};
    struct cursor in = cursor_over((struct bytes){(const uint8_t *)c->declared, c->declared_len});
    unsigned number = 0;
    while (cursor_left(&in) > 0 && c->lookups.count > 0) {
        enum subject_kind kind = lookups_named(&c->lookups, cursor_until(&in, ' '));
        number++;
        if (kind != SUBJECT_NONE)
            lookups_add(&numbered, number, (struct bytes){NULL, 0}, kind);
    }
    for (size_t i = 0; i < c->lookups.count && numbered.count < LOOKUPS_MAX; i++)
        numbered.items[numbered.count++] = c->lookups.items[i];
    c->lookups = numbered;
}

/* "@P0 nvarchar(20),@P1 decimal(20, 0) output": the names. */
static void keep_declared(struct tds_call *c, struct bytes text)
{
    struct cursor in = cursor_over(text);
    unsigned depth = 0;
    bool in_name = false;
    c->declared_len = 0;
    while (cursor_left(&in) > 0 && c->declared_len + 1 < TDS_DECLARED_MAX) {
        uint8_t letter = cursor_u8(&in);
        depth += letter == '(';
        depth -= letter == ')' && depth > 0;
        bool was_in_name = in_name;
        in_name = letter == '@' || (in_name && letter > ' ' && letter != ',' && depth == 0);
        if (in_name)
            c->declared[c->declared_len++] = (char)letter;
        else if (was_in_name)
            c->declared[c->declared_len++] = ' ';
    }
    if (in_name) /* cut */
        c->declared_len = 0;
}

/* The first chunk of a text at the walk's place. */
static bool look_at_text(const struct tds_reading *r, uint8_t *room, size_t room_len,
                         struct bytes *text, size_t *needs)
{
    uint8_t head[12];
    uint8_t value_class = r->walk->value_class;
    size_t prefix = value_class == TDS_CHUNKED ? 12 : value_class == TDS_LONG ? 4 : 2;
    if (!tds_look(r, prefix, head, text, needs))
        return false;
    struct cursor in = cursor_over(*text);
    cursor_skip(&in, prefix == 12 ? 8 : 0);
    uint32_t len = prefix == 2 ? cursor_le16(&in) : cursor_le32(&in);
    bool is_null = cursor_is_short(&in) || len == (prefix == 2 ? UINT16_MAX : UINT32_MAX);
    len = is_null ? 0 : len < room_len - prefix ? len : (uint32_t)(room_len - prefix);
    if (!tds_look(r, prefix + len, room, text, needs))
        return false;
    *text = bytes_from(*text, prefix);
    return true;
}

/* What the names are in the order of the values. */
static bool look_at_declaration(struct tds_reading *r, size_t *needs)
{
    uint8_t room[DECLARATION_MAX];
    char utf8[3 * DECLARATION_MAX / 2];
    struct bytes text;
    struct request *q = tds_last(r);
    if (!q || !subject_is_on(r->x, SIDE_CLIENT))
        return true;
    if (!look_at_text(r, room, sizeof(room), &text, needs))
        return false;
    struct tds_call *c = text.len > 0 ? call_of(r, q) : NULL;
    if (!c)
        return true;
    keep_declared(c, tds_utf8(text, utf8, sizeof(utf8)));
    number_lookups(c);
    return true;
}

/* The text of a parameter that is a statement. */
static bool look_at_statement(struct tds_reading *r, size_t *needs)
{
    uint8_t room[TDS_TEXT_MAX];
    struct bytes text;
    struct lookups lookups = {.count = 0};
    if (!look_at_text(r, room, sizeof(room), &text, needs))
        return false;
    struct request *q = tds_last(r);
    bool is_executed = is_execution(tds_proc_of(q));
    struct tds_meaning m = tds_client_text(r, text, is_executed ? q : NULL, &lookups);
    tds_client_hash(q, m.hash);
    if (q && is_executed)
        q->tx.action = m.action;
    struct tds_call *c = q && lookups.count > 0 ? call_of(r, q) : NULL;
    if (!c)
        return true;
    c->lookups = lookups;
    number_lookups(c);
    return true;
}

/* What the values of a statement look for, by its handle. */
static void recall_lookups(struct tds_reading *r, struct request *q, struct bytes handle)
{
    struct prepared *all = r->x->prepared;
    const struct prepared_details *details =
        prepared_details_find(all, r->x->connection, prepared_key(all, 'S', handle));
    struct tds_call *c = details ? call_of(r, q) : NULL;
    if (c)
        c->lookups = details->lookups;
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
    tds_client_hash(q, entry ? entry->statement : 0);
    enum tds_proc proc = tds_proc_of(q);
    if (statement && is_execution(proc))
        q->tx.action = statement->action;
    if (kind == 'S' && subject_is_on(r->x, SIDE_CLIENT))
        recall_lookups(r, q, handle);
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
        tds_client_operation(q, procs[proc].name);
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
    tds_client_mean(q, &m);
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

/* --- parameters */

static bool is_separator(const struct tds_reading *r, uint8_t byte)
{
    return byte >= 0xfe || (byte == 0x80 && r->s->era != TDS_ERA_72);
}

/* What a value looks for: by its column, or where no column is known by its own name. */
static enum subject_kind kind_of(const struct tds_reading *r, struct bytes name)
{
    const struct request *q = tds_last(r);
    unsigned first = procs[tds_proc_of(q)].values, at = r->session->parameter;
    if (!q || at < first)
        return SUBJECT_NONE;
    const struct tds_call *c = q->visit;
    if (c && c->lookups.count > 0)
        return name.len > 0 ? lookups_named(&c->lookups, name)
                            : lookups_numbered(&c->lookups, at - first + 1);
    return name.len > 1 ? subject_of_name(r->x, bytes_from(name, 1)) : SUBJECT_NONE;
}

/* A parameter, or another call. */
static enum tds_pass parameter(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_value_text name;
    struct cursor peek = *in;
    uint8_t len = cursor_u8(&peek);
    *needs = 1;
    if (cursor_is_short(&peek))
        return TDS_NEEDS;
    if (is_separator(r, len)) {
        *in = peek;
        r->walk->at = TDS_AT_CALL;
        return TDS_STOPS;
    }
    r->walk->subject = SUBJECT_NONE;
    if (subject_is_on(r->x, SIDE_CLIENT)) {
        if (!tds_name_look(r, 0, &name, needs))
            return TDS_LOOKS;
        r->walk->subject = (uint8_t)kind_of(r, name.text);
    }
    *in = peek;
    r->walk->skip = 2 * (uint64_t)len;
    r->walk->at = TDS_AT_PARAMETER_TYPE;
    return TDS_PASSED;
}

static void parameter_type(struct tds_walk *w, struct cursor *in)
{
    w->is_encrypted = cursor_u8(in) & ENCRYPTED;
    w->type = cursor_u8(in);
    if (w->type == TDS_TYPE_TABLE) {
        w->names = TABLE_NAMES;
        w->at = TDS_AT_TABLE;
        return;
    }
    w->after = TDS_AT_PARAMETER_VALUE;
    w->at = TDS_AT_TYPE;
}

void tds_call_end_parameter(struct tds_reading *r)
{
    if (r->session->parameter < NONE - 1)
        r->session->parameter++;
    r->walk->at = r->walk->is_encrypted ? TDS_AT_CIPHER : TDS_AT_PARAMETER;
}

/* The value of a parameter that looks for a customer. */
static bool look_at_value(struct tds_reading *r, size_t *needs)
{
    struct tds_value_text v;
    const struct tds_walk *w = r->walk;
    struct request *q = tds_last(r);
    if (w->subject == SUBJECT_NONE || w->is_encrypted || !q)
        return true;
    if (!tds_value_look(r, w->value_class, tds_form_of(w), &v, needs))
        return false;
    if (v.text.len > 0)
        subject_ask(r->x, q, (enum subject_kind)w->subject, v.text);
    return true;
}

/* What is to be known of a parameter's value before it is passed; false where more is needed. */
static bool look_at_parameter(struct tds_reading *r, size_t *needs)
{
    const struct tds_walk *w = r->walk;
    enum tds_proc proc = tds_proc_of(tds_last(r));
    uint8_t at = r->session->parameter;
    bool is_text =
        w->value_class == TDS_SHORT || w->value_class == TDS_LONG || w->value_class == TDS_CHUNKED;
    if (w->value != TDS_VALUE_LENGTH || w->carry_len > 0)
        return true;
    if (is_text && at == procs[proc].statement)
        return look_at_statement(r, needs);
    if (is_text && at == procs[proc].declared)
        return look_at_declaration(r, needs);
    if (w->value_class == TDS_BYTE && at == procs[proc].handle)
        return look_at_handle(r, procs[proc].kind, needs);
    return look_at_value(r, needs);
}

static enum tds_pass parameter_value(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    bool is_over;
    if (!look_at_parameter(r, needs))
        return TDS_LOOKS;
    enum tds_pass pass = tds_value_pass(w, (enum tds_class)w->value_class, in, needs, &is_over);
    if (is_over)
        tds_call_end_parameter(r);
    return pass;
}

/* What is at the walk's place, of units of a known length. */
static enum tds_pass take(struct tds_reading *r, struct cursor *in, size_t *needs, size_t len)
{
    struct tds_walk *w = r->walk;
    *needs = len;
    if (cursor_left(in) < len)
        return TDS_NEEDS;
    switch (w->at) {
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
    default:
        cursor_skip(in, CIPHER_LEN);
        w->at = TDS_AT_PARAMETER;
        break;
    }
    return TDS_PASSED;
}

enum tds_pass tds_call_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    switch (r->walk->at) {
    case TDS_AT_CALL:
        return call(r, needs);
    case TDS_AT_PARAMETER:
        return parameter(r, in, needs);
    case TDS_AT_PARAMETER_VALUE:
        return parameter_value(r, in, needs);
    case TDS_AT_PARAMETER_TYPE:
        return take(r, in, needs, 2);
    case TDS_AT_CIPHER:
    case TDS_AT_CIPHER_ALGORITHM:
        return take(r, in, needs, 1);
    case TDS_AT_CIPHER_END:
        return take(r, in, needs, CIPHER_LEN);
    default:
        return TDS_STRANGE;
    }
}
