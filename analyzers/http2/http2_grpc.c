#include "analyzers/http2/http2_grpc.h"

#include "core/cursor.h"

bool grpc_is(struct bytes content_type)
{
    static const char type[] = "application/grpc";
    size_t len = sizeof(type) - 1;
    struct bytes rest = bytes_from(content_type, len);
    return bytes_are_nocase(bytes_first(content_type, len), type) &&
           (rest.len == 0 || rest.data[0] == '+' || rest.data[0] == ';');
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Letters, digits, '_' and '.', beginning with a letter. */
static bool is_name(struct bytes name)
{
    enum { NAME_MAX = 128 /* bytes */ };
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_letter(c) && c != '_' && c != '.' && !is_digit)
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX && is_letter(name.data[0]);
}

bool grpc_is_call(struct bytes path)
{
    struct bytes rest = bytes_from(path, 1);
    size_t len = bytes_index(rest, '/');
    return bytes_start(path, "/") && is_name(bytes_first(rest, len)) &&
           is_name(bytes_from(rest, len + 1));
}

void grpc_take(struct grpc_messages *m, struct bytes piece)
{
    while (piece.len > 0 && !m->is_cut) {
        size_t len = m->left < piece.len ? (size_t)m->left : piece.len;
        m->left -= len;
        piece = bytes_from(piece, len);
        while (piece.len > 0 && m->prefix_len < GRPC_PREFIX_LEN) {
            m->prefix[m->prefix_len++] = piece.data[0];
            piece = bytes_from(piece, 1);
        }
        if (m->prefix_len < GRPC_PREFIX_LEN)
            return;
        struct cursor prefix = cursor_over((struct bytes){m->prefix, GRPC_PREFIX_LEN});
        m->is_cut = cursor_u8(&prefix) > 1; /* 0: as it is, 1: packed */
        m->left = cursor_be32(&prefix);
        m->prefix_len = 0;
        m->count += !m->is_cut;
    }
}

void grpc_lose(struct grpc_messages *m, uint64_t lost)
{
    m->is_cut = m->is_cut || lost > m->left;
    m->left -= lost < m->left ? lost : m->left;
}
