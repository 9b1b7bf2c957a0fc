/*
 * The engine counts for as long as it runs.  A base keeps what each of its rules had counted when
 * this day's part was taken last; what is above the base goes to the day's own sums, which are
 * known by the rules' ids because rules come and go.
 */
#include "digest.h"

#include "core/clock.h"
#include "rules/zone.h"

#include <stdio.h>
#include <stdlib.h>

enum { RULES_AT_FIRST = 16, SAVED_VERSION = 1 };

static const char saved_name[] = "digest";

#define DAY_NS (86400 * CLOCK_SECOND_NS)
#define DAY_MAX_NS (2 * DAY_NS) /* where clocks are set */
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
    int64_t saved_ns;                       /* the end of the day whose rules the state has */
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

/* A new and empty entry; NULL without memory. */
static struct digest_rule *rule_add(struct digest *d)
{
    if (d->rules_count == d->rules_size) {
        size_t size = d->rules_size == 0 ? RULES_AT_FIRST : d->rules_size * 2;
        struct digest_rule **rules = realloc(d->rules, size * sizeof(*rules));
        if (!rules)
            return NULL;
        d->rules = rules;
        d->rules_size = size;
    }
    struct digest_rule *r = calloc(1, sizeof(*r));
    if (r)
        d->rules[d->rules_count++] = r;
    return r;
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
    struct digest_rule *r = rule_add(d);
    if (!r)
        return NULL;
    (void)snprintf(r->id, sizeof(r->id), "%s", id);
    (void)snprintf(r->name, sizeof(r->name), "%s", is_full ? "Other rules" : rule->name);
    r->severity = rule->severity;
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

void digest_set_back(struct digest *d, int64_t latest_ns)
{
    if (!d->has_begun || d->begin_ns <= latest_ns)
        return;
    rules_forget(d);
    d->has_begun = false;
}

static void save_rule(const struct digest_rule *r, struct pack *p)
{
    pack_string(p, bytes_of(r->id));
    pack_string(p, bytes_of(r->name));
    pack_number(p, r->severity);
    pack_number(p, r->alerts);
    pack_number(p, r->folded);
    pack_number(p, r->exceptions_count);
    for (size_t i = 0; i < r->exceptions_count; i++) {
        pack_string(p, bytes_of(r->exceptions[i].reason));
        pack_number(p, r->exceptions[i].count);
    }
}

void digest_save(struct digest *d, const struct engine *e, struct state *s, bool is_whole)
{
    uint32_t part;
    struct pack *p = state_part(s, saved_name, SAVED_VERSION, &part);
    if (!p)
        return;
    take_all(d, e);
    pack_flag(p, d->has_begun);
    pack_signed(p, d->begin_ns);
    pack_signed(p, d->last_ns);
    pack_signed(p, d->midnight_ns);
    state_part_end(s);
    if (is_whole || d->saved_ns != d->midnight_ns)
        state_clear_part(s, part);
    d->saved_ns = d->midnight_ns;
    for (size_t i = 0; i < d->rules_count; i++) {
        p = state_row(s, part, (uint32_t)i, SAVED_VERSION, (int64_t)i);
        if (!p) /* with the next snapshot */
            return;
        save_rule(d->rules[i], p);
        state_row_end(s);
    }
}

static void load_text(char *to, size_t size, struct cursor *c)
{
    struct bytes text = unpack_string(c, size - 1);
    if (text.len > 0)
        memcpy(to, text.data, text.len);
    to[text.len] = '\0';
}

static bool load_rule(void *context, uint8_t version, struct cursor *row)
{
    struct digest *d = context;
    char id[RULE_ID_MAX + 1], name[RULE_NAME_MAX + 1], reason[RULE_NAME_MAX + 1];
    if (version != SAVED_VERSION || d->rules_count > DIGEST_RULES_MAX)
        return false;
    load_text(id, sizeof(id), row);
    load_text(name, sizeof(name), row);
    uint64_t severity = unpack_number(row), alerts = unpack_number(row);
    uint64_t folded = unpack_number(row);
    size_t count = unpack_count(row, EXCEPTIONS_MAX, 2);
    struct digest_rule *r = severity > SEVERITY_CRITICAL || id[0] == '\0' ? NULL : rule_add(d);
    if (!r)
        return false;
    *r = (struct digest_rule){
        .severity = (enum severity)severity, .alerts = alerts, .folded = folded};
    memcpy(r->id, id, sizeof(id));
    memcpy(r->name, name, sizeof(name));
    for (size_t i = 0; i < count; i++) {
        load_text(reason, sizeof(reason), row);
        add_exception(r, reason, unpack_number(row));
    }
    return unpack_done(row);
}

void digest_restore(struct digest *d, struct state *s)
{
    uint8_t version;
    struct cursor head;
    if (!state_head(s, saved_name, &version, &head) || version != SAVED_VERSION)
        return;
    bool has_begun = unpack_flag(&head);
    int64_t begin_ns = unpack_signed(&head), last_ns = unpack_signed(&head);
    int64_t midnight_ns = unpack_signed(&head);
    if (!unpack_done(&head) || !has_begun || begin_ns > last_ns || midnight_ns <= begin_ns ||
        midnight_ns - begin_ns > DAY_MAX_NS)
        return;
    d->has_begun = true;
    d->begin_ns = begin_ns;
    d->last_ns = last_ns;
    d->midnight_ns = midnight_ns;
    state_rows(s, saved_name, load_rule, d);
}
