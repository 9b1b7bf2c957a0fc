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
static struct watch *watch_open(struct engine *e, const struct detector *detector,
                                const struct rule *rule, size_t bytes_max)
{
    struct watch *w = calloc(1, sizeof(*w) + EXCEPTIONS_MAX * sizeof(w->excepted[0]));
    if (!w)
        return NULL;
    w->number = e->watches_opened++;
    w->detection =
        (struct detection){.rule = rule, .budget = &e->budget, .seed = hash_mix(e->config.seed, 1)};
    w->detector = detector;
    w->state_size = detector->state_size * (detector->parts ? detector->parts(rule) : 1);
    w->is_tally = detector != detectors[rule->trigger];
    if (rule->before.by_count > 0 && !w->is_tally)
        w->marks = marks_open(e->config.keys_max, bytes_max, e->config.seed);
    bool is_whole = !w->detector->open_whole ||
                    w->detector->open_whole(&w->detection, e->config.keys_max, bytes_max);
    if (is_whole && (w->marks || rule->before.by_count == 0 || w->is_tally))
        return w;
    watch_free(w);
    return NULL;
}

void watch_close(struct watch *w, struct engine *e)
{
    e->counters.keys_evicted += w->is_tally ? 0 : w->evictions;
    e->counters.values_forgotten += w->detection.forgotten;
    watch_free(w);
}

/* The rule at work that counts as this one does; NULL where there is none. */
static struct watch *watch_alike(const struct engine *e, const struct rule *rule)
{
    for (size_t i = 0; i < e->rules_count; i++) {
        const struct rule *old = e->watches[i]->detection.rule;
        if (strcmp(old->id, rule->id) == 0)
            return rule_counts_as(old, rule) ? e->watches[i] : NULL;
    }
    return NULL;
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
    size_t rules_count, watches_count, rings_count;
    struct watch **watches; /* of the rules that are enabled, then their tallies; at work or new */
    struct planned {
        const struct rule *rule; /* a tally's: one of those that have it */
        struct watch *tally;     /* a rule's; NULL: none */
        struct watch *source;    /* what a tally is to be a copy of; NULL: nothing */
    } * planned;                 /* of each watch */
    struct watch **counting, **observers;
    struct keyring **rings;  /* each at work already, or new */
    struct layout **layouts; /* theirs */
    struct candidate *candidates;
};

/* Puts every rule that is enabled to work, or finds it there; false without memory. */
static bool rules_gather(struct engine *e, const struct rules *rules, struct plan *p,
                         size_t bytes_max)
{
    for (size_t i = 0; p->watches_count < p->rules_count; i++) {
        const struct rule *rule = rules_at(rules, i);
        if (!rule->is_enabled)
            continue;
        struct watch *w = watch_alike(e, rule);
        if (!w)
            w = watch_open(e, detectors[rule->trigger], rule, bytes_max);
        if (!w)
            return false;
        p->planned[p->watches_count].rule = rule;
        p->watches[p->watches_count++] = w;
    }
    return true;
}

/* The tally at work that the rule's can go on with; NULL where there is none. */
static struct watch *tally_before(const struct engine *e, const struct watch *w,
                                  const struct rule *rule)
{
    for (size_t i = e->rules_count; i < e->watches_count && !w->tally; i++) {
        struct watch *tally = e->watches[i];
        if (tally->detector == w->detector->tally &&
            rule_tally_counts_as(tally->detection.rule, rule))
            return tally;
    }
    return w->tally;
}

/* Finds the i-th rule's tally: that of a rule before it which counts the same, or the one that it
 * had.  Where that is another rule's now, a copy of it.  False without memory. */
static bool tally_plan(struct engine *e, struct plan *p, size_t i, size_t bytes_max)
{
    struct planned *planned = &p->planned[i];
    const struct watch *w = p->watches[i];
    for (size_t k = p->rules_count; k < p->watches_count; k++) {
        if (p->watches[k]->detector == w->detector->tally &&
            rule_shares_tally(p->planned[k].rule, planned->rule)) {
            planned->tally = p->watches[k];
            return true;
        }
    }
    struct watch *before = tally_before(e, w, planned->rule), *tally = before;
    if (!tally || has(p->watches, p->watches_count, tally))
        tally = watch_open(e, w->detector->tally, planned->rule, bytes_max);
    if (!tally)
        return false;
    planned->tally = tally;
    p->planned[p->watches_count] =
        (struct planned){.rule = planned->rule, .source = tally != before ? before : NULL};
    p->watches[p->watches_count++] = tally;
    return true;
}

/* Rules that are at work already have theirs first.  False without memory. */
static bool tallies_gather(struct engine *e, struct plan *p, size_t bytes_max)
{
    for (int is_new = 0; is_new < 2; is_new++) {
        for (size_t i = 0; i < p->rules_count; i++) {
            const struct watch *w = p->watches[i];
            if (w->detector->tally && (w->tally == NULL) == is_new &&
                !tally_plan(e, p, i, bytes_max))
                return false;
        }
    }
    return true;
}

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
        watches_close(e, p->watches, p->watches_count, e->watches, e->watches_count);
    free(p->planned);
    free(p->layouts);
    free(p->counting);
    free(p->observers);
    free(p->candidates);
}

/* A ring for each `by`, with room for what its rules know; false without memory. */
static bool rings_gather(const struct engine *e, struct plan *p, size_t bytes_max)
{
    for (size_t i = 0; i < p->rules_count; i++) {
        const struct rule *rule = p->watches[i]->detection.rule;
        if (ring_in(p->rings, p->rings_count, rule))
            continue;
        struct keyring *r = ring_in(e->rings, e->rings_count, rule);
        if (!r)
            r = keyring_open(rule);
        if (!r)
            return false;
        p->rings[p->rings_count] = r;
        struct layout *l = layout_open(r, p->watches, p->watches_count, e->config.keys_max,
                                       bytes_max, e->config.seed);
        p->layouts[p->rings_count++] = l;
        if (!l)
            return false;
    }
    return true;
}

/* False without memory. */
static bool plan_make(struct engine *e, const struct rules *rules, size_t bytes_max, struct plan *p)
{
    size_t count = rules_on(rules), most = 2 * count + 1;
    *p = (struct plan){.rules_count = count,
                       .watches = calloc(most, sizeof(struct watch *)),
                       .planned = calloc(most, sizeof(struct planned)),
                       .counting = calloc(count + 1, sizeof(struct watch *)),
                       .observers = calloc(count + 1, sizeof(struct watch *)),
                       .rings = calloc(count + 1, sizeof(struct keyring *)),
                       .layouts = calloc(count + 1, sizeof(struct layout *)),
                       .candidates = calloc(count + 1, KINDS_COUNT * sizeof(struct candidate))};
    return p->watches && p->planned && p->counting && p->observers && p->rings && p->layouts &&
           p->candidates && rules_gather(e, rules, p, bytes_max) &&
           tallies_gather(e, p, bytes_max) && rings_gather(e, p, bytes_max);
}

/* Nothing is known of any kind; candidates: KINDS_COUNT times as many as there are rules. */
static void kinds_restart(struct engine *e, struct candidate *candidates)
{
    free(e->candidates);
    e->candidates = candidates;
    for (size_t i = 0; i < KINDS_COUNT; i++)
        e->kinds[i] = (struct kind){.candidates = candidates + i * e->rules_count};
}

/* Each rule's part of the bytes for keys; what came before (rules/before.h), what is kept of all
 * keys together and tallies have one of their own. */
static size_t part_of_bytes(const struct engine *e, const struct rules *rules)
{
    size_t parts = 0;
    for (size_t i = 0; i < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        const struct detector *detector = detectors[rule->trigger];
        if (rule->is_enabled)
            parts += 1U + (rule->before.by_count > 0) + (detector->open_whole || detector->tally);
    }
    return parts > 0 ? e->config.keys_bytes_max / parts : 0;
}

/* Closes what is at work and not in the plan. */
static void close_others(struct engine *e, const struct plan *p)
{
    for (size_t i = 0; i < e->watches_count; i++) {
        if (!has(p->watches, p->watches_count, e->watches[i]))
            keyring_forget(e->watches[i]->ring, e->watches[i]);
    }
    watches_close(e, e->watches, e->watches_count, p->watches, p->watches_count);
    rings_close(e->rings, e->rings_count, p->rings, p->rings_count);
    free(e->counting);
    free(e->observers);
}

/* Gives what is at work its new rules. */
static void rules_take(struct engine *e, const struct plan *p)
{
    e->observers_count = 0;
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        watch_take_rule(w, p->planned[i].rule);
        w->tally = p->planned[i].tally;
        w->detection.tally = w->tally ? &w->tally->detection : NULL;
        if (w->marks || w->detector->observe)
            e->observers[e->observers_count++] = w;
    }
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
    close_others(e, &p);
    e->watches = p.watches;
    e->watches_count = p.watches_count;
    e->rules_count = p.rules_count;
    e->counting = p.counting;
    e->observers = p.observers;
    e->rings = p.rings;
    e->rings_count = p.rings_count;
    if (e->rules)
        e->counters.undecided += rules_undecided(e->rules);
    e->rules = rules;
    rules_take(e, &p);
    for (size_t i = 0; i < p.rings_count; i++)
        keyring_take(p.rings[i], p.layouts[i]);
    *kept = 0;
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        if (p.planned[i].source)
            watch_copy(p.planned[i].source, w);
        if (e->is_lasting && w->number >= opened)
            watch_last(w);
        *kept += i < e->rules_count && w->number < opened;
    }
    free(p.planned);
    free(p.layouts);
    kinds_restart(e, p.candidates);
    return true;
}
