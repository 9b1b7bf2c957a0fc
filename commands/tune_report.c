/*
 * A table of the versions, and for those that matter a plot over the days and the keys with the
 * most alerts.
 */
#include "commands/tune_report.h"

#include "core/clock.h"
#include "rules/text.h"

#include <stdio.h>

enum {
    BAR_WIDTH = 30,
    PLOT_WIDTH = 60, /* columns of the plot over days */
    KEYS_SHOWN = 5,
    NUMBER_MAX = 32,
};

static double per_thousand(const struct tune_report *t, uint64_t alerts)
{
    uint64_t agent_days = tuning_agent_days(t->tuning);
    return agent_days > 0 ? 1000.0 * (double)alerts / (double)agent_days : 0;
}

static void print_limit(const struct tune_report *t, size_t i, size_t days, uint64_t most)
{
    const struct tuned_limit *l = tuning_at(t->tuning, i);
    char number[NUMBER_MAX] = "as it is";
    struct text text = text_over(number, sizeof(number));
    if (t->number)
        quantity_print(&text, l->limit, t->number->unit);
    (void)printf("%s %12s %8llu %9.2f %6llu %6llu %9.2f %10.2f  ", i == t->current ? "*" : " ",
                 number, (unsigned long long)l->alerts, (double)l->alerts / (double)days,
                 (unsigned long long)l->keys, (unsigned long long)l->days_with_alerts,
                 (double)l->folded / (double)days, per_thousand(t, l->alerts));
    for (uint64_t bar = most > 0 ? (l->alerts * BAR_WIDTH + most - 1) / most : 0; bar > 0; bar--)
        (void)putchar('#');
    (void)putchar('\n');
}

/* One line: how many alerts in each of equal spans of days. */
static void print_days(const struct tune_report *t, size_t i, size_t days, int64_t first_day)
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

static void print_version(const struct tune_report *t, const char *title, size_t i, size_t days,
                          int64_t first_day)
{
    struct tuned_key keys[KEYS_SHOWN];
    size_t count = tuning_keys(t->tuning, i, keys, KEYS_SHOWN);
    (void)printf("\n%s: alerts by day, and for whom most (masked)\n", title);
    print_days(t, i, days, first_day);
    print_keys(keys, count);
}

/* The limit with the most alerts among those that keep to the budget; false: none does. */
static bool find_within_budget(const struct tune_report *t, size_t *found)
{
    size_t count = tuning_count(t->tuning);
    for (size_t i = 0; i < count; i++) {
        *found = t->number->is_generous ? count - 1 - i : i;
        if (per_thousand(t, tuning_at(t->tuning, *found)->alerts) <= (double)t->budget)
            return true;
    }
    return false;
}

static void print_budget(const struct tune_report *t, size_t days, int64_t first_day)
{
    char number[NUMBER_MAX] = "", title[NUMBER_MAX * 2];
    size_t i;
    if (!find_within_budget(t, &i)) {
        (void)printf("\nproposed: none: every limit that was tried raises more than %llu alerts "
                     "per 1,000 agent-days; name %s ones with --limits\n",
                     (unsigned long long)t->budget, t->number->is_generous ? "smaller" : "larger");
        return;
    }
    const struct tuned_limit *l = tuning_at(t->tuning, i);
    struct text text = text_over(number, sizeof(number));
    quantity_print(&text, l->limit, t->number->unit);
    (void)printf("\nproposed: %s: %.2f alerts per 1,000 agent-days, of %llu at the most\n", number,
                 per_thousand(t, l->alerts), (unsigned long long)t->budget);
    (void)snprintf(title, sizeof(title), "with %s", number);
    if (i != t->current)
        print_version(t, title, i, days, first_day);
}

static void print_table(const struct tune_report *t, size_t days)
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

static void print_change(const struct tune_report *t, const char *what, size_t i, size_t other)
{
    struct tuned_key keys[KEYS_SHOWN];
    size_t count;
    uint64_t alerts = tuning_only(t->tuning, i, other, keys, KEYS_SHOWN, &count);
    (void)printf("\n%s %llu alerts, for keys and days that had none%s\n", what,
                 (unsigned long long)alerts, count > 0 ? "; most:" : "");
    print_keys(keys, count);
}

static void print_legend(const struct tune_report *t)
{
    (void)printf("  *: the rule as it stands");
    if (t->has_change)
        (void)printf("; below it with the change");
    else if (t->number)
        (void)printf("; the limit is its '%s'", t->number->key);
    else
        (void)printf(", which has no number that could be tuned");
    if (t->rule->trigger == TRIGGER_DRIFT && t->rule->daily.drifts_count > 1 && !t->has_change)
        (void)printf(", the first one's: the others go with it");
    (void)putchar('\n');
}

void tune_report_print(const struct tune_report *t)
{
    int64_t first_day;
    size_t days = tuning_days(t->tuning, &first_day);
    (void)printf("%s: %s\n%llu transactions of %zu day%s, %llu agent-days; %zu engine%s side "
                 "by side, one pass, exact\n\n",
                 t->rule->id, t->rule->name, (unsigned long long)t->transactions, days,
                 days == 1 ? "" : "s", (unsigned long long)tuning_agent_days(t->tuning),
                 tuning_count(t->tuning), tuning_count(t->tuning) == 1 ? "" : "s");
    if (days == 0)
        return;
    print_table(t, days);
    print_legend(t);
    print_version(t, "as it stands", t->current, days, first_day);
    if (t->has_change) {
        print_version(t, "with the change", 1, days, first_day);
        print_change(t, "the change adds", 1, 0);
        print_change(t, "the change removes", 0, 1);
    }
    if (t->budget > 0)
        print_budget(t, days, first_day);
}
