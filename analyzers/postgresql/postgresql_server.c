/*
 * The server's side of PostgreSQL: what came back, and for which request.  Rows are counted as they
 * pass, by their messages' headers; where some of them were lost, the count that the server tells
 * is taken.
 *
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
#include "analyzers/postgresql/postgresql_state.h"
#include "analyzers/sql/statement.h"
#include "analyzers/subject.h"

enum {
    ERROR_MAX = 4096, /* bytes of an ErrorResponse that are read */
    TAG_MAX = 256,    /* bytes of a CommandComplete that are read */
};

/* The request being answered: the oldest of the batch that the server is at; NULL where it has
 * none. */
static struct request *current(const struct exchange *x, const struct postgresql *s)
{
    struct request *r = pairing_first(x);
    if (r && r->mark & POSTGRESQL_DONE) {
        pairing_finish(r); /* its batch goes on */
        r = pairing_first(x);
    }
    bool is_later = r && !s->is_unsure && r->batch > s->batches_answered + 1;
    return is_later ? NULL : r;
}

void postgresql_own(struct request *r)
{
    r->tx.request_seen = true;
    r->tx.partial = false;
    transaction_unmark(&r->tx, FIELD_CAPTURE_PARTIAL);
}

/* The last request of a batch is handed on with the ReadyForQuery, which is a part of its reply. */
static void finish(const struct exchange *x, struct request *done)
{
    for (size_t n = 0;; n++) {
        struct request *r = pairing_at(x, n);
        if (!r || r->batch > done->batch)
            break;
        if (r == done || r->batch != done->batch || r->is_finished || r->is_dropped)
            continue;
        pairing_finish(done);
        return;
    }
    done->mark |= POSTGRESQL_DONE;
}

/* The request that a result belongs to.  A batch can have more results than its text was split
 * into. */
static struct request *result(struct exchange *x, struct postgresql *s)
{
    const struct request *first = current(x, s) ? NULL : pairing_first(x);
    bool is_only = first && first->batch == s->batches_sent && !x->pairing.is_pipelined;
    if (is_only && x->is_midstream)
        s->batches_answered = first->batch - 1; /* those before were found after their answers */
    if (current(x, s))
        return pairing_reply(x);
    s->unkept -= s->unkept > 0 && !pairing_first(x);
    struct request *r = pairing_reply_alone(x);
    if (r)
        r->tx.is_apart = s->is_suspended; /* most likely the next portion */
    if (r && s->batches_answered < s->batches_sent && !s->is_unsure) {
        r->batch = s->batches_answered + 1;
        r->tx.is_apart = r->batch == s->apart_batch;
        postgresql_own(r);
    }
    return r;
}

static void count_rows(struct request *r, uint64_t rows)
{
    if (!r)
        return;
    r->tx.returned_rows += rows;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

/* Counts this DataRow and those that follow it whole; a row is counted by its header, its columns
 * are passed over unless customers may be among them. */
static struct step data_rows(struct exchange *x, struct cursor *in)
{
    struct request *r = result(x, x->state);
    uint64_t rows = 0, skip = 0;
    bool is_looked_at = postgresql_row_begin(x, r);
    for (;;) {
        struct cursor peek = *in;
        struct postgresql_header h = postgresql_header(&peek);
        if (cursor_is_short(&peek) || h.type != 'D' || h.body_len < 2 ||
            h.body_len > POSTGRESQL_LONG_MAX)
            break;
        rows++;
        if (h.body_len > peek.left && is_looked_at) {
            *in = peek;
            count_rows(r, rows);
            return postgresql_rows_pass(x, POSTGRESQL_PASSING_ROW, h.body_len);
        }
        if (h.body_len > peek.left) {
            skip = h.body_len - peek.left;
            cursor_skip(&peek, peek.left);
            *in = peek;
            break;
        }
        struct cursor body = cursor_inner(&peek, h.body_len);
        *in = peek;
        if (is_looked_at) {
            postgresql_row_whole(x, r, body);
            is_looked_at = postgresql_row_begin(x, r);
        }
    }
    count_rows(r, rows);
    return step_taken(skip);
}

static const struct {
    const char *verb;
    enum action action;
} verbs[] = {{"SELECT", ACTION_READ},   {"FETCH", ACTION_READ},   {"SHOW", ACTION_READ},
             {"EXPLAIN", ACTION_READ},  {"COPY", ACTION_READ},    {"INSERT", ACTION_WRITE},
             {"UPDATE", ACTION_WRITE},  {"DELETE", ACTION_WRITE}, {"MERGE", ACTION_WRITE},
             {"CREATE", ACTION_DEFINE}, {"ALTER", ACTION_DEFINE}, {"DROP", ACTION_DEFINE}};

/* What a reply tells of a request whose text is unknown, or does not tell (EXECUTE). */
static void set_verb(struct request *r, struct bytes verb)
{
    struct transaction *tx = &r->tx;
    bool is_known = transaction_has(tx, FIELD_DB_QUERY_HASH);
    if (is_known && tx->action != ACTION_OTHER)
        return;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!bytes_are(verb, verbs[i].verb))
            continue;
        tx->action = verbs[i].action;
        if (is_known)
            return;
        tx->db_operation = bytes_of(verbs[i].verb);
        transaction_mark(tx, FIELD_DB_OPERATION_NAME);
    }
}

bool postgresql_is_prepare(struct bytes text)
{
    uint8_t letter = text.len > 0 ? text.data[0] | 0x20 : 0;
    if (letter != 'p' && letter != 'd')
        return false; /* as nearly all */
    size_t len = bytes_index(text, ' ');
    struct bytes word = bytes_first(text, len);
    struct bytes next = bytes_from(text, len + 1);
    next = bytes_first(next, bytes_index(next, ' '));
    return bytes_are_nocase(word, "deallocate") ||
           (bytes_are_nocase(word, "prepare") && !bytes_are_nocase(next, "transaction"));
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
static void set_rows(struct request *r, struct bytes verb, uint64_t rows, bool has_lost)
{
    struct transaction *tx = &r->tx;
    bool is_kept = tx->action == ACTION_DEFINE || tx->action == ACTION_WRITE;
    if (bytes_are(verb, "SELECT") || bytes_are(verb, "FETCH")) {
        if (tx->returned_rows == 0 && rows > 0 && (!has_lost || is_kept))
            set_affected(tx, rows); /* CREATE TABLE AS: the rows went into the table */
        else
            set_returned(tx, has_lost && rows > tx->returned_rows ? rows : tx->returned_rows);
    } else if (bytes_are(verb, "COPY")) {
        bool is_told = r->mark & (POSTGRESQL_COPY_IN | POSTGRESQL_COPY_OUT);
        bool is_read = is_told ? r->mark & POSTGRESQL_COPY_OUT : tx->action == ACTION_READ;
        (is_read ? set_returned : set_affected)(tx, rows);
        tx->action = is_read ? ACTION_READ : ACTION_WRITE;
    } else if (!bytes_are(verb, "MOVE")) {
        set_affected(tx, rows);
    }
}

/* Whether a statement can end with that tag. */
static bool can_end(const struct exchange *x, const struct request *r, struct bytes verb)
{
    const struct statement *s = statements_find(x->statements, r->tx.db_query_hash);
    if (!s || bytes_equal(s->operation, verb))
        return true;
    if (bytes_are(s->operation, "CREATE"))
        return bytes_are(verb, "SELECT");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (bytes_are(s->operation, verbs[i].verb))
            return false;
    }
    return true;
}

/* Where results were lost, a tag tells which statement of the batch this is the end of. */
static void pass_lost(struct exchange *x, const struct postgresql *s, struct bytes verb)
{
    struct request *first = current(x, s);
    size_t end = 0;
    for (; first && pairing_at(x, end); end++) {
        struct request *r = pairing_at(x, end);
        if (r->batch > first->batch)
            return;
        if (!r->is_finished && !r->is_dropped && can_end(x, r, verb))
            break;
    }
    struct request *r = pairing_at(x, end);
    if (!first || !r || r == first)
        return;
    set_returned(&r->tx, first->tx.returned_rows - s->rows_before);
    first->tx.returned_rows = s->rows_before;
    for (size_t n = 0; n < end; n++)
        pairing_finish(pairing_at(x, n));
}

static void command_complete(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct bytes tag = cursor_text(body);
    struct bytes verb = bytes_first(tag, bytes_index(tag, ' '));
    postgresql_rows_end(s);
    if (!s->is_whole)
        pass_lost(x, s, verb);
    struct request *r = result(x, s);
    if (!r || cursor_is_short(body))
        return;
    size_t space = tag.len;
    while (space > 0 && tag.data[space - 1] != ' ')
        space--;
    uint64_t rows;
    if (s->apart_batch == 0 || r->batch != s->apart_batch)
        set_verb(r, verb);
    r->tx.is_apart = r->tx.is_apart || postgresql_is_prepare(tag);
    if (space > 0 && bytes_number(bytes_from(tag, space), &rows))
        set_rows(r, verb, rows, !s->is_whole);
    s->is_whole = true;
    s->is_suspended = false;
    r->tx.outcome = OUTCOME_SUCCESS;
    finish(x, r);
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

/* An error outside of all requests that were seen: a statement that was not read, or was being
 * prepared; or the server ends the connection. */
static struct request *open_error(struct exchange *x, struct postgresql *s)
{
    uint64_t batch = s->batches_answered + 1;
    bool is_unread = s->cut_batch == batch || (s->unkept > 0 && !pairing_first(x));
    struct request *r = is_unread ? result(x, s) : pairing_reply_alone(x);
    if (!r)
        return NULL;
    r->batch = batch;
    r->tx.is_apart = r->tx.is_apart || !is_unread;
    if (s->batch_open && s->batches_sent == batch) {
        r->mark = POSTGRESQL_EARLY;
        s->early_batch = batch;
    }
    return r;
}

static void read_error(struct exchange *x, struct request *r, struct cursor *body)
{
    while (cursor_left(body) > 1) {
        uint8_t code = cursor_u8(body);
        struct bytes value = cursor_text(body);
        if (code != 'C' || cursor_is_short(body))
            continue;
        r->tx.db_status_code = pairing_note(x, r, bytes_first(value, 5));
        transaction_mark(&r->tx, FIELD_DB_RESPONSE_STATUS_CODE);
    }
}

static void error_response(struct exchange *x, struct postgresql *s, struct cursor *body)
{
    struct request *r = current(x, s) ? pairing_reply(x) : open_error(x, s);
    postgresql_rows_end(s);
    if (!r)
        return;
    read_error(x, r, body);
    s->is_suspended = false;
    r->tx.outcome = OUTCOME_FAILURE;
    if (r->mark & POSTGRESQL_LOGIN) {
        pairing_finish(r);
        return;
    }
    fail_batch(x, s, r);
    if (!(r->mark & POSTGRESQL_EARLY))
        finish(x, r);
}

static void ready_for_query(struct exchange *x, struct postgresql *s)
{
    struct request *first = pairing_first(x);
    s->is_whole = true;
    postgresql_rows_end(s);
    pairing_receive(x, SIDE_SERVER, first ? first : pairing_last(x));
    if (first && first->mark & POSTGRESQL_LOGIN) {
        first = pairing_reply(x);
        first->tx.outcome = OUTCOME_SUCCESS;
        pairing_finish(first);
        return;
    }
    if (s->batches_answered < s->batches_sent)
        s->batches_answered++;
    if (s->batches_answered == s->batches_sent)
        s->unkept = 0;
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

/* EmptyQueryResponse: there was no statement.  PortalSuspended: the rows so far. */
static void end_without_tag(struct exchange *x, struct postgresql *s, uint8_t type)
{
    struct request *r = current(x, s);
    postgresql_rows_end(s);
    if (!r)
        return;
    r = pairing_reply(x);
    r->tx.outcome = OUTCOME_SUCCESS;
    s->is_suspended = type == 's';
    r->tx.is_apart = r->tx.is_apart || type == 'I';
    finish(x, r);
}

static void copy_begins(struct exchange *x, uint8_t type, struct cursor body)
{
    struct request *r = result(x, x->state);
    if (type == 'H')
        postgresql_copy_begin(x, r, body);
    if (!r)
        return;
    r->mark |= type == 'G' ? POSTGRESQL_COPY_IN : POSTGRESQL_COPY_OUT;
    if (type != 'W')
        return;
    r->tx.outcome = OUTCOME_SUCCESS;
    pairing_finish(r);
}

static void function_result(struct exchange *x, struct postgresql *s)
{
    struct request *r = result(x, s);
    if (!r)
        return;
    r->tx.is_apart = true;
    r->tx.outcome = OUTCOME_SUCCESS;
    finish(x, r);
}

static uint32_t server_wants(uint8_t type, uint32_t body_len)
{
    uint32_t wants = type == 'C'   ? TAG_MAX
                     : type == 'E' ? ERROR_MAX
                     : type == 'W' ? body_len
                     : type == 'H' ? 1
                                   : 0;
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
        copy_begins(x, type, *body);
        break;
    case 'V':
        function_result(x, s);
        break;
    case 'N':
    case 'A':
    case 'S': /* at any time */
        pairing_receive(x, SIDE_SERVER, pairing_first(x));
        break;
    case 'n':
        postgresql_no_rows(s);
        pairing_receive(x, SIDE_SERVER, current(x, s));
        break;
    default: /* nothing to count but bytes */
        pairing_receive(x, SIDE_SERVER, current(x, s));
        break;
    }
}

/* The one byte that answers a request for encryption; where that request was not seen, what follows
 * tells. */
static bool is_encryption_answer(const struct exchange *x, const struct postgresql *s,
                                 struct cursor in)
{
    uint8_t answer = cursor_u8(&in), next = cursor_u8(&in);
    if (s->asked > 0)
        return answer == 'S' || answer == 'N' || answer == 'G';
    if (x->position[SIDE_SERVER] > 0 || cursor_is_short(&in))
        return false;
    return (answer == 'N' && (next == 'R' || next == 'N')) ||
           (answer == 'S' && next == POSTGRESQL_TLS_HANDSHAKE);
}

struct step postgresql_server_parse(struct exchange *x, struct cursor *in)
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
    s->asked = 0; /* an answer to it was lost */
    if (h.type == 'D')
        return data_rows(x, in);
    uint32_t wants = server_wants(h.type, h.body_len);
    struct cursor body = cursor_inner(&peek, wants);
    if (cursor_is_short(&peek))
        return step_needs(POSTGRESQL_HEADER_LEN + wants);
    *in = peek;
    server_message(x, h.type, &body);
    if (h.type == 'T' && subject_is_on(x, SIDE_SERVER))
        return postgresql_rows_pass(x, POSTGRESQL_PASSING_FIELDS, h.body_len);
    if (h.type == 'd' && h.body_len > 0 && postgresql_is_copied(s))
        return postgresql_rows_pass(x, POSTGRESQL_PASSING_COPY, h.body_len);
    if (h.type == 'W')
        return step_hand_over(); /* replication: a stream that is counted, not decoded */
    return step_taken(h.body_len - wants);
}
