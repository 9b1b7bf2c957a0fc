/*
 * A rule or a set of rules at work, and the last alert that it raised.
 */
#ifndef SEEPWATCH_TESTS_RULES_BENCH_H
#define SEEPWATCH_TESTS_RULES_BENCH_H

#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/engine.h"

#include <stdio.h>
#include <string.h>

static const int64_t start =
    INT64_C(1767600000) * CLOCK_SECOND_NS; /* Monday 2026-01-05T08:00:00Z */

static struct {
    size_t count;
    char line[ALERT_LINE_MAX], message[ALERT_MESSAGE_MAX];
    struct json json;
    uint64_t value, repeats;
    bool is_passing;
} seen;

struct bench {
    struct rules *rules;
    struct engine *engine;
};

static inline void bench_alert(void *context, const struct alert *a)
{
    (void)context;
    seen.count++;
    seen.value = a->value;
    seen.repeats = a->repeats;
    seen.is_passing = a->is_passing;
    (void)alert_write_line(a, seen.line);
    (void)alert_write_message(a, seen.message);
    json_restart(&seen.json);
    alert_write_json(&seen.json, a);
}

/* A whole file of rules, without a mistake. */
static inline struct bench bench_open(const char *text)
{
    static struct problems problems;
    json_clear(&seen.json);
    memset(&seen, 0, sizeof(seen));
    problems = (struct problems){0};
    struct bench b = {.rules = rules_load_text("f", bytes_of(text), &problems)};
    if (!b.rules)
        print_error("%s\n", problems.items[0]);
    assert_non_null(b.rules);
    b.engine = engine_open(b.rules, &(struct engine_config){.seed = 42, .alert = bench_alert});
    assert_non_null(b.engine);
    return b;
}

/* One rule, with these lines of keys. */
static inline struct bench bench_rule(const char *keys)
{
    char text[4096];
    (void)snprintf(text, sizeof(text), "rules:\n- id: r\n  name: n\n  severity: low\n%s", keys);
    return bench_open(text);
}

static inline void close_bench(struct bench *b)
{
    engine_close(b->engine);
    rules_close(b->rules);
    json_clear(&seen.json);
}

static inline bool json_has(const char *text)
{
    struct bytes all = {(const uint8_t *)seen.json.text, seen.json.len};
    if (bytes_find(all, bytes_of(text)) < all.len)
        return true;
    print_error("%.*s\n", (int)seen.json.len, seen.json.text);
    return false;
}

#endif
