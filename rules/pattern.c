/*
 * PCRE2 counts its steps anew for every place where a match could begin.  So the pattern is
 * compiled to begin at the first byte alone, after as few others as it takes: then one count is for
 * all.
 */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "rules/pattern.h"

#include <pcre2.h>
#include <stdio.h>

struct pattern {
    struct bytes text;
    pcre2_code *code;
    pcre2_match_data *found;
    pcre2_match_context *limits;
    uint64_t *gave_up;
};

static void *take(PCRE2_SIZE size, void *arena)
{
    return arena_take(arena, size);
}

/* The arena gives everything back at once. */
static void give_back(void *memory, void *arena)
{
    (void)memory;
    (void)arena;
}

static pcre2_code *compile(struct bytes text, uint32_t options, pcre2_compile_context *context,
                           char why[PATTERN_WHY_MAX], size_t *offset)
{
    int error;
    PCRE2_SIZE at;
    pcre2_code *code =
        pcre2_compile(text.data, text.len,
                      options | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                      &error, &at, context);
    if (code)
        return code;
    *offset = at;
    if (pcre2_get_error_message(error, (PCRE2_UCHAR *)why, PATTERN_WHY_MAX) < 0)
        (void)snprintf(why, PATTERN_WHY_MAX, "error %d", error);
    return NULL;
}

struct pattern *pattern_open(struct arena *a, struct bytes text, uint64_t *gave_up,
                             char why[PATTERN_WHY_MAX], size_t *offset)
{
    static const char head[] = "(?s:.*?)(?:";
    char whole[sizeof(head) + PATTERN_LEN_MAX + sizeof(")")];
    *offset = 0;
    (void)snprintf(why, PATTERN_WHY_MAX, "longer than %d bytes, or begins with (*",
                   PATTERN_LEN_MAX);
    if (text.len > PATTERN_LEN_MAX || bytes_start(text, "(*"))
        return NULL;
    pcre2_general_context *memory = pcre2_general_context_create(take, give_back, a);
    pcre2_compile_context *context = memory ? pcre2_compile_context_create(memory) : NULL;
    struct pattern *p = arena_take(a, sizeof(*p));
    (void)snprintf(why, PATTERN_WHY_MAX, "no memory");
    if (!context || !p || !compile(text, 0, context, why, offset))
        return NULL;
    int len =
        snprintf(whole, sizeof(whole), "%s%.*s)", head, (int)text.len, (const char *)text.data);
    p->code = compile((struct bytes){(const uint8_t *)whole, (size_t)len}, PCRE2_ANCHORED, context,
                      why, offset);
    p->found = p->code ? pcre2_match_data_create(1, memory) : NULL;
    p->limits = p->found ? pcre2_match_context_create(memory) : NULL;
    if (!p->limits)
        return NULL;
    (void)pcre2_set_match_limit(p->limits, PATTERN_STEPS_MAX);
    (void)pcre2_set_heap_limit(p->limits, PATTERN_HEAP_MAX);
    p->text = arena_copy(a, text);
    p->gave_up = gave_up;
    return p;
}

bool pattern_holds(const struct pattern *p, struct bytes text)
{
    static const uint8_t nothing[1];
    int found = pcre2_match(p->code, text.len > 0 ? text.data : nothing,
                            text.len < PATTERN_TEXT_MAX ? text.len : PATTERN_TEXT_MAX, 0, 0,
                            p->found, p->limits);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
        (*p->gave_up)++;
    return found >= 0;
}

struct bytes pattern_text(const struct pattern *p)
{
    return p->text;
}
