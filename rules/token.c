/*
 * The lexer of expressions.  Words take every character that a field, an IPv6 address, a prefix or
 * a number with its unit has; there is no arithmetic that they could be confused with.
 */
#include "rules/token.h"

static struct token bad(const struct yaml_node *node, size_t at, const char *why)
{
    return (struct token){TOKEN_BAD, bytes_of(why), {node, at}};
}

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c >= 0x80 || (c != 0 && strchr("_.@:/-+*%", c) != NULL);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* In quotes, double or single; a backslash takes the next character as it is. */
static struct token read_string(const struct yaml_node *node, size_t *at, struct arena *arena)
{
    struct bytes text = node->text;
    size_t start = *at, end = start + 1, len = 0;
    uint8_t quote = text.data[start];
    while (end < text.len && text.data[end] != quote)
        end += text.data[end] == '\\' ? 2 : 1;
    if (end >= text.len)
        return bad(node, start, "this quote is not closed (in YAML, ' #' begins a comment)");
    uint8_t *plain = arena_take(arena, end - start);
    if (!plain)
        return bad(node, start, "no memory");
    for (size_t i = start + 1; i < end; i++) {
        if (text.data[i] == '\\')
            i++;
        plain[len++] = text.data[i];
    }
    *at = end + 1;
    return (struct token){TOKEN_STRING, {plain, len}, {node, start}};
}

static struct token read_word(const struct yaml_node *node, size_t *at)
{
    size_t start = *at;
    while (*at < node->text.len && is_word(node->text.data[*at]))
        (*at)++;
    struct bytes word = bytes_first(bytes_from(node->text, start), *at - start);
    return (struct token){TOKEN_WORD, word, {node, start}};
}

static struct token read_compare(const struct yaml_node *node, size_t *at)
{
    struct bytes left = bytes_from(node->text, *at);
    size_t start = *at, len = left.len > 1 && left.data[1] == '=' ? 2 : 1;
    if (len == 1 && left.data[0] == '=')
        return bad(node, start, "'=' is no operator; did you mean '=='?");
    if (len == 1 && left.data[0] == '!')
        return bad(node, start, "'!' is no operator; did you mean 'not' or '!='?");
    *at += len;
    return (struct token){TOKEN_COMPARE, bytes_first(left, len), {node, start}};
}

static struct token read_sign(const struct yaml_node *node, size_t *at)
{
    static const struct {
        char sign;
        enum token_kind kind;
    } signs[] = {{'(', TOKEN_OPEN},
                 {')', TOKEN_CLOSE},
                 {'[', TOKEN_OPEN_LIST},
                 {']', TOKEN_CLOSE_LIST},
                 {',', TOKEN_COMMA}};
    size_t start = *at;
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (node->text.data[start] == (uint8_t)signs[i].sign) {
            (*at)++;
            return (struct token){
                signs[i].kind, bytes_first(bytes_from(node->text, start), 1), {node, start}};
        }
    }
    if (node->text.data[start] == '&')
        return bad(node, start, "'&' is no operator; did you mean 'and'?");
    if (node->text.data[start] == '|')
        return bad(node, start, "'|' is no operator; did you mean 'or'?");
    return bad(node, start, "this character has no meaning here; texts stand in quotes");
}

struct token token_next(const struct yaml_node *node, size_t *at, struct arena *arena)
{
    while (*at < node->text.len && is_space(node->text.data[*at]))
        (*at)++;
    if (*at >= node->text.len)
        return (struct token){TOKEN_END, {NULL, 0}, {node, node->text.len}};
    uint8_t c = node->text.data[*at];
    if (c == '"' || c == '\'')
        return read_string(node, at, arena);
    if (is_word(c))
        return read_word(node, at);
    if (strchr("=!<>", c) != NULL)
        return read_compare(node, at);
    return read_sign(node, at);
}
