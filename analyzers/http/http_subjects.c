#include "analyzers/http/http_subjects.h"

#include "analyzers/http/template.h"
#include "analyzers/subject.h"
#include "subjects/names.h"

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent signs decoded (RFC 3986, section 2.1), and in a query plus signs as blanks; empty where
 * it is too long for an identifier. */
static struct bytes decode(struct bytes text, bool is_query, char out[SUBJECT_VALUE_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = -1, low = -1;
        uint8_t c = text.data[i];
        if (len == SUBJECT_VALUE_MAX)
            return (struct bytes){NULL, 0};
        if (c == '%' && text.len - i > 2) {
            high = hex_value(text.data[i + 1]);
            low = hex_value(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            c = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (c == '+' && is_query && len > 0) {
            c = ' '; /* the first is most likely that of a number */
        }
        out[len++] = (char)c;
    }
    return (struct bytes){(const uint8_t *)out, len};
}

static struct bytes part_take(struct bytes *rest, uint8_t separator)
{
    size_t len = bytes_index(*rest, separator);
    struct bytes part = bytes_first(*rest, len);
    *rest = bytes_from(*rest, len + 1);
    return part;
}

static void ask(struct exchange *x, struct request *r, enum subject_kind kind, struct bytes value,
                bool is_query)
{
    char plain[SUBJECT_VALUE_MAX];
    subject_ask(x, r, kind, decode(value, is_query, plain));
}

/* name=value; of no telling name, what is unmistakable.  parent: what an "id" is of. */
static void ask_pair(struct exchange *x, struct request *r, struct bytes pair,
                     enum subject_kind parent)
{
    char plain[SUBJECT_VALUE_MAX];
    struct bytes name = part_take(&pair, '=');
    enum subject_kind kind = subject_of_name(x, decode(name, true, plain));
    if (kind == SUBJECT_NONE && names_is_of_parent(name))
        kind = parent;
    while (pair.len > 0)
        ask(x, r, kind, part_take(&pair, ','), true);
}

/* What the template calls the segment; what it does not name, the segment before says. */
static enum subject_kind kind_of_segment(const struct exchange *x, struct bytes pattern,
                                         struct bytes before)
{
    if (bytes_start(pattern, "{") && pattern.data[pattern.len - 1] == '}') {
        struct bytes name = bytes_first(bytes_from(pattern, 1), pattern.len - 2);
        enum subject_kind kind = subject_of_name(x, name);
        if (kind != SUBJECT_NONE)
            return kind;
    }
    return subject_of_name(x, before);
}

void http_subjects_ask(struct exchange *x, struct request *r, struct bytes target,
                       struct bytes pattern)
{
    struct bytes before = {NULL, 0};
    if (!r || !subject_is_on(x, SIDE_CLIENT))
        return;
    struct bytes whole = part_take(&target, '#');
    struct bytes path = part_take(&whole, '?');
    while (path.len > 0) {
        struct bytes segment = part_take(&path, '/');
        enum subject_kind kind = kind_of_segment(x, part_take(&pattern, '/'), before);
        bool has_name = bytes_index(segment, '=') < segment.len;
        if (has_name)
            ask_pair(x, r, segment, kind);
        else if (segment.len > 0 && template_is_identifier(segment))
            ask(x, r, kind, bytes_first(segment, bytes_index(segment, ';')), false);
        before = segment;
    }
    enum subject_kind last = subject_of_name(x, bytes_first(before, bytes_index(before, '.')));
    while (whole.len > 0)
        ask_pair(x, r, part_take(&whole, '&'), last);
}

enum subject_kind http_path_kind(const struct exchange *x, struct bytes path)
{
    struct bytes last = {NULL, 0};
    while (path.len > 0) {
        struct bytes segment = part_take(&path, '/');
        if (segment.len > 0 && segment.data[0] != '{')
            last = bytes_first(segment, bytes_index(segment, '.'));
    }
    return subject_of_name(x, last);
}
