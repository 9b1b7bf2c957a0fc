/*
 * The numbers first, then what they are held against.
 */
#include "rules/daily_words.h"

#include "profile/usual.h"
#include "rules/daily_read.h"
#include "rules/gauge.h"
#include "rules/words.h"

#include "core/clock.h"

#include <math.h>

#define DAY_NS (86400 * CLOCK_SECOND_NS)

static bool is_daily(const struct rule *rule)
{
    return rule->daily.each_ns == DAY_NS;
}

static const char *thing(const struct rule *rule, bool is_one)
{
    if (rule->measure.kind == MEASURE_COUNT || rule->measure.kind == MEASURE_SHARE)
        return is_one ? " request" : " requests";
    if (rule->measure.field == FIELD_SUBJECT_IDS)
        return is_one ? " customer" : " customers";
    return "";
}

static void add_counted(struct text *t, const struct alert *a, uint64_t number)
{
    const struct rule *rule = a->rule;
    const struct measure *m = &rule->measure;
    bool is_sum = m->kind == MEASURE_SUM;
    const struct field_words *w = words_of(m->field);
    quantity_print(t, number, is_sum ? quantity_unit_of(m->field) : QUANTITY_PLAIN);
    text_add(t, "%s", thing(rule, number == 1));
    if (is_sum)
        text_add(t, " %s", w->amount ? w->amount : FIELDS[m->field].name);
    else if (m->kind == MEASURE_DISTINCT && m->field != FIELD_SUBJECT_IDS)
        text_add(t, " different %s", w->values ? w->values : FIELDS[m->field].name);
    if (rule->daily.is_new)
        text_add(t, " new to the %s", w->key ? w->key : FIELDS[rule->daily.new_to].name);
}

/* "81 of 107 customers that nothing followed" */
static void add_value(struct text *t, const struct alert *a)
{
    text_add(t, "%s", a->is_estimate ? "about " : "");
    if (!a->is_part) {
        add_counted(t, a, a->value);
        return;
    }
    quantity_print(t, a->value, QUANTITY_PLAIN);
    text_add(t, " of ");
    add_counted(t, a, a->whole);
    if (a->rule->daily.followed_text)
        text_add(t, " that nothing followed");
    else
        text_add(t, " in %s", a->rule->measure.text);
}

static void add_amount(struct text *t, const struct alert *a, uint64_t number)
{
    bool is_sum = a->rule->measure.kind == MEASURE_SUM;
    quantity_print(t, number, is_sum ? quantity_unit_of(a->rule->measure.field) : QUANTITY_PLAIN);
}

static void add_run(struct text *t, const struct alert *a, bool in_words)
{
    bool is_one = a->intervals == 1;
    const char *unit = is_daily(a->rule) ? "day" : "hour";
    text_add(t, in_words ? "; in %llu %s%s that adds up to " : "; in %llu %s%s ",
             (unsigned long long)a->intervals, unit, is_one ? "" : "s");
    add_amount(t, a, a->extra);
    text_add(t, " more than usual");
}

void daily_add_words(struct text *t, const struct alert *a, bool in_words)
{
    add_value(t, a);
    text_add(t, is_daily(a->rule) ? " today" : " this hour");
    if (a->rule->trigger == TRIGGER_UNUSUAL && a->limit > 0) {
        text_add(t, in_words ? ", the limit by now is " : ", limit by now ");
        add_amount(t, a, a->limit);
    }
    text_add(t, in_words ? ", usual would be " : ", usual ");
    add_amount(t, a, a->usual);
    if (a->has_peers) {
        text_add(t, in_words ? " and the peers have " : ", peers ");
        add_amount(t, a, a->peers);
    }
    if (a->rule->trigger == TRIGGER_DRIFT)
        add_run(t, a, in_words);
    text_add(t, in_words ? " (score %.1f, the limit is %.1f)" : " (score %.1f, limit %.1f)",
             a->score, a->score_limit);
}

static void add_list(struct text *t, const char *key, const char *const *words, unsigned bits)
{
    text_add(t, "%s: [", key);
    for (unsigned i = 0, count = 0; words[i]; i++) {
        if (bits >> i & 1)
            text_add(t, "%s%s", count++ > 0 ? ", " : "", words[i]);
    }
    text_add(t, "], ");
}

void daily_add_silence(struct text *t, const struct alert *a)
{
    static const char *const than[] = {"own", "peers", NULL};
    const struct rule_daily *daily = &a->rule->daily;
    const struct rule_drift *drift = &daily->drifts[0];
    unsigned than_bits = daily->than_own | (unsigned)daily->than_peers << 1;
    bool is_unusual = a->rule->trigger == TRIGGER_UNUSUAL;
    if (!is_unusual && daily->drifts_count > 1)
        return; /* the others' limits are not this alert's to tell */
    text_add(t, is_unusual ? "unusual: {" : "drift: {");
    add_list(t, "than", than, than_bits);
    add_list(t, "of", DAILY_WORDS, is_unusual ? daily->of : drift->of);
    if (is_unusual)
        text_add(t, "score: %.1f, at least: %llu}", a->score + 0.1,
                 (unsigned long long)a->rule->at_least);
    else
        text_add(t, "slack: %.4g, cap: %.4g, limit: %.1f, at least: %llu}",
                 (double)drift->slack / SHARE_ONE, (double)drift->cap / SHARE_ONE, a->score + 0.1,
                 (unsigned long long)drift->at_least);
}

static void write_real(struct json *j, const char *name, double value)
{
    json_name(j, bytes_of(name));
    json_real(j, value);
}

void daily_write_json(struct json *j, const struct alert *a)
{
    words_write_text(j, "measure", a->rule->measure.text);
    json_counter(j, "value", a->value);
    json_counter(j, "at_least", a->at_least);
    if (a->is_part)
        json_counter(j, "of", a->whole);
    json_counter(j, "usual", a->usual);
    if (a->has_peers)
        json_counter(j, "peers", a->peers);
    if (a->rule->trigger == TRIGGER_UNUSUAL && a->limit > 0)
        json_counter(j, "limit", a->limit);
    if (a->rule->trigger == TRIGGER_DRIFT) {
        json_counter(j, "intervals", a->intervals);
        json_counter(j, "extra", a->extra);
    }
    write_real(j, "score", round(a->score * 100) / 100);
    write_real(j, "score_limit", a->score_limit);
    words_write_window(j, a->rule->daily.each_ns);
}

static void add_words_of(struct text *t, unsigned of)
{
    bool is_first = true;
    for (unsigned i = 0; DAILY_WORDS[i]; i++) {
        if (!(of >> i & 1))
            continue;
        text_add(t, "%s%s", is_first ? "" : " and ", DAILY_WORDS[i]);
        is_first = false;
    }
}

static double in_units(uint64_t millionths)
{
    return (double)millionths / SHARE_ONE;
}

static void add_than(struct text *t, const struct rule *rule)
{
    const struct rule_daily *daily = &rule->daily;
    text_add(t, " than ");
    text_add(t, daily->than_own ? "usual" : "");
    text_add(t, daily->than_own && daily->than_peers ? " and than " : "");
    if (!daily->than_peers)
        return;
    text_add(t, "the peers");
    if (rule->has_peers)
        text_add(t, " (same %s)", FIELDS[rule->peers].name);
}

/* Whether anything but the volume is scored: what follows makes no difference to that. */
static bool scores_part(const struct rule_daily *daily)
{
    unsigned of = daily->of;
    for (size_t i = 0; i < daily->drifts_count; i++)
        of |= daily->drifts[i].of;
    return of & ~(1u << USUAL_OF_VOLUME);
}

void daily_add_rule(struct text *t, const struct rule *rule)
{
    const struct rule_daily *daily = &rule->daily;
    text_add(t, "%s of %s", rule->measure.text, is_daily(rule) ? "a day" : "an hour");
    if (daily->is_new)
        text_add(t, ", of those new to %s", FIELDS[daily->new_to].name);
    bool is_narrowed = daily->followed_text && scores_part(daily);
    if (is_narrowed) {
        text_add(t, ", unless followed within ");
        quantity_print_window(t, daily->followed_ns, true);
        text_add(t, " by ");
        text_add_bytes(t, bytes_of(daily->followed_text));
    }
    text_add(t, daily->is_new || is_narrowed ? ", is more" : " is more");
    add_than(t, rule);
    if (rule->trigger == TRIGGER_UNUSUAL) {
        text_add(t, ": the score of ");
        add_words_of(t, daily->of);
        text_add(t, " is above %.4g, at least %llu", in_units(rule->score),
                 (unsigned long long)rule->at_least);
    }
    for (size_t i = 0; i < daily->drifts_count; i++) {
        const struct rule_drift *drift = &daily->drifts[i];
        text_add(t, i > 0 ? ", or" : ":");
        text_add(t, " the score of ");
        add_words_of(t, drift->of);
        text_add(t, ", less %.4g and at most %.4g, adds up to over %.4g", in_units(drift->slack),
                 in_units(drift->cap), in_units(drift->limit));
        if (drift->at_least > 1)
            text_add(t, ", of at least %llu", (unsigned long long)drift->at_least);
    }
    text_add(t, "; silent for the first ");
    quantity_print_window(t, rule->learn_ns, true);
}
