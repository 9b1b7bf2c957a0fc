/*
 * PostgreSQL: start-up, simple and extended queries, COPY, and what the server says to them.  A statement executed is a
 * request: each of a simple query's, each first Execute of a portal.  Rows are counted as they pass, by the DataRow
 * messages; a row count that the server tells is taken where some of them were lost.
 *
 * https://www.postgresql.org/docs/current/protocol.html, sections "Message Flow" and "Message Formats".
 */
#include "analyzers/postgresql.h"

#include "analyzers/connection.h"
#include "analyzers/postgresql_start.h"
#include "analyzers/prepared.h"
#include "analyzers/statement.h"

enum {
    NAME_MAX_LEN = 64,      /* NAMEDATALEN; a longer name is cut */
    TEXT_MAX = 65536,       /* bytes of a statement's text that are read; the shape of a longer one is cut */
    NAMES_TEXT_MAX = 1024,  /* bytes of the names in Bind, Execute, Close */
    ERROR_MAX = 4096,       /* bytes of an ErrorResponse that are read */
    TAG_MAX = 256,          /* bytes of a CommandComplete that are read */
    STATEMENTS_IN_QUERY_MAX = 256,
};

enum { MARK_COPY_OUT = 1, MARK_LOGIN = 2 };

struct name {
    uint8_t len;
    char text[NAME_MAX_LEN];
};

struct postgresql {
    struct name user, database, software;
    uint64_t unnamed_statement;              /* hash of its shape; 0: unknown */
    struct prepared_entry unnamed_portal;
    uint64_t batches_sent, batches_answered; /* Query, FunctionCall, or what ends with a Sync; by ReadyForQuery */
    uint64_t failed_batch;                   /* what is left of it is not executed */
    unsigned asked;                          /* requests for encryption without an answer */
    bool batch_open;                         /* messages of the extended protocol, and no Sync yet */
    bool client_started;
    bool is_unsure; /* something was lost: the batches may not be told apart */
};

static struct bytes name_keep(struct name *n, struct bytes text)
{
    text = bytes_first(text, sizeof(n->text));
    memcpy(n->text, text.data, text.len);
    n->len = (uint8_t)text.len;
    return (struct bytes){(const uint8_t *)n->text, n->len};
}

/* --- the client ---------------------------------------------------------------------------------------------------- */

static void set_statement(struct request *r, const struct statement *s)
{
    if (!s)
        return;
    r->tx.db_query_hash = s->hash;
    r->tx.action = s->action;
    transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
}

static struct request *open_apart(struct exchange *x, enum action action, const char *operation)
{
    struct request *r = pairing_open(x);
    if (!r)
        return NULL;
    r->tx.is_apart = true;
    r->tx.action = action;
    if (operation) {
        r->tx.db_operation = bytes_of(operation);
        transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
    }
    return r;
}

static void read_parameters(struct exchange *x, struct postgresql *s, struct cursor *in)
{
    while (cursor_left(in) > 1) {
        struct bytes name = cursor_text(in), value = cursor_text(in);
        if (cursor_is_short(in))
            return;
        if (bytes_are(name, "user"))
            x->user = name_keep(&s->user, value);
        else if (bytes_are(name, "database"))
            x->db_namespace = name_keep(&s->database, value);
        else if (bytes_are(name, "application_name"))
            x->software = name_keep(&s->software, value);
    }
}

/* StartupMessage, SSLRequest, GSSENCRequest or CancelRequest: length, code, and no type byte. */
static struct step start_up(struct exchange *x, struct cursor *in)
{
    struct postgresql *s = x->state;
    struct cursor peek = *in;
    uint32_t len = cursor_be32(&peek), code = cursor_be32(&peek);
    if (cursor_is_short(&peek))
        return step_needs(8);
    if (!postgresql_is_startup(len, code))
        return step_bad();
    if (cursor_left(in) < len)
        return step_needs(len);
    struct cursor body = cursor_inner(in, len);
    cursor_skip(&body, 8);
    if (code == POSTGRESQL_SSL_REQUEST || code == POSTGRESQL_GSSENC_REQUEST) {
        s->asked++;
        return step_taken(0);
    }
    if (code == POSTGRESQL_CANCEL_REQUEST) {
        struct request *cancel = open_apart(x, ACTION_OTHER, "CANCEL");
        if (cancel)
            pairing_finish(cancel);
        return step_taken(0);
    }
    s->client_started = true;
    read_parameters(x, s, &body);
    if (x->db_namespace.len == 0 && x->user.len > 0)
        x->db_namespace = name_keep(&s->database, x->user);
    struct request *login = open_apart(x, ACTION_LOGIN, NULL);
    if (login)
        login->mark = MARK_LOGIN;
    return step_taken(0);
}

/* A request of the batch that the client is sending. */
static struct request *open_request(struct exchange *x, struct postgresql *s)
{
    const struct request *last = pairing_last(x);
    bool is_joined = last && last->batch == s->batches_sent && !(last->mark & MARK_LOGIN);
    struct request *r = is_joined ? pairing_join(x) : pairing_open(x);
    if (!r)
        return NULL;
    r->batch = s->batches_sent;
    r->tx.action = ACTION_OTHER;
    return r;
}

/* After a loss, a client that waits for its answers tells with its next batch that the others are over. */
static void begin_batch(struct exchange *x, struct postgresql *s)
{
    if (s->is_unsure && !x->pairing.is_pipelined) {
        s->batches_answered = s->batches_sent;
        s->is_unsure = false;
    }
    s->batches_sent++;
}

static void simple_query(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct bytes text = cursor_rest(body);
    text = bytes_first(text, bytes_index(text, 0));
    begin_batch(x, s);
    s->batch_open = false;
    for (int n = 0; n < STATEMENTS_IN_QUERY_MAX; n++) {
        const struct statement *statement = statements_read(x->statements, &text, SQL_POSTGRESQL);
        struct request *r = statement ? open_request(x, s) : NULL;
        if (!r)
            break;
        set_statement(r, statement);
        if (n == 0)
            pairing_receive(x, SIDE_CLIENT, r);
    }
}

static void parse_statement(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct bytes name = cursor_text(body), text = cursor_rest(body);
    if (cursor_is_short(body))
        return;
    text = bytes_first(text, bytes_index(text, 0));
    const struct statement *statement = statements_read(x->statements, &text, SQL_POSTGRESQL);
    uint64_t hash = statement ? statement->hash : 0;
    if (name.len == 0) {
        s->unnamed_statement = hash;
        return;
    }
    struct prepared_entry *entry = prepared_touch(x->prepared, x->connection, 'S', name);
    if (entry)
        entry->statement = hash;
}

static void bind(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct bytes portal = cursor_text(body), name = cursor_text(body);
    if (cursor_is_short(body))
        return;
    const struct prepared_entry *known = name.len ? prepared_find(x->prepared, x->connection, 'S', name) : NULL;
    uint64_t hash = name.len ? (known ? known->statement : 0) : s->unnamed_statement;
    struct prepared_entry *entry =
        portal.len ? prepared_touch(x->prepared, x->connection, 'P', portal) : &s->unnamed_portal;
    if (entry)
        *entry = (struct prepared_entry){.statement = hash};
}

static void execute(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct bytes portal = cursor_text(body);
    if (cursor_is_short(body) || s->failed_batch == s->batches_sent)
        return;
    struct prepared_entry *entry =
        portal.len ? prepared_find(x->prepared, x->connection, 'P', portal) : &s->unnamed_portal;
    struct request *r = open_request(x, s);
    if (!r)
        return;
    const struct statement *statement =
        entry && entry->statement ? statements_find(x->statements, entry->statement) : NULL;
    if (statement) {
        set_statement(r, statement);
    } else if (entry && entry->statement) {
        r->tx.db_query_hash = entry->statement;
        transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
    }
    r->tx.is_apart = entry && entry->is_running; /* the portal is resumed, the statement is the one before */
    if (entry)
        entry->is_running = true;
}

static void close_name(struct exchange *x, struct cursor *body)
{
    char kind = (char)cursor_u8(body);
    struct bytes name = cursor_text(body);
    if (!cursor_is_short(body) && name.len > 0)
        prepared_forget(x->prepared, x->connection, kind, name);
}

static void function_call(struct exchange *x, struct postgresql *s)
{
    begin_batch(x, s);
    struct request *r = open_apart(x, ACTION_OTHER, "FUNCTION CALL");
    if (r)
        r->batch = s->batches_sent;
}

static void terminate(struct exchange *x)
{
    struct request *r = open_apart(x, ACTION_LOGOUT, NULL);
    if (!r)
        return;
    r->tx.outcome = OUTCOME_SUCCESS;
    pairing_finish(r);
}

/* How much of a client's message has to be read. */
static uint32_t client_wants(uint8_t type, uint32_t body_len)
{
    uint32_t wants = type == 'Q' || type == 'P'                               ? TEXT_MAX
                     : type == 'B' || type == 'E' || type == 'C' ? NAMES_TEXT_MAX
                                                                 : 0;
    return wants < body_len ? wants : body_len;
}

static void client_message(struct exchange *x, uint8_t type, struct cursor *body)
{
    struct postgresql *s = x->state;
    bool is_extended = strchr("PBEDCHS", type) != NULL;
    if (is_extended && !s->batch_open) {
        begin_batch(x, s);
        s->batch_open = true;
    }
    switch (type) {
    case 'Q':
        simple_query(x, s, body);
        break;
    case 'P':
        parse_statement(x, s, body);
        break;
    case 'B':
        bind(x, s, body);
        break;
    case 'E':
        execute(x, s, body);
        break;
    case 'C':
        close_name(x, body);
        break;
    case 'S':
        s->batch_open = false;
        pairing_receive(x, SIDE_CLIENT, pairing_last(x));
        break;
    case 'F':
        function_call(x, s);
        break;
    case 'X':
        terminate(x);
        break;
    default: /* D H: nothing to know; p: nothing to keep; d c f: the data of COPY */
        pairing_receive(x, SIDE_CLIENT, type == 'D' || type == 'H' ? NULL : pairing_last(x));
        break;
    }
}

static struct step client_parse(struct exchange *x, struct cursor *in)
{
    struct postgresql *s = x->state;
    struct cursor peek = *in;
    if (!s->client_started && in->left > 0 && cursor_u8(&peek) == 0)
        return start_up(x, in);
    peek = *in;
    struct postgresql_header h = postgresql_header(&peek);
    if (cursor_is_short(&peek))
        return step_needs(POSTGRESQL_HEADER_LEN);
    if (!postgresql_is_client_header(&h))
        return step_bad();
    uint32_t wants = client_wants(h.type, h.body_len);
    struct cursor body = cursor_inner(&peek, wants);
    if (cursor_is_short(&peek))
        return step_needs(POSTGRESQL_HEADER_LEN + wants);
    s->client_started = true;
    *in = peek;
    client_message(x, h.type, &body);
    return step_taken(h.body_len - wants);
}

/* --- the server ---------------------------------------------------------------------------------------------------- */

/* The request being answered: the oldest of the batch that the server is at; NULL where it has none. */
static struct request *current(const struct exchange *x, const struct postgresql *s)
{
    struct request *r = pairing_first(x);
    bool is_later = r && !s->is_unsure && r->batch > s->batches_answered + 1;
    return is_later ? NULL : r;
}

/* The request that a result belongs to.  A batch can have more results than its text was split into. */
static struct request *result(struct exchange *x, const struct postgresql *s)
{
    if (pairing_first(x))
        return pairing_reply(x);
    struct request *r = pairing_reply(x);
    if (!r)
        return NULL;
    r->tx.action = ACTION_OTHER;
    if (s->batches_answered < s->batches_sent && !s->is_unsure) {
        r->batch = s->batches_answered + 1;
        r->tx.request_seen = true;
        r->tx.partial = false;
        r->tx.present &= ~(UINT64_C(1) << FIELD_CAPTURE_PARTIAL);
    }
    return r;
}

/* Counts this DataRow and those that follow it whole; a row is counted by its header, its columns are passed over. */
static struct step data_rows(struct exchange *x, struct cursor *in)
{
    struct request *r = result(x, x->state);
    uint64_t rows = 0, skip = 0;
    for (;;) {
        struct cursor peek = *in;
        struct postgresql_header h = postgresql_header(&peek);
        if (cursor_is_short(&peek) || h.type != 'D' || h.body_len < 2 || h.body_len > POSTGRESQL_LONG_MAX)
            break;
        rows++;
        if (h.body_len > peek.left) {
            skip = h.body_len - peek.left;
            cursor_skip(&peek, peek.left);
            *in = peek;
            break;
        }
        cursor_skip(&peek, h.body_len);
        *in = peek;
    }
    if (r) {
        r->tx.returned_rows += rows;
        transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
    }
    return step_taken(skip);
}

static const struct {
    const char *verb;
    enum action action;
} verbs[] = {{"SELECT", ACTION_READ},   {"FETCH", ACTION_READ},   {"SHOW", ACTION_READ},    {"EXPLAIN", ACTION_READ},
             {"COPY", ACTION_READ},     {"INSERT", ACTION_WRITE}, {"UPDATE", ACTION_WRITE}, {"DELETE", ACTION_WRITE},
             {"MERGE", ACTION_WRITE},   {"CREATE", ACTION_DEFINE}, {"ALTER", ACTION_DEFINE}, {"DROP", ACTION_DEFINE}};

/* What a reply tells of a request whose text is unknown. */
static void set_verb(struct request *r, struct bytes verb)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!bytes_are(verb, verbs[i].verb))
            continue;
        r->tx.db_operation = bytes_of(verbs[i].verb);
        r->tx.action = verbs[i].action;
        transaction_mark(&r->tx, FIELD_DB_OPERATION_NAME);
    }
}

static void set_returned(struct transaction *tx, uint64_t rows)
{
    tx->returned_rows = rows;
    transaction_mark(tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

static void set_affected(struct transaction *tx, uint64_t rows)
{
    tx->affected_rows = rows;
    transaction_mark(tx, FIELD_DB_RESPONSE_AFFECTED_ROWS);
}

/* The rows that a command tag tells: "SELECT 5", "INSERT 0 5", "COPY 5". */
static void set_rows(struct request *r, struct bytes verb, uint64_t rows)
{
    struct transaction *tx = &r->tx;
    bool has_lost = tx->lost_bytes > 0 || tx->partial;
    if (bytes_are(verb, "SELECT") || bytes_are(verb, "FETCH")) {
        if (tx->returned_rows == 0 && rows > 0 && !has_lost)
            set_affected(tx, rows); /* CREATE TABLE AS: the rows went into the table */
        else
            set_returned(tx, has_lost && rows > tx->returned_rows ? rows : tx->returned_rows);
    } else if (bytes_are(verb, "COPY")) {
        bool is_read = r->mark & MARK_COPY_OUT || (has_lost && tx->action == ACTION_READ);
        (is_read ? set_returned : set_affected)(tx, rows);
        tx->action = is_read ? ACTION_READ : ACTION_WRITE;
    } else if (!bytes_are(verb, "MOVE")) {
        set_affected(tx, rows);
    }
}

static void command_complete(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct bytes tag = cursor_text(body);
    struct request *r = result(x, s);
    if (!r || cursor_is_short(body))
        return;
    struct bytes verb = bytes_first(tag, bytes_index(tag, ' '));
    size_t space = tag.len;
    while (space > 0 && tag.data[space - 1] != ' ')
        space--;
    uint64_t rows;
    if (!transaction_has(&r->tx, FIELD_DB_QUERY_HASH))
        set_verb(r, verb);
    if (space > 0 && bytes_number(bytes_from(tag, space), &rows))
        set_rows(r, verb, rows);
    r->tx.outcome = OUTCOME_SUCCESS;
    pairing_finish(r);
}

/* The other requests of a batch in which one failed are not executed. */
static void fail_batch(const struct exchange *x, struct postgresql *s, const struct request *failed)
{
    s->failed_batch = failed->batch;
    for (size_t n = 0;; n++) {
        struct request *r = pairing_at(x, n);
        if (!r || r->batch > failed->batch)
            return;
        if (r != failed && r->batch == failed->batch && !r->is_finished)
            pairing_drop(r);
    }
}

static void error_response(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct request *r = current(x, s);
    bool is_asked = r != NULL;
    r = pairing_reply(x);
    if (!r)
        return;
    if (!is_asked) {
        r->batch = s->batches_answered + 1;
        r->tx.is_apart = true; /* no statement ran: it was being prepared, or the server ends the connection */
        r->tx.action = ACTION_OTHER;
    }
    while (cursor_left(body) > 1) {
        uint8_t code = cursor_u8(body);
        struct bytes value = cursor_text(body);
        if (code != 'C' || cursor_is_short(body))
            continue;
        r->tx.db_status_code = pairing_note(x, r, bytes_first(value, 5));
        transaction_mark(&r->tx, FIELD_DB_RESPONSE_STATUS_CODE);
    }
    r->tx.outcome = OUTCOME_FAILURE;
    pairing_finish(r);
    if (!(r->mark & MARK_LOGIN))
        fail_batch(x, s, r);
}

static void ready_for_query(struct exchange *x, struct postgresql *s)
{
    struct request *first = pairing_first(x);
    pairing_receive(x, SIDE_SERVER, first ? first : pairing_last(x));
    if (first && first->mark & MARK_LOGIN) {
        first->tx.reply_seen = true;
        first->tx.outcome = OUTCOME_SUCCESS;
        pairing_finish(first);
        return;
    }
    if (s->batches_answered < s->batches_sent)
        s->batches_answered++;
    for (size_t n = 0;; n++) {
        struct request *r = pairing_at(x, n);
        if (!r || r->batch > s->batches_answered)
            return;
        if (r->is_finished || r->is_dropped)
            continue;
        /* its end was lost; or it never ran */
        if (r->tx.lost_bytes > 0 || r->tx.reply_seen)
            pairing_finish(r);
        else
            pairing_drop(r);
    }
}

/* EmptyQueryResponse: nothing ran.  PortalSuspended: the rows so far. */
static void end_without_tag(struct exchange *x, struct postgresql *s, uint8_t type)
{
    struct request *r = current(x, s);
    if (!r)
        return;
    r = pairing_reply(x);
    r->tx.outcome = OUTCOME_SUCCESS;
    if (type == 'I')
        pairing_drop(r);
    else
        pairing_finish(r);
}

static void copy_begins(struct exchange *x, uint8_t type)
{
    struct request *r = result(x, x->state);
    if (!r)
        return;
    if (type == 'H' || type == 'd')
        r->mark |= MARK_COPY_OUT;
    if (type != 'W')
        return;
    r->tx.outcome = OUTCOME_SUCCESS;
    pairing_finish(r);
}

static uint32_t server_wants(uint8_t type, uint32_t body_len)
{
    uint32_t wants = type == 'C' ? TAG_MAX : type == 'E' ? ERROR_MAX : type == 'W' ? body_len : 0;
    return wants < body_len ? wants : body_len;
}

static void server_message(struct exchange *x, uint8_t type, struct cursor *body)
{
    struct postgresql *s = x->state;
    switch (type) {
    case 'C':
        command_complete(x, s, body);
        break;
    case 'E':
        error_response(x, s, body);
        break;
    case 'Z':
        ready_for_query(x, s);
        break;
    case 'I':
    case 's':
        end_without_tag(x, s, type);
        break;
    case 'G':
    case 'H':
    case 'W':
    case 'd':
        copy_begins(x, type);
        break;
    case 'V': {
        struct request *r = result(x, s);
        if (r)
            r->tx.outcome = OUTCOME_SUCCESS;
        if (r)
            pairing_finish(r);
        break;
    }
    default: /* nothing to count but bytes */
        pairing_receive(x, SIDE_SERVER, current(x, s));
        break;
    }
}

/* The one byte that answers a request for encryption; where that request was not seen, what follows tells. */
static bool is_encryption_answer(const struct exchange *x, const struct postgresql *s, struct cursor in)
{
    uint8_t answer = cursor_u8(&in), next = cursor_u8(&in);
    if (s->asked > 0)
        return answer == 'S' || answer == 'N' || answer == 'G';
    if (x->position[SIDE_SERVER] > 0 || cursor_is_short(&in))
        return false;
    return (answer == 'N' && (next == 'R' || next == 'N')) || (answer == 'S' && next == POSTGRESQL_TLS_HANDSHAKE);
}

static struct step server_parse(struct exchange *x, struct cursor *in)
{
    struct postgresql *s = x->state;
    if (is_encryption_answer(x, s, *in)) {
        s->asked -= s->asked > 0;
        x->is_encrypted = cursor_u8(in) != 'N';
        return x->is_encrypted ? step_hand_over() : step_taken(0);
    }
    struct cursor peek = *in;
    struct postgresql_header h = postgresql_header(&peek);
    if (cursor_is_short(&peek))
        return step_needs(POSTGRESQL_HEADER_LEN);
    if (!postgresql_is_server_header(&h))
        return step_bad();
    if (h.type == 'D')
        return data_rows(x, in);
    uint32_t wants = server_wants(h.type, h.body_len);
    struct cursor body = cursor_inner(&peek, wants);
    if (cursor_is_short(&peek))
        return step_needs(POSTGRESQL_HEADER_LEN + wants);
    *in = peek;
    server_message(x, h.type, &body);
    if (h.type == 'W')
        return step_hand_over(); /* replication: a stream that is counted, not decoded */
    return step_taken(h.body_len - wants);
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    return side == SIDE_CLIENT ? client_parse(x, in) : server_parse(x, in);
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct postgresql *s = x->state;
    (void)lost;
    s->is_unsure = true;
    s->asked = 0;
    if (side == SIDE_CLIENT) {
        s->batch_open = false;
        s->unnamed_statement = 0;
        s->unnamed_portal = (struct prepared_entry){0};
    }
}

const struct analyzer POSTGRESQL_ANALYZER = {
    .name = "postgresql",
    .db_system = "postgresql",
    .state_size = sizeof(struct postgresql),
    .message_max = POSTGRESQL_HEADER_LEN + TEXT_MAX,
    .ports = {5432},
    .parse = parse,
    .gap = gap,
    .starts_here = postgresql_starts_here,
};
