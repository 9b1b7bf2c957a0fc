/*
 * An item is read where it lies, unless it is cut.
 */
#include "analyzers/sql/pieces.h"

#include <assert.h>

void pieces_begin(struct pieces *p)
{
    p->skip = 0;
    p->kept_len = 0;
    p->is_broken = false;
}

/* Keeps so many bytes of the item, where they are there; true where they all are. */
static bool keep(struct pieces *p, struct bytes *seen, size_t needs)
{
    if (needs > PIECES_ITEM_MAX || needs <= p->kept_len) {
        p->is_broken = true;
        return false;
    }
    struct bytes piece = bytes_first(*seen, needs - p->kept_len);
    if (piece.len > 0)
        memcpy(p->kept + p->kept_len, piece.data, piece.len);
    p->kept_len = (uint8_t)(p->kept_len + piece.len);
    *seen = bytes_from(*seen, piece.len);
    return p->kept_len == needs;
}

void pieces_take(struct pieces *p, struct bytes seen,
                 size_t (*item)(void *context, struct cursor *in, uint64_t *skip), void *context)
{
    if (seen.len == 0)
        return;
    while (!p->is_broken) {
        bool is_kept = p->kept_len > 0;
        size_t over = p->skip < seen.len ? (size_t)p->skip : seen.len;
        p->skip -= over;
        seen = bytes_from(seen, over);
        if (!is_kept && seen.len == 0)
            return;
        struct bytes kept = {p->kept, p->kept_len};
        struct cursor in = cursor_over(is_kept ? kept : seen);
        size_t needs = item(context, &in, &p->skip);
        assert(needs > 0 || !is_kept || cursor_left(&in) == 0);
        if (needs == 0 && is_kept)
            p->kept_len = 0;
        else if (needs == 0)
            seen = cursor_rest(&in);
        else if (!keep(p, &seen, needs))
            return;
    }
}

void pieces_lose(struct pieces *p, uint64_t lost)
{
    if (p->kept_len > 0 || p->skip < lost)
        p->is_broken = true;
    else
        p->skip -= lost;
}
