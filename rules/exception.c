/*
 * An exception is a condition of its own and not a part of `when`, so that what it silences can be
 * counted.
 */
#include "rules/exception.h"

#include "core/clock.h"
#include "rules/zone.h"

#include <stdio.h>

/* The end of the day "2026-12-31". */
static void read_until(const struct reader *r, struct exception *e)
{
    const struct yaml_node *n = reader_scalar(r, "until", false);
    e->until_ns = INT64_MAX;
    if (!n)
        return;
    char text[sizeof("2026-12-31T00:00:00Z")];
    (void)snprintf(text, sizeof(text), "%.10sT00:00:00Z", (const char *)n->text.data);
    int64_t midnight_ns;
    if (n->text.len != strlen("2026-12-31") || !clock_parse(&midnight_ns, bytes_of(text))) {
        reader_problem(r, n, "'until' is the last day of the exception, written 2026-12-31");
        return;
    }
    e->until_ns = zone_to_utc(r->v->zone, midnight_ns + 86400 * CLOCK_SECOND_NS);
}

static void exception_read(const struct reader *of, const struct yaml_node *n, struct exception *e)
{
    static const char *const keys[] = {"when", "reason", "until", NULL};
    const struct reader r = {of->v, n, of->rule, "this exception"};
    if (!yaml_expect(n, YAML_MAPPING, "an exception", of->v->problems))
        return;
    (void)yaml_check_keys(n, keys, "an exception", of->v->problems);
    (void)reader_condition(&r, "when", true, &e->when);
    e->text = reader_condition_text(&r, "when");
    e->reason = reader_text(&r, "reason", reader_scalar(&r, "reason", true), RULE_NAME_MAX);
    read_until(&r, e);
}

void exceptions_read(const struct reader *r)
{
    const struct yaml_node *n = yaml_get(r->node, "except");
    if (!n || !yaml_expect(n, YAML_SEQUENCE, "'except'", r->v->problems))
        return;
    if (n->count > EXCEPTIONS_MAX) {
        problems_add(r->v->problems, n->at, "more than %d exceptions", EXCEPTIONS_MAX);
        return;
    }
    r->rule->exceptions = arena_take(r->v->arena, (n->count + 1) * sizeof(struct exception));
    for (size_t i = 0; r->rule->exceptions && i < n->count; i++)
        exception_read(r, n->items[i].value, &r->rule->exceptions[r->rule->exceptions_count++]);
}

size_t exceptions_find(const struct rule *rule, const struct transaction *t, int64_t time_ns)
{
    size_t i = 0;
    while (i < rule->exceptions_count && (time_ns >= rule->exceptions[i].until_ns ||
                                          !expression_holds(&rule->exceptions[i].when, t)))
        i++;
    return i;
}
