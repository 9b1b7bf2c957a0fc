/*
 * One element after the other.  An element's head (type, name, length) is read at once; it is short
 * but for names that nobody reads, which are passed over like a value.
 */
#include "analyzers/mongodb/mongodb_bson.h"

/* The value's length for the types of fixed length; -1: the value tells, -2: no such type. */
static int fixed_len(uint8_t type)
{
    switch (type) {
    case 0x06: /* undefined */
    case 0x0a: /* null */
    case 0x7f: /* the largest key */
    case 0xff: /* the smallest key */
        return 0;
    case BSON_BOOL:
        return 1;
    case BSON_INT32:
        return 4;
    case BSON_DOUBLE:
    case BSON_INT64:
    case 0x09: /* date */
    case 0x11: /* timestamp */
        return 8;
    case 0x07: /* object id */
        return 12;
    case 0x13: /* decimal */
        return 16;
    case BSON_REGEX: /* two texts, each up to its zero */
        return 0;
    case BSON_STRING:
    case BSON_DOCUMENT:
    case BSON_ARRAY:
    case BSON_BINARY:
    case 0x0c: /* reference */
    case 0x0d: /* code */
    case 0x0e: /* symbol */
    case 0x0f: /* code with its variables */
        return -1;
    default:
        return -2;
    }
}

bool bson_len_of(uint8_t type, struct cursor value, uint64_t *len, bool *is_short)
{
    int fixed = fixed_len(type);
    *is_short = false;
    *len = fixed > 0 ? (uint64_t)fixed : 0;
    if (fixed != -1)
        return fixed >= 0;
    uint32_t told = cursor_le32(&value);
    *is_short = cursor_is_short(&value);
    if (*is_short || told > INT32_MAX)
        return *is_short;
    bool is_whole = type == BSON_DOCUMENT || type == BSON_ARRAY || type == 0x0f;
    uint32_t min = type == BSON_BINARY ? 0 : is_whole ? BSON_DOCUMENT_MIN : 1;
    uint32_t more = is_whole ? 0 : type == BSON_BINARY ? 5 : type == 0x0c ? 16 : 4;
    *len = (uint64_t)told + more;
    return told >= min;
}

/* Passes over what is there up to the zeros that are looked for; false where they are not there. */
static bool pass_zeros(struct bson_walk *w, struct cursor *in)
{
    while (w->zeros > 0 && in->left > 0) {
        size_t len = bytes_index(cursor_rest(in), 0);
        bool has_zero = len < in->left;
        cursor_skip(in, len + has_zero);
        w->at += (uint32_t)(len + has_zero);
        w->zeros -= has_zero;
    }
    return w->zeros == 0;
}

static enum bson_found close_frame(struct bson_walk *w, struct cursor *in, uint32_t left)
{
    if (left != 1 && bson_top(w)->end != BSON_UNKNOWN_END)
        return BSON_BROKEN;
    cursor_skip(in, 1);
    w->at++;
    w->depth--;
    return BSON_CLOSED;
}

/* The element's head at the cursor, which has all that is there of the document. */
static enum bson_found read_head(struct bson_walk *w, struct cursor head, struct bson_element *e)
{
    uint64_t len;
    bool is_short;
    size_t all = head.left;
    *e = (struct bson_element){.type = w->type};
    if (!w->type) {
        e->type = cursor_u8(&head);
        e->name = cursor_text(&head);
    }
    if (cursor_is_short(&head))
        return BSON_SHORT;
    e->head_len = (uint32_t)(all - head.left);
    if (!bson_len_of(e->type, head, &len, &is_short))
        return BSON_BROKEN;
    if (is_short)
        return BSON_SHORT;
    e->len = (uint32_t)(len < UINT32_MAX ? len : UINT32_MAX);
    return BSON_FOUND;
}

enum bson_found bson_next(struct bson_walk *w, struct cursor *in, struct bson_element *e,
                          size_t *need)
{
    for (;;) {
        *need = 1;
        if (!pass_zeros(w, in) || in->left == 0)
            return BSON_SHORT;
        if (w->at >= bson_top(w)->end)
            return BSON_BROKEN;
        uint32_t left = bson_top(w)->end - w->at;
        if (!w->type && *in->at == 0)
            return close_frame(w, in, left);
        struct cursor head = cursor_over(bytes_first(cursor_rest(in), left));
        enum bson_found found = read_head(w, head, e);
        if (found == BSON_FOUND && (uint64_t)e->head_len + e->len >= left)
            return BSON_BROKEN;
        if (found != BSON_SHORT)
            return found;
        *need = in->left + 1;
        if (in->left < (left < BSON_HEAD_MAX ? left : BSON_HEAD_MAX))
            return BSON_SHORT;
        if (left < BSON_HEAD_MAX || w->type)
            return BSON_BROKEN;
        /* nobody reads so long a name */
        w->type = cursor_u8(in);
        w->at++;
        w->zeros = 1;
    }
}

bool bson_value(struct cursor in, const struct bson_element *e, struct bytes *value, size_t *need)
{
    *need = (size_t)e->head_len + e->len;
    if (in.left < *need)
        return false;
    cursor_skip(&in, e->head_len);
    *value = cursor_take(&in, e->len);
    return true;
}

uint64_t bson_pass(struct bson_walk *w, struct cursor *in, const struct bson_element *e)
{
    uint32_t len = e->head_len + e->len;
    uint32_t here = in->left < len ? (uint32_t)in->left : len;
    cursor_skip(in, here);
    w->at += len;
    w->type = 0;
    w->zeros = e->type == BSON_REGEX ? 2 : 0;
    bson_top(w)->count++;
    return len - here;
}

bool bson_enter(struct bson_walk *w, struct cursor *in, const struct bson_element *e, uint8_t kind)
{
    if (w->depth == BSON_DEPTH_MAX)
        return false;
    uint32_t end = w->at + e->head_len + e->len;
    cursor_skip(in, e->head_len + 4);
    w->at += e->head_len + 4;
    w->type = 0;
    bson_top(w)->count++;
    w->frames[w->depth++] = (struct bson_frame){.end = end, .kind = kind};
    return true;
}

bool bson_open(struct bson_walk *w, struct cursor *in, uint32_t at, uint32_t end, uint8_t kind)
{
    struct cursor peek = *in;
    uint32_t len = cursor_le32(&peek);
    if (cursor_is_short(&peek) || at > end || len < BSON_DOCUMENT_MIN || len > end - at)
        return false;
    *in = peek;
    *w = (struct bson_walk){.at = at + 4, .depth = 1};
    w->frames[0] = (struct bson_frame){.end = at + len, .kind = kind};
    return true;
}

static bool number_of_double(uint64_t bits, int64_t *number)
{
    double value;
    memcpy(&value, &bits, sizeof(value));
    if (!(value > -9e18 && value < 9e18))
        return false;
    *number = (int64_t)value;
    return true;
}

bool bson_number(uint8_t type, struct bytes value, int64_t *number)
{
    struct cursor in = cursor_over(value);
    if (type == BSON_BOOL) {
        *number = cursor_u8(&in) != 0;
        return !cursor_is_short(&in);
    }
    if (type != BSON_INT32 && type != BSON_INT64 && type != BSON_DOUBLE)
        return false;
    uint64_t low = cursor_le32(&in);
    uint64_t high = type == BSON_INT32 ? 0 : cursor_le32(&in);
    if (cursor_is_short(&in))
        return false;
    if (type == BSON_DOUBLE)
        return number_of_double(high << 32 | low, number);
    *number = type == BSON_INT32 ? (int32_t)low : (int64_t)(high << 32 | low);
    return true;
}

struct bytes bson_string(uint8_t type, struct bytes value)
{
    if (type != BSON_STRING || value.len < 5)
        return (struct bytes){NULL, 0};
    return bytes_first(bytes_from(value, 4), value.len - 5);
}

struct bytes bson_binary(uint8_t type, struct bytes value)
{
    return type == BSON_BINARY ? bytes_from(value, 5) : (struct bytes){NULL, 0};
}
