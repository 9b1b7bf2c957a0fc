/*
 * The words and signs of an expression, each with its place in the YAML scalar that holds it.
 */
#ifndef SEEPWATCH_RULES_TOKEN_H
#define SEEPWATCH_RULES_TOKEN_H

#include "rules/arena.h"
#include "rules/yaml.h"

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* a field, a macro, a list, an operator in letters, a number, an address */
    TOKEN_STRING, /* in quotes */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_LIST,
    TOKEN_CLOSE_LIST,
    TOKEN_COMMA,
    TOKEN_COMPARE, /* == != < <= > >= */
    TOKEN_BAD,     /* text is what is wrong with it */
};

/* A piece of a scalar's text, for its place in the file. */
struct source {
    const struct yaml_node *node;
    size_t offset; /* bytes of the node's text */
};

struct token {
    enum token_kind kind;
    struct bytes text; /* of a string: without quotes and escapes */
    struct source source;
};

/* token_next reads the token that begins at or after *at of the node's text and moves behind it.
 * Strings with escapes are kept in the arena. */
struct token token_next(const struct yaml_node *node, size_t *at, struct arena *arena);

/* source_position gives the place in the file. */
static inline struct position source_position(struct source s)
{
    return yaml_position(s.node, s.offset);
}

#endif
