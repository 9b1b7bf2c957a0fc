/*
 * What a rule asks for is known from its fields, its measures, and the spans of time that it looks
 * at.
 */
#include "commands/tune_ledger.h"

#include "core/clock.h"
#include "profile/ledger.h"
#include "rules/quantity.h"
#include "rules/text.h"

#include <stdio.h>

static const int64_t hour_ns = 3600 * CLOCK_SECOND_NS;

static bool check_fields(const struct rule *rule, const char *path, struct error *error)
{
    field_set missing = rule_fields(rule) & ~LEDGER_FIELDS;
    char names[ERROR_TEXT_MAX / 2] = "";
    struct text list = text_over(names, sizeof(names));
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (missing >> f & 1)
            text_add(&list, "%s%s", names[0] ? ", " : "", FIELDS[f].name);
    }
    return !missing ||
           error_set(error, ERROR_USAGE,
                     "%s: the ledger has no %s, which %s asks for: name logs of transactions", path,
                     names, rule->id);
}

static bool has_measure(const struct rule *rule)
{
    return rule->trigger == TRIGGER_ABOVE || rule->trigger == TRIGGER_UNUSUAL ||
           rule->trigger == TRIGGER_DRIFT;
}

/* The field of whose largest value the ledger knows nothing; FIELDS_COUNT: there is none. */
static enum field unknown_most(const struct measure *m)
{
    bool is_known = m->kind != MEASURE_MAX || (LEDGER_MOST_FIELDS >> m->field & 1);
    return is_known ? FIELDS_COUNT : m->field;
}

static bool check_measures(const struct rule *rule, const char *path, struct error *error)
{
    enum field f = has_measure(rule) ? unknown_most(&rule->measure) : FIELDS_COUNT;
    for (size_t i = 0; i < rule->steps_count && f == FIELDS_COUNT; i++)
        f = unknown_most(&rule->steps[i].measure);
    return f == FIELDS_COUNT ||
           error_set(error, ERROR_USAGE,
                     "%s: the ledger has no largest %s, which %s asks for: name logs of "
                     "transactions",
                     path, FIELDS[f].name, rule->id);
}

bool tune_ledger_check(const struct rule *rule, const char *path, struct error *error)
{
    if (!check_fields(rule, path, error) || !check_measures(rule, path, error))
        return false;
    bool asks_when = rule->trigger == TRIGGER_FOLLOWS || rule->trigger == TRIGGER_RHYTHM;
    return !asks_when || error_set(error, ERROR_USAGE,
                                   "%s: the ledger tells of hours, and %s asks for the moments: "
                                   "name logs of transactions",
                                   path, rule->id);
}

static int64_t shorter(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

/* The shortest time that the rule looks at, but for largest values, which are known. */
static int64_t span_ns(const struct rule *rule)
{
    int64_t ns = INT64_MAX;
    if (rule->trigger == TRIGGER_ABOVE && rule->measure.kind != MEASURE_MAX)
        ns = rule->over_ns;
    if (rule->trigger == TRIGGER_TOGETHER)
        ns = rule->over_ns;
    if (rule->trigger == TRIGGER_STEPS)
        ns = rule->within_ns;
    if (has_measure(rule) && rule->daily.followed_text)
        ns = shorter(ns, rule->daily.followed_ns);
    return rule->before.by_count > 0 ? shorter(ns, rule->before.within_ns) : ns;
}

/* Whether what the first programs did not write down matters. */
static bool asks_for_added(const struct rule *rule)
{
    static const field_set added = FIELD_BIT(FIELD_SUBJECT_COUNT) | FIELD_BIT(FIELD_DB_SYSTEM_NAME);
    return (rule_fields(rule) & added) != 0 ||
           (rule->trigger == TRIGGER_ABOVE && rule->measure.kind == MEASURE_MAX);
}

void tune_ledger_note(const struct rule *rule, const struct ledger_reader *ledger)
{
    if (ledger_reader_cut(ledger) > 0)
        (void)fprintf(stderr,
                      "seepwatch: note: %llu rows of the ledger have more than %d requests, and "
                      "count as so many\n",
                      (unsigned long long)ledger_reader_cut(ledger), LEDGER_SPREAD_MAX);
    if (ledger_reader_older(ledger) > 0 && asks_for_added(rule))
        (void)fprintf(stderr,
                      "seepwatch: note: %llu rows of the ledger were written by an older version, "
                      "which kept no largest values, no subject.count and no db.system.name: %s is "
                      "tried without those there\n",
                      (unsigned long long)ledger_reader_older(ledger), rule->id);
    if (span_ns(rule) >= hour_ns)
        return;
    char span[32] = "";
    struct text text = text_over(span, sizeof(span));
    quantity_print_window(&text, span_ns(rule), true);
    (void)fprintf(stderr,
                  "seepwatch: note: %s looks at %s, and the ledger tells of hours: what came "
                  "within one counts as if spread over it\n",
                  rule->id, span);
}
