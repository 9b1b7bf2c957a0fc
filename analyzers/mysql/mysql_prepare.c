/*
 * Definitions of columns and parameters, and the reply to a prepare, which is made of them.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_prepare.html
 */
#include "analyzers/mysql/mysql_reply.h"

enum { PREPARED_LEN = 12 /* bytes of the reply to a prepare, without its flag */ };

/* Whether an EOF stands behind definitions. */
static bool has_eofs(const struct mysql *s)
{
    uint32_t server = s->capabilities[SIDE_SERVER];
    return !(s->capabilities[SIDE_CLIENT] & (server ? server : UINT32_MAX) & MYSQL_DEPRECATE_EOF);
}

void mysql_next_definitions(struct exchange *x, struct mysql *s, struct request *r)
{
    s->definitions = s->more_definitions;
    s->more_definitions = 0;
    s->phase = MYSQL_DEFINITIONS;
    if (s->definitions > 0)
        return;
    if (r)
        r->tx.outcome = OUTCOME_SUCCESS;
    mysql_end_batch(x, s, r);
}

/* Behind the last definition of a group. */
static void end_definitions(struct exchange *x, struct mysql *s, struct request *r)
{
    s->phase = MYSQL_DEFINED;
    if (mysql_reply_of(r) != MYSQL_REPLY_PREPARE)
        return;
    bool is_known = s->capabilities[SIDE_CLIENT] != 0;
    if (is_known && !has_eofs(s)) {
        mysql_next_definitions(x, s, r);
    } else if (!is_known && s->more_definitions == 0) {
        r->tx.outcome = OUTCOME_SUCCESS;
        r->mark |= MYSQL_MAYBE;
    }
}

bool mysql_is_prepared(const struct mysql_packet *p)
{
    struct cursor body = p->body;
    cursor_skip(&body, 9);
    return p->first == MYSQL_OK && (p->len == PREPARED_LEN || p->len == PREPARED_LEN + 1) &&
           cursor_u8(&body) == 0 && !cursor_is_short(&body);
}

/* What the text told of the statement's parameters goes with its number. */
static void set_prepared(struct exchange *x, struct mysql *s, const struct request *r,
                         struct bytes id)
{
    uint64_t key = prepared_key(x->prepared, 'S', id);
    bool is_last = r && s->lookups_batch > 0 && r->batch == s->lookups_batch;
    prepared_details_forget(x->prepared, x->connection, key);
    struct prepared_details *details = is_last && s->lookups.count > 0
                                           ? prepared_details_touch(x->prepared, x->connection, key)
                                           : NULL;
    if (details)
        details->lookups = s->lookups;
}

void mysql_take_prepared(struct exchange *x, struct mysql *s, struct request *r,
                         struct mysql_packet *p)
{
    cursor_skip(&p->body, 1);
    struct bytes id = cursor_take(&p->body, 4);
    uint32_t columns = cursor_le16(&p->body), parameters = cursor_le16(&p->body);
    cursor_skip(&p->body, 1 + 2); /* filler, warnings */
    bool has_definitions = p->len == PREPARED_LEN || cursor_u8(&p->body) == 1;
    uint64_t hash = r && transaction_has(&r->tx, FIELD_DB_QUERY_HASH) ? r->tx.db_query_hash : 0;
    if (r) {
        r->tx.is_apart = true;
        r->mark = (r->mark & ~(unsigned)MYSQL_REPLY_MASK) | MYSQL_REPLY_PREPARE;
    }
    struct prepared_entry *entry =
        hash ? prepared_touch(x->prepared, x->connection, 'S', id) : NULL;
    if (entry)
        entry->statement = hash;
    if (hash == 0)
        prepared_forget(x->prepared, x->connection, 'S', id);
    s->columns = (uint16_t)columns;
    set_prepared(x, s, r, id);
    mysql_define(s, prepared_key(x->prepared, 'S', id), parameters);
    bool has_both = parameters > 0 && columns > 0;
    s->more_definitions = !has_definitions ? 0 : parameters > 0 ? parameters : columns;
    mysql_next_definitions(x, s, r);
    s->more_definitions = has_both && has_definitions ? columns : 0;
}

void mysql_definition(struct exchange *x, struct mysql *s, struct mysql_packet *p)
{
    struct request *r = mysql_current(x);
    if (p->first == MYSQL_ERROR) {
        mysql_fail(x, s, r, p);
        return;
    }
    mysql_look(x, r, MYSQL_PASSING_DEFINITION);
    if (--s->definitions == 0)
        end_definitions(x, s, r);
}
