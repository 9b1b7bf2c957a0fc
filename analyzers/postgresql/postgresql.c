/*
 * PostgreSQL: start-up, simple and extended queries, COPY, and what the server says to them.  A
 * statement executed is a request: each of a simple query's, each first Execute of a portal.  Rows
 * are counted as they pass, by the DataRow messages; a row count that the server tells is taken
 * where some of them were lost.
 *
 * https://www.postgresql.org/docs/current/protocol.html, sections "Message Flow" and "Message
 * Formats".
 */
#include "analyzers/postgresql/postgresql.h"

#include "analyzers/postgresql/postgresql_state.h"
#include "analyzers/sql/statement.h"
#include "analyzers/subject.h"

enum {
    TEXT_MAX = 65536, /* bytes of a statement's text that are read; a longer one's shape is cut */
    NAMES_TEXT_MAX = 1024, /* bytes of the names in Bind, Execute, Close */
    VALUES_MAX = 8192,     /* bytes of a Bind whose values may be looked at */
    STATEMENTS_IN_QUERY_MAX = 256,
};

static struct bytes name_keep(struct postgresql_name *n, struct bytes text)
{
    text = bytes_first(text, sizeof(n->text));
    memcpy(n->text, text.data, text.len);
    n->len = (uint8_t)text.len;
    return (struct bytes){(const uint8_t *)n->text, n->len};
}

static void set_statement(struct request *r, const struct statement *s)
{
    if (!s)
        return;
    r->tx.db_query_hash = s->hash;
    r->tx.action = s->action;
    r->tx.is_apart = postgresql_is_prepare(s->text);
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
        else if (bytes_are(name, "replication"))
            s->is_replication = true;
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
        login->mark = POSTGRESQL_LOGIN;
    return step_taken(0);
}

/*
 * A request of the batch that the client is sending.  NULL where more are open than the pairing
 * keeps, while the server answers: that one is counted by its answer, without its text.
 */
static struct request *open_request(struct exchange *x, struct postgresql *s)
{
    bool is_full = s->unkept > 0 || x->pairing.count >= PAIRING_REQUESTS_MAX;
    if (is_full && x->position[SIDE_SERVER] > 0 && !s->is_unsure) {
        s->unkept++;
        x->pairing.owner->overflows++;
        return NULL;
    }
    const struct request *last = pairing_last(x);
    bool is_joined = last && last->batch == s->batches_sent && !(last->mark & POSTGRESQL_LOGIN);
    struct request *r = is_joined ? pairing_join(x) : pairing_open(x);
    if (!r)
        return NULL;
    r->batch = s->batches_sent;
    r->tx.action = ACTION_OTHER;
    return r;
}

/* After a loss, a client that waits for its answers tells with its next batch that the others are
 * over. */
static void begin_batch(struct exchange *x, struct postgresql *s)
{
    if (s->batch_open)
        return;
    s->has_synced = false;
    struct request *login = pairing_first(x);
    if (login && login->mark & POSTGRESQL_LOGIN && login->tx.lost_bytes > 0) {
        login->tx.outcome = OUTCOME_SUCCESS; /* it asks, so it was let in */
        pairing_finish(login);
    }
    if (s->is_unsure && !x->pairing.is_pipelined) {
        s->batches_answered = s->batches_sent;
        s->is_unsure = false;
    }
    s->batches_sent++;
}

/* The words that begin a command of the replication protocol; in capitals only. */
static const struct {
    const char *word;
    enum action action;
} replication_words[] = {
    {"BASE_BACKUP", ACTION_READ},
    {"START_REPLICATION", ACTION_READ},
    {"IDENTIFY_SYSTEM", ACTION_OTHER},
    {"SHOW", ACTION_OTHER},
    {"CREATE_REPLICATION_SLOT", ACTION_OTHER},
    {"ALTER_REPLICATION_SLOT", ACTION_OTHER},
    {"DROP_REPLICATION_SLOT", ACTION_OTHER},
    {"READ_REPLICATION_SLOT", ACTION_OTHER},
    {"TIMELINE_HISTORY", ACTION_OTHER},
    {"UPLOAD_MANIFEST", ACTION_OTHER},
};

static bool replication_command(struct exchange *x, struct postgresql *s, struct bytes text)
{
    text = bytes_trim(text);
    for (size_t i = 0; i < sizeof(replication_words) / sizeof(replication_words[0]); i++) {
        const char *word = replication_words[i].word;
        if (!s->is_replication || !bytes_start(text, word))
            continue;
        struct request *r = open_apart(x, replication_words[i].action, word);
        if (r)
            r->batch = s->batches_sent;
        s->apart_batch = s->batches_sent;
        return true;
    }
    return false;
}

static void simple_query(struct exchange *x, struct postgresql *s, struct cursor *body, bool is_cut)
{
    struct bytes text = cursor_rest(body);
    text = bytes_first(text, bytes_index(text, 0));
    begin_batch(x, s);
    s->batch_open = false;
    if (replication_command(x, s, text))
        return;
    struct request *first = NULL;
    const struct statement *statement;
    for (int n = 0; n < STATEMENTS_IN_QUERY_MAX; n++) {
        struct bytes rest = text;
        statement = statements_read(x->statements, &rest, SQL_POSTGRESQL);
        struct bytes own = bytes_first(text, text.len - rest.len);
        text = rest;
        if (!statement)
            break;
        struct request *r = open_request(x, s);
        first = first ? first : r;
        if (!r)
            continue;
        set_statement(r, statement);
        statements_ask(x, r, statement, own, SQL_POSTGRESQL);
    }
    if (is_cut || text.len > 0)
        s->cut_batch = s->batches_sent;
    pairing_receive(x, SIDE_CLIENT, first);
}

/* The request that is executed: one is opened, unless its batch failed; then the failure is that
 * of the first statement that would have been executed. */
static struct request *executed(struct exchange *x, struct postgresql *s)
{
    if (s->failed_batch != s->batches_sent)
        return open_request(x, s);
    /* looked for once: there is at most one */
    bool has_early = s->early_batch == s->batches_sent;
    s->early_batch = 0;
    for (size_t n = 0; has_early; n++) {
        struct request *r = pairing_at(x, n);
        if (!r || r->batch > s->batches_sent)
            return NULL;
        if (r->batch != s->batches_sent || !(r->mark & POSTGRESQL_EARLY))
            continue;
        r->mark &= ~(unsigned)POSTGRESQL_EARLY;
        postgresql_own(r);
        return r;
    }
    return NULL;
}

static void execute(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct bytes portal = cursor_text(body);
    if (cursor_is_short(body))
        return;
    struct prepared_entry *entry =
        portal.len ? prepared_find(x->prepared, x->connection, 'P', portal) : &s->unnamed_portal;
    struct request *r = executed(x, s);
    if (!r)
        return;
    r->tx.is_apart = false;
    r->prepared = entry ? entry->prepared : 0;
    if (s->held_portal != 0 && s->held_portal == prepared_key(x->prepared, 'P', portal)) {
        subject_give(x, r);
        s->held_portal = 0;
    }
    const struct statement *statement =
        entry && entry->statement ? statements_find(x->statements, entry->statement) : NULL;
    if (statement) {
        set_statement(r, statement);
    } else if (entry && entry->statement) {
        r->tx.db_query_hash = entry->statement;
        transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
    }
    /* the portal is resumed, the statement is the one before; or its Bind was lost */
    if (!entry || entry->is_running)
        r->tx.is_apart = true;
    if (entry)
        entry->is_running = true;
}

static void function_call(struct exchange *x, struct postgresql *s)
{
    begin_batch(x, s);
    s->batch_open = false;
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
static uint32_t client_wants(const struct exchange *x, uint8_t type, uint32_t body_len)
{
    uint32_t wants = 0;
    if (type == 'Q' || type == 'P')
        wants = TEXT_MAX;
    else if (type == 'B' && subject_is_on(x, SIDE_CLIENT))
        wants = VALUES_MAX;
    else if (type == 'B' || type == 'E' || type == 'C' || type == 'D')
        wants = NAMES_TEXT_MAX;
    return wants < body_len ? wants : body_len;
}

/* The extended protocol's messages: a batch of them ends with a Sync. */
static bool is_extended(uint8_t type)
{
    return type == 'P' || type == 'B' || type == 'E' || type == 'D' || type == 'C' || type == 'H' ||
           type == 'S';
}

static void client_message(struct exchange *x, uint8_t type, struct cursor *body, bool is_cut)
{
    struct postgresql *s = x->state;
    if (is_extended(type)) {
        begin_batch(x, s);
        s->batch_open = true;
    }
    switch (type) {
    case 'Q':
        simple_query(x, s, body, is_cut);
        break;
    case 'P':
        postgresql_parse(x, body);
        break;
    case 'B':
        postgresql_bind(x, body);
        break;
    case 'E':
        execute(x, s, body);
        break;
    case 'C':
        postgresql_close(x, body);
        break;
    case 'D':
        postgresql_describe(x, body);
        pairing_receive(x, SIDE_CLIENT, NULL);
        break;
    case 'S':
        s->batch_open = false;
        s->has_synced = true;
        pairing_receive(x, SIDE_CLIENT, pairing_last(x));
        break;
    case 'F':
        function_call(x, s);
        break;
    case 'X':
        terminate(x);
        break;
    case 'd':
    case 'c':
    case 'f':
        /* the server ignores a Sync between Execute and the data of its COPY: another follows */
        s->batch_open = s->batch_open || s->has_synced;
        pairing_receive(x, SIDE_CLIENT, pairing_last(x));
        break;
    default: /* H: nothing to know; p: nothing to keep */
        pairing_receive(x, SIDE_CLIENT, type == 'H' ? NULL : pairing_last(x));
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
    uint32_t wants = client_wants(x, h.type, h.body_len);
    struct cursor body = cursor_inner(&peek, wants);
    if (cursor_is_short(&peek))
        return step_needs(POSTGRESQL_HEADER_LEN + wants);
    s->client_started = true;
    *in = peek;
    client_message(x, h.type, &body, wants < h.body_len);
    return step_taken(h.body_len - wants);
}

static struct step parse(struct exchange *x, enum side side, struct cursor *in)
{
    return side == SIDE_CLIENT ? client_parse(x, in) : postgresql_server_parse(x, in);
}

static void gap(struct exchange *x, enum side side, uint64_t lost)
{
    struct postgresql *s = x->state;
    (void)lost;
    s->is_unsure = true;
    s->asked = 0;
    s->unkept = 0;
    if (side == SIDE_SERVER) {
        const struct request *r = pairing_first(x);
        s->rows_before = r ? r->tx.returned_rows : 0;
        s->is_whole = false;
        postgresql_rows_lose(x);
    }
    if (side == SIDE_CLIENT) {
        s->batch_open = false;
        s->unnamed_statement = 0;
        s->unnamed_portal = (struct prepared_entry){.is_running = true};
        s->held_statement = s->held_portal = 0;
        s->described_count = 0;
        subject_release(x);
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
    .watch = postgresql_watch,
};
