/*
 * Methods, request lines, status lines, chunk sizes.
 */
#include "analyzers/http/http_line.h"

enum {
    BLANK_LINES_MAX = 4,
    METHOD_MIN = 2,
    HEX_DIGITS_MAX = 16,
    CHUNK_LINE_MAX = 128,
    START_MAX = 8192 /* bytes of a request line that are waited for */
};

static const struct http_method methods[] = {
    {"GET", ACTION_READ},       {"POST", ACTION_WRITE},    {"HEAD", ACTION_READ},
    {"PUT", ACTION_WRITE},      {"DELETE", ACTION_WRITE},  {"OPTIONS", ACTION_READ},
    {"PATCH", ACTION_WRITE},    {"CONNECT", ACTION_OTHER}, {"TRACE", ACTION_READ},
    {"QUERY", ACTION_READ},     {"PROPFIND", ACTION_READ}, {"PROPPATCH", ACTION_WRITE},
    {"REPORT", ACTION_READ},    {"SEARCH", ACTION_READ},   {"MKCOL", ACTION_WRITE},
    {"COPY", ACTION_WRITE},     {"MOVE", ACTION_WRITE},    {"LOCK", ACTION_WRITE},
    {"UNLOCK", ACTION_WRITE},   {"ACL", ACTION_DEFINE},    {"MKCALENDAR", ACTION_WRITE},
    {"CHECKOUT", ACTION_WRITE}, {"CHECKIN", ACTION_WRITE}, {"MERGE", ACTION_WRITE},
    {"LINK", ACTION_WRITE},     {"UNLINK", ACTION_WRITE},  {"PURGE", ACTION_WRITE},
};

const struct http_method *http_method_find(struct bytes name)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (bytes_are_nocase(name, methods[i].name))
            return &methods[i];
    }
    return NULL;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* tchar of RFC 9110, section 5.6.2 */
static bool is_token(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.data[i];
        if (!is_letter(c) && !is_digit(c) && !memchr("!#$%&'*+-.^_`|~", c, 15))
            return false;
    }
    return b.len > 0;
}

/* "HTTP/1.1" or "HTTP/1.0" */
static bool is_version(struct bytes b)
{
    return b.len == 8 && (bytes_start(b, "HTTP/1.") || bytes_start(b, "HTTP/0.")) &&
           is_digit(b.data[7]);
}

/* What stands behind the last blank. */
static struct bytes last_word(struct bytes line)
{
    size_t at = line.len;
    while (at > 0 && !is_blank(line.data[at - 1]))
        at--;
    return bytes_from(line, at);
}

bool http_request_line(struct bytes line, bool is_cut, struct bytes *method, struct bytes *target)
{
    size_t len = 0;
    while (len < line.len && !is_blank(line.data[len]))
        len++;
    *method = bytes_first(line, len);
    *target = bytes_trim(bytes_from(line, len));
    if (method->len > HTTP_METHOD_MAX || !is_token(*method) || target->len == 0)
        return false;
    struct bytes version = last_word(*target);
    if (is_version(version) && version.len < target->len) {
        *target = bytes_trim(bytes_first(*target, target->len - version.len));
        return true;
    }
    return is_cut ||
           (http_method_find(*method) && bytes_start(*target, "/") && version.len == target->len);
}

unsigned http_status_line(struct bytes line)
{
    uint64_t status;
    size_t at = 8;
    if (!is_version(bytes_first(line, at)))
        return 0;
    while (at < line.len && is_blank(line.data[at]))
        at++;
    struct bytes digits = bytes_first(bytes_from(line, at), 3), rest = bytes_from(line, at + 3);
    if (at == 8 || digits.len < 3 || !bytes_number(digits, &status) || status < 100)
        return 0;
    return rest.len > 0 && is_digit(rest.data[0]) ? 0 : (unsigned)status;
}

static struct bytes skip_blank_lines(struct bytes b)
{
    size_t n = 0;
    while (n < b.len && n < BLANK_LINES_MAX && (b.data[n] == '\r' || b.data[n] == '\n'))
        n++;
    return bytes_from(b, n);
}

/* Whether b begins with text, as far as both go. */
static enum start begins(struct bytes b, const char *text)
{
    size_t len = strlen(text);
    if (b.len >= len)
        return bytes_start(b, text) ? START_SURE : START_NO;
    return b.len == 0 || memcmp(b.data, text, b.len) == 0 ? START_SHORT : START_NO;
}

/* A path, an absolute URI, "*", or the authority behind CONNECT. */
static enum start target_start(struct bytes method, struct bytes b)
{
    if (b.len == 0)
        return START_SHORT;
    if (b.data[0] == '/' || b.data[0] == '*' || bytes_are(method, "CONNECT"))
        return START_SURE;
    return begins(b, "http");
}

enum start http_request_start(struct bytes b)
{
    size_t len = 0;
    b = skip_blank_lines(b);
    while (len < b.len && len <= HTTP_METHOD_MAX &&
           (is_letter(b.data[len]) || b.data[len] == '-' || b.data[len] == '_'))
        len++;
    if (len == b.len && len <= HTTP_METHOD_MAX)
        return START_SHORT;
    if (len < METHOD_MIN || len > HTTP_METHOD_MAX || b.data[len] != ' ')
        return START_NO;
    struct bytes method = bytes_first(b, len), rest = bytes_from(b, len + 1);
    enum start start = target_start(method, rest);
    if (start != START_SURE)
        return start;
    rest = bytes_first(rest, START_MAX);
    size_t end = bytes_index(rest, '\n');
    if (end == START_MAX)
        return http_method_find(method) ? START_SURE : START_NO;
    if (end == rest.len)
        return START_SHORT;
    struct bytes target = bytes_trim(bytes_first(rest, end));
    struct bytes version = last_word(target);
    if (is_version(version) && version.len < target.len)
        return START_SURE;
    /* without its version a line says too little to be found among others */
    bool is_simple = version.len == target.len && target.data[0] == '/' && http_method_find(method);
    return is_simple ? START_LIKELY : START_NO;
}

enum start http_status_start(struct bytes b)
{
    enum { LEN = 13 }; /* version, blank, code and what ends it */
    b = skip_blank_lines(b);
    enum start start = begins(b, "HTTP/1.");
    if (start != START_SURE)
        return start;
    size_t end = bytes_index(bytes_first(b, LEN), '\n');
    if (end == b.len && b.len < LEN)
        return START_SHORT;
    return http_status_line(bytes_first(b, end)) ? START_SURE : START_NO;
}

static int hex_value(uint8_t c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_chunk_size(struct bytes line, uint64_t *size)
{
    size_t n = 0, digits = 0;
    line = bytes_trim(line);
    *size = 0;
    for (; n < line.len && hex_value(line.data[n]) >= 0; n++) {
        *size = *size << 4 | (uint64_t)hex_value(line.data[n]);
        digits += digits > 0 || line.data[n] != '0';
    }
    return n > 0 && digits <= HEX_DIGITS_MAX;
}

enum start http_chunk_start(struct bytes b, uint64_t *len)
{
    enum start start = begins(b, "\r\n");
    uint64_t size;
    if (start != START_SURE)
        return start;
    struct bytes rest = bytes_first(bytes_from(b, 2), CHUNK_LINE_MAX);
    if (rest.len > 0 && hex_value(rest.data[0]) < 0)
        return START_NO;
    size_t end = bytes_index(rest, '\n');
    if (end == rest.len)
        return rest.len < CHUNK_LINE_MAX ? START_SHORT : START_NO;
    if (end == 0 || rest.data[end - 1] != '\r' || !http_chunk_size(bytes_first(rest, end), &size) ||
        size > UINT32_MAX)
        return START_NO;
    *len = 2 + end + 1 + size;
    if (size > 0)
        return START_LIKELY;
    /* the last one: no trailers are expected */
    start = begins(bytes_from(rest, end + 1), "\r\n");
    *len += 2;
    return start == START_SURE ? START_LIKELY : start;
}
