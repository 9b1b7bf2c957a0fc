/*
 * A set of rules at work, and all alerts that it raised.
 */
#ifndef SEEPWATCH_TESTS_RULES_ENGINE_BENCH_H
#define SEEPWATCH_TESTS_RULES_ENGINE_BENCH_H

#include "tests/cmocka.h"

#include "core/clock.h"
#include "rules/engine.h"

#include <stdio.h>
#include <string.h>

#define HOUR (3600 * CLOCK_SECOND_NS)
#define DAY (24 * HOUR)

static const int64_t start = INT64_C(1767600000) * CLOCK_SECOND_NS; /* 2026-01-05T08:00:00Z */

enum { SEEN_MAX = 256 };

/* What the callback got. */
static struct {
    size_t count;
    struct seen {
        char id[32], user[80], first[40], known[80];
        int64_t time_ns;
        uint64_t value, at_least, repeats;
        double lost_share;
        size_t evidence_count;
        int64_t evidence_ns[EVIDENCE_MAX];
        uint64_t evidence_rows[EVIDENCE_MAX];
    } items[SEEN_MAX];
} seen;

static inline void keep(char *copy, size_t size, struct bytes text)
{
    (void)snprintf(copy, size, "%.*s", (int)text.len, text.len ? (const char *)text.data : "");
}

static inline void on_alert(void *context, const struct alert *a)
{
    (void)context;
    assert_true(seen.count < SEEN_MAX);
    struct seen *s = &seen.items[seen.count++];
    *s = (struct seen){.time_ns = a->time_ns,
                       .value = a->value,
                       .at_least = a->at_least,
                       .repeats = a->repeats,
                       .lost_share = a->lost_share,
                       .evidence_count = a->evidence_count};
    keep(s->id, sizeof(s->id), bytes_of(a->rule->id));
    if (transaction_has(&a->key, FIELD_USER_NAME))
        keep(s->user, sizeof(s->user), a->key.user_name);
    keep(s->first, sizeof(s->first), a->first_value);
    for (size_t i = 0; i < a->known_count; i++) {
        size_t len = strlen(s->known);
        keep(s->known + len, sizeof(s->known) - len, a->known[i]);
    }
    for (size_t i = 0; i < a->evidence_count; i++) {
        s->evidence_ns[i] = a->evidence[i]->end_ns;
        s->evidence_rows[i] = a->evidence[i]->returned_rows;
    }
}

struct bench {
    struct rules *rules;
    struct engine *engine;
};

static inline struct bench open_with(const char *rules, size_t keys_max, size_t bytes_max)
{
    static struct problems problems;
    problems = (struct problems){0};
    memset(&seen, 0, sizeof(seen));
    struct bench b = {.rules = rules_load_text("f", bytes_of(rules), &problems)};
    if (!b.rules)
        print_error("%s\n", problems.items[0]);
    assert_non_null(b.rules);
    const struct engine_config config = {
        .keys_max = keys_max, .bytes_max = bytes_max, .seed = 42, .alert = on_alert};
    b.engine = engine_open(b.rules, &config);
    assert_non_null(b.engine);
    return b;
}

/* A rule over user.name with those keys. */
static inline struct bench open_rule(const char *keys)
{
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "rules: [{id: r, name: n, severity: low, by: user.name, %s}]", keys);
    return open_with(text, 0, 0);
}

static inline void close_bench(struct bench *b)
{
    engine_close(b->engine);
    rules_close(b->rules);
}

static inline struct transaction query(const char *user, int64_t ns, uint64_t rows)
{
    struct transaction t = {
        .start_ns = ns, .user_name = bytes_of(user), .returned_rows = rows, .action = ACTION_READ};
    transaction_mark(&t, FIELD_TIMESTAMP);
    transaction_mark(&t, FIELD_EVENT_ACTION);
    transaction_mark(&t, FIELD_USER_NAME);
    transaction_mark(&t, FIELD_DB_RESPONSE_RETURNED_ROWS);
    return t;
}

static inline void send_rows(struct bench *b, const char *user, int64_t ns, uint64_t rows)
{
    struct transaction t = query(user, ns, rows);
    engine_transaction(b->engine, &t);
}

static inline void send_country(struct bench *b, const char *user, int64_t ns, const char *country)
{
    struct transaction t = query(user, ns, 1);
    t.country = bytes_of(country);
    transaction_mark(&t, FIELD_CLIENT_GEO_COUNTRY_ISO_CODE);
    engine_transaction(b->engine, &t);
}

#endif
