/*
 * Copies of a few fields.
 */
#include "rules/evidence.h"

#include "core/mirror.h"
#include "rules/text.h"

static const field_set kept_fields = FIELD_BIT(FIELD_CLIENT_IP) | FIELD_BIT(FIELD_CLIENT_BYTES) |
                                     FIELD_BIT(FIELD_SERVER_BYTES) | FIELD_BIT(FIELD_SESSION_ID) |
                                     FIELD_BIT(FIELD_USER_NAME) |
                                     FIELD_BIT(FIELD_DB_RESPONSE_RETURNED_ROWS) |
                                     FIELD_BIT(FIELD_EVENT_ACTION) | FIELD_BIT(FIELD_EVENT_OUTCOME);

static uint8_t keep(uint8_t *copy, size_t max, struct bytes text)
{
    text = text_cut(text, max);
    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    return (uint8_t)text.len;
}

/* Of a record of the mirror: its figures. */
static void copy_mirror(struct evidence *e, const struct transaction *t, int64_t end_ns,
                        uint64_t weight)
{
    *e = (struct evidence){.start_ns = t->start_ns,
                           .end_ns = end_ns,
                           .weight = weight,
                           .present = t->present & MIRROR_FIELDS,
                           .mirror = t->mirror};
}

static void copy(struct evidence *e, const struct transaction *t, int64_t end_ns, uint64_t weight)
{
    if (transaction_has(t, FIELD_MIRROR_PACKETS)) {
        copy_mirror(e, t, end_ns, weight);
        return;
    }
    bool is_query = transaction_has(t, FIELD_DB_QUERY_TEXT);
    enum field statement = is_query ? FIELD_DB_QUERY_TEXT : FIELD_URL_TEMPLATE;
    *e = (struct evidence){.start_ns = t->start_ns,
                           .end_ns = end_ns,
                           .weight = weight,
                           .present = t->present & (kept_fields | FIELD_BIT(statement)),
                           .returned_rows = t->returned_rows,
                           .client_bytes = t->client_bytes,
                           .server_bytes = t->server_bytes,
                           .client_ip = t->client_ip,
                           .action = (uint8_t)t->action,
                           .outcome = (uint8_t)t->outcome};
    if (transaction_has(t, FIELD_USER_NAME))
        e->user_len = keep(e->user, EVIDENCE_NAME_MAX, t->user_name);
    if (transaction_has(t, FIELD_SESSION_ID))
        e->session_len = keep(e->session, EVIDENCE_NAME_MAX, t->session_id);
    if (transaction_has(t, statement))
        e->statement_len = keep(e->statement, EVIDENCE_STATEMENT_MAX,
                                is_query ? t->db_query_text : t->url_template);
}

void evidence_add(struct evidence_list *l, const struct transaction *t, int64_t end_ns,
                  uint64_t weight)
{
    if (l->count < EVIDENCE_MAX) {
        copy(&l->items[l->count++], t, end_ns, weight);
        return;
    }
    struct evidence *least = &l->items[0];
    for (size_t i = 1; i < EVIDENCE_MAX; i++) {
        struct evidence *e = &l->items[i];
        if (e->weight < least->weight || (e->weight == least->weight && e->end_ns < least->end_ns))
            least = e;
    }
    if (weight >= least->weight)
        copy(least, t, end_ns, weight);
}

void evidence_forget(struct evidence_list *l, int64_t before_ns)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].end_ns < before_ns)
            continue;
        if (kept < i)
            l->items[kept] = l->items[i];
        kept++;
    }
    l->count = kept;
}

void evidence_transaction(struct transaction *t, const struct evidence *e)
{
    if (e->present & FIELD_BIT(FIELD_MIRROR_PACKETS)) {
        *t = (struct transaction){
            .present = e->present, .start_ns = e->start_ns, .mirror = e->mirror};
        transaction_mark(t, FIELD_TIMESTAMP);
        return;
    }
    struct bytes statement = {e->statement, e->statement_len};
    *t = (struct transaction){.present = e->present,
                              .start_ns = e->start_ns,
                              .action = e->action,
                              .outcome = e->outcome,
                              .client_ip = e->client_ip,
                              .client_bytes = e->client_bytes,
                              .server_bytes = e->server_bytes,
                              .returned_rows = e->returned_rows,
                              .session_id = {e->session, e->session_len},
                              .user_name = {e->user, e->user_len},
                              .db_query_text = statement,
                              .url_template = statement};
    transaction_mark(t, FIELD_TIMESTAMP);
}
