/*
 * The time of a limit begins with the first alert after the last one was over.
 */
#include "fold.h"

#include "core/clock.h"
#include "rules/quantity.h"
#include "rules/words.h"

#include <stdio.h>
#include <stdlib.h>

enum { RULES_AT_FIRST = 16 };

void fold_clear(struct fold *f)
{
    free(f->rules);
    *f = (struct fold){.limit = f->limit};
}

bool fold_admits(struct fold *f, int64_t time_ns)
{
    if (f->limit.alerts == 0)
        return true;
    if (f->within == 0 || time_ns - f->begin_ns >= f->limit.within_ns) {
        f->begin_ns = time_ns;
        f->within = 0;
    }
    if (f->within == f->limit.alerts)
        return false;
    f->within++;
    return true;
}

/* The rule's entry, a new one, or the last: without room it is that of other rules. */
static struct folded *folded_of(struct fold *f, const struct notice *n)
{
    for (size_t i = 0; i < f->count; i++) {
        if (strcmp(f->rules[i].id, n->rule_id) == 0)
            return &f->rules[i];
    }
    if (f->count > FOLDED_RULES_MAX)
        return &f->rules[f->count - 1];
    if (f->count == f->size) {
        size_t size = f->size == 0 ? RULES_AT_FIRST : f->size * 2;
        struct folded *rules = realloc(f->rules, size * sizeof(*rules));
        if (!rules)
            return f->count > 0 ? &f->rules[f->count - 1] : NULL;
        f->rules = rules;
        f->size = size;
    }
    bool is_other = f->count == FOLDED_RULES_MAX;
    struct folded *r = &f->rules[f->count++];
    *r = (struct folded){.severity = n->severity, .first_ns = n->time_ns, .last_ns = n->time_ns};
    (void)snprintf(r->id, sizeof(r->id), "%s", is_other ? "other-rules" : n->rule_id);
    (void)snprintf(r->name, sizeof(r->name), "%s", is_other ? "Other rules" : n->rule_name);
    return r;
}

void fold_add(struct fold *f, const struct notice *n, bool is_untaken)
{
    struct folded *r = folded_of(f, n);
    f->total++;
    if (!r)
        return;
    r->beyond += !is_untaken;
    r->untaken += is_untaken;
    if (r->severity < n->severity)
        r->severity = n->severity;
    if (r->first_ns > n->time_ns)
        r->first_ns = n->time_ns;
    if (r->last_ns < n->time_ns)
        r->last_ns = n->time_ns;
}

bool fold_lets_go(const struct fold *f, int64_t time_ns)
{
    return f->count > 0 && (f->limit.alerts == 0 || time_ns - f->begin_ns >= f->limit.within_ns);
}

void fold_forget(struct fold *f, size_t n)
{
    if (n == 0)
        return;
    f->count -= n;
    memmove(f->rules, f->rules + n, f->count * sizeof(*f->rules));
}

static void add_time(struct text *t, int64_t ns)
{
    char time[CLOCK_TEXT_MAX];
    (void)clock_print(ns, time);
    text_add(t, "%.10s %.8sZ", time, time + 11);
}

/* "812 more alerts until 2026-01-05 09:31:00Z are not shown one by one: the limit is 60 in 1m" */
static void add_happened(struct text *t, const struct folded *r, const struct fold_limit *limit)
{
    uint64_t count = r->beyond + r->untaken;
    quantity_print(t, count, QUANTITY_PLAIN);
    text_add(t, " more alert%s from ", count == 1 ? "" : "s");
    add_time(t, r->first_ns);
    text_add(t, " to ");
    add_time(t, r->last_ns);
    text_add(t, ", folded: ");
    if (r->beyond > 0) {
        quantity_print(t, r->beyond, QUANTITY_PLAIN);
        text_add(t, " beyond the limit of ");
        quantity_print(t, limit->alerts, QUANTITY_PLAIN);
        text_add(t, " in ");
        quantity_print_window(t, limit->within_ns, false);
    }
    text_add(t, "%s", r->beyond > 0 && r->untaken > 0 ? ", " : "");
    if (r->untaken > 0) {
        quantity_print(t, r->untaken, QUANTITY_PLAIN);
        text_add(t, " that could not be sent");
    }
}

size_t folded_write_message(const struct folded *r, const struct fold_limit *limit,
                            char message[FOLDED_TEXT_MAX])
{
    struct text t = text_over(message, FOLDED_TEXT_MAX);
    text_add_bytes(&t, bytes_of(r->name));
    text_add(&t, ": ");
    add_happened(&t, r, limit);
    text_add(&t, ".");
    return t.len;
}

size_t folded_write_line(const struct folded *r, const struct fold_limit *limit,
                         char line[FOLDED_TEXT_MAX])
{
    struct text t = text_over(line, FOLDED_TEXT_MAX);
    add_time(&t, r->last_ns);
    text_add(&t, "  FOLDED  %s: ", r->id);
    add_happened(&t, r, limit);
    text_add(&t, "\n");
    return t.len;
}

void folded_write_json(struct json *j, const struct folded *r, const struct fold_limit *limit)
{
    char message[FOLDED_TEXT_MAX];
    (void)folded_write_message(r, limit, message);
    json_open(j, '{');
    words_write_time(j, "@timestamp", r->last_ns);
    json_name(j, bytes_of("event"));
    json_open(j, '{');
    words_write_text(j, "kind", "event");
    words_write_text(j, "dataset", "seepwatch.folded");
    words_write_time(j, "start", r->first_ns);
    words_write_time(j, "end", r->last_ns);
    json_close(j, '}');
    json_name(j, bytes_of("rule"));
    json_open(j, '{');
    words_write_text(j, "id", r->id);
    words_write_text(j, "name", r->name);
    words_write_text(j, "severity", SEVERITY_NAMES[r->severity]);
    json_close(j, '}');
    words_write_text(j, "message", message);
    json_name(j, bytes_of("folded"));
    json_open(j, '{');
    json_counter(j, "beyond_limit", r->beyond);
    json_counter(j, "not_sent", r->untaken);
    json_close(j, '}');
    json_close(j, '}');
    json_line(j);
}
