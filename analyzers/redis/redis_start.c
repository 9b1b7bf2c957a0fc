/*
 * A line with a length is rigid, and stronger still where the string that it promises ends as it
 * should.  Lines of text are weak signs: a value can hold anything, so that they are believed in a
 * chain, or where they are all there is.
 */
#include "analyzers/redis/redis_start.h"

#include "analyzers/redis/redis_state.h"

enum {
    BLANK_LINES_MAX = 8,
    WORD_MAX = 32,        /* bytes of a word that is looked up */
    ARGUMENTS_MAX = 64,   /* of a command in no table that are checked: bounded work at one place */
    AWAITED_MAX = 16,     /* requests that are looked at for one that a number can answer */
    UNCHECKED_MIN = 8192, /* bytes of a string whose end is not waited for */
    STRING_LIKELY_MAX = 512 << 20, /* bytes; proto-max-bulk-len's default */
};

/* The rest of a line as a count: digits, "-1" or "?". */
static bool count_of(struct bytes line, struct redis_token *t)
{
    if (line.len == 2 && line.data[0] == '-' && line.data[1] == '1') {
        t->is_null = true;
        return true;
    }
    if (line.len == 1 && line.data[0] == '?') {
        t->is_streamed = true;
        return true;
    }
    return bytes_number(line, &t->count);
}

static bool integer_of(struct bytes line, struct redis_token *t)
{
    bool is_signed = line.len > 0 && (line.data[0] == '-' || line.data[0] == '+');
    if (!bytes_number(is_signed ? bytes_from(line, 1) : line, &t->count))
        return false;
    if (is_signed && line.data[0] == '-')
        t->count = 0; /* -1, -2: nothing was changed */
    return true;
}

static bool is_meant(const struct redis_token *t, struct bytes line)
{
    switch (t->type) {
    case '$':
    case '=':
    case '!':
    case ';':
        return t->count <= REDIS_STRING_MAX && !(t->is_null && t->type != '$') &&
               !(t->is_streamed && t->type != '$');
    case '*':
    case '~':
    case '>':
    case '%':
    case '|':
        return t->count <= REDIS_ARGUMENTS_MAX && !(t->is_null && t->type != '*') &&
               !(t->is_streamed && t->type == '|');
    case '#':
        return bytes_are(line, "t") || bytes_are(line, "f");
    default: /* _ and . */
        return line.len == 0;
    }
}

/* The token whose line, without its type, is given. */
static bool token_of(struct bytes line, struct redis_token *t)
{
    switch (t->type) {
    case '+':
    case '-':
    case '(':
    case ',':
        t->text = line;
        return true;
    case ':':
        return integer_of(line, t);
    case '$':
    case '=':
    case '!':
    case ';':
    case '*':
    case '~':
    case '>':
    case '%':
    case '|':
        return count_of(line, t) && is_meant(t, line);
    case '_':
        t->is_null = true;
        return is_meant(t, line);
    case '#':
    case '.':
        return is_meant(t, line);
    default:
        return false;
    }
}

static bool is_line_type(uint8_t type)
{
    return type == '+' || type == '-' || type == '(' || type == ',';
}

static bool is_type(uint8_t type)
{
    switch (type) {
    case '+':
    case '-':
    case ':':
    case '$':
    case '*':
    case '_':
    case '#':
    case ',':
    case '(':
    case '!':
    case '=':
    case '%':
    case '~':
    case '>':
    case '|':
    case '.':
    case ';':
        return true;
    default:
        return false;
    }
}

/* The front of a line whose end is not there. */
static enum redis_read part_of_line(struct bytes rest, struct redis_token *t, struct cursor *in)
{
    bool is_line = is_line_type(t->type);
    for (size_t i = 0; !is_line && i < rest.len && i < REDIS_NUMBER_LINE_MAX; i++) {
        if (!strchr("0123456789-+?tf\r", rest.data[i]) || rest.data[i] == 0)
            return REDIS_READ_BAD;
    }
    if (rest.len < (is_line ? REDIS_LINE_MAX : REDIS_NUMBER_LINE_MAX))
        return REDIS_READ_SHORT;
    if (!is_line)
        return REDIS_READ_BAD;
    t->is_long_line = true;
    t->text = bytes_first(rest, REDIS_LINE_MAX - 1);
    cursor_skip(in, REDIS_LINE_MAX);
    return REDIS_READ;
}

enum redis_read redis_token_read(struct cursor *in, struct redis_token *t)
{
    struct cursor peek = *in;
    *t = (struct redis_token){.type = cursor_u8(&peek)};
    if (cursor_is_short(&peek))
        return REDIS_READ_SHORT;
    bool is_common = t->type == '$' || t->type == '*' || t->type == ':';
    if (is_common && redis_count_skip(&peek, &t->count)) {
        *in = peek;
        return REDIS_READ;
    }
    if (!is_type(t->type))
        return REDIS_READ_BAD;
    struct bytes rest = cursor_rest(&peek);
    struct bytes front =
        bytes_first(rest, is_line_type(t->type) ? REDIS_LINE_MAX : REDIS_NUMBER_LINE_MAX);
    size_t len = bytes_index(front, '\r');
    if (len + 1 >= front.len)
        return part_of_line(rest, t, in);
    if (rest.data[len + 1] != '\n' || !token_of(bytes_first(rest, len), t))
        return REDIS_READ_BAD;
    cursor_skip(in, len + 3);
    return REDIS_READ;
}

struct bytes redis_word(struct bytes *line)
{
    *line = bytes_trim(*line);
    if (line->len == 0)
        return *line;
    uint8_t quote = line->data[0];
    if (quote != '"' && quote != '\'') {
        size_t len = 0;
        while (len < line->len && line->data[len] != ' ' && line->data[len] != '\t')
            len++;
        struct bytes word = bytes_first(*line, len);
        *line = bytes_from(*line, len);
        return word;
    }
    struct bytes inside = bytes_from(*line, 1);
    size_t len = 0;
    while (len < inside.len && inside.data[len] != quote)
        len += inside.data[len] == '\\' ? 2 : 1;
    *line = bytes_from(inside, len + 1);
    return bytes_first(inside, len);
}

static bool is_printable(struct bytes line)
{
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < ' ' && line.data[i] != '\t')
            return false;
    }
    return true;
}

/* A name as commands of modules have it. */
static bool is_name(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        bool is_letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (!is_letter && (i == 0 || c == 0 || !strchr("0123456789._-", c)))
            return false;
    }
    return true;
}

/* Whether what is there of the command names one, and how long it is. */
static enum start command_start(bool is_found, struct cursor in, uint64_t *message_len)
{
    size_t whole = cursor_left(&in);
    struct redis_token header, name;
    enum redis_read read = redis_token_read(&in, &header);
    if (read != REDIS_READ)
        return read == REDIS_READ_SHORT ? START_SHORT : START_NO;
    if (header.is_streamed || header.is_null || header.count == 0) {
        *message_len = whole - cursor_left(&in);
        return is_found ? START_LIKELY : START_NO;
    }
    read = redis_token_read(&in, &name);
    if (read == REDIS_READ_SHORT)
        return START_SHORT;
    if (read == REDIS_READ_BAD || name.type != '$' || !redis_is_string(&name) || name.count == 0 ||
        name.count > WORD_MAX)
        return START_NO;
    struct bytes text = cursor_take(&in, (size_t)name.count);
    struct bytes end = cursor_take(&in, 2);
    if (cursor_is_short(&in))
        return START_SHORT;
    if (!bytes_are(end, "\r\n"))
        return START_NO;
    if (redis_command_find((struct bytes){NULL, 0}, text) != REDIS_COMMAND_UNKNOWN)
        return START_SURE;
    if (!is_name(text) || !is_found)
        return is_name(text) ? START_LIKELY : START_NO;
    for (uint64_t n = 1; n < header.count; n++) {
        if (n == ARGUMENTS_MAX || !redis_string_skip(&in))
            return START_NO;
    }
    *message_len = whole - cursor_left(&in);
    return cursor_left(&in) == 0 ? START_SURE : START_LIKELY;
}

/* A command as a line of text: where nothing else is known, the port must say the same. */
static enum start inline_start(const struct redis *s, struct cursor in, uint64_t *message_len)
{
    struct bytes rest = cursor_rest(&in);
    size_t blank = 0;
    while (blank < rest.len && blank < BLANK_LINES_MAX &&
           (rest.data[blank] == '\r' || rest.data[blank] == '\n'))
        blank++;
    struct bytes text = bytes_first(bytes_from(rest, blank), REDIS_LINE_MAX);
    size_t len = bytes_index(text, '\n');
    struct bytes line = bytes_trim(bytes_first(text, len)), words = line;
    struct bytes word = redis_word(&words);
    if (word.len > WORD_MAX || !is_printable(line) || (line.len > 0 && line.data[0] < 'A'))
        return START_NO;
    if (word.len == line.len && len == text.len && text.len < REDIS_LINE_MAX)
        return text.len < WORD_MAX ? START_SHORT : START_NO;
    if (redis_command_find((struct bytes){NULL, 0}, word) == REDIS_COMMAND_UNKNOWN ||
        bytes_find(line, bytes_of(" HTTP/1.")) < line.len)
        return START_NO;
    if (len == text.len)
        return text.len < REDIS_LINE_MAX ? START_SHORT : START_NO;
    if (!s)
        return START_LIKELY;
    *message_len = blank + len + 1;
    return s->was_inline || *message_len == rest.len ? START_SURE : START_LIKELY;
}

static enum start client_start(const struct redis *s, struct cursor in, uint64_t *message_len)
{
    if (cursor_left(&in) > 0 && *in.at == '*')
        return command_start(s != NULL, in, message_len);
    return inline_start(s, in, message_len);
}

/* A string is told by its end. */
static enum start string_start(bool is_found, const struct redis_token *t, struct cursor in)
{
    cursor_skip(&in, t->count < cursor_left(&in) ? (size_t)t->count : cursor_left(&in));
    struct bytes end = bytes_first(cursor_rest(&in), 2);
    if (end.len == 2 && !bytes_are(end, "\r\n"))
        return START_NO;
    if (t->type == ';' || t->count > STRING_LIKELY_MAX)
        return START_NO;
    bool is_sure = is_found && (end.len == 2 || t->count >= UNCHECKED_MIN);
    return is_sure ? START_SURE : START_LIKELY;
}

static enum start line_start(bool is_found, const struct redis_token *t)
{
    struct bytes text = t->text;
    size_t word = 0;
    bool is_usual = bytes_are(text, "OK") || bytes_are(text, "PONG") || bytes_are(text, "QUEUED");
    if (text.len == 0 || !is_printable(text))
        return START_NO;
    switch (t->type) {
    case '+':
        if (bytes_start(text, "FULLRESYNC ") || bytes_start(text, "CONTINUE"))
            return START_SURE;
        if (is_usual)
            return START_LIKELY;
        return is_found && text.data[0] >= 'A' && text.data[0] <= 'z' ? START_LIKELY : START_NO;
    case '-':
        while (word < text.len && text.data[word] >= 'A' && text.data[word] <= 'Z')
            word++;
        return word >= 3 && word < text.len && text.data[word] == ' ' ? START_LIKELY : START_NO;
    default: /* ( , */
        return is_found && strchr("0123456789-in", text.data[0]) ? START_LIKELY : START_NO;
    }
}

/* Where a token is all there is, it is sure if the request that waits may be answered so. */
static bool is_awaited(const struct exchange *x, const struct redis_token *t)
{
    const struct request *r = x ? redis_current(x, x->state) : NULL;
    const char *replies = r ? redis_command_of(r)->replies : "";
    if (t->type == '-' || t->is_null)
        return x != NULL;
    if (t->type == '+')
        return strchr(replies, 's') || (x && bytes_are(t->text, "OK")) || (x && redis_is_queued(t));
    if (t->type == ':')
        return strchr(replies, 'i') != NULL;
    return r && redis_is_aggregate(t) && t->count == 0;
}

/*
 * A value may end in ":30" or in "_" just as well: a number is none among other things, unless
 * numbers are awaited, and what is only RESP3's is none where that was not spoken.
 */
static bool is_weak(const struct exchange *x, const struct redis_token *t, struct cursor after)
{
    if (t->type == '_' || t->type == '#' || t->type == ',' || t->type == '(')
        return !x || !((const struct redis *)x->state)->is_resp3;
    if (t->type != ':')
        return false;
    const struct request *next = x ? redis_current(x, x->state) : NULL;
    for (uint64_t n = 0; next && n < AWAITED_MAX; n++) {
        const struct request *r = redis_numbered(x, next->batch + n);
        if (r && strchr(redis_command_of(r)->replies, 'i'))
            return false;
    }
    return cursor_left(&after) > 0 && *after.at != ':';
}

static enum start server_start(const struct exchange *x, struct cursor in, uint64_t *message_len)
{
    size_t whole = cursor_left(&in);
    struct redis_token t;
    enum redis_read read = redis_token_read(&in, &t);
    if (read != REDIS_READ || t.is_long_line)
        return read == REDIS_READ_SHORT ? START_SHORT : START_NO;
    *message_len = whole - cursor_left(&in);
    enum start start = START_LIKELY;
    if (redis_is_string(&t)) {
        *message_len += t.count + 2;
        start = string_start(x != NULL, &t, in);
    } else if (t.type == '.' || is_weak(x, &t, in)) {
        start = START_NO;
    } else if (t.text.len > 0 || is_line_type(t.type)) {
        start = line_start(x != NULL, &t);
    } else if (!x && t.type == '*' && cursor_left(&in) > 0 && *in.at == '$') {
        start = START_NO; /* a client's command looks so, too */
    }
    bool is_all = cursor_left(&in) == 0;
    return start == START_LIKELY && is_all && is_awaited(x, &t) ? START_SURE : start;
}

enum start redis_starts_here(const struct exchange *x, enum side side, struct cursor in,
                             uint64_t *message_len)
{
    struct bytes rest = cursor_rest(&in);
    bool is_first = !x || x->position[side] == 0;
    *message_len = 0;
    if (is_first && bytes_start(rest, REDIS_BUS_SIGNATURE))
        return START_SURE;
    if (rest.len == 0)
        return START_SHORT;
    return side == SIDE_CLIENT ? client_start(x ? x->state : NULL, in, message_len)
                               : server_start(x, in, message_len);
}
