/*
 * Copies of a few fields.
 */
#include "rules/evidence.h"

#include "core/mirror.h"
#include "rules/text.h"

enum { MIRROR_FIGURES = 16 };

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

int64_t evidence_newest_ns(const struct evidence_list *l)
{
    int64_t newest_ns = 0;
    for (size_t i = 0; i < l->count; i++)
        newest_ns = l->items[i].end_ns > newest_ns ? l->items[i].end_ns : newest_ns;
    return newest_ns;
}

static void figures_list(struct mirror_figures *f, uint64_t *list[MIRROR_FIGURES])
{
    uint64_t *const all[MIRROR_FIGURES] = {&f->packets,          &f->bytes,
                                           &f->dropped,          &f->lost_bytes,
                                           &f->dropped_share,    &f->lost_share,
                                           &f->duplicated_share, &f->reordered_share,
                                           &f->truncated_share,  &f->bad_checksum_share,
                                           &f->one_sided_share,  &f->encrypted_share,
                                           &f->undecoded_share,  &f->silence_ns,
                                           &f->silence_ratio,    &f->clock_jump_ns};
    memcpy(list, all, sizeof(all));
}

static void save_content(const struct evidence *e, struct pack *p)
{
    if (e->present & FIELD_BIT(FIELD_MIRROR_PACKETS)) {
        struct mirror_figures mirror = e->mirror;
        uint64_t *list[MIRROR_FIGURES];
        figures_list(&mirror, list);
        for (size_t i = 0; i < MIRROR_FIGURES; i++)
            pack_number(p, *list[i]);
        pack_flag(p, mirror.turned_encrypted);
        return;
    }
    pack_string(p, (struct bytes){e->user, e->user_len});
    pack_string(p, (struct bytes){e->session, e->session_len});
    pack_string(p, (struct bytes){e->statement, e->statement_len});
}

static void save_one(const struct evidence *e, struct pack *p)
{
    pack_signed(p, e->start_ns);
    pack_signed(p, e->end_ns);
    pack_number(p, e->weight);
    pack_u64(p, (uint64_t)e->present);
    pack_u64(p, (uint64_t)(e->present >> 64));
    pack_number(p, e->returned_rows);
    pack_number(p, e->client_bytes);
    pack_number(p, e->server_bytes);
    pack_bytes(p, (struct bytes){e->client_ip.octets, sizeof(e->client_ip.octets)});
    pack_u8(p, e->action);
    pack_u8(p, e->outcome);
    save_content(e, p);
}

void evidence_save(const struct evidence_list *l, struct pack *p)
{
    pack_number(p, FIELDS_COUNT);
    pack_number(p, l->count);
    for (size_t i = 0; i < l->count; i++)
        save_one(&l->items[i], p);
}

static uint8_t load_text(uint8_t *copy, size_t max, struct cursor *c)
{
    return keep(copy, max, unpack_string(c, max));
}

static void load_content(struct evidence *e, struct cursor *c)
{
    if (e->present & FIELD_BIT(FIELD_MIRROR_PACKETS)) {
        uint64_t *list[MIRROR_FIGURES];
        figures_list(&e->mirror, list);
        for (size_t i = 0; i < MIRROR_FIGURES; i++)
            *list[i] = unpack_number(c);
        e->mirror.turned_encrypted = unpack_flag(c);
        return;
    }
    e->user_len = load_text(e->user, EVIDENCE_NAME_MAX, c);
    e->session_len = load_text(e->session, EVIDENCE_NAME_MAX, c);
    e->statement_len = load_text(e->statement, EVIDENCE_STATEMENT_MAX, c);
}

static bool load_one(struct evidence *e, struct cursor *c)
{
    *e = (struct evidence){.start_ns = unpack_signed(c)};
    e->end_ns = unpack_signed(c);
    e->weight = unpack_number(c);
    uint64_t low = unpack_u64(c), high = unpack_u64(c);
    e->present = (field_set)high << 64 | low;
    e->returned_rows = unpack_number(c);
    e->client_bytes = unpack_number(c);
    e->server_bytes = unpack_number(c);
    struct bytes octets = cursor_take(c, sizeof(e->client_ip.octets));
    if (octets.len > 0)
        memcpy(e->client_ip.octets, octets.data, octets.len);
    e->action = cursor_u8(c);
    e->outcome = cursor_u8(c);
    load_content(e, c);
    field_set allowed =
        e->present & FIELD_BIT(FIELD_MIRROR_PACKETS)
            ? MIRROR_FIELDS
            : kept_fields | FIELD_BIT(FIELD_DB_QUERY_TEXT) | FIELD_BIT(FIELD_URL_TEMPLATE);
    return !cursor_is_short(c) && (e->present & ~allowed) == 0 && e->action <= ACTION_OTHER &&
           e->outcome <= OUTCOME_UNKNOWN;
}

bool evidence_load(struct evidence_list *l, struct cursor *c)
{
    if (unpack_number(c) != FIELDS_COUNT) {
        cursor_skip(c, cursor_left(c));
        return !cursor_is_short(c);
    }
    size_t count = unpack_count(c, EVIDENCE_MAX, 1);
    for (size_t i = 0; i < count; i++) {
        if (!load_one(&l->items[i], c)) {
            l->count = 0;
            return false;
        }
        l->count++;
    }
    return !cursor_is_short(c);
}
