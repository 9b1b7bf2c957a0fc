/*
 * A type says how long its values are, or how their lengths are written.
 */
#include "analyzers/tds/tds_walk.h"

enum {
    TYPE_IMAGE = 0x22,
    TYPE_TEXT = 0x23,
    TYPE_NTEXT = 0x63,
    TYPE_VARBINARY = 0xa5,
    TYPE_VARCHAR = 0xa7,
    TYPE_NVARCHAR = 0xe7,
    TYPE_OBJECT = 0xf0, /* of a user's class (UDT) */
    TYPE_XML = 0xf1,
    COLLATION_LEN = 5,
    TIME_STAMP_LEN = 8,
    UNLIMITED = 0xffff, /* a longest length that is none */
    OBJECT_NAMES = 3,   /* database, schema, type */
    XML_NAMES = 2,      /* database, owner */
    DECIMAL_REST = 3,   /* length, precision, scale */
};

/* What a type has behind its first byte. */
struct kind {
    bool is_type; /* else there is no such type */
    uint8_t rest; /* bytes */
    uint8_t value_class;
    bool is_text;    /* a collation follows */
    bool is_one_len; /* of all values but NULL, and the first byte tells it */
};

static const struct kind kinds[UINT8_MAX + 1] = {
    [0x1f] = {true, 0, TDS_FIXED, false, false},     /* NULL */
    [0x30] = {true, 0, TDS_FIXED + 1, false, false}, /* INT1 */
    [0x32] = {true, 0, TDS_FIXED + 1, false, false}, /* BIT */
    [0x34] = {true, 0, TDS_FIXED + 2, false, false}, /* INT2 */
    [0x38] = {true, 0, TDS_FIXED + 4, false, false}, /* INT4 */
    [0x3a] = {true, 0, TDS_FIXED + 4, false, false}, /* DATETIM4 */
    [0x3b] = {true, 0, TDS_FIXED + 4, false, false}, /* FLT4 */
    [0x7a] = {true, 0, TDS_FIXED + 4, false, false}, /* MONEY4 */
    [0x3c] = {true, 0, TDS_FIXED + 8, false, false}, /* MONEY */
    [0x3d] = {true, 0, TDS_FIXED + 8, false, false}, /* DATETIME */
    [0x3e] = {true, 0, TDS_FIXED + 8, false, false}, /* FLT8 */
    [0x7f] = {true, 0, TDS_FIXED + 8, false, false}, /* INT8 */
    [0x28] = {true, 0, TDS_BYTE, false, false},      /* DATEN */
    [0x24] = {true, 1, TDS_BYTE, false, true},       /* GUID: the length, as with the next ones */
    [0x26] = {true, 1, TDS_BYTE, false, true},       /* INTN */
    [0x68] = {true, 1, TDS_BYTE, false, true},       /* BITN */
    [0x6d] = {true, 1, TDS_BYTE, false, true},       /* FLTN */
    [0x6e] = {true, 1, TDS_BYTE, false, true},       /* MONEYN */
    [0x6f] = {true, 1, TDS_BYTE, false, true},       /* DATETIMN */
    [0x25] = {true, 1, TDS_BYTE, false, false},      /* VARBINARY of old */
    [0x27] = {true, 1, TDS_BYTE, false, false},      /* VARCHAR of old */
    [0x2d] = {true, 1, TDS_BYTE, false, false},      /* BINARY of old */
    [0x2f] = {true, 1, TDS_BYTE, false, false},      /* CHAR of old */
    [0x29] = {true, 1, TDS_BYTE, false, false},      /* TIMEN: the scale, as with the next ones */
    [0x2a] = {true, 1, TDS_BYTE, false, false},      /* DATETIME2N */
    [0x2b] = {true, 1, TDS_BYTE, false, false},      /* DATETIMEOFFSETN */
    [0x37] = {true, DECIMAL_REST, TDS_BYTE, false, true}, /* DECIMAL */
    [0x3f] = {true, DECIMAL_REST, TDS_BYTE, false, true}, /* NUMERIC */
    [0x6a] = {true, DECIMAL_REST, TDS_BYTE, false, true}, /* DECIMALN */
    [0x6c] = {true, DECIMAL_REST, TDS_BYTE, false, true}, /* NUMERICN */
    [TYPE_VARBINARY] = {true, 2, TDS_SHORT, false, false},
    [0xad] = {true, 2, TDS_SHORT, false, false}, /* BINARY */
    [TYPE_VARCHAR] = {true, 2, TDS_SHORT, true, false},
    [TYPE_NVARCHAR] = {true, 2, TDS_SHORT, true, false},
    [0xaf] = {true, 2, TDS_SHORT, true, false},  /* CHAR */
    [0xef] = {true, 2, TDS_SHORT, true, false},  /* NCHAR */
    [0xf5] = {true, 3, TDS_SHORT, false, false}, /* VECTOR: the length, the kind of numbers */
    [0x62] = {true, 4, TDS_LONG, false, false},  /* SSVARIANT */
    [TYPE_IMAGE] = {true, 4, TDS_POINTED, false, false},
    [TYPE_TEXT] = {true, 4, TDS_POINTED, true, false},
    [TYPE_NTEXT] = {true, 4, TDS_POINTED, true, false},
    [TYPE_XML] = {true, 1, TDS_CHUNKED, false, false}, /* whether it has a schema */
    [TYPE_OBJECT] = {true, 2, TDS_CHUNKED, false, false},
    [0xf4] = {true, 0, TDS_CHUNKED, false, false}, /* JSON */
};

bool tds_type_has_table(uint8_t type)
{
    return type == TYPE_TEXT || type == TYPE_NTEXT || type == TYPE_IMAGE;
}

enum tds_pass tds_type_pass(struct tds_walk *w, bool has_collation, bool is_parameter,
                            struct cursor *in, size_t *needs)
{
    struct kind k = kinds[w->type];
    if (!k.is_type)
        return TDS_STRANGE;
    if (is_parameter && w->type == TYPE_OBJECT)
        k.rest = 0;
    *needs = (size_t)k.rest + (k.is_text && has_collation ? COLLATION_LEN : 0);
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    struct cursor rest = cursor_inner(in, *needs);
    uint16_t first = k.rest == 1 ? cursor_u8(&rest) : k.rest >= 2 ? cursor_le16(&rest) : 0;
    w->scale = k.rest == DECIMAL_REST ? cursor_u8(&rest) : 0;
    w->value_class = k.value_class;
    w->usual_len = k.is_one_len && (first & 0xff) <= TDS_USUAL_MAX ? (uint8_t)first : 0;
    w->value = TDS_VALUE_LENGTH;
    if (k.value_class == TDS_SHORT && first == UNLIMITED)
        w->value_class = TDS_CHUNKED;
    if (k.value_class == TDS_POINTED && is_parameter)
        w->value_class = TDS_LONG;
    if (w->type == TYPE_OBJECT) {
        w->names = OBJECT_NAMES;
        w->long_names = is_parameter ? 0 : 1;
    } else if (w->type == TYPE_XML && first == 1) {
        w->names = XML_NAMES;
        w->long_names = 1;
    }
    w->at = w->after;
    return TDS_PASSED;
}

enum tds_pass tds_names_pass(struct tds_walk *w, struct cursor *in, size_t *needs)
{
    bool is_long = w->names == 0 && w->long_names > 0;
    *needs = is_long ? 2 : 1;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    uint16_t len = is_long ? cursor_le16(in) : cursor_u8(in);
    if (w->names > 0)
        w->names--;
    else if (is_long)
        w->long_names--;
    else
        w->last_names--;
    w->skip = 2 * (uint64_t)len;
    return TDS_PASSED;
}

/* Passes over as much of so many bytes as is there. */
static void over(struct tds_walk *w, struct cursor *in, uint64_t len)
{
    uint64_t here = len < in->left ? len : in->left;
    cursor_skip(in, (size_t)here);
    w->skip = len - here;
}

/* A value in chunks: its length (known or not; all ones: NULL), then chunks up to one of 0. */
static enum tds_pass chunks_pass(struct tds_walk *w, struct cursor *in, size_t *needs,
                                 bool *is_over)
{
    *needs = w->value == TDS_VALUE_LENGTH ? 8 : 4;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    uint32_t low = cursor_le32(in);
    if (w->value == TDS_VALUE_LENGTH) {
        *is_over = low == UINT32_MAX && cursor_le32(in) == UINT32_MAX;
        if (low != UINT32_MAX)
            cursor_skip(in, 4);
        w->value = *is_over ? TDS_VALUE_LENGTH : TDS_VALUE_CHUNK;
        return TDS_PASSED;
    }
    *is_over = low == 0;
    if (low == 0)
        w->value = TDS_VALUE_LENGTH;
    over(w, in, low);
    return TDS_PASSED;
}

/* Text and images of old: a pointer and a time stamp, where it is not NULL, then the length. */
static enum tds_pass pointed_pass(struct tds_walk *w, struct cursor *in, size_t *needs,
                                  bool *is_over)
{
    *needs = w->value == TDS_VALUE_LENGTH ? 1 : 4;
    if (cursor_left(in) < *needs)
        return TDS_NEEDS;
    if (w->value == TDS_VALUE_LENGTH) {
        uint8_t pointer_len = cursor_u8(in);
        *is_over = pointer_len == 0;
        if (pointer_len > 0) {
            w->value = TDS_VALUE_POINTED;
            over(w, in, (uint64_t)pointer_len + TIME_STAMP_LEN);
        }
        return TDS_PASSED;
    }
    uint32_t len = cursor_le32(in);
    w->value = TDS_VALUE_LENGTH;
    *is_over = true;
    over(w, in, len == UINT32_MAX ? 0 : len);
    return TDS_PASSED;
}

enum tds_pass tds_value_pass(struct tds_walk *w, enum tds_class value_class, struct cursor *in,
                             size_t *needs, bool *is_over)
{
    uint32_t len;
    *is_over = false;
    switch (value_class >= TDS_USUAL ? TDS_BYTE : value_class) {
    case TDS_BYTE:
        *needs = 1;
        if (cursor_left(in) < *needs)
            return TDS_NEEDS;
        len = cursor_u8(in);
        break;
    case TDS_SHORT:
        *needs = 2;
        if (cursor_left(in) < *needs)
            return TDS_NEEDS;
        len = cursor_le16(in);
        len = len == UINT16_MAX ? 0 : len;
        break;
    case TDS_LONG:
        *needs = 4;
        if (cursor_left(in) < *needs)
            return TDS_NEEDS;
        len = cursor_le32(in);
        len = len == UINT32_MAX ? 0 : len;
        break;
    case TDS_CHUNKED:
        return chunks_pass(w, in, needs, is_over);
    case TDS_POINTED:
        return pointed_pass(w, in, needs, is_over);
    default:
        len = value_class;
        break;
    }
    *is_over = true;
    over(w, in, len);
    return TDS_PASSED;
}

uint8_t tds_class_of_column(const struct tds_walk *w)
{
    return w->usual_len > 0 ? (uint8_t)(TDS_USUAL + w->usual_len) : w->value_class;
}

enum tds_pass tds_row_rest_pass(struct tds_walk *w, const uint8_t *classes, size_t count,
                                struct cursor *in, size_t *needs)
{
    size_t before = cursor_left(in);
    enum tds_pass pass = TDS_PASSED;
    while (pass == TDS_PASSED && w->column < count && w->skip == 0) {
        bool is_over = true;
        if (!(classes[w->column] & TDS_NULL))
            pass = tds_value_pass(w, (enum tds_class)classes[w->column], in, needs, &is_over);
        w->column = (uint16_t)(w->column + (pass == TDS_PASSED && is_over));
    }
    return cursor_left(in) < before ? TDS_PASSED : pass;
}
