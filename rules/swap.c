/*
 * Rules put to work: those that count as before keep their keys, moved to tables of a new size
 * where the number of rules changed; the others begin anew.
 */
#include "rules/engine_state.h"

#include "core/hash.h"
#include "rules/meaning.h"

#include <stdlib.h>

static const struct detector *const detectors[TRIGGERS_COUNT] = {
    [TRIGGER_ABOVE] = &DETECTOR_ABOVE,       [TRIGGER_FIRST] = &DETECTOR_FIRST,
    [TRIGGER_TOGETHER] = &DETECTOR_TOGETHER, [TRIGGER_TRAVEL] = &DETECTOR_TRAVEL,
    [TRIGGER_STEPS] = &DETECTOR_STEPS,       [TRIGGER_EACH] = &DETECTOR_EACH,
    [TRIGGER_BACK] = &DETECTOR_BACK,         [TRIGGER_ENUMERATES] = &DETECTOR_ENUMERATES,
    [TRIGGER_FOLLOWS] = &DETECTOR_FOLLOWS,   [TRIGGER_RHYTHM] = &DETECTOR_RHYTHM,
    [TRIGGER_HOURS] = &DETECTOR_HOURS,       [TRIGGER_UNUSUAL] = &DETECTOR_UNUSUAL,
    [TRIGGER_DRIFT] = &DETECTOR_DRIFT,       [TRIGGER_HONEY] = &DETECTOR_HONEY};

static size_t aligned(size_t size)
{
    size_t align = sizeof(max_align_t);
    return (size + align - 1) / align * align;
}

static void key_evicted(void *context, void *value)
{
    struct watch *w = context;
    lasting_remove(&w->lasting, value);
    w->detector->clear(&w->detection, state_of(w, value));
}

static size_t value_size(const struct watch *w)
{
    return w->texts_at + w->detection.rule->by_count * KEY_TEXT_MAX;
}

/* An empty table of a rule's keys; bytes_max: its part of the bytes for keys. */
static struct table *keys_open(struct watch *w, const struct engine *e, size_t bytes_max)
{
    struct table_config config = {.entries_max = e->config.keys_max,
                                  .bytes_max = bytes_max,
                                  .key_size = sizeof(struct digest),
                                  .value_size = value_size(w),
                                  .seed = e->config.seed,
                                  .evicted = key_evicted,
                                  .context = w};
    return table_open(&config);
}

static void watch_free(struct watch *w)
{
    table_close(w->keys);
    lasting_clear(&w->lasting);
    marks_close(w->marks);
    if (w->detector->close_whole)
        w->detector->close_whole(&w->detection);
    free(w);
}

static struct watch *watch_started(struct watch *w, const struct engine *e)
{
    if (e->is_lasting)
        watch_last(w);
    return w;
}

/* NULL without memory. */
static struct watch *watch_open(struct engine *e, const struct rule *rule, size_t bytes_max)
{
    struct watch *w = calloc(1, sizeof(*w) + EXCEPTIONS_MAX * sizeof(w->excepted[0]));
    if (!w)
        return NULL;
    w->number = e->watches_opened++;
    w->detection =
        (struct detection){.rule = rule, .budget = &e->budget, .seed = hash_mix(e->config.seed, 1)};
    w->detector = detectors[rule->trigger];
    w->state_at = aligned(sizeof(struct key));
    w->texts_at = w->state_at + aligned(w->detector->state_size);
    w->keys = keys_open(w, e, bytes_max);
    if (rule->before.by_count > 0)
        w->marks = marks_open(e->config.keys_max, bytes_max, e->config.seed);
    bool is_whole = !w->detector->open_whole ||
                    w->detector->open_whole(&w->detection, e->config.keys_max, bytes_max);
    if (w->keys && is_whole && (w->marks || rule->before.by_count == 0))
        return watch_started(w, e);
    watch_free(w);
    return NULL;
}

void watch_close(struct watch *w, struct engine *e)
{
    e->counters.keys_evicted += table_evictions(w->keys) + w->evictions;
    e->counters.values_forgotten += w->detection.forgotten;
    watch_free(w);
}

/* The rule at work that counts as this one does; NULL where there is none. */
static struct watch *watch_alike(const struct engine *e, const struct rule *rule)
{
    for (size_t i = 0; i < e->watches_count; i++) {
        const struct rule *old = e->watches[i]->detection.rule;
        if (strcmp(old->id, rule->id) == 0)
            return rule_counts_as(old, rule) ? e->watches[i] : NULL;
    }
    return NULL;
}

/* Moves the newest keys to a table that has room for more or for fewer.  Without memory for that
 * they stay. */
static void watch_resize(struct watch *w, const struct engine *e, size_t bytes_max)
{
    struct table *wanted = keys_open(w, e, bytes_max), *old = w->keys;
    if (!wanted || table_entries_max(wanted) == table_entries_max(old)) {
        table_close(wanted);
        return;
    }
    size_t count = table_count(old), max = table_entries_max(wanted);
    w->evictions += table_evictions(old);
    w->keys = wanted;
    lasting_move(&w->lasting, wanted);
    for (size_t left = count; left > 0; left--) {
        struct key *k = table_oldest(old), *moved = NULL;
        if (left <= max)
            moved = table_touch(wanted, table_key(old, k), NULL);
        if (moved) {
            memcpy(moved, k, value_size(w));
            memset(state_of(w, k), 0, w->detector->state_size); /* its memory went along */
        }
        w->evictions += moved == NULL;
        table_remove(old, k);
    }
    table_close(old);
}

/* Fills the list with the rules that are enabled, at work already or made; false without memory. */
static bool watches_gather(struct engine *e, const struct rules *rules, struct watch **list,
                           size_t count, size_t bytes_max)
{
    size_t filled = 0;
    for (size_t i = 0; filled < count; i++) {
        const struct rule *rule = rules_at(rules, i);
        if (!rule->is_enabled)
            continue;
        list[filled] = watch_alike(e, rule);
        if (!list[filled])
            list[filled] = watch_open(e, rule, bytes_max);
        if (!list[filled++])
            return false;
    }
    return true;
}

static bool has(struct watch *const *list, size_t count, const struct watch *w)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == w)
            return true;
    }
    return false;
}

/* Closes those of a list that another one does not have. */
static void watches_close(struct engine *e, struct watch **list, size_t count,
                          struct watch *const *but, size_t but_count)
{
    for (size_t i = 0; i < count && list[i]; i++) {
        if (!has(but, but_count, list[i]))
            watch_close(list[i], e);
    }
    free(list);
}

/* A new rule's exceptions go on with the counts of those of the same reason. */
static void watch_take_rule(struct watch *w, const struct rule *rule)
{
    const struct rule *old = w->detection.rule;
    uint64_t counts[EXCEPTIONS_MAX] = {0};
    for (size_t i = 0; i < rule->exceptions_count; i++) {
        for (size_t k = 0; k < old->exceptions_count; k++) {
            if (strcmp(old->exceptions[k].reason, rule->exceptions[i].reason) == 0)
                counts[i] = w->excepted[k];
        }
    }
    memcpy(w->excepted, counts, sizeof(counts));
    w->detection.rule = rule;
}

static bool same_key(const struct rule *a, const struct rule *b)
{
    return a->by_count == b->by_count && memcmp(a->by, b->by, a->by_count * sizeof(a->by[0])) == 0;
}

/* Gives the same number to rules with the same `by`. */
static void number_digests(struct engine *e)
{
    size_t numbers = 0;
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        size_t like = 0;
        while (like < i && !same_key(e->watches[like]->detection.rule, w->detection.rule))
            like++;
        w->digest = like < i ? e->watches[like]->digest : numbers++;
    }
}

/* Nothing is known of any kind; candidates: KINDS_COUNT times as many as there are rules. */
static void kinds_restart(struct engine *e, struct candidate *candidates)
{
    free(e->candidates);
    e->candidates = candidates;
    for (size_t i = 0; i < KINDS_COUNT; i++)
        e->kinds[i] = (struct kind){.candidates = candidates + i * e->watches_count};
}

/* Each rule's part of the bytes for keys; what came before (rules/before.h) and what is kept of all
 * keys together have one of their own. */
static size_t part_of_bytes(const struct engine *e, const struct rules *rules)
{
    size_t parts = 0;
    for (size_t i = 0; i < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        if (rule->is_enabled)
            parts +=
                1U + (rule->before.by_count > 0) + (detectors[rule->trigger]->open_whole != NULL);
    }
    return parts > 0 ? e->config.keys_bytes_max / parts : 0;
}

bool engine_swap(struct engine *e, const struct rules *rules, size_t *kept)
{
    size_t count = rules_on(rules), bytes_max = part_of_bytes(e, rules);
    struct watch **list = calloc(count + 1, sizeof(struct watch *));
    struct candidate *candidates = calloc(count + 1, KINDS_COUNT * sizeof(*candidates));
    uint64_t opened = e->watches_opened;
    if (!list || !candidates) {
        free(list);
        free(candidates);
        return false;
    }
    if (!watches_gather(e, rules, list, count, bytes_max)) {
        watches_close(e, list, count, e->watches, e->watches_count);
        free(candidates);
        return false;
    }
    watches_close(e, e->watches, e->watches_count, list, count);
    e->watches = list;
    e->watches_count = count;
    if (e->rules)
        e->counters.undecided += rules_undecided(e->rules);
    e->rules = rules;
    *kept = count - (size_t)(e->watches_opened - opened);
    for (size_t i = 0, next = 0; next < count; i++) {
        if (!rules_at(rules, i)->is_enabled)
            continue;
        watch_take_rule(list[next], rules_at(rules, i));
        watch_resize(list[next++], e, bytes_max);
    }
    e->marks_count = 0;
    for (size_t i = 0; i < count; i++)
        e->marks_count += list[i]->marks || list[i]->detector->observe;
    number_digests(e);
    kinds_restart(e, candidates);
    return true;
}
