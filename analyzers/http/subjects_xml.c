/*
 * XML: texts and attributes by the name of their element or of themselves, or as an element or an
 * attribute "name" or "key" says: <param name="msisdn">, <name>msisdn</name><value>.
 */
#include "analyzers/http/body_subjects.h"

enum state {
    IN_TEXT,
    IN_TAG_NAME,
    IN_TAG, /* between attributes */
    IN_ATTRIBUTE,
    IN_QUOTES,
    IN_OTHER,   /* <?..> and <!..> */
    IN_COMMENT, /* <!-- */
};

static bool is_naming(struct bytes name)
{
    return bytes_are(name, "name") || bytes_are(name, "key") || bytes_are(name, "Name") ||
           bytes_are(name, "Key");
}

static struct bytes local(struct bytes name)
{
    size_t colon = bytes_index(name, ':');
    return colon < name.len ? bytes_from(name, colon + 1) : name;
}

/* A text or an attribute is at its end. */
static void value_end(struct body_subjects *b, uint8_t kind, struct bytes text)
{
    struct subjects_xml *x = &b->xml;
    if (x->is_name)
        x->named = (uint8_t)world_name(b->world, bytes_trim(text));
    else if (kind != SUBJECT_NONE)
        body_subjects_value(b, (enum subject_kind)kind, bytes_trim(text));
    subjects_value_forget(&x->value);
}

static void tag_end(struct subjects_xml *x)
{
    x->state = IN_TEXT;
    if (x->kind == SUBJECT_NONE && !x->is_name)
        x->kind = x->named;
    subjects_value_forget(&x->value);
}

static void tag_name_end(struct body_subjects *b, struct bytes name)
{
    struct subjects_xml *x = &b->xml;
    bool is_close = bytes_start(name, "/");
    x->is_name = !is_close && is_naming(local(name));
    x->kind = is_close ? SUBJECT_NONE : (uint8_t)world_name(b->world, local(name));
    x->state = IN_TAG;
    subjects_value_forget(&x->value);
}

/* Takes off a text, or a part of it.  What it says is of use only behind a name that tells. */
static struct bytes text_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_xml *x = &b->xml;
    size_t len = bytes_index(piece, '<');
    struct bytes text = bytes_first(piece, len);
    bool has_end = len < piece.len, is_read = x->kind == SUBJECT_NONE && !x->is_name;
    if (is_read && (text.len > 0 || b->is_streaming))
        body_subjects_text(b, text, has_end);
    if (!has_end) {
        subjects_value_add(&x->value, text);
        return bytes_from(piece, len);
    }
    if (!is_read || x->named != SUBJECT_NONE) {
        text = subjects_value_last(&x->value, text);
        bool has_text = x->value.is_long || bytes_trim(text).len > 0;
        value_end(b, x->kind, text);
        if (has_text && !x->is_name)
            x->named = SUBJECT_NONE;
    }
    subjects_value_forget(&x->value);
    x->is_name = false;
    x->kind = SUBJECT_NONE;
    x->state = IN_TAG_NAME;
    return bytes_from(piece, len + 1);
}

/* How far a tag's name goes on.  A '/' ends it, but for the first byte, where a tag closes. */
static size_t tag_name_len(struct bytes piece, bool is_begin)
{
    size_t len = is_begin && piece.data[0] == '/';
    while (len < piece.len && piece.data[len] > ' ' && piece.data[len] != '>' &&
           piece.data[len] != '/')
        len++;
    return len;
}

static struct bytes tag_name_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_xml *x = &b->xml;
    bool is_begin = x->value.len == 0;
    if (is_begin && (piece.data[0] == '!' || piece.data[0] == '?')) {
        x->state = IN_OTHER;
        x->before = x->last = 0;
        return bytes_from(piece, 1);
    }
    size_t len = tag_name_len(piece, is_begin);
    struct bytes name = bytes_first(piece, len);
    if (len == piece.len) {
        subjects_value_add(&x->value, name);
        return bytes_from(piece, len);
    }
    tag_name_end(b, subjects_value_last(&x->value, name));
    if (piece.data[len] == '>')
        tag_end(x);
    return bytes_from(piece, len + 1);
}

/* Between attributes. */
static struct bytes tag_take(struct subjects_xml *x, struct bytes piece)
{
    uint8_t c = piece.data[0];
    if (c == '>') {
        tag_end(x);
    } else if (c == '"' || c == '\'') {
        x->state = IN_QUOTES;
        x->quote = c;
        subjects_value_forget(&x->value);
    } else if (c > ' ' && c != '=' && c != '/') {
        x->state = IN_ATTRIBUTE;
        x->attribute = SUBJECT_NONE;
        subjects_value_forget(&x->value);
        return piece;
    }
    return bytes_from(piece, 1);
}

/* What an attribute of that name holds. */
static enum subject_kind attribute_kind(struct body_subjects *b, struct bytes name)
{
    struct subjects_xml *x = &b->xml;
    enum subject_kind kind = world_name(b->world, name);
    if (kind == SUBJECT_NONE && x->kind != SUBJECT_NONE && names_is_of_parent(name))
        kind = (enum subject_kind)x->kind;
    if (kind == SUBJECT_NONE && bytes_are(name, "value")) {
        kind = (enum subject_kind)x->named;
        x->named = SUBJECT_NONE;
    }
    return kind;
}

static struct bytes attribute_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_xml *x = &b->xml;
    size_t len = 0;
    while (len < piece.len && piece.data[len] > ' ' && piece.data[len] != '=' &&
           piece.data[len] != '>')
        len++;
    struct bytes name = bytes_first(piece, len);
    if (len == piece.len) {
        subjects_value_add(&x->value, name);
        return bytes_from(piece, len);
    }
    name = local(subjects_value_last(&x->value, name));
    x->attribute = (uint8_t)attribute_kind(b, name);
    x->is_name = is_naming(name);
    subjects_value_forget(&x->value);
    x->state = IN_TAG;
    if (piece.data[len] == '>')
        tag_end(x);
    return bytes_from(piece, len + 1);
}

/* Of an attribute whose name says nothing the value is read as text. */
static struct bytes quotes_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_xml *x = &b->xml;
    size_t len = bytes_index(piece, x->quote);
    struct bytes text = bytes_first(piece, len);
    if (len == piece.len) {
        subjects_value_add(&x->value, text);
        return bytes_from(piece, len);
    }
    text = subjects_value_last(&x->value, text);
    if (x->attribute == SUBJECT_NONE && !x->is_name)
        body_subjects_text(b, text, true);
    value_end(b, x->attribute, text);
    x->is_name = false;
    x->attribute = SUBJECT_NONE;
    x->state = IN_TAG;
    return bytes_from(piece, len + 1);
}

static struct bytes other_take(struct subjects_xml *x, struct bytes piece)
{
    size_t i = 0;
    for (; i < piece.len && x->state != IN_TEXT; i++) {
        uint8_t c = piece.data[i];
        if (c == '>' && (x->state == IN_OTHER || (x->last == '-' && x->before == '-')))
            tag_end(x);
        else if (x->state == IN_OTHER && c == '-' && x->last == '-' && x->before == 0)
            x->state = IN_COMMENT;
        x->before = x->last;
        x->last = c;
    }
    return bytes_from(piece, i);
}

void subjects_xml_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_xml *x = &b->xml;
    while (piece.len > 0) {
        switch (x->state) {
        case IN_TEXT:
            piece = text_take(b, piece);
            break;
        case IN_TAG_NAME:
            piece = tag_name_take(b, piece);
            break;
        case IN_TAG:
            piece = tag_take(x, piece);
            break;
        case IN_ATTRIBUTE:
            piece = attribute_take(b, piece);
            break;
        case IN_QUOTES:
            piece = quotes_take(b, piece);
            break;
        default: /* IN_OTHER, IN_COMMENT */
            piece = other_take(x, piece);
        }
    }
}
