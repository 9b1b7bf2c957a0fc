/*
 * The columns of the cursors that were described last.
 */
#include "analyzers/tns/tns_state.h"

enum { SHORT_MAX = 32767 }; /* bytes; a longer column is sent as a LONG */

/* Types of columns, where their values are not sent as a text. */
enum tns_type {
    TYPE_VARCHAR = 1,
    TYPE_LONG = 8,
    TYPE_ROWID = 11,
    TYPE_LONG_RAW = 24,
    TYPE_CURSOR = 102,
    TYPE_OBJECT = 109,
    TYPE_CLOB = 112,
    TYPE_BLOB = 113,
    TYPE_BFILE = 114,
    TYPE_JSON = 119,
    TYPE_VECTOR = 127,
    TYPE_UROWID = 208,
};

static const uint8_t text_types[] = {1, 2, 3, 12, 23, 96, 100, 101, 180, 181, 182, 183, 231, 252};

uint8_t tns_class_of(uint64_t type, uint64_t size)
{
    if (type == TYPE_LONG || type == TYPE_LONG_RAW)
        return TNS_VALUE_LONG;
    if (type == TYPE_UROWID)
        return TNS_VALUE_UROWID;
    if (size == 0)
        return TNS_VALUE_NONE;
    for (size_t i = 0; i < sizeof(text_types); i++) {
        if (text_types[i] == type)
            return size > SHORT_MAX ? TNS_VALUE_LONG : TNS_VALUE_TEXT;
    }
    switch (type) {
    case TYPE_ROWID:
        return TNS_VALUE_ROWID;
    case TYPE_CURSOR:
        return TNS_VALUE_CURSOR;
    case TYPE_OBJECT:
        return TNS_VALUE_OBJECT;
    case TYPE_CLOB:
    case TYPE_BLOB:
        return TNS_VALUE_LOB;
    case TYPE_BFILE:
        return TNS_VALUE_BFILE;
    case TYPE_JSON:
    case TYPE_VECTOR:
        return TNS_VALUE_DOCUMENT;
    default:
        return TNS_VALUES;
    }
}

struct tns_shape *tns_shape_find(struct tns *s, uint32_t cursor)
{
    for (size_t i = 0; i < TNS_SHAPES_MAX; i++) {
        if (cursor != 0 && s->shapes[i].cursor == cursor) {
            s->shapes[i].used = ++s->uses;
            return &s->shapes[i];
        }
    }
    return NULL;
}

struct tns_shape *tns_shape_make(struct tns *s, uint32_t cursor)
{
    struct tns_shape *shape = tns_shape_find(s, cursor);
    if (shape)
        return shape;
    shape = &s->shapes[0];
    for (size_t i = 1; i < TNS_SHAPES_MAX; i++)
        shape = s->shapes[i].used < shape->used ? &s->shapes[i] : shape;
    *shape = (struct tns_shape){.cursor = cursor, .used = ++s->uses};
    return shape;
}

void tns_shape_add(struct tns_shape *shape, uint64_t type, uint64_t size)
{
    uint8_t class = tns_class_of(type, size);
    struct tns_run *last = shape->runs_count ? &shape->runs[shape->runs_count - 1] : NULL;
    if (class == TNS_VALUES || shape->columns == TNS_COLUMNS_MAX)
        shape->is_known = false;
    if (!shape->is_known)
        return;
    shape->columns++;
    if (last && last->class == class) {
        last->count++;
        return;
    }
    if (shape->runs_count == TNS_RUNS_MAX) {
        shape->is_known = false;
        return;
    }
    shape->runs[shape->runs_count++] = (struct tns_run){.class = class, .count = 1};
}
