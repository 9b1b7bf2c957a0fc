/*
 * Keys are found by a digest of 128 bits of their fields' values.  The engine knows no trigger: it
 * asks the rule's detector.  Which rules a transaction can count for is found out once for all
 * transactions with the same fields and action, its kind: most transactions are of a few kinds, and
 * most rules are not for most kinds.
 */
#include "rules/engine_state.h"

#include "core/hash.h"
#include "rules/text.h"

#include <stdlib.h>

enum {
    TICK_KEYS_MAX = 1024, /* forgotten at one tick, of one rule */
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
    for (size_t i = 0; i < e->watches_count; i++)
        watch_close(e->watches[i], e);
    free(e->watches);
    free(e->candidates);
    table_close(e->evidence);
    lasting_clear(&e->evidence_lasting);
    free(e);
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

bool engine_make_room(struct engine *e, const struct key *k)
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
        if (found == FINDING_DENIED && !engine_make_room(e, k))
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
    struct alert a = {.rule = w->detection.rule,
                      .time_ns = o->time_ns,
                      .repeats = k->repeats,
                      .is_passing = o->is_passing};
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
        if (w->detector->observe)
            w->detector->observe(&w->detection, o);
    }
}

/* The key that the transaction counts for; NULL without memory. */
static struct key *key_touch(struct engine *e, struct watch *w, const struct occurrence *o,
                             const struct digest *digest)
{
    bool is_new;
    struct key *k = table_touch(w->keys, digest, &is_new);
    if (!k) {
        e->counters.denied++;
        return NULL;
    }
    lasting_touch(&w->lasting, k, is_new);
    if (is_new)
        keep_texts(w, k, o->transaction);
    if (is_new || k->last_ns < o->time_ns)
        k->last_ns = o->time_ns;
    return k;
}

/* Whether an alert of that time is folded into the one before. */
static bool is_quiet(const struct watch *w, const struct key *k, int64_t time_ns)
{
    /* a quiet time of 0 folds nothing, not even what comes late */
    int64_t quiet_ns = w->detection.rule->quiet_ns;
    return k->has_alerted && quiet_ns > 0 && time_ns - k->alerted_ns < quiet_ns;
}

static bool was_told(const struct key *k, const struct transaction *t)
{
    return k->told_ns != 0 && k->told_ns == t->start_ns;
}

static struct evidence_list *add_evidence(struct engine *e, const struct watch *w,
                                          const struct digest *digest, const struct occurrence *o,
                                          uint64_t weight)
{
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

static void watch_count(struct engine *e, struct watch *w, const struct occurrence *o,
                        struct digests *known)
{
    if (is_excepted(e, w, o) || is_preceded(w, o))
        return;
    struct digest digest = digest_of(e, w, o->transaction, known);
    uint64_t weight = 0;
    struct key *k = key_touch(e, w, o, &digest);
    if (!k)
        return;
    enum finding found = count(e, w, k, o, &weight);
    if ((found != FINDING_NEAR && found != FINDING_RAISED) || was_told(k, o->transaction))
        return;
    struct evidence_list *evidence = add_evidence(e, w, &digest, o, weight);
    if (found != FINDING_RAISED)
        return;
    if (!is_quiet(w, k, o->time_ns)) {
        raise_alert(e, w, k, o, evidence);
    } else {
        k->repeats++;
        w->folded++;
        e->counters.folded++;
    }
}

static void watch_passing(struct engine *e, struct watch *w, const struct occurrence *o,
                          struct digests *known)
{
    const struct rule *rule = w->detection.rule;
    if (!w->detector->peek || is_preceded(w, o) ||
        exceptions_find(rule, o->transaction, o->time_ns) < rule->exceptions_count)
        return;
    struct digest digest = digest_of(e, w, o->transaction, known);
    struct key *k = key_touch(e, w, o, &digest);
    if (!k || was_told(k, o->transaction) || is_quiet(w, k, o->time_ns))
        return;
    if (w->detector->peek(&w->detection, state_of(w, k), o) == FINDING_RAISED) {
        struct evidence_list *evidence = add_evidence(e, w, &digest, o, w->detection.passing);
        raise_alert(e, w, k, o, evidence);
        k->told_ns = o->transaction->start_ns;
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
    static const uint64_t odd1 = UINT64_C(0x9e3779b97f4a7c15), odd2 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t hash = hash_mix((uint64_t)t->present ^ e->config.seed, odd1);
    hash = hash_mix(hash ^ (uint64_t)(t->present >> 64) ^ (uint64_t)t->action << 56, odd2);
    struct kind *k = &e->kinds[hash % KINDS_COUNT];
    if (!k->is_known || k->present != t->present || k->action != t->action)
        kind_learn(e, k, t);
    return k;
}

/* Shows the transaction to every rule that it can count for. */
static void show(struct engine *e, const struct occurrence *o,
                 void (*to)(struct engine *, struct watch *, const struct occurrence *,
                            struct digests *))
{
    const struct transaction *t = o->transaction;
    const struct kind *k = kind_of(e, t);
    struct digests known;
    memset(known.is_known, 0, sizeof(known.is_known));
    for (size_t i = 0; i < k->count; i++) {
        const struct candidate *c = &k->candidates[i];
        if (!c->is_open || expression_holds(&c->watch->detection.rule->when, t))
            to(e, c->watch, o, &known);
    }
}

void engine_transaction(struct engine *e, const struct transaction *t)
{
    const struct occurrence o = {t, engine_time_of(t), false};
    e->counters.transactions++;
    show(e, &o, watch_count);
    if (e->marks_count > 0)
        take_marks(e, &o);
}

void engine_passing(struct engine *e, const struct transaction *t)
{
    const struct occurrence o = {t, engine_time_of(t), true};
    show(e, &o, watch_passing);
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

void engine_forget_after(struct engine *e, int64_t latest_ns)
{
    for (size_t i = 0; i < e->watches_count; i++) {
        struct watch *w = e->watches[i];
        for (void *at = table_oldest(w->keys), *next; at; at = next) {
            const struct key *k = at;
            next = table_next(w->keys, at);
            if (k->last_ns > latest_ns)
                table_remove(w->keys, at);
        }
        if (w->marks)
            marks_forget_after(w->marks, latest_ns);
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
