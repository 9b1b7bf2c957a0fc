/*
 * Oracle does not send a value again that is the same as in the row before: of columns that are
 * looked at, the last one waits in the connection's state until the next row.
 */
#include "analyzers/tns/tns_values.h"

#include "analyzers/subject.h"

enum {
    TYPE_VARCHAR = 1,
    TYPE_NUMBER = 2,
    TYPE_CHAR = 96,
    NATIONAL = 2, /* form of a character set */
    NUMBER_PLUS = 0x80,
    NUMBER_ONE = 0xc1, /* exponent of a number from 1 to 99 */
    GROUPS_MAX = 20,   /* of two digits */
    BIND_ARRAY = 0x40,
};

/* How a value is written. */
enum tns_form {
    TNS_FORM_NONE,
    TNS_FORM_TEXT,
    TNS_FORM_WIDE, /* in UTF-16, big-endian */
    TNS_FORM_NUMBER,
};

static enum tns_form form_of(const struct tns_walk *w)
{
    switch (w->places[TNS_TYPE]) {
    case TYPE_VARCHAR:
    case TYPE_CHAR:
        return w->places[TNS_CHARSET] == NATIONAL ? TNS_FORM_WIDE : TNS_FORM_TEXT;
    case TYPE_NUMBER:
        return TNS_FORM_NUMBER;
    default:
        return TNS_FORM_NONE;
    }
}

/* A whole number that is not negative: an exponent, then digits to the base of 100, each one more
 * than it is. */
static struct bytes number_text(struct bytes value, char *room)
{
    size_t len = 0, groups = value.data[0] >= NUMBER_ONE ? value.data[0] - NUMBER_ONE + 1U : 0;
    if (value.len > groups + 1 || groups > GROUPS_MAX)
        return (struct bytes){NULL, 0};
    for (size_t n = 1; n <= groups; n++) {
        unsigned digits = n < value.len && value.data[n] > 0 ? value.data[n] - 1U : 0;
        if (digits > 99)
            return (struct bytes){NULL, 0};
        if (digits >= 10 || len > 0)
            room[len++] = (char)('0' + digits / 10);
        room[len++] = (char)('0' + digits % 10);
    }
    return (struct bytes){(const uint8_t *)room, len};
}

/* What is not of one byte is no part of an identifier. */
static struct bytes narrow(struct bytes wide, char *room)
{
    struct cursor in = cursor_over(wide);
    size_t len = 0;
    while (cursor_left(&in) >= 2) {
        uint16_t letter = cursor_be16(&in);
        room[len++] = (char)(letter < 0x80 ? letter : '?');
    }
    return (struct bytes){(const uint8_t *)room, len};
}

/* Columns may be sent as text though they are numbers, where the client wants them so. */
static struct bytes value_text(struct bytes value, enum tns_form form, char *room)
{
    if (value.len == 0 || value.len > TNS_VALUE_MAX || form == TNS_FORM_NONE)
        return value;
    if (form == TNS_FORM_NUMBER && value.data[0] >= NUMBER_PLUS)
        return number_text(value, room);
    if (form == TNS_FORM_WIDE && value.data[0] == 0)
        return bytes_trim(narrow(value, room));
    return bytes_trim(value);
}

/* --- columns */

void tns_column_add(struct exchange *x, size_t at)
{
    struct tns *s = x->state;
    enum tns_form form = form_of(&s->walk);
    struct bytes name = {s->walk.kept, s->walk.kept_len};
    if (form == TNS_FORM_NONE || !subject_is_on(x, SIDE_SERVER))
        return;
    enum subject_kind kind = name.len > 0 ? subject_of_name(x, name) : SUBJECT_NONE;
    columns_add(&s->customers, at, kind, (uint8_t)form, true);
}

void tns_columns_forget(struct tns *s, uint32_t cursor)
{
    memset(s->last, 0, sizeof(s->last));
    s->last_of = cursor;
}

/* The last value of the column that is looked at; NULL where there is no room. */
static struct tns_last *last_of(struct tns *s)
{
    uint16_t column = (uint16_t)(s->row.column + 1);
    struct tns_last *empty = NULL;
    for (size_t n = 0; n < COLUMNS_MAX; n++) {
        if (s->last[n].column == column)
            return &s->last[n];
        if (s->last[n].column == 0 && !empty)
            empty = &s->last[n];
    }
    if (empty)
        empty->column = column;
    return empty;
}

static void tell(struct exchange *x, struct request *r, struct bytes text)
{
    struct tns *s = x->state;
    if (text.len > SUBJECT_VALUE_MAX)
        columns_miss(&s->customers, s->row.next);
    else if (text.len > 0)
        columns_take(x, r, &s->customers, s->row.next, text);
}

void tns_column_take(struct exchange *x, struct request *r, struct bytes value)
{
    struct tns *s = x->state;
    char room[TNS_VALUE_TEXT_MAX];
    enum tns_form form = (enum tns_form)s->customers.items[s->row.next].form;
    struct bytes text = value_text(value, form, room);
    struct tns_last *last = last_of(s);
    if (last) {
        last->len = text.len <= SUBJECT_VALUE_MAX ? (uint8_t)text.len : 0;
        if (last->len > 0)
            memcpy(last->text, text.data, last->len);
    }
    tell(x, r, text);
}

void tns_column_again(struct exchange *x, struct request *r)
{
    struct tns *s = x->state;
    const struct tns_last *last = last_of(s);
    if (last)
        tell(x, r, (struct bytes){last->text, last->len});
}

/* --- what is bound */

struct tns_binds *tns_binds_find(const struct request *r)
{
    struct tns_binds *b = r->visit;
    return b && b->lookups.count > 0 ? b : NULL;
}

void tns_binds_learn(struct exchange *x, struct request *r, const struct statement *statement,
                     struct bytes text)
{
    struct lookups lookups = {.count = 0};
    if (!statement || !subject_is_on(x, SIDE_CLIENT))
        return;
    statements_ask(x, r, statement, text, SQL_ORACLE);
    statements_lookups(x, statement, text, SQL_ORACLE, &lookups);
    struct tns_binds *b = lookups.count > 0 ? pairing_room(x, r, sizeof(*b)) : NULL;
    if (!b)
        return;
    b->lookups = lookups;
    r->visit = b;
}

void tns_binds_recall(struct exchange *x, struct request *r, struct bytes cursor)
{
    if (!subject_is_on(x, SIDE_CLIENT))
        return;
    const struct prepared_details *details =
        prepared_details_find(x->prepared, x->connection, prepared_key(x->prepared, 'S', cursor));
    struct tns_binds *b =
        details && details->lookups.count > 0 ? pairing_room(x, r, sizeof(*b)) : NULL;
    if (!b)
        return;
    b->lookups = details->lookups;
    for (; b->count < TNS_BINDS_MAX && details->parameter_types[b->count] > 0; b->count++) {
        b->classes[b->count] = details->parameter_types[b->count] - 1;
        b->forms[b->count] = details->column_types[b->count];
    }
    r->visit = b;
}

void tns_binds_keep(struct exchange *x, const struct request *r, struct bytes cursor)
{
    const struct tns_binds *b = tns_binds_find(r);
    uint64_t key = prepared_key(x->prepared, 'S', cursor);
    if (!b) {
        prepared_details_forget(x->prepared, x->connection, key);
        return;
    }
    struct prepared_details *details = prepared_details_touch(x->prepared, x->connection, key);
    if (!details)
        return;
    details->lookups = b->lookups;
    for (size_t n = 0; n < TNS_BINDS_MAX; n++) {
        details->parameter_types[n] = n < b->count ? b->classes[n] + 1 : 0;
        details->column_types[n] = n < b->count ? b->forms[n] : 0;
    }
}

bool tns_binds_describe(const struct tns *s, struct tns_binds *b, uint64_t count, struct cursor *in)
{
    struct tns_walk walk;
    b->count = 0;
    if (count > TNS_BINDS_MAX)
        return false;
    for (uint64_t n = 0; n < count; n++) {
        if (!tns_walk_whole(&walk, TNS_DEFINE_FIELDS, &s->terms, in))
            return false;
        bool is_array = walk.places[TNS_FLAGS] & BIND_ARRAY;
        b->classes[n] =
            is_array ? TNS_VALUES : tns_class_of(walk.places[TNS_TYPE], walk.places[TNS_SIZE]);
        b->forms[n] = (uint8_t)form_of(&walk);
        b->count++;
    }
    return true;
}

/* A value, where it is short; false where it is not there, or is long. */
static bool take_short(struct cursor *in, struct bytes *value)
{
    uint8_t len = cursor_u8(in);
    *value = cursor_take(in, len == TNS_TEXT_NULL ? 0 : len);
    return len != TNS_TEXT_LONG && !cursor_is_short(in);
}

/* The values of a row as far as they are sent as texts. */
static bool ask_row(struct exchange *x, struct request *r, const struct tns_binds *b,
                    struct cursor *in)
{
    const struct tns *s = x->state;
    char room[TNS_VALUE_TEXT_MAX];
    for (unsigned n = 0; n < b->count; n++) {
        struct cursor peek = *in;
        struct tns_walk walk;
        struct bytes value;
        enum subject_kind kind = lookups_numbered(&b->lookups, n + 1);
        if (b->classes[n] != TNS_VALUE_TEXT)
            return false;
        if (!take_short(&peek, &value)) {
            if (!tns_walk_whole(&walk, TNS_VALUE_FIELDS[TNS_VALUE_TEXT], &s->terms, in))
                return false;
            continue;
        }
        *in = peek;
        if (kind != SUBJECT_NONE)
            subject_ask(x, r, kind, value_text(value, (enum tns_form)b->forms[n], room));
    }
    return true;
}

void tns_binds_ask(struct exchange *x, struct request *r, const struct tns_binds *b,
                   struct cursor *in)
{
    while (b->count > 0 && cursor_left(in) > 0 && cursor_u8(in) == TTC_ROW_DATA) {
        if (!ask_row(x, r, b, in))
            return;
    }
}
