/*
 * A segment is judged by counts of its characters, in one pass; when in doubt it is an identifier:
 * a template that is too coarse misleads nobody, a customer's number in a log does harm.
 */
#include "analyzers/http/template.h"

enum {
    DIGITS_MIN = 4, /* with no more letters than digits: an identifier */
    HEX_MIN = 8,    /* bytes of hexadecimal with a digit */
    MIXED_MIN = 16, /* bytes of both cases and digits */
    EXTENSION_MAX = 5,
};

static const char identifier[] = "{id}";

struct census {
    size_t digits, hex_letters, lower, upper;
    size_t blanks, foreign; /* blanks and '+'; '@', controls and bytes beyond ASCII */
    size_t others;          /* - . _ ~ and the like */
};

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character at *at, decoded, and *at behind it (RFC 3986, section 2.1). */
static uint8_t decode(struct bytes s, size_t *at)
{
    uint8_t c = s.data[(*at)++];
    if (c != '%' || s.len - *at < 2)
        return c;
    int high = hex_value(s.data[*at]), low = hex_value(s.data[*at + 1]);
    if (high < 0 || low < 0)
        return c;
    *at += 2;
    return (uint8_t)(high << 4 | low);
}

static void note(struct census *n, uint8_t c)
{
    bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    if (c >= '0' && c <= '9')
        n->digits++;
    else if (is_letter)
        (*(c >= 'a' ? &n->lower : &n->upper))++;
    else if (c == ' ' || c == '+')
        n->blanks++;
    else if (c == '@' || c < ' ' || c > '~')
        n->foreign++;
    else
        n->others++;
    n->hex_letters += is_letter && hex_value(c) >= 0;
}

static struct census count(struct bytes s)
{
    struct census n = {0};
    for (size_t at = 0; at < s.len;)
        note(&n, decode(s, &at));
    return n;
}

static bool is_uuid(struct bytes s)
{
    if (s.len != 36)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (is_dash ? s.data[i] != '-' : hex_value(s.data[i]) < 0)
            return false;
    }
    return true;
}

bool template_is_identifier(struct bytes s)
{
    if (s.len > TEMPLATE_SEGMENT_MAX || is_uuid(s))
        return true;
    struct census n = count(s);
    size_t letters = n.lower + n.upper;
    if (n.foreign > 0 || n.blanks > 0)
        return n.foreign > 0 || n.blanks < s.len;
    if (n.digits == 0)
        return false;
    if (letters == 0 || (n.digits >= DIGITS_MIN && n.digits >= letters))
        return true;
    size_t plain = n.digits + letters;
    if (plain >= HEX_MIN && n.hex_letters == letters)
        return true;
    return s.len >= MIXED_MIN && n.lower > 0 && n.upper > 0;
}

/* A short ending such as ".json", with its dot; empty where there is none. */
static struct bytes extension(struct bytes s)
{
    size_t len = 0;
    while (len < s.len && len <= EXTENSION_MAX && s.data[s.len - 1 - len] != '.')
        len++;
    struct bytes none = {NULL, 0}, ending = bytes_from(s, s.len - len);
    if (len == 0 || len > EXTENSION_MAX || len + 1 >= s.len)
        return none;
    struct census n = count(ending);
    bool is_name = n.lower + n.upper > 0 && n.digits <= 1 && n.foreign + n.blanks + n.others == 0;
    return is_name ? bytes_from(s, s.len - len - 1) : none;
}

static size_t first_of(struct bytes s, uint8_t a, uint8_t b)
{
    size_t first = bytes_index(s, a), second = bytes_index(s, b);
    return first < second ? first : second;
}

struct output {
    char *text;
    size_t len;
    bool is_full;
};

static void put(struct output *o, struct bytes text)
{
    if (text.len > TEMPLATE_MAX - o->len)
        o->is_full = true;
    if (o->is_full || text.len == 0)
        return;
    memcpy(o->text + o->len, text.data, text.len);
    o->len += text.len;
}

static void put_segment(struct output *o, struct bytes s)
{
    s = bytes_first(s, bytes_index(s, ';'));
    size_t value = first_of(s, '=', '(');
    if (value > 0 && value + 1 < s.len) {
        struct bytes name = bytes_first(s, value);
        bool is_call = s.data[value] == '(';
        put(o, template_is_identifier(name) ? bytes_of(identifier) : name);
        put(o, bytes_of(is_call ? "(" : "="));
        put(o, bytes_of(identifier));
        put(o, bytes_of(is_call ? ")" : ""));
        return;
    }
    struct bytes ending = extension(s), stem = bytes_first(s, s.len - ending.len);
    if (!template_is_identifier(stem)) {
        put(o, stem);
        put(o, ending);
        return;
    }
    put(o, bytes_of(identifier));
    put(o, ending);
}

size_t template_write(struct bytes path, char out[TEMPLATE_MAX])
{
    struct output o = {.text = out};
    path = bytes_first(path, first_of(path, '?', '#'));
    while (path.len > 0 && !o.is_full) {
        size_t before = o.len, len = bytes_index(path, '/');
        put_segment(&o, bytes_first(path, len));
        if (len < path.len)
            put(&o, bytes_of("/"));
        if (o.is_full)
            o.len = before;
        path = bytes_from(path, len + 1);
    }
    return o.len;
}
