/*
 * Keys are found by a digest of 128 bits of their fields' values.  The engine knows no trigger: it
 * asks the rule's detector.  Which rules a transaction can count for is found out once for all
 * transactions with the same fields and action, its kind: most transactions are of a few kinds, and
 * most rules are not for most kinds.
 */
#include "rules/engine.h"

#include "core/hash.h"
#include "core/table.h"
#include "rules/before.h"
#include "rules/detector.h"
#include "rules/exception.h"
#include "rules/meaning.h"
#include "rules/text.h"

#include <stdlib.h>

enum {
    TICK_KEYS_MAX = 1024, /* forgotten at one tick, of one rule */
    ROOM_TRIES_MAX = 16,  /* keys that go to make room for one transaction */
    DIGESTS_MAX = 8,      /* kept of one transaction, for rules with the same `by` */
    KINDS_COUNT = 128,    /* a power of two */
};

static const struct detector *const detectors[TRIGGERS_COUNT] = {
    [TRIGGER_ABOVE] = &DETECTOR_ABOVE,       [TRIGGER_FIRST] = &DETECTOR_FIRST,
    [TRIGGER_TOGETHER] = &DETECTOR_TOGETHER, [TRIGGER_TRAVEL] = &DETECTOR_TRAVEL,
    [TRIGGER_STEPS] = &DETECTOR_STEPS,       [TRIGGER_EACH] = &DETECTOR_EACH};

struct digest {
    uint64_t low, high;
};

/* The digests of a transaction that were computed already, by the watches' `digest`. */
struct digests {
    bool is_known[DIGESTS_MAX];
    struct digest items[DIGESTS_MAX];
};

/* A key's value in its table; the detector's state and the texts follow. */
struct key {
    int64_t last_ns, alerted_ns;
    uint64_t repeats; /* since the last alert */
    bool has_alerted;
    uint8_t text_len[RULE_BY_MAX];
};

/* One rule at work.  It does not move. */
struct watch {
    uint64_t number; /* unlike that of any other that this engine ever had */
    struct detection detection;
    const struct detector *detector;
    struct table *keys;
    struct marks *marks;       /* of `unless before`; NULL: the rule has none */
    size_t state_at, texts_at; /* offsets in a key's value */
    uint64_t evictions;        /* to make room in the budget */
    size_t digest;             /* the same number for rules with the same `by` */
    uint64_t alerts, folded;
    uint64_t excepted[]; /* by each of the rule's exceptions */
};

/* A rule that transactions of a kind can count for. */
struct candidate {
    struct watch *watch;
    bool is_open; /* its expression has to be asked */
};

/* The newest of those that share a place are kept. */
struct kind {
    field_set present;
    unsigned action;
    bool is_known;
    size_t count;
    struct candidate *candidates; /* room for all rules */
};

struct evidence_key {
    uint64_t watch;
    struct digest digest;
};

struct engine {
    struct engine_config config;
    struct budget budget;
    struct table *evidence;
    struct engine_counters counters;
    const struct rules *rules;
    uint64_t watches_opened;
    size_t watches_count;
    struct watch **watches; /* in the order of the rules */
    size_t marks_count;     /* watches with marks */
    struct kind kinds[KINDS_COUNT];
    struct candidate *candidates; /* of all kinds */
};

static size_t aligned(size_t size)
{
    size_t align = sizeof(max_align_t);
    return (size + align - 1) / align * align;
}

static void *state_of(const struct watch *w, struct key *k)
{
    return (char *)k + w->state_at;
}

static uint8_t *text_of(const struct watch *w, struct key *k, size_t i)
{
    return (uint8_t *)k + w->texts_at + i * KEY_TEXT_MAX;
}

static void key_evicted(void *context, void *value)
{
    struct watch *w = context;
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
    if (w->keys && (w->marks || rule->before.by_count == 0))
        return w;
    table_close(w->keys);
    free(w);
    return NULL;
}

/* Closes it; what it counted stays counted. */
static void watch_close(struct watch *w, struct engine *e)
{
    e->counters.keys_evicted += table_evictions(w->keys) + w->evictions;
    e->counters.values_forgotten += w->detection.forgotten;
    table_close(w->keys);
    marks_close(w->marks);
    free(w);
}

struct engine *engine_open(const struct rules *rules, const struct engine_config *config)
{
    struct engine *e = calloc(1, sizeof(*e));
    size_t kept;
    if (!e)
        return NULL;
    e->config = *config;
    if (e->config.keys_max == 0)
        e->config.keys_max = KEYS_MAX;
    e->budget.bytes_max = config->bytes_max > 0 ? config->bytes_max : ENGINE_BYTES_MAX;
    struct table_config evidence = {.entries_max = EVIDENCE_KEYS_MAX,
                                    .bytes_max = config->evidence_bytes_max,
                                    .key_size = sizeof(struct evidence_key),
                                    .value_size = sizeof(struct evidence_list),
                                    .seed = config->seed};
    e->evidence = table_open(&evidence);
    if (e->evidence && engine_swap(e, rules, &kept))
        return e;
    engine_close(e);
    return NULL;
}

void engine_close(struct engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->watches_count; i++)
        watch_close(e->watches[i], e);
    free(e->watches);
    free(e->candidates);
    table_close(e->evidence);
    free(e);
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

/* Each rule's part of the bytes for keys; what came before (rules/before.h) has one of its own. */
static size_t part_of_bytes(const struct engine *e, const struct rules *rules)
{
    size_t parts = 0;
    for (size_t i = 0; i < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        if (rule->is_enabled)
            parts += rule->before.by_count > 0 ? 2 : 1;
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
        e->marks_count += list[i]->marks != NULL;
    number_digests(e);
    kinds_restart(e, candidates);
    return true;
}

static struct digest digest_of(const struct engine *e, const struct watch *w,
                               const struct transaction *t, struct digests *known)
{
    const struct rule *rule = w->detection.rule;
    bool is_kept = w->digest < DIGESTS_MAX;
    if (is_kept && known->is_known[w->digest])
        return known->items[w->digest];
    struct digest d = {e->config.seed, ~e->config.seed};
    for (size_t i = 0; i < rule->by_count; i++) {
        struct bytes value = detector_value(t, rule->by[i], 0);
        d.low = hash_bytes(value, d.low);
        d.high = hash_bytes(value, d.high);
    }
    if (is_kept) {
        known->is_known[w->digest] = true;
        known->items[w->digest] = d;
    }
    return d;
}

/* What an alert will show of the key. */
static void keep_texts(const struct watch *w, struct key *k, const struct transaction *t)
{
    const struct rule *rule = w->detection.rule;
    for (size_t i = 0; i < rule->by_count; i++) {
        struct bytes value = text_cut(detector_value(t, rule->by[i], 0), KEY_TEXT_MAX);
        k->text_len[i] = (uint8_t)value.len;
        if (value.len > 0)
            memcpy(text_of(w, k, i), value.data, value.len);
    }
}

/* The key as a transaction that has only its fields. */
static void restore_key(struct transaction *t, const struct watch *w, struct key *k)
{
    const struct rule *rule = w->detection.rule;
    for (size_t i = 0; i < rule->by_count; i++) {
        enum field f = rule->by[i];
        struct bytes text = {text_of(w, k, i), k->text_len[i]};
        bool is_text = FIELDS[f].type == FIELD_TYPE_TEXT;
        memcpy((char *)t + FIELDS[f].offset, is_text ? (const void *)&text : text.data,
               is_text ? sizeof(text) : text.len);
        transaction_mark(t, f);
    }
}

/* Lets the oldest key of the rule with the most keys go, but not k; false where there is none. */
static bool make_room(struct engine *e, const struct key *k)
{
    struct watch *fullest = NULL;
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        if (!fullest || table_count(w->keys) > table_count(fullest->keys))
            fullest = w;
    }
    void *oldest = table_oldest(fullest->keys);
    if (oldest == k)
        return false;
    table_remove(fullest->keys, oldest);
    fullest->evictions++;
    return true;
}

static enum finding count(struct engine *e, struct watch *w, struct key *k,
                          const struct occurrence *o, uint64_t *weight)
{
    enum finding found = FINDING_DENIED;
    for (unsigned i = 0; i < ROOM_TRIES_MAX && found == FINDING_DENIED; i++) {
        found = w->detector->count(&w->detection, state_of(w, k), o, weight);
        if (found == FINDING_DENIED && !make_room(e, k))
            break;
    }
    e->counters.denied += found == FINDING_DENIED;
    e->counters.late += found == FINDING_LATE;
    e->counters.counted += found != FINDING_DENIED && found != FINDING_LATE;
    return found;
}

/* The evidence in the order of time; alerts are rare, so sorting is not worth more than this. */
static void attach_evidence(struct alert *a, const struct evidence_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        size_t at = a->evidence_count++;
        for (; at > 0 && a->evidence[at - 1]->end_ns > l->items[i].end_ns; at--)
            a->evidence[at] = a->evidence[at - 1];
        a->evidence[at] = &l->items[i];
    }
}

static void raise_alert(struct engine *e, struct watch *w, struct key *k,
                        const struct occurrence *o, struct evidence_list *evidence)
{
    struct alert a = {.rule = w->detection.rule, .time_ns = o->time_ns, .repeats = k->repeats};
    restore_key(&a.key, w, k);
    w->detector->describe(&w->detection, state_of(w, k), o, &a);
    if (evidence)
        attach_evidence(&a, evidence);
    k->has_alerted = true;
    k->alerted_ns = o->time_ns;
    k->repeats = 0;
    w->alerts++;
    e->counters.alerts++;
    e->config.alert(e->config.context, &a);
}

static bool is_excepted(struct engine *e, struct watch *w, const struct occurrence *o)
{
    const struct rule *rule = w->detection.rule;
    if (rule->exceptions_count == 0)
        return false;
    size_t found = exceptions_find(rule, o->transaction, o->time_ns);
    if (found == rule->exceptions_count)
        return false;
    w->excepted[found]++;
    e->counters.excepted++;
    return true;
}

static bool is_preceded(const struct watch *w, const struct occurrence *o)
{
    return w->marks && marks_have(w->marks, &w->detection.rule->before, o->transaction, o->time_ns);
}

/* What later transactions may find before them. */
static void take_marks(struct engine *e, const struct occurrence *o)
{
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        if (w->marks)
            marks_take(w->marks, &w->detection.rule->before, o->transaction, o->time_ns);
    }
}

static void watch_count(struct engine *e, struct watch *w, const struct occurrence *o,
                        struct digests *known)
{
    if (is_excepted(e, w, o) || is_preceded(w, o))
        return;
    struct digest digest = digest_of(e, w, o->transaction, known);
    bool is_new;
    uint64_t weight = 0;
    struct key *k = table_touch(w->keys, &digest, &is_new);
    if (!k) {
        e->counters.denied++;
        return;
    }
    if (is_new)
        keep_texts(w, k, o->transaction);
    if (is_new || k->last_ns < o->time_ns)
        k->last_ns = o->time_ns;
    enum finding found = count(e, w, k, o, &weight);
    if (found != FINDING_NEAR && found != FINDING_RAISED)
        return;
    const struct evidence_key evidence_key = {w->number, digest};
    struct evidence_list *evidence = table_touch(e->evidence, &evidence_key, NULL);
    if (evidence) {
        evidence_forget(evidence, o->time_ns - w->detector->span_ns(w->detection.rule));
        evidence_add(evidence, o->transaction, o->time_ns, weight);
    }
    if (found != FINDING_RAISED)
        return;
    /* a quiet time of 0 folds nothing, not even what comes late */
    int64_t quiet_ns = w->detection.rule->quiet_ns;
    if (!k->has_alerted || quiet_ns == 0 || o->time_ns - k->alerted_ns >= quiet_ns) {
        raise_alert(e, w, k, o, evidence);
    } else {
        k->repeats++;
        w->folded++;
        e->counters.folded++;
    }
}

/* The end of a transaction, within what later arithmetic can bear. */
static int64_t end_of(const struct transaction *t)
{
    const int64_t latest = INT64_MAX / 2;
    int64_t start = t->start_ns < 0 ? 0 : t->start_ns > latest ? latest : t->start_ns;
    if (!transaction_has(t, FIELD_EVENT_DURATION))
        return start;
    uint64_t left = (uint64_t)(latest - start);
    return start + (int64_t)(t->duration_ns < left ? t->duration_ns : left);
}

static void kind_learn(const struct engine *e, struct kind *k, const struct transaction *t)
{
    k->present = t->present;
    k->action = t->action;
    k->is_known = true;
    k->count = 0;
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        enum outlook outlook = expression_outlook(&w->detection.rule->when, t->present, t->action);
        if (outlook != OUTLOOK_NEVER)
            k->candidates[k->count++] = (struct candidate){w, outlook == OUTLOOK_OPEN};
    }
}

static const struct kind *kind_of(struct engine *e, const struct transaction *t)
{
    uint64_t hash = hash_mix((uint64_t)t->present ^ e->config.seed,
                             (uint64_t)(t->present >> 64) << 8 | t->action | 1U << 7);
    struct kind *k = &e->kinds[hash % KINDS_COUNT];
    if (!k->is_known || k->present != t->present || k->action != t->action)
        kind_learn(e, k, t);
    return k;
}

void engine_transaction(struct engine *e, const struct transaction *t)
{
    const struct occurrence o = {t, end_of(t)};
    const struct kind *k = kind_of(e, t);
    struct digests known;
    memset(known.is_known, 0, sizeof(known.is_known));
    e->counters.transactions++;
    for (size_t i = 0; i < k->count; i++) {
        const struct candidate *c = &k->candidates[i];
        if (!c->is_open || expression_holds(&c->watch->detection.rule->when, t))
            watch_count(e, c->watch, &o, &known);
    }
    if (e->marks_count > 0)
        take_marks(e, &o);
}

void engine_tick(struct engine *e, int64_t now_ns)
{
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        int64_t before_ns = now_ns - w->detector->keep_ns(w->detection.rule);
        for (unsigned forgotten = 0; forgotten < TICK_KEYS_MAX; forgotten++) {
            struct key *oldest = table_oldest(w->keys);
            if (!oldest || oldest->last_ns >= before_ns)
                break;
            table_remove(w->keys, oldest);
        }
    }
}

struct engine_counters engine_counters(const struct engine *e)
{
    struct engine_counters c = e->counters;
    for (size_t i = 0; i < e->watches_count; i++) {
        const struct watch *w = e->watches[i];
        c.keys += table_count(w->keys);
        c.keys_evicted += table_evictions(w->keys) + w->evictions;
        c.values_forgotten += w->detection.forgotten;
    }
    c.undecided += rules_undecided(e->rules);
    c.bytes = e->budget.used;
    c.bytes_peak = e->budget.peak;
    return c;
}

bool engine_rule(const struct engine *e, size_t i, struct rule_counters *c)
{
    if (i >= e->watches_count)
        return false;
    const struct watch *w = e->watches[i];
    *c = (struct rule_counters){.rule = w->detection.rule,
                                .alerts = w->alerts,
                                .folded = w->folded,
                                .excepted = w->excepted};
    return true;
}
