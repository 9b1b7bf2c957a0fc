/*
 * Alerts in words.  Numbers are those of people (5,312, 20 MiB); what came from the wire is cleaned
 * of control characters, and quoted where it could be taken for a part of the line.
 */
#include "rules/alert.h"

#include "core/clock.h"
#include "rules/alert_event.h"
#include "rules/daily_words.h"
#include "rules/gauge.h"
#include "rules/records.h"
#include "rules/silence.h"
#include "rules/words.h"

#include <ctype.h>

/* "31 requests"; of the mirror "3 intervals" */
static void add_counted(struct text *t, const struct alert *a)
{
    text_add(t, records_are_mirrors(a->rule) ? " interval" : " request");
    text_add(t, a->value == 1 ? "" : "s");
}

/* "5,312 rows returned", "20 MiB of responses in one request", "about 2,040 different accounts",
 * "up to 4.2 % of the bytes were lost" */
static void add_measured(struct text *t, const struct alert *a)
{
    const struct measure *m = &a->rule->measure;
    text_add(t, "%s", a->is_estimate ? "about " : "");
    text_add(t, "%s", m->kind == MEASURE_MAX && gauge_unit(m) == QUANTITY_SHARE ? "up to " : "");
    quantity_print(t, a->value, gauge_unit(m));
    if (m->kind == MEASURE_COUNT) {
        add_counted(t, a);
        return;
    }
    if (m->kind == MEASURE_SHARE) {
        text_add(t, " in %s", m->text);
        return;
    }
    const struct field_words *w = words_of(m->field);
    if (m->kind == MEASURE_DISTINCT && w->values)
        text_add(t, " different %s", w->values);
    else if (m->kind == MEASURE_DISTINCT)
        text_add(t, " different values of %s", FIELDS[m->field].name);
    else if (w->amount)
        text_add(t, " %s", w->amount);
    else
        text_add(t, " of %s", FIELDS[m->field].name);
    if (m->kind == MEASURE_MAX && !records_are_mirrors(a->rule))
        text_add(t, " in one request");
}

/* What else is known: the loss, the repeats. */
static void add_rest(struct text *t, const struct alert *a)
{
    if (a->lost_share > 0)
        text_add(t, "; %.1f %% of the bytes were lost, so it is at least that",
                 a->lost_share * 100);
    if (a->is_passing)
        text_add(t, " so far: the answer still passes");
    if (a->repeats == 0)
        return;
    text_add(t, "; ");
    quantity_print(t, a->repeats, QUANTITY_PLAIN);
    text_add(t, a->repeats == 1 ? " repeat since the last alert" : " repeats since the last alert");
}

static void add_key_words(struct text *t, const struct alert *a)
{
    for (size_t i = 0; i < a->rule->by_count; i++) {
        enum field f = a->rule->by[i];
        const char *word = words_of(f)->key;
        text_add(t, "%s%s ", i > 0 ? ", " : "", word ? word : FIELDS[f].name);
        words_add_value(t, &a->key, f);
    }
    if (a->rule->by_count == 0)
        text_add(t, records_are_mirrors(a->rule) ? "the mirror" : "everybody together");
}

/* As it was for the key. */
static uint64_t limit_of(const struct alert *a)
{
    return a->rule->times_own > 0 ? a->limit : a->rule->above;
}

static void add_above(struct text *t, const struct alert *a, bool in_words)
{
    uint64_t limit = limit_of(a);
    add_measured(t, a);
    words_add_window(t, a->rule->over_ns, in_words);
    text_add(t, in_words ? ", the limit is " : ", limit ");
    quantity_print(t, limit, gauge_unit(&a->rule->measure));
    if (limit <= a->rule->above)
        return;
    text_add(t, a->own > 0 ? ", %llu times its own largest before, " : ", %llu times that of all",
             (unsigned long long)a->rule->times_own);
    if (a->own > 0)
        quantity_print(t, a->own, gauge_unit(&a->rule->measure));
}

static void add_together(struct text *t, const struct alert *a, bool in_words)
{
    const struct field_words *w = words_of(a->rule->of);
    text_add(t, in_words ? "was active with " : "");
    quantity_print(t, a->value, QUANTITY_PLAIN);
    text_add(t, " different %s%s", w->values ? w->values : "values of ",
             w->values ? "" : FIELDS[a->rule->of].name);
    words_add_window(t, a->rule->over_ns, in_words);
    text_add(t, ": ");
    words_add_list(t, a->known, a->known_count);
    if (a->known_count < a->value)
        text_add(t, ", ...");
}

static void add_travel(struct text *t, const struct alert *a, bool in_words)
{
    text_add(t, in_words ? "was seen in " : "");
    words_add_quoted(t, a->from);
    text_add(t, in_words ? " and in " : " to ");
    words_add_quoted(t, a->to);
    text_add(t, ", ");
    quantity_print(t, a->distance_km, QUANTITY_PLAIN);
    text_add(t, in_words ? " km apart, within " : " km in ");
    quantity_print(t, a->apart_ns > 0 ? (uint64_t)a->apart_ns : 0, QUANTITY_TIME);
    text_add(t, in_words ? ": that is " : ", ");
    quantity_print(t, a->speed_kmh, QUANTITY_PLAIN);
    text_add(t, " km/h");
}

static void add_steps(struct text *t, const struct alert *a, bool in_words)
{
    struct rule of_step = *a->rule;
    struct alert step = *a;
    step.rule = &of_step;
    text_add(t, in_words ? "took %zu steps, one after another, each" : "%zu steps, each",
             a->rule->steps_count);
    words_add_window(t, a->rule->within_ns, in_words);
    text_add(t, in_words ? " of the one before: " : ": ");
    for (size_t i = 0; i < a->rule->steps_count; i++) {
        of_step.measure = a->rule->steps[i].measure;
        step.value = a->steps[i];
        text_add(t, "%s", i > 0 ? ", then " : "");
        add_measured(t, &step);
    }
}

static void add_first(struct text *t, const struct alert *a, bool in_words)
{
    enum field f = a->rule->first;
    const char *word = words_of(f)->key;
    if (in_words)
        text_add(t, "showed the %s ", word ? word : FIELDS[f].name);
    else
        text_add(t, "%s ", FIELDS[f].name);
    words_add_quoted(t, a->first_value);
    text_add(t, in_words ? " for the first time (before: " : " is new, before: ");
    words_add_list(t, a->known, a->known_count);
    text_add(t, in_words ? ")" : "");
    alert_event_add_rarity(t, a);
}

static void add_each(struct text *t, const struct alert *a, bool in_words)
{
    text_add(t, in_words ? "sent what nothing preceded" : "not preceded");
    words_add_window(t, a->rule->before.within_ns, in_words);
    text_add(t, " by: ");
    text_add_bytes(t, bytes_first(bytes_of(a->rule->before.when_text), NEAREST_WORD_MAX * 4));
}

/* What happened, for a line or for a sentence. */
static void add_happened(struct text *t, const struct alert *a, bool in_words)
{
    static void (*const adders[TRIGGERS_COUNT])(struct text *, const struct alert *, bool) = {
        [TRIGGER_ABOVE] = add_above,         [TRIGGER_FIRST] = add_first,
        [TRIGGER_TOGETHER] = add_together,   [TRIGGER_TRAVEL] = add_travel,
        [TRIGGER_STEPS] = add_steps,         [TRIGGER_EACH] = add_each,
        [TRIGGER_UNUSUAL] = daily_add_words, [TRIGGER_DRIFT] = daily_add_words};
    if (!alert_event_add(t, a, in_words))
        adders[a->rule->trigger](t, a, in_words);
}

size_t alert_write_message(const struct alert *a, char message[ALERT_MESSAGE_MAX])
{
    const struct rule *rule = a->rule;
    struct text t = text_over(message, ALERT_MESSAGE_MAX);
    text_add_bytes(&t, bytes_of(rule->name));
    text_add(&t, ": ");
    add_key_words(&t, a);
    bool is_count = rule->trigger == TRIGGER_ABOVE || rule->trigger == TRIGGER_UNUSUAL ||
                    rule->trigger == TRIGGER_DRIFT;
    text_add(&t, is_count ? ", " : " ");
    add_happened(&t, a, true);
    add_rest(&t, a);
    text_add(&t, ".");
    return t.len;
}

static void add_time(struct text *t, int64_t ns)
{
    char time[CLOCK_TEXT_MAX];
    (void)clock_print(ns, time);
    text_add(t, "%.10s %.8sZ", time, time + 11);
}

size_t alert_write_line(const struct alert *a, char line[ALERT_LINE_MAX])
{
    const struct rule *rule = a->rule;
    struct text t = text_over(line, ALERT_LINE_MAX);
    add_time(&t, a->time_ns);
    text_add(&t, "  ");
    for (const char *c = SEVERITY_NAMES[rule->severity]; *c; c++)
        text_add(&t, "%c", toupper((unsigned char)*c));
    text_add(&t, "  %s ", rule->id);
    for (size_t i = 0; i < rule->by_count; i++) {
        text_add(&t, " %s=", FIELDS[rule->by[i]].name);
        words_add_value(&t, &a->key, rule->by[i]);
    }
    if (rule->by_count == 0)
        text_add(&t, records_are_mirrors(rule) ? " the mirror" : " everybody together");
    text_add(&t, ": ");
    add_happened(&t, a, false);
    add_rest(&t, a);
    return t.len;
}

static void write_event(struct json *j, const struct alert *a)
{
    static const uint64_t severities[] = {1, 21, 47, 73, 99};
    static const enum field in_event[] = {FIELD_EVENT_ACTION, FIELD_EVENT_OUTCOME};
    json_name(j, bytes_of("event"));
    json_open(j, '{');
    words_write_text(j, "kind", "alert");
    words_write_text(j, "dataset", "seepwatch.alert");
    json_name(j, bytes_of("severity"));
    json_unsigned(j, severities[a->rule->severity]);
    for (size_t i = 0; i < sizeof(in_event) / sizeof(in_event[0]); i++) {
        if (!transaction_has(&a->key, in_event[i]))
            continue;
        json_name(j, bytes_from(bytes_of(FIELDS[in_event[i]].name), strlen("event.")));
        field_write(j, &a->key, in_event[i]);
    }
    json_close(j, '}');
}

static void write_rule(struct json *j, const struct rule *rule)
{
    json_name(j, bytes_of("rule"));
    json_open(j, '{');
    words_write_text(j, "id", rule->id);
    words_write_text(j, "name", rule->name);
    words_write_text(j, "severity", SEVERITY_NAMES[rule->severity]);
    if (rule->note)
        words_write_text(j, "description", rule->note);
    json_close(j, '}');
    if (!rule->technique)
        return;
    json_name(j, bytes_of("threat"));
    json_open(j, '{');
    json_name(j, bytes_of("technique"));
    json_open(j, '{');
    words_write_text(j, "id", rule->technique);
    json_close(j, '}');
    json_close(j, '}');
}

/* The key, and what is new to it. */
static void write_key(struct json *j, const struct alert *a)
{
    enum field fields[FIELDS_COUNT];
    size_t count = 0;
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (f != FIELD_EVENT_ACTION && f != FIELD_EVENT_OUTCOME)
            fields[count++] = (enum field)f;
    }
    transaction_write_fields(j, &a->key, fields, count);
}

static void write_evidence(struct json *j, const struct alert *a)
{
    enum field fields[FIELDS_COUNT];
    for (unsigned f = 0; f < FIELDS_COUNT; f++)
        fields[f] = (enum field)f;
    json_name(j, bytes_of("evidence"));
    json_open(j, '[');
    for (size_t i = 0; i < a->evidence_count; i++) {
        struct transaction t;
        evidence_transaction(&t, a->evidence[i]);
        json_open(j, '{');
        transaction_write_fields(j, &t, fields, FIELDS_COUNT);
        json_close(j, '}');
    }
    json_close(j, ']');
}

/* In the form of the measured field. */
static void write_value(struct json *j, const char *name, uint64_t value, const struct measure *m)
{
    json_name(j, bytes_of(name));
    if (gauge_unit(m) == QUANTITY_SHARE)
        json_real(j, (double)value / SHARE_ONE);
    else
        json_unsigned(j, value);
}

static void write_above(struct json *j, const struct alert *a)
{
    const struct measure *m = &a->rule->measure;
    words_write_text(j, "measure", m->text);
    write_value(j, "value", a->value, m);
    write_value(j, "at_least", a->at_least, m);
    write_value(j, "limit", limit_of(a), m);
    if (a->rule->times_own > 0)
        write_value(j, "usual", a->own, m);
    words_write_window(j, a->rule->over_ns);
}

/* The new value itself stands under its field's name, beside the key. */
static void write_first(struct json *j, const struct alert *a)
{
    words_write_measure(j, "first", a->rule->first);
    words_write_texts(j, "known", a->known, a->known_count);
    if (a->rule->is_rare)
        json_counter(j, "others", a->others);
}

static void write_together(struct json *j, const struct alert *a)
{
    words_write_measure(j, "together", a->rule->of);
    json_counter(j, "value", a->value);
    json_counter(j, "at_least", a->at_least);
    json_counter(j, "limit", a->rule->together - 1);
    words_write_window(j, a->rule->over_ns);
    words_write_texts(j, "values", a->known, a->known_count);
}

static void write_travel(struct json *j, const struct alert *a)
{
    words_write_text(j, "measure", "travel");
    json_counter(j, "value", a->speed_kmh);
    json_counter(j, "limit", a->rule->faster_kmh);
    json_counter(j, "distance_km", a->distance_km);
    json_name(j, bytes_of("seconds"));
    json_real(j, (double)a->apart_ns / (double)CLOCK_SECOND_NS);
    words_write_texts(j, "values", (const struct bytes[]){a->from, a->to}, 2);
}

static void write_steps(struct json *j, const struct alert *a)
{
    words_write_text(j, "measure", "steps");
    words_write_window(j, a->rule->within_ns);
    json_name(j, bytes_of("steps"));
    json_open(j, '[');
    for (size_t i = 0; i < a->rule->steps_count; i++) {
        const struct measure *m = &a->rule->steps[i].measure;
        json_open(j, '{');
        words_write_text(j, "measure", m->text);
        write_value(j, "value", a->steps[i], m);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void write_each(struct json *j, const struct alert *a)
{
    words_write_text(j, "measure", "unless before");
    words_write_window(j, a->rule->before.within_ns);
}

static void write_trigger(struct json *j, const struct alert *a)
{
    static void (*const writers[TRIGGERS_COUNT])(struct json *, const struct alert *) = {
        [TRIGGER_ABOVE] = write_above,        [TRIGGER_FIRST] = write_first,
        [TRIGGER_TOGETHER] = write_together,  [TRIGGER_TRAVEL] = write_travel,
        [TRIGGER_STEPS] = write_steps,        [TRIGGER_EACH] = write_each,
        [TRIGGER_UNUSUAL] = daily_write_json, [TRIGGER_DRIFT] = daily_write_json};
    if (!alert_event_write(j, a))
        writers[a->rule->trigger](j, a);
}

void alert_write_json(struct json *j, const struct alert *a)
{
    char message[ALERT_MESSAGE_MAX], time[CLOCK_TEXT_MAX], silence[SILENCE_MAX];
    (void)alert_write_message(a, message);
    (void)clock_print(a->time_ns, time);
    json_open(j, '{');
    words_write_text(j, "@timestamp", time);
    write_event(j, a);
    write_rule(j, a->rule);
    words_write_text(j, "message", message);
    write_key(j, a);
    json_name(j, bytes_of("alert"));
    json_open(j, '{');
    write_trigger(j, a);
    json_name(j, bytes_of("lost_share"));
    json_real(j, a->lost_share);
    if (a->is_passing) {
        json_name(j, bytes_of("passing"));
        json_boolean(j, true);
    }
    json_name(j, bytes_of("repeats"));
    json_unsigned(j, a->repeats);
    if (silence_write(a, silence) > 0)
        words_write_text(j, "silence", silence);
    write_evidence(j, a);
    json_close(j, '}');
    json_close(j, '}');
    json_line(j);
}
