/*
 * HTML: cells of tables by the heads of their columns or of their rows, descriptions (dd) by their
 * terms (dt), all of it beside recognition.
 */
#include "analyzers/http/body_subjects.h"

#include <endian.h>

enum state {
    IN_TEXT,
    IN_TAG_NAME,
    IN_TAG,
    IN_QUOTES,
    IN_COMMENT,
    IN_RAW,     /* a script or a style */
    IN_RAW_END, /* behind a '<' in one */
};

enum cell { CELL_NONE, CELL_HEAD, CELL_TERM, CELL_DATA };

enum { DASHES = 2 /* before the end of a comment */ };

_Static_assert(sizeof(((struct subjects_html *)0)->name) == sizeof(uint64_t), "a name is a word");

/* Bytes without what stands for them. */
static const struct {
    const char *written;
    char meant;
} entities[] = {
    {"&nbsp;", ' '}, {"&#43;", '+'}, {"&plus;", '+'}, {"&#64;", '@'}, {"&commat;", '@'}};

static struct bytes without_entities(struct bytes text, char out[SUBJECTS_VALUE_MAX])
{
    size_t len = 0;
    while (text.len > 0) {
        size_t used = 1;
        char c = (char)text.data[0];
        for (size_t i = 0; c == '&' && i < sizeof(entities) / sizeof(entities[0]); i++) {
            if (!bytes_start(text, entities[i].written))
                continue;
            c = entities[i].meant;
            used = strlen(entities[i].written);
        }
        out[len++] = c;
        text = bytes_from(text, used);
    }
    return bytes_trim((struct bytes){(const uint8_t *)out, len});
}

static void cell_end(struct body_subjects *b)
{
    struct subjects_html *h = &b->html;
    char plain[SUBJECTS_VALUE_MAX];
    struct bytes text = without_entities(subjects_value_text(&h->value), plain);
    enum cell cell = (enum cell)h->cell;
    h->cell = CELL_NONE;
    subjects_value_forget(&h->value);
    if (cell == CELL_HEAD || cell == CELL_TERM) {
        h->named = (uint8_t)world_name(b->world, text);
        if (cell == CELL_HEAD && !h->has_data && h->column > 0 && h->column <= SUBJECTS_COLUMNS_MAX)
            h->kinds[h->column - 1] = h->named;
    } else if (cell == CELL_DATA && h->kind != SUBJECT_NONE) {
        body_subjects_value(b, (enum subject_kind)h->kind, text);
    }
}

static void cell_begin(struct subjects_html *h, enum cell cell, bool is_column)
{
    if (is_column && h->column == 0)
        h->named = SUBJECT_NONE;
    h->cell = (uint8_t)cell;
    h->kind = h->named;
    if (cell == CELL_DATA && is_column) {
        h->has_data = true;
        if (h->kind == SUBJECT_NONE && h->column < SUBJECTS_COLUMNS_MAX)
            h->kind = h->kinds[h->column];
    }
    h->column = (uint8_t)(h->column + (is_column && h->column < UINT8_MAX));
}

/* A tag by its name; true where a row begins or ends there. */
static bool tag_named(struct body_subjects *b, struct bytes name)
{
    struct subjects_html *h = &b->html;
    bool is_close = bytes_start(name, "/"), is_row;
    name = bytes_from(name, is_close);
    is_row = bytes_are(name, "tr") || bytes_are(name, "table");
    bool is_head = bytes_are(name, "th"), is_term = bytes_are(name, "dt");
    bool is_cell = bytes_are(name, "td"), is_data = is_cell || bytes_are(name, "dd");
    if (!is_row && !is_head && !is_term && !is_data)
        return false;
    cell_end(b);
    if (is_row) {
        h->column = 0;
        h->has_data = false;
        if (bytes_are(name, "table"))
            memset(h->kinds, SUBJECT_NONE, sizeof(h->kinds));
        h->named = SUBJECT_NONE;
        return true;
    }
    if (!is_close)
        cell_begin(h, is_head ? CELL_HEAD : is_term ? CELL_TERM : CELL_DATA, is_head || is_cell);
    return false;
}

static bool is_raw(struct bytes name)
{
    return bytes_are(name, "script") || bytes_are(name, "style");
}

/* At a byte behind a tag's name, which ends there. */
static bool name_end(struct body_subjects *b, uint8_t c)
{
    struct subjects_html *h = &b->html;
    struct bytes name = {(const uint8_t *)h->name, h->name_len};
    if (h->state == IN_RAW_END) {
        bool is_end = bytes_start(name, "/") && is_raw(bytes_from(name, 1));
        h->state = is_end ? (c == '>' ? IN_TEXT : IN_TAG) : IN_RAW;
        h->name_len = 0;
        return false;
    }
    h->state = c == '>' ? IN_TEXT : IN_TAG;
    if (c == '>' && is_raw(name))
        h->state = IN_RAW;
    return tag_named(b, name);
}

/* A name as a word, that is written at once: it is read by more than a byte soon after. */
static uint64_t name_word(const struct subjects_html *h)
{
    uint64_t word = 0;
    if (h->name_len > 0)
        memcpy(&word, h->name, sizeof(word));
    return le64toh(word);
}

static void name_set(struct subjects_html *h, uint64_t word, size_t len)
{
    word = htole64(word);
    memcpy(h->name, &word, sizeof(word));
    h->name_len = (uint8_t)len;
}

static bool is_comment(const struct subjects_html *h)
{
    return h->state == IN_TAG_NAME && h->name_len == 3 && memcmp(h->name, "!--", 3) == 0;
}

/* What follows takes bytes of a tag from `at` on, up to where the state changes; true where a row
 * begins or ends there. */
static bool name_take(struct body_subjects *b, struct bytes piece, size_t *at)
{
    struct subjects_html *h = &b->html;
    uint64_t word = name_word(h);
    size_t len = h->name_len;
    while (*at < piece.len) {
        uint8_t c = piece.data[(*at)++];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_letter && c != '!' && c != '-' && (c != '/' || len > 0)) {
            name_set(h, word, len);
            return name_end(b, c);
        }
        if (len == sizeof(h->name))
            continue;
        word |= (uint64_t)(is_letter ? c | 0x20 : c) << 8 * len++;
        if (c == '-' && len == 3) {
            name_set(h, word, len);
            if (is_comment(h)) {
                h->state = IN_COMMENT;
                h->quote = DASHES;
                return false;
            }
        }
    }
    name_set(h, word, len);
    return false;
}

/* Attributes, up to the quotes of one. */
static void in_tag(struct subjects_html *h, struct bytes piece, size_t *at)
{
    struct bytes name = {(const uint8_t *)h->name, h->name_len};
    while (*at < piece.len) {
        uint8_t c = piece.data[(*at)++];
        if (c == '"' || c == '\'') {
            h->state = IN_QUOTES;
            h->quote = c;
            return;
        }
        if (c == '>') {
            h->state = is_raw(name) ? IN_RAW : IN_TEXT;
            return;
        }
    }
}

static void in_quotes(struct subjects_html *h, struct bytes piece, size_t *at)
{
    *at += bytes_index(bytes_from(piece, *at), h->quote);
    if (*at < piece.len) {
        h->state = IN_TAG;
        ++*at;
    }
}

static void in_comment(struct subjects_html *h, struct bytes piece, size_t *at)
{
    while (*at < piece.len && h->state == IN_COMMENT) {
        uint8_t c = piece.data[(*at)++];
        if (c == '>' && h->quote >= DASHES)
            h->state = IN_TEXT;
        h->quote = c == '-' ? (uint8_t)(h->quote < DASHES ? h->quote + 1 : DASHES) : 0;
    }
}

/* Of a cell whose kind is known, the text need not be looked through. */
static bool is_told(const struct subjects_html *h)
{
    return h->cell == CELL_DATA && h->kind != SUBJECT_NONE;
}

/* Takes off text, up to a '<'. */
static struct bytes text_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_html *h = &b->html;
    size_t len = bytes_index(piece, '<');
    bool is_head = h->cell == CELL_HEAD || h->cell == CELL_TERM, has_end = len < piece.len;
    struct bytes text = bytes_first(piece, len);
    if (h->state == IN_TEXT && (is_head || is_told(h)))
        subjects_value_add(&h->value, text);
    if (!is_told(h) && (len > 0 || b->is_streaming))
        body_subjects_text(b, text, has_end);
    if (has_end) {
        h->state = h->state == IN_TEXT ? IN_TAG_NAME : IN_RAW_END;
        h->name_len = 0;
    }
    return bytes_from(piece, len + 1);
}

/* Takes off a tag, or a part of it; true where a row begins or ends with its name. */
static bool tag_take(struct body_subjects *b, struct bytes *piece)
{
    struct subjects_html *h = &b->html;
    size_t at = 0;
    bool is_row = false;
    while (at < piece->len && !is_row && h->state != IN_TEXT && h->state != IN_RAW) {
        if (h->state == IN_TAG)
            in_tag(h, *piece, &at);
        else if (h->state == IN_QUOTES)
            in_quotes(h, *piece, &at);
        else if (h->state == IN_COMMENT)
            in_comment(h, *piece, &at);
        else
            is_row = name_take(b, *piece, &at);
    }
    bool has_end = is_row || h->state == IN_TEXT || h->state == IN_RAW;
    body_subjects_text(b, bytes_first(*piece, at), has_end);
    *piece = bytes_from(*piece, at);
    return is_row;
}

void subjects_html_take(struct body_subjects *b, struct bytes piece)
{
    struct subjects_html *h = &b->html;
    while (piece.len > 0) {
        if (h->state == IN_TEXT || h->state == IN_RAW) {
            piece = text_take(b, piece);
        } else if (tag_take(b, &piece)) {
            body_subjects_end_record(b);
            b->in_record = h->name_len == 2 && h->name[0] == 't'; /* <tr>, and no end of one */
        }
    }
}
