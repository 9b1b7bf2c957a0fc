/*
 * What the client says: the negotiation, the login, and calls.  An execution of a statement is a
 * request; what else is called (fetches, LOBs, commits) stands apart.  Of values that are bound,
 * those that look for customers are read, as far as the packet with the statement has them.
 */
#include "analyzers/tns/tns_values.h"

#include "analyzers/sql/prepared.h"
#include "analyzers/sql/statement.h"

enum {
    REQUEST_MAX = 65536, /* bytes of a request that are read; a longer statement's shape is cut */
    PIGGYBACKS_MAX = 64,
    CURSOR_LEN = 4,
    EXECUTION_NUMBERS = 13, /* behind the statement */
};

/* Options of an execution. */
enum {
    OPTION_DEFINE = 0x10,
    OPTION_EXECUTE = 0x20,
    OPTION_DESCRIBE = 0x20000,
};

/* Operations on a LOB. */
enum {
    LOB_READ = 0x0002,
    LOB_TRIM = 0x0020,
    LOB_WRITE = 0x0040,
    LOB_CREATE = 0x0110,
    LOB_FILE_IS_OPEN = 0x0400,
    LOB_FILE_EXISTS = 0x0800,
    LOB_IS_OPEN = 0x11000,
};

static struct bytes cursor_name(uint64_t cursor, uint8_t name[CURSOR_LEN])
{
    for (size_t i = 0; i < CURSOR_LEN; i++)
        name[i] = (uint8_t)(cursor >> (8 * i));
    return (struct bytes){name, CURSOR_LEN};
}

static struct request *open_call(struct exchange *x, uint8_t function)
{
    struct tns *s = x->state;
    /* without a pipeline, what was being answered is over */
    struct request *before = s->is_pipelined ? NULL : pairing_first(x);
    if (before && before->tx.reply_seen) {
        tns_settle(s, before);
        pairing_finish(before);
    }
    struct request *r = pairing_open(x);
    if (!r)
        return NULL;
    r->mark = function;
    r->id = s->token;
    return r;
}

static struct request *open_apart(struct exchange *x, uint8_t function, enum action action,
                                  const char *operation)
{
    struct request *r = open_call(x, function);
    if (!r)
        return NULL;
    r->tx.is_apart = true;
    r->tx.action = action;
    r->tx.db_operation = bytes_of(operation);
    transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
    return r;
}

static void set_statement(struct request *r, const struct statement *statement)
{
    if (!statement)
        return;
    r->tx.db_query_hash = statement->hash;
    r->tx.action = statement->action;
    transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
    struct bytes operation = statement->operation;
    if (bytes_are(operation, "SELECT"))
        r->mark |= TNS_IS_QUERY;
    else if (bytes_are(operation, "INSERT") || bytes_are(operation, "UPDATE") ||
             bytes_are(operation, "DELETE") || bytes_are(operation, "MERGE"))
        r->mark |= TNS_IS_CHANGE;
    else if (bytes_are(operation, "BEGIN") || bytes_are(operation, "DECLARE") ||
             bytes_are(operation, "CALL"))
        r->mark |= TNS_IS_BLOCK;
}

/* The statement of a cursor that is executed or fetched from again. */
static void set_cursor(struct exchange *x, struct request *r, uint64_t cursor, uint64_t rows)
{
    uint8_t name[CURSOR_LEN];
    r->batch = (cursor & UINT32_MAX) << 32 | (rows & UINT32_MAX);
    const struct prepared_entry *entry =
        prepared_find(x->prepared, x->connection, 'S', cursor_name(cursor, name));
    if (!r->tx.is_apart)
        tns_binds_recall(x, r, cursor_name(cursor, name));
    if (!entry || !entry->statement)
        return;
    const struct statement *statement = statements_find(x->statements, entry->statement);
    enum action action = r->tx.action;
    set_statement(r, statement);
    if (!statement) {
        r->tx.db_query_hash = entry->statement;
        transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
    }
    if (r->tx.is_apart)
        r->tx.action = action;
}

/* Of a cursor that is executed anew, rows count from 0. */
static void restart(struct tns *s, uint64_t cursor)
{
    struct tns_shape *shape = tns_shape_find(s, (uint32_t)cursor);
    if (!shape)
        return;
    shape->fetched = 0;
    shape->is_counted = true;
}

/* The columns as the client wants them sent. */
static void read_defines(struct tns *s, const struct tns_execution *e, struct cursor *in)
{
    if (e->defines > TNS_COLUMNS_MAX || cursor_is_short(in))
        return;
    struct tns_shape *shape = tns_shape_make(s, (uint32_t)e->cursor);
    struct tns_walk walk;
    shape->columns = shape->runs_count = 0;
    shape->is_known = true;
    for (uint64_t i = 0; i < e->defines; i++) {
        if (!tns_walk_whole(&walk, TNS_DEFINE_FIELDS, &s->terms, in)) {
            shape->is_known = false;
            return;
        }
        tns_shape_add(shape, walk.places[TNS_TYPE], walk.places[TNS_SIZE]);
    }
}

/* What is bound, where it looks for somebody. */
static void read_binds(struct exchange *x, struct request *r, const struct tns_execution *e,
                       struct cursor *in)
{
    struct tns_binds *b = tns_binds_find(r);
    if (b && tns_binds_describe(x->state, b, e->binds, in))
        tns_binds_ask(x, r, b, in);
}

static const struct statement *read_statement(struct exchange *x, struct bytes text)
{
    return statements_read(x->statements, &text, SQL_ORACLE);
}

static struct request *open_execution(struct exchange *x, const struct tns_execution *e)
{
    bool executes = e->options & OPTION_EXECUTE;
    if (executes || e->has_statement)
        return e->options & OPTION_DESCRIBE && !executes
                   ? open_apart(x, TTC_EXECUTE, ACTION_OTHER, "DESCRIBE")
                   : open_call(x, TTC_EXECUTE);
    return open_apart(x, TTC_EXECUTE, ACTION_READ, "FETCH");
}

static void execute(struct exchange *x, struct cursor *in)
{
    struct tns *s = x->state;
    struct tns_execution e = {0};
    uint8_t whole[REQUEST_MAX];
    bool is_found = tns_execution_read(s, in, &e);
    struct request *r = is_found ? open_execution(x, &e) : open_call(x, TTC_EXECUTE);
    if (!r || !is_found)
        return;
    r->mark |= e.is_array ? TNS_COUNTS : 0;
    if (e.has_statement) {
        struct bytes text = tns_text_read(&s->terms, in, e.statement_len, whole, sizeof(whole));
        const struct statement *statement = read_statement(x, text);
        set_statement(r, statement);
        tns_binds_learn(x, r, statement, text);
    }
    if (e.cursor > 0 && !e.has_statement)
        set_cursor(x, r, e.cursor, e.fetches);
    else
        r->batch = (e.cursor & UINT32_MAX) << 32 | (e.fetches & UINT32_MAX);
    if (e.options & OPTION_EXECUTE)
        restart(s, e.cursor);
    for (int i = 0; i < EXECUTION_NUMBERS; i++)
        (void)tns_number(in);
    if (e.options & OPTION_DEFINE && e.cursor > 0)
        read_defines(s, &e, in);
    else if (e.binds > 0)
        read_binds(x, r, &e, in);
}

static void execute_again(struct exchange *x, uint8_t function, struct cursor *in)
{
    uint64_t cursor = tns_number(in), rows = tns_number(in);
    struct request *r = open_call(x, function);
    if (!r || cursor_is_short(in))
        return;
    set_cursor(x, r, cursor, rows);
    if (function == TTC_REEXECUTE_AND_FETCH)
        r->mark |= TNS_IS_QUERY;
    restart(x->state, cursor);
    (void)tns_number(in); /* options */
    (void)tns_number(in);
    const struct tns_binds *b = tns_binds_find(r);
    if (b)
        tns_binds_ask(x, r, b, in);
}

static void fetch(struct exchange *x, struct cursor *in)
{
    uint64_t cursor = tns_number(in), rows = tns_number(in);
    struct request *r = open_apart(x, TTC_FETCH, ACTION_READ, "FETCH");
    if (!r || cursor_is_short(in))
        return;
    set_cursor(x, r, cursor, rows);
    r->mark |= TNS_IS_QUERY;
}

static void lob(struct exchange *x, struct cursor *in)
{
    cursor_skip(in, 1);
    uint64_t locator_len = tns_number(in);
    cursor_skip(in, 1);
    (void)tns_number(in);
    (void)tns_number(in);
    (void)tns_number(in);
    cursor_skip(in, 3);
    uint64_t operation = tns_number(in);
    cursor_skip(in, 2);
    (void)tns_number(in);
    (void)tns_number(in);
    bool has_amount = cursor_u8(in) != 0;
    bool reads = operation == LOB_READ, writes = operation == LOB_WRITE || operation == LOB_TRIM;
    struct request *r = open_apart(x, TTC_LOB,
                                   reads    ? ACTION_READ
                                   : writes ? ACTION_WRITE
                                            : ACTION_OTHER,
                                   reads    ? "LOB READ"
                                   : writes ? "LOB WRITE"
                                            : "LOB");
    if (!r)
        return;
    r->batch = locator_len & UINT32_MAX;
    if (operation == LOB_CREATE)
        r->mark |= TNS_LOB_CREATED;
    else if (operation == LOB_IS_OPEN || operation == LOB_FILE_EXISTS ||
             operation == LOB_FILE_IS_OPEN)
        r->mark |= TNS_LOB_ANSWER;
    else if (has_amount)
        r->mark |= TNS_LOB_AMOUNT;
}

/* The user's name; what proves it stands behind and is passed over. */
static void authenticate(struct exchange *x, uint8_t function, struct cursor *in)
{
    struct tns *s = x->state;
    struct request *r = tns_login(x);
    if (!r)
        return;
    r->mark = TNS_LOGIN | function;
    bool has_user = cursor_u8(in) != 0;
    uint64_t user_len = tns_number(in);
    (void)tns_number(in); /* mode */
    cursor_skip(in, 1);
    (void)tns_number(in); /* pairs */
    cursor_skip(in, 2);
    if (!has_user || user_len == 0 || cursor_is_short(in))
        return;
    struct bytes user = tns_text_read(&s->terms, in, user_len, NULL, 0);
    if (user.len > 0 && x->user.len == 0)
        x->user = tns_keep(&s->user, user);
}

static void logoff(struct exchange *x, uint8_t function)
{
    struct request *r = open_call(x, function);
    if (!r)
        return;
    r->tx.is_apart = true;
    r->tx.action = ACTION_LOGOUT;
}

static const char *function_name(uint8_t function)
{
    switch (function) {
    case TTC_COMMIT:
        return "COMMIT";
    case TTC_ROLLBACK:
        return "ROLLBACK";
    case 103:
    case 104:
        return "TRANSACTION";
    case 121:
        return "ENQUEUE";
    case 122:
        return "DEQUEUE";
    case 125:
        return "SUBSCRIBE";
    case 128:
    case 129:
    case 130:
        return "DIRECT PATH";
    case 145:
        return "QUEUE";
    case 147:
        return "PING";
    case 163:
        return "SESSION RELEASE";
    case 187:
        return "NOTIFY";
    case TTC_PIPELINE_END:
        return "PIPELINE END";
    default:
        return "CALL";
    }
}

static void native_call(struct exchange *x, uint8_t function, struct bytes request)
{
    struct tns *s = x->state;
    if (function == TTC_AUTHENTICATE || function == TTC_AUTHENTICATE_FIRST) {
        struct request *r = tns_login(x);
        struct bytes user = tns_native_user(request);
        if (r)
            r->mark = TNS_LOGIN | function;
        if (x->user.len == 0 && user.len > 0)
            x->user = tns_keep(&s->user, user);
        return;
    }
    if (function == TTC_EXECUTE) {
        struct bytes text = tns_native_statement(request);
        const struct statement *statement = read_statement(x, text);
        struct request *r =
            statement ? open_call(x, function) : open_apart(x, function, ACTION_OTHER, "CALL");
        if (!r)
            return;
        set_statement(r, statement);
        tns_binds_learn(x, r, statement, text);
        return;
    }
    if (function == TTC_LOGOFF)
        logoff(x, function);
    else if (function == TTC_FETCH)
        (void)open_apart(x, function, ACTION_READ, "FETCH");
    else
        (void)open_apart(x, function, ACTION_OTHER, function_name(function));
}

/* The call: its function, and a number that counts calls. */
static void call(struct exchange *x, struct cursor *in, bool is_one_way)
{
    struct tns *s = x->state;
    uint8_t function = cursor_u8(in);
    cursor_skip(in, 1);
    if (s->encoding == TNS_NATIVE) {
        native_call(x, function, cursor_rest(in));
        return;
    }
    if (s->terms.version >= TNS_FIELDS_TOKENS)
        s->token = tns_number(in);
    /* no cursor is 0: it is the number of no call in a pipeline */
    bool may_have_token = s->terms.version == TNS_FIELDS_UNKNOWN && function != TTC_EXECUTE;
    if (may_have_token && cursor_left(in) > 0 && *cursor_rest(in).data == 0)
        cursor_skip(in, 1);
    switch (function) {
    case TTC_EXECUTE:
        execute(x, in);
        break;
    case TTC_REEXECUTE:
    case TTC_REEXECUTE_AND_FETCH:
        execute_again(x, function, in);
        break;
    case TTC_FETCH:
        fetch(x, in);
        break;
    case TTC_LOB:
        lob(x, in);
        break;
    case TTC_AUTHENTICATE:
    case TTC_AUTHENTICATE_FIRST:
        authenticate(x, function, in);
        break;
    case TTC_LOGOFF:
        logoff(x, function);
        break;
    default: {
        struct request *r = open_apart(x, function, ACTION_OTHER, function_name(function));
        if (r && is_one_way)
            pairing_finish(r);
        break;
    }
    }
}

/* What goes before the call; false where it cannot be walked over. */
static bool pass_piggyback(const struct tns *s, struct cursor *in, uint8_t *number)
{
    uint8_t function = cursor_u8(in);
    const struct tns_field *fields = tns_piggyback_fields(function);
    struct tns_walk walk;
    *number = cursor_u8(in);
    if (s->terms.version >= TNS_FIELDS_TOKENS)
        (void)tns_number(in);
    return s->encoding != TNS_NATIVE && fields && tns_walk_whole(&walk, fields, &s->terms, in);
}

/* The call behind what cannot be walked over: the next in number. */
static bool find_call(struct cursor *in, uint8_t number)
{
    while (cursor_left(in) >= 3) {
        struct cursor peek = *in;
        uint8_t type = cursor_u8(&peek);
        cursor_skip(&peek, 1);
        if (type == TTC_FUNCTION && cursor_u8(&peek) == (uint8_t)(number + 1))
            return true;
        cursor_skip(in, 1);
    }
    return false;
}

static void fast_authentication(struct exchange *x, struct cursor *in)
{
    struct tns *s = x->state;
    (void)tns_login(x);
    cursor_skip(in, 3); /* version, flags */
    if (cursor_u8(in) == TTC_PROTOCOL)
        tns_client_protocol(in);
    cursor_skip(in, 5); /* character sets */
    uint8_t version = cursor_u8(in);
    if (cursor_u8(in) == TTC_DATA_TYPES)
        tns_client_types(s, in);
    /* until the server has answered, its fields are of that version */
    struct tns_terms terms = s->terms;
    s->terms.version = version;
    s->terms.can |= TNS_CAN_BIG_PIECES;
    if (cursor_u8(in) == TTC_FUNCTION)
        call(x, in, false);
    s->terms = terms;
}

static void message(struct exchange *x, struct cursor *in)
{
    struct tns *s = x->state;
    for (int i = 0; i < PIGGYBACKS_MAX && cursor_left(in) > 0; i++) {
        uint8_t type = cursor_u8(in), number;
        struct cursor behind = *in;
        switch (type) {
        case TTC_PROTOCOL:
            (void)tns_login(x);
            return;
        case TTC_DATA_TYPES:
            (void)tns_login(x);
            tns_client_types(s, in);
            return;
        case TTC_FAST_AUTHENTICATION:
            fast_authentication(x, in);
            return;
        case TTC_FUNCTION:
        case TTC_ONE_WAY:
            call(x, in, type == TTC_ONE_WAY);
            return;
        case TTC_PIGGYBACK:
            if (pass_piggyback(s, in, &number))
                break;
            *in = behind;
            cursor_skip(in, 2);
            if (!find_call(in, number))
                return;
            break;
        default: /* the rest of what was said before */
            pairing_receive(x, SIDE_CLIENT, pairing_last(x));
            return;
        }
    }
}

/* How many bytes the request's statement lacks: it goes on in the next packet. */
static uint64_t lacks(const struct tns *s, struct cursor in)
{
    struct tns_execution e = {0};
    uint8_t number;
    uint8_t type = cursor_u8(&in);
    while (type == TTC_PIGGYBACK && pass_piggyback(s, &in, &number))
        type = cursor_u8(&in);
    if (type != TTC_FUNCTION || cursor_u8(&in) != TTC_EXECUTE || s->encoding == TNS_NATIVE)
        return 0;
    cursor_skip(&in, 1);
    if (s->terms.version >= TNS_FIELDS_TOKENS)
        (void)tns_number(&in);
    if (!tns_execution_read(s, &in, &e) || !e.has_statement || e.statement_len <= cursor_left(&in))
        return 0;
    return e.statement_len - cursor_left(&in);
}

struct step tns_client_parse(struct exchange *x, struct cursor *in)
{
    struct tns *s = x->state;
    if (s->is_begun[SIDE_CLIENT] || s->is_lost[SIDE_CLIENT]) {
        /* values that are bound, and the rest of a long text */
        pairing_receive(x, SIDE_CLIENT, pairing_last(x));
        cursor_skip(in, cursor_left(in));
        return step_taken(0);
    }
    int64_t left = s->left[SIDE_CLIENT];
    size_t wants = left > REQUEST_MAX ? REQUEST_MAX : (size_t)(left > 0 ? left : 1);
    if (cursor_left(in) < wants)
        return step_needs(wants);
    uint64_t more = lacks(s, *in);
    if (more > 0 && wants < REQUEST_MAX)
        return step_needs(more < REQUEST_MAX - wants ? wants + more : REQUEST_MAX);
    struct cursor request = cursor_inner(in, wants);
    s->is_begun[SIDE_CLIENT] = true;
    message(x, &request);
    return step_taken(0);
}
