/*
 * The shape of a request, "find customers {age: {$gt: ?}}": the operation, the collection and the
 * names of the fields in the first filter.  No value is ever part of it, and no field name that
 * looks like one.  The text lies in the request's notes; the hash covers what is too long for it.
 */
#include "analyzers/mongodb/mongodb_state.h"
#include "analyzers/sql/statement.h"
#include "core/hash.h"

enum {
    SHAPE_MAX = 768,           /* bytes; a longer one is cut */
    FIELD_NAME_MAX = 64,       /* bytes; a longer one is no name that people gave */
    DIGITS_MAX = 4,            /* in a row; more are a number, and numbers are values */
    FILTERS_SHOWN = 4,         /* of an $or's list */
    STAGES_SHOWN = 32,         /* of a pipeline */
    OPERATOR_PEEK = 4 + 1 + 1, /* bytes of a document that tell whether it has operators */
    SEED = 0x6d6f6e67,         /* of the hash: the same for all time */
};

static void add(struct exchange *x, struct bytes text)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    struct mongodb_shape *shape = &asked->shape;
    struct request *r = asked->request;
    shape->hash = hash_bytes(text, shape->hash);
    shape->is_full = shape->is_full || !r || shape->len + text.len > SHAPE_MAX;
    if (shape->is_full)
        return;
    size_t len = pairing_note(x, r, text).len;
    shape->len = (uint16_t)(shape->len + len);
    shape->is_full = len < text.len;
}

static void add_text(struct exchange *x, const char *text)
{
    add(x, bytes_of(text));
}

void mongodb_shape_table(struct exchange *x, struct bytes collection)
{
    struct mongodb_shape *shape = &((struct mongodb *)x->state)->asked.shape;
    if (shape->len == 0 || collection.len == 0)
        return;
    add_text(x, " ");
    uint16_t at = shape->len;
    add(x, collection);
    if (shape->tables_count == MONGODB_TABLES_MAX || shape->is_full)
        return;
    shape->tables[shape->tables_count].at = at;
    shape->tables[shape->tables_count++].len = (uint16_t)(shape->len - at);
}

void mongodb_shape_begin(struct exchange *x, const char *operation, struct bytes collection)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    struct mongodb_shape *shape = &asked->shape;
    *shape = (struct mongodb_shape){.hash = SEED};
    if (!asked->request)
        return;
    shape->at = (uint16_t)asked->request->notes_len;
    add_text(x, operation);
    shape->operation_len = shape->len;
    mongodb_shape_table(x, collection);
    shape->plain_len = shape->len;
    shape->plain_hash = shape->hash;
}

/* Whether the name may be shown: not with an address, a number or a text in it. */
static bool is_name(struct bytes name)
{
    unsigned digits = 0;
    if (name.len == 0 || name.len > FIELD_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_digit = c >= '0' && c <= '9';
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_digit && !is_letter && c < 0x80 && !strchr("_.$-", c))
            return false;
        digits = is_digit ? digits + 1 : 0;
        if (digits > DIGITS_MAX)
            return false;
    }
    return true;
}

static void add_name(struct exchange *x, struct bytes name)
{
    if (is_name(name))
        add(x, name);
    else
        add_text(x, "?");
}

static bool is_operator(struct bytes name)
{
    return name.len > 0 && name.data[0] == '$';
}

size_t mongodb_shape_wants(uint8_t kind, const struct bson_element *e)
{
    if (kind == FRAME_STAGE && e->type == BSON_STRING && e->len <= MONGODB_VALUE_MAX)
        return (size_t)e->head_len + e->len;
    bool has_inside = (kind == FRAME_FILTER || kind == FRAME_OPERATORS) &&
                      e->type == BSON_DOCUMENT && e->len > OPERATOR_PEEK;
    return has_inside ? (size_t)e->head_len + OPERATOR_PEEK : 0;
}

/* Whether the document's first element is an operator. */
static bool has_operators(const struct bson_element *e, struct cursor in)
{
    if (e->type != BSON_DOCUMENT || e->len <= OPERATOR_PEEK)
        return false;
    cursor_skip(&in, e->head_len + OPERATOR_PEEK - 1);
    return cursor_u8(&in) == '$';
}

static bool is_list_of_filters(const struct bson_element *e)
{
    return e->type == BSON_ARRAY &&
           (bytes_are(e->name, "$or") || bytes_are(e->name, "$and") || bytes_are(e->name, "$nor"));
}

/* The frame of a field's or an operator's value. */
static uint8_t value_frame(uint8_t kind, const struct bson_element *e, struct cursor in)
{
    bool is_inner = bytes_are(e->name, "$elemMatch");
    if (kind == FRAME_FILTER && is_operator(e->name))
        return is_list_of_filters(e) ? FRAME_FILTERS : FRAME_OTHER;
    if (kind == FRAME_OPERATORS && !is_inner && !bytes_are(e->name, "$not"))
        return FRAME_OTHER;
    if (has_operators(e, in))
        return FRAME_OPERATORS;
    return is_inner && e->type == BSON_DOCUMENT ? FRAME_FILTER : FRAME_OTHER;
}

/* A stage of a pipeline: its name, and the collection that it joins. */
static uint8_t stage(struct exchange *x, const struct bson_element *e, struct cursor in)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    struct bytes value;
    size_t need;
    bool is_output = bytes_are(e->name, "$out") || bytes_are(e->name, "$merge");
    add_name(x, e->name);
    if (is_output && asked->request)
        asked->request->tx.action = ACTION_WRITE;
    if (bytes_are(e->name, "$match"))
        return FRAME_FILTER;
    bool is_join = is_output || bytes_are(e->name, "$lookup") ||
                   bytes_are(e->name, "$graphLookup") || bytes_are(e->name, "$unionWith");
    if (is_join && e->type == BSON_STRING && e->len <= MONGODB_VALUE_MAX &&
        bson_value(in, e, &value, &need))
        mongodb_shape_table(x, bson_string(e->type, value));
    return is_join ? FRAME_JOIN : FRAME_OTHER;
}

uint8_t mongodb_shape_element(struct exchange *x, const struct bson_walk *w,
                              const struct bson_element *e, struct cursor in)
{
    const struct bson_frame *f = &w->frames[w->depth - 1];
    bool is_list = f->kind == FRAME_FILTERS || f->kind == FRAME_PIPELINE;
    uint32_t shown = f->kind == FRAME_FILTERS ? FILTERS_SHOWN : STAGES_SHOWN;
    if (is_list && (f->count >= shown || e->type != BSON_DOCUMENT))
        return FRAME_OTHER;
    if (f->kind == FRAME_STAGE)
        return f->count == 0 ? stage(x, e, in) : FRAME_OTHER;
    if (f->count > 0)
        add_text(x, ", ");
    if (is_list)
        return f->kind == FRAME_FILTERS ? FRAME_FILTER : FRAME_STAGE;
    add_name(x, e->name);
    add_text(x, ": ");
    uint8_t kind = w->depth < BSON_DEPTH_MAX ? value_frame(f->kind, e, in) : FRAME_OTHER;
    if (kind == FRAME_OTHER)
        add_text(x, "?");
    return kind;
}

void mongodb_shape_open(struct exchange *x, uint8_t kind, uint8_t parent)
{
    if (parent != FRAME_FILTER && parent != FRAME_OPERATORS && parent != FRAME_FILTERS)
        add_text(x, " ");
    add_text(x, kind == FRAME_FILTERS || kind == FRAME_PIPELINE ? "[" : "{");
}

void mongodb_shape_close(struct exchange *x, uint8_t kind)
{
    add_text(x, kind == FRAME_FILTERS || kind == FRAME_PIPELINE ? "]" : "}");
}

void mongodb_shape_end(struct exchange *x, bool is_cut)
{
    struct mongodb_asked *asked = &((struct mongodb *)x->state)->asked;
    struct mongodb_shape *shape = &asked->shape;
    struct request *r = asked->request;
    if (!r || shape->plain_len == 0)
        return;
    struct bytes notes = {(const uint8_t *)r->notes, (size_t)shape->at + shape->len};
    struct bytes text = bytes_from(notes, shape->at);
    struct statement statement = {
        .hash = is_cut ? shape->plain_hash : shape->hash,
        .action = (enum action)r->tx.action,
        .text = bytes_first(text, is_cut ? shape->plain_len : shape->len),
        .operation = bytes_first(text, shape->operation_len),
    };
    for (size_t i = 0; i < shape->tables_count && (i == 0 || !is_cut); i++)
        statement.tables[statement.tables_count++] =
            bytes_first(bytes_from(text, shape->tables[i].at), shape->tables[i].len);
    statement.hash += statement.hash == 0;
    r->tx.db_query_hash = statements_keep(x->statements, &statement)->hash;
    transaction_mark(&r->tx, FIELD_DB_QUERY_HASH);
}
