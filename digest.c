/*
 * The engine counts for as long as it runs.  A base keeps what each of its rules had counted when
 * this day's part was taken last; what is above the base goes to the day's own sums, which are
 * known by the rules' ids because rules come and go.
 */
#include "digest.h"

#include "core/clock.h"
#include "rules/quantity.h"
#include "rules/words.h"
#include "rules/zone.h"

#include <stdio.h>
#include <stdlib.h>

enum { RULES_AT_FIRST = 16 };

#define DAY_NS (86400 * CLOCK_SECOND_NS)
#define LATE_NS (60 * CLOCK_SECOND_NS)

/* What was counted of a rule until now, by its number. */
struct base {
    uint64_t alerts, folded;
    uint64_t excepted[EXCEPTIONS_MAX];
};

struct digest {
    struct digest_config config;
    struct base *bases;
    size_t bases_count;
    struct digest_rule **rules; /* of this day */
    size_t rules_count, rules_size;
    bool has_begun, has_passed_midnight;
    int64_t begin_ns, last_ns, midnight_ns; /* seen first and last of this day; its end */
};

struct digest *digest_open(const struct digest_config *config)
{
    struct digest *d = calloc(1, sizeof(*d));
    if (d)
        d->config = *config;
    return d;
}

static void rules_forget(struct digest *d)
{
    for (size_t i = 0; i < d->rules_count; i++) {
        for (size_t k = 0; k < d->rules[i]->exceptions_count; k++)
            free(d->rules[i]->exceptions[k].reason);
        free(d->rules[i]);
    }
    d->rules_count = 0;
}

void digest_close(struct digest *d)
{
    if (!d)
        return;
    rules_forget(d);
    free(d->rules);
    free(d->bases);
    free(d);
}

/* The day's entry of that id: found, or new and empty; NULL without memory. */
static struct digest_rule *rule_of(struct digest *d, const struct rule *rule)
{
    bool is_full = d->rules_count >= DIGEST_RULES_MAX;
    const char *id = is_full ? "other-rules" : rule->id;
    for (size_t i = 0; i < d->rules_count; i++) {
        if (strcmp(d->rules[i]->id, rule->id) == 0 || strcmp(d->rules[i]->id, id) == 0)
            return d->rules[i];
    }
    if (d->rules_count == d->rules_size) {
        size_t size = d->rules_size == 0 ? RULES_AT_FIRST : d->rules_size * 2;
        struct digest_rule **rules = realloc(d->rules, size * sizeof(*rules));
        if (!rules)
            return NULL;
        d->rules = rules;
        d->rules_size = size;
    }
    struct digest_rule *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    (void)snprintf(r->id, sizeof(r->id), "%s", id);
    (void)snprintf(r->name, sizeof(r->name), "%s", is_full ? "Other rules" : rule->name);
    r->severity = rule->severity;
    d->rules[d->rules_count++] = r;
    return r;
}

/* Adds to the reason's count; the last one takes those that there is no room or memory for. */
static void add_exception(struct digest_rule *r, const char *reason, uint64_t count)
{
    size_t i = 0;
    while (i < r->exceptions_count && strcmp(r->exceptions[i].reason, reason) != 0)
        i++;
    if (i == r->exceptions_count && i < EXCEPTIONS_MAX) {
        char *copy = strdup(reason);
        if (copy)
            r->exceptions[r->exceptions_count++] = (struct digest_exception){copy, 0};
    }
    if (r->exceptions_count > 0)
        r->exceptions[i < r->exceptions_count ? i : r->exceptions_count - 1].count += count;
}

/* What a rule has done since its base. */
static bool rule_has_done(const struct rule_counters *c, const struct base *b)
{
    bool has_done = c->alerts > b->alerts || c->folded > b->folded;
    for (size_t i = 0; i < c->rule->exceptions_count; i++)
        has_done = has_done || c->excepted[i] > b->excepted[i];
    return has_done;
}

static void base_set(struct base *b, const struct rule_counters *c)
{
    *b = (struct base){.alerts = c->alerts, .folded = c->folded};
    memcpy(b->excepted, c->excepted, c->rule->exceptions_count * sizeof(b->excepted[0]));
}

/* Without memory a rule's part stays above its base, for the next time. */
static void take_rule(struct digest *d, const struct rule_counters *c, struct base *b)
{
    struct digest_rule *r = rule_has_done(c, b) ? rule_of(d, c->rule) : NULL;
    if (!r)
        return;
    r->severity = r->severity < c->rule->severity ? c->rule->severity : r->severity;
    r->alerts += c->alerts - b->alerts;
    r->folded += c->folded - b->folded;
    for (size_t i = 0; i < c->rule->exceptions_count; i++) {
        if (c->excepted[i] > b->excepted[i])
            add_exception(r, c->rule->exceptions[i].reason, c->excepted[i] - b->excepted[i]);
    }
    base_set(b, c);
}

/* Bases for as many rules as there are; what is new begins at 0. */
static bool bases_grow(struct digest *d, const struct engine *e)
{
    struct rule_counters c;
    size_t count = d->bases_count;
    while (engine_rule(e, count, &c))
        count++;
    if (count == d->bases_count)
        return true;
    struct base *bases = realloc(d->bases, count * sizeof(*bases));
    if (!bases)
        return false;
    memset(bases + d->bases_count, 0, (count - d->bases_count) * sizeof(*bases));
    d->bases = bases;
    d->bases_count = count;
    return true;
}

static void take_all(struct digest *d, const struct engine *e)
{
    struct rule_counters c;
    (void)bases_grow(d, e);
    for (size_t i = 0; i < d->bases_count && engine_rule(e, i, &c); i++)
        take_rule(d, &c, &d->bases[i]);
}

void digest_before_swap(struct digest *d, const struct engine *e)
{
    take_all(d, e);
}

void digest_after_swap(struct digest *d, const struct engine *e)
{
    struct rule_counters c;
    (void)bases_grow(d, e);
    for (size_t i = 0; i < d->bases_count && engine_rule(e, i, &c); i++)
        base_set(&d->bases[i], &c);
}

/* The midnight that begins the day of that time, and the one that ends it. */
static void find_midnights(const struct zone *zone, int64_t ns, int64_t *before_ns,
                           int64_t *after_ns)
{
    int64_t days = (ns + zone_ahead_s(zone, ns) * CLOCK_SECOND_NS) / DAY_NS;
    *before_ns = zone_to_utc(zone, days * DAY_NS);
    *after_ns = zone_to_utc(zone, (days + 1) * DAY_NS);
    if (*after_ns <= ns) /* the clock was set at midnight */
        *after_ns = ns + DAY_NS;
}

static void write_day(struct digest *d, const struct engine *e, int64_t end_ns)
{
    char day[CLOCK_TEXT_MAX];
    const struct zone *zone = d->config.zone;
    (void)clock_print(d->begin_ns + zone_ahead_s(zone, d->begin_ns) * CLOCK_SECOND_NS, day);
    take_all(d, e);
    for (size_t i = 0; i < d->rules_count; i++) {
        struct digest_rule *r = d->rules[i];
        r->begin_ns = d->begin_ns;
        r->end_ns = end_ns;
        (void)snprintf(r->day, sizeof(r->day), "%.10s", day);
        d->config.write(d->config.context, r);
    }
    rules_forget(d);
}

static void begin_day(struct digest *d, int64_t time_ns)
{
    int64_t before_ns;
    find_midnights(d->config.zone, time_ns, &before_ns, &d->midnight_ns);
    d->begin_ns = d->has_begun ? before_ns : time_ns;
    d->last_ns = time_ns;
    d->has_begun = true;
}

/* The day is over. */
static void end_day(struct digest *d, const struct engine *e, int64_t now_ns)
{
    write_day(d, e, d->midnight_ns);
    d->has_passed_midnight = true;
    begin_day(d, now_ns);
}

void digest_transaction(struct digest *d, const struct engine *e, int64_t time_ns)
{
    if (d->has_begun && time_ns < d->midnight_ns) {
        if (d->last_ns < time_ns)
            d->last_ns = time_ns;
        return;
    }
    if (d->has_begun)
        end_day(d, e, time_ns);
    else
        begin_day(d, time_ns);
}

void digest_tick(struct digest *d, const struct engine *e, int64_t now_ns)
{
    const int64_t latest = INT64_MAX / 2; /* as the engine bounds times */
    if (d->has_begun && now_ns - d->midnight_ns >= LATE_NS)
        end_day(d, e, now_ns < latest ? now_ns : latest);
}

void digest_finish(struct digest *d, const struct engine *e, bool in_any_case)
{
    if (d->has_passed_midnight || (in_any_case && d->has_begun))
        write_day(d, e, d->last_ns);
}

static void add_count(struct text *t, uint64_t count, const char *one, const char *several)
{
    quantity_print(t, count, QUANTITY_PLAIN);
    text_add(t, " %s", count == 1 ? one : several);
}

static uint64_t excepted(const struct digest_rule *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->exceptions_count; i++)
        sum += r->exceptions[i].count;
    return sum;
}

/* "2026-01-12: 3 alerts, 12 repeats folded, 40 transactions excepted: 40 (quarter-end audit)" */
static void add_happened(struct text *t, const struct digest_rule *r)
{
    text_add(t, "%s: ", r->day);
    add_count(t, r->alerts, "alert", "alerts");
    text_add(t, ", ");
    add_count(t, r->folded, "repeat folded", "repeats folded");
    text_add(t, ", ");
    add_count(t, excepted(r), "transaction excepted", "transactions excepted");
    for (size_t i = 0; i < r->exceptions_count; i++) {
        text_add(t, "%s", i > 0 ? ", " : ": ");
        quantity_print(t, r->exceptions[i].count, QUANTITY_PLAIN);
        text_add(t, " (");
        text_add_bytes(t, bytes_of(r->exceptions[i].reason));
        text_add(t, ")");
    }
}

size_t digest_write_message(const struct digest_rule *r, char message[DIGEST_TEXT_MAX])
{
    struct text t = text_over(message, DIGEST_TEXT_MAX);
    text_add_bytes(&t, bytes_of(r->name));
    text_add(&t, ": the digest of ");
    add_happened(&t, r);
    text_add(&t, ".");
    return t.len;
}

size_t digest_write_line(const struct digest_rule *r, char line[DIGEST_TEXT_MAX])
{
    struct text t = text_over(line, DIGEST_TEXT_MAX - 1);
    char time[CLOCK_TEXT_MAX];
    (void)clock_print(r->end_ns, time);
    text_add(&t, "%.10s %.8sZ  DIGEST  %s  ", time, time + 11, r->id);
    add_happened(&t, r);
    line[t.len] = '\n';
    return t.len + 1;
}

static void write_time(struct json *j, const char *name, int64_t ns)
{
    char time[CLOCK_TEXT_MAX];
    (void)clock_print(ns, time);
    words_write_text(j, name, time);
}

static void write_event(struct json *j, const struct digest_rule *r)
{
    json_name(j, bytes_of("event"));
    json_open(j, '{');
    words_write_text(j, "kind", "metric");
    words_write_text(j, "dataset", "seepwatch.digest");
    write_time(j, "start", r->begin_ns);
    write_time(j, "end", r->end_ns);
    json_close(j, '}');
}

static void write_digest(struct json *j, const struct digest_rule *r)
{
    json_name(j, bytes_of("digest"));
    json_open(j, '{');
    words_write_text(j, "day", r->day);
    json_counter(j, "alerts", r->alerts);
    json_counter(j, "folded", r->folded);
    json_counter(j, "excepted", excepted(r));
    json_name(j, bytes_of("exceptions"));
    json_open(j, '[');
    for (size_t i = 0; i < r->exceptions_count; i++) {
        json_open(j, '{');
        words_write_text(j, "reason", r->exceptions[i].reason);
        json_counter(j, "count", r->exceptions[i].count);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
}

void digest_write_json(struct json *j, const struct digest_rule *r)
{
    char message[DIGEST_TEXT_MAX];
    (void)digest_write_message(r, message);
    json_open(j, '{');
    write_time(j, "@timestamp", r->end_ns);
    write_event(j, r);
    json_name(j, bytes_of("rule"));
    json_open(j, '{');
    words_write_text(j, "id", r->id);
    words_write_text(j, "name", r->name);
    words_write_text(j, "severity", SEVERITY_NAMES[r->severity]);
    json_close(j, '}');
    words_write_text(j, "message", message);
    write_digest(j, r);
    json_close(j, '}');
    json_line(j);
}
