/*
 * Reading is strict as for rules; running is the engine that is used for work, with a clock that
 * begins on a Monday morning.
 */
#include "rules/trial.h"

#include "core/clock.h"
#include "rules/engine.h"
#include "rules/quantity.h"
#include "rules/reader.h"
#include "rules/trial_value.h"

#include <inttypes.h>
#include <stdio.h>

/* 2026-01-05T08:00:00Z */
static const int64_t begin_ns = INT64_C(1767600000) * CLOCK_SECOND_NS;
static const int64_t far_ns = 3650 * 86400 * CLOCK_SECOND_NS;

/* One line of `transactions`. */
struct trial_line {
    struct transaction transaction;
    struct trial_numbered numbered;
    int64_t at_ns, every_ns;
    uint64_t repeat;
};

/* One item of `raises` or `silent`. */
struct trial_alert {
    struct position at;
    const char *rule;
    struct trial_key key;
    uint64_t times; /* 0: any number but none */
};

struct trial {
    const char *name;
    struct position at;
    struct trial_line *lines;
    struct trial_alert *raises, *silent;
    size_t lines_count, raises_count, silent_count;
};

static int64_t read_at(const struct reader *r)
{
    const struct yaml_node *n = reader_scalar(r, "at", false);
    uint64_t after_ns = 0;
    int64_t ns;
    if (!n)
        return begin_ns;
    if (clock_parse(&ns, n->text))
        return ns;
    if (quantity_parse(&after_ns, n->text, QUANTITY_TIME) == QUANTITY_GOOD &&
        after_ns <= (uint64_t)far_ns)
        return begin_ns + (int64_t)after_ns;
    reader_problem(r, n,
                   "'at' is a time after the beginning, such as 90m, or a time as in "
                   "2026-01-05T09:30:00Z");
    return begin_ns;
}

static bool is_own_key(struct bytes key)
{
    return bytes_are(key, "at") || bytes_are(key, "repeat") || bytes_are(key, "every");
}

static void line_read(const struct reader *of, const struct yaml_node *n, struct trial_line *line)
{
    const struct reader r = {of->v, n, NULL, "this transaction"};
    if (!yaml_expect(n, YAML_MAPPING, "a transaction", of->v->problems))
        return;
    line->at_ns = read_at(&r);
    line->every_ns = reader_duration(&r, "every", 0, 0, far_ns);
    line->repeat = reader_number(&r, "repeat", 1, 1, TRIAL_REPEATS_MAX);
    transaction_mark(&line->transaction, FIELD_TIMESTAMP);
    for (size_t i = 0; i < n->count; i++) {
        if (!is_own_key(n->items[i].key->text))
            trial_read_field(&r, &n->items[i], &line->transaction, &line->numbered);
    }
}

static struct trial_alert alert_read(const struct reader *of, const struct yaml_node *n)
{
    struct trial_alert a = {.at = n->at};
    const struct reader r = {of->v, n, NULL, "this alert"};
    if (n->kind == YAML_SCALAR) {
        a.rule = reader_text(of, "rule", n, RULE_ID_MAX);
        return a;
    }
    if (!yaml_expect(n, YAML_MAPPING, "an alert", of->v->problems))
        return a;
    const struct yaml_node *rule = reader_scalar(&r, "rule", true);
    if (rule)
        a.at = rule->at;
    a.rule = reader_text(&r, "rule", rule, RULE_ID_MAX);
    a.times = reader_number(&r, "times", 0, 1, UINT32_MAX);
    for (size_t i = 0; i < n->count; i++) {
        struct bytes key = n->items[i].key->text;
        if (!bytes_are(key, "rule") && !bytes_are(key, "times"))
            trial_read_key(&r, &n->items[i], &a.key);
    }
    return a;
}

static struct trial_alert *alerts_read(const struct reader *r, const char *key, size_t *count)
{
    const struct yaml_node *n = yaml_get(r->node, key);
    if (!n || !yaml_expect(n, YAML_SEQUENCE, key, r->v->problems))
        return NULL;
    if (n->count > TRIAL_EXPECTED_MAX) {
        problems_add(r->v->problems, n->at, "more than %d alerts in '%s'", TRIAL_EXPECTED_MAX, key);
        return NULL;
    }
    struct trial_alert *list = arena_take(r->v->arena, (n->count + 1) * sizeof(*list));
    for (size_t i = 0; list && i < n->count; i++)
        list[(*count)++] = alert_read(r, n->items[i].value);
    return list;
}

static void lines_read(const struct reader *r, struct trial *t)
{
    const struct yaml_node *n = yaml_get(r->node, "transactions");
    if (!n) {
        reader_problem(r, r->node, "this test has no 'transactions'");
        return;
    }
    if (!yaml_expect(n, YAML_SEQUENCE, "'transactions'", r->v->problems))
        return;
    if (n->count > TRIAL_LINES_MAX) {
        problems_add(r->v->problems, n->at, "more than %d transactions", TRIAL_LINES_MAX);
        return;
    }
    t->lines = arena_take(r->v->arena, (n->count + 1) * sizeof(*t->lines));
    for (size_t i = 0; t->lines && i < n->count; i++)
        line_read(r, n->items[i].value, &t->lines[t->lines_count++]);
}

static struct trial *trial_read(struct vocabulary *v, const struct yaml_node *n)
{
    static const char *const keys[] = {"name", "transactions", "raises", "silent", NULL};
    const struct reader r = {v, n, NULL, "this test"};
    struct trial *t = arena_take(v->arena, sizeof(*t));
    if (!t || !yaml_expect(n, YAML_MAPPING, "a test", v->problems))
        return t;
    (void)yaml_check_keys(n, keys, "a test", v->problems);
    t->at = n->at;
    t->at.file = (const char *)arena_copy(v->arena, bytes_of(n->at.file)).data;
    t->name = reader_text(&r, "name", reader_scalar(&r, "name", true), RULE_NAME_MAX);
    lines_read(&r, t);
    t->raises = alerts_read(&r, "raises", &t->raises_count);
    t->silent = alerts_read(&r, "silent", &t->silent_count);
    if (!yaml_get(n, "raises") && !yaml_get(n, "silent"))
        reader_problem(&r, n, "this test has neither 'raises' nor 'silent': what does it expect?");
    return t;
}

void trials_read(struct trial **list, size_t *count, struct vocabulary *v,
                 const struct yaml_node *tests)
{
    if (yaml_is_nothing(tests) || !yaml_expect(tests, YAML_SEQUENCE, "'tests'", v->problems))
        return;
    for (size_t i = 0; i < tests->count; i++) {
        if (*count == TRIALS_MAX) {
            problems_add(v->problems, tests->at, "more than %d tests", TRIALS_MAX);
            return;
        }
        struct trial *t = trial_read(v, tests->items[i].value);
        if (t)
            list[(*count)++] = t;
    }
}

static void check_rule(const struct trial_alert *a, const struct rules *rules,
                       struct problems *problems)
{
    struct nearest nearest;
    if (!a->rule)
        return;
    nearest_to(&nearest, bytes_of(a->rule));
    for (size_t i = 0; i < rules_count(rules); i++) {
        const char *id = rules_at(rules, i)->id;
        if (id && strcmp(id, a->rule) == 0)
            return;
        nearest_try(&nearest, bytes_of(id ? id : ""));
    }
    problems_add(problems, a->at, "no rule has the id '%s'%s", a->rule, nearest_hint(&nearest));
}

void trials_check(struct trial *const *list, size_t count, const struct rules *rules,
                  struct problems *problems)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < list[i]->raises_count; k++)
            check_rule(&list[i]->raises[k], rules, problems);
        for (size_t k = 0; k < list[i]->silent_count; k++)
            check_rule(&list[i]->silent[k], rules, problems);
    }
}

/* A test that runs. */
struct run {
    const struct trial *trial;
    void (*tell)(void *context, const char *line);
    void *context;
    uint64_t raised[TRIAL_EXPECTED_MAX]; /* by `raises` */
    bool has_failed;
};

static void fail(struct run *run, const char *sign, const char *what)
{
    char line[ALERT_LINE_MAX + 64];
    if (!run->has_failed) {
        (void)snprintf(line, sizeof(line), "%s:%u:%u: the test '%s' failed", run->trial->at.file,
                       run->trial->at.line, run->trial->at.column, run->trial->name);
        run->tell(run->context, line);
    }
    run->has_failed = true;
    (void)snprintf(line, sizeof(line), "  %s %s", sign, what);
    run->tell(run->context, line);
}

static bool is_of(const struct trial_alert *expected, const struct alert *a)
{
    return strcmp(expected->rule, a->rule->id) == 0;
}

/* An alert of a rule that the test names is expected, or it is a difference. */
static void on_alert(void *context, const struct alert *a)
{
    struct run *run = context;
    const struct trial *t = run->trial;
    bool is_named = false, is_expected = false;
    for (size_t i = 0; i < t->raises_count; i++) {
        bool is_same = is_of(&t->raises[i], a);
        is_named = is_named || is_same;
        if (is_same && trial_key_is(&t->raises[i].key, &a->key)) {
            is_expected = true;
            run->raised[i]++;
        }
    }
    bool is_silent = false;
    for (size_t i = 0; i < t->silent_count; i++)
        is_silent =
            is_silent || (is_of(&t->silent[i], a) && trial_key_is(&t->silent[i].key, &a->key));
    if (!is_silent && (is_expected || !is_named))
        return;
    char line[ALERT_LINE_MAX];
    (void)alert_write_line(a, line);
    fail(run, "+", line);
}

/* The line whose next transaction is the earliest; NULL at the end. */
static const struct trial_line *next_line(const struct trial *t, const uint64_t *sent, size_t *at)
{
    const struct trial_line *next = NULL;
    int64_t next_ns = INT64_MAX;
    for (size_t i = 0; i < t->lines_count; i++) {
        const struct trial_line *line = &t->lines[i];
        int64_t ns = line->at_ns;
        if (sent[i] == line->repeat ||
            __builtin_mul_overflow((int64_t)sent[i], line->every_ns, &ns) ||
            __builtin_add_overflow(ns, line->at_ns, &ns) || ns >= next_ns)
            continue;
        next = line;
        next_ns = ns;
        *at = i;
    }
    return next;
}

static void send_all(const struct trial *t, struct engine *e)
{
    uint64_t sent[TRIAL_LINES_MAX] = {0};
    size_t at = 0;
    const struct trial_line *line;
    while ((line = next_line(t, sent, &at))) {
        struct transaction tx = line->transaction;
        struct trial_numbers room;
        tx.start_ns = line->at_ns + (int64_t)sent[at] * line->every_ns;
        trial_number(&tx, &line->numbered, ++sent[at], &room);
        engine_transaction(e, &tx);
    }
}

static void tell_missing(struct run *run)
{
    for (size_t i = 0; i < run->trial->raises_count; i++) {
        const struct trial_alert *a = &run->trial->raises[i];
        uint64_t raised = run->raised[i];
        if (a->times > 0 ? raised == a->times : raised > 0)
            continue;
        char line[ALERT_LINE_MAX];
        struct text t = text_over(line, sizeof(line));
        text_add(&t, "%s", a->rule);
        trial_key_print(&t, &a->key);
        if (a->times > 0)
            text_add(&t, ": %" PRIu64 " times, not %" PRIu64, a->times, raised);
        else
            text_add(&t, ": was not raised");
        fail(run, "-", line);
    }
}

bool trial_run(const struct trial *trial, const struct rules *rules,
               void (*tell)(void *context, const char *line), void *context)
{
    struct run run = {.trial = trial, .tell = tell, .context = context};
    const struct engine_config config = {.alert = on_alert, .context = &run};
    struct engine *e = engine_open(rules, &config);
    if (!e) {
        tell(context, "no memory for a test");
        return false;
    }
    send_all(trial, e);
    engine_close(e);
    tell_missing(&run);
    return !run.has_failed;
}
