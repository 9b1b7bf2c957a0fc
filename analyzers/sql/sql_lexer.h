/*
 * SQL text as tokens.  Blanks and comments are gone, every literal is one token, and a literal that
 * is cut by the end of the text reaches to the end.
 */
#ifndef SEEPWATCH_ANALYZERS_SQL_SQL_LEXER_H
#define SEEPWATCH_ANALYZERS_SQL_SQL_LEXER_H

#include "analyzers/sql/sql.h"
#include "analyzers/sql/sql_words.h"

enum token_kind {
    TOKEN_END,
    TOKEN_SEMICOLON,
    TOKEN_WORD,
    TOKEN_QUOTED,  /* a name in quotes */
    TOKEN_LITERAL, /* or a placeholder */
    TOKEN_COMMA,
    TOKEN_OPEN, /* ( */
    TOKEN_CLOSE,
    TOKEN_DOT,
    TOKEN_CAST, /* :: */
    TOKEN_BRACKET,
    TOKEN_BRACKET_CLOSE,
    TOKEN_OPERATOR, /* and whatever else there is */
};

struct sql_token {
    enum token_kind kind;
    struct bytes text;                /* with the quotes of a name */
    const struct sql_word_info *info; /* of a word; else NULL */
};

struct sql_lexer {
    struct bytes text;
    size_t at; /* bytes; behind the last token */
    enum sql_dialect dialect;
    bool in_executed;   /* between MySQL's comment signs around text that is executed */
    bool wants_operand; /* after the last token, a sign belongs to a number */
};

/* sql_lexer_start begins at the front of text; a zeroed struct would not expect an operand. */
void sql_lexer_start(struct sql_lexer *l, struct bytes text, enum sql_dialect dialect);

/* sql_lexer_next reads the next token; at the end, and from then on, it is TOKEN_END. */
void sql_lexer_next(struct sql_lexer *l, struct sql_token *t);

/* sql_token_name views a name, or any word, without its quotes. */
struct bytes sql_token_name(const struct sql_token *t);

#endif
