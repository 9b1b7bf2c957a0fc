#include "analyzers/http/text_search.h"

static size_t step(const struct text_search *s, size_t matched, uint8_t c)
{
    while (matched > 0 && s->text.data[matched] != c)
        matched = s->border[matched - 1];
    return matched + (s->text.data[matched] == c);
}

void text_search_begin(struct text_search *s, struct bytes text)
{
    s->text = bytes_first(text, TEXT_SEARCH_MAX);
    s->matched = 0;
    s->is_found = false;
    if (s->text.len > 0)
        s->border[0] = 0;
    for (size_t i = 1; i < s->text.len; i++)
        s->border[i] = (uint8_t)step(s, s->border[i - 1], s->text.data[i]);
}

void text_search_take(struct text_search *s, struct bytes piece)
{
    for (size_t i = 0; i < piece.len && s->text.len > 0 && !s->is_found; i++) {
        s->matched = step(s, s->matched, piece.data[i]);
        s->is_found = s->matched == s->text.len;
    }
}
