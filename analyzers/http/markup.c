#include "analyzers/http/markup.h"

enum markup_state {
    STATE_TEXT,
    STATE_NAME,    /* behind '<' */
    STATE_REST,    /* behind the name: attributes */
    STATE_SPECIAL, /* behind "<!" or "<?" */
    STATE_COMMENT,
    STATE_CDATA,
};

static bool is_name_end(uint8_t c)
{
    return c <= ' ' || c == '>' || c == '/';
}

static bool is_raw(struct bytes name)
{
    return bytes_are(name, "script") || bytes_are(name, "style");
}

struct bytes markup_name(const struct markup *m)
{
    return (struct bytes){(const uint8_t *)m->name, m->name_len};
}

struct bytes markup_local_name(const struct markup *m)
{
    struct bytes name = markup_name(m);
    size_t colon = bytes_index(name, ':');
    return colon < name.len ? bytes_from(name, colon + 1) : name;
}

static void name_add(struct markup *m, uint8_t c)
{
    if (m->name_len == MARKUP_NAME_MAX)
        return;
    bool is_upper = m->is_html && c >= 'A' && c <= 'Z';
    m->name[m->name_len++] = (char)(is_upper ? c + ('a' - 'A') : c);
}

/* The tag's end; in a script only the script's own counts. */
static enum markup_event tag_end(struct markup *m)
{
    struct bytes name = markup_name(m);
    m->state = STATE_TEXT;
    if (m->raw[0]) {
        if (!m->is_close || !bytes_are(name, m->raw))
            return MARKUP_NONE;
        m->raw[0] = '\0';
        return MARKUP_CLOSE;
    }
    if (name.len == 0)
        return MARKUP_NONE;
    if (m->is_close)
        return MARKUP_CLOSE;
    if (m->last == '/' && !m->is_html)
        return MARKUP_EMPTY;
    if (m->is_html && is_raw(name))
        memcpy(m->raw, m->name, name.len);
    return MARKUP_OPEN;
}

static void in_name(struct markup *m, uint8_t c)
{
    if (m->name_len == 0 && !m->is_close && c == '/') {
        m->is_close = true;
    } else if (m->name_len == 0 && (c == '!' || c == '?')) {
        m->state = STATE_SPECIAL;
    } else if (m->name_len == 0 && is_name_end(c)) {
        m->state = STATE_TEXT; /* a lone '<' */
    } else if (is_name_end(c)) {
        m->state = STATE_REST;
    } else {
        name_add(m, c);
    }
}

/* What begins with '!' or '?' goes to '>', other than comments and CDATA. */
static void in_special(struct markup *m, uint8_t c)
{
    if (m->raw[0] || c == '>') {
        m->state = STATE_TEXT;
        return;
    }
    if (m->name_len < MARKUP_NAME_MAX)
        m->name[m->name_len++] = (char)c;
    if (bytes_are(markup_name(m), "--"))
        m->state = STATE_COMMENT;
    else if (bytes_are(markup_name(m), "[CDATA["))
        m->state = STATE_CDATA;
}

static enum markup_event byte_take(struct markup *m, uint8_t c)
{
    switch (m->state) {
    case STATE_NAME:
        in_name(m, c);
        if (c == '>' && m->state == STATE_REST)
            return tag_end(m);
        break;
    case STATE_REST:
        if (m->quote) {
            m->quote = c == m->quote ? 0 : m->quote;
        } else if ((c == '"' || c == '\'') && !m->raw[0]) {
            m->quote = c;
        } else if (c == '>') {
            return tag_end(m);
        }
        break;
    case STATE_SPECIAL:
        in_special(m, c);
        break;
    case STATE_COMMENT:
    case STATE_CDATA: {
        uint8_t end = m->state == STATE_COMMENT ? '-' : ']';
        if (c == '>' && m->last == end && m->before == end)
            m->state = STATE_TEXT;
        break;
    }
    default:
        break;
    }
    return MARKUP_NONE;
}

enum markup_event markup_next(struct markup *m, struct bytes *piece)
{
    while (piece->len > 0) {
        if (m->state == STATE_TEXT) {
            size_t len = bytes_index(*piece, '<');
            bool is_tag = len < piece->len;
            *piece = bytes_from(*piece, len + 1);
            if (!is_tag)
                break;
            m->state = STATE_NAME;
            m->name_len = m->quote = m->last = m->before = 0;
            m->is_close = false;
            continue;
        }
        uint8_t c = piece->data[0];
        *piece = bytes_from(*piece, 1);
        enum markup_event event = byte_take(m, c);
        m->before = m->last;
        m->last = c;
        if (event != MARKUP_NONE)
            return event;
    }
    return MARKUP_NONE;
}
