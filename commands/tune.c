/*
 * The first version that is tried is the rule as it stands; behind it come the other limits, from
 * the smallest to the largest, or the rule with its change.
 */
#include "commands/tune.h"

#include "commands/confine.h"
#include "commands/load.h"
#include "commands/logs.h"
#include "commands/sources.h"
#include "commands/tune_ledger.h"
#include "commands/tune_limits.h"
#include "commands/tune_report.h"
#include "profile/ledger_read.h"
#include "tuning.h"
#include "tuning_number.h"

#include <stdlib.h>

enum { BATCH = 4096 };

struct tune {
    struct loaded loaded;
    struct rules *changed; /* the rules with the change; NULL: there is none */
    struct logs logs;
    struct ledger_reader *ledger; /* NULL: there is none */
    const char *ledger_path;
    struct tuning *tuning;
    const struct rule *rule;
    struct tuning_number number;
    bool has_number;
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

/* Each limit, or the rule as it stands where it has none. */
static bool add_limits(struct tune *t, const struct options *o, struct error *error)
{
    uint64_t limits[TUNING_LIMITS_MAX];
    size_t count = 1;
    if (!t->has_number && (o->limits || o->budget > 0))
        return error_set(error, ERROR_USAGE,
                         "%s has no number that could be tuned: each touch of a planted customer "
                         "is an alert; rules with 'above', 'unusual', 'drift', 'first', 'score' "
                         "and the like have one",
                         t->rule->id);
    if (t->has_number && !tune_limits(limits, &count, &t->number, o->limits, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (t->has_number && limits[i] == t->number.value)
            t->current = i;
        if (!tuning_add(t->tuning, t->rule, t->has_number ? &limits[i] : NULL))
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
    return !t->ledger_path || (tune_ledger_check(t->rule, t->ledger_path, error) &&
                               ledger_reader_open(&t->ledger, t->ledger_path, error));
}

static bool prepare(struct tune *t, const struct options *o, struct error *error)
{
    struct option_list files = {.count = 0}, captures;
    t->rule = find_rule(t->loaded.rules, o->files.items[0]);
    if (!t->rule)
        return error_set(error, ERROR_USAGE, "there is no rule %s (seepwatch check --list)",
                         o->files.items[0]);
    t->has_number = tuning_number(t->rule, &t->number);
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
    tune_ledger_note(t->rule, t->ledger);
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

static void report(const struct tune *t, const struct options *o)
{
    uint64_t transactions = t->from_ledger;
    if (t->logs.log)
        transactions += transaction_log_counters(t->logs.log).transactions;
    const struct tune_report r = {.tuning = t->tuning,
                                  .rule = t->rule,
                                  .number = t->has_number ? &t->number : NULL,
                                  .current = t->current,
                                  .transactions = transactions,
                                  .has_change = o->change != NULL,
                                  .budget = o->budget};
    tune_report_print(&r);
}

bool run_tune(const struct options *o, struct error *error)
{
    struct tune t = {.current = 0};
    bool is_good = load(&t.loaded, o, error) && prepare(&t, o, error);
    const struct confine_needs needs = {.state = t.ledger_path};
    is_good = is_good && (o->is_unconfined || confine(&needs, error)) && read_logs(&t, error);
    if (is_good)
        report(&t, o);
    tuning_close(t.tuning);
    logs_close(&t.logs);
    ledger_reader_close(t.ledger);
    rules_close(t.changed);
    loaded_clear(&t.loaded);
    return is_good;
}
