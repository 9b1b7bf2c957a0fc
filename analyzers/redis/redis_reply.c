/*
 * The rows of most replies are told by their first token, before a loss could hide one.
 */
#include "analyzers/redis/redis_reply.h"

#include "analyzers/redis/redis_state.h"

void redis_reply_begin(struct redis_reply *p, const struct redis_token *t)
{
    p->type = t->type;
    p->count = t->count;
    p->scalar = p->aggregate = 0;
    p->arity = p->elements = 0;
}

void redis_reply_loosen(struct redis_reply *p)
{
    uint64_t left = 0;
    if (p->depth <= p->base)
        return;
    for (unsigned n = p->base; n < p->depth; n++) {
        bool is_counted = p->level[n].kind != REDIS_LEVEL_ENDED &&
                          p->level[n].kind != REDIS_LEVEL_CHUNKS &&
                          p->level[n].left < UINT64_MAX / REDIS_DEPTH_MAX;
        left = is_counted && left < UINT64_MAX / 2 ? left + p->level[n].left : UINT64_MAX;
    }
    p->depth = p->base + 1;
    p->attributes = 0;
    p->level[p->base] = (struct redis_level){left, REDIS_LEVEL_LOOSE};
}

void redis_reply_lacks_head(struct redis_reply *p)
{
    p->scalar = p->type;
    p->type = 0;
    p->level[p->base] = (struct redis_level){UINT64_MAX, REDIS_LEVEL_LOOSE};
    p->depth = p->base + 1;
}

bool redis_reply_goes_on(const struct redis_reply *p, const struct redis_token *t)
{
    if (p->depth != p->base + 1 || p->level[p->base].kind != REDIS_LEVEL_LOOSE)
        return true;
    if (redis_is_aggregate(t))
        return t->type == p->aggregate && t->count == p->arity;
    return t->type == p->scalar || t->type == '_';
}

static bool level_open(struct redis_reply *p, enum redis_level_kind kind, uint64_t values)
{
    if (p->depth < REDIS_DEPTH_MAX) {
        p->level[p->depth++] = (struct redis_level){values, kind};
        p->attributes += kind == REDIS_LEVEL_ATTRIBUTE;
        return true;
    }
    struct redis_level *last = &p->level[p->depth - 1];
    bool is_counted = kind == REDIS_LEVEL_COUNTED || kind == REDIS_LEVEL_ATTRIBUTE;
    if (!is_counted || last->kind == REDIS_LEVEL_ENDED || last->left > UINT64_MAX / 2)
        return false;
    /* its values stand in its place */
    last->left += values - (kind == REDIS_LEVEL_COUNTED);
    return true;
}

bool redis_reply_done(struct redis_reply *p)
{
    while (p->depth > p->base) {
        struct redis_level *last = &p->level[p->depth - 1];
        if (last->kind == REDIS_LEVEL_ENDED || last->kind == REDIS_LEVEL_CHUNKS)
            return false;
        if (--last->left > 0)
            return false;
        p->depth--;
        if (last->kind == REDIS_LEVEL_ATTRIBUTE) {
            p->attributes--;
            return false;
        }
    }
    return true;
}

/* The end of what tells its own end. */
static bool level_end(struct redis_reply *p, enum redis_level_kind kind, bool *is_done)
{
    if (p->depth == p->base || p->level[p->depth - 1].kind != kind)
        return false;
    p->depth--;
    *is_done = redis_reply_done(p);
    return true;
}

static void note_element(struct redis_reply *p, const struct redis_token *t)
{
    bool is_aggregate = redis_is_aggregate(t);
    if (!is_aggregate)
        p->scalar = t->type;
    if (p->depth != p->base + 1)
        return;
    p->elements++;
    if (is_aggregate) {
        p->aggregate = t->type;
        p->arity = t->count;
    }
}

bool redis_reply_take(struct redis_reply *p, const struct redis_token *t, bool *is_done)
{
    bool is_in_string = p->depth > p->base && p->level[p->depth - 1].kind == REDIS_LEVEL_CHUNKS;
    *is_done = false;
    if (is_in_string != (t->type == ';'))
        return false;
    if (is_in_string)
        return t->count > 0 || level_end(p, REDIS_LEVEL_CHUNKS, is_done);
    if (t->type == '.')
        return level_end(p, REDIS_LEVEL_ENDED, is_done);
    if (p->depth > p->base && p->attributes == 0)
        note_element(p, t);
    if (t->is_streamed)
        return level_open(p, t->type == '$' ? REDIS_LEVEL_CHUNKS : REDIS_LEVEL_ENDED, 0);
    uint64_t values = redis_is_map(t) ? t->count * 2 : t->count;
    if (t->type == '|')
        return values == 0 || level_open(p, REDIS_LEVEL_ATTRIBUTE, values);
    if (redis_is_aggregate(t) && values > 0)
        return level_open(p, REDIS_LEVEL_COUNTED, values);
    *is_done = redis_reply_done(p);
    return true;
}

static void set_returned(struct request *r, uint64_t rows)
{
    r->tx.returned_rows = rows;
    transaction_mark(&r->tx, FIELD_DB_RESPONSE_RETURNED_ROWS);
}

static enum redis_rows rows_of(const struct request *r)
{
    enum redis_rows rows = redis_command_of(r)->rows;
    if (r->mark & REDIS_MARK_DOUBT)
        return REDIS_ROWS_NONE;
    if (rows == REDIS_ROWS_ELEMENTS && r->mark & REDIS_MARK_PAIRS)
        return REDIS_ROWS_PAIRS;
    if (rows == REDIS_ROWS_SECOND_PAIRS && r->mark & REDIS_MARK_UNPAIRS)
        return REDIS_ROWS_SECOND;
    return rows;
}

/* What the first token tells. */
static void first_rows(struct request *r, enum redis_rows rows, const struct redis_token *t)
{
    bool is_aggregate = redis_is_aggregate(t);
    bool is_value = redis_is_string(t) || t->type == ',' || t->type == '(' || t->is_streamed;
    if (rows == REDIS_ROWS_AFFECTED) {
        r->tx.affected_rows = t->count;
        if (t->type == ':')
            transaction_mark(&r->tx, FIELD_DB_RESPONSE_AFFECTED_ROWS);
        return;
    }
    if (rows == REDIS_ROWS_NONE || !(is_aggregate || is_value || t->is_null))
        return;
    bool is_counted = is_aggregate && !t->is_streamed;
    if (rows == REDIS_ROWS_PAIRS && is_counted)
        set_returned(r, redis_is_map(t) ? t->count : t->count / 2);
    else if (rows == REDIS_ROWS_ELEMENTS && is_counted)
        set_returned(r, t->count);
    else if (rows == REDIS_ROWS_KEYED)
        set_returned(r, is_aggregate);
    else
        set_returned(r, is_value && !is_aggregate);
}

/* Elements are counted as they come where nothing told their number. */
static void count_elements(const struct redis_reply *p, struct request *r, bool by_two)
{
    uint64_t elements = p->elements + 1;
    set_returned(r, by_two ? elements / 2 : elements);
}

/* What an element, a value right in the reply, tells. */
static void element_rows(const struct redis_reply *p, struct request *r, enum redis_rows rows,
                         const struct redis_token *t)
{
    bool is_aggregate = redis_is_aggregate(t),
         is_loose = p->level[p->base].kind == REDIS_LEVEL_LOOSE;
    bool is_open = p->type == 0 || p->level[p->base].kind == REDIS_LEVEL_ENDED;
    bool is_map = p->type == '%';
    switch (rows) {
    case REDIS_ROWS_FILLED:
        if (!t->is_null)
            set_returned(r, r->tx.returned_rows + 1);
        return;
    case REDIS_ROWS_ELEMENTS:
        if (is_open)
            count_elements(p, r, is_map);
        return;
    case REDIS_ROWS_PAIRS:
        if (is_open)
            count_elements(p, r, !is_aggregate);
        else if (is_aggregate && p->elements == 0 && !is_map && !is_loose)
            set_returned(r, p->count);
        return;
    case REDIS_ROWS_SECOND:
    case REDIS_ROWS_SECOND_PAIRS:
        if (p->type == 0 && !is_aggregate)
            count_elements(p, r, rows == REDIS_ROWS_SECOND_PAIRS);
        else if (is_aggregate && p->elements == 1 && !is_loose)
            set_returned(r, rows == REDIS_ROWS_SECOND_PAIRS ? t->count / 2 : t->count);
        return;
    case REDIS_ROWS_STREAMS:
        if (is_aggregate && is_map && !is_loose)
            set_returned(r, r->tx.returned_rows + t->count);
        return;
    default:
        return;
    }
}

void redis_reply_rows(const struct redis_reply *p, struct request *r, const struct redis_token *t)
{
    enum redis_rows rows = rows_of(r);
    unsigned inside = p->depth - p->base;
    if (p->attributes > 0 || t->type == '|' || t->type == '.' || t->type == ';')
        return;
    if (inside == 0)
        first_rows(r, rows, t);
    else if (inside == 1)
        element_rows(p, r, rows, t);
    else if (inside == 2 && rows == REDIS_ROWS_STREAMS && p->type != '%' && redis_is_aggregate(t) &&
             p->level[p->base].kind != REDIS_LEVEL_LOOSE)
        set_returned(r, r->tx.returned_rows + t->count);
}

void redis_reply_pass(struct redis_reply *p, struct request *r, struct cursor *in)
{
    struct redis_level *last = p->depth > p->base ? &p->level[p->depth - 1] : NULL;
    uint64_t passed = 0;
    if (!last || last->kind != REDIS_LEVEL_COUNTED || p->attributes > 0)
        return;
    while (last->left > passed + 1 && redis_string_skip(in))
        passed++;
    if (passed == 0)
        return;
    last->left -= passed;
    p->scalar = '$';
    if (p->depth != p->base + 1)
        return;
    p->elements += passed;
    if (r && rows_of(r) == REDIS_ROWS_FILLED)
        set_returned(r, r->tx.returned_rows + passed);
}
