/*
 * Values of YAML as values of rules.
 */
#include "rules/reader.h"

#include "core/clock.h"
#include "rules/condition.h"
#include "rules/quantity.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_NS (86400 * CLOCK_SECOND_NS)

void reader_problem(const struct reader *r, const struct yaml_node *at, const char *what)
{
    problems_add(r->v->problems, at->at, "%s", what);
}

const struct yaml_node *reader_scalar(const struct reader *r, const char *key, bool is_needed)
{
    const struct yaml_node *n = yaml_get(r->node, key);
    char what[64];
    (void)snprintf(what, sizeof(what), "'%s'", key);
    if (n && !yaml_expect(n, YAML_SCALAR, what, r->v->problems))
        return NULL;
    if (n && yaml_is_nothing(n)) {
        problems_add(r->v->problems, n->at, "%s has no value", what);
        return NULL;
    }
    if (!n && is_needed)
        problems_add(r->v->problems, r->node->at, "%s has no %s", r->what, what);
    return n;
}

const char *reader_text(const struct reader *r, const char *key, const struct yaml_node *n,
                        size_t max)
{
    if (!n)
        return NULL;
    if (n->text.len > max)
        problems_add(r->v->problems, n->at, "'%s' is longer than %zu bytes", key, max);
    return (const char *)arena_copy(r->v->arena, bytes_trim(n->text)).data;
}

unsigned reader_choice(const struct reader *r, const char *key, const struct yaml_node *n,
                       const char *const *words)
{
    struct nearest nearest;
    char all[96];
    struct text t = text_over(all, sizeof(all));
    nearest_to(&nearest, n->text);
    for (unsigned i = 0; words[i]; i++) {
        if (bytes_are(n->text, words[i]))
            return i;
        nearest_try(&nearest, bytes_of(words[i]));
        text_add(&t, "%s%s", i > 0 ? ", " : "", words[i]);
    }
    problems_add(r->v->problems, n->at, "'%.*s' is none of %s's words (%s)%s",
                 (int)bytes_first(n->text, NEAREST_WORD_MAX).len, (const char *)n->text.data, key,
                 all, nearest_hint(&nearest));
    return 0;
}

enum field reader_field(const struct reader *r, const struct yaml_node *n, struct bytes name,
                        size_t offset)
{
    enum field f = field_find(name);
    if (f != FIELDS_COUNT)
        return f;
    struct nearest nearest;
    nearest_to(&nearest, name);
    for (unsigned i = 0; i < FIELDS_COUNT; i++)
        nearest_try(&nearest, bytes_of(FIELDS[i].name));
    problems_add(r->v->problems, yaml_position(n, offset), "no field is called '%.*s'%s",
                 (int)bytes_first(name, NEAREST_WORD_MAX).len, (const char *)name.data,
                 nearest_hint(&nearest));
    return FIELDS_COUNT;
}

int64_t reader_duration(const struct reader *r, const char *key, int64_t otherwise, int64_t min,
                        int64_t max)
{
    const struct yaml_node *n = reader_scalar(r, key, otherwise < 0);
    uint64_t ns = 0;
    if (!n)
        return otherwise;
    enum quantity_status status = quantity_parse(&ns, n->text, QUANTITY_TIME);
    if (status != QUANTITY_GOOD)
        problems_add(r->v->problems, n->at, "'%s': %s", key,
                     quantity_advice(status, QUANTITY_TIME));
    else if (ns < (uint64_t)min || ns > (uint64_t)max)
        problems_add(r->v->problems, n->at, "'%s' must be from %" PRId64 "s to %" PRId64 "d", key,
                     min / CLOCK_SECOND_NS, max / DAY_NS);
    return (int64_t)ns;
}

uint64_t reader_number(const struct reader *r, const char *key, uint64_t otherwise, uint64_t min,
                       uint64_t max)
{
    const struct yaml_node *n = reader_scalar(r, key, false);
    uint64_t number;
    if (!n)
        return otherwise;
    if (bytes_number(n->text, &number) && number >= min && number <= max)
        return number;
    problems_add(r->v->problems, n->at, "'%s' must be a whole number from %" PRIu64 " to %" PRIu64,
                 key, min, max);
    return otherwise;
}

bool reader_condition(const struct reader *r, const char *key, bool is_needed, struct expression *e)
{
    *e = (struct expression){.actions = EXPRESSION_ACTIONS_ALL};
    const struct yaml_node *n = reader_scalar(r, key, is_needed);
    const struct condition *c = n ? condition_parse(r->v, n) : NULL;
    if (c && !condition_compile(e, c, r->v))
        reader_problem(r, n, "no memory");
    return c != NULL;
}

const char *reader_condition_text(const struct reader *r, const char *key)
{
    const struct yaml_node *n = yaml_get(r->node, key);
    return n && n->kind == YAML_SCALAR ? condition_text(r->v, n) : NULL;
}
