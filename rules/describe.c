/*
 * Conditions are shown as they were written, with macros in place of their names.
 */
#include "rules/describe.h"

#include "core/clock.h"
#include "rules/daily_words.h"
#include "rules/gauge.h"
#include "rules/records.h"

#include <inttypes.h>

static void begin_line(struct text *t, const char *label)
{
    text_add(t, "\n  %-12s", label);
}

static void add_fields(struct text *t, const enum field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_add(t, "%s%s", i > 0 ? ", " : "", FIELDS[fields[i]].name);
}

static void add_span(struct text *t, int64_t ns)
{
    quantity_print_window(t, ns, true);
}

static void add_condition(struct text *t, const char *when)
{
    text_add_bytes(t, bytes_of(when ? when : "(all)"));
}

static void describe_scope(struct text *t, const struct rule *rule)
{
    begin_line(t, "counts");
    text_add(t, records_are_mirrors(rule) ? "the mirror's records" : "transactions");
    if (rule->when_text) {
        text_add(t, " where ");
        add_condition(t, rule->when_text);
    }
    begin_line(t, "for each");
    if (rule->by_count == 0)
        text_add(t, records_are_mirrors(rule) ? "(the whole mirror)" : "(all together)");
    add_fields(t, rule->by, rule->by_count);
    if (rule->before.by_count == 0)
        return;
    begin_line(t, "unless");
    text_add(t, "within ");
    add_span(t, rule->before.within_ns);
    text_add(t, " before, with the same ");
    add_fields(t, rule->before.by, rule->before.by_count);
    text_add(t, ", there was ");
    add_condition(t, rule->before.when_text);
}

static void describe_above(struct text *t, const struct rule *rule)
{
    text_add(t, "%s within ", rule->measure.text);
    add_span(t, rule->over_ns);
    text_add(t, " is above ");
    quantity_print(t, rule->above, gauge_unit(&rule->measure));
    if (rule->times_own > 0)
        text_add(t, " and %" PRIu64 " times its own largest before", rule->times_own);
    if (rule->times_own > 0 && rule->learn_ns > 0) {
        text_add(t, " (while it is known for less than ");
        add_span(t, rule->learn_ns);
        text_add(t, ", that many times the limit)");
    }
    if (rule->measure.kind == MEASURE_SHARE && rule->at_least > 1) {
        text_add(t, ", of at least ");
        quantity_print(t, rule->at_least, QUANTITY_PLAIN);
    }
}

static void describe_first(struct text *t, const struct rule *rule)
{
    text_add(t, "%s has a value that is new, or was not seen for ", FIELDS[rule->first].name);
    add_span(t, rule->forget_ns);
    if (rule->ignores_versions)
        text_add(t, ", but for its version");
    if (rule->is_rare) {
        text_add(t, ", and that at most %" PRIu64 " others", rule->rare);
        text_add(t, rule->has_peers ? " with the same %s" : "%s",
                 rule->has_peers ? FIELDS[rule->peers].name : "");
        text_add(t, " have");
    }
    text_add(t, "; silent for the first ");
    add_span(t, rule->learn_ns);
}

static void describe_back(struct text *t, const struct rule *rule)
{
    text_add(t, "there is one after ");
    add_span(t, rule->back_ns);
    text_add(t, " or more without; forgotten after ");
    add_span(t, rule->forget_ns);
}

static void describe_enumerates(struct text *t, const struct rule *rule)
{
    text_add(t, "%" PRIu64 " or more neighbouring identifiers (%s) are looked up within ",
             rule->at_least, FIELDS[rule->walked].name);
    add_span(t, rule->over_ns);
    text_add(t, ", and more than chance explains");
}

static void describe_follows(struct text *t, const struct rule *rule)
{
    const struct before *b = &rule->follows;
    text_add(t, "they begin within ");
    quantity_print(t, (uint64_t)b->within_ns, QUANTITY_TIME);
    text_add(t, " after one with the same ");
    add_fields(t, b->by, b->by_count);
    text_add(t, " where ");
    add_condition(t, b->when_text);
    text_add(t, ", so often that the logarithm of the odds against chance is above %.4g",
             (double)rule->score / SHARE_ONE);
}

static void describe_rhythm(struct text *t, const struct rule *rule)
{
    text_add(t, "within ");
    add_span(t, rule->over_ns);
    text_add(t,
             " of at least %" PRIu64 " gaps between different values of %s more are alike than "
             "people's would be, by %.4g standard deviations",
             rule->at_least, FIELDS[rule->walked].name, (double)rule->score / SHARE_ONE);
}

static void describe_honey(struct text *t, const struct rule *rule)
{
    (void)rule;
    text_add(t, "one of the planted customers is touched");
}

static void describe_hours(struct text *t, const struct rule *rule)
{
    text_add(t, "there are %" PRIu64 " in a day at hours of the week at which neither it",
             rule->at_least);
    if (rule->has_peers)
        text_add(t, " nor any other with the same %s", FIELDS[rule->peers].name);
    text_add(t, " was active within the last weeks; silent for the first ");
    add_span(t, rule->learn_ns);
}

static void describe_together(struct text *t, const struct rule *rule)
{
    quantity_print(t, rule->together, QUANTITY_PLAIN);
    text_add(t, " or more different values of %s are there within ", FIELDS[rule->of].name);
    add_span(t, rule->over_ns);
}

static void describe_travel(struct text *t, const struct rule *rule)
{
    text_add(t, "seen in two places more than ");
    quantity_print(t, rule->farther_km, QUANTITY_PLAIN);
    text_add(t, " km apart, faster than ");
    quantity_print(t, rule->faster_kmh, QUANTITY_PLAIN);
    text_add(t, " km/h");
}

static void describe_steps(struct text *t, const struct rule *rule)
{
    for (size_t i = 0; i < rule->steps_count; i++) {
        const struct rule_step *step = &rule->steps[i];
        if (i > 0)
            begin_line(t, "then within");
        if (i > 0) {
            add_span(t, rule->within_ns);
            text_add(t, ": ");
        }
        text_add(t, "%s of ", step->measure.text);
        add_condition(t, step->when_text);
        text_add(t, " is above ");
        if (step->of > 0)
            text_add(t, "%.4g times the value of step %zu", (double)step->above / SHARE_ONE,
                     step->of);
        else
            quantity_print(t, step->above, gauge_unit(&step->measure));
    }
}

static void describe_each(struct text *t, const struct rule *rule)
{
    (void)rule;
    text_add(t, "there is one");
}

static void describe_exceptions(struct text *t, const struct rule *rule)
{
    for (size_t i = 0; i < rule->exceptions_count; i++) {
        const struct exception *e = &rule->exceptions[i];
        begin_line(t, "except");
        add_condition(t, e->text);
        text_add(t, " (");
        text_add_bytes(t, bytes_of(e->reason));
        if (e->until_ns < INT64_MAX) {
            char time[CLOCK_TEXT_MAX];
            (void)clock_print(e->until_ns, time);
            text_add(t, ", until %.16sZ", time);
        }
        text_add(t, ")");
    }
}

static void add_place(struct text *t, const struct position *at)
{
    text_add_bytes(t, bytes_of(at->file));
    text_add(t, ":%u", at->line);
}

static void describe_places(struct text *t, const struct rule *rule)
{
    begin_line(t, "defined");
    add_place(t, &rule->defined);
    for (size_t i = 0; i < rule->changes_count && i < RULE_CHANGES_MAX; i++) {
        text_add(t, "%s", i == 0 ? ", changed " : ", ");
        add_place(t, &rule->changed[i]);
    }
}

void describe_rule(struct text *t, const struct rule *rule)
{
    static void (*const describers[TRIGGERS_COUNT])(struct text *, const struct rule *) = {
        [TRIGGER_ABOVE] = describe_above,       [TRIGGER_FIRST] = describe_first,
        [TRIGGER_TOGETHER] = describe_together, [TRIGGER_TRAVEL] = describe_travel,
        [TRIGGER_STEPS] = describe_steps,       [TRIGGER_EACH] = describe_each,
        [TRIGGER_BACK] = describe_back,         [TRIGGER_ENUMERATES] = describe_enumerates,
        [TRIGGER_FOLLOWS] = describe_follows,   [TRIGGER_RHYTHM] = describe_rhythm,
        [TRIGGER_HOURS] = describe_hours,       [TRIGGER_UNUSUAL] = daily_add_rule,
        [TRIGGER_DRIFT] = daily_add_rule,       [TRIGGER_HONEY] = describe_honey};
    text_add(t, "%s (%s%s): ", rule->id, SEVERITY_NAMES[rule->severity],
             rule->is_enabled ? "" : ", off");
    text_add_bytes(t, bytes_of(rule->name));
    describe_scope(t, rule);
    begin_line(t, "fires when");
    describers[rule->trigger](t, rule);
    begin_line(t, "repeats");
    if (rule->quiet_ns > 0) {
        text_add(t, "folded for ");
        add_span(t, rule->quiet_ns);
    } else {
        text_add(t, "all told");
    }
    describe_exceptions(t, rule);
    describe_places(t, rule);
    text_add(t, "\n");
}
