/*
 * PostgreSQL's statements with names, and portals: what they are, and the customers that the values
 * bound to them look for.
 *
 * https://www.postgresql.org/docs/current/protocol-message-formats.html, Parse, Bind, Describe and
 * Close.
 */
#include "analyzers/postgresql/postgresql_state.h"
#include "analyzers/sql/statement.h"
#include "analyzers/subject.h"

/* What the statement's text looks for: literals are held until it is executed. */
static void learn_lookups(struct exchange *x, struct postgresql *s, uint64_t key,
                          const struct statement *statement, struct bytes text)
{
    struct lookups lookups = {0};
    subject_release(x);
    s->held_statement = s->held_portal = 0;
    if (!subject_is_on(x, SIDE_CLIENT))
        return;
    prepared_details_forget(x->prepared, x->connection, key);
    if (!statement)
        return;
    statements_ask(x, NULL, statement, text, SQL_POSTGRESQL);
    s->held_statement = key;
    statements_lookups(x, statement, text, SQL_POSTGRESQL, &lookups);
    struct prepared_details *details =
        lookups.count > 0 ? prepared_details_touch(x->prepared, x->connection, key) : NULL;
    if (details)
        details->lookups = lookups;
}

void postgresql_parse(struct exchange *x, struct cursor *body)
{
    struct postgresql *s = x->state;
    struct bytes name = cursor_text(body), text = cursor_rest(body);
    if (cursor_is_short(body))
        return;
    text = bytes_first(text, bytes_index(text, 0));
    struct bytes rest = text;
    const struct statement *statement = statements_read(x->statements, &rest, SQL_POSTGRESQL);
    uint64_t hash = statement ? statement->hash : 0;
    learn_lookups(x, s, prepared_key(x->prepared, 'S', name), statement,
                  bytes_first(text, text.len - rest.len));
    if (name.len == 0) {
        s->unnamed_statement = hash;
        return;
    }
    struct prepared_entry *entry = prepared_touch(x->prepared, x->connection, 'S', name);
    if (entry)
        entry->statement = hash;
}

static void ask_value(struct exchange *x, enum subject_kind kind, struct bytes value,
                      bool is_binary)
{
    uint8_t room[POSTGRESQL_TEXT_MAX];
    struct bytes text;
    uint64_t number;
    enum postgresql_form form = is_binary ? POSTGRESQL_FORM_BINARY : POSTGRESQL_FORM_TEXT;
    if (value.len == 0 || value.len > SUBJECT_VALUE_MAX)
        return;
    if (postgresql_value(value, form, &number, &text, room))
        subject_ask_number(x, NULL, kind, number);
    else
        subject_ask(x, NULL, kind, text);
}

/* = ANY($1): an array of one dimension; src/include/utils/array.h, array_send.  False where it is
 * none. */
static bool ask_array(struct exchange *x, enum subject_kind kind, struct bytes value)
{
    struct cursor in = cursor_over(value);
    bool is_array = cursor_be32(&in) == 1;
    uint32_t has_nulls = cursor_be32(&in);
    cursor_skip(&in, 4); /* type */
    uint32_t count = cursor_be32(&in);
    cursor_skip(&in, 4); /* first place */
    if (!is_array || has_nulls > 1 || cursor_is_short(&in) || count > cursor_left(&in) / 4)
        return false;
    while (cursor_left(&in) > 0) {
        uint32_t len = cursor_be32(&in);
        struct bytes item = cursor_take(&in, len == UINT32_MAX ? 0 : len);
        if (!cursor_is_short(&in))
            ask_value(x, kind, item, true);
    }
    return true;
}

/* {4670..,"4671.."} */
static void ask_list(struct exchange *x, enum subject_kind kind, struct bytes value)
{
    value = bytes_first(bytes_from(value, 1), value.len - 2);
    while (value.len > 0) {
        size_t len = bytes_index(value, ',');
        struct bytes item = bytes_first(value, len);
        if (item.len > 2 && item.data[0] == '"')
            item = bytes_first(bytes_from(item, 1), item.len - 2);
        ask_value(x, kind, item, false);
        value = bytes_from(value, len + 1);
    }
}

static void ask_parameter(struct exchange *x, enum subject_kind kind, struct bytes value,
                          bool is_binary)
{
    bool is_list = value.len > 2 && value.data[0] == '{' && value.data[value.len - 1] == '}';
    if (is_binary && ask_array(x, kind, value))
        return;
    if (is_list && !is_binary)
        ask_list(x, kind, value);
    else
        ask_value(x, kind, value, is_binary);
}

/* The values of a Bind that its statement looks for; they are held until the portal is executed. */
static void ask_parameters(struct exchange *x, const struct lookups *lookups, struct cursor *in)
{
    unsigned formats_count = cursor_be16(in);
    struct bytes formats = cursor_take(in, 2 * (size_t)formats_count);
    unsigned count = cursor_be16(in), last = lookups_last(lookups);
    for (unsigned n = 1; n <= count && n <= last; n++) {
        uint32_t len = cursor_be32(in);
        struct bytes value = cursor_take(in, len == UINT32_MAX ? 0 : len);
        if (cursor_is_short(in))
            return;
        enum subject_kind kind = lookups_numbered(lookups, n);
        struct cursor format =
            cursor_over(bytes_from(formats, formats_count > 1 ? 2 * (n - 1) : 0));
        bool is_binary = cursor_be16(&format) == 1;
        if (kind != SUBJECT_NONE && value.len > 0)
            ask_parameter(x, kind, value, is_binary);
    }
}

/* What is bound is looked for by the statement of that key and shape. */
static void hold_values(struct exchange *x, struct postgresql *s, uint64_t key, uint64_t hash,
                        struct bytes portal, struct cursor *in)
{
    if (!subject_is_on(x, SIDE_CLIENT))
        return;
    if (s->held_statement != key)
        subject_release(x);
    s->held_statement = 0;
    s->held_portal = prepared_key(x->prepared, 'P', portal);
    const struct statement *statement = hash ? statements_find(x->statements, hash) : NULL;
    const struct prepared_details *details =
        !statement || statement->has_lookups
            ? prepared_details_find(x->prepared, x->connection, key)
            : NULL;
    if (details && details->lookups.count > 0)
        ask_parameters(x, &details->lookups, in);
}

void postgresql_bind(struct exchange *x, struct cursor *body)
{
    struct postgresql *s = x->state;
    struct bytes portal = cursor_text(body), name = cursor_text(body);
    if (cursor_is_short(body))
        return;
    const struct prepared_entry *known =
        name.len ? prepared_find(x->prepared, x->connection, 'S', name) : NULL;
    uint64_t hash = name.len ? (known ? known->statement : 0) : s->unnamed_statement;
    uint64_t key = prepared_key(x->prepared, 'S', name);
    struct prepared_entry *entry =
        portal.len ? prepared_touch(x->prepared, x->connection, 'P', portal) : &s->unnamed_portal;
    if (entry)
        *entry = (struct prepared_entry){.statement = hash, .prepared = key};
    hold_values(x, s, key, hash, portal, body);
}

void postgresql_describe(struct exchange *x, struct cursor *body)
{
    struct postgresql *s = x->state;
    uint8_t kind = cursor_u8(body);
    struct bytes name = cursor_text(body);
    if (cursor_is_short(body) || s->described_count == POSTGRESQL_DESCRIBED_MAX)
        return;
    uint64_t key = prepared_key(x->prepared, 'S', name);
    if (kind == 'P') {
        const struct prepared_entry *portal =
            name.len ? prepared_find(x->prepared, x->connection, 'P', name) : &s->unnamed_portal;
        key = portal ? portal->prepared : 0;
    }
    s->described[s->described_count++] =
        (struct postgresql_described){key, s->batches_sent, kind == 'S'};
}

void postgresql_close(struct exchange *x, struct cursor *body)
{
    char kind = (char)cursor_u8(body);
    struct bytes name = cursor_text(body);
    /* its details stay: rows may be to come */
    if (!cursor_is_short(body) && name.len > 0)
        prepared_forget(x->prepared, x->connection, kind, name);
}
