/*
 * The first version that is tried is the rule as it stands; behind it come the other limits, from
 * the smallest to the largest, or the rule with its change.
 */
#include "commands/tune.h"

#include "commands/confine.h"
#include "commands/load.h"
#include "commands/logs.h"
#include "commands/sources.h"
#include "core/clock.h"
#include "profile/ledger.h"
#include "profile/ledger_read.h"
#include "rules/text.h"
#include "tuning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH = 4096,
    BAR_WIDTH = 30,
    PLOT_WIDTH = 60, /* columns of the plot over days */
    KEYS_SHOWN = 5,
    NUMBER_MAX = 32,
    STEPS = 13, /* limits that are tried where none are named */
};

static const double step_factor = 1.4142135623730951;

struct tune {
    struct loaded loaded;
    struct rules *changed; /* the rules with the change; NULL: there is none */
    struct logs logs;
    struct ledger_reader *ledger; /* NULL: there is none */
    const char *ledger_path;
    struct tuning *tuning;
    const struct rule *rule;
    uint64_t limit;
    enum quantity_unit unit;
    bool has_limit;
    uint64_t from_ledger; /* transactions */
    size_t current;       /* of the versions: the rule as it stands */
};

static const struct rule *find_rule(const struct rules *rules, const char *id)
{
    for (size_t i = 0; i < rules_count(rules); i++) {
        if (strcmp(rules_at(rules, i)->id, id) == 0)
            return rules_at(rules, i);
    }
    return NULL;
}

/* Adds a limit where it has its place; equal ones once. */
static size_t limits_add(uint64_t limits[TUNING_LIMITS_MAX], size_t count, uint64_t limit)
{
    size_t at = count;
    for (size_t i = 0; i < count; i++) {
        if (limits[i] == limit)
            return count;
    }
    if (count == TUNING_LIMITS_MAX)
        return count;
    for (; at > 0 && limits[at - 1] > limit; at--)
        limits[at] = limits[at - 1];
    limits[at] = limit;
    return count + 1;
}

/* To two digits, so that a person would write it. */
static uint64_t rounded(double value)
{
    double unit = 1;
    while (value / unit >= 100)
        unit *= 10;
    return (uint64_t)(floor(value / unit + 0.5) * unit);
}

/* Around the rule's own limit: half and twice it are two steps away. */
static size_t limits_around(uint64_t limits[TUNING_LIMITS_MAX], size_t count, uint64_t limit)
{
    double base = limit > 0 ? (double)limit : 4;
    for (int i = 0; i < STEPS; i++) {
        double value = base * pow(step_factor, i - STEPS / 2);
        count = limits_add(limits, count, rounded(value));
    }
    return count;
}

/* "A,B,C" or "A..B". */
static bool limits_read(uint64_t limits[TUNING_LIMITS_MAX], size_t *count, const char *text,
                        enum quantity_unit unit, struct error *error)
{
    struct bytes left = bytes_of(text);
    size_t dots = bytes_find(left, bytes_of(".."));
    uint64_t from, to;
    if (dots < left.len) {
        if (quantity_parse(&from, bytes_first(left, dots), unit) != QUANTITY_GOOD ||
            quantity_parse(&to, bytes_from(left, dots + 2), unit) != QUANTITY_GOOD || from >= to)
            return error_set(error, ERROR_USAGE,
                             "--limits %s: write 100..1000, with units "
                             "where the rule has them",
                             text);
        double low = from > 0 ? (double)from : 1, ratio = (double)to / low;
        *count = limits_add(limits, *count, from);
        for (int i = 1; i < STEPS - 1; i++)
            *count = limits_add(limits, *count, rounded(low * pow(ratio, (double)i / (STEPS - 1))));
        *count = limits_add(limits, *count, to);
        return true;
    }
    while (left.len > 0) {
        size_t comma = bytes_index(left, ',');
        if (quantity_parse(&from, bytes_first(left, comma), unit) != QUANTITY_GOOD ||
            *count == TUNING_LIMITS_MAX)
            return error_set(error, ERROR_USAGE,
                             "--limits %s: write 100,200,500, with units where "
                             "the rule has them; %d at the most",
                             text, TUNING_LIMITS_MAX);
        *count = limits_add(limits, *count, from);
        left = bytes_from(left, comma + 1);
    }
    return true;
}

static bool add_limits(struct tune *t, const struct options *o, struct error *error)
{
    uint64_t limits[TUNING_LIMITS_MAX] = {t->limit};
    size_t count = 1;
    if (!t->has_limit && (o->limits || o->budget > 0))
        return error_set(error, ERROR_USAGE, "%s has no limit that could be tuned", t->rule->id);
    if (o->limits && !limits_read(limits, &count, o->limits, t->unit, error))
        return false;
    if (t->has_limit && !o->limits)
        count = limits_around(limits, count, t->limit);
    for (size_t i = 0; i < count; i++) {
        if (limits[i] == t->limit)
            t->current = i;
        if (!tuning_add(t->tuning, t->rule, t->has_limit ? &limits[i] : NULL))
            return error_set(error, ERROR_WORK, "no memory");
    }
    return true;
}

/* The rule as it stands, and with the change. */
static bool add_change(struct tune *t, const struct options *o, struct error *error)
{
    if (t->loaded.rule_paths_count == OPTIONS_LIST_MAX)
        return error_set(error, ERROR_USAGE, "%s: too many files of rules", o->change);
    t->loaded.rule_paths[t->loaded.rule_paths_count++] = o->change;
    t->changed = load_rules_again(&t->loaded, error);
    const struct rule *changed = t->changed ? find_rule(t->changed, o->files.items[0]) : NULL;
    return changed &&
           ((tuning_add(t->tuning, t->rule, NULL) && tuning_add(t->tuning, changed, NULL)) ||
            error_set(error, ERROR_WORK, "no memory"));
}

/* What the rule asks of the ledger and it does not have. */
static bool check_ledger(const struct tune *t, struct error *error)
{
    field_set missing = rule_fields(t->rule) & ~LEDGER_FIELDS;
    char names[ERROR_TEXT_MAX / 2] = "";
    struct text list = text_over(names, sizeof(names));
    for (unsigned f = 0; f < FIELDS_COUNT; f++) {
        if (missing >> f & 1)
            text_add(&list, "%s%s", names[0] ? ", " : "", FIELDS[f].name);
    }
    if (missing)
        return error_set(error, ERROR_USAGE,
                         "%s: the ledger has no %s, which %s asks for: name logs of transactions",
                         t->ledger_path, names, t->rule->id);
    bool is_max = t->rule->trigger == TRIGGER_ABOVE && t->rule->measure.kind == MEASURE_MAX;
    return !is_max || error_set(error, ERROR_USAGE,
                                "%s: the ledger has sums by the hour, and no largest values, which "
                                "%s asks for: name logs of transactions",
                                t->ledger_path, t->rule->id);
}

/* Takes a state out of the files; the others are logs. */
static bool take_ledger(struct tune *t, struct option_list *files, struct error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (!ledger_reader_is(files->items[i])) {
            files->items[kept++] = files->items[i];
            continue;
        }
        if (t->ledger_path)
            return error_set(error, ERROR_USAGE, "%s: one state is enough", files->items[i]);
        t->ledger_path = files->items[i];
    }
    files->count = kept;
    return !t->ledger_path ||
           (check_ledger(t, error) && ledger_reader_open(&t->ledger, t->ledger_path, error));
}

static bool prepare(struct tune *t, const struct options *o, struct error *error)
{
    struct option_list files = {.count = 0}, captures;
    t->rule = find_rule(t->loaded.rules, o->files.items[0]);
    if (!t->rule)
        return error_set(error, ERROR_USAGE, "there is no rule %s (seepwatch check --list)",
                         o->files.items[0]);
    t->has_limit = rule_limit(t->rule, &t->limit, &t->unit);
    t->tuning = tuning_open();
    if (!t->tuning)
        return error_set(error, ERROR_WORK, "no memory");
    if (!(o->change ? add_change(t, o, error) : add_limits(t, o, error)))
        return false;
    for (size_t i = 0; i < o->from.count; i++)
        files.items[files.count++] = o->from.items[i];
    for (size_t i = 1; i < o->files.count && files.count < OPTIONS_LIST_MAX; i++)
        files.items[files.count++] = o->files.items[i];
    if (!take_ledger(t, &files, error) || !logs_open(&t->logs, &files, &captures, error))
        return false;
    return captures.count == 0 ||
           error_set(error, ERROR_USAGE,
                     "%s: no log of transactions (of a capture: seepwatch replay FILE "
                     "--transactions LOG)",
                     captures.items[0]);
}

static void take_entry(void *context, struct log_entry *e, int64_t now_ns)
{
    struct tune *t = context;
    tuning_transaction(t->tuning, &e->transaction, now_ns);
}

/* The ledger up to where the logs begin, so that nothing counts twice. */
static bool read_ledger(struct tune *t, const struct pipeline_signals *signals, struct error *error)
{
    const struct log_entry *first = t->logs.log ? transaction_log_peek(t->logs.log) : NULL;
    const struct transaction *tx;
    int64_t until_ns = first ? first->end_ns : INT64_MAX;
    while (!signals->must_stop && (tx = ledger_reader_next(t->ledger, until_ns))) {
        tuning_transaction(t->tuning, tx, tx->start_ns);
        t->from_ledger++;
    }
    if (ledger_reader_cut(t->ledger) > 0)
        (void)fprintf(stderr,
                      "seepwatch: note: %llu rows of the ledger have more than %d requests, and "
                      "count as so many\n",
                      (unsigned long long)ledger_reader_cut(t->ledger), LEDGER_SPREAD_MAX);
    return !ledger_reader_failed(t->ledger) ||
           error_set(error, ERROR_WORK, "%s: its ledger could not be read to the end",
                     t->ledger_path);
}

static bool read_logs(struct tune *t, struct error *error)
{
    const struct logs_taker taker = {.context = t, .take = take_entry};
    const struct pipeline_signals *signals = signals_catch();
    if (t->ledger && !read_ledger(t, signals, error))
        return false;
    while (!signals->must_stop && logs_feed(&t->logs, &taker, INT64_MAX, BATCH))
        ;
    tuning_finish(t->tuning);
    return logs_tell(&t->logs, error);
}

static double per_thousand(const struct tune *t, uint64_t alerts)
{
    uint64_t agent_days = tuning_agent_days(t->tuning);
    return agent_days > 0 ? 1000.0 * (double)alerts / (double)agent_days : 0;
}

static void print_limit(const struct tune *t, size_t i, size_t days, uint64_t most)
{
    const struct tuned_limit *l = tuning_at(t->tuning, i);
    char number[NUMBER_MAX] = "as it is";
    struct text text = text_over(number, sizeof(number));
    if (t->has_limit)
        quantity_print(&text, l->limit, t->unit);
    (void)printf("%s %12s %8llu %9.2f %6llu %6llu %9.2f %10.2f  ", i == t->current ? "*" : " ",
                 number, (unsigned long long)l->alerts, (double)l->alerts / (double)days,
                 (unsigned long long)l->keys, (unsigned long long)l->days_with_alerts,
                 (double)l->folded / (double)days, per_thousand(t, l->alerts));
    for (uint64_t bar = most > 0 ? (l->alerts * BAR_WIDTH + most - 1) / most : 0; bar > 0; bar--)
        (void)putchar('#');
    (void)putchar('\n');
}

/* One line: how many alerts in each of equal spans of days. */
static void print_days(const struct tune *t, size_t i, size_t days, int64_t first_day)
{
    static const char *const levels[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const struct tuned_limit *l = tuning_at(t->tuning, i);
    uint64_t sums[PLOT_WIDTH] = {0}, most = 0, most_day = 0;
    size_t width = days < PLOT_WIDTH ? days : PLOT_WIDTH, best = 0;
    char from[CLOCK_TEXT_MAX], to[CLOCK_TEXT_MAX], at[CLOCK_TEXT_MAX];
    for (size_t day = 0; day < days; day++) {
        uint64_t *sum = &sums[day * width / days];
        *sum += l->by_day[day];
        most = *sum > most ? *sum : most;
        best = l->by_day[day] > most_day ? day : best;
        most_day = l->by_day[day] > most_day ? l->by_day[day] : most_day;
    }
    (void)clock_print(first_day * 86400 * CLOCK_SECOND_NS, from);
    (void)clock_print((first_day + (int64_t)days - 1) * 86400 * CLOCK_SECOND_NS, to);
    (void)clock_print((first_day + (int64_t)best) * 86400 * CLOCK_SECOND_NS, at);
    (void)printf("  %.10s |", from);
    for (size_t i_sum = 0; i_sum < width; i_sum++)
        (void)fputs(levels[most > 0 ? (sums[i_sum] * 8 + most - 1) / most : 0], stdout);
    (void)printf("| %.10s", to);
    if (most_day > 0)
        (void)printf(", most on %.10s: %llu", at, (unsigned long long)most_day);
    (void)putchar('\n');
}

static void print_keys(const struct tuned_key *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)printf("  %8llu  %s\n", (unsigned long long)keys[i].alerts, keys[i].label);
}

static void print_version(const struct tune *t, const char *title, size_t i, size_t days,
                          int64_t first_day)
{
    struct tuned_key keys[KEYS_SHOWN];
    size_t count = tuning_keys(t->tuning, i, keys, KEYS_SHOWN);
    (void)printf("\n%s: alerts by day, and for whom most (masked)\n", title);
    print_days(t, i, days, first_day);
    print_keys(keys, count);
}

/* The smallest of the limits that were tried which keeps to the budget. */
static void print_budget(const struct tune *t, const struct options *o, size_t days,
                         int64_t first_day)
{
    char number[NUMBER_MAX] = "", title[NUMBER_MAX * 2];
    for (size_t i = 0; i < tuning_count(t->tuning); i++) {
        const struct tuned_limit *l = tuning_at(t->tuning, i);
        if (per_thousand(t, l->alerts) > (double)o->budget)
            continue;
        struct text text = text_over(number, sizeof(number));
        quantity_print(&text, l->limit, t->unit);
        (void)printf("\nproposed: %s: %.2f alerts per 1,000 agent-days, of %llu at the most\n",
                     number, per_thousand(t, l->alerts), (unsigned long long)o->budget);
        (void)snprintf(title, sizeof(title), "with %s", number);
        if (i != t->current)
            print_version(t, title, i, days, first_day);
        return;
    }
    (void)printf("\nproposed: none: every limit that was tried raises more than %llu alerts per "
                 "1,000 agent-days; name larger ones with --limits\n",
                 (unsigned long long)o->budget);
}

static void print_table(const struct tune *t, size_t days)
{
    uint64_t most = 0;
    (void)printf("  %12s %8s %9s %6s %6s %9s %10s\n", "limit", "alerts", "a day", "keys", "days",
                 "folded", "per 1,000");
    (void)printf("  %12s %8s %9s %6s %6s %9s %10s\n", "", "", "", "", "", "a day", "agent-days");
    for (size_t i = 0; i < tuning_count(t->tuning); i++) {
        uint64_t alerts = tuning_at(t->tuning, i)->alerts;
        most = alerts > most ? alerts : most;
    }
    for (size_t i = 0; i < tuning_count(t->tuning); i++)
        print_limit(t, i, days, most);
}

static void print_change(const struct tune *t, const char *what, size_t i, size_t other)
{
    struct tuned_key keys[KEYS_SHOWN];
    size_t count;
    uint64_t alerts = tuning_only(t->tuning, i, other, keys, KEYS_SHOWN, &count);
    (void)printf("\n%s %llu alerts, for keys and days that had none%s\n", what,
                 (unsigned long long)alerts, count > 0 ? "; most:" : "");
    print_keys(keys, count);
}

static void print_report(const struct tune *t, const struct options *o)
{
    int64_t first_day;
    size_t days = tuning_days(t->tuning, &first_day);
    uint64_t transactions = t->from_ledger;
    if (t->logs.log)
        transactions += transaction_log_counters(t->logs.log).transactions;
    (void)printf("%s: %s\n%llu transactions of %zu day%s, %llu agent-days; %zu engines side by "
                 "side, one pass, exact\n\n",
                 t->rule->id, t->rule->name, (unsigned long long)transactions, days,
                 days == 1 ? "" : "s", (unsigned long long)tuning_agent_days(t->tuning),
                 tuning_count(t->tuning));
    if (days == 0)
        return;
    print_table(t, days);
    (void)printf("  *: the rule as it stands%s\n", o->change ? "; below it with the change" : "");
    print_version(t, "as it stands", t->current, days, first_day);
    if (o->change) {
        print_version(t, "with the change", 1, days, first_day);
        print_change(t, "the change adds", 1, 0);
        print_change(t, "the change removes", 0, 1);
    }
    if (o->budget > 0)
        print_budget(t, o, days, first_day);
}

bool run_tune(const struct options *o, struct error *error)
{
    struct tune t = {.current = 0};
    bool is_good = load(&t.loaded, o, error) && prepare(&t, o, error);
    const struct confine_needs needs = {.state = t.ledger_path};
    is_good = is_good && (o->is_unconfined || confine(&needs, error)) && read_logs(&t, error);
    if (is_good)
        print_report(&t, o);
    tuning_close(t.tuning);
    logs_close(&t.logs);
    ledger_reader_close(t.ledger);
    rules_close(t.changed);
    loaded_clear(&t.loaded);
    return is_good;
}
