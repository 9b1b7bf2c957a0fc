/*
 * Rules put to work: those that count as before keep the cells of their keys, moved to rings of a
 * new size where the number of rules changed; the others begin anew.
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

static void watch_free(struct watch *w)
{
    lasting_clear(&w->lasting);
    marks_close(w->marks);
    if (w->detector->close_whole)
        w->detector->close_whole(&w->detection);
    free(w);
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
    if (rule->before.by_count > 0)
        w->marks = marks_open(e->config.keys_max, bytes_max, e->config.seed);
    bool is_whole = !w->detector->open_whole ||
                    w->detector->open_whole(&w->detection, e->config.keys_max, bytes_max);
    if (is_whole && (w->marks || rule->before.by_count == 0))
        return w;
    watch_free(w);
    return NULL;
}

void watch_close(struct watch *w, struct engine *e)
{
    e->counters.keys_evicted += w->evictions;
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

static struct keyring *ring_in(struct keyring *const *rings, size_t count, const struct rule *rule)
{
    for (size_t i = 0; i < count; i++) {
        if (keyring_is_of(rings[i], rule))
            return rings[i];
    }
    return NULL;
}

/* What the rules are put to work with, before anything changes. */
struct plan {
    size_t count, rings_count;
    struct watch **watches, **counting, **observers;
    struct keyring **rings;  /* each at work already, or new */
    struct layout **layouts; /* theirs */
    struct candidate *candidates;
};

static void rings_close(struct keyring **rings, size_t count, struct keyring *const *but,
                        size_t but_count)
{
    for (size_t i = 0; i < count; i++) {
        bool is_kept = false;
        for (size_t k = 0; k < but_count; k++)
            is_kept = is_kept || but[k] == rings[i];
        if (!is_kept)
            keyring_close(rings[i]);
    }
    free(rings);
}

static void plan_drop(struct plan *p, struct engine *e)
{
    for (size_t i = 0; p->layouts && i < p->rings_count; i++)
        layout_close(p->layouts[i]);
    if (p->rings)
        rings_close(p->rings, p->rings_count, e->rings, e->rings_count);
    if (p->watches)
        watches_close(e, p->watches, p->count, e->watches, e->watches_count);
    free(p->layouts);
    free(p->counting);
    free(p->observers);
    free(p->candidates);
}

/* A ring for each `by`, with room for what its rules know; false without memory. */
static bool rings_gather(const struct engine *e, struct plan *p, size_t bytes_max)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct rule *rule = p->watches[i]->detection.rule;
        if (ring_in(p->rings, p->rings_count, rule))
            continue;
        struct keyring *r = ring_in(e->rings, e->rings_count, rule);
        if (!r)
            r = keyring_open(rule);
        if (!r)
            return false;
        p->rings[p->rings_count] = r;
        struct layout *l =
            layout_open(r, p->watches, p->count, e->config.keys_max, bytes_max, e->config.seed);
        p->layouts[p->rings_count++] = l;
        if (!l)
            return false;
    }
    return true;
}

/* False without memory. */
static bool plan_make(struct engine *e, const struct rules *rules, size_t bytes_max, struct plan *p)
{
    size_t count = rules_on(rules);
    *p = (struct plan){.count = count,
                       .watches = calloc(count + 1, sizeof(struct watch *)),
                       .counting = calloc(count + 1, sizeof(struct watch *)),
                       .observers = calloc(count + 1, sizeof(struct watch *)),
                       .rings = calloc(count + 1, sizeof(struct keyring *)),
                       .layouts = calloc(count + 1, sizeof(struct layout *)),
                       .candidates = calloc(count + 1, KINDS_COUNT * sizeof(struct candidate))};
    return p->watches && p->counting && p->observers && p->rings && p->layouts && p->candidates &&
           watches_gather(e, rules, p->watches, count, bytes_max) && rings_gather(e, p, bytes_max);
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
    size_t bytes_max = part_of_bytes(e, rules);
    uint64_t opened = e->watches_opened;
    struct plan p;
    if (!plan_make(e, rules, bytes_max, &p)) {
        plan_drop(&p, e);
        return false;
    }
    for (size_t i = 0; i < e->watches_count; i++) {
        if (!has(p.watches, p.count, e->watches[i]))
            keyring_forget(e->watches[i]->ring, e->watches[i]);
    }
    watches_close(e, e->watches, e->watches_count, p.watches, p.count);
    rings_close(e->rings, e->rings_count, p.rings, p.rings_count);
    free(e->counting);
    free(e->observers);
    e->watches = p.watches;
    e->watches_count = p.count;
    e->counting = p.counting;
    e->observers = p.observers;
    e->rings = p.rings;
    e->rings_count = p.rings_count;
    if (e->rules)
        e->counters.undecided += rules_undecided(e->rules);
    e->rules = rules;
    *kept = p.count - (size_t)(e->watches_opened - opened);
    e->observers_count = 0;
    for (size_t i = 0, next = 0; next < p.count; i++) {
        struct watch *w = p.watches[next];
        if (!rules_at(rules, i)->is_enabled)
            continue;
        watch_take_rule(w, rules_at(rules, i));
        if (w->marks || w->detector->observe)
            e->observers[e->observers_count++] = w;
        next++;
    }
    for (size_t i = 0; i < p.rings_count; i++)
        keyring_take(p.rings[i], p.layouts[i]);
    free(p.layouts);
    for (size_t i = 0; e->is_lasting && i < p.count; i++) {
        if (p.watches[i]->number >= opened)
            watch_last(p.watches[i]);
    }
    kinds_restart(e, p.candidates);
    return true;
}
