/*
 * The header of an execution: which fields there are depends on what was agreed on, and where the
 * statement stands tells it where that is not known.
 */
#include "analyzers/tns/tns_state.h"

static void read_execution(uint8_t version, struct cursor *in, struct tns_execution *e)
{
    e->options = tns_number(in);
    e->cursor = tns_number(in);
    e->has_statement = cursor_u8(in) != 0;
    e->statement_len = tns_number(in);
    cursor_skip(in, 1);
    (void)tns_number(in); /* numbers behind the statement */
    cursor_skip(in, 2);
    (void)tns_number(in); /* bytes of a buffer */
    e->fetches = tns_number(in);
    (void)tns_number(in); /* longest LONG */
    cursor_skip(in, 1);
    e->binds = tns_number(in);
    cursor_skip(in, 5 + 1);
    e->defines = tns_number(in);
    (void)tns_number(in);
    cursor_skip(in, 3);
    (void)tns_number(in);
    cursor_skip(in, 1);
    (void)tns_number(in);
    (void)tns_number(in);
    if (version >= TNS_FIELDS_12_1) {
        e->is_array = cursor_u8(in) != 0;
        (void)tns_number(in);
        cursor_skip(in, 1);
    }
    if (version >= TNS_FIELDS_12_2) {
        cursor_skip(in, 1);
        (void)tns_number(in);
        cursor_skip(in, 1);
        (void)tns_number(in);
        cursor_skip(in, 1);
    }
    if (version > TNS_FIELDS_12_2) {
        cursor_skip(in, 1);
        (void)tns_number(in);
    }
}

/* Whether a statement's text stands there, with its length or without. */
static bool is_text_at(struct cursor in, uint64_t told_len)
{
    uint8_t first = cursor_u8(&in);
    if (first == TNS_TEXT_LONG && told_len >= TNS_TEXT_SHORT_MAX)
        return true;
    uint8_t letter = first == told_len ? cursor_u8(&in) : first;
    return letter >= ' ' || letter == '\n' || letter == '\r' || letter == '\t';
}

bool tns_execution_read(const struct tns *s, struct cursor *in, struct tns_execution *e)
{
    static const uint8_t versions[] = {TNS_FIELDS_TOKENS, TNS_FIELDS_12_2 + 1, TNS_FIELDS_12_2,
                                       TNS_FIELDS_12_1, 1};
    uint8_t known = s->terms.version;
    for (size_t i = 0; i < (known ? 1 : sizeof(versions)); i++) {
        struct cursor peek = *in;
        uint8_t version = known ? known : versions[i];
        *e = (struct tns_execution){0};
        if (!known && version >= TNS_FIELDS_TOKENS)
            (void)tns_number(&peek);
        read_execution(version, &peek, e);
        e->has_statement = e->has_statement && e->statement_len > 0;
        bool fits = !e->has_statement || is_text_at(peek, e->statement_len);
        bool is_sure = !known && e->has_statement && cursor_left(&peek) > 0 &&
                       (*cursor_rest(&peek).data == e->statement_len ||
                        *cursor_rest(&peek).data == TNS_TEXT_LONG);
        if (cursor_is_short(&peek) || !fits || !(known || is_sure))
            continue;
        *in = peek;
        return true;
    }
    return false;
}

struct bytes tns_text_read(const struct tns_terms *terms, struct cursor *in, uint64_t told_len,
                           uint8_t *whole, size_t whole_size)
{
    struct cursor peek = *in;
    uint8_t first = cursor_u8(&peek);
    size_t used = 0;
    if (first != TNS_TEXT_LONG) {
        bool is_bare = first != told_len;
        if (!is_bare)
            *in = peek;
        return cursor_take(in, told_len < cursor_left(in) ? (size_t)told_len : cursor_left(in));
    }
    *in = peek;
    while (cursor_left(in) > 0) {
        uint64_t len = terms->can & TNS_CAN_BIG_PIECES ? tns_number(in) : cursor_u8(in);
        if (len == 0)
            break;
        struct bytes piece = cursor_take(in, len < cursor_left(in) ? (size_t)len : cursor_left(in));
        piece = bytes_first(piece, whole_size - used);
        if (piece.len > 0)
            memcpy(whole + used, piece.data, piece.len);
        used += piece.len;
    }
    return (struct bytes){whole, used};
}
