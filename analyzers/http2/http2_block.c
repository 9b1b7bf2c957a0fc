/*
 * Blocks of fields, piece by piece through the side's table.  All blocks go through it, also those
 * that nobody reads, as each may change what the next ones mean.
 */
#include "analyzers/http/http_world.h"
#include "analyzers/http2/http2_state.h"
#include "analyzers/http2/http2_stream.h"

void http2_block_begin(struct http2_side *s, enum http2_block block)
{
    s->block = (uint8_t)block;
    s->block_len = s->fields_len = 0;
    s->has_unknown = false;
    s->is_block_read = true;
}

void http2_block_lose(struct exchange *x, enum side side)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    hpack_close(s->table);
    s->table = NULL;
    s->is_known = false;
    s->is_block_read = false;
    s->has_unknown = true;
}

static bool table_open(struct exchange *x, struct http2_side *s)
{
    if (s->table)
        return true;
    if (!s->is_known && s->tables_lost < HTTP2_TABLES_MAX) {
        s->tables_lost++;
        x->http->tables_lost++;
    } else if (!s->is_known) {
        return false;
    }
    s->table = hpack_open(x->http->bodies.codecs->budget, !s->is_known);
    return s->table != NULL;
}

/* The fields of a block are many only where somebody wants them to be: the table makes much of few
 * bytes, and what is read of them is bounded. */
static bool is_field_read(struct exchange *x, struct http2_side *s, const struct hpack_field *field)
{
    if (s->fields_len > HTTP2_FIELDS_MAX)
        return false;
    s->fields_len += (uint32_t)(field->name.len + field->value.len) + HTTP2_FIELD_COST;
    x->http->tables_denied += s->fields_len > HTTP2_FIELDS_MAX;
    return s->fields_len <= HTTP2_FIELDS_MAX;
}

/* The side whose head the block is; a promised request is the server's to say. */
static enum side side_of(const struct http2_side *s, enum side side)
{
    return s->block == HTTP2_BLOCK_REQUEST ? SIDE_CLIENT : side;
}

static void take_field(struct exchange *x, enum side side, struct request *r,
                       const struct hpack_field *field)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    if (r && s->block != HTTP2_BLOCK_UNREAD && is_field_read(x, s, field))
        http2_stream_field(x, side_of(s, side), r, s->block == HTTP2_BLOCK_TRAILER, field->name,
                           field->value);
}

void http2_block_take(struct exchange *x, enum side side, struct request *r, struct bytes piece,
                      bool is_last)
{
    struct http2 *h = x->state;
    struct http2_side *s = &h->side[side];
    if (!s->is_block_read)
        return;
    s->block_len += (uint32_t)piece.len;
    if (s->block_len > HTTP2_BLOCK_MAX || !table_open(x, s)) {
        x->http->tables_denied++;
        http2_block_lose(x, side);
        return;
    }
    for (;;) {
        struct hpack_field field;
        enum hpack_said said = hpack_take(s->table, &piece, is_last, &field);
        if (said == HPACK_FIELD) {
            take_field(x, side, r, &field);
        } else if (said == HPACK_UNKNOWN) {
            s->has_unknown = true;
        } else {
            if (said == HPACK_BROKEN) {
                x->pairing.owner->unread++;
                http2_block_lose(x, side);
            }
            return;
        }
    }
}
