/*
 * JSON (RFC 8259): a text is a name where one is due, else a value.  A name that says nothing by
 * itself, as "id", says it together with the container that it is in: {"customer": {"id": 4711}}.
 */
#include "analyzers/http/body_subjects.h"

#include "analyzers/http/json_masks.h"

/* Whether what is open is not too deep to be known. */
static bool is_shallow(const struct subjects_json *j)
{
    return j->depth <= SUBJECTS_DEPTH_MAX;
}

static bool is_object(const struct subjects_json *j)
{
    return j->depth > 0 && is_shallow(j) && (j->objects >> (j->depth - 1) & 1);
}

static enum subject_kind kind_inside(const struct subjects_json *j)
{
    return j->depth > 0 && is_shallow(j) ? (enum subject_kind)j->kinds[j->depth - 1] : SUBJECT_NONE;
}

static void name_end(struct body_subjects *b, struct bytes name, enum subject_kind kind)
{
    struct subjects_json *j = &b->json;
    j->kind = kind;
    if (j->kind != SUBJECT_NONE || kind_inside(j) == SUBJECT_NONE)
        return;
    if (names_is_of_parent(name))
        j->kind = kind_inside(j);
}

/* A value that stands in the array of records itself is one. */
static void value_begin(struct body_subjects *b)
{
    struct subjects_json *j = &b->json;
    if (j->depth == j->array_depth && j->depth > 0)
        b->in_record = true;
}

static void value_end(struct body_subjects *b)
{
    struct subjects_json *j = &b->json;
    if (j->depth == j->array_depth && j->depth > 0)
        body_subjects_end_record(b);
}

/* Where the string's end is in the piece; its length where it is not. */
static size_t string_end(struct subjects_json *j, struct bytes piece, bool *has_escape)
{
    size_t at = 0;
    while (at < piece.len) {
        if (j->is_escaped) {
            j->is_escaped = false;
            at++;
            continue;
        }
        at += json_plain_len(bytes_from(piece, at));
        if (at == piece.len || piece.data[at] == '"')
            return at;
        *has_escape = true;
        j->is_escaped = true;
        at++;
    }
    return at;
}

static void string_is_read(struct body_subjects *b, struct bytes text)
{
    struct subjects_json *j = &b->json;
    if (j->in_name) {
        name_end(b, text, world_name(b->world, text));
    } else if (j->kind != SUBJECT_NONE) {
        body_subjects_value(b, (enum subject_kind)j->kind, text);
    }
    if (!j->in_name)
        value_end(b);
}

/* Of lines, each begins anew. */
static void line_end(struct body_subjects *b)
{
    struct subjects_json *j = &b->json;
    if (b->format != SUBJECTS_LINES || (j->depth == 0 && !j->in_string))
        return;
    body_subjects_text(b, (struct bytes){NULL, 0}, true);
    body_subjects_end_record(b);
    *j = (struct subjects_json){0};
}

/* From inside a string; takes it off up to its end.  is_begin: none of it was taken before. */
static struct bytes string_take(struct body_subjects *b, struct bytes piece, bool is_begin)
{
    struct subjects_json *j = &b->json;
    bool has_escape = false, is_kept = j->in_name || j->kind != SUBJECT_NONE;
    size_t end = string_end(j, piece, &has_escape);
    struct bytes text = bytes_first(piece, end);
    bool has_end = end < piece.len, is_deep = !is_shallow(j);
    size_t line = b->format == SUBJECTS_LINES ? bytes_index(text, '\n') : text.len;
    if (!is_kept && !is_deep)
        body_subjects_text(b, bytes_first(text, line), has_end || line < text.len);
    if (line < text.len) { /* no string goes on there */
        line_end(b);
        return bytes_from(piece, line + 1);
    }
    j->in_string = !has_end;
    piece = bytes_from(piece, has_end ? end + 1 : end);
    if (is_deep)
        return piece;
    bool is_view = is_begin && has_end && !has_escape && text.len <= SUBJECTS_VALUE_MAX;
    if (is_kept && !is_view)
        subjects_value_decode(&j->value, text);
    if (has_end)
        string_is_read(b, is_view ? text : subjects_value_text(&j->value));
    return piece;
}

static void open(struct body_subjects *b, uint8_t bracket)
{
    struct subjects_json *j = &b->json;
    enum subject_kind kind = is_object(j) ? (enum subject_kind)j->kind : kind_inside(j);
    bool is_array = bracket == '[';
    bool is_lines = b->format == SUBJECTS_LINES;
    if ((j->depth > 0 && j->depth == j->array_depth) || (is_lines && j->depth == 0))
        b->in_record = true;
    if (j->depth < UINT32_MAX)
        j->depth++;
    if (is_array && j->array_depth == 0 && !is_lines) {
        j->array_depth = j->depth;
        kind = kind == SUBJECT_NONE ? (enum subject_kind)b->root : kind;
    }
    j->is_name_next = !is_array;
    if (!is_shallow(j))
        return;
    uint64_t bit = UINT64_C(1) << (j->depth - 1);
    j->objects = is_array ? j->objects & ~bit : j->objects | bit;
    j->kinds[j->depth - 1] = (uint8_t)kind;
    j->kind = is_array ? kind : SUBJECT_NONE;
}

static void close(struct body_subjects *b)
{
    struct subjects_json *j = &b->json;
    if (j->depth == j->array_depth)
        j->array_depth = 0;
    if (j->depth > 0)
        j->depth--;
    if ((j->depth > 0 && j->depth == j->array_depth) ||
        (b->format == SUBJECTS_LINES && j->depth == 0))
        body_subjects_end_record(b);
    j->is_name_next = false;
    j->kind = SUBJECT_NONE;
}

static void comma(struct subjects_json *j)
{
    j->is_name_next = is_object(j);
    j->kind = j->is_name_next ? SUBJECT_NONE : kind_inside(j);
}

static void word_end(struct body_subjects *b)
{
    struct subjects_json *j = &b->json;
    j->in_word = false;
    if (j->kind != SUBJECT_NONE && is_shallow(j))
        body_subjects_value(b, (enum subject_kind)j->kind, subjects_value_text(&j->value));
    value_end(b);
}

/* Bytes that end a number or a word. */
static const bool is_sign[256] = {
    ['"'] = true, ['{'] = true, ['}'] = true, ['['] = true,  [']'] = true,  [','] = true,
    [':'] = true, [' '] = true, [0] = true,   ['\t'] = true, ['\n'] = true, ['\r'] = true};

/* A number, true, false or null, or a part of one; its bytes are of use only where its name says
 * what it is.  Takes it off. */
static struct bytes word_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_json *j = &b->json;
    size_t len = 0;
    while (len < piece.len && !is_sign[piece.data[len]])
        len++;
    if (!j->in_word) {
        j->in_word = true;
        subjects_value_forget(&j->value);
        value_begin(b);
    }
    if (j->kind != SUBJECT_NONE)
        subjects_value_add(&j->value, bytes_first(piece, len));
    return bytes_from(piece, len);
}

/* A byte outside of strings that is no word's. */
static void sign_take(struct body_subjects *b, uint8_t c)
{
    struct subjects_json *j = &b->json;
    if (j->in_word)
        word_end(b);
    switch (c) {
    case '"':
        j->in_string = true;
        j->in_name = j->is_name_next;
        j->is_name_next = false;
        subjects_value_forget(&j->value);
        if (!j->in_name)
            value_begin(b);
        break;
    case '{':
    case '[':
        open(b, c);
        break;
    case '}':
    case ']':
        close(b);
        break;
    case ',':
        comma(j);
        break;
    case '\n':
        line_end(b);
        break;
    default:
        break;
    }
}

enum { QUOTES = 2 /* of a string */ };

/* Between signs; of lines, a line's end means something. */
static struct bytes without_blanks(const struct body_subjects *b, struct bytes piece)
{
    size_t len = 0;
    while (len < piece.len &&
           (piece.data[len] == ' ' || piece.data[len] == '\t' || piece.data[len] == '\r' ||
            (piece.data[len] == '\n' && b->format != SUBJECTS_LINES)))
        len++;
    return bytes_from(piece, len);
}

/* The string that the piece begins with, where it is all there and has no escapes; else no view. */
static struct bytes whole_string(const struct body_subjects *b, struct bytes piece)
{
    const struct bytes none = {NULL, 0};
    if (piece.len < 2 || piece.data[0] != '"')
        return none;
    struct bytes rest = bytes_from(piece, 1);
    size_t len = json_plain_len(rest);
    if (len == rest.len || rest.data[len] != '"')
        return none;
    struct bytes text = bytes_first(rest, len);
    return b->format == SUBJECTS_LINES && bytes_index(text, '\n') < len ? none : text;
}

/* Likewise a number or a word. */
static struct bytes whole_word(struct bytes piece)
{
    size_t len = 0;
    while (len < piece.len && !is_sign[piece.data[len]])
        len++;
    return len == 0 || len == piece.len ? (struct bytes){NULL, 0} : bytes_first(piece, len);
}

/* Takes off the value of a member, up to the name of the next one. */
static struct bytes member_value_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_json *j = &b->json;
    struct bytes text = whole_string(b, piece);
    bool is_string = text.data != NULL;
    if (!is_string)
        text = whole_word(piece);
    if (!text.data)
        return piece;
    if (j->kind != SUBJECT_NONE && text.len <= SUBJECTS_VALUE_MAX)
        body_subjects_value(b, (enum subject_kind)j->kind, text);
    else if (j->kind == SUBJECT_NONE && is_string)
        body_subjects_text(b, text, true);
    piece = without_blanks(b, bytes_from(piece, text.len + (is_string ? QUOTES : 0)));
    if (piece.len == 0 || piece.data[0] != ',')
        return piece;
    comma(j);
    return without_blanks(b, bytes_from(piece, 1));
}

/*
 * Most bytes are members of objects, and most members lie whole in the piece: they are taken at
 * once.  Takes off what there is of one; false where none of it could be taken so.
 */
static bool member_take(struct body_subjects *b, struct bytes *piece)
{
    struct subjects_json *j = &b->json;
    enum subject_kind kind;
    struct bytes name = bytes_from(*piece, 1);
    size_t len = world_name_again(b->world, &j->name_place, name, &kind);
    if (len > 0) {
        name = bytes_first(name, len);
    } else {
        name = whole_string(b, *piece);
        if (!name.data || name.len > SUBJECTS_VALUE_MAX)
            return false;
        kind = world_name_behind(b->world, &j->name_place, name);
    }
    name_end(b, name, kind);
    j->is_name_next = false;
    struct bytes rest = without_blanks(b, bytes_from(*piece, name.len + QUOTES));
    if (rest.len > 0 && rest.data[0] == ':')
        rest = member_value_take(b, without_blanks(b, bytes_from(rest, 1)));
    *piece = rest;
    return true;
}

void subjects_json_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_json *j = &b->json;
    bool is_begin = false;
    while (piece.len > 0) {
        uint8_t c = piece.data[0];
        if (j->in_string) {
            piece = string_take(b, piece, is_begin);
            is_begin = false;
        } else if (c == '"' && j->is_name_next && !j->in_word && is_object(j) &&
                   member_take(b, &piece)) {
            continue;
        } else if (is_sign[c]) {
            piece = bytes_from(piece, 1);
            if (c == ' ' && !j->in_word)
                continue;
            sign_take(b, c);
            is_begin = j->in_string;
        } else {
            piece = word_take(b, piece);
        }
    }
}
