/*
 * The server's side of TDS: the tokens of a reply.
 *
 * [MS-TDS] section 2.2.7
 */
#include "analyzers/sql/prepared.h"
#include "analyzers/subject.h"
#include "analyzers/tds/tds_client.h"
#include "analyzers/tds/tds_reply.h"
#include "analyzers/tds/tds_values.h"

#include <stdio.h>

enum {
    ENCRYPTED = 0x0800, /* flag of a parameter */
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

/* What the values of a statement look for, for when it is executed by its handle. */
static void keep_lookups(struct tds_reading *r, char kind, struct bytes handle)
{
    const struct tds_call *c = r->request->visit;
    uint64_t key = prepared_key(r->x->prepared, kind, handle);
    bool has_some = kind == 'S' && c && c->lookups.count > 0;
    if (!has_some) {
        prepared_details_forget(r->x->prepared, r->x->connection, key);
        return;
    }
    struct prepared_details *details =
        prepared_details_touch(r->x->prepared, r->x->connection, key);
    if (details)
        details->lookups = c->lookups;
}

static void keep_handle(struct tds_reading *r, char kind, struct bytes handle)
{
    uint64_t hash = tds_reply_hash(r->request);
    keep_lookups(r, kind, handle);
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
    *needs = 3;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    r->walk->token = cursor_u8(in);
    cursor_skip(in, 2); /* its place among the parameters */
    r->walk->at = TDS_AT_RETURN;
    return TDS_PASSED;
}

static enum tds_pass return_name(struct tds_reading *r, size_t *needs)
{
    struct tds_walk *w = r->walk;
    struct tds_value_text name = {.text = {NULL, 0}};
    if (subject_is_on(r->x, SIDE_SERVER) && !tds_name_look(r, 0, &name, needs))
        return TDS_LOOKS;
    struct bytes bare = bytes_from(name.text, 1);
    w->subject = bare.len > 0 ? (uint8_t)subject_of_name(r->x, bare) : SUBJECT_NONE;
    w->names = 1;
    w->at = TDS_AT_RETURN_NAMED;
    return TDS_PASSED;
}

static enum tds_pass return_type(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    *needs = tds_is_long(r) ? 8 : 6;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    cursor_skip(in, tds_is_long(r) ? 5 : 3); /* status, the user's type */
    w->is_encrypted = cursor_le16(in) & ENCRYPTED && r->s->has_keys;
    w->type = cursor_u8(in);
    w->after = TDS_AT_RETURN_TYPED;
    w->at = TDS_AT_TYPE;
    return TDS_PASSED;
}

/* A value that shows a customer; all of a call are one record. */
static bool look_at_value(struct tds_reading *r, size_t *needs)
{
    struct tds_value_text v;
    const struct tds_walk *w = r->walk;
    bool is_begin = w->value == TDS_VALUE_LENGTH && w->carry_len == 0;
    if (!is_begin || w->subject == SUBJECT_NONE || w->form == TDS_FORM_NONE || !r->request)
        return true;
    if (!tds_value_look(r, w->kept_class, (enum tds_form)w->form, &v, needs))
        return false;
    subject_tell(r->x, r->request, (enum subject_kind)w->subject, v.text);
    return true;
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
    if (!look_at_value(r, needs))
        return TDS_LOOKS;
    enum tds_pass pass = tds_value_pass(w, (enum tds_class)w->kept_class, in, needs, &is_over);
    if (is_over) {
        if (r->session->returned < UINT8_MAX)
            r->session->returned++;
        w->at = TDS_AT_TOKEN;
    }
    return pass;
}

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
        tds_reply_apart(r->request);
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
        tds_reply_login(q);
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
    tds_reply_login(r->request);
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
        return tds_result_give_up(r);
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
        tds_reply_login(r->request);
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
        return tds_row_pass(r, in);
    case TOKEN_TOTAL:
        return tds_total_pass(r, in, needs);
    case TOKEN_COLUMNS:
        return tds_columns_pass(r, in, needs);
    case TOKEN_TOTALS:
        return tds_totals_pass(r, in, needs);
    case TOKEN_DONE:
    case TOKEN_DONE_PROC:
    case TOKEN_DONE_IN_PROC:
        return tds_done_pass(r, in, needs);
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

/* What is at the walk's place, of units of a known length. */
static enum tds_pass take(struct tds_reading *r, struct cursor *in, size_t *needs, size_t len)
{
    *needs = len;
    if (cursor_left(in) < len)
        return TDS_NEEDS;
    return r->walk->at == TDS_AT_CHANGE ? change_letters(r, in) : labels(r, in);
}

enum tds_pass tds_server_pass(struct tds_reading *r, struct cursor *in, size_t *needs)
{
    struct tds_walk *w = r->walk;
    switch (w->at) {
    case TDS_AT_TOKEN:
        return token(r, in, needs);
    case TDS_AT_LOST:
        return tds_lost_pass(r, needs);
    case TDS_AT_TYPE:
        return tds_type_pass(w, r->s->era != TDS_ERA_70, false, in, needs);
    case TDS_AT_FIRST:
        return first(r, in, needs);
    case TDS_AT_RETURN:
        return return_name(r, needs);
    case TDS_AT_RETURN_NAMED:
        return return_type(r, in, needs);
    case TDS_AT_RETURN_TYPED:
        w->kept_class = w->value_class == TDS_POINTED ? TDS_LONG : w->value_class;
        w->form = w->is_encrypted ? TDS_FORM_NONE : (uint8_t)tds_form_of(w);
        w->at = w->is_encrypted ? TDS_AT_CRYPTO : TDS_AT_RETURN_VALUE;
        return TDS_PASSED;
    case TDS_AT_RETURN_VALUE:
        return return_value(r, in, needs);
    case TDS_AT_CHANGE:
        return take(r, in, needs, 1);
    case TDS_AT_CHANGE_TEXT:
        return change_text(r, in, needs);
    case TDS_AT_FEATURE:
        return feature(r, in, needs);
    case TDS_AT_LABEL_COLUMNS:
        return take(r, in, needs, has_ranks(r) ? 6 : 2);
    case TDS_AT_LABELS:
    case TDS_AT_LABEL_KINDS:
    case TDS_AT_LABEL_COLUMN:
        return take(r, in, needs, 2);
    default:
        return tds_result_pass(r, in, needs);
    }
}
