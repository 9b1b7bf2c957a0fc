#define _GNU_SOURCE /* explicit_bzero */
#include "analyzers/http/body_subjects.h"

#include "subjects/short_text.h"

enum {
    TEXT_MIN = 6,       /* bytes of a text that can hold an identifier that is recognised */
    DIGITS_MIN = 8,     /* in it, but for an address of e-mail */
    DATE_LEN = 16,      /* of 2026-01-05T09:30 */
    DATE_TEXT_MAX = 35, /* with seconds and a zone */
    ZONE_MAX = 6,
};

void body_subjects_begin(struct body_subjects *b, const struct body_subjects_plan *plan,
                         enum csv_header header)
{
    bool is_read = plan->world && plan->format != SUBJECTS_NOT_READ;
    b->world = is_read ? plan->world : NULL;
    b->gathered = NULL;
    b->scan = NULL;
    b->is_streaming = false;
    b->format = (uint8_t)plan->format;
    b->root = (uint8_t)plan->root;
    b->is_asked = plan->is_asked;
    b->in_record = false;
    if (!is_read)
        return;
    switch (plan->format) {
    case SUBJECTS_JSON:
    case SUBJECTS_LINES:
        b->json = (struct subjects_json){0};
        break;
    case SUBJECTS_CSV:
        b->csv = (struct subjects_csv){.header = (uint8_t)header, .is_first_row = true};
        break;
    case SUBJECTS_HTML:
        b->html = (struct subjects_html){0};
        break;
    case SUBJECTS_XML:
        b->xml = (struct subjects_xml){0};
        break;
    default:
        break;
    }
    if (plan->is_recognised && plan->world->scans && plan->format != SUBJECTS_FIELDS)
        b->scan = scan_open(plan->world->scans);
}

void body_subjects_stop(struct body_subjects *b)
{
    if (b->format == SUBJECTS_LINES) {
        bool in_string = b->json.in_string;
        if (b->gathered)
            gathering_forget_record(b->gathered);
        b->json = (struct subjects_json){0};
        b->json.in_string = in_string; /* up to the end of the line */
        b->json.depth = SUBJECTS_DEPTH_MAX + 1;
    } else {
        b->format = SUBJECTS_NOT_READ;
    }
}

void body_subjects_clear(struct body_subjects *b)
{
    if (!b->world)
        return;
    scan_close(b->scan);
    world_drop(b->world, &b->gathered);
    explicit_bzero(b, sizeof(*b));
}

void subjects_value_add(struct subjects_value *v, struct bytes piece)
{
    size_t left = SUBJECTS_VALUE_MAX - (size_t)v->len;
    v->is_long = v->is_long || piece.len > left;
    piece = bytes_first(piece, left);
    if (piece.len > 0)
        memcpy(v->text + v->len, piece.data, piece.len);
    v->len = (uint8_t)(v->len + piece.len);
}

static void value_add_byte(struct subjects_value *v, unsigned byte)
{
    uint8_t c = (uint8_t)byte;
    subjects_value_add(v, (struct bytes){&c, 1});
}

/* A code unit of UTF-16 as UTF-8; halves of a pair are no letters of any name. */
static void value_add_unit(struct subjects_value *v, unsigned unit)
{
    if (unit < 0x80) {
        value_add_byte(v, unit);
        return;
    }
    if (unit < 0x800) {
        value_add_byte(v, 0xc0 | unit >> 6);
    } else {
        value_add_byte(v, 0xe0 | unit >> 12);
        value_add_byte(v, 0x80 | (unit >> 6 & 0x3f));
    }
    value_add_byte(v, 0x80 | (unit & 0x3f));
}

enum { ESCAPE_LETTER = 5 /* behind a backslash; 4 to 1: digits of \u to come */ };

static void decode_escape(struct subjects_value *v, unsigned c)
{
    if (v->escape == ESCAPE_LETTER) {
        bool is_blank = c == 'n' || c == 't' || c == 'r';
        v->unit = 0;
        v->escape = c == 'u' ? 4 : 0;
        if (c != 'u')
            value_add_byte(v, is_blank ? 0x20U : c);
        return;
    }
    unsigned digit = (c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10) & 0xf;
    v->unit = (uint16_t)((unsigned)v->unit << 4 | digit);
    if (--v->escape == 0)
        value_add_unit(v, v->unit);
}

void subjects_value_decode(struct subjects_value *v, struct bytes piece)
{
    while (piece.len > 0 && !v->is_long) {
        if (v->escape > 0) {
            decode_escape(v, piece.data[0]);
            piece = bytes_from(piece, 1);
            continue;
        }
        size_t len = bytes_index(piece, '\\');
        subjects_value_add(v, bytes_first(piece, len));
        if (len < piece.len)
            v->escape = ESCAPE_LETTER;
        piece = bytes_from(piece, len + 1);
    }
}

static enum gathered_as gathered_as(const struct body_subjects *b)
{
    if (b->is_asked)
        return GATHERED_ASKED;
    return b->in_record ? GATHERED_TOLD : GATHERED_LOOSE;
}

void body_subjects_value(struct body_subjects *b, enum subject_kind kind, struct bytes value)
{
    if (value.len > 0)
        world_gather_text(b->world, &b->gathered, gathered_as(b), kind, value);
}

void body_subjects_field(struct body_subjects *b, struct bytes name, struct bytes value)
{
    if (!b->world || b->format != SUBJECTS_FIELDS || value.len > SUBJECTS_VALUE_MAX)
        return;
    body_subjects_value(b, world_name(b->world, name), value);
}

static void gather(void *context, const struct gathered *value)
{
    struct body_subjects *b = context;
    world_gather(b->world, &b->gathered, gathered_as(b), value);
}

static void take_token(void *context, enum token kind, struct bytes token)
{
    struct body_subjects *b = context;
    world_token(b->world, kind, token, b->is_asked, gather, b);
}

static void scan(struct body_subjects *b, struct bytes piece)
{
    const struct scan_taker taker = {take_token, b};
    scan_take(b->scan, piece, &taker);
    b->world->scanned += piece.len;
}

static void end_scan(struct body_subjects *b)
{
    const struct scan_taker taker = {take_token, b};
    scan_break(b->scan, &taker);
    b->is_streaming = false;
}

/* Seconds, a fraction and a zone. */
static bool is_time_rest(struct bytes rest)
{
    size_t at = 0;
    while (at < rest.len && memchr("0123456789:.", rest.data[at], 12))
        at++;
    size_t left = rest.len - at;
    return left == 0 || (left == 1 && (rest.data[at] | 0x20) == 'z') ||
           (left <= ZONE_MAX && (rest.data[at] == '+' || rest.data[at] == '-'));
}

static bool is_date(struct bytes text)
{
    static const char form[] = "....-..-..T..:..";
    if (text.len < DATE_LEN || text.len > DATE_TEXT_MAX || text.data[4] != '-')
        return false;
    for (size_t i = 0; i < DATE_LEN; i++) {
        uint8_t c = text.data[i];
        bool fits = form[i] == '.' ? c >= '0' && c <= '9' : c == form[i] || (i == 10 && c == ' ');
        if (!fits)
            return false;
    }
    return is_time_rest(bytes_from(text, DATE_LEN));
}

/* Whether there can be an identifier in a text: what most texts are not worth is a scan. */
static bool may_hold(struct bytes text)
{
    if (text.len < TEXT_MIN)
        return false;
    struct short_text_signs signs = short_text_signs(text);
    return (signs.digits >= DIGITS_MIN || signs.has_at) && !is_date(text);
}

void body_subjects_text(struct body_subjects *b, struct bytes part, bool is_last)
{
    if (!b->scan)
        return;
    if (is_last && !b->is_streaming) {
        const struct scan_taker taker = {take_token, b};
        if (may_hold(part))
            scan_whole(b->scan, part, &taker);
        b->world->scanned += part.len;
        return;
    }
    b->is_streaming = true;
    if (part.len > 0)
        scan(b, part);
    if (is_last)
        end_scan(b);
}

void body_subjects_end_record(struct body_subjects *b)
{
    if (!b->is_asked)
        world_end_record(b->world, b->gathered);
    b->in_record = false;
}

void body_subjects_take(struct body_subjects *b, struct bytes piece)
{
    if (!b->world)
        return;
    if (!b->scan && b->world->scans && b->format != SUBJECTS_FIELDS)
        b->world->unscanned += piece.len;
    switch ((enum subjects_format)b->format) {
    case SUBJECTS_JSON:
    case SUBJECTS_LINES:
        subjects_json_take(b, piece);
        break;
    case SUBJECTS_CSV:
        subjects_csv_take(b, piece);
        break;
    case SUBJECTS_HTML:
        subjects_html_take(b, piece);
        break;
    case SUBJECTS_XML:
        subjects_xml_take(b, piece);
        break;
    case SUBJECTS_TEXT:
        body_subjects_text(b, piece, false);
        break;
    case SUBJECTS_FIELDS:
    case SUBJECTS_NOT_READ:
        break;
    }
}

void body_subjects_end(struct body_subjects *b)
{
    if (!b->world)
        return;
    if (b->format == SUBJECTS_CSV)
        subjects_csv_end(b);
    body_subjects_text(b, (struct bytes){NULL, 0}, true);
    body_subjects_end_record(b);
}
