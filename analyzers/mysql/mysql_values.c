/*
 * The customers that prepared statements look for: the values that a client sends with their
 * execution.  Their types come with the first execution, and are kept for the others.
 *
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_execute.html and
 * https://mariadb.com/kb/en/com_stmt_bulk_execute/
 */
#include "analyzers/mysql/mysql_state.h"
#include "analyzers/subject.h"

enum {
    HAS_COUNT = 8,         /* flag: the number of parameters is told, with their names */
    BULK_HAS_TYPES = 0x80, /* flag */
    TYPES_MAX = PREPARED_TYPES_MAX,
};

void mysql_has_long_data(struct exchange *x, struct bytes id)
{
    struct prepared_details *details =
        prepared_details_find(x->prepared, x->connection, prepared_key(x->prepared, 'S', id));
    if (details)
        details->has_long_data = true;
}

static void read_types(struct prepared_details *details, struct cursor *in, unsigned count,
                       bool has_names)
{
    for (unsigned n = 0; n < count && !cursor_is_short(in); n++) {
        uint8_t type = (uint8_t)cursor_le16(in);
        if (has_names)
            (void)mysql_text(in);
        if (n < TYPES_MAX)
            details->parameter_types[n] = type;
    }
}

/* Reads the n-th value, counted from 0; false where it cannot be read. */
static bool ask_value(struct exchange *x, struct request *r, const struct prepared_details *details,
                      unsigned n, struct cursor *in)
{
    struct mysql_value v = mysql_value(in, details->parameter_types[n]);
    enum subject_kind kind = lookups_numbered(&details->lookups, n + 1);
    if (cursor_is_short(in))
        return false;
    if (kind != SUBJECT_NONE && v.is_number)
        subject_ask_number(x, r, kind, v.number);
    else if (kind != SUBJECT_NONE && v.is_text)
        subject_ask(x, r, kind, v.text);
    return true;
}

/* Flags, iterations, which values are NULL, types, values. */
static void ask(struct exchange *x, struct request *r, struct prepared_details *details,
                struct cursor *in)
{
    uint8_t flags = cursor_u8(in);
    unsigned count = details->lookups.placeholders, last = lookups_last(&details->lookups);
    cursor_skip(in, 4);
    if (flags & HAS_COUNT)
        count = (unsigned)mysql_number(in) & UINT16_MAX;
    struct bytes nulls = cursor_take(in, (count + 7) / 8);
    if (cursor_u8(in) == 1)
        read_types(details, in, count, flags & HAS_COUNT);
    for (unsigned n = 0; n < count && n < last && n < TYPES_MAX; n++) {
        bool is_null = n / 8 < nulls.len && nulls.data[n / 8] >> n % 8 & 1;
        if (!is_null && !ask_value(x, r, details, n, in))
            return;
    }
}

/* Flags, types, then row by row the values, each behind a byte that tells whether there is one. */
static void ask_bulk(struct exchange *x, struct request *r, struct prepared_details *details,
                     struct cursor *in)
{
    unsigned count = details->lookups.placeholders;
    uint16_t flags = cursor_le16(in);
    if (flags & BULK_HAS_TYPES)
        read_types(details, in, count, false);
    if (count > TYPES_MAX)
        return;
    while (cursor_left(in) > 0) {
        for (unsigned n = 0; n < count; n++) {
            bool has_value = cursor_u8(in) == 0;
            if (cursor_is_short(in) || (has_value && !ask_value(x, r, details, n, in)))
                return;
        }
    }
}

void mysql_ask(struct exchange *x, struct request *r, bool is_bulk, struct cursor in)
{
    struct mysql *s = x->state;
    struct prepared_details before = {.lookups = s->lookups}, *details = &before;
    if (!subject_is_on(x, SIDE_CLIENT))
        return;
    if (r->prepared)
        details = prepared_details_find(x->prepared, x->connection, r->prepared);
    if (!details || details->lookups.count == 0)
        return;
    if (!details->has_long_data && is_bulk)
        ask_bulk(x, r, details, &in);
    else if (!details->has_long_data)
        ask(x, r, details, &in);
    details->has_long_data = false;
}
