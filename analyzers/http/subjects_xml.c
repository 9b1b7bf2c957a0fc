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
static void value_end(struct body_subjects *b, uint8_t kind)
{
    struct subjects_xml *x = &b->xml;
    struct bytes text = bytes_trim(subjects_value_text(&x->value));
    if (x->is_name)
        x->named = (uint8_t)world_name(b->world, text);
    else if (kind != SUBJECT_NONE)
        body_subjects_value(b, (enum subject_kind)kind, text);
    subjects_value_forget(&x->value);
}

static void tag_name_end(struct body_subjects *b)
{
    struct subjects_xml *x = &b->xml;
    struct bytes name = subjects_value_text(&x->value);
    bool is_close = bytes_start(name, "/");
    x->is_name = !is_close && is_naming(local(name));
    x->kind = is_close ? SUBJECT_NONE : (uint8_t)world_name(b->world, local(name));
    subjects_value_forget(&x->value);
}

static void tag_end(struct subjects_xml *x)
{
    x->state = IN_TEXT;
    if (x->kind == SUBJECT_NONE && !x->is_name)
        x->kind = x->named;
    subjects_value_forget(&x->value);
}

static void text_end(struct body_subjects *b)
{
    struct subjects_xml *x = &b->xml;
    bool has_text = bytes_trim(subjects_value_text(&x->value)).len > 0 || x->value.is_long;
    value_end(b, x->kind);
    if (has_text && !x->is_name)
        x->named = SUBJECT_NONE;
    x->is_name = false;
    x->kind = SUBJECT_NONE;
    x->state = IN_TAG_NAME;
}

static void in_tag_name(struct body_subjects *b, uint8_t c)
{
    struct subjects_xml *x = &b->xml;
    if (x->value.len == 0 && (c == '!' || c == '?')) {
        x->state = IN_OTHER;
        x->before = x->last = 0;
    } else if (c == '>') {
        tag_name_end(b);
        tag_end(x);
    } else if (c <= ' ' || (c == '/' && x->value.len > 0)) {
        tag_name_end(b);
        x->state = IN_TAG;
    } else {
        subjects_value_add(&x->value, (struct bytes){&c, 1});
    }
}

static void in_tag(struct body_subjects *b, uint8_t c)
{
    struct subjects_xml *x = &b->xml;
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
        subjects_value_add(&x->value, (struct bytes){&c, 1});
    }
}

static void in_attribute(struct body_subjects *b, uint8_t c)
{
    struct subjects_xml *x = &b->xml;
    if (c > ' ' && c != '=' && c != '>') {
        subjects_value_add(&x->value, (struct bytes){&c, 1});
        return;
    }
    struct bytes name = local(subjects_value_text(&x->value));
    x->attribute = (uint8_t)world_name(b->world, name);
    if (x->attribute == SUBJECT_NONE && x->kind != SUBJECT_NONE && names_is_of_parent(name))
        x->attribute = x->kind;
    if (x->attribute == SUBJECT_NONE && bytes_are(name, "value")) {
        x->attribute = x->named;
        x->named = SUBJECT_NONE;
    }
    x->is_name = is_naming(name);
    subjects_value_forget(&x->value);
    x->state = IN_TAG;
    if (c == '>')
        tag_end(x);
}

/* Of an attribute whose name says nothing the value is read as text. */
static void in_quotes(struct body_subjects *b, uint8_t c)
{
    struct subjects_xml *x = &b->xml;
    if (c != x->quote) {
        subjects_value_add(&x->value, (struct bytes){&c, 1});
        return;
    }
    if (x->attribute == SUBJECT_NONE && !x->is_name)
        body_subjects_text(b, subjects_value_text(&x->value), true);
    value_end(b, x->attribute);
    x->is_name = false;
    x->attribute = SUBJECT_NONE;
    x->state = IN_TAG;
}

static void in_other(struct body_subjects *b, uint8_t c)
{
    struct subjects_xml *x = &b->xml;
    if (c == '>' && (x->state == IN_OTHER || (x->last == '-' && x->before == '-')))
        tag_end(x);
    else if (x->state == IN_OTHER && c == '-' && x->last == '-' && x->before == 0)
        x->state = IN_COMMENT;
    x->before = x->last;
    x->last = c;
}

/* How many bytes only go on with a name or a value. */
static size_t plain_len(const struct subjects_xml *x, struct bytes piece)
{
    size_t len = 0;
    if (x->state == IN_QUOTES)
        return bytes_index(piece, x->quote);
    if (x->state != IN_TAG_NAME && x->state != IN_ATTRIBUTE)
        return 0;
    while (len < piece.len && piece.data[len] > '?')
        len++;
    return len;
}

void subjects_xml_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_xml *x = &b->xml;
    while (piece.len > 0) {
        if (x->state == IN_TEXT) {
            size_t len = bytes_index(piece, '<');
            struct bytes text = bytes_first(piece, len);
            subjects_value_add(&x->value, text);
            if (x->kind == SUBJECT_NONE && !x->is_name && (text.len > 0 || b->is_streaming))
                body_subjects_text(b, text, len < piece.len);
            if (len < piece.len)
                text_end(b);
            piece = bytes_from(piece, len + 1);
            continue;
        }
        size_t plain = plain_len(x, piece);
        subjects_value_add(&x->value, bytes_first(piece, plain));
        piece = bytes_from(piece, plain);
        if (piece.len == 0)
            return;
        uint8_t c = piece.data[0];
        piece = bytes_from(piece, 1);
        switch (x->state) {
        case IN_TAG_NAME:
            in_tag_name(b, c);
            break;
        case IN_TAG:
            in_tag(b, c);
            break;
        case IN_ATTRIBUTE:
            in_attribute(b, c);
            break;
        case IN_QUOTES:
            in_quotes(b, c);
            break;
        default:
            in_other(b, c);
        }
    }
}
