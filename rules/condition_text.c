/*
 * A condition as people read it: blanks and line ends are one blank, macros what they stand for.
 */
#include "rules/condition.h"
#include "rules/text.h"
#include "rules/token.h"

enum { EXPANSIONS_DEPTH_MAX = 8 };

/* The text between two places, its blanks made one. */
static void add_piece(struct text *t, struct bytes piece)
{
    for (size_t i = 0; i < piece.len; i++) {
        uint8_t c = piece.data[i];
        bool is_blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!is_blank)
            text_add_bytes(t, (struct bytes){&piece.data[i], bytes_utf8_len(bytes_from(piece, i))});
        else if (t->len > 0 && t->at[t->len - 1] != ' ')
            text_add(t, " ");
        if (!is_blank && bytes_utf8_len(bytes_from(piece, i)) > 1)
            i += bytes_utf8_len(bytes_from(piece, i)) - 1;
    }
}

static void add_expanded(struct text *t, struct vocabulary *v, const struct yaml_node *node,
                         unsigned depth)
{
    size_t at = 0, done = 0;
    bool is_after_in = false;
    for (;;) {
        struct token token = token_next(node, &at, v->arena);
        bool is_macro = token.kind == TOKEN_WORD && !is_after_in && depth < EXPANSIONS_DEPTH_MAX;
        const struct macro *m = is_macro ? vocabulary_macro(v, token.text) : NULL;
        if (token.kind == TOKEN_END || token.kind == TOKEN_BAD)
            break;
        is_after_in = token.kind == TOKEN_WORD && bytes_are(token.text, "in");
        if (!m)
            continue;
        add_piece(t, bytes_first(bytes_from(node->text, done), token.source.offset - done));
        text_add(t, "(");
        add_expanded(t, v, m->text, depth + 1);
        text_add(t, ")");
        done = at;
    }
    add_piece(t, bytes_from(node->text, done));
}

const char *condition_text(struct vocabulary *v, const struct yaml_node *text)
{
    char buffer[EXPRESSION_TEXT_MAX];
    struct text t = text_over(buffer, sizeof(buffer));
    add_expanded(&t, v, text, 0);
    return (const char *)arena_copy(v->arena, bytes_trim(bytes_of(buffer))).data;
}
