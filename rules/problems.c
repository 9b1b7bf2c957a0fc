/*
 * Mistakes and the nearest valid word: optimal string alignment distance (Levenshtein's, and two
 * neighbours exchanged are one edit), and the last parts of a dotted name count as near.
 */
#include "rules/problems.h"

#include "rules/text.h"

#include <stdarg.h>
#include <stdio.h>

void problems_add(struct problems *p, struct position at, const char *format, ...)
{
    p->count++;
    if (p->kept == PROBLEMS_MAX)
        return;
    char words[PROBLEM_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    struct text t = text_over(p->items[p->kept++], PROBLEM_TEXT_MAX);
    text_add_bytes(&t, text_cut(bytes_of(at.file), PROBLEM_TEXT_MAX / 2));
    if (at.line > 0)
        text_add(&t, ":%u:%u", at.line, at.column);
    text_add(&t, ": ");
    text_add_bytes(&t, bytes_of(words));
}

bool problems_error(const struct problems *p, struct error *error)
{
    char lines[ERROR_TEXT_MAX];
    struct text t = text_over(lines, sizeof(lines));
    size_t shown = 0;
    while (shown < p->kept && t.max - t.len > strlen(p->items[shown]) + sizeof("and 12345 more")) {
        text_add(&t, "%s%s", shown > 0 ? "\n" : "", p->items[shown]);
        shown++;
    }
    if (shown < p->count)
        text_add(&t, "\nand %zu more", p->count - shown);
    return error_set(error, ERROR_USAGE, "%s", lines);
}

void nearest_to(struct nearest *n, struct bytes wanted)
{
    n->wanted = bytes_first(wanted, NEAREST_WORD_MAX - 1);
    n->distance = wanted.len < 3 ? 2 : wanted.len < 6 ? 3 : 4; /* what is as far is no more near */
    n->word[0] = '\0';
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance_of(struct bytes a, struct bytes b)
{
    unsigned rows[3][NEAREST_WORD_MAX] = {{0}}; /* before the last, last, this */
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.len; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned change = a.data[i - 1] != b.data[j - 1];
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + change);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}

/* "country_iso_code" for "client.geo.country_iso_code" */
static bool is_tail(struct bytes word, struct bytes wanted)
{
    return wanted.len > 2 && word.len > wanted.len && word.data[word.len - wanted.len - 1] == '.' &&
           bytes_equal(bytes_from(word, word.len - wanted.len), wanted);
}

void nearest_try(struct nearest *n, struct bytes word)
{
    if (word.len == 0 || word.len >= NEAREST_WORD_MAX)
        return;
    unsigned distance = is_tail(word, n->wanted) ? 1 : distance_of(n->wanted, word);
    if (distance >= n->distance || distance >= word.len)
        return;
    n->distance = distance;
    memcpy(n->word, word.data, word.len);
    n->word[word.len] = '\0';
}

const char *nearest_hint(struct nearest *n)
{
    n->hint[0] = '\0';
    if (n->word[0] != '\0')
        (void)snprintf(n->hint, sizeof(n->hint), "; did you mean '%s'?", n->word);
    return n->hint;
}
