/*
 * The engine knows no trigger: it asks the rule's detector.  Which rules a transaction can count
 * for is found out once for all transactions with the same fields and action, its kind: most
 * transactions are of a few kinds, and most rules are not for most kinds.
 *
 * What waits for memory is asked for before anything is counted: first the keys of all rules that
 * the transaction counts for, then their cells.
 */
#include "rules/engine_state.h"

#include "core/hash.h"

#include <stdlib.h>

enum {
    TICK_KEYS_MAX = 1024, /* forgotten at one tick, of one ring */
    SWEEP_EVERY = 32,     /* transactions: for so many, one key is looked at for idle cells */
    ROOM_TRIES_MAX = 16,  /* keys that go to make room for one transaction */
};

static void evidence_evicted(void *context, void *value)
{
    struct engine *e = context;
    lasting_remove(&e->evidence_lasting, value);
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
                                    .seed = config->seed,
                                    .evicted = evidence_evicted,
                                    .context = e};
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
    for (size_t i = 0; i < e->rings_count; i++)
        keyring_close(e->rings[i]);
    for (size_t i = 0; i < e->watches_count; i++)
        watch_close(e->watches[i], e);
    free(e->watches);
    free(e->counting);
    free(e->observers);
    free(e->rings);
    free(e->candidates);
    table_close(e->evidence);
    lasting_clear(&e->evidence_lasting);
    free(e);
}

bool engine_make_room(struct engine *e)
{
    struct keyring *fullest = NULL;
    for (size_t i = 0; i < e->rings_count; i++) {
        struct keyring *r = e->rings[i];
        const struct table *keys = r->layout->keys;
        void *oldest = table_oldest(keys);
        if (oldest && oldest != r->now &&
            (!fullest || table_count(keys) > table_count(fullest->layout->keys)))
            fullest = r;
    }
    if (fullest)
        table_remove(fullest->layout->keys, table_oldest(fullest->layout->keys));
    return fullest != NULL;
}

struct told *engine_told(struct engine *e, struct cell *cell)
{
    for (unsigned i = 0; i < ROOM_TRIES_MAX && !cell->told; i++) {
        if (budget_resize(&e->budget, &cell->told, 0, sizeof(*cell->told)))
            *cell->told = (struct told){.repeats = 0};
        else if (!engine_make_room(e))
            break;
    }
    return cell->told;
}

/* What the rule knows of the key, which changes now; what does not matter any more is forgotten,
 * whether a tick found it yet or not. */
static struct cell *cell_reach(struct watch *w, const struct occurrence *o)
{
    struct key *k = w->ring->now;
    struct cell *cell = cell_of(w, k);
    if (cell->is_used && cell->last_ns < o->time_ns - w->keep_ns)
        keyring_drop(w, cell);
    bool is_new = !cell->is_used;
    cell->is_used = true;
    w->cells += is_new;
    lasting_touch(&w->lasting, cell, is_new);
    if (is_new || cell->last_ns < o->time_ns)
        cell->last_ns = o->time_ns;
    if (k->last_ns < o->time_ns)
        k->last_ns = o->time_ns;
    return cell;
}

/* Counts, and where there is no memory makes room. */
static enum finding try_count(struct engine *e, struct watch *w, struct cell *cell,
                              const struct occurrence *o, uint64_t *weight)
{
    enum finding found = w->detector->count(&w->detection, cell_state(cell), o, weight);
    for (unsigned i = 1; i < ROOM_TRIES_MAX && found == FINDING_DENIED; i++) {
        if (!engine_make_room(e))
            break;
        found = w->detector->count(&w->detection, cell_state(cell), o, weight);
    }
    return found;
}

/* The first of the rules that share a tally has it count. */
static enum finding tally_count(struct engine *e, struct watch *w, const struct occurrence *o)
{
    uint64_t weight = 0;
    if (w->counted == e->counters.transactions)
        return w->found;
    struct cell *cell = cell_reach(w, o);
    w->counted = e->counters.transactions;
    w->detection.state = cell_state(cell);
    w->found = try_count(e, w, cell, o, &weight);
    return w->found;
}

static enum finding count(struct engine *e, struct watch *w, struct cell *cell,
                          const struct occurrence *o, uint64_t *weight)
{
    enum finding found = w->tally ? tally_count(e, w->tally, o) : FINDING_NONE;
    if (found != FINDING_LATE && found != FINDING_DENIED)
        found = try_count(e, w, cell, o, weight);
    if (found == FINDING_DENIED)
        e->counters.denied++;
    else if (found == FINDING_LATE)
        e->counters.late++;
    else
        e->counters.counted++;
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

static void raise_alert(struct engine *e, struct watch *w, struct cell *cell,
                        const struct occurrence *o, struct evidence_list *evidence)
{
    struct told *told = engine_told(e, cell);
    struct alert a = {.rule = w->detection.rule,
                      .time_ns = o->time_ns,
                      .repeats = told ? told->repeats : 0,
                      .is_passing = o->is_passing};
    keyring_restore(w->ring, w->ring->now, &a.key);
    w->detector->describe(&w->detection, cell_state(cell), o, &a);
    if (evidence)
        attach_evidence(&a, evidence);
    if (told)
        *told = (struct told){.alerted_ns = o->time_ns,
                              .passing_ns =
                                  o->is_passing ? o->transaction->start_ns : told->passing_ns};
    else
        e->counters.denied++;
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
    if (!o->is_passing) {
        w->excepted[found]++;
        e->counters.excepted++;
    }
    return true;
}

static bool is_preceded(const struct watch *w, const struct occurrence *o)
{
    return w->marks && marks_have(w->marks, &w->detection.rule->before, o->transaction, o->time_ns);
}

/* What later transactions may find before them. */
static void take_marks(struct engine *e, const struct kind *k, const struct occurrence *o)
{
    for (size_t i = 0; i < e->observers_count; i++) {
        struct watch *w = e->observers[i];
        if (i < OBSERVERS_KNOWN && !(k->observers >> i & 1))
            continue;
        if (w->marks)
            marks_take(w->marks, &w->detection.rule->before, o->transaction, o->time_ns);
        if (w->detector->observe)
            w->detector->observe(&w->detection, o);
    }
}

/* Looks up the transaction's key for all rules of the ring; false without memory. */
static bool ring_reach(struct engine *e, struct keyring *r, const struct transaction *t)
{
    if (r->now)
        return true;
    const struct digest digest = keyring_digest(r, t, e->config.seed);
    bool is_new;
    r->now = keyring_touch(r, &digest, &is_new);
    if (!r->now)
        return false;
    if (is_new)
        keyring_keep_texts(r, r->now, t);
    return true;
}

/* Whether an alert of that time is folded into the one before. */
static bool is_quiet(const struct watch *w, const struct cell *cell, int64_t time_ns)
{
    /* a quiet time of 0 folds nothing, not even what comes late */
    int64_t quiet_ns = w->detection.rule->quiet_ns;
    return cell->told && quiet_ns > 0 && time_ns - cell->told->alerted_ns < quiet_ns;
}

static bool was_told(const struct cell *cell, const struct transaction *t)
{
    return cell->told && cell->told->passing_ns != 0 && cell->told->passing_ns == t->start_ns;
}

static struct evidence_list *add_evidence(struct engine *e, const struct watch *w,
                                          const struct occurrence *o, uint64_t weight)
{
    const struct digest *digest = table_key(w->ring->layout->keys, w->ring->now);
    const struct evidence_key key = {w->number, *digest};
    bool is_new;
    struct evidence_list *evidence = table_touch(e->evidence, &key, &is_new);
    if (evidence) {
        lasting_touch(&e->evidence_lasting, evidence, is_new);
        evidence_forget(evidence, o->time_ns - w->detector->span_ns(w->detection.rule));
        evidence_add(evidence, o->transaction, o->time_ns, weight);
    }
    return evidence;
}

static void watch_count(struct engine *e, struct watch *w, const struct occurrence *o)
{
    uint64_t weight = 0;
    struct cell *cell = cell_reach(w, o);
    enum finding found = count(e, w, cell, o, &weight);
    if ((found != FINDING_NEAR && found != FINDING_RAISED) || was_told(cell, o->transaction))
        return;
    struct evidence_list *evidence = add_evidence(e, w, o, weight);
    if (found != FINDING_RAISED)
        return;
    if (!is_quiet(w, cell, o->time_ns)) {
        raise_alert(e, w, cell, o, evidence);
    } else {
        cell->told->repeats++;
        w->folded++;
        e->counters.folded++;
    }
}

static void watch_passing(struct engine *e, struct watch *w, const struct occurrence *o)
{
    struct cell *cell = cell_reach(w, o);
    if (was_told(cell, o->transaction) || is_quiet(w, cell, o->time_ns))
        return;
    if (w->detector->peek(&w->detection, cell_state(cell), o) == FINDING_RAISED) {
        struct evidence_list *evidence = add_evidence(e, w, o, w->detection.passing);
        raise_alert(e, w, cell, o, evidence);
    }
    w->detection.passing = 0;
}

int64_t engine_time_of(const struct transaction *t)
{
    const int64_t latest = INT64_MAX / 2;
    int64_t start = t->start_ns < 0 ? 0 : t->start_ns > latest ? latest : t->start_ns;
    if (!transaction_has(t, FIELD_EVENT_DURATION))
        return start;
    uint64_t left = (uint64_t)(latest - start);
    return start + (int64_t)(t->duration_ns < left ? t->duration_ns : left);
}

/* Whether transactions of the kind can be what a rule looks for beside those that count for it. */
static bool may_observe(const struct watch *w, const struct transaction *t)
{
    const struct rule *rule = w->detection.rule;
    const struct expression *of_marks = &rule->before.when, *of_detector = &rule->follows.when;
    unsigned from;
    return (w->marks &&
            expression_outlook(of_marks, t->present, t->action, &from) != OUTLOOK_NEVER) ||
           (w->detector->observe &&
            expression_outlook(of_detector, t->present, t->action, &from) != OUTLOOK_NEVER);
}

static void kind_learn(const struct engine *e, struct kind *k, const struct transaction *t)
{
    k->present = t->present;
    k->action = t->action;
    k->is_known = true;
    k->count = 0;
    for (size_t i = 0; i < e->rules_count; i++) {
        struct watch *w = e->watches[i];
        unsigned from = 0;
        enum outlook outlook =
            expression_outlook(&w->detection.rule->when, t->present, t->action, &from);
        bool is_open = outlook == OUTLOOK_OPEN;
        bool is_plain = !is_open && !w->marks && w->detection.rule->exceptions_count == 0;
        if (outlook != OUTLOOK_NEVER)
            k->candidates[k->count++] = (struct candidate){w, from, is_open, is_plain};
    }
    k->observers = 0;
    for (size_t i = 0; i < e->observers_count; i++) {
        if (e->observers[i]->marks)
            marks_begin(e->observers[i]->marks, engine_time_of(t));
        if (i < OBSERVERS_KNOWN)
            k->observers |= (uint64_t)may_observe(e->observers[i], t) << i;
    }
}

static const struct kind *kind_of(struct engine *e, const struct transaction *t)
{
    static const uint64_t odd1 = UINT64_C(0x9e3779b97f4a7c15), odd2 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t hash = hash_mix((uint64_t)t->present ^ e->config.seed, odd1);
    hash = hash_mix(hash ^ (uint64_t)(t->present >> 64) ^ (uint64_t)t->action << 56, odd2);
    struct kind *k = &e->kinds[hash % KINDS_COUNT];
    if (!k->is_known || k->present != t->present || k->action != t->action)
        kind_learn(e, k, t);
    return k;
}

static bool is_counted(struct engine *e, const struct candidate *c, const struct occurrence *o)
{
    struct watch *w = c->watch;
    if (o->is_passing && !w->detector->peek)
        return false;
    if (c->is_plain)
        return true;
    if (c->is_open && !expression_holds_from(&w->detection.rule->when, c->from, o->transaction))
        return false;
    return !is_excepted(e, w, o) && !is_preceded(w, o);
}

/* Asks for what the rule knows of the key ahead of its use: most states take three lines. */
static void prefetch(const struct watch *w)
{
    enum { LINE = 64 };
    const char *at = (const char *)cell_of(w, w->ring->now);
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + LINE, 1);
    __builtin_prefetch(at + (size_t)2 * LINE, 1);
}

/* Finds the rules that the transaction counts for, and its keys; returns how many. */
static size_t gather(struct engine *e, const struct kind *k, const struct occurrence *o)
{
    size_t counting = 0;
    for (size_t i = 0; i < e->rings_count; i++)
        e->rings[i]->now = NULL;
    for (size_t i = 0; i < k->count; i++) {
        struct watch *w = k->candidates[i].watch;
        if (!is_counted(e, &k->candidates[i], o))
            continue;
        if (!ring_reach(e, w->ring, o->transaction)) {
            e->counters.denied++;
            continue;
        }
        prefetch(w);
        if (w->tally)
            prefetch(w->tally);
        e->counting[counting++] = w;
    }
    return counting;
}

void engine_transaction(struct engine *e, const struct transaction *t)
{
    const struct occurrence o = {t, engine_time_of(t), false};
    e->counters.transactions++;
    const struct kind *k = kind_of(e, t);
    size_t counting = gather(e, k, &o);
    for (size_t i = 0; i < counting; i++)
        watch_count(e, e->counting[i], &o);
    take_marks(e, k, &o);
}

void engine_passing(struct engine *e, const struct transaction *t)
{
    const struct occurrence o = {t, engine_time_of(t), true};
    const struct kind *k = kind_of(e, t);
    size_t counting = gather(e, k, &o);
    for (size_t i = 0; i < counting; i++)
        watch_passing(e, e->counting[i], &o);
}

/* Drops a key's cells that do not matter any more, and the key where none is left. */
static void key_forget(const struct keyring *r, struct key *k, int64_t now_ns)
{
    const struct layout *l = r->layout;
    size_t left = 0;
    for (size_t i = 0; i < l->count; i++) {
        struct watch *w = l->places[i].watch;
        struct cell *cell = cell_of(w, k);
        if (cell->is_used && cell->last_ns < now_ns - w->keep_ns)
            keyring_drop(w, cell);
        left += cell->is_used;
    }
    if (left == 0)
        table_remove(l->keys, k);
}

static void ring_tick(struct keyring *r, int64_t now_ns, uint64_t sweep)
{
    const struct table *keys = r->layout->keys;
    struct key *k = table_oldest(keys);
    for (unsigned i = 0; i < TICK_KEYS_MAX && k && k->last_ns < now_ns - r->keep_ns; i++) {
        key_forget(r, k, now_ns);
        k = table_oldest(keys);
    }
    size_t numbers = table_numbers(keys);
    for (uint64_t i = 0; i < sweep && i < numbers; i++) {
        bool is_used;
        r->swept = r->swept + 1 < numbers ? r->swept + 1 : 0;
        k = table_at(keys, r->swept, &is_used);
        if (is_used)
            key_forget(r, k, now_ns);
    }
}

void engine_tick(struct engine *e, int64_t now_ns)
{
    uint64_t sweep = (e->counters.transactions - e->swept) / SWEEP_EVERY;
    e->swept += sweep * SWEEP_EVERY;
    for (size_t i = 0; i < e->rings_count; i++)
        ring_tick(e->rings[i], now_ns, sweep < TICK_KEYS_MAX ? sweep : TICK_KEYS_MAX);
}

/* Drops a key's cells of later times, and the key where none is left. */
static void key_forget_after(const struct keyring *r, struct key *k, int64_t latest_ns)
{
    const struct layout *l = r->layout;
    size_t left = 0;
    k->last_ns = INT64_MIN;
    for (size_t i = 0; i < l->count; i++) {
        struct cell *cell = cell_of(l->places[i].watch, k);
        if (cell->is_used && cell->last_ns > latest_ns)
            keyring_drop(l->places[i].watch, cell);
        else if (cell->is_used)
            k->last_ns = k->last_ns > cell->last_ns ? k->last_ns : cell->last_ns;
        left += cell->is_used;
    }
    if (left == 0)
        table_remove(l->keys, k);
}

void engine_forget_after(struct engine *e, int64_t latest_ns)
{
    for (size_t i = 0; i < e->rings_count; i++) {
        const struct keyring *r = e->rings[i];
        for (void *at = table_oldest(r->layout->keys), *next; at; at = next) {
            next = table_next(r->layout->keys, at);
            key_forget_after(r, at, latest_ns);
        }
    }
    for (size_t i = 0; i < e->watches_count; i++) {
        if (e->watches[i]->marks)
            marks_forget_after(e->watches[i]->marks, latest_ns);
    }
    for (size_t i = 0; i < KINDS_COUNT; i++)
        e->kinds[i].is_known = false; /* the next transaction may be the first one of marks */
}

struct engine_counters engine_counters(const struct engine *e)
{
    struct engine_counters c = e->counters;
    for (size_t i = 0; i < e->rules_count; i++) {
        const struct watch *w = e->watches[i];
        c.keys += w->cells;
        c.keys_evicted += w->evictions;
        c.values_forgotten += w->detection.forgotten;
    }
    c.undecided += rules_undecided(e->rules);
    c.bytes = e->budget.used;
    c.bytes_peak = e->budget.peak;
    return c;
}

bool engine_rule(const struct engine *e, size_t i, struct rule_counters *c)
{
    if (i >= e->rules_count)
        return false;
    const struct watch *w = e->watches[i];
    *c = (struct rule_counters){.rule = w->detection.rule,
                                .alerts = w->alerts,
                                .folded = w->folded,
                                .excepted = w->excepted};
    return true;
}
