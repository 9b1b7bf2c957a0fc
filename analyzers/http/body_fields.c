#define _GNU_SOURCE /* explicit_bzero */
#include "analyzers/http/body_fields.h"

enum form_state { FORM_NAME, FORM_VALUE };

enum multipart_state {
    PART_TEXT,  /* lines up to a boundary */
    PART_HEAD,  /* lines of a part's head */
    PART_VALUE, /* the first line of a field */
};

enum json_state { JSON_BETWEEN, JSON_TEXT, JSON_WORD };

void body_fields_begin(struct body_fields *b, enum fields_format format, const struct hash_key *key)
{
    *b = (struct body_fields){.format = (uint8_t)format, .key = key};
    siphash_begin(&b->hash, key);
}

void body_fields_clear(struct body_fields *b)
{
    explicit_bzero(b, sizeof(*b));
}

static void field_end(struct body_fields *b, bool is_text, const struct fields_taker *taker)
{
    struct facts_field field = {.name = {(const uint8_t *)b->name, b->name_len},
                                .value = {(const uint8_t *)b->value, b->value_len},
                                .is_text = is_text,
                                .hash = siphash_end(&b->hash)};
    if (b->name_len > 0)
        taker->take(taker->context, &field);
    explicit_bzero(b->value, sizeof(b->value));
    b->name_len = b->value_len = 0;
    b->has_name = false;
    siphash_begin(&b->hash, b->key);
}

static void name_add(struct body_fields *b, uint8_t c)
{
    if (b->name_len < FACTS_NAME_MAX)
        b->name[b->name_len++] = (char)c;
}

static void value_add(struct body_fields *b, uint8_t c)
{
    if (b->value_len < FACTS_VALUE_MAX)
        b->value[b->value_len++] = (char)c;
    siphash_add(&b->hash, (struct bytes){&c, 1});
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A byte of a form; percent signs are decoded, and what is no escape is dropped. */
static void form_byte(struct body_fields *b, uint8_t c, const struct fields_taker *taker)
{
    if (b->escape > 0) {
        int digit = hex_value(c);
        b->unit = (uint16_t)(b->unit << 4 | (digit < 0 ? 0 : digit));
        if (--b->escape > 0)
            return;
        c = (uint8_t)b->unit;
    } else if (c == '%') {
        b->escape = 2;
        b->unit = 0;
        return;
    } else if (c == '&') {
        field_end(b, true, taker);
        b->state = FORM_NAME;
        return;
    } else if (c == '=' && b->state == FORM_NAME) {
        b->state = FORM_VALUE;
        return;
    } else if (c == '+') {
        c = ' ';
    }
    if (b->state == FORM_NAME)
        name_add(b, c);
    else
        value_add(b, c);
}

static void line_forget(struct body_fields *b)
{
    b->value_len = 0;
    siphash_begin(&b->hash, b->key);
}

/* name="..." in a line of a part's head is the field's name. */
static void head_line(struct body_fields *b, struct bytes line)
{
    struct bytes behind = bytes_from(line, bytes_find(line, bytes_of("name=\"")));
    struct bytes name = bytes_from(behind, strlen("name=\""));
    name = bytes_first(name, bytes_index(name, '"'));
    if (!bytes_are_nocase(bytes_first(line, 20), "content-disposition:"))
        return;
    b->name_len = 0;
    for (size_t i = 0; i < name.len; i++)
        name_add(b, name.data[i]);
}

/* A boundary is any line that begins with "--"; what follows it counts only with a name. */
static void multipart_line(struct body_fields *b, const struct fields_taker *taker)
{
    struct bytes line = {(const uint8_t *)b->value, b->value_len};
    switch (b->state) {
    case PART_HEAD:
        head_line(b, line);
        if (line.len == 0)
            b->state = PART_VALUE;
        break;
    case PART_VALUE:
        field_end(b, true, taker);
        b->state = PART_TEXT;
        break;
    default:
        if (bytes_start(line, "--"))
            b->state = PART_HEAD;
        b->name_len = 0;
    }
    line_forget(b);
}

static void multipart_byte(struct body_fields *b, uint8_t c, const struct fields_taker *taker)
{
    if (c == '\n')
        multipart_line(b, taker);
    else if (c != '\r')
        value_add(b, c);
}

/* A code unit of UTF-16 as UTF-8; halves of a pair as '?'. */
static void unit_add(struct body_fields *b, unsigned unit)
{
    if (unit >= 0xd800 && unit < 0xe000)
        unit = '?';
    if (unit < 0x80) {
        value_add(b, (uint8_t)unit);
        return;
    }
    if (unit < 0x800) {
        value_add(b, (uint8_t)(0xc0 | unit >> 6));
    } else {
        value_add(b, (uint8_t)(0xe0 | unit >> 12));
        value_add(b, (uint8_t)(0x80 | (unit >> 6 & 0x3f)));
    }
    value_add(b, (uint8_t)(0x80 | (unit & 0x3f)));
}

enum { ESCAPE_LETTER = 5 /* behind a backslash; 4 to 1: digits of \u to come */ };

static void json_escape(struct body_fields *b, uint8_t c)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    if (b->escape < ESCAPE_LETTER) {
        int digit = hex_value(c);
        b->unit = (uint16_t)(b->unit << 4 | (digit < 0 ? 0 : digit));
        if (--b->escape == 0)
            unit_add(b, b->unit);
        return;
    }
    const char *letter = c ? strchr(letters, c) : NULL;
    b->unit = 0;
    b->escape = c == 'u' ? 4 : 0;
    if (c != 'u')
        value_add(b, letter ? (uint8_t)meanings[letter - letters] : c);
}

/* A text is kept as a value until a ':' behind it says that it is a name. */
static void json_between(struct body_fields *b, uint8_t c)
{
    switch (c) {
    case '"':
        b->state = JSON_TEXT;
        b->value_len = 0;
        siphash_begin(&b->hash, b->key);
        return;
    case ':':
        b->name_len = 0;
        for (size_t i = 0; i < b->value_len; i++)
            name_add(b, (uint8_t)b->value[i]);
        b->value_len = 0;
        b->has_name = true;
        siphash_begin(&b->hash, b->key);
        return;
    case '{':
    case '[':
    case '}':
    case ']':
    case ',':
        b->name_len = b->value_len = 0;
        b->has_name = false;
        return;
    default:
        if (c <= ' ' || !b->has_name)
            return;
        b->state = JSON_WORD;
        value_add(b, c);
    }
}

static void json_byte(struct body_fields *b, uint8_t c, const struct fields_taker *taker)
{
    if (b->state == JSON_TEXT && b->escape > 0) {
        json_escape(b, c);
    } else if (b->state == JSON_TEXT && c == '\\') {
        b->escape = ESCAPE_LETTER;
    } else if (b->state == JSON_TEXT && c == '"') {
        b->state = JSON_BETWEEN;
        if (b->has_name)
            field_end(b, true, taker);
    } else if (b->state == JSON_TEXT) {
        value_add(b, c);
    } else if (b->state == JSON_WORD && c > ' ' && c != ',' && c != '}' && c != ']') {
        value_add(b, c);
    } else {
        if (b->state == JSON_WORD)
            field_end(b, false, taker);
        b->state = JSON_BETWEEN;
        json_between(b, c);
    }
}

void body_fields_take(struct body_fields *b, struct bytes piece, const struct fields_taker *taker)
{
    piece = bytes_first(piece, BODY_FIELDS_MAX - b->taken);
    b->taken += (uint32_t)piece.len;
    for (size_t i = 0; i < piece.len; i++) {
        switch ((enum fields_format)b->format) {
        case FIELDS_FORM:
            form_byte(b, piece.data[i], taker);
            break;
        case FIELDS_MULTIPART:
            multipart_byte(b, piece.data[i], taker);
            break;
        case FIELDS_JSON:
            json_byte(b, piece.data[i], taker);
            break;
        case FIELDS_NONE:
            return;
        }
    }
}

void body_fields_end(struct body_fields *b, const struct fields_taker *taker)
{
    if (b->format == FIELDS_FORM)
        field_end(b, true, taker);
}
