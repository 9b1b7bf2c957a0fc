/*
 * The client's side of TDS: batches, and what else is asked.  A batch is a request, and each call
 * of a message with several (analyzers/tds/tds_call.c).
 *
 * [MS-TDS] sections 2.2.1, 2.2.5.3 (headers), 2.2.6.7 (batches), 2.2.6.9
 */
#include "analyzers/tds/tds_client.h"

enum {
    HEADERS_MIN = 22, /* bytes of the headers before a request: their length, and one header */
    HEADERS_MAX = 4096,
    HEADERS_LOOK = 10, /* bytes that tell whether there are some */
};

/* A MARS session asks again: where a part of a reply was lost, what it asked before is over.  What
 * other sessions asked is not. */
static struct request *open_in_session(struct tds_reading *r)
{
    struct request *last = r->x->pairing.is_stale ? tds_last(r) : NULL;
    for (; last; last = tds_last(r))
        pairing_finish(last);
    return pairing_join(r->x);
}

struct request *tds_open(struct tds_reading *r, enum tds_kind kind)
{
    const struct request *last = tds_last(r);
    bool is_joined = last && (last->batch == r->session->asking || kind == TDS_KIND_ATTENTION);
    r->session->has_opened = true;
    struct request *q = is_joined       ? pairing_join(r->x)
                        : r->s->is_mars ? open_in_session(r)
                                        : pairing_open(r->x);
    if (!q)
        return NULL;
    q->id = r->s->is_mars ? r->session->id + UINT64_C(1) : 0;
    q->batch = r->session->asking;
    q->mark = kind;
    return q;
}

void tds_client_operation(struct request *q, const char *operation)
{
    if (!q)
        return;
    q->tx.db_operation = bytes_of(operation);
    transaction_mark(&q->tx, FIELD_DB_OPERATION_NAME);
}

struct request *tds_open_apart(struct tds_reading *r, enum tds_kind kind, const char *operation)
{
    struct request *q = tds_open(r, kind);
    if (!q)
        return NULL;
    q->tx.is_apart = true;
    tds_client_operation(q, operation);
    return q;
}

void tds_client_hash(struct request *q, uint64_t hash)
{
    if (!q || !hash)
        return;
    q->tx.db_query_hash = hash;
    transaction_mark(&q->tx, FIELD_DB_QUERY_HASH);
}

struct tds_meaning tds_client_text(struct tds_reading *r, struct bytes utf16, struct request *q,
                                   struct lookups *lookups)
{
    char room[TDS_TEXT_MAX];
    struct tds *s = r->s;
    struct bytes text = tds_utf8(utf16, room, sizeof(room));
    struct tds_meaning m = tds_statement(r->x->statements, text, s->has_texts_in_quotes);
    if (m.statement && q)
        statements_ask(r->x, q, m.statement, text, m.dialect);
    if (m.statement && lookups)
        statements_lookups(r->x, m.statement, text, m.dialect, lookups);
    if (m.quotes_names || m.quotes_texts)
        s->has_texts_in_quotes = m.quotes_texts;
    return m;
}

void tds_client_mean(struct request *q, const struct tds_meaning *m)
{
    tds_client_hash(q, m->hash);
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
    struct tds_meaning m = tds_client_text(r, text, q, NULL);
    tds_client_mean(q, &m);
    r->s->bulk = m.is_bulk ? m.hash : 0;
    r->walk->at = TDS_AT_REST;
    return TDS_PASSED;
}

static enum tds_pass transaction(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    static const char *const names[] = {
        "GET DTC ADDRESS",   "PROPAGATE TRANSACTION", "",       "",         "",
        "BEGIN TRANSACTION", "PROMOTE TRANSACTION",   "COMMIT", "ROLLBACK", "SAVE TRANSACTION"};
    *needs = 2;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    uint16_t kind = cursor_le16(in);
    bool is_known = kind < sizeof(names) / sizeof(names[0]) && *names[kind];
    (void)tds_open_apart(r, TDS_KIND_TRANSACTION, is_known ? names[kind] : "TRANSACTION");
    r->walk->at = TDS_AT_REST;
    return TDS_PASSED;
}

static void open_bulk(struct tds_reading *r)
{
    struct request *q = tds_open_apart(r, TDS_KIND_BULK, "INSERT BULK");
    if (!q)
        return;
    q->tx.action = ACTION_WRITE;
    tds_client_hash(q, r->s->bulk);
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
    case TDS_PRELOGIN:
        (void)tds_open_apart(r, TDS_KIND_PRELOGIN, "PRELOGIN");
        break;
    case TDS_LOGIN:
        tds_open_login(r, "LOGIN7");
        break;
    default:
        break;
    }
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
    case TDS_AT_TRANSACTION:
        return transaction(r, in, needs);
    case TDS_AT_PRELOGIN:
        return tds_prelogin_pass(r, needs);
    case TDS_AT_LOGIN:
        return tds_login_pass(r, needs);
    case TDS_AT_PROOF:
        return tds_proof_pass(r, needs);
    case TDS_AT_TABLE:
    case TDS_AT_TABLE_COLUMN:
    case TDS_AT_TABLE_COLUMN_TYPED:
    case TDS_AT_TABLE_TOKEN:
    case TDS_AT_TABLE_ROW:
        return tds_table_pass(r, in, needs);
    default:
        return tds_call_pass(r, in, needs);
    }
}
