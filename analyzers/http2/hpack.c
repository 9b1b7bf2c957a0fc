/*
 * nghttp2 asks for its memory through functions of ours: each piece has its size before it, so that
 * the budget gets back what it gave.
 */
#include "analyzers/http2/hpack.h"

#include <nghttp2/nghttp2.h>
#include <stdalign.h>

enum {
    TABLE_USUAL = 4096, /* bytes, where nobody says otherwise */
    ENTRY_COST = 32,    /* bytes that an entry counts beside its name and value */
    FILL = TABLE_USUAL / (ENTRY_COST + 1),
    FILL_LEN = 4, /* bytes of a literal that goes to the table: a name of one byte, no value */
    HEAD = alignof(max_align_t),
};

struct hpack {
    struct budget *budget;
    nghttp2_mem memory; /* nghttp2 keeps its address */
    nghttp2_hd_inflater *inflater;
    size_t used; /* bytes */
};

static const uint8_t unknown_name = '?'; /* no field is called so */

static void *memory_take(size_t size, void *context)
{
    struct hpack *h = context;
    uint8_t *piece = NULL;
    if (size > HPACK_MEMORY_MAX - HEAD || h->used > HPACK_MEMORY_MAX - HEAD - size ||
        !budget_resize(h->budget, &piece, 0, size + HEAD))
        return NULL;
    h->used += size + HEAD;
    memcpy(piece, &size, sizeof(size));
    return piece + HEAD;
}

static void memory_free(void *memory, void *context)
{
    struct hpack *h = context;
    size_t size;
    if (!memory)
        return;
    uint8_t *piece = (uint8_t *)memory - HEAD;
    memcpy(&size, piece, sizeof(size));
    h->used -= size + HEAD;
    budget_free(h->budget, &piece, size + HEAD);
}

static void *memory_take_zero(size_t count, size_t size, void *context)
{
    void *memory =
        size == 0 || count <= SIZE_MAX / size ? memory_take(count * size, context) : NULL;
    return memory ? memset(memory, 0, count * size) : NULL;
}

static void *memory_resize(void *memory, size_t size, void *context)
{
    void *moved = memory_take(size, context);
    size_t old = 0;
    if (!moved)
        return NULL;
    if (memory)
        memcpy(&old, (uint8_t *)memory - HEAD, sizeof(old));
    if (old > 0)
        memcpy(moved, memory, old < size ? old : size);
    memory_free(memory, context);
    return moved;
}

/* As many entries as a table of the usual size can have: what the sender refers to is among them.
 */
static bool fill(struct hpack *h)
{
    uint8_t block[FILL * FILL_LEN];
    struct hpack_field field;
    for (size_t i = 0; i < sizeof(block); i += FILL_LEN)
        memcpy(block + i, (uint8_t[FILL_LEN]){0x40, 1, unknown_name, 0}, FILL_LEN);
    struct bytes rest = {block, sizeof(block)};
    enum hpack_said said;
    do
        said = hpack_take(h, &rest, true, &field);
    while (said == HPACK_UNKNOWN);
    return said == HPACK_END;
}

struct hpack *hpack_open(struct budget *budget, bool is_unknown)
{
    struct hpack *h = NULL;
    if (!budget_resize(budget, &h, 0, sizeof(*h)))
        return NULL;
    *h = (struct hpack){.budget = budget};
    h->memory = (nghttp2_mem){h, memory_take, memory_free, memory_take_zero, memory_resize};
    /* a size that the other side allowed is used only once it is said in a block */
    bool is_open = nghttp2_hd_inflate_new2(&h->inflater, &h->memory) == 0 &&
                   nghttp2_hd_inflate_change_table_size(h->inflater, HPACK_TABLE_MAX) == 0;
    if (is_open && (!is_unknown || fill(h)))
        return h;
    hpack_close(h);
    return NULL;
}

enum hpack_said hpack_take(struct hpack *h, struct bytes *block, bool is_last,
                           struct hpack_field *field)
{
    static const uint8_t nothing[1];
    nghttp2_nv nv;
    int flags = 0;
    ssize_t used = nghttp2_hd_inflate_hd2(h->inflater, &nv, &flags,
                                          block->data ? block->data : nothing, block->len, is_last);
    if (used < 0)
        return HPACK_BROKEN;
    *block = bytes_from(*block, (size_t)used);
    if (flags & NGHTTP2_HD_INFLATE_EMIT) {
        field->name = (struct bytes){nv.name, nv.namelen};
        field->value = (struct bytes){nv.value, nv.valuelen};
        bool is_unknown = nv.namelen == 1 && nv.name[0] == unknown_name;
        return is_unknown ? HPACK_UNKNOWN : HPACK_FIELD;
    }
    if (flags & NGHTTP2_HD_INFLATE_FINAL) {
        (void)nghttp2_hd_inflate_end_headers(h->inflater);
        return HPACK_END;
    }
    return HPACK_WAITS;
}

void hpack_close(struct hpack *h)
{
    if (!h)
        return;
    if (h->inflater)
        nghttp2_hd_inflate_del(h->inflater);
    budget_free(h->budget, &h, sizeof(*h));
}
